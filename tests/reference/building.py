"""What may be built, and what is: ceilings, growth, choice by cost, floors of policy, retrofits."""

import math
from typing import Any

import numpy as np
from reference.fleet import Fleet
from reference.metallics import converter_hot_metal
from reference.paths import quotient, ramp
from reference.power import Power
from reference.technology import Technology


class Builder:
    """National ceilings and floors by year and route, in the unit of capacity; costs in CNY per t of steel."""

    def __init__(self, inputs: Any, technology: Technology, power: Power, levelised: Any) -> None:
        self.inputs, self.technology = inputs, technology
        self.levelised = levelised
        years, routes = technology.years, technology.routes
        metal = converter_hot_metal(inputs.iron, 1.0, float(inputs.iron.converter_scrap_base))
        self.unit = [metal if technology.hot(r) else 1.0 for r in routes]
        self.captured = [
            technology.metal(r, 0).captured * (metal if technology.hot(r) else 0.0) + technology.steel(r, 0).captured
            for r in routes
        ]
        self.ceiling = np.array([[self.national_ceiling(r, t, power) for r in routes] for t in range(len(years))])
        self.floor = np.array([[self.national_floor(r, t) for r in routes] for t in range(len(years))])

    def available(self, r: int, t: int) -> bool:
        return bool(self.technology.years[t] >= self.inputs.routes.available_year[r])

    def national_ceiling(self, r: int, t: int, power: Power) -> float:
        """Cap of the route, and its part of hydrogen and of CO2 storage, split by what each could take at most."""
        inputs = self.inputs
        if not self.available(r, t):
            return 0.0
        caps = [min(cap, 2.0 * inputs.demand.crude_steel_2020.sum()) for cap in inputs.uptake.national_cap]
        storage = inputs.uptake.co2_storage[int(inputs.structure.co2_storage), t]
        ceiling = float(inputs.uptake.national_cap[r])
        for resource, use in ((power.supply[t], inputs.routes.hydrogen / 1000.0), (storage, self.captured)):
            if use[r] > 0:
                appetite = sum(each * cap for each, cap in zip(use, caps, strict=True))
                ceiling = min(ceiling, resource * (use[r] * caps[r] / appetite) / use[r])
        return ceiling * self.unit[r]

    def national_floor(self, r: int, t: int) -> float:
        """Hydrogen direct reduction, and capture at blast furnaces, as policy asks for; rises from nothing to 2060."""
        inputs, kind = self.inputs, self.technology.kind[r]
        if not self.available(r, t):
            return 0.0
        rise = ramp(self.technology.years[t], self.technology.years[0], 2060)
        floor = 0.0
        if kind == "direct" and inputs.routes.hydrogen[r] > 0:
            floor = rise * inputs.uptake.h2_dri_floor_2060
        if kind == "retrofit" and self.captured[r] > 0:
            floor = rise * inputs.uptake.capture_floor_2060 / self.captured[r]
        return float(floor) * self.unit[r]

    def room(self, fleet: Fleet, r: int, t: int, place: float) -> float:
        """Most that a route can add in a province this year."""
        uptake = self.inputs.uptake
        have = fleet.capacity[r]
        most = self.ceiling[t, r] * place
        if uptake.coke_limited[r] > 0:
            iron = sum(fleet.capacity[s] for s in self.technology.routes if self.technology.furnace(s))
            most = min(most, uptake.cap_per_coke * uptake.coke_per_hot_metal * iron)
        seed = uptake.new_route_seed * place if self.available(r, t) else 0.0
        return float(min(max(most - have, 0.0), uptake.new_route_growth * have + seed))

    def choice(self, rivals: list[int], p: int, t: int) -> dict[int, float]:
        """Logit shares of routes by cost and bias."""
        uptake = self.inputs.uptake
        if not rivals:
            return {}
        utility = {
            r: -(self.levelised(r, t) + uptake.choice_bias_sd * uptake.choice_noise[p, r]) / uptake.choice_scale
            for r in rivals
        }
        best = max(utility.values())
        weight = {r: math.exp(value - best) for r, value in utility.items()}
        return {r: value / sum(weight.values()) for r, value in weight.items()}

    def build(self, fleet: Fleet, limits: list[float], p: int, t: int, place: float, output: float) -> None:
        """New primary routes for what last year's electric steel and the capacity left cannot make."""
        kind, routes = self.technology.kind, self.technology.routes
        steel = sum(fleet.capacity[r] / self.unit[r] for r in routes if kind[r] != "scrap")
        gap = max(output - min(fleet.electric, output) - steel, 0.0)
        new = [r for r in routes if kind[r] in ("direct", "smelting")]
        shares = self.choice([r for r in new if self.available(r, t)] + [kind.index("best")], p, t)
        for r in new:
            wanted = shares.get(r, 0.0) * gap * self.unit[r]
            asked = max(self.floor[t, r] * place - fleet.capacity[r], 0.0)
            fleet.capacity[r] += min(max(wanted, asked), limits[r])

    def retrofit(self, fleet: Fleet, limits: list[float], p: int, t: int, place: float) -> None:
        """Part of the plain furnaces takes capture, hydrogen or biochar."""
        kind, routes = self.technology.kind, self.technology.routes
        plain = [r for r in routes if kind[r] in ("base", "best")]
        pool = sum(fleet.capacity[r] for r in plain)
        kinds = [r for r in routes if kind[r] == "retrofit"]
        shares = self.choice([r for r in kinds if self.available(r, t)], p, t)
        added = {}
        for r in kinds:
            wanted = shares.get(r, 0.0) * self.inputs.uptake.retrofit_rate * pool
            asked = max(self.floor[t, r] * place - fleet.capacity[r], 0.0)
            added[r] = min(max(wanted, asked), limits[r])
        scale = min(1.0, quotient(pool, sum(added.values())))
        for r in kinds:
            fleet.capacity[r] += added[r] * scale
        taken = sum(added.values()) * scale
        for r in plain:
            fleet.capacity[r] -= fleet.capacity[r] * quotient(taken, pool)
