"""Shapes in time, one year at a time, and a quotient that is 0 over 0."""

import math
from typing import Any

import numpy as np

Real = Any


def ramp(year: float, start: float, end: float) -> float:
    if year <= start:
        return 0.0
    if year >= end:
        return 1.0
    return (year - start) / (end - start)


def fade(year: float, first: float, length: float) -> float:
    return max(0.0, 1.0 - (year - first) / length)


def between(year: float, first_year: float, first: Real, last_year: float, last: Real) -> float:
    """A straight line between two dated values, held constant outside."""
    return float(first + (last - first) * ramp(year, first_year, last_year))


def logistic(year: float, middle: float, rate: float) -> float:
    return 1.0 / (1.0 + math.exp(-rate * (year - middle)))


def quotient(numerator: float, denominator: float) -> float:
    return 0.0 if denominator == 0 else float(numerator / denominator)


def pour(amount: float, sizes: Any) -> np.ndarray:
    """Fill vessels one after the other; what does not fit is left over."""
    filled = np.zeros(len(sizes))
    for position, size in enumerate(sizes):
        filled[position] = min(amount, size)
        amount -= filled[position]
    return filled
