"""Building and retiring capacity: relines, new primary routes, retrofits."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.model.capacity import is_blast_furnace, spread
from mc.model.drive import Force
from mc.model.paths import ratio
from mc.model.world import World

MASKED = -1e9
"""Logit of a route that cannot be chosen."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Left:
    """What retirement leaves.

    Attributes:
        capacity: Mt [province, route].
        calendar: Mt [province, slot].
        wasted: blast furnace capacity retired early times the share of its campaign it had left, Mt [province].
    """

    capacity: Array
    calendar: Array
    wasted: Array


def retire(inputs: Inputs, world: World, capacity: Array, calendar: Array, force: Force) -> Left:
    """Take out what is due for reline and what retires early.

    Retrofitted furnaces that are due are relined as they are; average and best-practice ones come off, and return as
    best practice if their hot metal is still needed (`dispatch`).
    """
    uptake = inputs.uptake
    early = uptake.early_retirement * (force.year >= uptake.early_retirement_from).astype(force.year.dtype)
    slots = jnp.arange(calendar.shape[1], dtype=calendar.dtype)
    ahead = slots - (force.year - world.years[0])
    unused = jnp.clip(ahead / uptake.campaign, 0.0, 1.0)
    wasted = early * (calendar * unused[None, :]).sum(axis=1)
    calendar = calendar * (1.0 - early)
    due = (calendar * force.slot[None, :]).sum(axis=1)
    share = ratio(due, calendar.sum(axis=1))
    kept = capacity * (1.0 - early * is_blast_furnace(world))[None, :]
    undecided = world.kind["base"] + world.kind["best"]
    decision = (kept * undecided[None, :]).sum(axis=1) * share
    kept = kept * (1.0 - undecided[None, :] * share[:, None])
    again = spread(slots, force.year - world.years[0] + uptake.campaign)
    calendar = calendar * (1.0 - force.slot)[None, :] + (due - decision)[:, None] * again[None, :]
    return Left(kept, calendar, wasted)


def place(force: Force) -> Array:
    """Share of each province in national output [province, 1]: how national limits are split."""
    return (force.output / force.output.sum())[:, None]


def room_to_grow(inputs: Inputs, world: World, kept: Array, force: Force) -> Array:
    """Most that each route can add this year [province, route]: growth plus a seed, under ceilings and availability."""
    uptake = inputs.uptake
    coke = uptake.coke_per_hot_metal * (kept * is_blast_furnace(world)[None, :]).sum(axis=1, keepdims=True)
    ceiling = force.ceiling[None, :] * place(force)
    gas = jnp.where(uptake.coke_limited[None, :] > 0, uptake.cap_per_coke * coke, jnp.inf)
    reach = uptake.new_route_growth * kept + uptake.new_route_seed * place(force) * force.available[None, :]
    return jnp.clip(jnp.minimum(ceiling, gas) - kept, 0.0, reach)


def choose(inputs: Inputs, force: Force, rivals: Array) -> Array:
    """Softmax of levelised cost plus bias over routes that can be built [province, route]; masked before softmax."""
    uptake = inputs.uptake
    bias = uptake.choice_bias_sd * uptake.choice_noise
    logits = jnp.where(rivals[None, :] > 0, -(force.cost[None, :] + bias) / uptake.choice_scale, MASKED)
    return jax.nn.softmax(logits, axis=1) * rivals[None, :]


def build(inputs: Inputs, world: World, kept: Array, limit: Array, force: Force, electric: Array, unit: Array) -> Array:
    """Capacity with what is added of new primary routes [province, route].

    Output that last year's electric steel and the capacity left cannot make is shared by cost between the primary
    routes that are available and a reline at best practice. Scrap-EAF is not among them: arrivals size it. What
    growth or resources refuse stays with the reline. Policy floors are met as far as limits allow.

    Args:
        inputs: inputs.
        world: constants.
        kept: capacity after retirement.
        limit: room to grow.
        force: the year.
        electric: electric furnace steel to be expected, Mt [province].
        unit: capacity unit per t of steel [route].
    """
    primary = world.kind["direct"] + world.kind["smelting"]
    steel = kept * ((1.0 - world.kind["scrap"]) / unit)[None, :]
    gap = jnp.maximum(force.output - electric - steel.sum(axis=1), 0.0)
    chosen = choose(inputs, force, primary * force.available + world.kind["best"])
    wanted = chosen * gap[:, None] * unit[None, :]
    asked = jnp.maximum(force.floor[None, :] * place(force) - kept, 0.0)
    return kept + jnp.minimum(jnp.maximum(wanted, asked), limit) * primary[None, :]


def retrofit(inputs: Inputs, world: World, kept: Array, limit: Array, force: Force) -> Array:
    """Capacity after part of the plain furnaces took capture, hydrogen or biochar [province, route].

    Shrinking output and growing scrap leave almost no new build, so new furnace technology comes as retrofit, at a
    yearly rate shared between retrofits by cost, within growth and resources, or as far as a policy floor asks.
    """
    kind = world.kind["retrofit"]
    plain = (world.kind["base"] + world.kind["best"])[None, :] * kept
    pool = plain.sum(axis=1, keepdims=True)
    wanted = choose(inputs, force, kind * force.available) * inputs.uptake.retrofit_rate * pool
    asked = jnp.maximum(force.floor[None, :] * place(force) - kept, 0.0)
    added = jnp.minimum(jnp.maximum(wanted, asked), limit) * kind[None, :]
    total = added.sum(axis=1, keepdims=True)
    added = added * jnp.minimum(1.0, ratio(pool, total))
    return kept + added - plain * ratio(added.sum(axis=1, keepdims=True), pool)
