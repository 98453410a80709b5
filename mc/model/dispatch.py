"""What runs in a year: limits and worth of scrap, then the waterfall from scrap to blast furnaces."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.model import iron
from mc.model.drive import Drive, Force
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


def scrap_worth(inputs: Inputs, world: World, drive: Drive, capacity: Array, force: Force) -> Array:
    """CO2 that a tonne of scrap avoids, t/t [province, segment]: direct and power, of the dirtiest route still there.

    In converters a tonne of scrap saves its iron in hot metal; in electric furnaces it makes steel that the dirtiest
    converter route would have made without scrap.
    """
    metal, steel = drive.per_metal, drive.per_steel
    hot = makes_hot_metal(world)[None, :] * (capacity > 0).astype(capacity.dtype)
    last = hot * (jnp.cumsum(hot[:, ::-1], axis=1)[:, ::-1] == 1).astype(hot.dtype)
    metal_co2 = (last * (metal.direct * force.carbon)[None, :]).sum(axis=1)
    metal_co2 = metal_co2 + (last * (metal.electricity * force.carbon)[None, :]).sum(axis=1) * force.grid
    power = steel.electricity + steel.electricity_change * force.rise
    steel_co2 = steel.direct[None, :] + power[None, :] * force.grid[:, None]
    scrap_rate, hot_metal_rate = iron.electric_charge(inputs.iron, force.charge)
    no_scrap = iron.converter_hot_metal(inputs.iron, jnp.zeros_like(scrap_rate))
    power_saved = inputs.routes.electricity_per_hot_metal * force.charge * force.grid
    displaced = (last * steel_co2).sum(axis=1) + no_scrap * metal_co2
    electric = (world.kind["scrap"][None, :] * steel_co2).sum(axis=1) + power_saved + hot_metal_rate * metal_co2
    converter = inputs.iron.content_scrap / inputs.iron.content_hot_metal * metal_co2
    return jnp.stack([converter, (displaced - electric) / scrap_rate, converter], axis=1)


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
