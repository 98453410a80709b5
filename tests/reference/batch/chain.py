"""The steel chain in plain NumPy over a batch of draws: the second reference, and what a benchmark compares against."""

from typing import Any

import numpy as np
from reference.batch.demand import Use, crude_steel, fabricated, output_by_province
from reference.batch.paths import ratio
from reference.batch.supply import Power, base_year, hot_metal_charge, scrap_supply
from reference.batch.technology import Bounds, Prices, Routes, Technology, levelised
from reference.batch.years import Years

TCE = 29.3076


def outputs(inputs: Any, world: Any, carriers: list[str], policies: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Every output of the register; draws first, then the scenario where the output has one.

    Args:
        inputs: `mc.inputs.nouns.Inputs` of float64 arrays with a leading draw axis.
        world: `mc.model.world.World` of numpy arrays.
        carriers: labels of the carriers.
        policies: names of the scrap policies.
    """
    years, demand = np.asarray(world.years), inputs.demand
    use = Use(inputs, years, np.asarray(world.history))
    made = fabricated(demand, use)
    national, tie = crude_steel(demand, made, years)
    output, stretch = output_by_province(demand, inputs.grid.nonfossil_share, national, made)
    charge = hot_metal_charge(inputs.iron, years)
    start = base_year(inputs.iron, output[:, :, 0], charge[:, 0])
    supply = scrap_supply(inputs, use, made, output, start.scrap.sum(axis=1))
    routes, power = Routes(world), Power(inputs, years)
    technology, prices = Technology(inputs, routes, years), Prices(inputs, power, years, carriers)
    iron = inputs.iron
    needed = iron.content_steel / iron.yield_converter - iron.content_scrap * iron.converter_scrap_base
    metal_rate = needed / iron.content_hot_metal
    bounds = Bounds(inputs, technology, power, metal_rate)
    walk = Years(inputs, world, routes, bounds, levelised(inputs, technology, prices, metal_rate))
    walk.start(start, supply, output, policies)
    arising = supply.home + supply.prompt + supply.obsolete
    people = use.people.sum(axis=1)
    shared = {
        "population": people,
        "income_by_province": use.income,
        "crude_steel": national,
        "crude_steel_by_province": output,
        "steel_use": made.sum(axis=(1, 2)),
        "steel_use_by_province": made.sum(axis=2),
        "steel_inflow": use.inflow.sum(axis=(1, 2)),
        "steel_stock": use.stock.sum(axis=(1, 2)),
        "steel_stock_by_end_use": use.stock.sum(axis=1),
        "steel_stock_by_province": use.stock.sum(axis=2),
        "steel_stock_per_head": use.stock.sum(axis=(1, 2)) / people,
        "steel_retired": use.retired.sum(axis=(1, 2)),
        "scrap_home": supply.home.sum(axis=1),
        "scrap_prompt": supply.prompt.sum(axis=1),
        "scrap_obsolete": supply.obsolete.sum(axis=1),
        "scrap_obsolete_by_province": supply.obsolete,
        "scrap_supply": arising.sum(axis=1),
        "scrap_supply_by_province": arising,
        "scrap_purchasable": supply.purchased.sum(axis=1),
        "grid_factor": inputs.grid.factor_national,
        "grid_factor_by_province": np.swapaxes(power.factor + power.removal[..., None], 1, 2),
        "carbon_price": inputs.costs.carbon_price,
        "level_tie": tie,
        "scrap_closure_factor": supply.closure,
        "scrap_closure_residual": supply.residual,
        "stock_shortfall": use.shortfall,
        "capacity_stretch": stretch,
    }
    books = Books(inputs, world, routes, technology, prices, power, walk, carriers)
    return shared | steel(inputs, routes, walk, supply) | books.energy() | books.carbon() | books.rest()


def both(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """A national total and its provinces from [draw, scenario, year, province]."""
    return {name: values.sum(axis=-1), f"{name}_by_province": np.swapaxes(values, 2, 3)}


def steel(inputs: Any, routes: Routes, walk: Years, supply: Any) -> dict[str, np.ndarray]:
    made, output, used = walk.production, walk.production.sum(axis=-1), walk.scrap.sum(axis=-1)
    melted = (made * routes.kind["scrap"]).sum(axis=-1)
    foundries = inputs.iron.pig_iron_to_foundries[:, None, None]
    on_offer = (supply.home + supply.purchased).sum(axis=1)[:, None, :]
    return {
        "production_by_route": np.moveaxis(made.sum(axis=3), 3, 2),
        "production_by_route_by_province": np.transpose(made, (0, 1, 4, 3, 2)),
        "eaf_share": ratio(melted.sum(axis=-1), output.sum(axis=-1)),
        "eaf_share_by_province": np.swapaxes(ratio(melted, output), 2, 3),
        "pig_iron": walk.hot_metal.sum(axis=(3, 4)) + foundries,
        "blast_furnace_iron": (walk.hot_metal * routes.furnace).sum(axis=(3, 4)) + foundries,
        **both("scrap_used", used),
        **both("scrap_arrivals", walk.arrivals),
        "scrap_unused": on_offer - used.sum(axis=-1),
        "scrap_ratio": ratio(used.sum(axis=-1), output.sum(axis=-1)),
        "scrap_traded": walk.traded,
        "scrap_freight_work": walk.work.sum(axis=-1) / 1000.0,
        "scrap_freight_co2": walk.work.sum(axis=-1) * walk.freight.co2[:, None, None],
        "unmet_production": walk.unmet.sum(axis=-1),
        "scrap_policy_residual": walk.residual,
        "scrap_policy_violation": walk.violation,
    }


class Books:
    """Energy, CO2, pollutants and cost [draw, scenario, year, province]."""

    def __init__(
        self,
        inputs: Any,
        world: Any,
        routes: Routes,
        technology: Technology,
        prices: Prices,
        power: Power,
        walk: Years,
        carriers: list[str],
    ) -> None:
        self.inputs, self.world, self.walk, self.prices, self.power = inputs, world, walk, prices, power
        self.carriers, self.routes = carriers, routes
        names = list(technology.metal)
        blocks = [self.columns(technology.metal[n], technology.steel[n]) for n in names]
        amounts = np.concatenate([walk.hot_metal, walk.production], axis=-1)
        totals = amounts @ np.concatenate(blocks, axis=-1)[:, None]
        ends = np.cumsum([block.shape[-1] for block in blocks])
        pieces = np.split(totals, ends[:-1], axis=-1)
        flows = {n: piece if piece.shape[-1] > 1 else piece[..., 0] for n, piece in zip(names, pieces, strict=True)}
        melted = (walk.production * routes.kind["scrap"]).sum(axis=-1)
        saved = (inputs.routes.electricity_per_hot_metal[:, None] * walk.charge)[:, None, :, None]
        flows["power"] = flows["power"] + saved * melted
        flows["electrolysis"] = flows["hydrogen"] * power.electrolysis[:, None, :, None]
        self.flows = flows
        self.output = walk.production.sum(axis=-1)

    @staticmethod
    def columns(metal: np.ndarray, steel: np.ndarray) -> np.ndarray:
        """[draw, year, metal routes then steel routes, column]."""
        both = np.concatenate([metal, steel], axis=2)
        return both.reshape(*both.shape[:3], -1)

    def energy(self) -> dict[str, np.ndarray]:
        flows, inputs, site = self.flows, self.inputs, float(self.world.hydrogen_on_site)
        fuel = flows["fuel"].copy()
        fuel[..., self.carriers.index("hydrogen")] += (
            flows["hydrogen"] * inputs.hydrogen.heating_value[:, None, None, None]
        )
        fuel[..., self.carriers.index("electricity")] += flows["power"] * 3.6
        per_tonne = ratio(fuel.sum(axis=(3, 4)), self.output.sum(axis=-1))
        foundries = inputs.iron.pig_iron_to_foundries * inputs.iron.ore_per_hot_metal
        return {
            "energy": fuel.sum(axis=(3, 4)),
            "energy_by_carrier": np.moveaxis(fuel.sum(axis=3), 3, 2),
            "energy_by_carrier_by_province": np.transpose(fuel, (0, 1, 4, 3, 2)),
            "energy_per_tonne": per_tonne * inputs.routes.energy_boundary[:, None, None] / TCE,
            "iron_ore": flows["ore"].sum(axis=-1) + foundries[:, None, None],
            "iron_ore_by_province": np.swapaxes(flows["ore"], 2, 3),
            **both("hydrogen", flows["hydrogen"]),
            **both("electricity", flows["power"] + site * flows["electrolysis"]),
        }

    def carbon(self) -> dict[str, np.ndarray]:
        flows, inputs, routes = self.flows, self.inputs, self.inputs.routes
        factor, site = self.power.factor[:, None], float(self.world.hydrogen_on_site)

        def each(values: np.ndarray) -> np.ndarray:
            return values[:, None, None, None]

        bought = flows["power"] + site * flows["electrolysis"]
        direct, power, removal = flows["direct"], bought * factor, bought * self.power.removal[:, None, :, None]
        upstream = flows["ore"] * each(routes.ore_upstream_co2) + flows["lime"] * each(routes.lime_upstream_co2)
        upstream = upstream + np.einsum("bstpe,be->bstp", flows["fuel"], routes.fuel_upstream_co2)
        upstream = upstream + (1.0 - site) * flows["electrolysis"] * factor
        freight = self.walk.work * each(self.walk.freight.co2)
        upstream = upstream + freight
        emitted = direct + power + removal
        first, national = emitted[:, :, :1], emitted.sum(axis=-1)
        net = emitted - each(inputs.neutrality.sink_quota) * first / first.sum(axis=-1, keepdims=True)
        limit = inputs.neutrality.threshold[:, None, :, None, None] * first[:, :, None]
        limit = np.maximum(limit, inputs.neutrality.least_net[:, None, None, None, None])
        neutral = (net[:, :, None] <= limit) * np.asarray(self.world.makes_steel)
        later = national.copy()
        later[:, :, 0] = 0.0
        return {
            **both("co2_scope1", direct),
            **both("co2_scope2", power),
            **both("co2_scope3", upstream),
            **both("co2_grid_removal", removal),
            **both("co2_direct_power", emitted),
            **both("co2_total", emitted + upstream),
            **both("co2_captured", flows["captured"]),
            "co2_cumulative": np.cumsum(later, axis=-1),
            **both("co2_with_freight", emitted + freight),
            "co2_with_freight_cumulative": np.cumsum((emitted + freight).sum(axis=-1), axis=-1)
            - (emitted + freight).sum(axis=-1)[:, :, :1],
            "co2_per_tonne": ratio(national, self.output.sum(axis=-1)),
            "co2_peak_year": np.asarray(self.world.years)[national.argmax(axis=-1)],
            "neutral_by_province": np.swapaxes(neutral, 3, 4),
            "neutral_count": neutral.sum(axis=-1),
            "net_ratio_by_province": np.swapaxes(ratio(net, np.broadcast_to(first, net.shape)), 2, 3),
        }

    def rest(self) -> dict[str, np.ndarray]:
        flows, prices, walk = self.flows, self.prices, self.walk

        def each(values: np.ndarray) -> np.ndarray:
            return values[:, None, None, None]

        freight = walk.work * each(walk.freight.cost)
        freight = freight + walk.arrivals * each(walk.freight.loading) * (walk.work > 0)
        spent = np.einsum("bstpr,btr->bstp", walk.production, prices.capital)
        spent = spent + np.einsum("bstpe,bte->bstp", flows["fuel"], prices.fuel)
        spent = spent + flows["power"] * prices.power[:, None, :, None]
        spent = spent + flows["hydrogen"] * prices.hydrogen[:, None, :, None]
        spent = spent + flows["ore"] * each(prices.ore) + flows["pellets"] * each(prices.pellets)
        spent = spent + flows["direct"] * prices.carbon[:, None, :, None] + flows["captured"] * each(prices.storage)
        spent = (spent + walk.arrivals * each(prices.scrap) + freight) / 1000.0
        family = int(np.argmax(np.asarray(self.world.accounting)))
        reported = self.inputs.pollutants.intensity_2020[:, family]
        counted = flows["pollutants"][:, 0, 0].sum(axis=1) / self.output[:, 0, 0].sum(axis=1)[:, None]
        scale = np.where(reported > 0, ratio(reported, counted), 1.0)
        pollutants = flows["pollutants"] * scale[:, None, None, None, :]
        reline = (prices.reline * self.routes.kind["base"]).sum(axis=1)[:, None, None]
        balance = np.abs(self.output + walk.unmet - walk.output[:, None]).max(axis=(1, 2, 3))
        return {
            "pollutants": np.moveaxis(pollutants.sum(axis=3), 3, 2),
            "pollutants_by_province": np.transpose(pollutants, (0, 1, 4, 3, 2)),
            "pollutant_cut_by_province": np.transpose(pollutants < 0.1 * pollutants[:, :, :1], (0, 1, 4, 3, 2)) * 1.0,
            "scrap_short_by_province": np.swapaxes(walk.arrivals < walk.electric_room - 1e-3, 2, 3) * 1.0,
            **both("cost", spent),
            "cost_per_tonne": ratio(spent.sum(axis=-1), self.output.sum(axis=-1)) * 1000.0,
            "scrap_freight_cost": freight.sum(axis=-1) / 1000.0,
            "stranded_capital": walk.wasted.sum(axis=-1) * reline / 1000.0,
            "fault_mass_balance": (balance / walk.output.max(axis=(1, 2)) > 1e-3).astype(float),
        }
