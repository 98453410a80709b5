"""Errors that hang together in time: a local linear trend with white noise, filtered forward, many tracks at once.

A track holds the numbers of one element of a group in order of time; tracks of a group share its parameters only.

r_t = d_t + v_t, d_t = rho d_(t-1) + s_(t-1) + drift e_t, s_t = s_(t-1) + bend f_t, v_t ~ N(0, noise_t). With rho = 1
the level d is a walk that starts at 0 in the first year; only a walk has a slope s, which starts as N(0, slope^2).
With rho < 1 the level is stationary. Level and slope are integrated out exactly (Kalman 1960), so that the sampler
never sees them. Student's t comes as one unknown scale for the whole track: after k numbers with the sum q of squared
scores, the next has nu + k degrees of freedom and its variance times (nu + q) / (nu + k).
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import gammaln
from numpy.typing import NDArray

NORMAL = 1e9
"""Degrees of freedom from which a t is the normal distribution."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Process:
    """Parameters of the errors of each track [track]; `degrees` is `NORMAL` for normal errors."""

    drift: Array
    persistence: Array
    slope: Array
    bend: Array
    degrees: Array


@dataclasses.dataclass(frozen=True, eq=False)
class Tracks:
    """Where each row stands in time; tracks are padded at their ends.

    Attributes:
        group: of each track, by number [track].
        at: track of each row, and place in it [2, row].
        gap: years since the number before, of the first since the error starts [track, place].
    """

    group: NDArray[np.int32]
    at: NDArray[np.int32]
    gap: NDArray[np.float64]

    @property
    def group_of_row(self) -> NDArray[np.int32]:
        """Group of each row, by number [row]."""
        found: NDArray[np.int32] = self.group[self.at[0]]
        return found

    def lay_out(self, by_row: Array) -> Array:
        """Values of rows, 0 where a track has none [track, place]."""
        return jnp.zeros(self.gap.shape, by_row.dtype).at[self.at[0], self.at[1]].set(by_row)

    def by_row(self, laid_out: Array) -> Array:
        """Values of tracks for each row [row]."""
        return laid_out[self.at[0], self.at[1]]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Forecast:
    """What fitted numbers say about the next residual [row]: location, scale, degrees of freedom."""

    mean: Array
    scale: Array
    degrees: Array

    def log_density(self, residual: Array) -> Array:
        """Log density of the residual [row]."""
        score = (residual - self.mean) / self.scale
        heavy = self.degrees < NORMAL
        nu = jnp.where(heavy, self.degrees, 5.0)
        student = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * jnp.log(nu * jnp.pi)
        student = student - (nu + 1) / 2 * jnp.log1p(score**2 / nu)
        normal = -0.5 * (score**2 + jnp.log(2 * jnp.pi))
        return jnp.where(heavy, student, normal) - jnp.log(self.scale)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """What the numbers so far say of level and slope [track], and of the scale of a t: squared scores, their count."""

    level: Array
    slope: Array
    level_variance: Array
    covariance: Array
    slope_variance: Array
    squares: Array
    count: Array


def beginning(process: Process) -> State:
    """Before the first number."""
    none = jnp.zeros_like(process.drift)
    walk = process.persistence >= 1
    left = jnp.where(walk, 1.0, (1.0 - process.persistence) * (1.0 + process.persistence))
    settled = jnp.where(walk, 0.0, process.drift**2 / left)
    return State(none, none, settled, none, process.slope**2, none, none)


def moved(state: State, process: Process, years: Array) -> State:
    """Some years later, without a number in between; sums of the steps of n years are in closed form."""
    kept, n = process.persistence**years, years
    walk = process.persistence >= 1
    turned = process.bend**2
    walked = (
        state.level_variance
        + 2.0 * n * state.covariance
        + n**2 * state.slope_variance
        + n * process.drift**2
        + (n - 1.0) * n * (2.0 * n - 1.0) / 6.0 * turned
    )
    settled = kept**2 * state.level_variance + (1.0 - kept**2) * beginning(process).level_variance
    return dataclasses.replace(
        state,
        level=kept * state.level + n * state.slope,
        level_variance=jnp.where(walk, walked, settled),
        covariance=state.covariance + n * state.slope_variance + 0.5 * n * (n - 1.0) * turned,
        slope_variance=state.slope_variance + n * turned,
    )


def forecasts(tracks: Tracks, used: Array, process: Process, residual: Array, noise: Array) -> Forecast:
    """Forecast of every number from the used ones before it in its track.

    Args:
        tracks: order of the rows in time.
        used: 1 where a number counts for what comes after (it is fitted) [row].
        process: how errors move.
        residual: what the errors come to [row].
        noise: variance of v [row].
    """
    heavy = process.degrees < NORMAL

    def step(before: State, now: tuple[Array, ...]) -> tuple[State, Forecast]:
        gap, used, there, value, variance = now
        state = moved(before, process, gap)
        total = jnp.where(there > 0, state.level_variance + variance, 1.0)
        degrees = jnp.where(heavy, process.degrees + state.count, process.degrees)
        swell = jnp.where(heavy, (process.degrees + state.squares) / degrees, 1.0)
        counted = used * there
        miss = (value - state.level) * counted
        gain, turn = (part / total * counted for part in (state.level_variance, state.covariance))
        after = State(
            level=state.level + gain * miss,
            slope=state.slope + turn * miss,
            level_variance=state.level_variance * (1.0 - gain),
            covariance=state.covariance * (1.0 - gain),
            slope_variance=state.slope_variance - turn * state.covariance,
            squares=state.squares + miss**2 / total,
            count=state.count + counted,
        )
        return after, Forecast(state.level, jnp.sqrt(total * swell), degrees)

    gap, there = jnp.asarray(tracks.gap, residual.dtype), jnp.ones_like(residual)
    laid_out = (gap, *map(tracks.lay_out, (used, there, residual, noise)))
    _, found = jax.lax.scan(step, beginning(process), jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), laid_out))
    by_row: Forecast = jax.tree.map(lambda x: tracks.by_row(jnp.moveaxis(x, 0, 1)), found)
    return by_row
