"""The vectorised part of a draw before the scan over years: demand, stock, scrap, grid, hydrogen, costs, output."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from mc.allocation.problem import Roads
from mc.inputs.nouns import Inputs
from mc.inputs.steel import Uptake
from mc.inputs.world import Distances, Freight
from mc.model import capacity, copper, cost, demand, grid, intensity, iron, macro, relines, scrap, stock
from mc.model.drive import Drive, Force
from mc.model.paths import in_precision, ramp, sum_at, total
from mc.model.setting import Setting
from mc.model.world import FURNACES, World, places

KILOGRAMS_PER_TONNE = 1000.0


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Metal:
    """Steel demanded and scrap that arises: where nearly equal numbers are subtracted.

    Attributes:
        people: million [year, province].
        income: kCNY per head [year, province].
        past: what history leaves.
        use: steel in use.
        made: finished steel fabricated, Mt [end_use, year, province].
        national: crude steel, Mt [year].
        output: crude steel, Mt [province, year].
        supply: scrap that arises.
        start: metallics of the base year.
        tie: level tie of the base year [].
        stretch: how far capacity had to be stretched [year].
    """

    people: Array
    income: Array
    past: demand.Past
    use: demand.Use
    made: Array
    national: Array
    output: Array
    supply: scrap.Supply
    start: iron.BaseYear
    tie: Array
    stretch: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Before(Metal):
    """What all scenarios of a draw share.

    Attributes:
        setting: paths for emissions and cost.
        drive: what drives the scan.
    """

    setting: Setting
    drive: Drive


def roads(freight: Freight, distances: Distances, world: World) -> Roads:
    """How scrap moves in this draw: road and rail share the tonne-kilometres; inside a province a haul of its own."""
    haul = distances.distance + freight.own_province_haul
    rail = freight.rail_share * freight.circuity_rail
    road = (1.0 - freight.rail_share) * freight.circuity_road
    per_km = road * freight.road_co2 + rail * freight.rail_co2
    fixed = (1.0 - freight.rail_share) * freight.road_fixed + freight.rail_share * freight.rail_fixed
    return Roads(
        haul=haul,
        co2=per_km / KILOGRAMS_PER_TONNE,
        cost=road * freight.road_cost + rail * freight.rail_cost,
        loading=fixed,
        pull=jnp.exp(-haul / freight.gravity_distance),
        nearest=world.nearest,
        region=world.region,
    )


def steel_use(
    inputs: Inputs, world: World, basis: Array, dtype: DTypeLike
) -> tuple[demand.Past, demand.Use, Array, Array]:
    """History and future of steel in use, with people and income by province; `dtype` as in `demand.steel_in_use`."""
    ssp = inputs.structure.ssp
    people = macro.population(inputs.macro, ssp)
    earned = macro.income(inputs.macro, ssp, people)
    ages = stock.half_ages(basis.shape[0], world.years)
    curves = stock.kernels(stock.survival(inputs.stock, inputs.structure.lifetime_family, ages))
    history = demand.past(inputs.demand, *curves, basis)
    time = world.years - world.years[0]
    driver, paths = inputs.structure.demand_driver, (people, earned, time)
    use = demand.steel_in_use(inputs.demand, driver, history, curves, paths, dtype)
    return history, use, people, earned


def scrap_supply(
    inputs: Inputs, world: World, made: Array, output: Array, use: demand.Use, start: iron.BaseYear
) -> scrap.Supply:
    """Scrap by kind and province from output, fabrication and retirement."""
    home = output * (1.0 - inputs.demand.casting_rolling_yield) * inputs.scrap.home_recovery
    lost = total(made * (1.0 - inputs.demand.fabrication_yield)[:, None, None]).T
    return scrap.supply(inputs.scrap, home, lost, use.retired, start.scrap.sum(), world.years)


def power(inputs: Inputs, world: World) -> Setting:
    """Grid, hydrogen, prices and intensity paths."""
    years = world.years
    factor, removal = grid.factors(inputs.grid, years)
    hydrogen = grid.hydrogen_path(inputs.hydrogen, years)
    return Setting(
        factor=factor.T,
        removal=removal.T,
        hydrogen=hydrogen,
        prices=cost.prices(inputs, world, hydrogen),
        rise=ramp(years, years[0], intensity.LAST_YEAR),
        carbon=intensity.efficiency(inputs.routes, years - years[0]),
        charge=iron.hot_metal_charge(inputs.iron, years),
    )


def yearly(inputs: Inputs, world: World, setting: Setting, flows: tuple[intensity.Flows, intensity.Flows]) -> Force:
    """What drives each year besides output and scrap, which are left at zero; leading axis year."""
    scrap_rate = inputs.iron.converter_scrap_base
    hot_metal = iron.converter_hot_metal(inputs.iron, scrap_rate)
    limits = capacity.bounds(inputs, world, flows, setting.hydrogen, hot_metal)
    levelised = cost.levelised(setting.prices, world, flows, (hot_metal, scrap_rate), (setting.rise, setting.carbon)).T
    early, kept = relines.early_factor(inputs.uptake, world.years)
    none = jnp.zeros_like(setting.factor)
    return Force(
        year=world.years,
        slot=jnp.arange(world.years.shape[0], dtype=jnp.int32),
        output=none,
        purchased=none,
        home=none,
        pull=jnp.exp((levelised.min(axis=1, keepdims=True) - levelised) / inputs.uptake.choice_scale),
        ceiling=limits.ceiling,
        available=limits.available,
        floor=limits.floor,
        charge=setting.charge,
        carbon=setting.carbon,
        grid=setting.factor,
        rise=setting.rise,
        early=early,
        kept=kept,
    )


def taste(uptake: Uptake) -> Array:
    """exp(-bias / scale) of the choice, 1 for the route a province favours [province, route]; never overflows."""
    least = uptake.choice_noise.min(axis=1, keepdims=True)
    return jnp.exp(uptake.choice_bias_sd * (least - uptake.choice_noise) / uptake.choice_scale)


def forces(
    inputs: Inputs, world: World, setting: Setting, supply: scrap.Supply, output: Array, start: iron.BaseYear
) -> Drive:
    """What drives the scan: one force a year, and what all years share."""
    uptake = inputs.uptake
    flows = intensity.per_hot_metal(inputs, world), intensity.per_steel(inputs, world)
    every = dataclasses.replace(
        yearly(inputs, world, setting, flows), output=output.T, purchased=supply.purchased.T, home=supply.home.T
    )
    hot_metal = iron.converter_hot_metal(inputs.iron, inputs.iron.converter_scrap_base)
    furnaces = sum_at(capacity.first_fleet(uptake, world, start), places(world, *FURNACES))
    time = world.years - world.years[0]
    return Drive(
        years=jax.tree.map(lambda path: path[1:], every),
        roads=roads(inputs.freight, inputs.distances, world),
        per_metal=flows[0],
        per_steel=flows[1],
        taste=taste(uptake),
        first_due=relines.first_due(uptake, inputs.demand.crude_steel_history, time, furnaces),
        unit=1.0 + (hot_metal - 1.0) * intensity.makes_hot_metal(world),
    )


def metal(inputs: Inputs, world: World, basis: Array, dtype: DTypeLike) -> Metal:
    """From people and income to crude steel by province and scrap; `dtype` as in `demand.steel_in_use`."""
    history, use, people, earned = steel_use(inputs, world, basis, dtype)
    made = demand.fabricated(inputs.demand, use, history.share, world.years)
    national, tie = demand.crude_steel(inputs.demand, made, world.years)
    time = world.years - world.years[0]
    output, stretch = demand.output_by_province(inputs.demand, national, made, grid.clean_power(inputs.grid), time)
    start = iron.base_year(inputs.iron, output[:, 0], iron.hot_metal_charge(inputs.iron, world.years)[0])
    supply = scrap_supply(inputs, world, made, output, use, start)
    return Metal(people, earned, history, use, made, national, output, supply, start, tie, stretch)


def before(inputs: Inputs, world: World, basis: Array) -> Before:
    """Everything of a draw that does not depend on the scrap policy.

    What a stock rises by is the small difference of stocks twelve times as large, so steel and scrap are worked out in
    float64: in float32 they lose a digit, and all that answers a gap between large flows (hydrogen, capture) loses
    another. Only the recursion of inflow and retirement, where nearly equal numbers no longer meet, is not.
    """
    dtype = world.years.dtype
    found = in_precision(metal(*in_precision((inputs, world, basis), jnp.float64), dtype), dtype)
    setting = power(inputs, world)
    drive = forces(inputs, world, setting, found.supply, found.output, found.start)
    if world.limits_copper:
        bearable = copper.room(inputs.scrap, found.supply, found.made, found.output)
        drive = dataclasses.replace(drive, years=dataclasses.replace(drive.years, copper_room=bearable.T[1:]))
    return Before(**vars(found), setting=setting, drive=drive)
