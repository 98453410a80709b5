"""Errors that hang together in time: a local level with white noise, filtered forward; many groups side by side.

r_t = d_t + v_t, d_t = rho d_(t-1) + drift e_t, v_t ~ N(0, noise_t). With rho = 1 the level is a walk that starts at 0
in the first year, with rho < 1 it is stationary. The level is integrated out exactly (Kalman 1960), so that the sampler
never sees it. Student's t comes as one unknown scale for the whole group: after k numbers with the sum q of squared
scores, the next has nu + k degrees of freedom and its variance times (nu + q) / (nu + k).
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import gammaln

NORMAL = 1e9
"""Degrees of freedom from which a t is the normal distribution."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Process:
    """Parameters of the errors of each group [group]; `degrees` is `NORMAL` for normal errors."""

    drift: Array
    persistence: Array
    degrees: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Track:
    """Numbers of each group in order of time, padded [group, place].

    Attributes:
        gap: years since the number before, 0 for the first.
        used: 1 where the number counts for what comes after (it is fitted).
        there: 1 where there is a number.
    """

    gap: Array
    used: Array
    there: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Forecast:
    """What fitted numbers say about the next residual [group, place]: location, scale, degrees of freedom."""

    mean: Array
    scale: Array
    degrees: Array

    def log_density(self, residual: Array) -> Array:
        """Log density of the residual [group, place]."""
        score = (residual - self.mean) / self.scale
        heavy = self.degrees < NORMAL
        nu = jnp.where(heavy, self.degrees, 5.0)
        student = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * jnp.log(nu * jnp.pi)
        student = student - (nu + 1) / 2 * jnp.log1p(score**2 / nu)
        normal = -0.5 * (score**2 + jnp.log(2 * jnp.pi))
        return jnp.where(heavy, student, normal) - jnp.log(self.scale)


def forecasts(track: Track, process: Process, residual: Array, noise: Array) -> Forecast:
    """Forecast of every number from the fitted ones before it; `noise` is the variance of v [group, place]."""
    walk = process.persistence >= 1
    gap_variance = jnp.where(walk, 1.0, (1.0 - process.persistence) * (1.0 + process.persistence))
    settled = process.drift**2 / jnp.where(walk, 1.0, gap_variance)

    def step(
        carry: tuple[Array, Array, Array, Array], now: tuple[Array, ...]
    ) -> tuple[tuple[Array, Array, Array, Array], Forecast]:
        level, spread, squares, count = carry
        gap, used, there, value, variance = now
        kept = process.persistence**gap
        level = kept * level
        spread = jnp.where(walk, spread + gap * process.drift**2, kept**2 * spread + (1 - kept**2) * settled)
        total = spread + variance
        heavy = process.degrees < NORMAL
        degrees = jnp.where(heavy, process.degrees + count, process.degrees)
        swell = jnp.where(heavy, (process.degrees + squares) / degrees, 1.0)
        forecast = Forecast(level, jnp.sqrt(jnp.where(there > 0, total, 1.0) * swell), degrees)
        counted = used * there
        miss = (value - level) * counted
        gain = spread / jnp.where(there > 0, total, 1.0) * counted
        squares = squares + miss**2 / jnp.where(there > 0, total, 1.0)
        return (level + gain * miss, spread * (1 - gain), squares, count + counted), forecast

    none = jnp.zeros_like(process.drift)
    first = (none, jnp.where(walk, 0.0, settled), none, none)
    columns = jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), (track.gap, track.used, track.there, residual, noise))
    _, found = jax.lax.scan(step, first, columns)
    moved: Forecast = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), found)
    return moved
