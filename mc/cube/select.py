"""Parts of a cube by output, province, year and scenario, as plain records."""

import math
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import xarray as xr

from mc.axes import PROVINCE, SCENARIO, YEAR
from mc.cube.names import BELIEF, DISPLAY_UNIT, MCSE, STATISTIC
from mc.errors import InputError
from mc.runfile.load import suggestion

PROBABILITY = "probability"
YEAR_STEP = 10
"""Years of an output that is shown without a choice of years."""

Record = dict[str, Any]


def outputs_of(dataset: xr.Dataset) -> list[str]:
    """Variables that hold results: those with a variable of standard errors beside them."""
    return [str(name) for name in dataset.data_vars if f"{name}{MCSE}" in dataset.data_vars]


def table_of_contents(dataset: xr.Dataset) -> list[Record]:
    """Every output with unit, axes, statistics and meaning."""
    return [
        {
            "output": name,
            "unit": _unit(dataset[name]),
            "axes": [str(dim) for dim in dataset[name].dims if dim != STATISTIC],
            "statistics": str(dataset[name].attrs.get("statistics", PROBABILITY)).split(),
            "meaning": str(dataset[name].attrs.get("long_name", "")),
        }
        for name in outputs_of(dataset)
    ]


def rows(
    dataset: xr.Dataset,
    patterns: Sequence[str],
    provinces: Sequence[str],
    years: Sequence[str],
    scenarios: Sequence[str],
) -> list[Record]:
    """Records with the labels of an element, its unit, its statistics and their errors.

    Without patterns: national outputs of one scenario (or, with provinces, the provincial ones), first and last year.
    """
    names = _outputs(dataset, patterns, bool(provinces))
    found = []
    for name in names:
        part = dataset[[name, name + MCSE]]
        part = _pick(part, SCENARIO, _scenarios(dataset, scenarios, first_only=not patterns), bool(scenarios), name)
        part = _pick(part, PROVINCE, _provinces(dataset, provinces), bool(provinces), name)
        part = _pick(part, YEAR, _years(dataset, years, ends_only=not patterns), bool(years), name)
        found += _records(name, part)
    return found


def _outputs(dataset: xr.Dataset, patterns: Sequence[str], by_province: bool) -> list[str]:
    known = outputs_of(dataset)
    if not patterns:
        allowed = {STATISTIC, BELIEF, SCENARIO, YEAR} | ({PROVINCE} if by_province else set())
        fitting = [name for name in known if (PROVINCE in dataset[name].dims) == by_province]
        # A cube of chosen years has no output along all years: then whatever it has.
        return [name for name in fitting if set(dataset[name].dims) <= allowed] or fitting
    chosen: list[str] = []
    for pattern in patterns:
        fitting = [name for name in known if fnmatchcase(name, pattern)]
        if not fitting:
            raise InputError(
                f"--output {pattern!r}: no such output{suggestion(pattern, known) or '; --list shows all'}"
            )
        chosen += fitting
    return list(dict.fromkeys(chosen))


def _scenarios(dataset: xr.Dataset, asked: Sequence[str], *, first_only: bool) -> list[Any] | None:
    if SCENARIO not in dataset.coords:
        return None
    known = [str(label) for label in dataset[SCENARIO].values]
    for name in asked:
        if name not in known:
            raise InputError(f"--scenario {name!r}: no such scenario; there are: {', '.join(known)}")
    # The reference less itself is nothing to show.
    others = [name for name in known if name != dataset.attrs.get("reference")] or known
    return list(asked) or (others[:1] if first_only else None)


def _provinces(dataset: xr.Dataset, asked: Sequence[str]) -> list[Any] | None:
    """Codes of provinces given by code or by name."""
    if not asked or PROVINCE not in dataset.coords:
        return None
    codes = [str(code) for code in dataset[PROVINCE].values]
    by_name = {code.lower(): code for code in codes} | {code.lower().removeprefix("cn-"): code for code in codes}
    for column in ("name_en", "name_zh"):
        if column in dataset.coords:
            by_name |= {str(name).lower(): code for name, code in zip(dataset[column].values, codes, strict=True)}
    found = []
    for word in asked:
        if word.lower() not in by_name:
            raise InputError(f"--province {word!r}: no such province{suggestion(word.lower(), by_name)}")
        found.append(by_name[word.lower()])
    return found


def _years(dataset: xr.Dataset, asked: Iterable[str], *, ends_only: bool) -> list[Any] | None:
    if YEAR not in dataset.coords:
        return None
    known = [int(year) for year in dataset[YEAR].values]
    chosen: list[int] = []
    for text in asked:
        match = re.fullmatch(r"(\d{4})(?::(\d{4}))?", text)
        if match is None:
            raise InputError(f"--year {text!r}: write a year (2030) or years (2025:2035)")
        first, last = int(match[1]), int(match[2] or match[1])
        within = [year for year in known if first <= year <= last]
        if not within:
            raise InputError(f"--year {text!r}: the cube has {known[0]} to {known[-1]}")
        chosen += within
    if chosen:
        return list(dict.fromkeys(chosen))
    if ends_only:
        return list(dict.fromkeys((known[0], known[-1])))
    return [year for year in known if year % YEAR_STEP == 0] or known


def _pick(part: xr.Dataset, dim: str, labels: list[Any] | None, asked: bool, name: str) -> xr.Dataset:
    if labels is None:
        return part
    if dim not in part.dims:
        if asked and dim == PROVINCE:
            raise InputError(f"--{dim}: {name} has no axis {dim}; --list shows the axes")
        return part
    return part.sel({dim: labels})


def _records(name: str, part: xr.Dataset) -> list[Record]:
    values, errors = part[name], part[name + MCSE]
    dims = [str(dim) for dim in values.dims if dim != STATISTIC]
    columns = [(dim, axis, part[dim].values.tolist()) for axis, dim in enumerate(dims)]
    if "name_en" in part.coords and PROVINCE in dims:
        after = dims.index(PROVINCE)
        columns.insert(after + 1, ("name", after, part["name_en"].values.tolist()))
    places = _places(values)
    found = []
    for at in np.ndindex(*(values.sizes[dim] for dim in dims)):
        found.append(
            {"output": name}
            | {column: labels[at[axis]] for column, axis, labels in columns}
            | {
                "unit": _unit(values),
                "statistics": {label: _finite(values.values[(*place, *at)]) for label, place in places.items()},
                "errors": {label: _finite(errors.values[(*place, *at)]) for label, place in places.items()},
            }
        )
    return found


def _places(values: xr.DataArray) -> dict[str, tuple[int, ...]]:
    """Where along the leading axis each statistic lies; a probability has no such axis."""
    if STATISTIC not in values.dims:
        return {PROBABILITY: ()}
    known = [str(label) for label in values[STATISTIC].values]
    return {label: (known.index(label),) for label in str(values.attrs["statistics"]).split()}


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _unit(array: xr.DataArray) -> str:
    return str(array.attrs.get(DISPLAY_UNIT, array.attrs.get("units", "")))
