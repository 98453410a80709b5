"""Energy, CO2 by scope, pollutants and cost of what ran, by province and year.

Each carrier carries exactly one scope, so that the total is the sum of a partition: scope 1 is the carbon balance of
the site (process-gas power inside), scope 2 net purchased power, scope 3 ore, lime, fuels, bought hydrogen and
freight.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.inputs.steel import Pollutants
from mc.model.cost import TONNES_PER_KILOGRAM, Prices
from mc.model.drive import Drive
from mc.model.grid import HydrogenPath
from mc.model.intensity import LAST_YEAR, Flows, apply
from mc.model.paths import ramp, ratio
from mc.model.world import World
from mc.model.year import Result

GIGAJOULE_PER_MEGAWATTHOUR = 3.6
BILLION_PER_MILLION = 1e-3


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Setting:
    """Paths that turn flows into emissions and cost.

    Attributes:
        factor: grid factor, tCO2/MWh, never negative [year, province].
        removal: negative part of the grid factor, tCO2/MWh [year, province].
        hydrogen: supply of hydrogen.
        prices: prices.
        rise: way from base-year intensity to that of 2060 [year].
        carbon: hot-metal carbon over that of the base year [year].
        charge: hot metal share of the electric charge [year].
    """

    factor: Array
    removal: Array
    hydrogen: HydrogenPath
    prices: Prices
    rise: Array
    carbon: Array
    charge: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Totals:
    """What steelmaking takes and emits [year, province], one more axis for carriers or pollutants.

    Attributes:
        fuel: PJ [year, province, carrier].
        electricity: net purchased, without electrolysis, TWh.
        electrolysis: grid power for hydrogen, TWh.
        hydrogen: Mt.
        ore: Mt of 62 % Fe.
        scope1: Mt CO2.
        scope2: Mt CO2.
        scope3: Mt CO2.
        removal: Mt CO2, never positive.
        captured: Mt CO2.
        pollutants: kt [year, province, pollutant].
        cost: billion CNY.
    """

    fuel: Array
    electricity: Array
    electrolysis: Array
    hydrogen: Array
    ore: Array
    scope1: Array
    scope2: Array
    scope3: Array
    removal: Array
    captured: Array
    pollutants: Array
    cost: Array


def at_year(metal: Flows, steel: Flows, setting: Setting) -> Flows:
    """Sum the flows of hot metal and steel at the intensities of each year."""
    carbon, rise = setting.carbon[:, None], setting.rise[:, None]
    return Flows(
        direct=metal.direct * carbon + steel.direct,
        captured=metal.captured * carbon + steel.captured,
        fuel=metal.fuel * carbon[..., None] + steel.fuel,
        electricity=metal.electricity * carbon + steel.electricity + steel.electricity_change * rise,
        electricity_change=steel.electricity_change,
        hydrogen=steel.hydrogen + steel.hydrogen_change * rise,
        hydrogen_change=steel.hydrogen_change,
        ore=metal.ore + steel.ore,
        pellets=metal.pellets + steel.pellets,
        lime=metal.lime + steel.lime,
        before=metal.before + steel.before,
        after=metal.after + steel.after,
        reheating_before=metal.reheating_before + steel.reheating_before,
        reheating_after=metal.reheating_after + steel.reheating_after,
    )


def pollution(pollutants: Pollutants, world: World, flows: Flows, output: Array) -> Array:
    """SO2, NOx and PM, kt [year, province, pollutant].

    Before-retrofit emissions fall as the fleet reaches ultra-low emission, and electric reheating avoids its part. A
    reported accounting family scales the base year's national intensity to its own; families are never mixed.
    """
    retrofitted = pollutants.retrofit_share[:, None, None]
    electric = (pollutants.reheating_electrification_2060 * ramp(world.years, world.years[0], LAST_YEAR))[:, None, None]
    before = flows.before - electric * flows.reheating_before
    after = flows.after - electric * flows.reheating_after
    bottom_up = before * (1.0 - retrofitted) + after * retrofitted
    reported = (world.accounting[:, None] * pollutants.intensity_2020).sum(axis=0)
    counted = bottom_up[0].sum(axis=0) / output[0].sum()
    scale = jnp.where(reported > 0, ratio(reported, counted), 1.0)
    return bottom_up * scale[None, None, :]


def system_cost(setting: Setting, flows: Flows, hydrogen: Array, result: Result) -> Array:
    """Cost of steelmaking, billion CNY [year, province].

    Capital recovery of what runs, carriers, ore, scrap bought, carbon price, storage, freight of scrap.
    """
    price = setting.prices
    capital = jnp.einsum("tpr,rt->tp", result.production, price.capital)
    carriers = jnp.einsum("tpe,et->tp", flows.fuel, price.fuel)
    power = flows.electricity * price.electricity[:, None] + hydrogen * price.hydrogen[:, None]
    ore = flows.ore * price.ore + flows.pellets * price.pellets
    carbon = flows.direct * price.carbon[:, None] + flows.captured * price.storage
    bought = result.arrivals * price.scrap + result.freight_cost
    return (capital + carriers + power + ore + carbon + bought) * BILLION_PER_MILLION


def totals(inputs: Inputs, world: World, drive: Drive, setting: Setting, result: Result) -> Totals:
    """Everything that follows from production, hot metal and arrivals of all years."""
    metal = apply(drive.per_metal, result.hot_metal)
    steel = apply(drive.per_steel, result.production)
    flows = at_year(metal, steel, setting)
    melted = (result.production * world.kind["scrap"][None, None, :]).sum(axis=2)
    saved = inputs.routes.electricity_per_hot_metal * setting.charge[:, None] * melted
    flows = dataclasses.replace(flows, electricity=flows.electricity + saved)
    hydrogen = flows.hydrogen * TONNES_PER_KILOGRAM
    electrolysis = hydrogen * setting.hydrogen.power[:, None]
    purchased = flows.electricity + world.hydrogen_on_site * electrolysis
    routes = inputs.routes
    bought = (1.0 - world.hydrogen_on_site) * electrolysis * setting.factor
    upstream = flows.ore * routes.ore_upstream_co2 + flows.lime * routes.lime_upstream_co2
    upstream = upstream + flows.fuel @ routes.fuel_upstream_co2 + bought + result.freight_co2
    return Totals(
        fuel=flows.fuel,
        electricity=flows.electricity,
        electrolysis=electrolysis,
        hydrogen=hydrogen,
        ore=flows.ore,
        scope1=flows.direct,
        scope2=purchased * setting.factor,
        scope3=upstream,
        removal=purchased * setting.removal,
        captured=flows.captured,
        pollutants=pollution(inputs.pollutants, world, flows, result.production.sum(axis=2)),
        cost=system_cost(setting, flows, hydrogen, result),
    )
