"""Building and retiring capacity: relines, new primary routes, retrofits.

Capacity is one array a route, `Fleet`: what a kind of route has to do with a relation is known when it is traced.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.model.drive import Drive, Force
from mc.model.paths import ratio, settled, sum_at, total
from mc.model.world import FURNACES, MELTS_OWN_IRON, Fleet, World, places

PLAIN = ("base", "best")
"""Kinds of blast furnaces that are relined as best practice, or retrofitted."""
PRIMARY = (*MELTS_OWN_IRON, "smelting")
"""Kinds of new primary routes."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Left:
    """What retirement leaves: capacity by route [province], and retrofitted furnaces relined as they are [province]."""

    capacity: Fleet
    relined: Array


def retire(world: World, capacity: Fleet, due: Array, force: Force) -> Left:
    """Take out what retires early and what is due for reline, Mt of hot metal [province].

    Retrofitted furnaces that are due are relined as they are; average and best-practice ones come off, and return as
    best practice if their hot metal is still needed (`dispatch`).
    """
    furnaces, plain = places(world, *FURNACES), places(world, *PLAIN)
    late = (1.0 - force.early)[None]
    kept = [size * late if route in furnaces else size for route, size in enumerate(capacity)]
    share = jnp.minimum(ratio(due, sum_at(kept, furnaces)), 1.0)
    relined = sum_at(kept, places(world, "retrofit")) * share
    left = [size * (1.0 - share) if route in plain else size for route, size in enumerate(kept)]
    return Left(tuple(left), relined)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Outlook:
    """What a year holds for the growth of routes whatever stands there; by place of the route, [province].

    Attributes:
        chosen: share of new primary steel, or of retrofits, that a route gets by its cost.
        seed: what a route can add from nothing, Mt.
        ceiling: share of the national ceiling of capacity, Mt.
        floor: share of the national floor of capacity, Mt.
    """

    chosen: dict[int, Array]
    seed: dict[int, Array]
    ceiling: dict[int, Array]
    floor: dict[int, Array]


def outlook(inputs: Inputs, world: World, drive: Drive, force: Force) -> Outlook:
    """What a year holds, national limits split by the share of each province in national output."""
    primary, retrofits = places(world, *PRIMARY), places(world, "retrofit")
    place = ratio(force.output, jnp.broadcast_to(total(force.output), force.output.shape))
    reline = {route: jnp.ones_like(force.year) for route in places(world, "best")}
    chosen = choose(drive, force, {route: force.available[route] for route in primary} | reline)
    chosen |= choose(drive, force, {route: force.available[route] for route in retrofits})
    growing = (*primary, *retrofits)

    def split(national: Array) -> dict[int, Array]:
        return {route: national[route][None] * place for route in growing}

    seed = split(inputs.uptake.new_route_seed[None] * force.available)
    return Outlook({route: chosen[route] for route in growing}, seed, split(force.ceiling), split(force.floor))


def choose(drive: Drive, force: Force, rivals: dict[int, Array]) -> dict[int, Array]:
    """Softmax of levelised cost plus bias over routes [province], by place; a rival that is 0 cannot be chosen.

    exp(-(cost + bias) / scale) is a factor a year times one a province.
    """
    weights = {route: drive.taste[:, route] * (force.pull[route] * rival)[None] for route, rival in rivals.items()}
    every = sum(weights.values(), start=jnp.zeros_like(force.output))
    share = ratio(jnp.ones_like(every), every)
    return {route: weight * share for route, weight in weights.items()}


def grow(inputs: Inputs, world: World, kept: Fleet, ahead: Outlook, wanted: dict[int, Array]) -> dict[int, Array]:
    """What routes add of what is wanted of them [province]: no less than policy floors, no more than can grow.

    Growth is on top of a seed, under ceilings and what coke gives.
    """
    uptake = inputs.uptake
    iron = settled(sum_at(kept, places(world, *FURNACES)))
    coke = (uptake.cap_per_coke * uptake.coke_per_hot_metal)[None] * iron
    added = {}
    for route, amount in wanted.items():
        gas = jnp.where(uptake.coke_limited[route][None] > 0, coke, jnp.inf)
        reach = uptake.new_route_growth[None] * kept[route] + ahead.seed[route]
        room = jnp.clip(jnp.minimum(ahead.ceiling[route], gas) - kept[route], 0.0, reach)
        added[route] = settled(jnp.minimum(jnp.maximum(amount, ahead.floor[route] - kept[route]), room))
    return added


def build(
    inputs: Inputs, world: World, kept: Fleet, now: tuple[Force, Outlook], electric: Array, drive: Drive
) -> Fleet:
    """Capacity by route with what is added of new primary routes [province].

    Output that last year's electric steel and the capacity left cannot make is shared by cost between the primary
    routes that are available and a reline at best practice. Scrap-EAF is not among them: arrivals size it. What growth
    or resources refuse stays with the reline. Policy floors are met as far as limits allow.

    Args:
        inputs: inputs.
        world: constants.
        kept: capacity after retirement.
        now: the year.
        electric: electric furnace steel to be expected, Mt [province].
        drive: what all years share.
    """
    force, ahead = now
    able = sum(kept[route] * (1.0 / drive.unit[route])[None] for route in places(world, *FURNACES, *PRIMARY))
    gap = settled(jnp.maximum(force.output - electric - able, 0.0))
    wanted = {route: ahead.chosen[route] * gap * drive.unit[route][None] for route in places(world, *PRIMARY)}
    added = grow(inputs, world, kept, ahead, wanted)
    return tuple(size + added[route] if route in added else size for route, size in enumerate(kept))


def retrofit(inputs: Inputs, world: World, kept: Fleet, built: Fleet, ahead: Outlook) -> Fleet:
    """Capacity by route after part of the plain furnaces took capture, hydrogen or biochar [province].

    Shrinking output and growing scrap leave almost no new build, so new furnace technology comes as retrofit, at a
    yearly rate shared between retrofits by cost, within growth and resources, or as far as a policy floor asks.
    """
    plain = places(world, *PLAIN)
    pool = sum_at(built, plain)
    given = inputs.uptake.retrofit_rate[None] * pool
    wanted = {route: ahead.chosen[route] * given for route in places(world, "retrofit")}
    added = grow(inputs, world, kept, ahead, wanted)
    taken = sum(added.values(), start=jnp.zeros_like(pool))
    possible = jnp.minimum(1.0, ratio(pool, taken))
    left = 1.0 - ratio(taken * possible, pool)
    return tuple(
        size * left if route in plain else size + added[route] * possible if route in added else size
        for route, size in enumerate(built)
    )
