"""Scrap policies that need no optimiser: autarky, market, pro rata.

Each takes a `Problem` and returns an `Allocation` that never ships more than there is nor more than a province can use.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.problem import Allocation, Problem, answer
from mc.model.paths import ratio

MARKET_STEPS = 8
"""Scaling steps a year; each year starts from the scaling of the last one, and `Info.residual` shows what is left."""


def autarky(problem: Problem) -> Allocation:
    """Each province keeps its scrap; provinces without plants send theirs to the nearest that has some."""
    room = problem.limits.sum(axis=1)
    offered = problem.roads.nearest * problem.supply[:, None]
    used = jnp.minimum(1.0, ratio(room, offered.sum(axis=0)))
    flows = offered * used[None, :]
    return answer(problem, flows, problem.memory, flows.sum())


def pro_rata(problem: Problem) -> Allocation:
    """A national pool: every province gets the same share of what it can use, and every source ships to all of them.

    w_j = U_j min(1, sum s / sum U), x_ij = s_i w_j / sum s.
    """
    room = problem.limits.sum(axis=1)
    total = problem.supply.sum()
    arrivals = room * jnp.minimum(1.0, ratio(total, room.sum()))
    flows = ratio(problem.supply, jnp.broadcast_to(total, problem.supply.shape))[:, None] * arrivals[None, :]
    return answer(problem, flows, problem.memory, jnp.minimum(total, room.sum()))


def market(problem: Problem) -> Allocation:
    """Gravity: x_ij ~ s_i u_j exp(-d_ij / d0), scaled to supplies and limits (Wilson 1971, Environ. Plan. A 3:1).

    A dummy source delivers the shortage, a dummy sink takes the surplus; each is a row or column of ones with a scale
    of its own. Scaling is stopped after MARKET_STEPS; a last pass trims columns so that supplies and limits hold.
    """
    room = problem.limits.sum(axis=1)
    shortage = jnp.maximum(room.sum() - problem.supply.sum(), 0.0)
    surplus = jnp.maximum(problem.supply.sum() - room.sum(), 0.0)
    pull = problem.roads.pull

    def step(_: int, scales: tuple[Array, Array]) -> tuple[Array, Array]:
        columns, idle = scales
        rows = ratio(problem.supply, pull @ columns + idle)
        spare = ratio(shortage, columns.sum())
        return ratio(room, rows @ pull + spare), ratio(surplus, rows.sum())

    columns, idle = jax.lax.fori_loop(0, MARKET_STEPS, step, (problem.memory, jnp.zeros_like(surplus)))
    rows = ratio(problem.supply, pull @ columns + idle)
    flows = rows[:, None] * pull * columns[None, :]
    flows = flows * jnp.minimum(1.0, ratio(room, flows.sum(axis=0)))[None, :]
    return answer(problem, flows, columns, jnp.minimum(problem.supply.sum(), room.sum()))


Policy = Callable[[Problem], Allocation]
"""A scrap policy: one year's problem in, its allocation out."""

RIVALS: dict[str, Policy] = {"autarky": autarky, "market": market, "pro_rata": pro_rata}
"""Policies that need no optimiser, by name; the axis `rival` of what an optimiser is compared with."""
