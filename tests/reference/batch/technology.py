"""Flows per tonne, prices, levelised cost, ceilings and floors of a batch of draws [draw, year, route, ...]."""

from typing import Any

import numpy as np
from reference.batch.paths import line, ramp, ratio
from reference.batch.supply import Power


class Routes:
    """Masks of the kinds of routes [route]."""

    def __init__(self, world: Any) -> None:
        self.kind = {name: np.asarray(mask) for name, mask in world.kind.items()}
        self.furnace = self.kind["base"] + self.kind["best"] + self.kind["retrofit"]
        self.hot = self.furnace + self.kind["smelting"]
        self.primary = self.kind["direct"] + self.kind["smelting"]
        self.plain = self.kind["base"] + self.kind["best"]


class Technology:
    """Per t of hot metal and of steel, in each year: {name: [draw, year, route(, carrier or pollutant)]}."""

    def __init__(self, inputs: Any, routes: Routes, years: np.ndarray) -> None:
        self.inputs, self.routes, self.years = inputs, routes, years
        time = np.arange(len(years))
        table = inputs.routes
        fall = (1.0 - table.efficiency_rate[:, None]) ** time
        self.carbon = np.maximum(1.0 - table.efficiency_cap[:, None], fall)[:, :, None]
        self.rise = ramp(years, years[0], 2060.0)[:, :, None]
        self.capture()
        self.metal, self.steel = self.per_metal(), self.per_steel()

    def capture(self) -> None:
        table, factors = self.inputs.routes, self.inputs.carriers.emission_factor
        heat = table.capture_heat[:, None] * table.capture_heated
        factor = (table.capture_fuel * factors).sum(axis=1)[:, None]
        self.captured = table.capture_share / (1.0 - table.capture_share * heat * factor)
        self.heat = self.captured * heat
        self.kept = 1.0 + self.heat * factor - self.captured

    def per_metal(self) -> dict[str, np.ndarray]:
        table, factors, hot = self.inputs.routes, self.inputs.carriers.emission_factor, self.routes.hot
        gross = table.hot_metal_co2[:, None] * table.carbon_ratio * hot
        burnt = gross * (1.0 - table.hot_metal_flux_share[:, None])
        fuel = ratio(burnt[..., None] * table.carbon_share, factors[:, None, :])
        fuel = fuel + (gross * self.heat)[..., None] * table.capture_fuel[:, None, :]
        still = np.ones_like(self.carbon)
        none = np.zeros_like(gross)[:, None, :]
        activity = self.routes.furnace[None, :, None] * self.inputs.pollutants.activity_hot_metal[:, None, :]
        return {
            "direct": (gross * self.kept)[:, None, :] * self.carbon,
            "captured": (gross * self.captured)[:, None, :] * self.carbon,
            "fuel": fuel[:, None] * self.carbon[..., None],
            "power": (gross * self.captured * table.capture_electricity)[:, None, :] * self.carbon,
            "hydrogen": none * still,
            "ore": (hot * self.inputs.iron.ore_per_hot_metal[:, None])[:, None, :] * still,
            "pellets": none * still,
            "lime": none * still,
            "pollutants": self.pollution(activity),
        }

    def per_steel(self) -> dict[str, np.ndarray]:
        table, factors = self.inputs.routes, self.inputs.carriers.emission_factor
        gross = np.einsum("bre,be->br", table.fuel, factors) + table.process_co2
        gross = gross + table.converter_co2[:, None] * self.routes.hot
        fuel = table.fuel + (gross * self.heat)[..., None] * table.capture_fuel[:, None, :]
        power = table.rolling_electricity[:, None] * table.rolling_added
        power = power + gross * self.captured * table.capture_electricity
        later = 1.0 + (table.electricity_ratio_2060 - 1.0)[:, None, :] * self.rise
        greener = 1.0 + (table.hydrogen_ratio_2060 - 1.0)[:, None, :] * self.rise
        still = np.ones_like(self.carbon)
        return {
            "direct": (gross * self.kept)[:, None, :] * still,
            "captured": (gross * self.captured)[:, None, :] * still,
            "fuel": fuel[:, None] * still[..., None],
            "power": table.electricity[:, None, :] * later + power[:, None, :],
            "hydrogen": table.hydrogen[:, None, :] * greener / 1000.0,
            "ore": table.ore[:, None, :] * still,
            "pellets": (table.ore * self.inputs.costs.pellet_fed)[:, None, :] * still,
            "lime": table.lime[:, None, :] * still,
            "pollutants": self.pollution(self.inputs.pollutants.activity),
        }

    def pollution(self, activity: np.ndarray) -> np.ndarray:
        """kg per tonne [draw, year, route, pollutant] of an activity [draw, route, process]."""
        table = self.inputs.pollutants
        clean = table.retrofit_share[:, :, None, None]
        electric = table.reheating_electrification_2060[:, None, None, None] * self.rise[..., None]
        before = table.factor_before
        after = np.minimum(table.factor_after, before)
        reheating = activity * table.reheating[:, None, :]
        dirty = (activity @ before)[:, None] - electric * (reheating @ before)[:, None]
        done = (activity @ after)[:, None] - electric * (reheating @ after)[:, None]
        return np.asarray(dirty * (1.0 - clean) + done * clean)


class Prices:
    """CNY of 2020."""

    def __init__(self, inputs: Any, power: Power, years: np.ndarray, carriers: list[str]) -> None:
        costs, rate = inputs.costs, inputs.costs.exchange_rate
        fuel = inputs.carriers.fuel_price.copy()
        gas = fuel[:, carriers.index("natural_gas")] * inputs.carriers.gas_price_ratio_coke_oven_gas[:, None]
        fuel[:, carriers.index("coke_oven_gas")] += gas
        self.fuel = np.swapaxes(fuel, 1, 2) * rate[:, None, None]
        self.power = inputs.carriers.electricity_price * rate[:, None]
        self.hydrogen = power.price * rate[:, None]
        self.ore, self.pellets = costs.ore_price * rate, costs.pellet_premium * rate
        self.scrap, self.storage = costs.scrap_price, costs.storage_cost * rate
        paying = line(years, 2024.0, costs.auctioned_share_2024, 2060.0, costs.auctioned_share_2060)
        self.carbon = costs.carbon_price * paying
        self.recovery = costs.discount_rate / (1.0 - (1.0 + costs.discount_rate) ** -costs.plant_life)
        learning = 1.0 + (costs.capex_ratio_2050 - 1.0)[:, None, :] * ramp(years, years[0], 2050.0)[:, :, None]
        chinese = (costs.china_factor * rate)[:, None]
        capital = (costs.capex * chinese * self.recovery[:, None])[:, None, :] * learning
        self.capital = capital + (costs.fixed_opex * chinese)[:, None, :]
        self.reline = costs.reline_capex * chinese
        self.new = costs.capex * chinese

    def running(self, flows: dict[str, np.ndarray]) -> np.ndarray:
        """CNY per tonne [draw, year, route]."""
        each = np.einsum("btre,bte->btr", flows["fuel"], self.fuel)
        each = each + flows["direct"] * self.carbon[..., None] + flows["captured"] * self.storage[:, None, None]
        each = each + flows["power"] * self.power[..., None] + flows["hydrogen"] * self.hydrogen[..., None]
        return np.asarray(
            each + flows["ore"] * self.ore[:, None, None] + flows["pellets"] * self.pellets[:, None, None]
        )


def levelised(inputs: Any, technology: Technology, prices: Prices, metal_rate: np.ndarray) -> np.ndarray:
    """CNY per t of steel [draw, year, route]."""
    routes, scrap_rate = technology.routes, inputs.iron.converter_scrap_base
    charge = routes.kind["scrap"] + (1.0 - routes.kind["scrap"] - routes.kind["direct"]) * scrap_rate[:, None]
    cost = prices.capital + prices.running(technology.steel) + (charge * prices.scrap[:, None])[:, None, :]
    cost = cost + prices.running(technology.metal) * metal_rate[:, None, None]
    spared = routes.kind["best"] * (prices.new - prices.reline) * prices.recovery[:, None]
    return np.asarray(cost - spared[:, None, :])


class Bounds:
    """Ceilings, floors and availability [draw, year, route], in the unit of capacity."""

    def __init__(self, inputs: Any, technology: Technology, power: Power, metal_rate: np.ndarray) -> None:
        uptake, routes, years = inputs.uptake, technology.routes, technology.years
        self.unit = 1.0 + (metal_rate[:, None] - 1.0) * routes.hot
        caps = np.minimum(uptake.national_cap, 2.0 * inputs.demand.crude_steel_2020.sum(axis=1)[:, None])
        captured = technology.metal["captured"][:, 0] * metal_rate[:, None] + technology.steel["captured"][:, 0]
        choice = inputs.structure.co2_storage.astype(int)
        storage = uptake.co2_storage[np.arange(len(choice)), choice]
        self.available = (years[None, :, None] >= inputs.routes.available_year[:, None, :]).astype(float)
        ceiling = np.broadcast_to(uptake.national_cap[:, None, :], self.available.shape)
        for resource, use in ((power.supply, inputs.routes.hydrogen / 1000.0), (storage, captured)):
            appetite = use * caps
            split = ratio(ratio(appetite, appetite.sum(axis=1, keepdims=True)), use)
            allowed = np.where(use[:, None, :] > 0, resource[:, :, None] * split[:, None, :], np.inf)
            ceiling = np.minimum(ceiling, allowed)
        floor = uptake.h2_dri_floor_2060[:, None] * routes.kind["direct"] * (inputs.routes.hydrogen > 0)
        floor = floor + ratio(uptake.capture_floor_2060[:, None] * routes.kind["retrofit"] * (captured > 0), captured)
        self.ceiling = ceiling * self.available * self.unit[:, None, :]
        self.floor = technology.rise * floor[:, None, :] * self.available * self.unit[:, None, :]
