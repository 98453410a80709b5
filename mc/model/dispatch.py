"""What runs in a year: limits of scrap, then the waterfall from scrap to blast furnaces."""

import dataclasses
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.model import iron
from mc.model.drive import Force
from mc.model.paths import ratio, settled, sum_at
from mc.model.world import HOT_METAL, MELTS_OWN_IRON, Fleet, World, places


def electric_reach(inputs: Inputs, installed: Array, output: Array) -> Array:
    """Most electric furnace steel this year, Mt [province]: arrivals let furnaces be built, as fast as they grow."""
    grown = (1.0 + inputs.uptake.eaf_growth)[None] * installed + inputs.uptake.eaf_seed[None] * output
    return jnp.minimum(grown, output)


def scrap_limits(inputs: Inputs, electric: Array, converter: Array, charge: Array) -> Array:
    """What the segments of `mc.allocation.problem.SEGMENTS` can take, Mt [province, segment].

    Converter segments use the least converter output that electric furnaces at their limit would leave, so that scrap
    is never counted twice whatever the policy does (the conservative bound, not the exact row).
    """
    scrap_rate, _ = iron.electric_charge(inputs.iron, charge)
    least = jnp.minimum(inputs.iron.converter_scrap_base, inputs.iron.converter_scrap_max)
    extra = inputs.iron.converter_scrap_max - least
    return jnp.stack([least[None] * converter, scrap_rate[None] * electric, extra[None] * converter], axis=1)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Run:
    """What ran in a year.

    Attributes:
        production: crude steel by route, Mt [province].
        hot_metal: by route that makes it (`world.HOT_METAL`), Mt [province].
        added: best-practice blast furnace capacity relined or built, Mt of hot metal [province].
        scrap: charged, Mt [province, segment].
        unmet: output that could not be made, Mt [province].
    """

    production: Fleet
    hot_metal: Fleet
    added: Array
    scrap: Array
    unmet: Array


def waterfall(amount: Array, capacity: Iterable[Array]) -> list[Array]:
    """Fill capacities in their order [province]; no amount is below zero."""
    filled = []
    for size in capacity:
        filled.append(jnp.minimum(amount, size))
        amount = settled(amount - filled[-1])
    return filled


def dispatch(inputs: Inputs, world: World, capacity: Fleet, scrap: Array, force: Force) -> Run:
    """Run what there is: electric furnaces on their scrap, then direct routes, then hot metal for converters.

    Hot metal needed is linear in converter steel and its scrap. What capacity cannot give is relined or built as best
    practice; under a ban it is missing, first for converters at their scrap rate, then for electric furnaces.

    Args:
        inputs: inputs.
        world: constants.
        capacity: ready this year, by route [province].
        scrap: charged by segment, Mt [province, segment].
        force: the year.
    """
    metal, none = inputs.iron, jnp.zeros_like(force.output)
    melting, hot = places(world, *MELTS_OWN_IRON), places(world, *HOT_METAL)
    scrap_rate, hot_metal_rate = iron.electric_charge(metal, force.charge)
    electric = settled(jnp.minimum(scrap[:, 1] / scrap_rate[None], force.output))
    direct = waterfall(force.output - electric, [capacity[route] for route in melting])
    wanted = settled(jnp.maximum(force.output - electric - sum(direct, start=none), 0.0))
    no_scrap = iron.converter_hot_metal(metal, jnp.zeros_like(scrap_rate))
    saved = (metal.content_scrap / metal.content_hot_metal)[None] * (scrap[:, 0] + scrap[:, 2])
    for_converter = settled(jnp.maximum(no_scrap[None] * wanted - saved, 0.0))
    for_electric = hot_metal_rate[None] * electric
    needed = for_converter + for_electric
    short = settled(jnp.maximum(needed - sum_at(capacity, hot), 0.0))
    missing = short * (force.year >= inputs.uptake.reline_ban_from).astype(short.dtype)[None]
    added = short - missing
    best = places(world, "best")
    furnaces = [capacity[route] + added if route in best else capacity[route] for route in hot]
    made = waterfall(settled(jnp.maximum(needed - missing, 0.0)), furnaces)
    on = 1.0 - jnp.minimum(ratio(missing, for_converter), 1.0)
    on_electric = 1.0 - jnp.minimum(ratio(jnp.maximum(missing - for_converter, 0.0), for_electric), 1.0)
    converter, every = wanted * on, settled(sum(made, start=none))
    per_iron = ratio(converter, every)
    # Without any hot metal, converter steel can only be what rounding left: book it as best practice.
    rest = jnp.where(every > 0, 0.0, converter)
    production = [none] * len(capacity)
    for route, size in zip(hot, made, strict=True):
        production[route] = size * per_iron + rest if route in best else size * per_iron
    for route, size in zip(melting, direct, strict=True):
        production[route] = size
    for route in places(world, "scrap"):
        production[route] = electric * on_electric
    charged = scrap * jnp.stack([on, on_electric, on], axis=1)
    unmet = wanted * (1.0 - on) + electric * (1.0 - on_electric)
    return Run(tuple(production), tuple(made), added, charged, unmet)
