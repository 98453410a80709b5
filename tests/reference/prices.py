"""Prices, capital charges and levelised cost, CNY of 2020."""

from typing import Any

from reference.metallics import converter_hot_metal
from reference.paths import between
from reference.power import Power
from reference.technology import Technology, Tonne


class Prices:
    def __init__(self, inputs: Any, technology: Technology, power: Power, carriers: list[str]) -> None:
        self.inputs, self.technology, self.power, self.carriers = inputs, technology, power, carriers
        self.years = technology.years
        self.rate = float(inputs.costs.exchange_rate)

    def fuel(self, e: int, t: int) -> float:
        """CNY per GJ; coke-oven gas is priced by natural gas."""
        table = self.inputs.carriers.fuel_price
        price = table[e, t]
        if self.carriers[e] == "coke_oven_gas":
            gas = self.carriers.index("natural_gas")
            price = price + table[gas, t] * self.inputs.carriers.gas_price_ratio_coke_oven_gas
        return float(price) * self.rate

    def carbon(self, t: int) -> float:
        """CNY per t of CO2, on average over what pays and what does not."""
        costs = self.inputs.costs
        paying = between(self.years[t], 2024, costs.auctioned_share_2024, 2060, costs.auctioned_share_2060)
        return float(costs.carbon_price[t]) * paying

    def recovery(self) -> float:
        """Yearly payment that repays one unit over the life of the plant: 1 / sum_n (1 + d)^-n."""
        d, life = float(self.inputs.costs.discount_rate), float(self.inputs.costs.plant_life)
        return float(d / (1.0 - (1.0 + d) ** -life))

    def capital(self, r: int, t: int) -> float:
        """Capital charge and fixed cost, CNY per t of steel."""
        costs = self.inputs.costs
        learnt = between(self.years[t], self.years[0], 1.0, 2050, costs.capex_ratio_2050[r])
        world = costs.capex[r] * learnt * self.recovery() + costs.fixed_opex[r]
        return float(world * costs.china_factor) * self.rate

    def reline(self, r: int) -> float:
        return float(self.inputs.costs.reline_capex[r] * self.inputs.costs.china_factor) * self.rate

    def running(self, tonne: Tonne, t: int) -> float:
        """Carriers, ore, carbon and storage of a tonne, CNY."""
        costs = self.inputs.costs
        total = sum(tonne.fuel[e] * self.fuel(e, t) for e in range(len(self.carriers)))
        total += tonne.power * float(self.inputs.carriers.electricity_price[t]) * self.rate
        total += tonne.hydrogen * self.power.price[t] * self.rate
        total += tonne.emitted * self.carbon(t) + tonne.captured * costs.storage_cost * self.rate
        total += (tonne.ore * costs.ore_price + tonne.pellets * costs.pellet_premium) * self.rate
        return float(total)

    def levelised(self, r: int, t: int) -> float:
        """CNY per t of steel by a route; a best-practice furnace pays for a reline, not for a new plant."""
        inputs, kind = self.inputs, self.technology.kind[r]
        scrap = float(inputs.iron.converter_scrap_base)
        cost = self.capital(r, t) + self.running(self.technology.steel(r, t), t)
        if self.technology.hot(r):
            metal = converter_hot_metal(inputs.iron, 1.0, scrap)
            cost += metal * self.running(self.technology.metal(r, t), t) + scrap * inputs.costs.scrap_price
        if kind == "scrap":
            cost += inputs.costs.scrap_price
        if kind == "best":
            new = float(inputs.costs.capex[r] * inputs.costs.china_factor) * self.rate
            cost -= (new - self.reline(r)) * self.recovery()
        return float(cost)
