"""Scrap policies by hand: who ships to whom, source by source and sink by sink."""

import dataclasses
import math
from typing import Any

import numpy as np
from reference.paths import quotient

STEPS = 8


@dataclasses.dataclass
class Market:
    """Freight between provinces in a draw; `scale` is what the market remembers of its last year."""

    haul: np.ndarray
    co2: np.ndarray
    cost: np.ndarray
    nearest: list[int]
    gravity: float
    scale: np.ndarray


def make_market(inputs: Any, makes: list[bool], nearest: list[int]) -> Market:
    freight, distance = inputs.freight, inputs.distances.distance
    size = len(makes)
    haul, co2, cost = (np.zeros((size, size)) for _ in range(3))
    for i in range(size):
        for j in range(size):
            haul[i, j] = distance[i, j] + freight.own_province_haul
            for share, circuity, grams, rate, fixed in (
                (
                    1 - freight.rail_share,
                    freight.circuity_road,
                    freight.road_co2,
                    freight.road_cost,
                    freight.road_fixed,
                ),
                (freight.rail_share, freight.circuity_rail, freight.rail_co2, freight.rail_cost, freight.rail_fixed),
            ):
                co2[i, j] += share * circuity * haul[i, j] * grams / 1000.0
                cost[i, j] += share * (circuity * haul[i, j] * rate + fixed)
    return Market(haul, co2, cost, nearest, float(freight.gravity_distance), np.array([float(m) for m in makes]))


def autarky(supply: np.ndarray, room: np.ndarray, market: Market) -> np.ndarray:
    """Each keeps its own; provinces without plants ship to the nearest that has some."""
    size = len(supply)
    flows = np.zeros((size, size))
    for j in range(size):
        sources = [i for i in range(size) if market.nearest[i] == j]
        offered = sum(supply[i] for i in sources)
        for i in sources:
            flows[i, j] = supply[i] * min(1.0, quotient(room[j], offered))
    return flows


def pro_rata(supply: np.ndarray, room: np.ndarray, _: Market) -> np.ndarray:
    """One pool, one share of the room of everybody."""
    size, pool = len(supply), supply.sum()
    flows = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            arrives = room[j] * min(1.0, quotient(pool, room.sum()))
            flows[i, j] = quotient(supply[i], pool) * arrives
    return flows


def gravity(supply: np.ndarray, room: np.ndarray, market: Market, steps: int = STEPS) -> np.ndarray:
    """Sinkhorn scaling of s_i u_j exp(-d_ij / d0) from last year's scale.

    A dummy source delivers the shortage, a dummy sink takes the surplus; both are a row or column of ones with a scale
    of their own.
    """
    size = len(supply)
    pull = [[math.exp(-market.haul[i, j] / market.gravity) for j in range(size)] for i in range(size)]
    shortage, surplus = max(room.sum() - supply.sum(), 0.0), max(supply.sum() - room.sum(), 0.0)
    scale, idle = list(market.scale), 0.0

    def rows() -> list[float]:
        return [quotient(supply[i], sum(pull[i][j] * scale[j] for j in range(size)) + idle) for i in range(size)]

    for _ in range(steps):
        now = rows()
        idle, spare = quotient(surplus, sum(now)), quotient(shortage, sum(scale))
        scale = [quotient(room[j], sum(now[i] * pull[i][j] for i in range(size)) + spare) for j in range(size)]
    now = rows()
    flows = np.array([[now[i] * pull[i][j] * scale[j] for j in range(size)] for i in range(size)])
    for j in range(size):
        flows[:, j] *= min(1.0, quotient(room[j], flows[:, j].sum()))
    market.scale = np.array(scale)
    return flows


POLICIES = {"autarky": autarky, "market": gravity, "pro_rata": pro_rata}
