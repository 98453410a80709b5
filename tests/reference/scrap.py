"""Scrap that arises, closed on the base year."""

import dataclasses
from typing import Any

import numpy as np
from reference.cohorts import Cohorts
from reference.paths import between, fade


@dataclasses.dataclass
class Supply:
    home: np.ndarray
    prompt: np.ndarray
    obsolete: np.ndarray
    purchased: np.ndarray
    closure: float
    residual: float


def closure_factor(rates: list[float], ceiling: float, retired: list[float], wanted: float) -> float:
    """Exact root of sum_g min(f rate_g, ceiling) retired_g = wanted, or the f that brings all rates to the ceiling."""
    knees = sorted(ceiling / rate for rate in rates)

    def got(factor: float) -> float:
        return sum(min(factor * rate, ceiling) * amount for rate, amount in zip(rates, retired, strict=True))

    below = 0.0
    for knee in knees:
        if got(knee) >= wanted:
            share = (wanted - got(below)) / (got(knee) - got(below)) if got(knee) > got(below) else 0.0
            return below + share * (knee - below)
        below = knee
    return knees[-1]


def recovery(scrap: Any, g: int, year: int, first: int) -> float:
    now = scrap.obsolete_recovery[g]
    best = now + scrap.recovery_rise * max(scrap.recovery_target - now, 0.0)
    return between(year, first, now, float(scrap.recovery_target_year), best)


def copper_room(inputs: Any, supply: Supply, made: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Purchased scrap whose copper the steel of a province bears, Mt [province, year]."""
    scrap, room = inputs.scrap, np.zeros_like(output)
    provinces, uses, years = made.shape
    for t in range(years):
        flat = long = copper = bought = 0.0
        for p in range(provinces):
            for g in range(uses):
                flat += made[p, g, t] * scrap.flat_share[g]
                long += made[p, g, t] * (1.0 - scrap.flat_share[g])
            copper += supply.prompt[p, t] * scrap.copper_prompt + supply.obsolete[p, t] * scrap.copper_obsolete
            bought += supply.prompt[p, t] + supply.obsolete[p, t]
        borne = (flat * scrap.copper_tolerance_flat + long * scrap.copper_tolerance_long) / (flat + long)
        for q in range(len(output)):
            room[q, t] = max(borne * output[q, t] - scrap.copper_home * supply.home[q, t], 0.0) / (copper / bought)
    return room


def supply(inputs: Any, cohorts: Cohorts, made: np.ndarray, output: np.ndarray, charged: float) -> Supply:
    """Home, prompt and obsolete scrap, Mt [province, year]; `charged` is what steel took in the base year."""
    demand, scrap, years, first = inputs.demand, inputs.scrap, cohorts.years, cohorts.base
    provinces, uses, _ = made.shape
    home, prompt, obsolete, purchased = (np.zeros((provinces, len(years))) for _ in range(4))
    for p in range(provinces):
        for t in range(len(years)):
            home[p, t] = output[p, t] * (1.0 - demand.casting_rolling_yield) * scrap.home_recovery
            for g in range(uses):
                prompt[p, t] += made[p, g, t] * (1.0 - demand.fabrication_yield[g]) * scrap.prompt_recovery
    retired = [sum(cohorts.retired(p, g, first) for p in range(provinces)) for g in range(uses)]
    wanted = max(charged + scrap.to_foundries - home[:, 0].sum() - prompt[:, 0].sum(), 0.0)
    rates = [recovery(scrap, g, first, first) for g in range(uses)]
    factor = closure_factor(rates, float(scrap.recovery_ceiling), retired, wanted)
    for t, year in enumerate(years):
        here = 1.0 + (factor - 1.0) * fade(year, first, float(scrap.closure_fade))
        for g in range(uses):
            rate = min(recovery(scrap, g, year, first) * here, scrap.recovery_ceiling)
            for p in range(provinces):
                obsolete[p, t] += cohorts.retired(p, g, year) * rate
        gathered = prompt[:, t] + obsolete[:, t]
        trade = (0.0 if t == 0 else scrap.net_import) - scrap.to_foundries
        purchased[:, t] = gathered * max(gathered.sum() + trade, 0.0) / gathered.sum()
    return Supply(home, prompt, obsolete, purchased, factor, wanted - obsolete[:, 0].sum())
