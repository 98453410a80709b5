"""Mean and standard deviation by pilot-shifted sums that are exact in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.statistics.contract import DeviceState, Estimates, HostState, Numbers, PilotView, add_states
from mc.statistics.scramblings import add_points, ratio, ratio_error

if TYPE_CHECKING:
    from mc.settings import Settings
    from mc.statistics.plan import Series

QUANTA = 2.0**20
"""Quanta per pilot scale, of the deviation and of its square: both are rounded to 1e-6 of the scale."""

EXACT_LIMIT = 2.0**53
"""Sums of whole quanta are exact below this; beyond it they are right to rounding, but depend on order."""

LEAST_SCALE = 2.0**-6
"""Least scale of an element, as a share of the size of its series: what hardly varied in the pilot (a route that few
provinces build, rounding of a sum that cancels) may vary in later draws as much as its neighbours do."""


@dataclass(frozen=True)
class Moments:
    """Mean and sd of every element of a series, unit of the series (Chan, Golub and LeVeque 1983: shifted sums).

    With d = (x - shift) / scale, shift = pilot mean and scale = a power of two near the pilot sd, but never below 1/64
    of the largest pilot sd of the series, the state holds sum d and sum d^2 per scrambling in whole quanta of 2^-20.
    Exact while |sum| < 2^53 quanta: 2^33 draws of one scale, 2^21 if every draw lies 64 scales away (an element that
    stood still in the pilot and then moves as its neighbours do). The diagnostic `inexact` marks elements beyond that.
    """

    key: str = "moments"
    needs_values: bool = False

    @classmethod
    def chosen(cls, settings: Settings, series: Series) -> tuple[Self, ...]:
        """Every series has its moments."""
        del settings, series
        return (cls(),)

    def prepare(self, pilot: PilotView) -> HostState:
        """Shift and quanta per unit (1 / unit of the series) from the pilot's mean and sd."""
        spread = np.maximum(pilot.sd, pilot.magnitude * LEAST_SCALE)
        exponent = np.clip(np.round(np.log2(spread)), -900, 900)
        return {"shift": pilot.mean.astype(np.float64), "quanta_per_unit": QUANTA * np.exp2(-exponent)}

    def element_axis(self, name: str) -> int:
        """The last, everywhere."""
        del name
        return -1

    def init(self, elements: int, scramblings: int) -> HostState:
        """Zero sums, (scrambling, element) float64 in quanta."""
        return {name: np.zeros((scramblings, elements), np.float64) for name in ("sum", "sum_of_squares")}

    def update(self, state: DeviceState, values: Array, mask: Array, fixed: Mapping[str, Array]) -> DeviceState:
        """Add the whole quanta of d and d^2; draws outside the mask add zero."""
        shift, quanta = fixed["shift"][None], fixed["quanta_per_unit"][None]

        def deviation(values: Array, mask: Array) -> Array:
            return jnp.where(mask, (values.astype(jnp.float64) - shift) * quanta, 0.0)

        def whole(values: Array, mask: Array) -> Array:
            return jnp.round(deviation(values, mask))

        def whole_square(values: Array, mask: Array) -> Array:
            d = deviation(values, mask)
            return jnp.round(d * d * (1.0 / QUANTA))

        return {
            "sum": add_points(state["sum"], values, mask, whole),
            "sum_of_squares": add_points(state["sum_of_squares"], values, mask, whole_square),
        }

    @staticmethod
    def merge(first: Mapping[str, Numbers], second: Mapping[str, Numbers]) -> HostState:
        """Sum of both."""
        return add_states(first, second)

    def finish(self, state: Mapping[str, Numbers], fixed: Mapping[str, Numbers], count: Numbers) -> Estimates:
        """Mean and sd (n - 1), their errors between scramblings; that of the sd by the delta method."""
        scale = QUANTA / fixed["quanta_per_unit"]
        first, second = state["sum"] / QUANTA, state["sum_of_squares"] / QUANTA
        draws = int(count.sum())
        centre = ratio(first, count)
        about_centre = second - 2 * centre[None] * first + count[:, None] * centre[None] ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.maximum(about_centre.sum(axis=0), 0.0) / (draws - 1) if draws > 1 else np.nan * centre
            sd = np.sqrt(variance)
            sd_error = np.where(sd > 0, ratio_error(about_centre, count) / (2 * sd), 0.0 * sd)
        inexact = (np.abs(state["sum"]) >= EXACT_LIMIT) | (state["sum_of_squares"] >= EXACT_LIMIT)
        return Estimates(
            value={"mean": fixed["shift"] + scale * centre, "sd": scale * sd},
            mcse={"mean": scale * ratio_error(first, count), "sd": scale * sd_error},
            diagnostic={"inexact": np.asarray(inexact.any(axis=0))},
        )
