"""Scrap policies that need no optimiser: autarky, market, pro rata.

Each takes a `Problem` and returns an `Allocation` that never ships more than there is nor more than a province can use.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.problem import Allocation, Problem, answer
from mc.model.paths import product, ratio, total

MARKET_STEPS = 8
"""Scaling steps a year; each year starts from the scaling of the last one, and `Info.residual` shows what is left."""


def autarky(problem: Problem) -> Allocation:
    """Each province keeps its scrap; provinces without plants send theirs to the nearest that has some."""
    room, nearest = total(problem.limits, 1), problem.roads.nearest
    used = jnp.minimum(1.0, ratio(room, product(problem.supply, nearest)))
    return answer(problem, (problem.supply, nearest, used), problem.memory)


def pro_rata(problem: Problem) -> Allocation:
    """A national pool: every province gets the same share of what it can use, and every source ships to all of them.

    w_j = U_j min(1, sum s / sum U), x_ij = s_i w_j / sum s.
    """
    room = total(problem.limits, 1)
    pool, most = total(problem.supply), total(room)
    arrivals = room * jnp.minimum(1.0, ratio(pool, most))[None]
    share = ratio(problem.supply, jnp.broadcast_to(pool, problem.supply.shape))
    alike = jnp.ones_like(problem.roads.nearest)
    return answer(problem, (share, alike, arrivals), problem.memory, jnp.minimum(pool, most))


def market(problem: Problem) -> Allocation:
    """Gravity: x_ij ~ s_i u_j exp(-d_ij / d0), scaled to supplies and limits (Wilson 1971, Environ. Plan. A 3:1).

    A dummy source delivers the shortage, a dummy sink takes the surplus; each is a row or column of ones with a scale
    of its own. Scaling is stopped after MARKET_STEPS; a last pass trims columns so that supplies and limits hold.
    """
    room, pull = total(problem.limits, 1), problem.roads.pull
    offered, most = total(problem.supply), total(room)
    shortage, surplus = jnp.maximum(most - offered, 0.0), jnp.maximum(offered - most, 0.0)

    def scale_rows(columns: Array, idle: Array) -> Array:
        return ratio(problem.supply, product(columns, jnp.swapaxes(pull, 0, 1)) + idle[None])

    def step(_: int, scales: tuple[Array, Array]) -> tuple[Array, Array]:
        columns, idle = scales
        rows = scale_rows(columns, idle)
        spare = ratio(shortage, total(columns))
        return ratio(room, product(rows, pull) + spare[None]), ratio(surplus, total(rows))

    columns, idle = jax.lax.fori_loop(0, MARKET_STEPS, step, (problem.memory, jnp.zeros_like(surplus)))
    rows = scale_rows(columns, idle)
    trimmed = columns * jnp.minimum(1.0, ratio(room, product(rows, pull) * columns))
    return answer(problem, (rows, pull, trimmed), columns, jnp.minimum(offered, most))


Policy = Callable[[Problem], Allocation]
"""A scrap policy: one year's problem in, its allocation out."""

RIVALS: dict[str, Policy] = {"autarky": autarky, "market": market, "pro_rata": pro_rata}
"""Policies that need no optimiser, by name; the axis `rival` of what an optimiser is compared with."""
