"""People and income by province: the pathway's shape on the national path."""

import math
from typing import Any

import numpy as np


def population(macro: Any, ssp: int, provinces: int, years: int) -> np.ndarray:
    """Million [province, year]."""
    people = np.zeros((provinces, years))
    for t in range(years):
        total = sum(macro.population_ssp[ssp, p, t] for p in range(provinces))
        for p in range(provinces):
            people[p, t] = macro.population_national[t] * macro.population_ssp[ssp, p, t] / total
    return people


def product_path(macro: Any, years: int) -> list[float]:
    """National GDP over that of the first year."""
    path = [1.0]
    for t in range(1, years):
        path.append(path[-1] * (1.0 + macro.gdp_growth[t] + macro.gdp_noise_sd * macro.gdp_noise[t]))
    return path


def income(macro: Any, ssp: int, people: np.ndarray) -> np.ndarray:
    """Thousand CNY a head [province, year]: GCNY per million heads."""
    provinces, years = people.shape
    first = sum(macro.gdp_ssp[ssp, p, 0] for p in range(provinces))
    path = product_path(macro, years)
    earned = np.zeros_like(people)
    for t in range(years):
        way = t / (years - 1)
        weight = [macro.gdp_ssp[ssp, p, t] * math.exp(macro.gdp_province_deviation[p] * way) for p in range(provinces)]
        for p in range(provinces):
            earned[p, t] = first * path[t] * weight[p] / sum(weight) / people[p, t]
    return earned
