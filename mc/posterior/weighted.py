"""Statistics of weighted draws, each with a Monte Carlo standard error from the spread between scramblings.

With equal weights these are the statistics of the engine: draw i belongs to scrambling i % R, scramblings are
independent, and a weighted mean is a ratio of sums over scramblings, whose error the engine knows already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc.statistics.quantiles import quantile_error
from mc.statistics.scramblings import ratio, ratio_error

Floats = NDArray[np.float64]

AT_ONCE = 4_000_000
"""Numbers that are sorted together: memory stays small however many elements there are."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Weights of draws, and who is independent of whom.

    Attributes:
        share: weights that add to 1; draws of weight 0 are left out, their values may be anything [draw].
        scrambling: the scrambling of each draw [draw].
    """

    share: Floats
    scrambling: NDArray[np.int64]

    @property
    def ess(self) -> float:
        """Effective sample size."""
        return float(1 / (self.share**2).sum())

    @property
    def counts(self) -> Floats:
        """Weight of each scrambling."""
        return np.asarray(np.bincount(self.scrambling, self.share), np.float64)

    def sums(self, values: Floats) -> Floats:
        """Weighted sums over each scrambling [scrambling, element], of values [draw, element]."""
        found = np.zeros((int(self.scrambling.max()) + 1, values.shape[1]))
        np.add.at(found, self.scrambling, values * self.share[:, None])
        return found


def sample_of(share: Floats, index: NDArray[np.int64], scramblings: int) -> tuple[Sample, NDArray[np.int64]]:
    """The sample of the draws that have a weight, and their positions."""
    at = np.flatnonzero(share > 0)
    return Sample(share[at], index[at] % scramblings), at


def statistics(sample: Sample, values: Floats, probabilities: Sequence[float]) -> tuple[Floats, Floats]:
    """(mean, sd, quantiles; their standard errors), each [statistic, element], of values [draw, element]."""
    found, errors = [], []
    width = max(AT_ONCE // max(len(values), 1), 1)
    for start in range(0, values.shape[1], width):
        part = np.asarray(values[:, start : start + width], np.float64)
        columns = list(_statistics(sample, part, probabilities))
        found.append(np.stack([value for value, _ in columns]))
        errors.append(np.stack([error for _, error in columns]))
    return np.concatenate(found, axis=1), np.concatenate(errors, axis=1)


def _statistics(sample: Sample, values: Floats, probabilities: Sequence[float]) -> Iterator[tuple[Floats, Floats]]:
    counts, first = sample.counts, values[0]
    # From one of the values, so that what never varies has an sd of exactly 0.
    sums = sample.sums(values - first)
    mean = ratio(sums, counts)
    yield first + mean, ratio_error(sums, counts)
    squares = sample.sums((values - first - mean) ** 2)
    # n / (n - 1) where weights are equal.
    sd = np.sqrt(ratio(squares, counts) / max(1 - (sample.share**2).sum(), np.finfo(float).eps))
    yield sd, np.where(sd > 0, ratio_error(squares, counts) / (2 * np.where(sd > 0, sd, 1.0)), 0.0)
    inverse = _Inverse(sample, values)
    for probability in probabilities:
        level = inverse(np.full(values.shape[1], probability))
        below = ratio_error(sample.sums((values < level).astype(np.float64)), counts)
        yield level, quantile_error(probability, below, inverse, sample.ess)


class _Inverse:
    """Inverse of the weighted distribution of every element: linear between values that stand for half their weight."""

    def __init__(self, sample: Sample, values: Floats) -> None:
        order = np.argsort(values, axis=0)
        self._values = np.take_along_axis(values, order, axis=0).T
        weights = sample.share[order].T
        self._middle = weights.cumsum(axis=1) - 0.5 * weights

    def __call__(self, probability: Floats) -> Floats:
        """Values at probabilities [element]."""
        rows = zip(probability, self._middle, self._values, strict=True)
        return np.array([np.interp(p, middle, values) for p, middle, values in rows])
