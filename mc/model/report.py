"""From the arrays of a draw to its outputs: names of the register, provinces and the nation."""

import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.model import neutrality, relines
from mc.model.before import Before
from mc.model.emissions import GIGAJOULE_PER_MEGAWATTHOUR, Totals
from mc.model.paths import ratio, settled, sum_at, total
from mc.model.world import FURNACES, HOT_METAL, World, places
from mc.model.year import Result, Verdict
from mc.outputs import FLOW_STEP

GIGAJOULE_PER_TCE = 29.3076
"""One tonne of coal equivalent (7,000 kcal/kg, GB/T 2589)."""
PETAJOULE_PER_TERAWATTHOUR = GIGAJOULE_PER_MEGAWATTHOUR
BILLION_PER_MILLION = 1e-3
MASS_BALANCE_TOLERANCE = 1e-3
"""Share of the largest provincial output by which steel by route may miss it before the draw counts as failed; rounding
in float32 stays three orders of magnitude below."""

DEEP_CUT = 0.1
"""Share of the base year that is left where a pollutant has fallen by more than 90 %."""
LEAST_SHORTAGE = 1e-3
"""Mt of scrap that electric furnaces must miss to count as short: rounding in float32 stays far below."""
LEAST_LINK = 0.01
"""Mt a year that make a link between two provinces."""
WORST_GAP = 1e-6
"""Proven distance from the best plan beyond which a draw counts as failed."""
WORST_VIOLATION = 1e-9
"""Mt by which a coordinated plan may breach a supply or a limit before a draw counts as failed."""


def nation_and_provinces(name: str, values: Array) -> dict[str, Array]:
    """A national total and its provinces from [province, year]."""
    return {name: total(values), f"{name}_by_province": values}


def after_base_year(yearly: Array) -> Array:
    """Sum over the years after the base year [year]."""
    return jnp.cumsum(yearly) - yearly[:1]


def shared_report(inputs: Inputs, ahead: Before) -> dict[str, Array]:
    """Outputs that no scrap policy changes."""
    people = ahead.people.sum(axis=1)
    supply = ahead.supply
    arising = supply.home + supply.prompt + supply.obsolete
    by_end_use, by_province = ahead.use.stock_by_end_use(), ahead.use.stock_by_province().T
    stock = by_end_use.sum(axis=0)
    return {
        "population": people,
        "income_by_province": ahead.income.T,
        "crude_steel": ahead.national,
        "crude_steel_by_province": ahead.output,
        "steel_use": total(ahead.made).sum(axis=1),
        "steel_use_by_province": total(ahead.made).T,
        "steel_inflow": total(ahead.use.inflow).sum(axis=1),
        "steel_stock": stock,
        "steel_stock_by_end_use": by_end_use,
        "steel_stock_by_province": by_province,
        "steel_stock_per_head": stock / people,
        "steel_retired": total(ahead.use.retired).sum(axis=1),
        "scrap_home": supply.home.sum(axis=0),
        "scrap_prompt": supply.prompt.sum(axis=0),
        "scrap_obsolete": supply.obsolete.sum(axis=0),
        "scrap_obsolete_by_province": supply.obsolete,
        "scrap_supply": arising.sum(axis=0),
        "scrap_supply_by_province": arising,
        "scrap_purchasable": supply.purchased.sum(axis=0),
        "grid_factor": inputs.grid.factor_national,
        "grid_factor_by_province": ahead.setting.factor.T + ahead.setting.removal.T,
        "carbon_price": inputs.costs.carbon_price,
        "level_tie": ahead.tie,
        "scrap_closure_factor": supply.closure,
        "scrap_closure_residual": supply.residual,
        "stock_shortfall": ahead.use.shortfall,
        "capacity_stretch": ahead.stretch,
    }


def production(inputs: Inputs, world: World, ahead: Before, result: Result, output: Array) -> dict[str, Array]:
    """Steel by route, iron, scrap."""
    electric = sum_at(result.production, places(world, "scrap"))
    hot = [kind for kind in world.routes if kind in HOT_METAL]
    from_furnaces = [metal for metal, kind in zip(result.hot_metal, hot, strict=True) if kind in FURNACES]
    national, foundry = total(output), inputs.iron.pig_iron_to_foundries
    used = total(result.scrap, 1)
    on_offer = ahead.supply.home.sum(axis=0) + ahead.supply.purchased.sum(axis=0)
    return {
        "production_by_route": total(result.production, 1),
        "production_by_route_by_province": result.production,
        "eaf_share": ratio(total(electric), national),
        "eaf_share_by_province": ratio(electric, output),
        "pig_iron": total(total(result.hot_metal)) + foundry,
        "blast_furnace_iron": total(sum(from_furnaces, start=jnp.zeros_like(output))) + foundry,
        **nation_and_provinces("scrap_used", used),
        **nation_and_provinces("scrap_arrivals", result.shipments.arrivals),
        "scrap_unused": on_offer - total(used),
        "scrap_ratio": ratio(total(used), national),
        "scrap_traded": result.shipments.traded,
        "scrap_freight_work": total(result.shipments.freight_work) * BILLION_PER_MILLION,
        "scrap_freight_co2": total(result.shipments.freight_work) * ahead.drive.roads.co2,
    }


def energy(inputs: Inputs, world: World, totals: Totals, output: Array) -> dict[str, Array]:
    """Energy by carrier, ore, hydrogen, power."""
    power = totals.electricity
    hydrogen = totals.hydrogen * inputs.hydrogen.heating_value
    carriers = totals.fuel + hydrogen[None] * world.carrier["hydrogen"][:, None, None]
    carriers = carriers + (power * PETAJOULE_PER_TERAWATTHOUR)[None] * world.carrier["electricity"][:, None, None]
    national = total(carriers, 1)
    per_tonne = ratio(total(national), total(output))
    return {
        "energy": total(national),
        "energy_by_carrier": national,
        "energy_by_carrier_by_province": carriers,
        "energy_per_tonne": per_tonne * inputs.routes.energy_boundary / GIGAJOULE_PER_TCE,
        "iron_ore": total(totals.ore) + inputs.iron.pig_iron_to_foundries * inputs.iron.ore_per_hot_metal,
        "iron_ore_by_province": totals.ore,
        **nation_and_provinces("hydrogen", totals.hydrogen),
        **nation_and_provinces("electricity", power + world.hydrogen_on_site * totals.electrolysis),
    }


def carbon(inputs: Inputs, world: World, totals: Totals, output: Array, freight: Array) -> dict[str, Array]:
    """CO2 by scope, its peak, and neutrality; `freight` is CO2 of scrap freight where it arrives [province, year]."""
    direct_power = totals.scope1 + totals.scope2 + totals.removal
    net = neutrality.net_emissions(inputs.neutrality, direct_power)
    neutral = neutrality.is_neutral(inputs.neutrality, net, direct_power, world.makes_steel)
    national = total(direct_power)
    charged = direct_power + freight
    return {
        **nation_and_provinces("co2_scope1", totals.scope1),
        **nation_and_provinces("co2_scope2", totals.scope2),
        **nation_and_provinces("co2_scope3", totals.scope3),
        **nation_and_provinces("co2_grid_removal", totals.removal),
        **nation_and_provinces("co2_direct_power", direct_power),
        **nation_and_provinces("co2_total", direct_power + totals.scope3),
        **nation_and_provinces("co2_captured", totals.captured),
        **nation_and_provinces("co2_with_freight", charged),
        "co2_cumulative": after_base_year(national),
        "co2_with_freight_cumulative": after_base_year(total(charged)),
        "co2_per_tonne": ratio(national, total(output)),
        "co2_peak_year": neutrality.peak_year(national, world.years),
        "neutral_by_province": neutral,
        "neutral_count": total(neutral, 1),
        "net_ratio_by_province": neutrality.net_ratio(net, direct_power),
    }


def rest(inputs: Inputs, world: World, ahead: Before, totals: Totals, result: Result, made: Array) -> dict[str, Array]:
    """Pollutants, cost, diagnostics and faults."""
    output = ahead.output
    reline = (ahead.setting.prices.reline * world.kind["base"]).sum()
    wasted = relines.wasted(inputs.uptake, ahead.drive.first_due, result.renewed, world.years)
    stranded = wasted * reline * BILLION_PER_MILLION
    imbalance = ratio(jnp.abs(made + result.unmet - output).max(), output.max())
    return {
        "pollutants": total(totals.pollutants, 1),
        "pollutants_by_province": totals.pollutants,
        "pollutant_cut_by_province": deep_cut(totals.pollutants),
        "scrap_short_by_province": short(result),
        **nation_and_provinces("cost", totals.cost),
        "cost_per_tonne": ratio(total(totals.cost), total(made)) / BILLION_PER_MILLION,
        "scrap_freight_cost": total(totals.freight_cost) * BILLION_PER_MILLION,
        "stranded_capital": stranded,
        "unmet_production": total(result.unmet),
        "scrap_policy_residual": result.shipments.residual,
        "scrap_policy_violation": result.shipments.violation,
        "fault_mass_balance": (imbalance > MASS_BALANCE_TOLERANCE).astype(output.dtype),
    }


def deep_cut(pollutants: Array) -> Array:
    """1 where a pollutant is cut by more than 90 % of the base year [pollutant, province, year]; 0 without any then."""
    return (pollutants < DEEP_CUT * pollutants[..., :1]).astype(pollutants.dtype)


def short(result: Result) -> Array:
    """1 where less scrap arrives than electric furnaces could use [province, year]."""
    return (result.shipments.arrivals < result.electric_room - LEAST_SHORTAGE).astype(result.scrap.dtype)


def dear(delivered: Array, makes_steel: Array) -> Array:
    """1 where delivered scrap is dearer than in at least half of the provinces that make steel [province, year]."""
    cheaper = (delivered[None] < delivered[:, None]).astype(delivered.dtype) * makes_steel[None, :, None]
    return (cheaper.sum(axis=1) >= 0.5 * makes_steel.sum()).astype(delivered.dtype) * makes_steel[:, None]


def coordination(world: World, result: Result, verdict: Verdict) -> dict[str, Array]:
    """How the policy did in the states that it found, who shipped to whom, what scrap was worth."""
    away = 1.0 - jnp.eye(verdict.flows.shape[1], dtype=verdict.flows.dtype)
    flows = verdict.flows[..., FLOW_STEP::FLOW_STEP]
    lost = (verdict.gap > WORST_GAP) | ~jnp.isfinite(verdict.gap)
    breached = (verdict.iterations > 0) & (result.shipments.violation > WORST_VIOLATION)
    return {
        "scrap_gain": verdict.ahead,
        "scrap_gain_cumulative": jnp.cumsum(verdict.ahead, axis=1),
        "scrap_gain_booked": verdict.booked_ahead,
        "scrap_value": verdict.value,
        "scrap_price_by_province": verdict.prices.source,
        "scrap_delivered_by_province": verdict.prices.delivered,
        "scrap_dear_by_province": dear(verdict.prices.delivered, world.makes_steel),
        "scrap_flow": flows,
        "scrap_link": (flows >= LEAST_LINK).astype(flows.dtype) * away[..., None],
        "scrap_booking_gap": verdict.booked - verdict.value,
        "allocation_gap": verdict.gap,
        "allocation_iterations": verdict.iterations,
        "fault_allocation": (lost | breached).any().astype(flows.dtype),
    }


def report(inputs: Inputs, world: World, ahead: Before, result: Result, totals: Totals) -> dict[str, Array]:
    """All outputs of one scrap policy; per tonne means per tonne made, which a ban may hold below what is wanted."""
    made = settled(total(result.production))
    return {
        **production(inputs, world, ahead, result, made),
        **energy(inputs, world, totals, made),
        **carbon(inputs, world, totals, made, result.shipments.freight_work * ahead.drive.roads.co2),
        **rest(inputs, world, ahead, totals, result, made),
        **({} if result.verdict is None else coordination(world, result, result.verdict)),
    }
