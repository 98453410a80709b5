"""Building and retiring capacity: relines, new primary routes, retrofits."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.model.capacity import is_blast_furnace
from mc.model.drive import Drive, Force
from mc.model.paths import ratio
from mc.model.world import World


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Left:
    """What retirement leaves: capacity [province, route], and retrofitted furnaces relined as they are [province]."""

    capacity: Array
    relined: Array


def retire(world: World, capacity: Array, due: Array, force: Force) -> Left:
    """Take out what retires early and what is due for reline, Mt of hot metal [province].

    Retrofitted furnaces that are due are relined as they are; average and best-practice ones come off, and return as
    best practice if their hot metal is still needed (`dispatch`).
    """
    furnaces = is_blast_furnace(world)
    kept = capacity * (1.0 - force.early * furnaces)[None, :]
    share = jnp.minimum(ratio(due, (kept * furnaces[None, :]).sum(axis=1)), 1.0)
    undecided = world.kind["base"] + world.kind["best"]
    relined = (kept * world.kind["retrofit"][None, :]).sum(axis=1) * share
    return Left(kept * (1.0 - undecided[None, :] * share[:, None]), relined)


def place(force: Force) -> Array:
    """Share of each province in national output [province, 1]: how national limits are split."""
    return ratio(force.output, jnp.broadcast_to(force.output.sum(), force.output.shape))[:, None]


def room_to_grow(inputs: Inputs, world: World, kept: Array, force: Force) -> Array:
    """Most that each route can add this year [province, route]: growth plus a seed, under ceilings and availability."""
    uptake = inputs.uptake
    coke = uptake.coke_per_hot_metal * (kept * is_blast_furnace(world)[None, :]).sum(axis=1, keepdims=True)
    ceiling = force.ceiling[None, :] * place(force)
    gas = jnp.where(uptake.coke_limited[None, :] > 0, uptake.cap_per_coke * coke, jnp.inf)
    reach = uptake.new_route_growth * kept + uptake.new_route_seed * place(force) * force.available[None, :]
    return jnp.clip(jnp.minimum(ceiling, gas) - kept, 0.0, reach)


def choose(drive: Drive, force: Force, rivals: Array) -> Array:
    """Softmax of levelised cost plus bias over the routes that can be built [province, route]; others are masked.

    exp(-(cost + bias) / scale) is a factor a year times one a province, so neither is made inside the scan.
    """
    weight = drive.taste * (force.pull * rivals)[None, :]
    return weight * ratio(jnp.ones_like(weight[:, :1]), weight.sum(axis=1, keepdims=True))


def build(world: World, kept: Array, limit: Array, force: Force, electric: Array, drive: Drive) -> Array:
    """Capacity with what is added of new primary routes [province, route].

    Output that last year's electric steel and the capacity left cannot make is shared by cost between the primary
    routes that are available and a reline at best practice. Scrap-EAF is not among them: arrivals size it. What growth
    or resources refuse stays with the reline. Policy floors are met as far as limits allow.

    Args:
        world: constants.
        kept: capacity after retirement.
        limit: room to grow.
        force: the year.
        electric: electric furnace steel to be expected, Mt [province].
        drive: what all years share.
    """
    primary = world.kind["direct"] + world.kind["smelting"]
    steel = kept * ((1.0 - world.kind["scrap"]) / drive.unit)[None, :]
    gap = jnp.maximum(force.output - electric - steel.sum(axis=1), 0.0)
    chosen = choose(drive, force, primary * force.available + world.kind["best"])
    wanted = chosen * gap[:, None] * drive.unit[None, :]
    asked = jnp.maximum(force.floor[None, :] * place(force) - kept, 0.0)
    return kept + jnp.minimum(jnp.maximum(wanted, asked), limit) * primary[None, :]


def retrofit(inputs: Inputs, world: World, kept: Array, limit: Array, force: Force, drive: Drive) -> Array:
    """Capacity after part of the plain furnaces took capture, hydrogen or biochar [province, route].

    Shrinking output and growing scrap leave almost no new build, so new furnace technology comes as retrofit, at a
    yearly rate shared between retrofits by cost, within growth and resources, or as far as a policy floor asks.
    """
    kind = world.kind["retrofit"]
    plain = (world.kind["base"] + world.kind["best"])[None, :] * kept
    pool = plain.sum(axis=1, keepdims=True)
    wanted = choose(drive, force, kind * force.available) * inputs.uptake.retrofit_rate * pool
    asked = jnp.maximum(force.floor[None, :] * place(force) - kept, 0.0)
    added = jnp.minimum(jnp.maximum(wanted, asked), limit) * kind[None, :]
    total = added.sum(axis=1, keepdims=True)
    added = added * jnp.minimum(1.0, ratio(pool, total))
    return kept + added - plain * ratio(added.sum(axis=1, keepdims=True), pool)
