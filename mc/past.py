"""Run file + tables -> the study of the past with its observations: what a fit needs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mc.errors import InputError
from mc.runfile import Run
from mc.runfile.load import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable

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

    from mc.tables.observed import Choice, chosen, read_observed
    from mc.tables.straying import read_errors

    metal = run.model.metal
    if metal not in PASTS:
        raise InputError(f"model.metal = {metal!r}: no model of its past{suggestion(metal, PASTS)}")
    priors, study = PASTS[metal](run)
    folder = run.priors / metal
    asked = run.posterior
    rows = tuple(row for name in asked.observed for row in read_observed(folder / name, study, priors.sources))
    errors = read_errors(folder / ERRORS, priors.sources)
    choice = Choice(asked.off, asked.hold_out, asked.hold_out_after, asked.weights, asked.regroup)
    rows = chosen(rows, choice)
    digest = hashlib.sha256(repr((priors.digest, rows, sorted(errors.items()))).encode()).hexdigest()
    return Past(study, rows, errors, digest)


def _steel(run: Run) -> "tuple[Priors, Study]":
    from mc.inputs.history import HISTORY_NOUNS
    from mc.model.history import history_study
    from mc.tables import read_priors

    priors = read_priors(run.priors, run.model.metal, HISTORY_NOUNS)
    for section, replaced in (("replace", run.replace), ("posterior.replace", run.posterior.replace)):
        for name, (low, mid, high) in replaced.items():
            try:
                priors = priors.replace(name, low, mid, high)
            except InputError as error:
                raise InputError(f"{run.file}: {section}.{name}: {error}") from None
    return priors, history_study(priors, run.model.first_year, run.model.last_year)


PASTS: "dict[str, Callable[[Run], tuple[Priors, Study]]]" = {"steel": _steel}
