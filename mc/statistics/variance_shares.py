"""How much of the variance each driver carries, alone and with all that it interacts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.designs import A, B, design_of, mixtures
from mc.statistics.contract import DeviceState, Estimates, HostState, Numbers, PilotView, add_states
from mc.statistics.moments import EXACT_LIMIT, QUANTA, Moments
from mc.statistics.scramblings import add_points

if TYPE_CHECKING:
    from mc.settings import Settings
    from mc.statistics.plan import Series


SQUARE_QUANTA = 2.0**30
"""Quanta per square of the scale of an element. Scales are never below 1/64 of the largest of a series (`Moments`), and
a small share of a small province in its variance has to be counted too; sums of 2^21 designs of one scale are exact."""


@dataclass(frozen=True)
class VarianceShares:
    """First-order and total shares (dimensionless) of `drivers` drivers in the variance of every element.

    First: V(E[y | driver]) / V(y), what knowing the driver would take away on average. Total: 1 - V(E[y | all others])
    / V(y), what would be left were all others known. They differ by interactions: first-order shares sum to one or
    less, total ones to one or more. Over designs (`mc.designs`), with sums for each driver of its own,

        first = 2 sum (B - N) (M - A) / sum ((A - B)^2 + (M - N)^2)
        total = sum ((A - M)^2 + (B - N)^2) / sum ((A - B)^2 + (M - N)^2)

    (Azzini, Mara and Rosati 2021, Environ. Model. Softw. 144, 105167). All are differences: no mean enters, and where
    terms only add both shares are the same number. Where the total share is small, so are both factors of the
    first-order one: what matters little is known well. Estimates may fall below zero by their error. A design with a
    failed draw is left out, so many failures also select what is shared out. NaN where nothing varies.
    """

    drivers: int
    key: str = "variance_shares"
    needs_values: bool = False

    @classmethod
    def chosen(cls, settings: Settings, series: Series) -> tuple[Self, ...]:
        """Series that match a glob pattern of `settings.variance_shares`."""
        wanted = any(fnmatchcase(series.name, pattern) for pattern in settings.variance_shares)
        return (cls(len(settings.drivers)),) if wanted else ()

    def element_axis(self, name: str) -> int:
        """The last, everywhere."""
        del name
        return -1

    def prepare(self, pilot: PilotView) -> HostState:
        """Scales per unit, those of the moments."""
        return {"per_unit": Moments().prepare(pilot)["quanta_per_unit"] / QUANTA}

    def init(self, elements: int, scramblings: int) -> HostState:
        """Zero sums (driver, scrambling, element) in whole quanta, of numerators and of what is shared; no designs."""
        shape = (self.drivers, scramblings, elements)
        sums: HostState = {name: np.zeros(shape) for name in ("first", "total", "variance")}
        return sums | {"designs": np.zeros(shape[1:], np.int32)}

    def update(self, state: DeviceState, values: Array, mask: Array, fixed: Mapping[str, Array]) -> DeviceState:
        """Add the whole quanta of every design whose draws all count."""
        length, per_unit = design_of(self.drivers), fixed["per_unit"]
        designs = values.reshape(-1, length, *values.shape[1:])
        whole = mask.reshape(-1, length, mask.shape[1]).all(axis=1)

        def of(values: Array, mask: Array) -> tuple[Array, Array, Array, Array]:
            """A, B, M and N of a design (place, scrambling, element), in scales; nothing where it does not count."""
            d = jnp.where(mask, values.astype(jnp.float64) * per_unit, 0.0)
            return d[A], d[B], *mixtures(d, self.drivers)

        def whole_quanta(square: Array) -> Array:
            return jnp.round(square * SQUARE_QUANTA)

        def first(values: Array, mask: Array) -> Array:
            a, b, m, n = of(values, mask)
            return whole_quanta(2.0 * (b - n) * (m - a))

        def total(values: Array, mask: Array) -> Array:
            a, b, m, n = of(values, mask)
            return whole_quanta((a - m) ** 2 + (b - n) ** 2)

        def variance(values: Array, mask: Array) -> Array:
            a, b, m, n = of(values, mask)
            return whole_quanta((a - b) ** 2 + (m - n) ** 2)

        def counted(values: Array, mask: Array) -> Array:
            return jnp.broadcast_to(mask, values.shape[1:]).astype(jnp.int32)

        contributions = {"first": first, "total": total, "variance": variance, "designs": counted}
        return {name: add_points(state[name], designs, whole, added) for name, added in contributions.items()}

    @staticmethod
    def merge(first: Mapping[str, Numbers], second: Mapping[str, Numbers]) -> HostState:
        """Sum of both."""
        return add_states(first, second)

    def finish(self, state: Mapping[str, Numbers], fixed: Mapping[str, Numbers], count: Numbers) -> Estimates:
        """Shares (driver, element), with the error of a ratio of two means between scramblings."""
        del fixed, count
        sums, used = {name: state[name] for name in ("first", "total", "variance")}, state["designs"][:, 0] > 0
        found = {name: _ratio(sums[name][:, used], sums["variance"][:, used]) for name in ("first", "total")}
        inexact = np.any([(np.abs(array) >= EXACT_LIMIT).any(axis=(0, 1)) for array in sums.values()], axis=0)
        return Estimates(
            value={name: ratio for name, (ratio, _) in found.items()},
            mcse={name: error for name, (_, error) in found.items()},
            diagnostic={"inexact_shares": inexact, "designs": state["designs"].sum(axis=0)},
        )


def _ratio(part: Numbers, whole: Numbers) -> tuple[Numbers, Numbers]:
    """Ratio of sums over scramblings (driver, scrambling, element) and its standard error, linearised (Student t).

    NaN for the error of a single scrambling.
    """
    groups, below = whole.shape[1], whole.sum(axis=1)
    below = np.where(below > 0, below, np.nan)
    ratio = part.sum(axis=1) / below
    apart = part - ratio[:, None] * whole
    spread = groups / (groups - 1) if groups > 1 else np.nan
    return ratio, np.sqrt((apart**2).sum(axis=1) * spread) / below
