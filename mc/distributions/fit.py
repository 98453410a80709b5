"""Small fits of a prior to its points: importing an optimiser would take longer than all of them."""

from collections.abc import Callable

import numpy as np

from mc.distributions.family import Floats

STEPS = 100
NUDGE = 1e-6
"""Step of a difference quotient; the unknowns are of the order of one."""


def least_squares(misses: Callable[[Floats], Floats], start: Floats, low: Floats, high: Floats) -> Floats:
    """Unknowns (n,) within [low, high] with the least sum of squared misses (m,), from `start` (Levenberg 1944).

    The sum is the least near the start: there may be others, as for any such method.
    """
    at = np.clip(start, low, high)
    missed, damping = misses(at), 1e-3
    for _ in range(STEPS):
        slopes = _slopes(misses, at, missed, high)
        pull, curvature = slopes.T @ missed, slopes.T @ slopes
        held = ((at <= low) & (pull > 0)) | ((at >= high) & (pull < 0))  # would leave the bounds: the others move alone
        pull, curvature = np.where(held, 0, pull), np.where(held | held[:, None], np.diag(held), curvature)
        while damping < 1e12:
            step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature) + 1e-12), -pull)
            trial = np.clip(at + step, low, high)
            found = misses(trial)
            if found @ found < missed @ missed:
                break
            damping *= 10
        else:
            return at
        moved, at, missed, damping = np.abs(trial - at).max(), trial, found, damping / 10
        if moved < 1e-10:
            return at
    return at


def root(excess: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses zero between two ends of which it is positive and negative: by halves."""
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return middle


def _slopes(misses: Callable[[Floats], Floats], at: Floats, missed: Floats, high: Floats) -> Floats:
    """Difference quotients (m, n), away from the upper bounds."""
    nudges = np.where(at + NUDGE > high, -NUDGE, NUDGE)
    return np.stack([(misses(at + shift) - missed) / shift.sum() for shift in np.diag(nudges)], axis=1)
