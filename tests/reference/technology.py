"""What one tonne of hot metal and one tonne of steel by a route take and emit."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass
class Tonne:
    """Per tonne of hot metal or of steel; hydrogen in t, power in MWh, fuels in GJ, the rest in t or kg."""

    emitted: float
    captured: float
    fuel: np.ndarray
    power: float
    hydrogen: float
    ore: float
    pellets: float
    lime: float


class Technology:
    """Rows of a route, read one by one; `kind` is the group of each route."""

    def __init__(self, inputs: Any, kind: list[str], years: list[int]) -> None:
        self.inputs, self.kind, self.years = inputs, kind, years
        self.routes = range(len(kind))
        self.carriers = range(len(inputs.carriers.emission_factor))

    def hot(self, r: int) -> bool:
        """Charges converters with hot metal."""
        return self.kind[r] in ("base", "best", "retrofit", "smelting")

    def furnace(self, r: int) -> bool:
        """Its hot metal comes from a blast furnace."""
        return self.kind[r] in ("base", "best", "retrofit")

    def carbon_path(self, t: int) -> float:
        """Hot-metal carbon over the base year's."""
        routes = self.inputs.routes
        return float(max(1.0 - routes.efficiency_cap, (1.0 - routes.efficiency_rate) ** t))

    def late(self, t: int) -> float:
        """Way from the intensities of the base year to those of 2060."""
        return min(1.0, t / (2060 - self.years[0]))

    def capture(self, r: int, gross: float) -> tuple[float, float, float, float]:
        """(emitted, captured, heat, power) of a plant that emits `gross` before capture.

        All it emits, the fuel of the capture's heat included, passes the capture.
        """
        routes, factors = self.inputs.routes, self.inputs.carriers.emission_factor
        share, heated = routes.capture_share[r], routes.capture_heat * routes.capture_heated[r]
        heat_factor = sum(routes.capture_fuel[e] * factors[e] for e in self.carriers)
        everything = gross / (1.0 - share * heated * heat_factor)
        captured = share * everything
        return (
            float(everything - captured),
            float(captured),
            float(captured * heated),
            float(captured * routes.capture_electricity[r]),
        )

    def metal(self, r: int, t: int) -> Tonne:
        """Per tonne of hot metal."""
        routes, factors = self.inputs.routes, self.inputs.carriers.emission_factor
        fuel = np.zeros(len(self.carriers))
        if not self.hot(r):
            return Tonne(0.0, 0.0, fuel, 0.0, 0.0, 0.0, 0.0, 0.0)
        carbon = routes.hot_metal_co2 * routes.carbon_ratio[r] * self.carbon_path(t)
        emitted, captured, heat, power = self.capture(r, carbon)
        for e in self.carriers:
            burnt = carbon * (1.0 - routes.hot_metal_flux_share) * routes.carbon_share[r, e]
            fuel[e] = (burnt / factors[e] if factors[e] else 0.0) + heat * routes.capture_fuel[e]
        return Tonne(emitted, captured, fuel, power, 0.0, float(self.inputs.iron.ore_per_hot_metal), 0.0, 0.0)

    def steel(self, r: int, t: int) -> Tonne:
        """Per tonne of steel, besides its hot metal; electric furnaces on scrap alone."""
        routes, factors = self.inputs.routes, self.inputs.carriers.emission_factor
        gross = routes.process_co2[r] + (routes.converter_co2 if self.hot(r) else 0.0)
        for e in self.carriers:
            gross += routes.fuel[r, e] * factors[e]
        emitted, captured, heat, extra = self.capture(r, gross)
        fuel = np.array([routes.fuel[r, e] + heat * routes.capture_fuel[e] for e in self.carriers])
        power = routes.electricity[r] * (1.0 + (routes.electricity_ratio_2060[r] - 1.0) * self.late(t))
        power += routes.rolling_electricity * routes.rolling_added[r] + extra
        hydrogen = routes.hydrogen[r] * (1.0 + (routes.hydrogen_ratio_2060[r] - 1.0) * self.late(t)) / 1000.0
        pellets = routes.ore[r] * self.inputs.costs.pellet_fed[r]
        lime = float(routes.lime[r])
        return Tonne(emitted, captured, fuel, float(power), float(hydrogen), float(routes.ore[r]), float(pellets), lime)

    def pollution(self, r: int, k: int, of_metal: bool, retrofitted: float, electric: float) -> float:
        """kg of a pollutant per tonne of hot metal or steel of a route."""
        pollutants, total = self.inputs.pollutants, 0.0
        for process in range(len(pollutants.reheating)):
            if of_metal:
                activity = pollutants.activity_hot_metal[process] if self.furnace(r) else 0.0
            else:
                activity = pollutants.activity[r, process]
            burning = activity * (1.0 - electric * pollutants.reheating[process])
            dirty = pollutants.factor_before[process, k]
            clean = min(dirty, pollutants.factor_after[process, k])
            total += burning * (dirty * (1.0 - retrofitted) + clean * retrofitted)
        return total
