"""Quantiles without a closed form: cubic Hermite tables over the normal score, exact value and slope at every knot.

What is tabulated is the logit or the logarithm of the value: smooth in the normal score, and the value keeps its
support and its relative accuracy in both tails.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import special

from mc.distributions.family import Floats

# The largest normal score of a uniform made from 23 bits is 5.295.
REACH = 5.3
KNOTS = np.linspace(-REACH, REACH, 65)
STEP = float(KNOTS[1] - KNOTS[0])
WIDTH = 2 * len(KNOTS)


def interpolate(score: Array, table: Array) -> Array:
    """Tabulated function at a normal score; constant slope is not continued: scores are held within the knots."""
    place = jnp.clip((score + REACH) * (1 / STEP), 0, len(KNOTS) - 1)
    knot = jnp.clip(jnp.floor(place).astype(jnp.int32), 0, len(KNOTS) - 2)
    value0, slope0, value1, slope1 = (_entry(table, 2 * knot + k) for k in range(4))
    w = place - knot.astype(place.dtype)
    rise = value1 - value0
    return value0 + w * (slope0 + w * ((3 * rise - 2 * slope0 - slope1) + w * (slope0 + slope1 - 2 * rise)))


def beta_logit_table(a: float, b: float) -> Floats:
    """Table of logit(x) of a Beta(a, b) variable, valid for 0.05 <= a, b <= 1e6."""
    x, y = beta_both(a, b, KNOTS)
    log_x, log_y = np.log(x), np.log(y)
    # d logit / dz = phi(z) / (x (1 - x) density)
    slope = np.exp(_log_phi(KNOTS) - (a * log_x + b * log_y - special.betaln(a, b)))
    return _interleave(log_x - log_y, slope)


def gamma_log_table(shape: float) -> Floats:
    """Table of log(x) of a Gamma(shape, scale 1) variable, valid for 0.05 <= shape <= 1e6."""
    x = gamma_quantile(shape, KNOTS)
    # d log x / dz = phi(z) / (x density)
    slope = np.exp(_log_phi(KNOTS) - (shape * np.log(x) - x - special.gammaln(shape)))
    return _interleave(np.log(x), slope)


def beta_both(a: float, b: float, score: Floats) -> tuple[Floats, Floats]:
    """Quantile x of Beta(a, b) at a normal score, and 1 - x without cancellation."""
    tail = special.ndtr(-np.abs(score))
    below, above = special.betaincinv(a, b, tail), special.betainccinv(a, b, tail)
    below_y, above_y = special.betainccinv(b, a, tail), special.betaincinv(b, a, tail)
    return np.where(score < 0, below, above), np.where(score < 0, below_y, above_y)


def gamma_quantile(shape: float, score: Floats) -> Floats:
    """Quantile of Gamma(shape, scale 1) at a normal score, each tail from its own side."""
    tail = special.ndtr(-np.abs(score))
    return np.asarray(np.where(score < 0, special.gammaincinv(shape, tail), special.gammainccinv(shape, tail)))


def _entry(table: Array, index: Array) -> Array:
    return jnp.take_along_axis(table, index[..., None], axis=-1, mode="clip")[..., 0]


def _interleave(value: Floats, slope: Floats) -> Floats:
    return np.stack([value, slope * STEP], axis=-1).ravel()


def _log_phi(score: Floats) -> Floats:
    return np.asarray(-0.5 * score**2 - 0.5 * np.log(2 * np.pi))
