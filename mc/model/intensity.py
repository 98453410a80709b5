"""What a tonne of steel by each route, and a tonne of hot metal, takes and emits.

Everything that is linear in production is folded into rates per draw, per t of hot metal and per t of steel, one column
per flow, so that provinces and years are touched by one sum over routes a flow only.
"""

import dataclasses
import functools
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.inputs.steel import Routes
from mc.model.paths import ratio, settled
from mc.model.world import World

CAPEX_YEAR = 2050.0
"""Year of the quantity `capex_ratio_2050`."""
LAST_YEAR = 2060.0
"""Year of the quantities whose names end in 2060."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Capture:
    """Carbon capture of a route, per t of its direct CO2 before capture [route].

    A plant captures the share k of all it emits, including the fuel that heats the capture: with h GJ of heat of factor
    f per t captured, captured = k (D + captured h f), so captured / D = k / (1 - k h f).
    """

    captured: Array
    heat: Array
    left: Array
    electricity: Array


def capture(routes: Routes, emission_factor: Array) -> Capture:
    """Captured CO2, heat [GJ], CO2 left and electricity [MWh] per t of direct CO2 before capture."""
    heat = routes.capture_heat * routes.capture_heated
    factor = (routes.capture_fuel * emission_factor).sum()
    captured = routes.capture_share / (1.0 - routes.capture_share * heat * factor)
    left = 1.0 + captured * heat * factor - captured
    return Capture(captured, captured * heat, left, captured * routes.capture_electricity)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Flows:
    """Flows per tonne: scalars per route, or one more axis for carriers and pollutants.

    Attributes:
        direct: scope 1 CO2 left after capture, t.
        captured: CO2 captured, t.
        fuel: fuels, GJ [route, carrier].
        electricity: net purchased power at base-year intensity, MWh.
        electricity_change: what it changes by 2060, MWh.
        hydrogen: hydrogen at base-year intensity, kg.
        hydrogen_change: what it changes by 2060, kg.
        ore: ore of 62 % Fe, t.
        pellets: the part of it that must be pellets, t.
        lime: burnt lime, t.
        before: pollutants before retrofit, kg [route, pollutant].
        after: pollutants after retrofit, kg [route, pollutant].
        reheating_before: part of `before` that electric reheating avoids, kg [route, pollutant].
        reheating_after: the same of `after`.
    """

    direct: Array
    captured: Array
    fuel: Array
    electricity: Array
    electricity_change: Array
    hydrogen: Array
    hydrogen_change: Array
    ore: Array
    pellets: Array
    lime: Array
    before: Array
    after: Array
    reheating_before: Array
    reheating_after: Array


def makes_hot_metal(world: World) -> Array:
    """1 where a route charges converters with hot metal of its own [route]."""
    return world.kind["base"] + world.kind["best"] + world.kind["retrofit"] + world.kind["smelting"]


def per_hot_metal(inputs: Inputs, world: World) -> Flows:
    """Flows per t of hot metal of each route, at the carbon intensity of the base year.

    Carbon sits on hot metal, not on the route, so that hot metal in electric furnaces, scrap in converters and the
    allocation of scrap stay consistent. GJ of a fuel = its share of the carbon / its emission factor: energy and CO2
    share one draw.
    """
    routes, carriers = inputs.routes, inputs.carriers
    hot = makes_hot_metal(world)
    carbon = routes.hot_metal_co2 * routes.carbon_ratio * hot
    caught = capture(routes, carriers.emission_factor)
    burnt = carbon * (1.0 - routes.hot_metal_flux_share)
    fuel = ratio(
        burnt[:, None] * routes.carbon_share, jnp.broadcast_to(carriers.emission_factor, routes.carbon_share.shape)
    )
    heat = (carbon * caught.heat)[:, None] * routes.capture_fuel[None, :]
    none = jnp.zeros_like(carbon)
    # Smelting reduction needs neither sinter nor coke; what it emits is booked per t of steel.
    activity = (hot - world.kind["smelting"])[:, None] * inputs.pollutants.activity_hot_metal[None, :]
    return Flows(
        direct=carbon * caught.left,
        captured=carbon * caught.captured,
        fuel=fuel + heat,
        electricity=carbon * caught.electricity,
        electricity_change=none,
        hydrogen=none,
        hydrogen_change=none,
        ore=hot * inputs.iron.ore_per_hot_metal,
        pellets=none,
        lime=none,
        **pollution(inputs, activity),
    )


def per_steel(inputs: Inputs, world: World) -> Flows:
    """Flows per t of steel of each route, besides those of its hot metal."""
    routes = inputs.routes
    hot = makes_hot_metal(world)
    direct = (routes.fuel * inputs.carriers.emission_factor[None, :]).sum(axis=1) + routes.process_co2
    direct = direct + routes.converter_co2 * hot
    caught = capture(routes, inputs.carriers.emission_factor)
    heat = (direct * caught.heat)[:, None] * routes.capture_fuel[None, :]
    rolling = routes.rolling_electricity * routes.rolling_added
    return Flows(
        direct=direct * caught.left,
        captured=direct * caught.captured,
        fuel=routes.fuel + heat,
        electricity=routes.electricity + rolling + direct * caught.electricity,
        electricity_change=routes.electricity * (routes.electricity_ratio_2060 - 1.0),
        hydrogen=routes.hydrogen,
        hydrogen_change=routes.hydrogen * (routes.hydrogen_ratio_2060 - 1.0),
        ore=routes.ore,
        pellets=routes.ore * inputs.costs.pellet_fed,
        lime=routes.lime,
        **pollution(inputs, inputs.pollutants.activity),
    )


def pollution(inputs: Inputs, activity: Array) -> dict[str, Array]:
    """Pollutants per tonne for an activity [route, process], before and after retrofit, and their reheating part."""
    pollutants = inputs.pollutants
    reheating = activity * pollutants.reheating[None, :]
    # The two factors are drawn apart and their ranges overlap; a retrofit never raises emissions.
    after = jnp.minimum(pollutants.factor_after, pollutants.factor_before)
    return {
        "before": activity @ pollutants.factor_before,
        "after": activity @ after,
        "reheating_before": reheating @ pollutants.factor_before,
        "reheating_after": reheating @ after,
    }


def efficiency(routes: Routes, time: Array) -> Array:
    """Hot-metal carbon over that of the base year [year]: falls at a rate until the cap."""
    return jnp.maximum(1.0 - routes.efficiency_cap, (1.0 - routes.efficiency_rate) ** time)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Paths:
    """How intensities move with the years.

    Attributes:
        carbon: hot-metal carbon over that of the base year [year].
        rise: way from base-year intensity to that of 2060 [year].
        retrofitted: share of the fleet at ultra-low emission [year].
        electric: share of reheating that is electric [year].
    """

    carbon: Array
    rise: Array
    retrofitted: Array
    electric: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class YearFlows:
    """Flows of every year, with the axes of the function that returns them; names as in `Flows`."""

    direct: Array
    captured: Array
    fuel: Array
    electricity: Array
    hydrogen: Array
    ore: Array
    pellets: Array
    pollutants: Array


def at_years(flows: Flows, paths: Paths, carbon: Array) -> YearFlows:
    """Flows per tonne [year, route], one more axis for carriers and pollutants.

    `carbon` scales what burns [year]: `paths.carbon` for hot metal, 1 for steel.
    """
    burn, rise = carbon[:, None], paths.rise[:, None]
    still = jnp.ones_like(burn)
    return YearFlows(
        direct=burn * flows.direct[None],
        captured=burn * flows.captured[None],
        fuel=burn[..., None] * flows.fuel[None],
        electricity=burn * flows.electricity[None] + rise * flows.electricity_change[None],
        hydrogen=flows.hydrogen[None] + rise * flows.hydrogen_change[None],
        ore=still * flows.ore[None],
        pellets=still * flows.pellets[None],
        pollutants=polluting(flows, paths),
    )


def polluting(flows: Flows, paths: Paths) -> Array:
    """Pollutants per tonne of each year, of a fleet that is retrofitted in part [year, route, pollutant]."""
    clean, electric = paths.retrofitted[:, None, None], paths.electric[:, None, None]
    before = flows.before[None] - electric * flows.reheating_before[None]
    after = flows.after[None] - electric * flows.reheating_after[None]
    return before * (1.0 - clean) + after * clean


def mixed(rates: Array, amounts: Array) -> Array:
    """Sum over routes of rates [route, ...] times amounts [route, province, year]: [..., province, year]."""
    return mixed_by_year(rates[..., None, None], amounts)


def mixed_by_year(rates: Array, amounts: Array) -> Array:
    """The same of rates that differ by year [route, ..., 1, year].

    Term by term: so few terms make too small a product of matrices.
    """
    further = tuple(range(1, rates.ndim - 2))
    terms = [rate * amount for rate, amount in zip(rates, jnp.expand_dims(amounts, further), strict=True)]
    found: Array = functools.reduce(jnp.add, terms)
    return found


def of_routes(flows: Flows, at: Iterable[int]) -> Flows:
    """The flows of some routes, by their places."""
    places = tuple(at)
    found: Flows = jax.tree.map(lambda flow: jnp.stack([flow[route] for route in places]), flows)
    return found


def taken(flows: Flows, paths: Paths, carbon: Array, amounts: Array) -> YearFlows:
    """Flows [province, year] of steel, or of hot metal [route, province, year]; carriers and pollutants come first.

    Paths and carbon as in `at_years`. What moves with the years in one way for all routes does so behind the sum over
    them.
    """
    burn, rise = carbon[None], paths.rise[None]
    pollutants = settled(jnp.moveaxis(polluting(flows, paths), 0, -1))
    return YearFlows(
        direct=mixed(flows.direct, amounts) * burn,
        captured=mixed(flows.captured, amounts) * burn,
        fuel=mixed(flows.fuel, amounts) * burn[None],
        electricity=mixed(flows.electricity, amounts) * burn + mixed(flows.electricity_change, amounts) * rise,
        hydrogen=mixed(flows.hydrogen, amounts) + mixed(flows.hydrogen_change, amounts) * rise,
        ore=mixed(flows.ore, amounts),
        pellets=mixed(flows.pellets, amounts),
        pollutants=mixed_by_year(pollutants[..., None, :], amounts),
    )
