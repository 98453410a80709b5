"""How long do shares of the variance of all 1,148 cells take, beside SALib's defaults, and how well are they known?

The benchmark model with each of its 4 provinces seven times: 28 provinces x 41 years, 20 inputs, each a driver. Ours is
the whole run: draws, model, statistics, standard errors. SALib gets the model in vectorised NumPy and as many runs of
it; its analysis, 100 resamples a cell for intervals, is timed on some cells and taken times all. `lean` leaves second
order out, with which SALib needs half the runs. CPU seconds on one core, ours after compilation.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from measuring import on_one_core, report
from model.study import study
from peers.environments import Absent

from mc.designs import step_of
from mc.drivers import Driver
from mc.ensemble import Settings, run_ensemble
from mc.summary import Summary, finish

BENCHMARKS = Path(__file__).parent
COPIES, SCRAMBLINGS = 7, 16
OUTPUT = "co2_by_province"
ROUNDS = 3


def ours(designs: int) -> tuple[Summary, float, float]:
    """Shares of every cell, CPU seconds once compiled, and those of compiling."""
    asked = study(COPIES)
    drivers = tuple(Driver(item.name, (item.name,)) for item in asked.inputs)
    step = step_of(SCRAMBLINGS, len(drivers))
    settings = Settings(
        draws=designs // SCRAMBLINGS * step,
        block=step,
        scramblings=SCRAMBLINGS,
        quantiles=(),
        drivers=drivers,
        variance_shares=(OUTPUT,),
    )
    spent = []
    for _ in range(1 + ROUNDS):
        begin = time.process_time()
        summary = finish(asked, settings, run_ensemble(asked, settings, devices=jax.devices()[:1]))
        spent.append(time.process_time() - begin)
    seconds = statistics.median(spent[1:])
    return summary, seconds, spent[0] - seconds


def of_salib(designs: int, cells: int) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
    """Its shares of some cells and its seconds; Absent where it cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "shares.npz")
        command = [sys.executable, "-m", "peers.with_salib", str(designs), str(cells), str(COPIES), file]
        environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=BENCHMARKS, check=False)
        if done.returncode:
            raise Absent((done.stderr.strip().splitlines() or ["no word why"])[-1])
        return dict(np.load(file)), json.loads(done.stdout)


def whole(seconds: dict[str, Any]) -> float:
    """CPU seconds of SALib for all cells."""
    return float(seconds["sample_s"] + seconds["model_s"] + seconds["cells"] * seconds["analyse_s_a_cell"])


def main() -> None:
    """Print a line."""
    quick = "--quick" in sys.argv
    designs, cells = (1024, 4) if quick else (4096, 16)
    on_one_core()
    summary, seconds, compiling = ours(designs)
    item, factor = summary.series[OUTPUT], summary.interval_factor(0.95)
    figures: dict[str, Any] = {
        "designs": designs,
        "drivers": len(item.value["first"]),
        "cells": int(np.prod(item.value["first"].shape[1:])),
        "runs": summary.done,
        "cpu_s": seconds,
        "compile_cpu_s": compiling,
    }
    try:
        theirs, spent = of_salib(designs, cells)
    except Absent as reason:
        report("variance shares against SALib", **figures, absent=str(reason))
        return
    for name in ("first", "total"):
        mine, error = (
            part[name].reshape(figures["drivers"], -1)[:, theirs["chosen"]] for part in (item.value, item.mcse)
        )
        width, their_width = factor * error, theirs[f"{name}_half_width"]
        both = np.where(width > 0, np.hypot(width, their_width), np.nan)  # some inputs move nothing in some years
        figures |= {
            f"{name}_half_width": float(np.median(width)),
            f"salib_{name}_half_width": float(np.median(their_width)),
            f"{name}_off_over_widths": float(np.nanmedian(np.abs(mine - theirs[name]) / both)),
        }
    figures |= {f"salib_{name}": value for name, value in spent["default"].items() if name.endswith("_s")}
    figures |= {
        "salib_analyse_s_a_cell": spent["default"]["analyse_s_a_cell"],
        "salib_cpu_s": whole(spent["default"]),
        "salib_over": whole(spent["default"]) / seconds,
        "salib_lean_cpu_s": whole(spent["lean"]),
        "salib_lean_over": whole(spent["lean"]) / seconds,
    }
    report("variance shares against SALib", **figures)


if __name__ == "__main__":
    main()
