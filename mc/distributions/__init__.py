"""Distribution families: add one by writing a `Family` and naming it in FAMILIES."""

import functools

from mc.distributions.bounded import BETA, LOGUNIFORM, PERT, TRIANGULAR, UNIFORM
from mc.distributions.discrete import CHOICE, FIXED
from mc.distributions.family import Family as Family
from mc.distributions.family import Floats
from mc.distributions.positive import GAMMA, WEIBULL
from mc.distributions.unbounded import LOGNORMAL, NORMAL, TRUNCNORMAL
from mc.study import Prior

FAMILIES: dict[str, Family] = {
    "uniform": UNIFORM,
    "triangular": TRIANGULAR,
    "pert": PERT,
    "normal": NORMAL,
    "lognormal": LOGNORMAL,
    "truncnormal": TRUNCNORMAL,
    "beta": BETA,
    "gamma": GAMMA,
    "weibull": WEIBULL,
    "loguniform": LOGUNIFORM,
    "choice": CHOICE,
    # One share seen alone is a beta variable; `mc.dependence` makes the shares of an input sum to one.
    "dirichlet": BETA,
    "fixed": FIXED,
}


def family_of(prior: Prior) -> Family:
    """Family of a prior; ValueError that lists the known names."""
    if prior.family not in FAMILIES:
        raise ValueError(f"unknown family {prior.family!r}; known: {', '.join(FAMILIES)}")
    return FAMILIES[prior.family]


@functools.lru_cache(maxsize=8192)
def fitted(prior: Prior) -> Floats:
    """Parameters of a prior, fitted once; read-only."""
    row = family_of(prior).parameters(prior)
    row.setflags(write=False)
    return row


def points(prior: Prior) -> tuple[float, float, float]:
    """5, 50 and 95 % points that the fitted prior implies, in the unit of the input."""
    return family_of(prior).points(prior)
