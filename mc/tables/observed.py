"""What has been observed: one row a number; and what a run does with the rows."""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from mc.errors import InputError
from mc.posterior.observed import NO_YEAR, Observation
from mc.study import Output, Study
from mc.tables.cells import Record, Sheet, read_sheet
from mc.tables.errors import PriorsError, Problem, did_you_mean
from mc.tables.rows import number
from mc.units import UnitError, factor

COLUMNS: Final = ("series", "year", "value", "unit", "error", "sd", "group", "role", "weight", "source")
OPTIONAL: Final = ("boundary", "note")
ERRORS: Final = ("lognormal", "normal")
ROLES: Final = ("fit", "hold_out", "off")


def read_observed(file: Path, study: Study, sources: Collection[str] = ()) -> tuple[Observation, ...]:
    """The rows of a table of observations; without `sources` their keys are not looked up.

    A column by the name of an axis, such as province, chooses the element of an output that has this axis.

    Raises:
        PriorsError: with every mistake, by line.
    """
    problems: list[Problem] = []
    axes = {axis for output in study.outputs for axis in output.dims[:-1]}
    found = observations(read_sheet(file, COLUMNS, (*OPTIONAL, *axes), problems), str(file), study, problems, sources)
    if problems:
        raise PriorsError(problems)
    return found


def observations(
    sheet: Sheet, path: str, study: Study, problems: list[Problem], sources: Collection[str] = ()
) -> tuple[Observation, ...]:
    """The rows of a sheet whose series are outputs of the study; mistakes are noted."""
    outputs = {output.name: output for output in study.outputs}
    rows = [_read(record, study, outputs, sources, problems) for record in sheet.records]
    found = tuple(row for row in rows if row is not None)
    if sheet.whole and not sheet.records and not problems:
        problems.append(Problem(path, 1, "no observation", "add rows under the header, or leave the table out"))
    problems += repeated({path: found})
    return found


def repeated(tables: Mapping[str, Sequence[Observation]]) -> list[Problem]:
    """Numbers that stand twice, in one of the tables or in two: they would count twice."""
    seen: dict[tuple[object, ...], str] = {}
    problems = []
    for path, rows in tables.items():
        for row in rows:
            key = (row.series, row.element, row.year, row.group, row.source)
            if key in seen:
                what = f"{row.label} of {row.source} stands in {seen[key]} too, and would count twice"
                problems.append(Problem(path, row.line, what, "keep one"))
            seen.setdefault(key, f"{path}:{row.line}")
    return problems


def _read(
    record: Record, study: Study, outputs: Mapping[str, Output], sources: Collection[str], problems: list[Problem]
) -> Observation | None:
    before = len(problems)
    output = outputs.get(record["series"])
    if output is None:
        what = f"unknown series {record['series']!r}"
        problems.append(record.problem(what, did_you_mean(record["series"], list(outputs))))
    scale = _scale(record, output, problems)
    year, element = _year(record, study, output, problems), _element(record, study, output, problems)
    value, sd = number(record, "value", problems), number(record, "sd", problems)
    relative = record["error"] != "normal"
    _check_words(record, sources, problems)
    if math.isnan(value) and not record["value"]:
        problems.append(record.problem("no value", "write the number, or set the role of the row to off"))
    if relative and value <= 0:
        problems.append(record.problem(f"value {value:g} under a lognormal error", "make it positive, or error normal"))
    if not sd > 0:
        problems.append(record.problem(f"sd {record['sd']!r}", "give a standard deviation above 0"))
    elif relative and sd > 2:
        problems.append(record.problem(f"sd {sd:g} of a logarithm", "give it as a share: 0.05 is 5 %"))
    weight = number(record, "weight", problems) if record["weight"] else 1.0
    if not 0 < weight <= 1:
        problems.append(
            record.problem(f"weight {record['weight']!r}", "give a share above 0, 1 at most; role off is 0")
        )
    if len(problems) > before:
        return None
    return Observation(
        series=record["series"],
        year=year,
        value=value * scale,
        relative=relative,
        sd=sd if relative else sd * scale,
        group=record["group"],
        role=record["role"],
        weight=weight,
        boundary=record["boundary"],
        source=record["source"],
        note=record["note"],
        line=record.line,
        element=element,
    )


def _check_words(record: Record, sources: Collection[str], problems: list[Problem]) -> None:
    for column, known in (("error", ERRORS), ("role", ROLES)):
        if record[column] not in known:
            problems.append(record.problem(f"{column} {record[column]!r}", did_you_mean(record[column], known)))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", record["group"]):
        remedy = "name what strays together: letters, digits, '_' and '-'"
        problems.append(record.problem(f"group {record['group']!r}", remedy))
    if not record["source"]:
        problems.append(record.problem("missing source", "name a key of sources.bib"))
    elif sources and record["source"] not in sources:
        what = f"source {record['source']!r} is not in sources.bib"
        problems.append(record.problem(what, did_you_mean(record["source"], sources)))


def _scale(record: Record, output: Output | None, problems: list[Problem]) -> float:
    if output is None:
        return 1.0
    try:
        return factor(record["unit"], plain_unit(output.unit))
    except UnitError as error:
        problems.append(record.problem(f"{error.what} of {record['series']}", error.remedy))
        return 1.0


def plain_unit(unit: str) -> str:
    """A unit of the register of outputs as tables write it: "Mt year-1" is Mt/year."""
    parts = [re.fullmatch(r"(.*?[A-Za-z%])(-[1-9])?|1", part) for part in unit.split()]
    above = [part[1] or "1" for part in parts if part and not part[2]]
    below = ["/" + "/".join([part[1]] * int(part[2][1:])) for part in parts if part and part[2]]
    return "*".join(above or ["1"]) + "".join(below)


def _year(record: Record, study: Study, output: Output | None, problems: list[Problem]) -> int:
    text = record["year"]
    if output is None:
        return NO_YEAR
    labels = study.coords[output.dims[-1]] if output.dims else ()
    if not labels and not text:
        return NO_YEAR
    if not re.fullmatch(r"\d{1,4}", text) or int(text) not in labels:
        known = f"{labels[0]} to {labels[-1]}" if labels else "empty: it has no axis"
        problems.append(record.problem(f"year {text!r} of {output.name}", f"known years are {known}"))
        return NO_YEAR
    return int(text)


def _element(record: Record, study: Study, output: Output | None, problems: list[Problem]) -> tuple[str, ...]:
    """Labels on the axes of the output before the last."""
    if output is None:
        return ()
    axes = output.dims[:-1]
    every = {axis for other in study.outputs for axis in other.dims[:-1]}
    for axis in sorted(every - set(axes)):
        if record[axis]:
            problems.append(record.problem(f"{output.name} has no axis {axis}", f"leave {axis} empty"))
    for axis in axes:
        known = [str(label) for label in study.coords[axis]]
        if record[axis] not in known:
            what = f"{axis} {record[axis]!r} of {output.name}"
            problems.append(record.problem(what, did_you_mean(record[axis], known)))
    return tuple(record[axis] for axis in axes)


@dataclass(frozen=True)
class Choice:
    """What a run does with the rows of a table.

    Attributes:
        off: series, groups or sources that are left out.
        hold_out: series, groups or sources that are scored, not fitted.
        hold_out_after: last year that is fitted.
        weights: weight of a series, group or source.
        regroup: group by group that it is counted to instead.
    """

    off: tuple[str, ...] = ()
    hold_out: tuple[str, ...] = ()
    hold_out_after: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    regroup: Mapping[str, str] = field(default_factory=dict)


def chosen(rows: tuple[Observation, ...], choice: Choice, strays: Collection[str] = ()) -> tuple[Observation, ...]:
    """Rows with the roles, weights and groups that a run gives them; those that are off are left out.

    Args:
        rows: of the tables.
        choice: of the run.
        strays: groups that the table of errors knows, beside those of the rows.

    Raises:
        InputError: with every name that would change nothing, or nothing is left to fit.
    """
    wrong = [*_unmet(rows, choice), *_no_groups(rows, choice, strays)]
    kept = [_treated(row, choice) for row in rows]
    kept = [row for row in kept if row.role != "off"]
    if not wrong and not any(row.role == "fit" for row in kept):
        wrong.append("posterior: no observation is left to fit; take some out of off, hold_out or hold_out_after")
    if wrong:
        raise InputError("\n".join(wrong))
    return tuple(kept)


def _words(row: Observation) -> set[str]:
    return {row.series, row.group, row.source}


def _unmet(rows: Sequence[Observation], choice: Choice) -> Iterator[str]:
    """Names that no row has, or only rows that the table itself leaves out."""
    known = {word for row in rows for word in _words(row)}
    counted = {word for row in rows if row.role != "off" for word in _words(row)}
    for section, words in (("off", choice.off), ("hold_out", choice.hold_out), ("weights", choice.weights)):
        for word in words:
            if word not in known:
                yield (f"posterior.{section}: no observation has the series, group or source {word!r}; "
                       f"{did_you_mean(word, sorted(known))}")  # fmt: skip
            elif section != "off" and word not in counted:
                yield f"posterior.{section}: all observations of {word!r} are off in their table; give them role fit"


def _no_groups(rows: Sequence[Observation], choice: Choice, strays: Collection[str]) -> Iterator[str]:
    """Names in `regroup` that are no groups."""
    groups = sorted({row.group for row in rows})
    for old, new in choice.regroup.items():
        if old not in groups:
            mine = sorted({row.group for row in rows if old in _words(row)})
            remedy = f"its groups are: {', '.join(mine)}" if mine else did_you_mean(old, groups)
            yield f"posterior.regroup: {old!r} is no group of observations; {remedy}"
        known = sorted({*groups, *strays})
        if new not in known:
            yield f"posterior.regroup.{old}: {new!r} is no group of observations or errors; {did_you_mean(new, known)}"


def _treated(row: Observation, choice: Choice) -> Observation:
    words, weights = _words(row), choice.weights
    role = row.role
    if role == "fit" and (words & set(choice.hold_out) or row.year > (choice.hold_out_after or 9999)):
        role = "hold_out"
    if words & set(choice.off):
        role = "off"
    weight = math.prod(weights[word] for word in words if word in weights)
    return replace(row, role=role, weight=row.weight * weight, group=choice.regroup.get(row.group, row.group))
