"""A straight line with normal priors: every posterior under normal errors is known exactly."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.pose import Posed
from mc.runfile import Run
from mc.study import Input, Output, Prior, Study
from mc.tables import Priors

YEARS = tuple(range(2020, 2026))
MEANS, SDS = np.array([100.0, 1.0]), np.array([10.0, 2.0])
"""Of level and slope."""

Z95 = 1.6448536269514722


def line_function(data: Any, draw: dict[str, Array]) -> dict[str, Array]:
    """path[t] = level + slope t; shares of it by scenario and province; `far` fails no draw."""
    level, slope = draw["line.level"], draw["line.slope"]
    path = level + slope * jnp.arange(len(YEARS), dtype=level.dtype)
    return {
        "path": path,
        "end": path[-1],
        "part": data["share"][:, :, None] * path[None, None, :],
        "hidden": 2 * path,
        "far": level - 1e6,
    }


def line_study(scenarios: tuple[str, ...]) -> Study:
    ends = [(mean - Z95 * sd, mean, mean + Z95 * sd) for mean, sd in zip(MEANS, SDS, strict=True)]
    return Study(
        name="line",
        inputs=(
            Input("line.level", (Prior("normal", *ends[0]),), dimensions=(0,)),
            Input("line.slope", (Prior("normal", *ends[1]),), dimensions=(1,)),
            Input(
                "line.idle", (Prior("uniform", 0, 1, 2),) * 2, shape=(2,), labels=("line.idle[CN-BJ]", "line.idle[CN-HE]")
            ),
        ),
        outputs=(
            Output("path", "Mt year-1", ("year",), "a line"),
            Output("end", "Mt year-1", (), "its end"),
            Output("part", "Mt year-1", ("scenario", "province", "year"), "shares of the line"),
            Output("hidden", "Mt year-1", ("year",), "not kept"),
            Output("far", "1", (), "never", kind="fault"),
        ),
        coords={"scenario": scenarios, "province": ("CN-BJ", "CN-HE"), "year": YEARS},
        data={"share": np.array([[0.25, 0.75], [0.5, 0.5]])},
        function=line_function,
    )


def line_model(run: Run, priors: Priors | None) -> Posed:
    return Posed(line_study(tuple(run.scenarios)))


LINE_RUN = """\
title = "A line"
[model]
priors = "../priors"
metal = "line"
last_year = 2025
[scenarios.low]
policy = "autarky"
[scenarios.high]
policy = "market"
[ensemble]
draws = 4096
precision = "float64"
[keep]
outputs = ["path", "end", "part"]
"""


def exact(years: list[int], values: list[float], covariance: np.ndarray, at: int) -> tuple[float, float]:
    """Posterior mean and sd of the path in a year under normal errors."""
    design = np.stack([np.ones(len(years)), np.array(years) - YEARS[0]], axis=1)
    precision = np.diag(SDS**-2.0) + design.T @ np.linalg.solve(covariance, design)
    gain = np.linalg.solve(covariance, np.array(values) - design @ MEANS)
    mean = MEANS + np.linalg.solve(precision, design.T @ gain)
    row = np.array([1.0, at - YEARS[0]])
    return float(row @ mean), float(np.sqrt(row @ np.linalg.solve(precision, row)))
