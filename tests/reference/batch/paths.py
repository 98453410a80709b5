"""Shapes in time for a batch of draws; the draw axis is the first of every array."""

from typing import Any

import numpy as np

Batch = Any


def ramp(years: np.ndarray, start: Any, end: Any) -> np.ndarray:
    """0 up to `start`, 1 from `end` [draw or 1, year]; starts and ends are numbers or one a draw."""
    first, last = np.atleast_1d(start)[:, None], np.atleast_1d(end)[:, None]
    return np.asarray(np.clip((years[None, :] - first) / (last - first), 0.0, 1.0))


def line(years: np.ndarray, first_year: float, first: np.ndarray, last_year: float, last: np.ndarray) -> np.ndarray:
    """A straight line between two dated values of each draw [draw, year]."""
    return np.asarray(first[:, None] + (last - first)[:, None] * ramp(years, first_year, last_year))


def ratio(numerator: Any, denominator: Any) -> np.ndarray:
    """0 where the denominator is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    return np.asarray(np.divide(top, bottom, out=np.zeros(top.shape), where=bottom != 0))


def shares(weights: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(weights / weights.sum(axis=axis, keepdims=True))


def pour(amount: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Fill the last axis one after the other."""
    before = np.cumsum(sizes, axis=-1) - sizes
    return np.asarray(np.clip(amount[..., None] - before, 0.0, sizes))
