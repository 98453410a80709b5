"""A straight line with normal priors: every posterior under normal errors is known exactly."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
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
                "line.idle",
                (Prior("uniform", 0, 1, 2),) * 2,
                shape=(2,),
                labels=("line.idle[CN-BJ]", "line.idle[CN-HE]"),
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


def line_model(run: Run, _: Priors | None) -> Posed:
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


def make_line_cube(folder: Path) -> Path:
    """line.nc with 4,096 kept draws; none.nc beside it keeps none."""
    from mc import pose
    from mc.run import make_cube

    for name in ("priors", "runs"):
        (folder / name).mkdir()
    (folder / "runs" / "line.toml").write_text(LINE_RUN, encoding="utf-8")
    (folder / "runs" / "none.toml").write_text(LINE_RUN.partition("[keep]")[0], encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERROCAST_CACHE", "off")
        patch.setitem(pose.MODELS, "line", line_model)
        make_cube(folder / "runs" / "none.toml")
        return make_cube(folder / "runs" / "line.toml")


def exact(years: list[int], values: list[float], covariance: np.ndarray, at: int) -> tuple[float, float]:
    """Posterior mean and sd of the path in a year under normal errors."""
    design = np.stack([np.ones(len(years)), np.array(years) - YEARS[0]], axis=1)
    precision = np.diag(SDS**-2.0) + design.T @ np.linalg.solve(covariance, design)
    gain = np.linalg.solve(covariance, np.array(values) - design @ MEANS)
    mean = MEANS + np.linalg.solve(precision, design.T @ gain)
    row = np.array([1.0, at - YEARS[0]])
    return float(row @ mean), float(np.sqrt(row @ np.linalg.solve(precision, row)))


def past_study() -> Study:
    """Years before the run: the line backwards, and what only the past has."""

    def before(_: Any, draw: dict[str, Array]) -> dict[str, Array]:
        years = jnp.arange(-4, 1, dtype=draw["line.level"].dtype)
        return {"path": draw["line.level"] + draw["line.slope"] * years, "own": draw["past.own"] + 0 * years}

    line = line_study(("low", "high")).inputs[:2]
    own = Input("past.own", (Prior("normal", -Z95, 0.0, Z95),))
    return Study(
        name="past",
        inputs=(*line, own),
        outputs=tuple(Output(name, "Mt year-1", ("year",), name) for name in ("path", "own")),
        coords={"year": tuple(range(2016, 2021))},
        data={},
        function=before,
    )
