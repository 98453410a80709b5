"""The best plan of a year, with proof: `solve` for the plan, `best_value` for what can be differentiated."""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.certificate import (
    PROVEN,
    bound_of,
    relative_gap,
    repair,
    tighten,
    value_of,
    violation_of,
)
from mc.allocation.interior import Side, dual_value, duality_gap, iterate, leak, start
from mc.allocation.scaled import Scaled, scale
from mc.allocation.transport import Plan, Transport, attainable, in_double

STOP = 3e-9
"""Duality gap, relative to the dual value, at which the interior point method stops."""

SECOND_TRY = 32
"""Iterations after which a problem that is still open is begun again, with steps that keep off the boundary."""

CAP = 72
"""Iterations after which it stops anyway; a hard problem takes 25."""


State = tuple[Side, Side, Array, Array, Array, Array]


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def solve(problem: Transport, cap: int = CAP) -> Plan:
    """The best plan of one problem, certified; any shape, any scale, degenerate or not. Takes at most `cap` iterations.

    Computes in float64 whatever comes in, and wants to be called within `jax.enable_x64(True)`. Under vmap each problem
    is iterated until its own gap is closed and then left alone, while the batch goes on until its slowest is done.
    Plans jump as the problem changes, and the best need not be unique: differentiating one raises TypeError. Use
    `best_value`, or `jax.lax.stop_gradient` on the problem.
    """
    whole = in_double(problem)
    within = attainable(whole)
    scaled = scale(within)
    return certified(whole, within, scaled, *approach(scaled, cap))


@solve.defjvp
def _no_derivative(_cap: int, _plan_of: tuple[Transport], _change: tuple[Transport]) -> tuple[Plan, Plan]:
    raise TypeError("a plan has no derivative: differentiate mc.allocation.solve.best_value, or stop the gradient")


def certified(whole: Transport, within: Transport, scaled: Scaled, primal: Side, dual: Side, iterations: Array) -> Plan:
    """The plan and the proof that a point of the interior point method amounts to."""
    flows, use = repair(within, jnp.where(scaled.arcs > 0.0, primal.arcs, 0.0) * scaled.mass)
    price, delivered = tighten(within, dual.sources * scaled.money)
    value, bound = value_of(within, flows, use), bound_of(within, price, delivered)
    gap = relative_gap(within, value, bound)
    breach = violation_of(whole, flows, use)
    return Plan(flows, use, price, delivered, value, bound, gap, breach, iterations, gap <= PROVEN)


@jax.custom_jvp
def best_value(problem: Transport) -> Array:
    """Worth of the best plan, to be differentiated in forward or reverse mode; float64.

    Envelope theorem: dV/ds = p, dV/du = max(0, b - q), dV/db = y, dV/dt = -x. Where the value has a kink these are one
    of its slopes. Second derivatives are zero or do not exist, and raise TypeError.
    """
    return solve(problem).value


@best_value.defjvp
def _envelope(primals: tuple[Transport], tangents: tuple[Transport]) -> tuple[Array, Array]:
    (problem,), change = primals, in_double(tangents[0])
    plan = solve(problem)
    rent = jnp.maximum(in_double(problem).worth - plan.delivered[:, None], 0.0)
    rise = (plan.price * change.supply).sum() + (rent * change.limits).sum()
    rise += (plan.use * change.worth).sum() - (plan.flows * change.freight).sum()
    return plan.value, rise


def approach(problem: Scaled, cap: int) -> tuple[Side, Side, Array]:
    """Iterate until the gap is closed; under vmap each problem stays as it is from then on.

    A step that is not a number is not taken, and ends the iterations.
    """
    first_primal, first_dual = start(problem)
    todo = problem.arcs.any()

    def body(state: State) -> State:
        primal, dual, gap, settle, count, _ = state
        ahead, beside = iterate(problem, primal, dual, gap, settle, count > SECOND_TRY)
        sound = jnp.isfinite(ahead.sources.sum() + beside.sources.sum())
        again = count == SECOND_TRY
        primal, dual = jax.tree.map(
            lambda begin, new, old: jnp.where(again, begin, jnp.where(sound, new, old)),
            (first_primal, first_dual),
            (ahead, beside),
            (primal, dual),
        )
        gap = duality_gap(problem, primal, dual)
        enough = STOP * dual_value(problem, dual.sources, dual.bounds[1])
        closed, tight = gap <= enough, leak(problem, primal, dual) <= enough
        return primal, dual, gap, closed, count + 1, sound & ~(closed & tight) & (count + 1 < cap)

    gap = duality_gap(problem, first_primal, first_dual)
    first = (first_primal, first_dual, gap, jnp.zeros((), bool), jnp.zeros((), jnp.int32), todo)
    primal, dual, _, _, count, _ = jax.lax.while_loop(lambda state: state[-1], body, first)
    return primal, dual, count
