"""Steel in use as a literal sum over cohorts: each year's inflow ages on its own survival curve."""

import math
from typing import Any

import numpy as np
from reference.paths import ramp


def survival(stock: Any, family: int, g: int, age: float) -> float:
    """Share of a cohort of end use g that is left at an age."""
    mean = stock.lifetime_mean[g] * stock.lifetime_common_factor
    cv = stock.lifetime_cv[g]
    if family == 0:
        shape = cv**-1.086
        scale = mean / math.gamma(1.0 + 1.0 / shape)
        return math.exp(-((age / scale) ** shape))
    if family == 1:
        sigma = math.sqrt(math.log(1.0 + cv * cv))
        mu = math.log(mean) - sigma * sigma / 2.0
        return normal_below((mu - math.log(age)) / sigma)
    return normal_below((mean - age) / (cv * mean)) / normal_below(1.0 / cv)


def normal_below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


class Cohorts:
    """Inflow of every year from the first of history to the last of the model, by province and end use."""

    def __init__(self, inputs: Any, years: list[int], history: list[int], provinces: int) -> None:
        uses = len(inputs.stock.lifetime_mean)
        self.first, self.base, self.years = history[0], years[0], years
        self.every = list(range(history[0], years[-1] + 1))
        family = int(inputs.structure.lifetime_family)
        self.left = np.array(
            [[survival(inputs.stock, family, g, age + 0.5) for age in range(len(self.every))] for g in range(uses)]
        )
        self.inflow = np.zeros((provinces, uses, len(self.every)))
        self.share = use_shares(inputs.demand, provinces)
        for year in history:
            national = goods_entering_use(inputs.demand, history, year)
            moved = ramp(year, float(inputs.demand.use_share_change_year), self.base)
            for p in range(provinces):
                share = inputs.demand.stock_share_2000[p] * (1.0 - moved) + self.share[p] * moved
                for g in range(uses):
                    self.inflow[p, g, year - self.first] = share * national[g]

    def stock(self, p: int, g: int, year: int, youngest: int | None = None) -> float:
        """Still in use at the end of a year, of cohorts up to `youngest`."""
        total = 0.0
        for cohort in range(self.first, min(year, year if youngest is None else youngest) + 1):
            total += self.inflow[p, g, cohort - self.first] * self.left[g, year - cohort]
        return total

    def retired(self, p: int, g: int, year: int) -> float:
        """Leaving use in a year: the young that fail at once, and what each older cohort loses."""
        total = self.inflow[p, g, year - self.first] * (1.0 - self.left[g, 0])
        for cohort in range(self.first, year):
            age = year - cohort
            total += self.inflow[p, g, cohort - self.first] * (self.left[g, age - 1] - self.left[g, age])
        return float(total)


def use_shares(demand: Any, provinces: int) -> list[float]:
    weight = [
        demand.use_share_2020[p] * math.exp(demand.use_share_sd * demand.use_share_noise[p]) for p in range(provinces)
    ]
    return [one / sum(weight) for one in weight]


def finished_use(demand: Any, history: list[int], year: int) -> float:
    """Finished steel used in the country: reported crude equivalent, corrected for how it was reported."""
    use = float(demand.apparent_use_history[year - history[0]])
    if demand.net_import_first_year <= year <= demand.net_import_last_year:
        use /= 1.0 - demand.net_import_share
    if year <= demand.history_bias_last_year:
        use *= demand.history_bias
    return use * float(demand.casting_rolling_yield)


def goods_entering_use(demand: Any, history: list[int], year: int) -> list[float]:
    """By end use: finished steel used, less what leaves in goods (at the base year's share of use), fabricated."""
    base = finished_use(demand, history, history[-1])
    entering = []
    for g in range(len(demand.share_of_use)):
        exported = demand.indirect_net_export_2020 * demand.indirect_split[g] / base
        kept = max(demand.share_of_use[g] - exported, 0.0)
        entering.append(finished_use(demand, history, year) * kept * demand.fabrication_yield[g])
    return entering
