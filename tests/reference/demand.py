"""Demand for steel: the two drivers, steel fabricated, crude steel, output by province."""

import math
from typing import Any

import numpy as np
from reference.cohorts import Cohorts
from reference.paths import between, fade, quotient


def fill_by_stock(inputs: Any, cohorts: Cohorts, people: np.ndarray, earned: np.ndarray) -> np.ndarray:
    """Write the inflow that keeps stock per head on its way to saturation; returns the shortfall [year]."""
    demand, base = inputs.demand, cohorts.base
    provinces, uses, _ = cohorts.inflow.shape
    shortfall = np.zeros(len(cohorts.years))
    for g in range(uses):
        national = sum(cohorts.stock(p, g, base) for p in range(provinces)) / people[:, 0].sum()
        saturated = demand.saturation_ratio[g] * national
        for p in range(provinces):
            now = cohorts.stock(p, g, base) / people[p, 0]
            added = (cohorts.stock(p, g, base) - cohorts.stock(p, g, base - 1)) / people[p, 0]
            start = min(max(now, 1e-3 * saturated), demand.near_saturation * saturated)
            for t, year in enumerate(cohorts.years[1:], start=1):
                target = people[p, t] * per_head(demand, saturated, start, now, added, earned[p], t)
                missing = target - cohorts.stock(p, g, year, youngest=year - 1)
                cohorts.inflow[p, g, year - cohorts.first] = max(missing, 0.0) / cohorts.left[g, 0]
                shortfall[t] += max(-missing, 0.0)
    return shortfall


def per_head(
    demand: Any, saturated: float, start: float, now: float, added: float, earned: np.ndarray, t: int
) -> float:
    """k = K* + [d0 + (v0 - v*0 + w d0) t] exp(-w t), never negative."""
    rate = demand.offset_rate
    gap = now - logistic_in_income(demand, saturated, start, 1.0)
    rise = logistic_in_income(demand, saturated, start, earned[1] / earned[0]) - start
    curve = logistic_in_income(demand, saturated, start, earned[t] / earned[0])
    return float(max(curve + (gap + (added - rise + rate * gap) * t) * math.exp(-rate * t), 0.0))


def logistic_in_income(demand: Any, saturated: float, start: float, richer: float) -> float:
    return float(saturated / (1.0 + (saturated / start - 1.0) * (1.0 / richer) ** demand.logistic_steepness))


def fill_by_income(inputs: Any, cohorts: Cohorts, people: np.ndarray, earned: np.ndarray) -> np.ndarray:
    """Write the inflow that follows income per head; returns the shortfall, which is nil."""
    demand = inputs.demand
    provinces, uses, _ = cohorts.inflow.shape
    at = cohorts.base - cohorts.first
    for p in range(provinces):
        first = math.exp(-demand.intensity_income / earned[p, 0])
        for t in range(1, len(cohorts.years)):
            intensity = math.exp(-demand.intensity_income / earned[p, t]) / first
            saving = (1.0 - demand.material_saving) ** t
            for g in range(uses):
                each = cohorts.inflow[p, g, at] / people[p, 0]
                cohorts.inflow[p, g, at + t] = each * intensity * saving * people[p, t]
    return np.zeros(len(cohorts.years))


def fabricated(demand: Any, cohorts: Cohorts) -> np.ndarray:
    """Finished steel behind goods made in the country, Mt [province, end use, year]."""
    provinces, uses, _ = cohorts.inflow.shape
    made = np.zeros((provinces, uses, len(cohorts.years)))
    for t, year in enumerate(cohorts.years):
        left = between(year, cohorts.base, 1.0, 2060, demand.indirect_left_2060)
        for p in range(provinces):
            for g in range(uses):
                exported = demand.indirect_net_export_2020 * demand.indirect_split[g] * left * cohorts.share[p]
                behind = cohorts.inflow[p, g, year - cohorts.first] / demand.fabrication_yield[g]
                made[p, g, t] = behind + exported
    return made


def crude_steel(demand: Any, made: np.ndarray, years: list[int]) -> tuple[np.ndarray, float]:
    """National crude steel, Mt [year], tied to the statistics of the base year."""
    national = np.zeros(len(years))
    for t, year in enumerate(years):
        trade = between(year, years[0], demand.direct_net_export_2020, 2030, demand.direct_net_export_2030)
        national[t] = made[:, :, t].sum() / demand.casting_rolling_yield + trade
    tie = float(demand.crude_steel_2020.sum() / national[0])
    for t, year in enumerate(years):
        national[t] *= 1.0 + (tie - 1.0) * fade(year, years[0], demand.level_tie_fade)
    return national, tie


def limits_of_output(demand: Any, total: float) -> tuple[list[float], float]:
    """Highest output by province, Mt, and by how much they had to be stretched to hold the nation's."""
    limits = []
    for capacity, output in zip(demand.capacity_2020, demand.crude_steel_2020, strict=True):
        regulated = max(1.0, quotient(output, capacity))
        limits.append(max(demand.utilisation_max * capacity * regulated, demand.output_margin * output))
    stretch = max(1.0, total / (demand.capacity_fill * sum(limits)))
    return [limit * stretch for limit in limits], stretch


def output_by_province(
    demand: Any, nonfossil: np.ndarray, national: np.ndarray, made: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Crude steel, Mt [province, year], and the stretch [year]."""
    base = demand.crude_steel_2020
    provinces, years = len(base), len(national)
    makers = [p for p in range(provinces) if base[p] > 0]
    output, stretches = np.zeros((provinces, years)), np.zeros(years)
    for t in range(years):
        moved = demand.relocation_fraction * (1.0 - math.exp(-demand.relocation_rate * t))
        use = sum(made[q, :, t].sum() for q in makers)
        clean = sum(nonfossil[q] for q in makers)
        limits, stretches[t] = limits_of_output(demand, national[t])
        for q in makers:
            pulled = demand.relocation_demand_weight * made[q, :, t].sum() / use
            pulled += (1.0 - demand.relocation_demand_weight) * nonfossil[q] / clean
            start = base[q] / base.sum()
            output[q, t] = national[t] * (start + moved * (pulled - start))
        output[:, t] = hand_on(output[:, t], limits)
    return output, stretches


def hand_on(planned: np.ndarray, limits: list[float]) -> np.ndarray:
    """Give what is above a province's limit to the others by their room, round after round."""
    output = planned.copy()
    for _ in range(20):
        excess = 0.0
        for q, limit in enumerate(limits):
            excess += max(output[q] - limit, 0.0)
            output[q] = min(output[q], limit)
        room = [limit - output[q] for q, limit in enumerate(limits)]
        for q in range(len(limits)):
            output[q] += quotient(excess * room[q], sum(room))
    return output
