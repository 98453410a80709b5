"""What a tonne of scrap is worth: the difference that it makes to what a year's steelmaking is charged.

A charge is linear in the steel and the hot metal of each route, so one small matrix a year holds all of it. Worth is
taken from two runs of the same works, with a use of scrap empty and full: it telescopes, so that a plan which fills all
uses is worth exactly what the chain then books.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.allocation.problem import CONVERTER_STEPS, ELECTRIC_STEPS, SEGMENTS, Steps
from mc.inputs.nouns import Inputs
from mc.model import dispatch
from mc.model.cost import TONNES_PER_KILOGRAM
from mc.model.drive import Force
from mc.model.intensity import YearFlows
from mc.model.paths import ratio
from mc.model.setting import Setting
from mc.model.world import HOT_METAL, Fleet, World, places

BASE, ELECTRIC, EXTRA = (SEGMENTS.index(name) for name in ("converter_base", "electric", "converter_extra"))

LEAST_ROOM = 1e-4
"""Room below which a use of scrap counts as full, Mt: float32 knows steel by route to about 1e-6 Mt."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Toll:
    """What is charged per tonne of steel by each route, then of hot metal by those that make it; by year in a scan.

    Attributes:
        amount: charge per t [made]; made is steel by route, then hot metal by route that makes it.
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
    melts = jnp.concatenate([world.kind["scrap"], jnp.zeros(len(places(world, *HOT_METAL)), world.years.dtype)])
    saved = inputs.routes.electricity_per_hot_metal * setting.charge
    return flows.electricity + saved[:, None] * melts[None, :]


def cost_toll(inputs: Inputs, world: World, setting: Setting, flows: YearFlows) -> Toll:
    """Cost of steelmaking, CNY; leading axis year. The carbon price and what scrap costs are left out: transfers."""
    price = setting.prices
    of_metal = jnp.zeros((len(world.years), len(places(world, *HOT_METAL))), price.capital.dtype)
    capital = jnp.concatenate([price.capital.T, of_metal], axis=1)
    fuel = jnp.einsum("tre,et->tr", flows.fuel, price.fuel)
    hydrogen = flows.hydrogen * TONNES_PER_KILOGRAM * price.hydrogen[:, None]
    ore = flows.ore * price.ore + flows.pellets * price.pellets
    rate = jnp.broadcast_to(price.electricity[:, None], setting.factor.shape)
    amount = capital + fuel + hydrogen + ore + flows.captured * price.storage
    return Toll(amount, power_by_route(inputs, world, setting, flows), rate)


def pollutant_toll(inputs: Inputs, setting: Setting, flows: YearFlows) -> Toll:
    """Pollutants in taxable units of a thousand, bottom-up; leading axis year. Those of power are booked elsewhere."""
    amount = flows.pollutants @ (1.0 / inputs.pollutants.tax_equivalent)
    return Toll(amount, jnp.zeros_like(amount), jnp.zeros_like(setting.factor))


def made(run: dispatch.Run) -> Array:
    """Steel by route, then hot metal by route that makes it, Mt [province, made]."""
    return jnp.stack([*run.production, *run.hot_metal], axis=1)


def charge(toll: Toll, made: Array) -> Array:
    """What a year's work is charged [province]; `made` is [province, made]."""
    return made @ toll.amount + (made @ toll.power) * toll.power_rate


def shares_along(electric_first: Array) -> Array:
    """Shares of their room that converters, then electric furnaces, have filled along a path [case, 2].

    The path fills one use step by step, then the other.
    """
    converter, electric = (np.linspace(0.0, 1.0, steps + 1) for steps in (CONVERTER_STEPS, ELECTRIC_STEPS))
    converters_first = np.stack([extended(converter, ELECTRIC_STEPS), delayed(electric, CONVERTER_STEPS)], axis=1)
    electric_then = np.stack([delayed(converter, ELECTRIC_STEPS), extended(electric, CONVERTER_STEPS)], axis=1)
    dtype = electric_first.dtype
    return jnp.where(electric_first > 0, jnp.asarray(electric_then, dtype), jnp.asarray(converters_first, dtype))


def extended(share: np.ndarray, steps: int) -> np.ndarray:
    """A share that stays full while the other use fills."""
    return np.concatenate([share, np.ones(steps)])


def delayed(share: np.ndarray, steps: int) -> np.ndarray:
    """A share that stays empty until the other use is full."""
    return np.concatenate([np.zeros(steps), share])


def charged_along(shares: Array, on_site: Array, room: Array) -> Array:
    """Scrap charged in each case, Mt [case, province, segment]; converters fill their segments in order."""
    converter = shares[:, 0, None] * (room[:, BASE] + room[:, EXTRA])[None, :]
    base = jnp.minimum(converter, room[None, :, BASE])
    added = jnp.stack([base, shares[:, 1, None] * room[None, :, ELECTRIC], converter - base], axis=2)
    return on_site[None] + added


def scrap_worth(
    inputs: Inputs, world: World, year: tuple[Force, Toll], works: tuple[Fleet, Array, Array], electric_first: Array
) -> Steps:
    """Steps in which a province can take scrap, Mt, and the charge that a tonne avoids in each [province, step].

    Furnaces stop dirtiest first, so each further tonne avoids less. The uses of scrap displace the same hot metal,
    hence worth is taken along one path: converters first, which is what pays most, or electric furnaces first.

    Args:
        inputs: inputs.
        world: constants.
        year: the year and what is charged.
        works: capacity ready this year by route [province], home scrap charged, and what the uses can take with it, Mt
            [province, segment].
        electric_first: 1 for the path that starts with electric furnaces [].
    """
    (force, toll), (capacity, on_site, limits) = year, works
    room = limits - on_site
    charged = charged_along(shares_along(electric_first), on_site, room)
    runs = jax.vmap(lambda scrap: made(dispatch.dispatch(inputs, world, capacity, scrap, force)))(charged)
    # Differences before the product: what does not change must cancel without rounding.
    saved = jax.vmap(lambda change: charge(toll, change))(runs[:-1] - runs[1:])
    size = (charged[1:] - charged[:-1]).sum(axis=2)
    worth = jnp.where(size > LEAST_ROOM, ratio(saved, size), 0.0)
    turned = jnp.roll(size, CONVERTER_STEPS, axis=0), jnp.roll(worth, CONVERTER_STEPS, axis=0)
    size, worth = (jnp.where(electric_first > 0, late, one) for late, one in zip(turned, (size, worth), strict=True))
    return Steps(size.T, worth.T)
