"""Families of the normal score: normal, lognormal, and the normal cut at hard bounds."""

import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtri
from scipy import special

from mc.distributions.family import PERCENTS, Z95, Family, Floats, require_met, require_positive, require_width
from mc.distributions.fit import least_squares
from mc.study import Prior

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _normal_percentiles(row: Floats, u: Floats) -> Floats:
    return np.asarray(row[0] + row[1] * special.ndtri(u))


def _normal_parameters(prior: Prior) -> Floats:
    require_width(prior)
    row = np.array([prior.mid, (prior.high - prior.low) / (2 * Z95)])
    require_met(prior, _normal_percentiles(row, PERCENTS))
    return row


def _normal_log_density(x: Array, p: Array) -> Array:
    return -0.5 * ((x - p[..., 0]) / p[..., 1]) ** 2 - jnp.log(p[..., 1]) - HALF_LOG_2PI


NORMAL = Family(
    parameters=_normal_parameters,
    quantile=lambda score, p: p[..., 0] + p[..., 1] * score,
    takes_score=True,
    percentiles=_normal_percentiles,
    log_density=_normal_log_density,
    mean=lambda p: p[..., 0],
    support=lambda p: (np.full(p.shape[:-1], -np.inf), np.full(p.shape[:-1], np.inf)),
)


def _lognormal_parameters(prior: Prior) -> Floats:
    require_positive(prior)
    row = np.array([math.log(prior.mid), math.log(prior.high / prior.low) / (2 * Z95)])
    require_met(prior, np.exp(_normal_percentiles(row, PERCENTS)))
    return row


def _lognormal_log_density(x: Array, p: Array) -> Array:
    log_x = jnp.log(jnp.maximum(x, np.finfo(x.dtype).tiny))
    return jnp.where(x > 0, _normal_log_density(log_x, p) - log_x, -jnp.inf)


LOGNORMAL = Family(
    parameters=_lognormal_parameters,
    quantile=lambda score, p: jnp.exp(p[..., 0] + p[..., 1] * score),
    takes_score=True,
    percentiles=lambda row, u: np.exp(_normal_percentiles(row, u)),
    log_density=_lognormal_log_density,
    mean=lambda p: np.exp(p[..., 0] + 0.5 * p[..., 1] ** 2),
    support=lambda p: (np.zeros(p.shape[:-1]), np.full(p.shape[:-1], np.inf)),
)

# Columns of a truncnormal row: the mirrored normal (below), its bounds, their probabilities, and the mean.
_MIRROR, _CENTRE, _SD, _LOWER, _UPPER, _BELOW, _WITHIN, _MEAN = range(8)


def _truncnormal_row(centre: float, sd: float, lower: float, upper: float) -> Floats:
    # Seen from the side where the kept piece lies in the lower tail, small probabilities keep their digits.
    mirror = -1.0 if lower > centre or (lower + upper > 2 * centre and upper < math.inf) else 1.0
    ends = sorted(mirror * (bound - centre) / sd for bound in (lower, upper))
    below, within = special.ndtr(ends[0]), special.ndtr(ends[1]) - special.ndtr(ends[0])
    if not within > 0:
        return np.full(8, np.nan)
    pull = (np.exp(-0.5 * ends[0] ** 2) - np.exp(-0.5 * ends[1] ** 2)) / math.sqrt(2 * math.pi) / within
    return np.array([mirror, centre, sd, lower, upper, below, within, centre + mirror * sd * pull])


def _truncnormal_percentiles(row: Floats, u: Floats) -> Floats:
    if not row[_WITHIN] > 0:
        return np.full(u.shape, np.nan)
    share = u if row[_MIRROR] > 0 else 1 - u
    score = special.ndtri(row[_BELOW] + share * row[_WITHIN])
    return np.asarray(np.clip(row[_CENTRE] + row[_MIRROR] * row[_SD] * score, row[_LOWER], row[_UPPER]))


def _truncnormal_parameters(prior: Prior) -> Floats:
    require_width(prior)
    if prior.low < prior.minimum or prior.high > prior.maximum:
        raise ValueError(
            f"truncnormal: the 5 and 95 % points {prior.low}, {prior.high} lie outside the hard bounds "
            f"{prior.minimum}, {prior.maximum}"
        )
    width = prior.high - prior.low
    stated = np.array([prior.low, prior.mid, prior.high])

    def row_of(guess: Floats) -> Floats:
        centre, sd = prior.mid + width * guess[0], width / (2 * Z95) * math.exp(guess[1])
        return _truncnormal_row(centre, sd, prior.minimum, prior.maximum)

    def misses(guess: Floats) -> Floats:
        implied = _truncnormal_percentiles(row_of(guess), PERCENTS)
        return np.asarray(np.nan_to_num((implied - stated) / width, nan=10.0))

    row = row_of(least_squares(misses, np.zeros(2), np.array([-20.0, -2.0]), np.array([20.0, 3.0])))
    require_met(prior, _truncnormal_percentiles(row, PERCENTS))
    return row


def _truncnormal_quantile(u: Array, p: Array) -> Array:
    limits = np.finfo(u.dtype)
    share = jnp.where(p[..., _MIRROR] > 0, u, 1 - u)
    probability = jnp.clip(p[..., _BELOW] + share * p[..., _WITHIN], limits.tiny, 1 - limits.epsneg)
    value = p[..., _CENTRE] + p[..., _MIRROR] * p[..., _SD] * ndtri(probability)
    return jnp.clip(value, p[..., _LOWER], p[..., _UPPER])


def _truncnormal_log_density(x: Array, p: Array) -> Array:
    score = (x - p[..., _CENTRE]) / p[..., _SD]
    inside = (x >= p[..., _LOWER]) & (x <= p[..., _UPPER])
    value = -0.5 * score**2 - HALF_LOG_2PI - jnp.log(p[..., _SD]) - jnp.log(p[..., _WITHIN])
    return jnp.where(inside, value, -jnp.inf)


TRUNCNORMAL = Family(
    parameters=_truncnormal_parameters,
    quantile=_truncnormal_quantile,
    takes_score=False,
    percentiles=_truncnormal_percentiles,
    log_density=_truncnormal_log_density,
    mean=lambda p: p[..., _MEAN],
    support=lambda p: (p[..., _LOWER], p[..., _UPPER]),
)
