"""Rows of a table bound to the kept draws of a cube: one path over the years for each series and element."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mc.axes import DRAW, YEAR
from mc.cube.names import DISPLAY_UNIT, DRAWS
from mc.cube.read import open_cube
from mc.errors import InputError
from mc.posterior.kept import Bound, Floats, History, KeptDraws
from mc.study import Output, Study
from mc.tables.cells import Record, Sheet
from mc.tables.errors import PriorsError, Problem, did_you_mean
from mc.tables.observed import observations


def read_kept(cube: Path, wanted: Sequence[str] = ()) -> KeptDraws:
    """The kept draws of a cube; `wanted` are outputs that the remedy names where it keeps none.

    Raises:
        InputError: no cube, or one without kept draws, or with draws in designs, which are not independent.
    """
    root = open_cube(cube)
    try:
        draws = open_cube(cube, DRAWS)
    except InputError:
        names = [name for name in wanted if name in root.data_vars]
        raise InputError(f"{cube}: keeps no draws; {keep_line(names or ['crude_steel'])}") from None
    if "scramblings" not in root.attrs:
        raise InputError(f"{cube}: is not the cube of a run: it does not say how many scramblings there are")
    if json.loads(root.attrs.get("run", "{}")).get("sensitivity", {}).get("drivers"):
        raise InputError(
            f"{cube}: its draws come in designs that tell drivers apart, and are not independent; keep draws of a run "
            "without [sensitivity]"
        )
    return KeptDraws(cube, root, draws)


def keep_line(names: Sequence[str]) -> str:
    """The remedy for outputs that were not kept."""
    listed = ", ".join(f'"{name}"' for name in dict.fromkeys(names))
    return f"add to its run file, and run again: [keep] outputs = [{listed}]"


def bind_rows(sheet: Sheet, path: str, kept: KeptDraws, history: History | None = None) -> Bound:
    """Rows of a table, each bound to a kept output by its columns, or to the past of the draws by its year.

    Raises:
        PriorsError: with every mistake, by line.
    """
    problems: list[Problem] = []
    paths: dict[str, _Path] = {}
    records = []
    for record in sheet.records:
        found = _past(record, kept, history) or _chosen(record, kept, problems)
        if found is None:
            continue
        known = paths.get(found.name)
        paths[found.name] = found if known is None else known.joined(found)
        cells = record.cells | dict.fromkeys(selecting(kept), "") | {"series": found.name}
        records.append(dataclasses.replace(record, cells=cells))
    study = Study(
        name="kept draws",
        inputs=(),
        outputs=tuple(Output(p.name, p.unit, (f"{p.name} {YEAR}",) if p.years else (), p.name) for p in paths.values())
        or (Output("none", "1", (), "no series"),),
        coords={f"{p.name} {YEAR}": p.years for p in paths.values()},
        data=None,
        function=lambda *_: {},
    )
    whole = sheet.whole and not problems
    rows = observations(Sheet(tuple(records), whole), path, study, problems)
    if problems:
        raise PriorsError(problems)
    return Bound(study, {p.name: p.values for p in paths.values()}, rows)


@dataclass(frozen=True, eq=False)
class _Path:
    """One element of an output over the years; a scalar has no years and one value a draw."""

    name: str
    unit: str
    years: tuple[int, ...]
    values: Floats

    def joined(self, other: "_Path") -> "_Path":
        """Both parts of a path that history and a run share."""
        if other.years == self.years:
            return self
        first, second = sorted((self, other), key=lambda part: part.years)
        return dataclasses.replace(
            first, years=first.years + second.years, values=np.concatenate([first.values, second.values], axis=1)
        )


def first_year(kept: KeptDraws) -> int:
    """First year of the run."""
    return int(kept.root[YEAR].values[0]) if YEAR in kept.root.coords else 0


def in_the_past(record: Record, kept: KeptDraws) -> bool:
    """Whether a row speaks of a year before the run."""
    return record["year"].isdecimal() and int(record["year"]) < first_year(kept)


def of_history(record: Record, kept: KeptDraws) -> bool:
    """Whether history has to answer a row: a year before the run, or its first year of what was not kept."""
    year = record["year"]
    return in_the_past(record, kept) or (year == str(first_year(kept)) and record["series"] not in kept.outputs)


def _past(record: Record, kept: KeptDraws, history: History | None) -> _Path | None:
    name = record["series"]
    if history is None or name not in history.outputs or not of_history(record, kept):
        return None
    last = first_year(kept) - (name in kept.outputs)
    before = [k for k, year in enumerate(history.years) if year <= last]
    years = tuple(history.years[k] for k in before)
    return _Path(name, history.units[name], years, history.outputs[name][:, before])


def _chosen(record: Record, kept: KeptDraws, problems: list[Problem]) -> _Path | None:
    """The element of a kept output that a row names."""
    name = record["series"]
    if name not in kept.outputs:
        known = [str(other) for other in kept.root.data_vars if not str(other).endswith("_mcse")]
        if name in known:
            problems.append(record.problem(f"{name} was not kept", keep_line([*kept.outputs, name])))
        else:
            problems.append(record.problem(f"unknown series {name!r}", did_you_mean(name, [*kept.outputs, *known])))
        return None
    array = kept.draws[name]
    axes = [str(dim) for dim in array.dims if dim not in (DRAW, YEAR)]
    labels = {axis: _label(record, name, axis, [str(v) for v in array[axis].values], problems) for axis in axes}
    for column in selecting(kept):
        if record[column] and column not in axes:
            problems.append(record.problem(f"{name} has no axis {column}", f"leave {column} empty"))
    if not all(labels.values()):
        return None
    for axis, label in labels.items():
        array = array.isel({axis: [str(v) for v in array[axis].values].index(str(label))})
    parts = [str(label) for axis, label in labels.items() if kept.draws.sizes[axis] > 1]
    years = tuple(int(year) for year in array[YEAR].values) if YEAR in array.dims else ()
    unit = str(array.attrs.get(DISPLAY_UNIT, array.attrs.get("units", "1")))
    values = np.asarray(array.values, np.float64).reshape(array.sizes[DRAW], max(len(years), 1))
    return _Path(f"{name}[{','.join(parts)}]" if parts else name, unit, years, values)


def _label(record: Record, name: str, axis: str, known: list[str], problems: list[Problem]) -> str | None:
    if not record[axis] and len(known) == 1:
        return known[0]
    if record[axis] in known:
        return record[axis]
    if not record[axis]:
        shown = ", ".join(known[:6]) + (", ..." if len(known) > 6 else "")
        problems.append(record.problem(f"no {axis} for {name}", f"name one in a column {axis}: {shown}"))
    else:
        problems.append(record.problem(f"{axis} {record[axis]!r} of {name}", did_you_mean(record[axis], known)))
    return None


def selecting(kept: KeptDraws) -> list[str]:
    """Columns that a table may have to choose an element: the axes of the kept outputs."""
    dims: dict[str, Any] = {str(dim): None for name in kept.outputs for dim in kept.draws[name].dims}
    return [dim for dim in dims if dim not in (DRAW, YEAR)]
