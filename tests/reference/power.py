"""Carbon in purchased power and in hydrogen."""

import math
from typing import Any

import numpy as np
from reference.paths import between, logistic


def provincial_factor(grid: Any, p: int, t: int) -> float:
    """Positive part of the factor of purchased power, tCO2/MWh."""
    measured = (grid.factor_2021[p] / grid.factor_national_2021 + grid.factor_2022[p] / grid.factor_national_2022) / 2.0
    resource = (1.0 - grid.nonfossil_share[p]) / (1.0 - grid.nonfossil_share_national)
    left = math.exp(-grid.ratio_relaxation * t)
    ratio = measured * left + resource * (1.0 - left)
    if grid.hydro_province[p]:
        ratio *= math.exp(grid.hydro_year_sd * grid.hydro_province[p] * grid.hydro_year[t])
    return float(max(grid.factor_national[t], 0.0) * ratio)


class Power:
    """Factors [province, year], removal [year], hydrogen paths [year]."""

    def __init__(self, inputs: Any, years: list[int], provinces: int) -> None:
        hydrogen = inputs.hydrogen
        self.factor = np.array(
            [[provincial_factor(inputs.grid, p, t) for t in range(len(years))] for p in range(provinces)]
        )
        self.removal = [min(float(inputs.grid.factor_national[t]), 0.0) for t in range(len(years))]
        self.electrolysis, self.price, self.supply = [], [], []
        for t, year in enumerate(years):
            dedicated = between(year, 2025, hydrogen.dedicated_share_2025, 2060, hydrogen.dedicated_share_2060)
            self.electrolysis.append((1.0 - dedicated) * hydrogen.electrolyser_use[t])
            own = hydrogen.price_dedicated[t] + hydrogen.firming_cost
            self.price.append(1000.0 * (dedicated * own + (1.0 - dedicated) * hydrogen.price_grid[t]))
            self.supply.append(
                hydrogen.supply_max * logistic(year, float(hydrogen.ramp_mid), float(hydrogen.ramp_rate))
            )
