"""The table of how observations stray: the prior of each parameter of each group."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from mc.distributions import FAMILIES, family_of, fitted
from mc.errors import InputError
from mc.posterior.errors import MOVES, MOVING, PARAMETERS, PREFIX, Errors, check_together
from mc.study import Prior
from mc.tables.cells import Record, read_sheet
from mc.tables.errors import PriorsError, Problem, did_you_mean
from mc.tables.rows import KINDS, number

COLUMNS: Final = ("group", "parameter", "family", "low", "mid", "high", "kind", "source")
EVERY: Final = "*"
"""Stands for every group whose error moves; a row of the group itself goes before."""


def read_errors(file: Path, sources: Collection[str] = ()) -> Errors:
    """The parameters of every group.

    Raises:
        PriorsError: with every mistake, by line.
    """
    problems: list[Problem] = []
    found: dict[str, dict[str, Prior]] = {}
    lines: dict[str, Record] = {}
    for record in read_sheet(file, COLUMNS, ("note",), problems).records:
        prior = _prior(record, sources, problems)
        group, parameter = record["group"], record["parameter"]
        if parameter in found.get(group, {}):
            problems.append(record.problem(f"{parameter} of {group} stands twice", "keep one"))
        if prior is not None:
            found.setdefault(group, {})[parameter] = prior
            lines[group] = record
    common = found.pop(EVERY, {})
    found = {group: common | own if set(MOVING) & set(own) else own for group, own in found.items()}
    for group, parameters in found.items():
        try:
            check_together(parameters)
        except ValueError as error:
            problems.append(lines[group].problem(f"{group}: {error}", "keep one of them, or give families weights"))
    if problems:
        raise PriorsError(problems)
    return found


def replaced(errors: Errors, name: str, low: float, mid: float, high: float) -> Errors:
    """Errors with other points for a parameter such as "error.pig_iron.slope"; three equal ones fix it.

    The family stays; a parameter that was fixed, or that the group had not, becomes pert.

    Raises:
        InputError: no such group or parameter, or points that it cannot have.
    """
    group, _, parameter = name.removeprefix(PREFIX).rpartition(".")
    if group not in errors:
        raise InputError(f"no group {group!r} of errors; {did_you_mean(group, errors)}")
    if parameter not in PARAMETERS:
        raise InputError(f"unknown parameter {parameter!r} of errors; {did_you_mean(parameter, PARAMETERS)}")
    old = errors[group].get(parameter)
    family = "fixed" if low == mid == high else "pert" if old is None or old.family == "fixed" else old.family
    try:
        prior = Prior(family, low, mid, high)
        _check_support(parameter, prior)
    except ValueError as error:
        raise InputError(f"{parameter} of {group}: {error}") from None
    return {**errors, group: {**errors[group], parameter: prior}}


def _prior(record: Record, sources: Collection[str], problems: list[Problem]) -> Prior | None:
    before = len(problems)
    family, parameter = record["family"], record["parameter"]
    if family not in FAMILIES or family in ("choice", "dirichlet"):
        problems.append(record.problem(f"unknown family {family!r}", did_you_mean(family, FAMILIES)))
    if parameter not in PARAMETERS:
        problems.append(record.problem(f"unknown parameter {parameter!r}", did_you_mean(parameter, PARAMETERS)))
    if record["kind"] not in KINDS:
        problems.append(record.problem(f"kind {record['kind']!r} of evidence", did_you_mean(record["kind"], KINDS)))
    if not record["source"] or (sources and record["source"] not in sources):
        problems.append(record.problem(f"source {record['source']!r}", "name a key of sources.bib"))
    low, mid, high = (number(record, name, problems) for name in ("low", "mid", "high"))
    if len(problems) > before:
        return None
    try:
        prior = Prior(family, mid, mid, mid) if family == "fixed" else Prior(family, low, mid, high)
        _check_support(parameter, prior)
    except ValueError as error:
        problems.append(record.problem(f"{parameter} of {record['group']}: {error}", "correct the points"))
        return None
    return prior


def _check_support(parameter: str, prior: Prior) -> None:
    low, high = (float(end) for end in family_of(prior).support(fitted(prior)))
    if parameter == "degrees" and (prior.family != "fixed" or not prior.mid > 2):
        raise ValueError("degrees of freedom must be fixed and above 2")
    if parameter == "start" and (prior.family != "fixed" or not float(prior.mid).is_integer()):
        raise ValueError("the year in which a walk starts must be fixed, and a whole number")
    if parameter in MOVES and prior.family != "fixed":
        raise ValueError("the weight of a family must be fixed")
    if parameter == "persistence" and not (low >= 0 and high < 1):
        raise ValueError("a persistence lies in 0 to 1; leave it out for a walk")
    if low < 0 or (parameter == "bias" and prior.family == "fixed" and low <= 0):
        raise ValueError(f"a {parameter} is never negative")
