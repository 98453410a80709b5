"""The register of outputs from the accounts, by name."""

import dataclasses
from typing import Any

import numpy as np
from reference.accounts import Accounts
from reference.paths import quotient
from reference.scrap import Supply
from reference.technology import Technology
from reference.transition import Story

TCE = 29.3076


@dataclasses.dataclass
class National:
    inputs: Any
    world: Any
    technology: Technology
    carriers: list[str]
    supply: Supply


def both(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """National sum and provinces from [year, province]."""
    return {name: values.sum(axis=1), f"{name}_by_province": values.T}


def shared_outputs(reference: Any) -> dict[str, np.ndarray]:
    inputs, cohorts, supply = reference.inputs, reference.cohorts, reference.supply
    provinces, uses, _ = cohorts.inflow.shape
    size = (provinces, uses, len(cohorts.years))
    stock, retired = np.zeros(size), np.zeros(size)
    for p, g, t in np.ndindex(size):
        stock[p, g, t] = cohorts.stock(p, g, cohorts.years[t])
        retired[p, g, t] = cohorts.retired(p, g, cohorts.years[t])
    inflow = cohorts.inflow[:, :, cohorts.base - cohorts.first :]
    people = reference.people.sum(axis=0)
    arising = supply.home + supply.prompt + supply.obsolete
    return {
        "population": people,
        "income_by_province": reference.income,
        "crude_steel": reference.national,
        "crude_steel_by_province": reference.output,
        "steel_use": reference.made.sum(axis=(0, 1)),
        "steel_use_by_province": reference.made.sum(axis=1),
        "steel_inflow": inflow.sum(axis=(0, 1)),
        "steel_stock": stock.sum(axis=(0, 1)),
        "steel_stock_by_end_use": stock.sum(axis=0),
        "steel_stock_by_province": stock.sum(axis=1),
        "steel_stock_per_head": stock.sum(axis=(0, 1)) / people,
        "steel_retired": retired.sum(axis=(0, 1)),
        "scrap_home": supply.home.sum(axis=0),
        "scrap_prompt": supply.prompt.sum(axis=0),
        "scrap_obsolete": supply.obsolete.sum(axis=0),
        "scrap_obsolete_by_province": supply.obsolete,
        "scrap_supply": arising.sum(axis=0),
        "scrap_supply_by_province": arising,
        "scrap_purchasable": supply.purchased.sum(axis=0),
        "grid_factor": inputs.grid.factor_national,
        "grid_factor_by_province": reference.power.factor + np.array(reference.power.removal),
        "carbon_price": inputs.costs.carbon_price,
        "level_tie": np.array(reference.tie),
        "scrap_closure_factor": np.array(supply.closure),
        "scrap_closure_residual": np.array(supply.residual),
        "stock_shortfall": reference.shortfall,
        "capacity_stretch": reference.stretch,
    }


def policy_outputs(
    sums: National, story: Story, books: Accounts, on_site: bool, reline: float
) -> dict[str, np.ndarray]:
    return {
        **steel_outputs(sums, story),
        **energy_outputs(sums, story, books, on_site),
        **carbon_outputs(sums, story, books),
        **both("cost", books.cost),
        "cost_per_tonne": books.cost.sum(axis=1) * 1000.0 / story.production.sum(axis=(1, 2)),
        "pollutants": books.pollutants.sum(axis=1).T,
        "pollutants_by_province": np.moveaxis(books.pollutants, (0, 1, 2), (2, 1, 0)),
        "pollutant_cut_by_province": deep_cuts(books.pollutants),
        "scrap_short_by_province": (story.arrivals < story.electric_room - 1e-3).T.astype(float),
        "scrap_freight_work": story.work.sum(axis=1) / 1000.0,
        "scrap_freight_co2": story.co2.sum(axis=1),
        "scrap_freight_cost": story.cost.sum(axis=1) / 1000.0,
        "stranded_capital": story.wasted.sum(axis=1) * reline / 1000.0,
        "unmet_production": story.unmet.sum(axis=1),
        "scrap_policy_residual": story.residual,
        "scrap_policy_violation": story.violation,
        "fault_mass_balance": np.array(0.0),
    }


def deep_cuts(pollutants: np.ndarray) -> np.ndarray:
    """1 where less than a tenth of the base year's is left [pollutant, province, year]."""
    cut = np.zeros(pollutants.shape[::-1])
    for t, q, k in np.ndindex(*pollutants.shape):
        cut[k, q, t] = float(pollutants[t, q, k] < 0.1 * pollutants[0, q, k])
    return cut


def steel_outputs(sums: National, story: Story) -> dict[str, np.ndarray]:
    technology, supply = sums.technology, sums.supply
    melted = story.production[:, :, technology.kind.index("scrap")]
    output, used = story.production.sum(axis=2), story.scrap.sum(axis=2)
    furnaces = sum(story.hot_metal[:, :, r].sum(axis=1) for r in technology.routes if technology.furnace(r))
    foundries = float(sums.inputs.iron.pig_iron_to_foundries)
    shares = np.zeros_like(output)
    for t, q in np.ndindex(*output.shape):
        shares[t, q] = quotient(float(melted[t, q]), float(output[t, q]))
    return {
        "production_by_route": story.production.sum(axis=1).T,
        "production_by_route_by_province": np.moveaxis(story.production, (0, 1, 2), (2, 1, 0)),
        "eaf_share": melted.sum(axis=1) / output.sum(axis=1),
        "eaf_share_by_province": shares.T,
        "pig_iron": story.hot_metal.sum(axis=(1, 2)) + foundries,
        "blast_furnace_iron": furnaces + foundries,
        **both("scrap_used", used),
        **both("scrap_arrivals", story.arrivals),
        "scrap_unused": (supply.home + supply.purchased).sum(axis=0) - used.sum(axis=1),
        "scrap_ratio": used.sum(axis=1) / output.sum(axis=1),
        "scrap_traded": story.traded,
    }


def energy_outputs(sums: National, story: Story, books: Accounts, on_site: bool) -> dict[str, np.ndarray]:
    inputs, carriers = sums.inputs, books.fuel.copy()
    carriers[:, :, sums.carriers.index("hydrogen")] += books.hydrogen * inputs.hydrogen.heating_value
    carriers[:, :, sums.carriers.index("electricity")] += books.power * 3.6
    ore_for_foundries = inputs.iron.pig_iron_to_foundries * inputs.iron.ore_per_hot_metal
    per_tonne = carriers.sum(axis=(1, 2)) / story.production.sum(axis=(1, 2))
    return {
        "energy": carriers.sum(axis=1).sum(axis=1),
        "energy_by_carrier": carriers.sum(axis=1).T,
        "energy_by_carrier_by_province": np.moveaxis(carriers, (0, 1, 2), (2, 1, 0)),
        "energy_per_tonne": per_tonne * inputs.routes.energy_boundary / TCE,
        "iron_ore": books.ore.sum(axis=1) + ore_for_foundries,
        "iron_ore_by_province": books.ore.T,
        **both("hydrogen", books.hydrogen),
        **both("electricity", books.power + (books.electrolysis if on_site else 0.0)),
    }


def carbon_outputs(sums: National, story: Story, books: Accounts) -> dict[str, np.ndarray]:
    direct_power = books.scope1 + books.scope2 + books.removal
    national = direct_power.sum(axis=1)
    neutrality, years = sums.inputs.neutrality, [float(year) for year in sums.world.years]
    net, ratio = np.zeros_like(direct_power), np.zeros_like(direct_power)
    neutral = np.zeros((len(neutrality.threshold), *direct_power.T.shape))
    for t, q in np.ndindex(*direct_power.shape):
        first = direct_power[0, q]
        net[t, q] = direct_power[t, q] - neutrality.sink_quota * first / national[0]
        ratio[t, q] = quotient(net[t, q], first)
        for level, threshold in enumerate(neutrality.threshold):
            within = net[t, q] <= max(threshold * first, neutrality.least_net)
            neutral[level, q, t] = float(within and sums.world.makes_steel[q] > 0)
    return {
        **both("co2_scope1", books.scope1),
        **both("co2_scope2", books.scope2),
        **both("co2_scope3", books.scope3),
        **both("co2_grid_removal", books.removal),
        **both("co2_direct_power", direct_power),
        **both("co2_total", direct_power + books.scope3),
        **both("co2_captured", books.captured),
        "co2_cumulative": np.array([national[1 : t + 1].sum() for t in range(len(national))]),
        **both("co2_with_freight", direct_power + story.co2),
        "co2_with_freight_cumulative": np.array(
            [(direct_power + story.co2)[1 : t + 1].sum() for t in range(len(national))]
        ),
        "co2_per_tonne": national / story.production.sum(axis=(1, 2)),
        "co2_peak_year": np.array(years[int(np.argmax(national))]),
        "neutral_by_province": neutral,
        "neutral_count": neutral.sum(axis=1),
        "net_ratio_by_province": ratio.T,
    }
