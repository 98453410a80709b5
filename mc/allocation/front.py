"""Which plans are Pareto optimal in two objectives: supported points by weights, exact points at given levels.

Plans form a convex set and objectives are linear, so the front is concave and piecewise linear, every point of it is
best for some weights, and what lies between two best plans for the same weights is best for them too. Each point comes
with its weights and an upper bound that the dual proves, so no front has to be taken on trust.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.closer import solve_closer
from mc.allocation.objectives import Objectives, in_double, index_of, sizes, values_of, weighted
from mc.allocation.scaled import positive_or_one

END_WEIGHTS = tuple(8.0**-power for power in range(8))
"""Weights of the other objective, in units of order one, that are tried in the search for an end of the front."""

END_LOSS = 1e-12
"""Share of the best value, beyond the certified gap, that an end may lose."""

NIL = 1e-9
"""Range, relative to the ideal, below which two ends count as one."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Front:
    """Points of the front of two objectives, from the best in the first to the best in the second; float64.

    Attributes:
        values: both objectives of each point [point, 2].
        weights: of the two objectives; no plan has weights @ values above `bound` [point, 2].
        bound: proven by the dual [point].
        gap: what the bound leaves open: for supported points of the weighted sum, over the sum of weights @ |values|;
            for exact points of the second objective, over the larger of its |ideal| and |nadir| [point].
        flows: who ships to whom, Mt [point, source, sink].
        use: what the arrivals are used for, Mt [point, sink, segment].
        ideal: best values of the two objectives alone, out of reach together [2].
        nadir: worst values on the front: each objective where the other one is best [2].
    """

    values: Array
    weights: Array
    bound: Array
    gap: Array
    flows: Array
    use: Array
    ideal: Array
    nadir: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Point:
    """A plan, its two values, and the weights for which `bound` limits them; attributes as in `Front`."""

    values: Array
    weights: Array
    bound: Array
    flows: Array
    use: Array


def front(objectives: Objectives, pair: tuple[str, str], count: int = 33) -> Front:
    """Supported points of two objectives: both ends and the best plans for `count` - 2 weights, even after scaling.

    Straight lines between points are attained by mixtures of their plans, so they are below the front or on it. Weights
    are those of objectives scaled to the range between nadir and ideal. Equal objectives give `count` equal points.
    """
    objectives = in_double(objectives)
    ends = both_ends(objectives, pair)
    ideal, nadir = jnp.diagonal(ends.values), jnp.diagonal(ends.values[::-1])
    share = jnp.linspace(0.0, 1.0, count)[1:-1]
    scale = jnp.where(ranges(ideal, nadir) > 0.0, ranges(ideal, nadir), positive_or_one(jnp.abs(ideal)))
    scaled = jnp.stack([1.0 - share, share], axis=1) / scale[None, :]
    inner = jax.vmap(lambda weights: best_for(objectives, pair, weights))(scaled)
    points = jax.tree.map(
        lambda end, middle: jnp.concatenate([end[:1], middle, end[1:]]),
        ends,
        inner,
    )
    return assemble(points, ideal, nadir)


def ranges(ideal: Array, nadir: Array) -> Array:
    """What each objective has to lose on the front; 0 where that is rounding [2]."""
    size = jnp.maximum(jnp.abs(ideal), jnp.abs(nadir))
    return jnp.where(ideal - nadir > NIL * size, ideal - nadir, 0.0)


def assemble(points: Point, ideal: Array, nadir: Array) -> Front:
    """A front of supported points."""
    reached = (points.weights * points.values).sum(axis=1)
    size = (points.weights * jnp.abs(points.values)).sum(axis=1)
    gap = (points.bound - reached) / positive_or_one(size)
    return Front(points.values, points.weights, points.bound, gap, points.flows, points.use, ideal, nadir)


def best_for(objectives: Objectives, pair: tuple[str, str], weights: Array) -> Point:
    """The best plan for the weights of two objectives [2]."""
    at = jnp.array([index_of(objectives, name) for name in pair])
    every = jnp.zeros(len(objectives.names)).at[at].add(weights)
    plan = solve_closer(weighted(objectives, every))
    return Point(values_of(objectives, plan.flows, plan.use)[at], weights, plan.bound, plan.flows, plan.use)


def both_ends(objectives: Objectives, pair: tuple[str, str]) -> Point:
    """Lexicographic best plans: the best in one objective and, among its best plans, in the other; stacked.

    An end is the best plan for all small enough weights of the other objective. Taken is the largest weight that loses
    nothing, because the error of the other objective is that of the weighted sum over its weight.
    """
    scale = 1.0 / sizes(objectives)[jnp.array([index_of(objectives, name) for name in pair])]
    small = jnp.array([*END_WEIGHTS, 0.0], jnp.float64)
    whole = jnp.ones_like(small)
    weights = jnp.stack([jnp.stack([whole, small], axis=1), jnp.stack([small, whole], axis=1)]) * scale[None, None, :]
    tried = jax.vmap(jax.vmap(lambda pair_weights: best_for(objectives, pair, pair_weights)))(weights)
    return jax.vmap(largest_without_loss)(tried, jnp.arange(2))


def largest_without_loss(tried: Point, end: Array) -> Point:
    """Of plans for falling weights of the other objective, the first still best in its own [weight, ...]."""
    own = tried.values[:, end]
    unproven = tried.bound - (tried.weights * tried.values).sum(axis=1)
    loss = own.max() - own - unproven / tried.weights[:, end]
    kept = loss <= END_LOSS * jnp.abs(own).max()
    # The last one has no weight on the other objective at all: anything but that.
    chosen = jnp.minimum(jnp.argmax(kept), own.shape[0] - 2)
    picked: Point = jax.tree.map(lambda leaf: leaf[chosen], tried)
    return picked
