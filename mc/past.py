"""Run file + tables -> the study of the past with its observations: what a fit needs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mc.errors import InputError
from mc.places import is_file
from mc.runfile import Run
from mc.runfile.load import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from mc.posterior.errors import Errors
    from mc.posterior.observed import Observation
    from mc.study import Study
    from mc.tables import Priors
    from mc.tables.errors import Problem

ERRORS = "errors.csv"
"""Table of a metal's folder of priors, beside those of observations."""


@dataclass(frozen=True)
class Past:
    """A study of the past with what was observed of it.

    Attributes:
        study: its outputs are what statistics report.
        rows: observations that count in the run.
        errors: how they stray.
        digest: of priors, observations and errors.
    """

    study: "Study"
    rows: "tuple[Observation, ...]"
    errors: "Errors"
    digest: str


def past_of(run: Run) -> Past:
    """The past of a run's metal.

    Raises:
        InputError: no such model, tables that cannot be used, or a run that leaves nothing to fit.
    """
    import hashlib

    from mc.tables.observed import Choice, chosen

    metal = run.model.metal
    if metal not in PASTS:
        raise InputError(f"model.metal = {metal!r}: no model of its past{suggestion(metal, PASTS)}")
    priors, study = PASTS[metal](run)
    rows, errors = read_tables(run.priors / metal, run.posterior.observed, study, priors.sources)
    errors = _errors(run, errors)
    asked = run.posterior
    choice = Choice(asked.off, asked.hold_out, asked.hold_out_after, asked.weights, asked.regroup)
    rows = chosen(rows, choice)
    digest = hashlib.sha256(repr((priors.digest, rows, sorted(errors.items()))).encode()).hexdigest()
    return Past(study, rows, errors, digest)


def read_tables(
    folder: "Path", observed: "Collection[str]", study: "Study", sources: "Collection[str]"
) -> "tuple[tuple[Observation, ...], Errors]":
    """Observations and how they stray, from the folder of a metal.

    Raises:
        PriorsError: with every mistake of these tables, by line.
    """
    from mc.tables.errors import PriorsError
    from mc.tables.observed import read_observed
    from mc.tables.straying import read_errors

    problems: list[Problem] = []
    rows: tuple[Observation, ...] = ()
    errors: Errors = {}
    for name in observed:
        try:
            rows += read_observed(folder / name, study, sources)
        except PriorsError as error:
            problems += error.problems
    try:
        errors = read_errors(folder / ERRORS, sources)
    except PriorsError as error:
        problems += error.problems
    if problems:
        raise PriorsError(problems)
    return rows, errors


def check_past(run: Run) -> int:
    """Read all that a fit of the run would read, where its metal has a past in its folder; number of observations.

    Raises:
        InputError: with every mistake.
    """
    metal = run.model.metal
    if metal not in PASTS or not is_file(run.priors / metal / run.posterior.observed[0]):
        return 0
    return len(past_of(run).rows)


def _errors(run: Run, errors: "Errors") -> "Errors":
    from mc.posterior.errors import PREFIX
    from mc.tables.straying import check_together, replaced

    for name, points in run.posterior.replace.items():
        if name.startswith(PREFIX):
            try:
                errors = replaced(errors, name, *points)
            except InputError as error:
                raise InputError(f"{run.file}: posterior.replace.{name}: {error}") from None
    for group, parameters in errors.items():
        try:
            check_together(parameters)
        except ValueError as error:
            raise InputError(f"{run.file}: posterior.replace: {group}: {error}; set it to 0, 0, 0") from None
    return errors


def _steel(run: Run) -> "tuple[Priors, Study]":
    from mc.inputs.history import HISTORY_NOUNS
    from mc.model.history import history_study
    from mc.posterior.errors import PREFIX
    from mc.tables import read_priors

    priors = read_priors(run.priors, run.model.metal, HISTORY_NOUNS)
    for section, replaced in (("replace", run.replace), ("posterior.replace", run.posterior.replace)):
        for name, (low, mid, high) in replaced.items():
            if name.startswith(PREFIX):
                continue
            try:
                priors = priors.replace(name, low, mid, high)
            except InputError as error:
                raise InputError(f"{run.file}: {section}.{name}: {error}") from None
    return priors, history_study(priors, run.model.first_year, run.model.last_year)


PASTS: "dict[str, Callable[[Run], tuple[Priors, Study]]]" = {"steel": _steel}
