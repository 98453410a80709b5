"""How often a forecast that is right would look as bad: coverage of its bands by its own draws, taken for the truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BAND = (0.05, 0.95)
FEW = 4
"""Numbers from which the coverage of a series is judged."""
EXPECTED = (0.05, 0.95)
"""Ends of the range in which a forecast that is right expects its pooled coverage."""


@dataclass(frozen=True)
class Inside:
    """Of one series: which numbers lie in the band of the draws [row], and which of each draw do [draw, row]."""

    observed: Flags
    drawn: Flags


def inside(draws: Floats, observed: Floats) -> Inside:
    """By the 90 % band of draws [draw, row], for numbers [row] and for each draw in their place."""
    low, high = np.quantile(draws, BAND, axis=0)
    return Inside((observed >= low) & (observed <= high), (draws >= low) & (draws <= high))


def on_edge(draws: Floats, observed: Floats) -> Flags:
    """Which numbers [row] other draws might put on the other side of an edge: within two errors of its rank.

    The error is that of as many independent draws; those of chains are fewer, and this is then too strict.
    """
    rank = (draws < observed).mean(axis=0)
    near = [np.abs(rank - edge) < 2 * np.sqrt(edge * (1 - edge) / len(draws)) for edge in BAND]
    return np.asarray(near[0] | near[1])


def chance(drawn: Floats, observed: float) -> float:
    """Share of draws that are as low as observed or lower; ties count as low, so that it is never too small."""
    return float((drawn <= observed + 1e-9).mean())


def coverage_of(found: Mapping[str, Inside]) -> xr.Dataset:
    """Coverage of one forecast, and the chance of one as low or lower if the forecast is right.

    Numbers of a draw hang together as the forecast says that they do: years of one series by its error, series by the
    inputs that they share. A chance that is not small does not prove the forecast right: few independent trials can
    find little.

    Args:
        found: of each series; series that have no such forecast are left out.

    Returns:
        By series `coverage` and `coverage_chance`. Over all numbers `pooled_rows`, `pooled_inside`, `pooled_coverage`,
        `pooled_chance`, and `pooled_expected` (bound), the 5 to 95 % range of what the forecast expects. Of the series
        that are judged `lowest_chance`: of a lowest coverage as low as that observed; not a number without any.
    """
    series = list(found)
    own = np.array([one.observed.mean() for one in found.values()])
    drawn = np.stack([one.drawn.mean(axis=1) for one in found.values()])
    every = np.concatenate([one.observed for one in found.values()])
    pooled = np.concatenate([one.drawn for one in found.values()], axis=1).mean(axis=1)
    judged = np.array([one.observed.size >= FEW for one in found.values()])
    lowest = chance(drawn[judged].min(axis=0), own[judged].min()) if judged.any() else np.nan
    chances = [chance(each, share) for each, share in zip(drawn, own, strict=True)]
    return xr.Dataset(
        {
            "coverage": ("series", own),
            "coverage_chance": ("series", chances),
            "pooled_rows": every.size,
            "pooled_inside": int(every.sum()),
            "pooled_coverage": every.mean(),
            "pooled_chance": chance(pooled, float(every.mean())),
            "pooled_expected": ("bound", np.quantile(pooled, EXPECTED)),
            "lowest_chance": lowest,
        },
        {"series": series, "bound": ["low", "high"]},
    )
