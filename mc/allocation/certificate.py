"""From an almost feasible plan to a feasible one, and the proof of what it is worth, from scratch."""

import jax.numpy as jnp
from jax import Array

from mc.allocation.scaled import positive_or_one
from mc.allocation.transport import Transport

PROVEN = 1e-8
"""Gap up to which a plan counts as converged."""


def repair(problem: Transport, flows: Array) -> tuple[Array, Array]:
    """Flows cut to supplies and limits, and the use that arrivals are put to, most worth first.

    Cutting scales rows, then columns. Flows must be zero on arcs that can only lose.
    """
    segments = jnp.where(problem.worth > 0.0, problem.limits, 0.0)
    flows = flows * jnp.minimum(1.0, problem.supply / positive_or_one(flows.sum(axis=1)))[:, None]
    flows = flows * jnp.minimum(1.0, segments.sum(axis=1) / positive_or_one(flows.sum(axis=0)))[None, :]
    use = jnp.clip(flows.sum(axis=0)[:, None] - worthier(problem.worth, segments), 0.0, segments)
    return flows, use


def worthier(worth: Array, limits: Array) -> Array:
    """Limits of the segments of a sink that fill before each one; of equal worth, in their order [sink, segment]."""
    order = jnp.arange(worth.shape[1])
    earlier = (order[None, :] < order[:, None])[None]
    mine, other = worth[:, :, None], worth[:, None, :]
    return jnp.where((other > mine) | ((other == mine) & earlier), limits[:, None, :], 0.0).sum(axis=2)


def value_of(problem: Transport, flows: Array, use: Array) -> Array:
    """Worth less freight, sum b y - sum t x; an infinite freight counts only where something moves."""
    moved = jnp.where(flows > 0.0, problem.freight, 0.0)
    return (problem.worth * use).sum() - (moved * flows).sum()


def tighten(problem: Transport, price: Array) -> tuple[Array, Array]:
    """Lowest prices that leave delivered prices, up to the best worth, as they are: the bound only falls. With both.

    The price of a source that has nothing is what its first tonne would be worth.
    """
    best = jnp.max(jnp.where(problem.limits > 0.0, problem.worth, -jnp.inf), axis=1)
    price = jnp.where(problem.supply > 0.0, jnp.maximum(price, 0.0), jnp.inf)
    worthwhile = jnp.minimum(jnp.min(problem.freight + price[:, None], axis=0), best)
    price = jnp.max(worthwhile[None, :] - problem.freight, axis=1, initial=0.0)
    return price, jnp.min(problem.freight + price[:, None], axis=0)


def bound_of(problem: Transport, price: Array, delivered: Array) -> Array:
    """Bound sum s p + sum u max(0, b - q): no plan is worth more, whatever p >= 0 (weak duality)."""
    gain = jnp.maximum(problem.worth - delivered[:, None], 0.0)
    return (problem.supply * price).sum() + (problem.limits * gain).sum()


def relative_gap(problem: Transport, value: Array, bound: Array) -> Array:
    """(bound - value) / value; where a plan gains next to nothing, over a millionth of the mass at the largest worth.

    Rounding of worth and freight alone is worth about 1e-16 of mass times worth.
    """
    mass = jnp.minimum(problem.supply.sum(), problem.limits.sum())
    largest = jnp.max(jnp.where(problem.limits > 0.0, jnp.abs(problem.worth), 0.0))
    return (bound - value) / positive_or_one(jnp.maximum(value, 1e-6 * mass * largest))


def violation_of(problem: Transport, flows: Array, use: Array) -> Array:
    """Largest breach of a supply, a limit or a balance, Mt []."""
    supplies = (flows.sum(axis=1) - problem.supply).max()
    limits = (use - problem.limits).max()
    balances = jnp.abs(flows.sum(axis=0) - use.sum(axis=1)).max()
    return jnp.maximum(jnp.maximum(supplies, limits), balances)
