"""The contract of a distribution family: fitted on the host in float64, evaluated in the graph over many elements."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jax import Array
from jax.scipy.special import ndtri
from numpy.typing import NDArray

from mc.study import Prior

Floats = NDArray[np.float64]

PERCENTS = np.array([0.05, 0.50, 0.95])
Z95 = 1.6448536269514722  # normal score of the 95 % point
MISS = 0.25  # largest miss of a stated point, as a share of the stated 5-95 % width


@dataclass(frozen=True)
class Family:
    """One family; `p` has the parameters on its last axis and the elements on the axes before.

    Args:
        parameters: the row of `p` of one prior; ValueError in plain words when its points are impossible.
        quantile: value of an element; its first argument is a normal score where `takes_score`, else a probability.
        takes_score: what `quantile` takes. Families that are smooth in the normal score skip one cdf this way.
        percentiles: `percentiles(row, u)` on the host, exact; the reference for the fit and for the tables.
        log_density: of the value, in the graph; -inf outside the support.
        mean: on the host, per element.
        support: smallest and largest value, on the host, per element.
        centre: the value of a draw at its mean: the mean, or the most likely option of a choice.
    """

    parameters: Callable[[Prior], Floats]
    quantile: Callable[[Array, Array], Array]
    takes_score: bool
    percentiles: Callable[[Floats, Floats], Floats]
    log_density: Callable[[Array, Array], Array]
    mean: Callable[[Floats], Floats]
    support: Callable[[Floats], tuple[Floats, Floats]]
    centre: Callable[[Floats], Floats] | None = None

    def inverse_cdf(self, u: Array, p: Array) -> Array:
        """Value below which lies the share u of the distribution, 0 < u < 1."""
        return self.quantile(ndtri(u) if self.takes_score else u, p)

    def points(self, prior: Prior) -> tuple[float, float, float]:
        """5, 50 and 95 % points that the fitted prior implies, in the unit of the input."""
        p05, p50, p95 = self.percentiles(self.parameters(prior), PERCENTS)
        return float(p05), float(p50), float(p95)


def require_width(prior: Prior) -> None:
    """Refuse a prior without spread: a number that is known belongs to the family fixed."""
    if not prior.low < prior.high:
        raise ValueError(f"{prior.family}: low and high are both {prior.low}; a known number has the family fixed")


def require_positive(prior: Prior) -> None:
    """Refuse points at or below 0 for a family on the positive axis."""
    require_width(prior)
    if prior.low <= 0:
        raise ValueError(f"{prior.family}: the lowest point must be above 0, not {prior.low}")


def require_met(prior: Prior, implied: Floats) -> None:
    """Refuse a fit that misses a stated point by more than 25 % of the stated 5-95 % width."""
    stated = np.array([prior.low, prior.mid, prior.high])
    worst = int(np.argmax(np.abs(implied - stated)))
    if not abs(implied[worst] - stated[worst]) <= MISS * (prior.high - prior.low):
        raise ValueError(
            f"{prior.family}: cannot meet the 5, 50 and 95 % points {prior.low:g}, {prior.mid:g}, {prior.high:g}; the "
            f"best fit has {implied[0]:g}, {implied[1]:g}, {implied[2]:g}. Choose a family of another shape"
        )
