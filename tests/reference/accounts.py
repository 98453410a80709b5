"""Energy, CO2, pollutants and cost: every route and carrier of every province and year, added up one by one."""

import dataclasses
from typing import Any

import numpy as np
from reference.metallics import hot_metal_charge
from reference.paths import between, quotient
from reference.power import Power
from reference.prices import Prices
from reference.technology import Technology
from reference.transition import Story

FLOWS = ("emitted", "captured", "power", "hydrogen", "ore", "pellets", "lime", "capital")


@dataclasses.dataclass
class Accounts:
    """[year, province], carriers and pollutants [year, province, ...]."""

    fuel: np.ndarray
    pollutants: np.ndarray
    power: np.ndarray
    electrolysis: np.ndarray
    hydrogen: np.ndarray
    ore: np.ndarray
    scope1: np.ndarray
    scope2: np.ndarray
    scope3: np.ndarray
    removal: np.ndarray
    captured: np.ndarray
    cost: np.ndarray


def accounts(
    inputs: Any, technology: Technology, power: Power, prices: Prices, story: Story, on_site: bool
) -> Accounts:
    years, provinces, _ = story.production.shape
    flat = {
        field.name: np.zeros((years, provinces))
        for field in dataclasses.fields(Accounts)
        if field.name not in ("fuel", "pollutants")
    }
    books = Accounts(fuel=np.zeros((years, provinces, len(technology.carriers))), pollutants=np.zeros(0), **flat)
    for t in range(years):
        metals = [technology.metal(r, t) for r in technology.routes]
        steels = [technology.steel(r, t) for r in technology.routes]
        capital = [prices.capital(r, t) for r in technology.routes]
        for q in range(provinces):
            sums, fuel = dict.fromkeys(FLOWS, 0.0), np.zeros(len(technology.carriers))
            for r in technology.routes:
                for amount, tonne in ((story.hot_metal[t, q, r], metals[r]), (story.production[t, q, r], steels[r])):
                    if amount == 0:
                        continue
                    for name in FLOWS[:-1]:
                        sums[name] += amount * getattr(tonne, name)
                    for e in technology.carriers:
                        fuel[e] += amount * tonne.fuel[e]
                sums["capital"] += story.production[t, q, r] * capital[r]
            melted = story.production[t, q, technology.kind.index("scrap")]
            charge = hot_metal_charge(inputs.iron, technology.years[t])
            sums["power"] += inputs.routes.electricity_per_hot_metal * charge * melted
            close(books, inputs, power, prices, story, on_site, t, q, sums, fuel)
    return books


def close(
    books: Accounts,
    inputs: Any,
    power: Power,
    prices: Prices,
    story: Story,
    on_site: bool,
    t: int,
    q: int,
    sums: dict[str, float],
    fuel: np.ndarray,
) -> None:
    """Book one province and year: each carrier in one scope."""
    routes, costs = inputs.routes, inputs.costs
    books.fuel[t, q] = fuel
    books.power[t, q], books.hydrogen[t, q] = sums["power"], sums["hydrogen"]
    books.electrolysis[t, q] = electrolysis = sums["hydrogen"] * power.electrolysis[t]
    books.ore[t, q], books.captured[t, q], books.scope1[t, q] = sums["ore"], sums["captured"], sums["emitted"]
    bought = sums["power"] + (electrolysis if on_site else 0.0)
    books.scope2[t, q] = bought * power.factor[q, t]
    books.removal[t, q] = bought * power.removal[t]
    upstream = sums["ore"] * routes.ore_upstream_co2 + sums["lime"] * routes.lime_upstream_co2 + story.co2[t, q]
    for e, amount in enumerate(fuel):
        upstream += amount * routes.fuel_upstream_co2[e]
    books.scope3[t, q] = upstream + (0.0 if on_site else electrolysis * power.factor[q, t])
    spent = sums["capital"] + sum(amount * prices.fuel(e, t) for e, amount in enumerate(fuel))
    spent += sums["power"] * inputs.carriers.electricity_price[t] * prices.rate
    spent += sums["hydrogen"] * power.price[t] * prices.rate
    spent += (sums["ore"] * costs.ore_price + sums["pellets"] * costs.pellet_premium) * prices.rate
    spent += sums["emitted"] * prices.carbon(t) + sums["captured"] * costs.storage_cost * prices.rate
    spent += story.arrivals[t, q] * costs.scrap_price + story.cost[t, q]
    books.cost[t, q] = spent / 1000.0


def pollution(inputs: Any, technology: Technology, story: Story, family: int) -> np.ndarray:
    """kt [year, province, pollutant]; a reported family scales the base year's national intensity to its own."""
    years, provinces, _ = story.production.shape
    pollutants = inputs.pollutants
    kinds = pollutants.factor_before.shape[1]
    total = np.zeros((years, provinces, kinds))
    for t in range(years):
        electric = between(
            technology.years[t], technology.years[0], 0.0, 2060, pollutants.reheating_electrification_2060
        )
        clean = float(pollutants.retrofit_share[t])
        for k in range(kinds):
            for r in technology.routes:
                of_metal = technology.pollution(r, k, True, clean, electric)
                of_steel = technology.pollution(r, k, False, clean, electric)
                for q in range(provinces):
                    total[t, q, k] += story.hot_metal[t, q, r] * of_metal + story.production[t, q, r] * of_steel
    for k in range(kinds):
        reported = pollutants.intensity_2020[family, k]
        counted = total[0, :, k].sum() / story.production[0].sum()
        if reported > 0:
            total[:, :, k] *= quotient(reported, counted)
    return total
