"""Pareto-smoothed importance sampling: what draws of a prior are worth once something was observed.

Weights are likelihoods, their largest ones replaced by quantiles of the generalised Pareto distribution that fits them
(Vehtari, Simpson, Gelman, Yao and Gabry 2024). Its shape, k-hat, says whether the draws can stand for the posterior.
The smoothing is that of arviz-stats, which this project reads posteriors with anyway.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc.errors import RunFailed

Floats = NDArray[np.float64]

LARGEST_K = 0.7
"""Above it, errors of weighted means no longer shrink at a useful rate, however many draws there are."""

FEWEST_DRAWS = 25
"""Of which a fifth, five draws, make the tail that is fitted."""

FLAT = 1e-12
"""Drop of the log weights over the tail below which all large weights are equal: there is nothing to smooth."""


@dataclass(frozen=True)
class Weights:
    """Of draws under one set of observations.

    Attributes:
        share: weight of each draw, 0 for those that do not count; they add to 1 [draw].
        khat: shape of the tail of the weights; minus infinity where all large ones are equal, infinity where hardly
            any draw has one.
        ess: effective sample size, 1 / sum of squared weights.
        draws: that count.
    """

    share: Floats
    khat: float
    ess: float
    draws: int

    @property
    def limit(self) -> float:
        """The largest k-hat that can be used: lower where draws are few (below 2,200)."""
        return min(LARGEST_K, 1 - 1 / math.log10(max(self.draws, 2)))

    @property
    def usable(self) -> bool:
        """Whether the draws can stand for the posterior; a k-hat that is not a number cannot vouch for it."""
        return bool(self.khat <= self.limit)


def weigh(log_likelihood: Floats, counted: NDArray[np.bool_]) -> Weights:
    """Smoothed weights of the draws that count.

    Args:
        log_likelihood: of each draw; minus infinity where the draw is impossible [draw].
        counted: draws that did not fail [draw].

    Raises:
        RunFailed: fewer than 25 draws count.
    """
    logs = log_likelihood[counted]
    if len(logs) < FEWEST_DRAWS:
        raise RunFailed(f"{len(logs)} draws did not fail; re-weighting needs {FEWEST_DRAWS} or more")
    share = np.zeros(len(log_likelihood))
    if not np.isfinite(logs).any():
        return Weights(share, np.inf, 0.0, len(logs))
    smoothed, khat = _smoothed(logs)
    share[counted] = smoothed
    return Weights(share, khat, float(1 / (share**2).sum()), len(logs))


def _smoothed(logs: Floats) -> tuple[Floats, float]:
    from arviz_stats.base import array_stats  # type: ignore[attr-defined]

    ordered = np.sort(logs)
    raw = np.exp(logs - ordered[-1])
    if ordered[-1] - ordered[-_tail(len(logs)) - 1] < FLAT:
        return raw / raw.sum(), -np.inf
    with np.errstate(all="ignore"):
        # The function takes what leave-one-out needs: logs of the inverse of the weights.
        found, khat = array_stats.psislw(-logs)  # type: ignore[no-untyped-call]
    share = np.exp(np.asarray(found, np.float64))
    if not np.isfinite(share).all() or not np.isfinite(khat):
        # The tail vanishes beside the largest weight.
        return raw / raw.sum(), np.inf
    return share / share.sum(), float(khat)


def _tail(draws: int) -> int:
    """Draws in the tail that is fitted, as arviz-stats has it."""
    return int(3 * np.sqrt(draws)) if draws > 225 else draws // 5


def refuse(whole: Weights, sets: Mapping[str, Weights]) -> None:
    """Stop where the draws cannot stand for the posterior.

    Raises:
        RunFailed: k-hat is above the limit; the message says which set of observations is to blame and what helps.
    """
    if whole.usable:
        return
    bad = [name for name, weights in sets.items() if not weights.usable]
    if bad:
        blame = f"alone too strong for these draws: {', '.join(bad)}"
        leave = f"leave out or widen (sd, weight) {', '.join(bad)}"
    else:
        blame = "each set alone could be used, all of them together cannot"
        leave = "use fewer sets or wider ones (sd, weight)"
    raise RunFailed(
        f"k-hat {whole.khat:.2f} is above {whole.limit:.2f}: {whole.draws} draws are worth {whole.ess:.1f}, their "
        f"weights cannot be trusted; {blame}. Remedy: {leave}; keep more draws; or, for series of the past, condition "
        "the priors themselves: ferrocast fit RUN.toml. Nothing was written."
    )
