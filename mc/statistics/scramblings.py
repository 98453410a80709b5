"""Sums over the points of each scrambling, and the Monte Carlo standard error that the scramblings give.

Draw i is point i // R of scrambling i % R. The R scramblings are independent and identically distributed, the points
of one are not: the error of a mean over a scrambled Sobol' run comes from the spread BETWEEN scramblings (Owen 1997),
never from sd / sqrt(N).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.statistics.contract import Numbers

UNROLLED_POINTS = 16
"""Up to here the points of a block are added one by one: XLA's CPU reduction over a leading axis is 50 times slower."""


def add_points(total: Array, values: Array, mask: Array, contribution: Callable[[Array, Array], Array]) -> Array:
    """`total` + sum over points of contribution(values, mask), of values (point, scrambling, element).

    Contributions are exact, so their order is free; an extra leading axis of `total` is one of the contribution too.
    """
    if len(values) > UNROLLED_POINTS:
        each = jax.vmap(contribution)(values, mask[:, :, None])
        return total + jnp.sum(each, axis=0, dtype=total.dtype)
    for point in range(len(values)):
        total = total + contribution(values[point], mask[point][:, None])
    return total


def ratio(sums: Numbers, count: Numbers) -> Numbers:
    """Pooled mean sum_r sums[r] / sum_r count[r] of sums (scrambling, element); NaN without draws."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums.sum(axis=0, dtype=np.float64) / np.float64(count.sum()))


def ratio_error(sums: Numbers, count: Numbers) -> Numbers:
    """Standard error of `ratio` from R independent scramblings, R - 1 degrees of freedom (Student t).

    Linearised ratio estimator, so that scramblings may differ in their number of draws (failed draws, N not a multiple
    of R): e_r = (sums_r - m count_r) / mean count, se^2 = sum e_r^2 / (R (R - 1)). NaN below two scramblings.
    """
    used = count > 0
    groups = int(used.sum())
    if groups < 2:
        return np.full(sums.shape[1:], np.nan)
    share = count[used].astype(np.float64)[:, None]
    mean = ratio(sums[used], count[used])
    deviation = (sums[used] - mean[None] * share) / share.mean()
    return np.asarray(np.sqrt((deviation**2).sum(axis=0) / (groups * (groups - 1))))
