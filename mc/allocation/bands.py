"""What fronts of many draws have in common: how much of the second objective is to be had at each level of the first.

Fronts of different draws lie in different places, so levels are either absolute, and a draw that cannot reach one has
minus infinity there, or counted from the draw's own end: what giving up so much of the first objective gains in the
second. Either way a quantile over draws at each level is an attainment surface (Grunert da Fonseca et al. 2001, EMO,
LNCS 1993:213): a share of the draws attains at least that. It holds level by level; no draw need have it as its front.
"""

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.front import Front
from mc.allocation.indicators import normalised
from mc.allocation.scaled import positive_or_one


def attained(front: Front, levels: Array) -> Array:
    """Most of the second objective where the first is no less than a level, by mixtures of the points [level].

    Minus infinity where no plan reaches the level.
    """
    first, second = front.values.T
    found = jax.vmap(lambda level: highest(first, second, level))(levels)
    return jnp.where(levels > front.ideal[0], -jnp.inf, found)


def highest(first: Array, second: Array, level: Array) -> Array:
    """Height at a level of the lines between points sorted by a falling first objective []."""
    last = first.shape[0] - 1
    upper = last - jnp.argmax(first[::-1] >= level)
    lower = jnp.minimum(upper + 1, last)
    share = jnp.clip((first[upper] - level) / positive_or_one(first[upper] - first[lower]), 0.0, 1.0)
    return second[upper] + share * (second[lower] - second[upper])


def gained(front: Front, given_up: Array) -> Array:
    """Gain in the second objective, beyond its own nadir, from giving up so much of the best first one [level].

    Absolute, each in its own unit: CNY saved for Mt CO2. What a draw cannot give up it does not.
    """
    forgone = jnp.minimum(given_up, front.ideal[0] - front.nadir[0])
    return attained(front, jnp.minimum(front.ideal[0] - forgone, front.ideal[0])) - front.nadir[1]


def gained_share(front: Front, shares: Array) -> Array:
    """The same in shares of the draw's own ranges; for a front of one point 0 [level]."""
    gain = gained(front, shares * (front.ideal[0] - front.nadir[0]))
    both = jnp.stack([jnp.broadcast_to(front.nadir[0], gain.shape), gain + front.nadir[1]], axis=-1)
    return normalised(front, both)[..., 1]


def band(heights: Array, probabilities: Array) -> Array:
    """Quantiles over draws at each level, [draw, level] -> [probability, level].

    The lower of two neighbours, never a value between them: at least 1 - p of the draws attain the quantile p, and a
    level out of reach of some draws gives minus infinity and no NaN.
    """
    return jnp.quantile(heights, probabilities, axis=0, method="lower")
