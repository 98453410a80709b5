"""The years after the base year, one after the other, province by province."""

import dataclasses
from typing import Any

import numpy as np
from reference.building import Builder
from reference.coordination import Coordinator, coordinate
from reference.fleet import Fleet, first_fleet, relined, retire
from reference.metallics import BaseYear, hot_metal_charge
from reference.paths import pour
from reference.policies import POLICIES, make_market
from reference.running import run, uses_of_scrap
from reference.scrap import Supply
from reference.technology import Technology


@dataclasses.dataclass
class Story:
    """What a policy world leaves behind; arrays [year, province] with one more axis for routes or uses of scrap."""

    production: np.ndarray
    hot_metal: np.ndarray
    scrap: np.ndarray
    arrivals: np.ndarray
    work: np.ndarray
    co2: np.ndarray
    cost: np.ndarray
    wasted: np.ndarray
    unmet: np.ndarray
    traded: np.ndarray
    residual: np.ndarray
    violation: np.ndarray
    calendar_gap: np.ndarray
    room: np.ndarray
    electric_room: np.ndarray


def blank(years: int, provinces: int, routes: int) -> Story:
    flat = {
        name: np.zeros((years, provinces))
        for name in ("arrivals", "work", "co2", "cost", "wasted", "unmet", "room", "electric_room")
    }
    national = {name: np.zeros(years) for name in ("traded", "residual", "violation", "calendar_gap")}
    made, melted = np.zeros((years, provinces, routes)), np.zeros((years, provinces, 3))
    return Story(production=made, hot_metal=made.copy(), scrap=melted, **flat, **national)


def base_year_story(
    story: Story, technology: Technology, start: BaseYear, output: np.ndarray, home: np.ndarray
) -> None:
    base, melt = technology.kind.index("base"), technology.kind.index("scrap")
    for q in range(len(output)):
        story.production[0, q, base] = output[q] - start.electric[q]
        story.production[0, q, melt] = start.electric[q]
        story.hot_metal[0, q, base] = start.hot_metal[q]
        story.scrap[0, q, :2] = start.converter_scrap[q], start.electric_scrap[q]
        story.arrivals[0, q] = story.scrap[0, q].sum() - home[q]


def transition(
    inputs: Any,
    technology: Technology,
    builder: Builder,
    supply: Supply,
    output: np.ndarray,
    start: BaseYear,
    nearest: list[int],
    policy: str,
    coordinator: Coordinator | None = None,
    copper_room: np.ndarray | None = None,
) -> Story:
    provinces, years = output.shape
    story = blank(years, provinces, len(technology.kind))
    base_year_story(story, technology, start, output[:, 0], supply.home[:, 0])
    fleets = [first_fleet(inputs, technology, start, q) for q in range(provinces)]
    market = make_market(inputs, [bool(output[q, 0] > 0) for q in range(provinces)], nearest)
    for t in range(1, years):
        share = hot_metal_charge(inputs.iron, technology.years[t])
        limits = np.array(
            [prepare(inputs, technology, builder, fleets[q], story, output, q, t, share) for q in range(provinces)]
        )
        home = np.array([pour(supply.home[q, t], limits[q]) for q in range(provinces)])
        left = limits - home
        if copper_room is not None:
            left = np.array([pour(copper_room[q, t], left[q]) for q in range(provinces)])
            limits = home + left
        room, story.electric_room[t] = left.sum(axis=1), left[:, 1]
        if coordinator is None:
            flows = POLICIES[policy](supply.purchased[:, t], room, market)
            use = np.array([pour(flows[:, q].sum(), left[q]) for q in range(provinces)])
        else:
            works = [
                coordinator.steps(fleets[q].capacity, home[q], limits[q], output[q, t], q, t, share)
                for q in range(provinces)
            ]
            size, worth = (np.array(parts) for parts in zip(*works, strict=True))
            first = coordinator.electric_first
            flows, use = coordinate(supply.purchased[:, t], size, worth, market.co2, left, first)
        for q in range(provinces):
            charged = home[q] + use[q]
            ran = run(inputs, technology, fleets[q].capacity, charged, output[q, t], t, share)
            keep(inputs, technology, fleets[q], story, ran, q, t)
        book(story, market, flows, supply.purchased[:, t], room, policy, t)
        story.calendar_gap[t] = max(abs(gap(technology, fleet)) for fleet in fleets)
    return story


def prepare(
    inputs: Any,
    technology: Technology,
    builder: Builder,
    fleet: Fleet,
    story: Story,
    output: np.ndarray,
    q: int,
    t: int,
    share: float,
) -> list[float]:
    """Retire, build and retrofit; what uses of scrap can take afterwards."""
    place = output[q, t] / output[:, t].sum()
    most_electric = fleet.capacity[technology.kind.index("scrap")]
    story.wasted[t, q] = retire(inputs, technology, fleet, t)
    limits = [builder.room(fleet, r, t, place) for r in technology.routes]
    builder.build(fleet, limits, q, t, place, output[q, t])
    builder.retrofit(fleet, limits, q, t, place)
    own_iron = sum(fleet.capacity[r] for r in technology.routes if technology.kind[r] == "direct")
    return uses_of_scrap(inputs, most_electric, own_iron, output[q, t], share)


def keep(inputs: Any, technology: Technology, fleet: Fleet, story: Story, ran: Any, q: int, t: int) -> None:
    melt = technology.kind.index("scrap")
    relined(inputs, technology, fleet, ran.added, t)
    fleet.electric = ran.production[melt]
    fleet.capacity[melt] = max(fleet.capacity[melt], fleet.electric)
    story.production[t, q], story.hot_metal[t, q], story.scrap[t, q] = ran.production, ran.hot_metal, ran.scrap
    story.unmet[t, q] = ran.unmet


def book(
    story: Story, market: Any, flows: np.ndarray, supply: np.ndarray, room: np.ndarray, policy: str, t: int
) -> None:
    """Freight where scrap arrives, and how far the policy fell short of what it meant to place."""
    story.arrivals[t], story.room[t] = flows.sum(axis=0), room
    story.work[t] = (flows * market.haul).sum(axis=0)
    story.co2[t] = (flows * market.co2).sum(axis=0)
    story.cost[t] = (flows * market.cost).sum(axis=0)
    story.traded[t] = flows.sum() - np.trace(flows)
    placeable = flows.sum() if policy == "autarky" else min(supply.sum(), room.sum())
    story.residual[t] = (placeable - flows.sum()) / supply.sum()
    breach = max((flows.sum(axis=1) - supply).max(), (flows.sum(axis=0) - room).max())
    story.violation[t] = max(breach, 0.0)


def gap(technology: Technology, fleet: Fleet) -> float:
    """Furnaces of the list less blast furnace capacity by route, Mt."""
    by_route = sum(fleet.capacity[r] for r in technology.routes if technology.furnace(r))
    return float(sum(furnace.size for furnace in fleet.furnaces) - by_route)
