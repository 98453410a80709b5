"""Shares of the variance of some cells of the model from SALib, for the runs it asks for; called by `variance_shares`.

python -m peers.with_salib DESIGNS CELLS COPIES OUT.npz
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from model.in_numpy import in_batches
from model.tables import ROWS, constants, from_uniforms
from SALib.analyze import sobol as analysis
from SALib.sample import sobol as sampling

PROBLEM = {"num_vars": len(ROWS), "names": [row.name for row in ROWS], "bounds": [[0.0, 1.0]] * len(ROWS)}
LEAST = 2.0**-24
"""A net may hold 0, of which a normal has no quantile."""


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and its CPU seconds."""
    begin = time.process_time()
    found = call()
    return found, time.process_time() - begin


def answer(
    designs: int, chosen: np.ndarray, copies: int, *, second: bool
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Shares with half widths of their 95 % intervals, and CPU seconds; `second` order too is SALib's default."""
    points, sample_s = timed(lambda: sampling.sample(PROBLEM, designs, calc_second_order=second, seed=1))
    draws = from_uniforms(np.clip(points, LEAST, 1 - LEAST))
    outputs, model_s = timed(lambda: in_batches(constants(copies), draws)["co2_by_province"])
    cells = outputs.reshape(len(points), -1)
    found, analyse_s = timed(
        lambda: [analysis.analyze(PROBLEM, cells[:, cell], calc_second_order=second, seed=1) for cell in chosen]
    )
    names = {"first": "S1", "total": "ST", "first_half_width": "S1_conf", "total_half_width": "ST_conf"}
    shares = {name: np.stack([one[key] for one in found], axis=1) for name, key in names.items()}
    seconds = {"runs": len(points), "cells": cells.shape[1], "sample_s": sample_s, "model_s": model_s}
    return shares, seconds | {"analyse_s_a_cell": analyse_s / len(chosen)}


def main(designs: str, cells: str, copies: str, file: str) -> None:
    """Write shares of cells spread over all (driver, cell), print seconds with and without second order."""
    warnings.simplefilter("ignore")
    count = len(constants(int(copies))["demand"]) * len(constants()["year"])
    # The first cells are those of the base year, in which less varies.
    chosen = np.linspace(count // 50, count - 1, int(cells)).astype(int)
    shares, default = answer(int(designs), chosen, int(copies), second=True)
    _, lean = answer(int(designs), chosen, int(copies), second=False)
    np.savez(file, chosen=chosen, **shares)
    print(json.dumps({"default": default, "lean": lean}))


if __name__ == "__main__":
    main(*sys.argv[1:])
