"""What runs in a year: limits of scrap, then the waterfall from scrap to blast furnaces."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.model import iron
from mc.model.drive import Force
from mc.model.intensity import makes_hot_metal
from mc.model.paths import ratio
from mc.model.world import World


def electric_reach(inputs: Inputs, installed: Array, output: Array) -> Array:
    """Most electric furnace steel this year, Mt [province]: arrivals let furnaces be built, as fast as they grow."""
    grown = (1.0 + inputs.uptake.eaf_growth) * installed + inputs.uptake.eaf_seed * output
    return jnp.minimum(grown, output)


def scrap_limits(inputs: Inputs, electric: Array, converter: Array, charge: Array) -> Array:
    """What the segments of `mc.allocation.problem.SEGMENTS` can take, Mt [province, segment].

    Converter segments use the least converter output that electric furnaces at their limit would leave, so that scrap
    is never counted twice whatever the policy does (the conservative bound, not the exact row).
    """
    scrap_rate, _ = iron.electric_charge(inputs.iron, charge)
    least = jnp.minimum(inputs.iron.converter_scrap_base, inputs.iron.converter_scrap_max)
    extra = inputs.iron.converter_scrap_max - least
    return jnp.stack([least * converter, scrap_rate * electric, extra * converter], axis=1)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Run:
    """What ran in a year.

    Attributes:
        production: crude steel, Mt [province, route].
        hot_metal: Mt [province, route].
        added: best-practice blast furnace capacity relined or built, Mt of hot metal [province].
        scrap: charged, Mt [province, segment].
        unmet: output that could not be made, Mt [province].
    """

    production: Array
    hot_metal: Array
    added: Array
    scrap: Array
    unmet: Array


def waterfall(amount: Array, capacity: Array) -> Array:
    """Fill capacities in the order of the route axis, cleanest first [province, route]."""
    return jnp.clip(amount[:, None] - (jnp.cumsum(capacity, axis=1) - capacity), 0.0, capacity)


def dispatch(inputs: Inputs, world: World, capacity: Array, scrap: Array, force: Force) -> Run:
    """Run what there is: electric furnaces on their scrap, then direct routes, then hot metal for converters.

    Hot metal needed is linear in converter steel and its scrap. What capacity cannot give is relined or built as best
    practice; under a ban it is missing, first for converters at their scrap rate, then for electric furnaces.

    Args:
        inputs: inputs.
        world: constants.
        capacity: ready this year [province, route].
        scrap: charged by segment, Mt [province, segment].
        force: the year.
    """
    metal = inputs.iron
    scrap_rate, hot_metal_rate = iron.electric_charge(metal, force.charge)
    electric = jnp.minimum(scrap[:, 1] / scrap_rate, force.output)
    direct = waterfall(force.output - electric, capacity * world.kind["direct"][None, :])
    wanted = jnp.maximum(force.output - electric - direct.sum(axis=1), 0.0)
    no_scrap = iron.converter_hot_metal(metal, jnp.zeros_like(scrap_rate))
    saved = metal.content_scrap / metal.content_hot_metal * (scrap[:, 0] + scrap[:, 2])
    for_converter = jnp.maximum(no_scrap * wanted - saved, 0.0)
    for_electric = hot_metal_rate * electric
    needed = for_converter + for_electric
    furnaces = capacity * makes_hot_metal(world)[None, :]
    short = jnp.maximum(needed - furnaces.sum(axis=1), 0.0)
    missing = short * (force.year >= inputs.uptake.reline_ban_from).astype(short.dtype)
    added = short - missing
    made = waterfall(needed - missing, furnaces + added[:, None] * world.kind["best"][None, :])
    on = 1.0 - jnp.minimum(ratio(missing, for_converter), 1.0)
    on_electric = 1.0 - jnp.minimum(ratio(jnp.maximum(missing - for_converter, 0.0), for_electric), 1.0)
    split = ratio(made, jnp.broadcast_to(made.sum(axis=1, keepdims=True), made.shape))
    # Without any hot metal, converter steel can only be what rounding left: book it as best practice.
    split = jnp.where(made.sum(axis=1, keepdims=True) > 0, split, world.kind["best"][None, :])
    melted = (electric * on_electric)[:, None] * world.kind["scrap"][None, :]
    production = split * (wanted * on)[:, None] + direct + melted
    charged = scrap * jnp.stack([on, on_electric, on], axis=1)
    unmet = wanted * (1.0 - on) + electric * (1.0 - on_electric)
    return Run(production, made, added, charged, unmet)
