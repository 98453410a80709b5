"""Numbers that a belief foretells, those of one series drawn together: errors that hang together in time stay so.

A forecast of every number by itself would lose that: how many of ten years lie outside a band at once depends on it.
"""

from collections.abc import Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from mc.posterior.drift import NORMAL
from mc.posterior.likelihood import Likelihood

Floats = NDArray[np.float64]


def unseen(likelihood: Likelihood, *, blind: bool) -> NDArray[np.bool_]:
    """Which rows are drawn one given another [row]: those after the last fitted one of their track, all if `blind`."""
    fitted = likelihood.fitted
    if blind:
        return np.ones(len(fitted), bool)
    track, place = likelihood.tracks.at
    last = np.full(len(likelihood.tracks.group), -1)
    np.maximum.at(last, track[fitted], place[fitted])
    found: NDArray[np.bool_] = place > last[track]
    return found


def continued(likelihood: Likelihood, *, blind: bool) -> Likelihood:
    """The likelihood in which unseen rows count for those after them."""
    counts = unseen(likelihood, blind=blind) | likelihood.fitted
    return replace(likelihood, used=counts.astype(np.float64))


def scores_of_errors(likelihood: Likelihood, draws: int, random: np.random.Generator, *, blind: bool) -> Floats:
    """Standard errors of rows: normal, or t with the degrees of freedom that the numbers before leave [draw, row]."""
    counts, tracks = continued(likelihood, blind=blind).used, likelihood.tracks
    used = np.zeros(tracks.gap.shape)
    used[tuple(tracks.at)] = counts
    before = (np.cumsum(used, axis=1) - used)[tuple(tracks.at)]
    degrees = likelihood.degrees[likelihood.group]
    shape = (draws, len(degrees))
    heavy = random.standard_t(np.minimum(degrees, 1e6) + before, shape)
    return np.where(degrees < NORMAL, heavy, random.standard_normal(shape))


def numbers_together(
    likelihood: Likelihood, modelled: Mapping[str, Array], parameters: Mapping[str, Array], score: Array, *, blind: bool
) -> Array:
    """One number for each row [row], in its unit, from standard errors [row] of `scores_of_errors`.

    Each unseen number is drawn given those drawn before it. A round settles one number more of each track: as many
    rounds as the longest has. Fitted rows, and held-out ones before a fitted one, are forecast from the fitted ones
    before them, each by itself.
    """
    joint, free = continued(likelihood, blind=blind), unseen(likelihood, blind=blind)
    relative = np.array([row.relative for row in likelihood.rows])
    observed = jnp.asarray(likelihood.values, score.dtype)

    def foretold(numbers: Array) -> Array:
        centre, forecast = joint.forecast(modelled, parameters, numbers)
        raw = centre + forecast.mean + forecast.scale * score
        return jnp.where(relative, jnp.exp(jnp.where(relative, raw, 0.0)), raw)

    rounds = int(np.bincount(likelihood.tracks.at[0][free]).max()) if free.any() else 0
    start = jnp.where(free, jnp.ones_like(observed), observed)
    settled = jax.lax.fori_loop(0, rounds, lambda _, now: jnp.where(free, foretold(now), observed), start)
    return foretold(settled)
