"""Levelised cost of the routes and the cost of the system, CNY of 2020.

Cost = capital recovery of investment + fixed cost + carriers x price + ore + scrap + carbon price x what pays +
storage of captured CO2 + freight.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.inputs.steel import Costs
from mc.model.grid import HydrogenPath
from mc.model.intensity import CAPEX_YEAR, Flows
from mc.model.paths import ramp, total
from mc.model.world import World

AUCTION_YEARS = (2024.0, 2060.0)
"""Years of the quantities `auctioned_share_2024` and `auctioned_share_2060`."""
TONNES_PER_KILOGRAM = 1e-3


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Prices:
    """Prices in CNY of 2020.

    Attributes:
        fuel: per GJ [carrier, year].
        electricity: per MWh [year].
        hydrogen: per t [year].
        ore: per t of ore of 62 % Fe.
        pellets: premium per t of pellets.
        scrap: per t.
        carbon: per t of scope 1 CO2, times the share that pays [year].
        storage: per t of CO2 captured.
        capital: yearly capital and fixed cost per t of steel of each route [route, year].
        reline: investment of a reline per t of yearly capacity [route].
        greenfield: investment of a new plant in the base year per t of yearly capacity [route].
        recovery: yearly payment per unit of investment.
    """

    fuel: Array
    electricity: Array
    hydrogen: Array
    ore: Array
    pellets: Array
    scrap: Array
    carbon: Array
    storage: Array
    capital: Array
    reline: Array
    greenfield: Array
    recovery: Array


def capital_recovery(costs: Costs) -> Array:
    """Yearly payment per unit of investment: d / (1 - (1 + d)^-n)."""
    return costs.discount_rate / (1.0 - (1.0 + costs.discount_rate) ** (-costs.plant_life))


def fuel_prices(inputs: Inputs, world: World) -> Array:
    """Fuel prices, USD/GJ [carrier, year]; coke-oven gas follows natural gas."""
    table = inputs.carriers.fuel_price
    gas = (table * world.carrier["natural_gas"][:, None]).sum(axis=0) * inputs.carriers.gas_price_ratio_coke_oven_gas
    return table + world.carrier["coke_oven_gas"][:, None] * gas[None, :]


def prices(inputs: Inputs, world: World, hydrogen: HydrogenPath) -> Prices:
    """All prices of a draw; learning is by year: investment moves straight from 2020 to 2050."""
    costs, carriers, years = inputs.costs, inputs.carriers, world.years
    rate = costs.exchange_rate
    learning = 1.0 + (costs.capex_ratio_2050[:, None] - 1.0) * ramp(years, years[0], CAPEX_YEAR)[None, :]
    investment = (costs.capex * costs.china_factor * rate)[:, None] * learning
    auctioned = costs.auctioned_share_2024 + (costs.auctioned_share_2060 - costs.auctioned_share_2024) * ramp(
        years, *AUCTION_YEARS
    )
    return Prices(
        fuel=fuel_prices(inputs, world) * rate,
        electricity=carriers.electricity_price * rate,
        hydrogen=hydrogen.price * rate,
        ore=costs.ore_price * rate,
        pellets=costs.pellet_premium * rate,
        scrap=costs.scrap_price,
        carbon=costs.carbon_price * auctioned,
        storage=costs.storage_cost * rate,
        capital=investment * capital_recovery(costs) + (costs.fixed_opex * costs.china_factor * rate)[:, None],
        reline=costs.reline_capex * costs.china_factor * rate,
        greenfield=costs.capex * costs.china_factor * rate,
        recovery=capital_recovery(costs),
    )


def running(price: Prices, flows: Flows, rise: Array, carbon: Array) -> Array:
    """Carriers, ore, carbon and storage per tonne [route, year].

    Args:
        price: prices.
        flows: per t of hot metal or of steel.
        rise: way from base-year intensity to that of 2060 [year].
        carbon: hot-metal carbon over that of the base year; 1 for flows per t of steel [year].
    """
    # Power per t of hot metal is that of capture, which falls with the carbon it captures (as in `at_years`).
    electricity = flows.electricity[:, None] * carbon[None, :] + flows.electricity_change[:, None] * rise[None, :]
    hydrogen = flows.hydrogen[:, None] + flows.hydrogen_change[:, None] * rise[None, :]
    fuels = total(flows.fuel.T[..., None] * price.fuel[:, None]) + flows.direct[:, None] * price.carbon[None, :]
    burnt = (fuels + (flows.captured * price.storage)[:, None]) * carbon[None, :]
    power = electricity * price.electricity[None, :] + hydrogen * TONNES_PER_KILOGRAM * price.hydrogen[None, :]
    return burnt + power + (flows.ore * price.ore + flows.pellets * price.pellets)[:, None]


def levelised(
    price: Prices, world: World, flows: tuple[Flows, Flows], rates: tuple[Array, Array], paths: tuple[Array, Array]
) -> Array:
    """Levelised cost of steel by each route, CNY/t [route, year], at fixed charge rates; scrap-EAF pays for scrap.

    Args:
        price: prices.
        world: constants.
        flows: per t of hot metal and per t of steel.
        rates: hot metal per t of converter steel, scrap per t of it.
        paths: way to 2060 [year], hot-metal carbon over base year's [year].
    """
    per_metal, per_ton = flows
    hot_metal, scrap_rate = rates
    rise, carbon = paths
    melted = 1.0 - world.kind["scrap"] - world.kind["direct"]
    metal = running(price, per_metal, rise, carbon) * hot_metal
    scrap = (melted * scrap_rate + world.kind["scrap"]) * price.scrap
    cost = price.capital + metal + running(price, per_ton, rise, jnp.ones_like(carbon)) + scrap[:, None]
    # A furnace that is relined pays for the reline, not for a new plant.
    saved = world.kind["best"] * (price.greenfield - price.reline) * price.recovery
    return cost - saved[:, None]
