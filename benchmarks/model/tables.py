"""The tables of the model: inputs with their families, and constants of provinces; needs NumPy and SciPy alone."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtri

Floats = np.ndarray
Draws = dict[str, Floats]

YEARS = 41
"""2020 to 2060."""

PAST = 50
"""Cohorts before 2020 that are still in use."""

START = 0.1
"""Share of electric furnaces in 2020; made up."""

WIDTH = 4.0
"""Years over which hydrogen comes in; made up."""

JUDGED = (10, 20, 30, 40)
"""Years after 2020 whose national CO2 must be accurate, beside the cumulative."""

Z95 = float(ndtri(0.95))


@dataclass(frozen=True)
class Row:
    """One uncertain scalar: minimum, mode and maximum (uniform, triangular) or 5, 50 and 95 % points (the others)."""

    name: str
    family: str
    low: float
    mid: float
    high: float
    unit: str

    @property
    def normal(self) -> tuple[float, float]:
        """Mean and standard deviation of the value, or of its logarithm where the family is lognormal."""
        low, mid, high = (self.low, self.mid, self.high) if self.family == "normal" else np.log(self._points)
        return float(mid), float((high - low) / (2 * Z95))

    @property
    def _points(self) -> tuple[float, float, float]:
        return self.low, self.mid, self.high

    def quantile(self, u: Floats) -> Floats:
        """Value at a probability in (0, 1)."""
        if self.family == "uniform":
            return self.low + u * (self.high - self.low)
        if self.family == "triangular":
            width = self.high - self.low
            rise, fall = u * width * (self.mid - self.low), (1 - u) * width * (self.high - self.mid)
            return np.where(u * width < self.mid - self.low, self.low + np.sqrt(rise), self.high - np.sqrt(fall))
        mean, sd = self.normal
        value = mean + sd * ndtri(u)
        return value if self.family == "normal" else np.exp(value)

    def random(self, rng: np.random.Generator, count: int) -> Floats:
        """Independent values, by the generator's own methods."""
        if self.family == "uniform":
            return rng.uniform(self.low, self.high, count)
        if self.family == "triangular":
            return rng.triangular(self.low, self.mid, self.high, count)
        value = rng.normal(*self.normal, count)
        return value if self.family == "normal" else np.exp(value)


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


ROWS = tuple(
    Row(row["name"], row["family"], float(row["low"]), float(row["mid"]), float(row["high"]), row["unit"])
    for row in _rows("inputs.csv")
)

PROVINCES = tuple(row["province"] for row in _rows("provinces.csv"))


def from_uniforms(u: Floats) -> Draws:
    """Inputs by name from uniform numbers (draw, input)."""
    return {row.name: row.quantile(u[:, at]) for at, row in enumerate(ROWS)}


def at_random(rng: np.random.Generator, count: int) -> Draws:
    """Inputs by name of independent draws."""
    return {row.name: row.random(rng, count) for row in ROWS}


def constants(copies: int = 1) -> dict[str, Floats]:
    """What no draw changes, float64; every province stands `copies` times, with its share of the demand.

    `demand` of 2020 in Mt, `tilt`, `grid` in t/MWh [province]; `leftover` turns an age kernel into what the cohorts of
    the past leave in each year [age, province x year]; `year` counts from 2020.
    """
    columns = {name: np.array([float(row[name]) for row in _rows("provinces.csv")]) for name in COLUMNS}
    columns = {name: np.tile(column, copies) for name, column in columns.items()}
    columns["demand_mt"] /= copies
    back = np.arange(PAST, 0, -1)  # years before 2020
    past = columns["demand_mt"][:, None] * np.exp(-columns["past_growth"][:, None] * back)
    leftover = np.zeros((PAST + YEARS, len(past), YEARS))
    for year in range(YEARS):
        leftover[back + year, :, year] = past.T
    return {
        "demand": columns["demand_mt"],
        "tilt": columns["tilt"],
        "grid": columns["grid_t_mwh"],
        "leftover": leftover.reshape(len(leftover), -1),
        "year": np.arange(YEARS, dtype=np.float64),
    }


COLUMNS = ("demand_mt", "past_growth", "tilt", "grid_t_mwh")
