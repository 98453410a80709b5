"""How often a forecast that is right would look as bad: coverage of its bands by its own draws, taken for the truth."""

from collections.abc import Mapping, Sequence
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


SMALL = 0.05
"""Chance under which a forecast is called over-confident: one that is right would seldom look so bad."""
NARROW = 1.5
"""How much further than its draws the truth may stray from the median, when the power of this is told."""


@dataclass(frozen=True)
class Inside:
    """What lies in the band of the draws of one series.

    Attributes:
        observed: which numbers [row].
        drawn: which of each draw in their place [draw, row].
        strayed: which of each draw, were it `NARROW` times as far from the median [draw, row].
    """

    observed: Flags
    drawn: Flags
    strayed: Flags


def inside(draws: Floats, observed: Floats) -> Inside:
    """By the 90 % band of draws [draw, row], for numbers [row]."""
    low, high = np.quantile(draws, BAND, axis=0)
    median = np.median(draws, axis=0)
    return Inside(*((x >= low) & (x <= high) for x in (observed, draws, median + NARROW * (draws - median))))


def on_edge(draws: Floats, observed: Floats) -> Flags:
    """Which numbers [row] other draws might put on the other side of an edge: within two errors of its rank.

    The error is that of as many independent draws; those of chains are fewer, and this is then too strict.
    """
    rank = (draws < observed).mean(axis=0)
    near = [np.abs(rank - edge) < 2 * np.sqrt(edge * (1 - edge) / len(draws)) for edge in BAND]
    return np.asarray(near[0] | near[1])


def chance(drawn: Floats, observed: float) -> float:
    """Share of draws, and of the observed among them, that are as low as observed or lower.

    Ties count as low and the observed as one more draw, so that the chance is never too small.
    """
    return float((1 + (drawn <= observed + 1e-9).sum()) / (1 + len(drawn)))


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
        `over_confident` (1 or 0) where one of both chances is small; `power`, how often that would be said of a
        forecast from whose medians the truth strays `strays` times as far as it says.
    """
    own = np.array([one.observed.mean() for one in found.values()])
    judged = np.array([one.observed.size >= FEW for one in found.values()])
    drawn, strayed = ([getattr(one, name) for one in found.values()] for name in ("drawn", "strayed"))
    each = np.stack([flags.mean(axis=1) for flags in drawn])
    pooled, lowest = _summed(drawn, judged)
    every = np.concatenate([one.observed for one in found.values()])
    chances = chance(pooled, every.mean()), chance(lowest, own[judged].min()) if judged.any() else np.nan
    critical = [np.quantile(known, SMALL, method="inverted_cdf") for known in (pooled, lowest)]
    power = np.logical_or(*(far < edge for far, edge in zip(_summed(strayed, judged), critical, strict=True))).mean()
    return xr.Dataset(
        {
            "coverage": ("series", own),
            "coverage_chance": ("series", [chance(one, share) for one, share in zip(each, own, strict=True)]),
            "pooled_rows": every.size,
            "pooled_inside": int(every.sum()),
            "pooled_coverage": every.mean(),
            "pooled_chance": chances[0],
            "pooled_expected": ("bound", np.quantile(pooled, EXPECTED)),
            "lowest_chance": chances[1],
            "over_confident": float(any(each < SMALL for each in chances)),
            "power": power,
            "strays": NARROW,
        },
        {"series": list(found), "bound": ["low", "high"]},
    )


def _summed(flags: Sequence[Flags], judged: Flags) -> tuple[Floats, Floats]:
    """Coverage of all numbers, and the lowest of the judged series, not a number without any, each [draw]."""
    pooled = np.concatenate(flags, axis=1).mean(axis=1)
    each = [one.mean(axis=1) for one, counts in zip(flags, judged, strict=True) if counts]
    return pooled, np.min(each, axis=0) if each else np.full(len(pooled), np.nan)
