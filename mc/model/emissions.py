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
from mc.model.cost import TONNES_PER_KILOGRAM, running
from mc.model.drive import Drive
from mc.model.intensity import LAST_YEAR, Flows, Paths, YearFlows, at_years, mixed, mixed_by_year, of_routes, taken
from mc.model.paths import ramp, ratio, settled, sum_at
from mc.model.setting import Setting
from mc.model.world import HOT_METAL, World, places
from mc.model.year import Result

GIGAJOULE_PER_MEGAWATTHOUR = 3.6
BILLION_PER_MILLION = 1e-3


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Totals:
    """What steelmaking takes and emits [province, year], one more axis in front for carriers or pollutants.

    Attributes:
        fuel: PJ [carrier, province, year].
        electricity: net purchased, without electrolysis, TWh.
        electrolysis: grid power for hydrogen, TWh.
        hydrogen: Mt.
        ore: Mt of 62 % Fe.
        scope1: Mt CO2.
        scope2: Mt CO2.
        scope3: Mt CO2.
        removal: Mt CO2, never positive.
        captured: Mt CO2.
        pollutants: kt [pollutant, province, year].
        freight_cost: cost of scrap freight, million CNY.
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
    freight_cost: Array
    cost: Array


def paths_of(inputs: Inputs, world: World, setting: Setting) -> Paths:
    """How intensities move with the years."""
    pollutants = inputs.pollutants
    electric = pollutants.reheating_electrification_2060 * ramp(world.years, world.years[0], LAST_YEAR)
    return Paths(setting.carbon, setting.rise, pollutants.retrofit_share, electric)


def of_hot_metal(world: World, drive: Drive) -> Flows:
    """Flows per t of hot metal of the routes that make it."""
    return of_routes(drive.per_metal, places(world, *HOT_METAL))


def year_flows(inputs: Inputs, world: World, drive: Drive, setting: Setting) -> YearFlows:
    """Flows per t of steel by each route, then per t of hot metal by those that make it, in each year."""
    paths = paths_of(inputs, world, setting)
    steel = at_years(drive.per_steel, paths, jnp.ones_like(setting.carbon))
    metal = at_years(of_hot_metal(world, drive), paths, setting.carbon)
    both: YearFlows = jax.tree.map(lambda one, other: jnp.concatenate([one, other], axis=1), steel, metal)
    return both


def reported_scale(pollutants: Pollutants, world: World, counted: Array) -> Array:
    """Factor from bottom-up pollutants to the accounting family of the run [pollutant].

    A reported family scales the base year's national intensity to its own; families are never mixed.

    Args:
        pollutants: inputs.
        world: constants.
        counted: bottom-up intensity of the base year, kg/t [pollutant].
    """
    reported = (world.accounting[:, None] * pollutants.intensity_2020).sum(axis=0)
    return jnp.where(reported > 0, ratio(reported, counted), 1.0)


def system_cost(
    setting: Setting, flows: tuple[Flows, Flows], result: Result, charge_power: Array, freight: Array
) -> Array:
    """Cost of steelmaking, billion CNY [province, year].

    Capital recovery of what runs, carriers, ore, scrap bought, carbon price, storage, freight of scrap.

    Args:
        setting: prices and paths.
        flows: per t of steel and per t of hot metal.
        result: what ran.
        charge_power: what hot metal charged to electric furnaces changes of their power, TWh, below zero where it saves
            some; not in the flows [province, year].
        freight: million CNY [province, year].
    """
    (of_steel, of_metal), price = flows, setting.prices
    burn, still = setting.carbon, jnp.ones_like(setting.carbon)
    steel = mixed_by_year(
        settled(price.capital + running(price, of_steel, setting.rise, still))[:, None], result.production
    )
    metal = mixed_by_year(settled(running(price, of_metal, setting.rise, burn))[:, None], result.hot_metal)
    bought = result.shipments.arrivals * price.scrap + freight
    return (steel + metal + charge_power * price.electricity[None] + bought) * BILLION_PER_MILLION


def upstream_co2(inputs: Inputs, flows: tuple[Flows, Flows], carbon: Array, result: Result) -> Array:
    """CO2 of ore, lime and fuels before they reach the works, Mt [province, year]."""
    (of_steel, of_metal), routes = flows, inputs.routes
    steel = of_steel.ore * routes.ore_upstream_co2 + of_steel.lime * routes.lime_upstream_co2
    steel = steel + of_steel.fuel @ routes.fuel_upstream_co2
    metal = mixed(of_metal.ore * routes.ore_upstream_co2, result.hot_metal)
    burnt = mixed(of_metal.fuel @ routes.fuel_upstream_co2, result.hot_metal)
    return mixed(steel, result.production) + metal + burnt * carbon[None]


def totals(inputs: Inputs, world: World, drive: Drive, setting: Setting, result: Result) -> Totals:
    """Everything that follows from production, hot metal and arrivals of all years."""
    of_steel, of_metal = drive.per_steel, of_hot_metal(world, drive)
    paths, still = paths_of(inputs, world, setting), jnp.ones_like(setting.carbon)
    steel = taken(of_steel, paths, still, result.production)
    metal = taken(of_metal, paths, setting.carbon, result.hot_metal)
    # Settled, or every output would sum its flows over the routes once more.
    flows: YearFlows = jax.tree.map(lambda one, other: settled(one + other), steel, metal)
    melted = sum_at(result.production, places(world, "scrap"))
    charge_power = (inputs.routes.electricity_per_hot_metal * setting.charge)[None] * melted
    power = settled(flows.electricity + charge_power)
    hydrogen = flows.hydrogen * TONNES_PER_KILOGRAM
    electrolysis = hydrogen * setting.hydrogen.power[None]
    purchased = power + world.hydrogen_on_site * electrolysis
    roads, factor = drive.roads, setting.factor.T
    work = result.shipments.freight_work
    freight = work * roads.cost + result.shipments.arrivals * roads.loading * (work > 0).astype(work.dtype)
    bought = (1.0 - world.hydrogen_on_site) * electrolysis * factor
    upstream = upstream_co2(inputs, (of_steel, of_metal), setting.carbon, result) + bought + work * roads.co2
    bottom_up = flows.pollutants[:, :, 0].sum(axis=1)
    first = result.production[..., 0].sum()
    counted = ratio(bottom_up, jnp.broadcast_to(first, bottom_up.shape))
    return Totals(
        fuel=flows.fuel,
        electricity=power,
        electrolysis=electrolysis,
        hydrogen=hydrogen,
        ore=flows.ore,
        scope1=flows.direct,
        scope2=purchased * factor,
        scope3=upstream,
        removal=purchased * setting.removal.T,
        captured=flows.captured,
        pollutants=flows.pollutants * reported_scale(inputs.pollutants, world, counted)[:, None, None],
        freight_cost=freight,
        cost=system_cost(setting, (of_steel, of_metal), result, charge_power, freight),
    )
