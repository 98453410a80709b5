"""What a tonne of scrap is worth: the difference that it makes to what a year's steelmaking is charged.

A charge is linear in the steel and the hot metal of each route, so one small matrix a year holds all of it. Worth is
taken from two runs of the same works, with a use of scrap empty and full: it telescopes, so that a plan which fills all
uses is worth exactly what the chain then books.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.problem import SEGMENTS
from mc.inputs.nouns import Inputs
from mc.model import dispatch
from mc.model.cost import TONNES_PER_KILOGRAM
from mc.model.drive import Force
from mc.model.intensity import YearFlows
from mc.model.paths import ratio
from mc.model.setting import Setting
from mc.model.world import World

ELECTRIC = SEGMENTS.index("electric")

LEAST_ROOM = 1e-4
"""Room below which a use of scrap counts as full, Mt: float32 knows steel by route to about 1e-6 Mt."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Toll:
    """What is charged per tonne of steel by each route, then per tonne of hot metal; a scan gives it a year axis.

    Attributes:
        amount: charge per t [made]; made is steel by route, then hot metal by route.
        power: net purchased power, MWh per t [made].
        power_rate: charge per MWh [province].
    """

    amount: Array
    power: Array
    power_rate: Array


def co2_toll(inputs: Inputs, world: World, setting: Setting, flows: YearFlows) -> Toll:
    """Direct CO2 and that of power, t; leading axis year. Removals through the grid do not reward the use of power."""
    hydrogen = flows.hydrogen * TONNES_PER_KILOGRAM * setting.hydrogen.power[:, None] * world.hydrogen_on_site
    return Toll(flows.direct, power_by_route(inputs, world, setting, flows) + hydrogen, setting.factor)


def power_by_route(inputs: Inputs, world: World, setting: Setting, flows: YearFlows) -> Array:
    """Net purchased power, MWh per t [year, made]; hot metal saves power in electric furnaces."""
    melts = jnp.concatenate([world.kind["scrap"], jnp.zeros_like(world.kind["scrap"])])
    saved = inputs.routes.electricity_per_hot_metal * setting.charge
    return flows.electricity + saved[:, None] * melts[None, :]


def made(run: dispatch.Run) -> Array:
    """Steel by route, then hot metal by route, Mt [province, made]."""
    return jnp.concatenate([run.production, run.hot_metal], axis=1)


def charge(toll: Toll, made: Array) -> Array:
    """What a year's work is charged [province]; `made` is [province, made]."""
    return made @ toll.amount + (made @ toll.power) * toll.power_rate


def uses_full(on_site: Array, limits: Array) -> Array:
    """Scrap charged with purchased scrap nowhere, in electric furnaces, everywhere, Mt [case, province, segment]."""
    melts = (jnp.arange(len(SEGMENTS)) == ELECTRIC)[None, :]
    return jnp.stack([on_site, jnp.where(melts, limits, on_site), limits])


def scrap_worth(
    inputs: Inputs, world: World, force: Force, toll: Toll, capacity: Array, on_site: Array, limits: Array
) -> Array:
    """Charge that a tonne of purchased scrap avoids, per t [province, segment]; 0 where a use has no room.

    In electric furnaces: between none and all they can take, with converters at their home scrap; in converters:
    between none and all, with electric furnaces full.

    Args:
        inputs: inputs.
        world: constants.
        force: the year.
        toll: what is charged.
        capacity: ready this year [province, route].
        on_site: home scrap charged, Mt [province, segment].
        limits: what the uses can take with it, Mt [province, segment].
    """
    cases = uses_full(on_site, limits)
    runs = jax.vmap(lambda scrap: made(dispatch.dispatch(inputs, world, capacity, scrap, force)))(cases)
    room = limits - on_site
    electric = room[:, ELECTRIC]
    converter = room.sum(axis=1) - electric
    # Differences before the product: what does not change must cancel without rounding.
    by_electric = per_tonne(charge(toll, runs[0] - runs[1]), electric)
    by_converter = per_tonne(charge(toll, runs[1] - runs[2]), converter)
    melts = (jnp.arange(len(SEGMENTS)) == ELECTRIC)[None, :]
    return jnp.where(melts, by_electric[:, None], by_converter[:, None])


def per_tonne(saved: Array, room: Array) -> Array:
    """Charge saved over the room that was filled; 0 where that is too small for rounding to leave a number."""
    return jnp.where(room > LEAST_ROOM, ratio(saved, room), 0.0)
