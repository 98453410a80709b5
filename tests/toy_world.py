"""A study of two scenarios, three provinces and three years whose statistics are known in closed form."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.pose import Posed
from mc.runfile import Run
from mc.study import Input, Output, Prior, Study
from mc.tables import Priors

YEARS = (2020, 2030, 2040)
PROVINCES = ("CN-BJ", "CN-HE", "CN-XJ")
GROWTH = Prior("uniform", 0.0, 0.5, 1.0)
LEVEL = Prior("uniform", 10.0, 15.0, 20.0)


def toy_function(data: Any, draw: dict[str, Array]) -> dict[str, Array]:
    """co2[s, p, t] = weight_p (level + growth t) factor_s; the fault fires above `data["limit"]`."""
    years = jnp.arange(3, dtype=draw["macro.growth"].dtype)
    path = draw["macro.level"] + draw["macro.growth"] * years
    by_province = data["weight"][None, :, None] * path[None, None, :] * data["factor"][:, None, None]
    return {
        "co2_by_province": by_province,
        "co2": by_province.sum(axis=1),
        "peak_year": jnp.full(2, 2020.0, path.dtype) + 20 * draw["macro.growth"],
        "residual": draw["macro.level"] * 0,
        "too_hot": draw["macro.growth"] - data["limit"],
    }


def toy_study(scenarios: tuple[str, ...], limit: float = 2.0) -> Study:
    return Study(
        name="toy",
        inputs=(
            Input("macro.growth", (GROWTH,), dimensions=(0,)),
            Input("macro.level", (LEVEL,), dimensions=(1,)),
            Input("macro.idle", (LEVEL, LEVEL), shape=(2,), labels=("macro.idle[a]", "macro.idle[b]")),
        ),
        outputs=(
            Output("co2_by_province", "MtCO2/year", ("scenario", "province", "year"), "direct CO2 by province"),
            Output("co2", "MtCO2/year", ("scenario", "year"), "direct CO2"),
            Output("peak_year", "year", ("scenario",), "year of the peak"),
            Output("residual", "1", (), "what is left over", kind="diagnostic"),
            Output("too_hot", "1", (), "growth beyond the limit", kind="fault"),
        ),
        coords={"scenario": scenarios, "province": PROVINCES, "year": YEARS},
        data={
            "weight": np.array([1.0, 2.0, 3.0]),
            "factor": np.linspace(1.0, 2.0, len(scenarios)),
            "limit": np.array(limit),
        },
        function=toy_function,
    )


def toy_model(run: Run, priors: Priors | None) -> Posed:
    assert priors is None
    study = toy_study(tuple(run.scenarios), limit=0.5 if run.options.hydrogen == "bought" else 2.0)
    notes = {"province": {"name_en": ("Beijing", "Hebei", "Xinjiang"), "name_zh": ("北京", "河北", "新疆")}}
    return Posed(study, notes=notes)


TOY_RUN = """\
title = "A toy"
[model]
priors = "../priors"
metal = "toy"
[scenarios.low]
policy = "autarky"
[scenarios.high]
policy = "market"
[ensemble]
draws = 256
[statistics]
differences = ["co2*"]
reference = "low"
[exceedance.late]
output = "peak_year"
above = 2035.0
"""
