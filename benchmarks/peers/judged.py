"""What an entrant has to deliver: means of all outputs, 95 % points of the national ones; and what is judged of it."""

from collections.abc import Callable, Mapping

import numpy as np
from model.tables import JUDGED

Numbers = list[float]
Estimate = Callable[[int, int], tuple[Numbers, Numbers]]

QUANTILES = ("co2", "co2_cumulative")
"""Outputs whose 95 % points are wanted."""


def pick(co2: np.ndarray, cumulative: float) -> Numbers:
    """National CO2 of the judged years, then that of all years."""
    return [*(float(co2[year]) for year in JUDGED), float(cumulative)]


def summarise(outputs: Mapping[str, np.ndarray]) -> tuple[Numbers, Numbers]:
    """Mean and 95 % point of what is judged, from outputs draw by draw (draw, ...)."""
    means = {name: np.mean(value, axis=0, dtype=np.float64) for name, value in outputs.items()}
    tails = {name: np.quantile(outputs[name], 0.95, axis=0) for name in QUANTILES}
    return pick(means["co2"], means["co2_cumulative"]), pick(tails["co2"], tails["co2_cumulative"])
