"""Families on the positive axis: gamma and weibull. The median and the ratio of the 95 to the 5 % point are met."""

import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import special

from mc.distributions.family import PERCENTS, Family, Floats, require_met, require_positive
from mc.distributions.fit import root
from mc.distributions.tabulated import gamma_log_table, gamma_quantile, interpolate
from mc.study import Prior

SHAPES = (0.05, 1e6)  # range of the fitted gamma shape, where the table is accurate


def _positive(p: Floats) -> tuple[Floats, Floats]:
    return np.zeros(p.shape[:-1]), np.full(p.shape[:-1], np.inf)


def _positive_log(x: Array) -> Array:
    return jnp.log(jnp.maximum(x, np.finfo(x.dtype).tiny))


def gamma_row(shape: float, scale: float) -> Floats:
    """Parameters of Gamma(shape, scale): shape, scale, log of the gamma function, then the table of log(x / scale)."""
    return np.array([shape, scale, special.gammaln(shape), *gamma_log_table(shape)])


def _gamma_percentiles(row: Floats, u: Floats) -> Floats:
    return np.asarray(row[1] * gamma_quantile(row[0], special.ndtri(u)))


def _gamma_parameters(prior: Prior) -> Floats:
    require_positive(prior)
    stated = math.log(prior.high / prior.low)

    def excess(log_shape: float) -> float:
        low, _, high = gamma_quantile(math.exp(log_shape), special.ndtri(PERCENTS))
        return math.log(high / low) - stated

    ends = [math.log(shape) for shape in SHAPES]
    if not excess(ends[0]) > 0 > excess(ends[1]):
        raise ValueError(f"gamma: no shape in {SHAPES} has the ratio {prior.high / prior.low:g}")
    shape = math.exp(root(excess, *ends))
    row = gamma_row(shape, prior.mid / special.gammaincinv(shape, 0.5))
    require_met(prior, _gamma_percentiles(row, PERCENTS))
    return row


def _gamma_log_density(x: Array, p: Array) -> Array:
    shape, scale, log_norm = p[..., 0], p[..., 1], p[..., 2]
    value = (shape - 1) * _positive_log(x / scale) - x / scale - log_norm - jnp.log(scale)
    return jnp.where(x > 0, value, -jnp.inf)


GAMMA = Family(
    parameters=_gamma_parameters,
    quantile=lambda score, p: p[..., 1] * jnp.exp(interpolate(score, p[..., 3:])),
    takes_score=True,
    percentiles=_gamma_percentiles,
    log_density=_gamma_log_density,
    mean=lambda p: p[..., 0] * p[..., 1],
    support=_positive,
)


def _weibull_percentiles(row: Floats, u: Floats) -> Floats:
    return np.asarray(row[1] * (-np.log1p(-u)) ** (1 / row[0]))


def _weibull_parameters(prior: Prior) -> Floats:
    require_positive(prior)
    shape = math.log(math.log(0.05) / math.log(0.95)) / math.log(prior.high / prior.low)
    row = np.array([shape, prior.mid / math.log(2) ** (1 / shape)])
    require_met(prior, _weibull_percentiles(row, PERCENTS))
    return row


def _weibull_log_density(x: Array, p: Array) -> Array:
    shape, scale = p[..., 0], p[..., 1]
    log_ratio = _positive_log(x / scale)
    value = jnp.log(shape / scale) + (shape - 1) * log_ratio - jnp.exp(shape * log_ratio)
    return jnp.where(x > 0, value, -jnp.inf)


WEIBULL = Family(
    parameters=_weibull_parameters,
    quantile=lambda u, p: p[..., 1] * jnp.exp(jnp.log(-jnp.log1p(-u)) / p[..., 0]),
    takes_score=False,
    percentiles=_weibull_percentiles,
    log_density=_weibull_log_density,
    mean=lambda p: p[..., 1] * special.gamma(1 + 1 / p[..., 0]),
    support=_positive,
)
