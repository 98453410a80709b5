"""Quantiles from a streamed histogram, with errors from counts below the pilot's quantiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import ndtri

from mc.statistics.bins import BINS, atoms, bin_of, fit_bins, quantiles_of, value_at
from mc.statistics.contract import DeviceState, Estimates, HostState, Numbers, PilotView, add_states
from mc.statistics.scramblings import add_points, ratio_error

if TYPE_CHECKING:
    from mc.settings import Settings
    from mc.statistics.plan import Series


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of every element of a series (its unit), from BINS counts and linear interpolation inside a bin.

    Error: se(q) = se(F(q)) / f(q), F(q) counted per scrambling below the PILOT's quantile and 1 / f(q) read from the
    pooled histogram as a difference quotient (Siddiqui 1960); in quadrature with the `resolution` of the bins.
    """

    probabilities: tuple[float, ...]
    key: str = "quantiles"
    needs_values: bool = True

    @classmethod
    def chosen(cls, settings: Settings, series: Series) -> tuple[Self, ...]:
        """Series whose output matches a glob pattern of `settings.quantiles`."""
        wanted = any(fnmatchcase(series.output, pattern) for pattern in settings.quantiles)
        return (cls(settings.probabilities),) if wanted and settings.probabilities else ()

    def element_axis(self, name: str) -> int:
        """The first of a histogram, the last elsewhere."""
        return 0 if name == "histogram" else -1

    def prepare(self, pilot: PilotView) -> HostState:
        """Bins, repeated values and the pilot's own quantiles `level` (probability, element)."""
        if pilot.values is None:
            raise ValueError("quantiles need the pilot's draws")
        ordered = np.sort(pilot.values.T, axis=1)
        fitted = fit_bins(ordered, self.probabilities)
        return fitted | {"level": quantiles_of(ordered, self.probabilities)} | atoms(ordered, fitted)

    def init(self, elements: int, scramblings: int) -> HostState:
        """Zero counts: `histogram` (element, BINS), `below` (probability, scrambling, element)."""
        return {
            "histogram": np.zeros((elements, BINS), np.int32),
            "below": np.zeros((len(self.probabilities), scramblings, elements), np.int32),
        }

    def update(self, state: DeviceState, values: Array, mask: Array, fixed: Mapping[str, Array]) -> DeviceState:
        """Count the draws into bins, and those below each pilot quantile."""
        level = fixed["level"][:, None]

        def below(values: Array, mask: Array) -> Array:
            return (mask[None] & (values[None] < level)).astype(jnp.int32)

        return {
            "histogram": _count_bins(state["histogram"], values, mask, fixed),
            "below": add_points(state["below"], values, mask, below),
        }

    @staticmethod
    def merge(first: Mapping[str, Numbers], second: Mapping[str, Numbers]) -> HostState:
        """Sum of both."""
        return add_states(first, second)

    def finish(self, state: Mapping[str, Numbers], fixed: Mapping[str, Numbers], count: Numbers) -> Estimates:
        """`quantile` (probability, ...) and its error; what of it the bins add, `resolution`, and the share `outside`.

        Outside are draws in the open first or last bin.
        """
        histogram, draws = state["histogram"], int(count.sum())
        inverse = _InverseCounts(histogram, fixed, draws)
        probability = np.array(self.probabilities)[:, None]
        level = np.broadcast_to(probability, (len(probability), len(histogram)))
        rank_error = np.stack([ratio_error(below, count) for below in state["below"]])
        quantile, resolution = inverse.with_resolution(level)
        error = np.hypot(quantile_error(probability, rank_error, inverse, draws), resolution)
        return Estimates(
            value={"quantile": quantile},
            mcse={"quantile": error},
            diagnostic={
                "outside": (histogram[:, 0] + histogram[:, -1]) / max(draws, 1),
                "resolution": resolution,
            },
        )


def _count_bins(histogram: Array, values: Array, mask: Array, fixed: Mapping[str, Array]) -> Array:
    """Scatter-add, all draws of an element after one another: faster on a CPU than draw by draw."""
    elements = len(histogram)
    if histogram.size >= 2**31:
        raise ValueError(f"{elements} elements of one output with quantiles: at most {2**31 // BINS} can be counted")
    chosen = bin_of(values.reshape(-1, elements).T, fixed)
    at = chosen + BINS * jnp.arange(elements, dtype=jnp.int32)[:, None]
    weight = jnp.broadcast_to(mask.reshape(1, -1).astype(jnp.int32), at.shape)
    counted = histogram.reshape(-1).at[at.reshape(-1)].add(weight.reshape(-1), mode="promise_in_bounds")
    return counted.reshape(histogram.shape)


class _InverseCounts:
    """Inverse of the pooled empirical distribution of every element, numpy's "linear" definition of a quantile."""

    def __init__(self, histogram: Numbers, fixed: Mapping[str, Numbers], draws: int) -> None:
        self._histogram, self._draws = histogram, draws
        self._fixed = {**fixed, "knot": fixed["knot"].astype(np.float64)}  # once, not at every reading
        self._cumulative = histogram.cumsum(axis=1, dtype=np.int64)
        # All elements after one another, ascending: one binary search finds the bin of each.
        self._rows = np.arange(len(histogram))
        self._start = self._rows * (draws + 1)
        self._ascending = (self._cumulative + self._start[:, None]).ravel()

    def __call__(self, probability: Numbers) -> Numbers:
        """Values (..., element) at probabilities (..., element); NaN without draws."""
        if self._draws == 0:
            return np.full(probability.shape, np.nan)
        chosen, share, _ = self._place(probability)
        return self._repeated(chosen, value_at(chosen + share, self._fixed))

    def with_resolution(self, probability: Numbers) -> tuple[Numbers, Numbers]:
        """Values, and what a straight line in the bin may be off: draws scatter in it, and their density may tilt.

        The scatter of n draws at a share s of a bin is that of a Brownian bridge, sqrt(s (1 - s) / n) widths, which is
        what independent draws would show, and half a draw at its ends; a density that changes by d over the bin bends
        the line by up to d / 8 widths. Both vanish beside the error of independent draws, not beside that of a long
        Sobol' run.
        """
        if self._draws == 0:
            return np.full(probability.shape, np.nan), np.full(probability.shape, np.nan)
        chosen, share, inside = self._place(probability)
        left, right = (value_at(chosen + end, self._fixed) for end in (0, 1))
        change = np.abs(self._density(chosen + 1) - self._density(chosen - 1)) / 2.0
        tilt = np.fmin(change / np.maximum(self._density(chosen), np.finfo(float).tiny), 1.0) / 8.0
        scatter = np.sqrt(share * (1.0 - share) / inside + 0.25 / inside**2)
        off = (right - left) * np.hypot(scatter, tilt)
        repeated = self._repeated(chosen, np.full(chosen.shape, np.nan))
        value = np.where(np.isnan(repeated), value_at(chosen + share, self._fixed), repeated)
        return value, np.where(np.isnan(repeated), off, 0.0)

    def _place(self, probability: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Bin of each probability, how far into it, and the draws inside."""
        rows, target = self._rows, probability * (self._draws - 1) + 0.5
        below = np.searchsorted(self._ascending, np.ceil(target).astype(np.int64) + self._start) - rows * BINS
        chosen = np.clip(below, 0, BINS - 1)
        inside = np.maximum(self._histogram[rows, chosen], 1).astype(np.float64)
        share = (target - (self._cumulative[rows, chosen] - self._histogram[rows, chosen])) / inside
        return chosen, np.clip(share, 0.0, 1.0), inside

    def _density(self, chosen: Numbers) -> Numbers:
        """Draws per unit in a bin, of inner bins; of the open ones that of their neighbour."""
        chosen = np.clip(chosen, 1, BINS - 2)
        left, right = (value_at(chosen + end, self._fixed) for end in (0, 1))
        least = np.finfo(np.float32).tiny
        return np.asarray(self._histogram[self._rows, chosen] / np.maximum(right - left, least))

    def _repeated(self, chosen: Numbers, smooth: Numbers) -> Numbers:
        """The repeated value of a chosen bin (..., element) where it holds one, else what lies smoothly in it."""
        known, value = self._fixed["_atom_key"], self._fixed["_atom_value"]
        if not len(known):
            return smooth
        keys = self._rows * BINS + chosen
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[at] == keys, value[at].astype(np.float64), smooth)


def quantile_error(
    probability: float | Numbers, rank_error: Numbers, inverse: Callable[[Numbers], Numbers], draws: float
) -> Numbers:
    """Error of a quantile from that of its rank: the slope of the quantile function around it, a window wide.

    The window suits a normal variable (Bofinger 1975), and the slope is corrected by what a normal variable would show
    in it: 8 % at p = 0.05 with 1,024 draws.
    """
    z = ndtri(probability)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    bofinger = (4.5 * density**4 / (2 * z**2 + 1) ** 2 / max(draws, 1)) ** 0.2
    window = np.minimum(np.maximum(bofinger, np.nan_to_num(rank_error)), 0.9 * np.minimum(probability, 1 - probability))
    low, high = probability - window, probability + window
    return np.asarray(rank_error * (inverse(high) - inverse(low)) / (ndtri(high) - ndtri(low)) / density)
