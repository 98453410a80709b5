"""Curves through anchors."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def monotone(x: Floats, at: Floats, values: Floats) -> Floats:
    """Cubic curve through two or more anchors (n,), read at `x` between them; it turns only where they do.

    Fritsch and Carlson (1980), slopes after Fritsch and Butland (1984): what `scipy.interpolate` calls PCHIP, whose
    import takes longer than all curves.
    """
    width = np.diff(at)
    rise = np.diff(values) / width
    slope = _slopes(width, rise)
    piece = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(width) - 1)
    along, over, mean = x - at[piece], width[piece], rise[piece]
    first, last = slope[piece], slope[piece + 1]
    bend, twist = (3 * mean - 2 * first - last) / over, (first + last - 2 * mean) / over**2
    curve: Floats = values[piece] + along * (first + along * (bend + along * twist))
    return curve


def _slopes(width: Floats, rise: Floats) -> Floats:
    """Slope at every anchor: a weighted harmonic mean of those beside it, zero at an extreme."""
    if len(rise) == 1:
        return np.repeat(rise, 2)
    left, right = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    turns = rise[:-1] * rise[1:] <= 0
    before, after = (np.where(turns, 1.0, side) for side in (rise[:-1], rise[1:]))
    inner = np.where(turns, 0.0, (left + right) / (left / before + right / after))
    ends = _end(width[0], width[1], rise[0], rise[1]), _end(width[-1], width[-2], rise[-1], rise[-2])
    return np.array([ends[0], *inner, ends[1]])


def _end(width: float, next_width: float, rise: float, next_rise: float) -> float:
    """Slope at an end: of the parabola through three anchors, unless it would turn before the second."""
    slope = ((2 * width + next_width) * rise - width * next_rise) / (width + next_width)
    if slope * rise <= 0:
        return 0.0
    if rise * next_rise <= 0 and abs(slope) > 3 * abs(rise):
        return 3 * rise
    return slope
