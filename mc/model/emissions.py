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
from mc.model.cost import TONNES_PER_KILOGRAM
from mc.model.drive import Drive
from mc.model.intensity import LAST_YEAR, Paths, YearFlows, apply, at_years
from mc.model.paths import ramp, ratio, settled, sum_at, total
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


def year_flows(inputs: Inputs, world: World, drive: Drive, setting: Setting) -> YearFlows:
    """Flows per t of steel by each route, then per t of hot metal by those that make it, in each year."""
    pollutants = inputs.pollutants
    electric = pollutants.reheating_electrification_2060 * ramp(world.years, world.years[0], LAST_YEAR)
    paths = Paths(setting.carbon, setting.rise, pollutants.retrofit_share, electric)
    steel = at_years(drive.per_steel, paths, jnp.ones_like(setting.carbon))
    hot = list(places(world, *HOT_METAL))
    metal = at_years(jax.tree.map(lambda flow: flow[jnp.asarray(hot)], drive.per_metal), paths, setting.carbon)
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


def system_cost(setting: Setting, flows: YearFlows, hydrogen: Array, result: Result, freight: Array) -> Array:
    """Cost of steelmaking, billion CNY [province, year].

    Capital recovery of what runs, carriers, ore, scrap bought, carbon price, storage, freight of scrap (million CNY).
    """
    price = setting.prices
    capital = sum(made * price.capital[route][None] for route, made in enumerate(result.production))
    carriers = total(flows.fuel * price.fuel[:, None])
    power = flows.electricity * price.electricity[None] + hydrogen * price.hydrogen[None]
    ore = flows.ore * price.ore + flows.pellets * price.pellets
    carbon = flows.direct * price.carbon[None] + flows.captured * price.storage
    bought = result.shipments.arrivals * price.scrap + freight
    return (capital + carriers + power + ore + carbon + bought) * BILLION_PER_MILLION


def totals(inputs: Inputs, world: World, drive: Drive, setting: Setting, per_year: YearFlows, result: Result) -> Totals:
    """Everything that follows from production, hot metal and arrivals of all years."""
    # Settled, or every output would sum its flows over the routes once more.
    flows: YearFlows = jax.tree.map(settled, apply(per_year, (*result.production, *result.hot_metal)))
    melted = sum_at(result.production, places(world, "scrap"))
    power = flows.electricity + (inputs.routes.electricity_per_hot_metal * setting.charge)[None] * melted
    flows = dataclasses.replace(flows, electricity=power)
    hydrogen = flows.hydrogen * TONNES_PER_KILOGRAM
    electrolysis = hydrogen * setting.hydrogen.power[None]
    purchased = power + world.hydrogen_on_site * electrolysis
    routes, roads, factor = inputs.routes, drive.roads, setting.factor.T
    work = result.shipments.freight_work
    freight = work * roads.cost + result.shipments.arrivals * roads.loading * (work > 0).astype(work.dtype)
    bought = (1.0 - world.hydrogen_on_site) * electrolysis * factor
    upstream = flows.ore * routes.ore_upstream_co2 + flows.lime * routes.lime_upstream_co2
    upstream = upstream + total(flows.fuel * routes.fuel_upstream_co2[:, None, None]) + bought + work * roads.co2
    bottom_up = flows.pollutants[:, :, 0].sum(axis=1)
    first = sum(made[:, 0].sum() for made in result.production)
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
        cost=system_cost(setting, flows, hydrogen, result, freight),
    )
