"""Run file + tables -> the study of the past with its observations: what a fit needs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mc.errors import InputError, answers
from mc.places import is_file
from mc.runfile import Run
from mc.runfile.load import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from mc.posterior.errors import Errors
    from mc.posterior.observed import Observation
    from mc.study import Study
    from mc.tables import Priors

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
    asked = run.posterior
    rows, errors = read_tables(run.priors / metal, asked.observed, study, priors.sources)
    choice = Choice(asked.off, asked.hold_out, asked.hold_out_after, asked.weights, asked.regroup)
    rows, errors = answers(lambda: chosen(rows, choice, errors), lambda: _errors(run, errors, rows))
    digest = hashlib.sha256(repr((priors.digest, rows, sorted(errors.items()))).encode()).hexdigest()
    return Past(study, rows, errors, digest)


def read_tables(
    folder: "Path", names: "Sequence[str]", study: "Study", sources: "Collection[str]"
) -> "tuple[tuple[Observation, ...], Errors]":
    """Observations of the tables `names` and how they stray, from the folder of a metal.

    Raises:
        PriorsError: with every mistake of all tables, by line; a number that two of them hold is one.
    """
    from mc.tables.errors import PriorsError, Problem
    from mc.tables.observed import read_observed, repeated
    from mc.tables.straying import read_errors

    problems: list[Problem] = []
    tables: dict[str, tuple[Observation, ...]] = {}
    errors: Errors = {}
    for at, name in enumerate(names):
        file = folder / name
        if any(file.resolve() == (folder / other).resolve() for other in names[:at]):
            problems.append(Problem(str(file), 0, "is named twice in posterior.observed", "name it once"))
            continue
        try:
            tables[str(file)] = read_observed(file, study, sources)
        except PriorsError as error:
            problems += error.problems
    try:
        errors = read_errors(folder / ERRORS, sources)
    except PriorsError as error:
        problems += error.problems
    problems += repeated(tables)
    if problems:
        raise PriorsError(problems)
    return tuple(row for rows in tables.values() for row in rows), errors


def check_past(run: Run) -> int:
    """Go as far as a fit of the run would before it samples; number of observations.

    A run that says nothing of a fit need not have a past: 0 where its metal has none, or no table of it. What the
    likelihood reads takes seconds to find, and is looked for only where the run does speak of a fit.

    Raises:
        InputError: with every mistake.
    """
    metal = run.model.metal
    speaks = any(
        key.startswith("posterior.") and key != "posterior.file" and origin != "default"
        for key, origin in run.origins.items()
    )
    there = metal in PASTS and any(is_file(run.priors / metal / name) for name in run.posterior.observed)
    if not (speaks or there):
        return 0
    past = past_of(run)

    from mc.posterior.likelihood import make_likelihood

    likelihood = make_likelihood(past.study, past.rows, past.errors)
    if speaks:
        from mc.posterior.density import make_target

        make_target(past.study, likelihood)
    return len(past.rows)


def _errors(run: Run, errors: "Errors", rows: "Sequence[Observation]") -> "Errors":
    """Errors with the points that the run gives them."""
    from mc.posterior.errors import PREFIX, check_together
    from mc.tables.errors import did_you_mean
    from mc.tables.straying import replaced

    met = {run.posterior.regroup.get(row.group, row.group) for row in rows}
    wrong = []
    for name, points in run.posterior.replace.items():
        if not name.startswith(PREFIX):
            continue
        group = name.removeprefix(PREFIX).rpartition(".")[0]
        try:
            errors = replaced(errors, name, *points)
            if group not in met:
                remedy = did_you_mean(group, sorted(met))
                raise InputError(f"no observation of the run is in group {group!r}: it would change nothing; {remedy}")
        except InputError as error:
            wrong.append(f"{run.file}: posterior.replace.{name}: {error}")
    for group, parameters in errors.items():
        try:
            check_together(parameters)
        except ValueError as error:
            wrong.append(f"{run.file}: posterior.replace: {group}: {error}; set it to 0, 0, 0")
    if wrong:
        raise InputError("\n".join(wrong))
    return errors


def _steel(run: Run) -> "tuple[Priors, Study]":
    from mc.inputs.history import HISTORY_NOUNS
    from mc.model.history import history_study
    from mc.posterior.errors import PREFIX
    from mc.tables import read_priors

    priors, wrong = read_priors(run.priors, run.model.metal, HISTORY_NOUNS), []
    for section, replaced in (("replace", run.replace), ("posterior.replace", run.posterior.replace)):
        for name, (low, mid, high) in replaced.items():
            if name.startswith(PREFIX):
                continue
            try:
                priors = priors.replace(name, low, mid, high)
            except InputError as error:
                wrong.append(f"{run.file}: {section}.{name}: {error}")
    if wrong:
        raise InputError("\n".join(wrong))
    return priors, history_study(priors, run.model.first_year, run.model.last_year)


PASTS: "dict[str, Callable[[Run], tuple[Priors, Study]]]" = {"steel": _steel}
