"""Attributes of variables and coordinates after CF-1.12."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mc.axes import DRAW, SCENARIO, YEAR
from mc.cube.group import Variable
from mc.cube.names import AT_MEAN, DISPLAY_UNIT, MEAN, SD, STATISTIC
from mc.cube.units import cf_unit, people_unit

LONG_NAMES = {
    SCENARIO: "scenario; all scenarios share their draws",
    STATISTIC: f"{MEAN}, {SD} (standard deviation), pNN (percentile) over the draws; {AT_MEAN}: one run with every "
    "input at its mean",
    YEAR: "calendar year",
    DRAW: "index of the draw",
    "name_en": "name in English",
    "name_zh": "name in Chinese",
}

_MASS = re.compile(r"[kMG]?t(CO2|ce)?(/person)?")


def unit_attributes(unit: str, name: str = "") -> dict[str, str]:
    """`units` for programs, `display_unit` for people, `quantity` where a substance or a currency is meant.

    A tonne of CO2 is a tonne to the model; the name of the output (`co2_captured`) says so.
    """
    units, quantity = cf_unit(unit)
    if not quantity and units != "1" and "co2" in name.split("_"):
        quantity = "CO2"
    return {"units": units, DISPLAY_UNIT: people_unit(unit)} | ({"quantity": quantity} if quantity else {})


def cell_methods(unit: str, dims: Sequence[str], over_draws: str) -> str:
    """How a value stands for its year (amounts at its end, rates and ratios as its mean) and for the draws."""
    within = "" if YEAR not in dims else "year: point " if _MASS.fullmatch(people_unit(unit)) else "year: mean "
    return f"{within}realization: {over_draws}"


def coordinates(
    dims: Sequence[str], labels: Mapping[str, Sequence[str | int | float]], notes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Variable]:
    """Coordinates of some dims: labels, names in other languages, bounds of years."""
    found: dict[str, Variable] = {}
    for dim in dims:
        values = np.asarray(labels[dim])
        found[dim] = Variable(
            (dim,), values.astype(np.int32) if values.dtype.kind == "i" else values, {"long_name": _long_name(dim)}
        )
        for column, texts in notes.get(dim, {}).items():
            name = column if column.startswith("name_") and dim == "province" else f"{dim}_{column}"
            found[name] = Variable((dim,), np.asarray(texts), {"long_name": f"{_long_name(column)} of the {dim}"})
        if dim == YEAR:
            found[dim].attrs.update({"units": "year", "bounds": "year_bounds"})
            bounds = np.stack([values, values + 1], axis=1).astype(np.int32)
            found["year_bounds"] = Variable((dim, "bnds"), bounds)
    return found


def _long_name(name: str) -> str:
    return LONG_NAMES.get(name, name.replace("_", " "))
