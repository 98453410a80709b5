"""Which instruments lead a market to the coordinated plan of a year, and what they leave behind."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.coordinated import Bounds, transport
from mc.allocation.objectives import Objectives, values_of, weighted
from mc.allocation.policies import RIVALS
from mc.allocation.problem import Problem, value
from mc.allocation.solve import best_value, solve
from mc.allocation.transport import Plan
from mc.model.paths import ratio

CARBON_PRICES = (0.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Uniform carbon prices that are tried on a market that minimises cost, CNY per t CO2."""

INSTRUMENTS = (*(f"carbon_price_{price:.0f}" for price in CARBON_PRICES), "regional_pools", *RIVALS)
"""Ways to share scrap that are compared with the best plan of a year."""

BILLION = 1e-3
"""Billion CNY per million CNY."""

LEAST_CARBON_PRICE = 0.01
"""CNY per t CO2 that picks the better of plans that cost the same."""

LEVERS = ("supply", "room", "freight")
"""What the gain of coordination is differentiated by: all scrap on offer, all room for it, CO2 of all freight."""

PERCENT = 0.01

LEAST_USE = 1e-6
"""Share of a step, and Mt, below which a plan does not use it."""


def forgone(problem: Problem, plan: Plan, objectives: Objectives) -> Array:
    """CO2 that each instrument avoids less than the best plan, Mt [instrument]."""
    co2, cost = objectives.names.index("co2"), objectives.names.index("cost")

    def priced(carbon: Array) -> Array:
        price = jnp.maximum(carbon, LEAST_CARBON_PRICE) * BILLION
        weights = jnp.zeros(len(objectives.names), jnp.float64).at[cost].set(1.0).at[co2].set(price)
        found = solve(weighted(objectives, weights))
        return values_of(objectives, found.flows, found.use)[co2]

    pooled = solve(transport(problem, bounds=Bounds(pools=True)))
    prices = jnp.asarray(CARBON_PRICES, jnp.float64)
    others = jnp.stack([pooled.value, *(value(problem, rival(problem).flows) for rival in RIVALS.values())])
    return plan.value - jnp.concatenate([jax.vmap(priced)(prices), others])


def slopes(problem: Problem) -> Array:
    """CO2 that coordination gains on each rival for 1 % more of a lever, Mt [lever, rival].

    The best value by its prices (envelope theorem), rivals by differentiating what they do.
    """

    def gains(levers: Array) -> Array:
        dtype = problem.supply.dtype
        supply, room, freight = (lever.astype(dtype) for lever in levers)
        steps = dataclasses.replace(problem.priced, size=problem.priced.size * room)
        moved = dataclasses.replace(
            problem,
            supply=problem.supply * supply,
            limits=problem.limits * room,
            roads=dataclasses.replace(problem.roads, co2=problem.roads.co2 * freight),
            steps=steps,
        )
        reached = jnp.stack([value(moved, rival(moved).flows) for rival in RIVALS.values()])
        return best_value(transport(moved)) - reached

    level, each = jnp.ones(len(LEVERS), jnp.float64), jnp.eye(len(LEVERS), dtype=jnp.float64)
    found: Array = jax.vmap(lambda lever: jax.jvp(gains, (level,), (lever,))[1])(PERCENT * each)
    return found


def support(problem: Problem, plan: Plan, own: Array, carbon_price: Array) -> tuple[Array, Array]:
    """Prices at which price takers choose the best plan: of scrap, and the premium on its use, CNY/t [province].

    Scrap costs what it is worth in CO2 at the carbon price, and the same rent everywhere. A works buys all that the
    plan gives it if the use that saves it least, among those that the plan fills, still pays: the premium is what is
    missing, or a levy below zero. The rent is such that premiums and levies cancel.

    Args:
        problem: the year.
        plan: the best plan.
        own: cost that a tonne saves the works, CNY/t [province, step].
        carbon_price: CNY per t CO2 [].
    """
    carbon, size = carbon_price.astype(jnp.float64), problem.priced.size.astype(jnp.float64)
    arrivals = plan.flows.sum(axis=0)
    used = plan.use > LEAST_USE * jnp.maximum(size, LEAST_USE)
    least = jnp.min(jnp.where(used, own.astype(jnp.float64), jnp.inf), axis=1)
    missing = jnp.where(used.any(axis=1), carbon * plan.delivered - least, 0.0)
    rent = -ratio((arrivals * missing).sum(), arrivals.sum())
    return carbon * plan.price + rent, jnp.where(used.any(axis=1), missing + rent, 0.0)
