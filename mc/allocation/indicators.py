"""What a front says in one number: where its knee is and how much it dominates, in shares of its own range."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.front import Front, ranges
from mc.allocation.scaled import positive_or_one


class Knee(NamedTuple):
    """The point farthest from the line between the ends.

    Attributes:
        at: which point of the front [].
        values: both objectives there [2].
        distance: from the line, in normalised space; 0 for a straight front, 1 / sqrt(2) where both ideals are met [].
    """

    at: Array
    values: Array
    distance: Array


def normalised(front: Front, values: Array) -> Array:
    """Values as shares of the range from nadir, 0, to ideal, 1; 0 where there is no range [..., 2]."""
    lead = tuple(range(values.ndim - 1))
    width, nadir = (jnp.expand_dims(each, lead) for each in (ranges(front.ideal, front.nadir), front.nadir))
    return jnp.where(width > 0.0, (values - nadir) / positive_or_one(width), 0.0)


def knee(front: Front) -> Knee:
    """Largest distance to the chord of the ends (Das 1999, Struct. Optim. 18:107, for two objectives).

    The normalised ends are (1, 0) and (0, 1), so the distance is (a + b - 1) / sqrt(2): the knee is the best plan for
    equal normalised weights, and an odd number of even weights holds it exactly. Where the front is straight the knee
    is no place of note: look at the distance.
    """
    shares = normalised(front, front.values)
    distance = (shares.sum(axis=1) - 1.0) / 2.0**0.5
    at = jnp.argmax(distance)
    return Knee(at, front.values[at], jnp.maximum(distance[at], 0.0))


def hypervolume(front: Front) -> Array:
    """Share of the box between nadir and ideal that mixtures of the points dominate, 0.5 (straight) to 1 [].

    Area under the straight lines between the points, all of which are attained; 0 for a front of one point. For exact
    points it is that of their own lines, from the first point to the last.
    """
    first, second = normalised(front, front.values).T
    below = first[0] * second[0]
    between: Array = (0.5 * (first[:-1] + first[1:]) * (second[1:] - second[:-1])).sum()
    total: Array = below + between
    return total


def staircase(points: Array, reference: Array) -> Array:
    """Area that single points dominate above a reference point, both objectives maximised [point, 2] -> [].

    Takes any set: in any order, dominated points and points below the reference included. What a search that knows no
    mixtures reaches is to be compared with this (Zitzler and Thiele 1999, IEEE Trans. Evol. Comput. 3:257).
    """
    above = jnp.maximum(points - reference[None, :], 0.0)
    above = above[jnp.argsort(-above[:, 0])]
    reached = jax.lax.cummax(above[:, 1])
    risen = jnp.diff(reached, prepend=jnp.zeros(1, reached.dtype))
    area: Array = (above[:, 0] * risen).sum()
    return area
