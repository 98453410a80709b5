"""Blast furnaces as a list with the year in which each is due, and capacity by route."""

import dataclasses
import math
from typing import Any

import numpy as np
from reference.metallics import BaseYear
from reference.technology import Technology


@dataclasses.dataclass
class Furnace:
    """A lot of blast furnace capacity, Mt of hot metal a year, due for reline in year number `due`."""

    due: int
    size: float


@dataclasses.dataclass
class Fleet:
    """Capacity of one province: by route, and the furnaces behind its blast furnace part."""

    capacity: np.ndarray
    furnaces: list[Furnace]
    electric: float


def put(furnaces: list[Furnace], moment: float, size: float) -> None:
    """A moment between two years is two furnaces that average to it."""
    year = math.floor(moment)
    for due, share in ((year, 1.0 - (moment - year)), (year + 1, moment - year)):
        if share * size > 0:
            furnaces.append(Furnace(due, size * share))


def first_fleet(inputs: Any, technology: Technology, start: BaseYear, p: int) -> Fleet:
    """Furnaces as old as the nation's additions of the last years, shifted by a phase of the campaign."""
    uptake, kind = inputs.uptake, technology.kind
    size = float(max(uptake.blast_furnace_capacity_2020[p], start.hot_metal[p]))
    capacity = np.array([{"base": size, "scrap": start.electric[p]}.get(kind[r], 0.0) for r in technology.routes])
    output = inputs.demand.crude_steel_history
    last, campaign = len(output) - 1, float(uptake.campaign)
    added = {age: max(output[last - age] - output[last - age - 1], 0.0) for age in range(min(last, 40))}
    young = {age: size for age, size in added.items() if age < uptake.campaign_history}
    furnaces: list[Furnace] = []
    for age, weight in young.items():
        worn = (age + uptake.campaign_phase[p] * campaign) % campaign
        put(furnaces, max(campaign - worn, 1.0), size * weight / sum(young.values()))
    return Fleet(capacity, furnaces, float(start.electric[p]))


def retire(inputs: Any, technology: Technology, fleet: Fleet, t: int) -> float:
    """Early retirement, then relines that are due; returns capacity lost times the share of campaign it had left."""
    uptake, kind, year = inputs.uptake, technology.kind, technology.years[t]
    campaign = float(uptake.campaign)
    early = float(uptake.early_retirement) if year >= uptake.early_retirement_from else 0.0
    wasted = 0.0
    for furnace in fleet.furnaces:
        wasted += early * furnace.size * min(max((furnace.due - t) / campaign, 0.0), 1.0)
        furnace.size *= 1.0 - early
    for r in technology.routes:
        if technology.furnace(r):
            fleet.capacity[r] *= 1.0 - early
    total = sum(furnace.size for furnace in fleet.furnaces)
    due = sum(furnace.size for furnace in fleet.furnaces if furnace.due == t)
    fleet.furnaces = [furnace for furnace in fleet.furnaces if furnace.due != t]
    off = 0.0
    for r in technology.routes:
        if kind[r] in ("base", "best") and total > 0:
            off += fleet.capacity[r] * due / total
            fleet.capacity[r] *= 1.0 - due / total
    put(fleet.furnaces, t + campaign, due - off)
    return wasted


def relined(inputs: Any, technology: Technology, fleet: Fleet, added: float, t: int) -> None:
    """Best-practice furnaces that came on this year."""
    fleet.capacity[technology.kind.index("best")] += added
    put(fleet.furnaces, t + float(inputs.uptake.campaign), added)
