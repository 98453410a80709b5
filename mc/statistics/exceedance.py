"""Probability of passing a named threshold, from exact counts."""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class Exceedance:
    """P(x > above), P(x < below), or with both P(above < x < below), per element of `output` (its unit).

    `output` is the name of an output or of a paired difference ("difference/co2_total"). Thresholds are rounded to the
    precision of the chain, and equality is not passing.
    """

    name: str
    output: str
    above: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        """Refuse a threshold that cannot be passed."""
        given = [bound for bound in (self.above, self.below) if bound is not None]
        if not given or not all(map(math.isfinite, given)):
            raise ValueError(f"exceedance {self.name!r} of {self.output!r}: give a finite `above` or `below`")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"exceedance {self.name!r}: nothing lies above {self.above} and below {self.below}")

    @property
    def key(self) -> str:
        """Name inside a state."""
        return f"exceedance/{self.name}"

    @property
    def needs_values(self) -> bool:
        """Counts need no pilot."""
        return False

    @classmethod
    def chosen(cls, settings: Settings, series: Series) -> tuple[Self, ...]:
        """The thresholds that the settings put on this series."""
        return tuple(item for item in settings.exceedance if isinstance(item, cls) and item.output == series.name)

    def prepare(self, pilot: PilotView) -> HostState:
        """Nothing to prepare."""
        del pilot
        return {}

    def element_axis(self, name: str) -> int:
        """The last, everywhere."""
        del name
        return -1

    def init(self, elements: int, scramblings: int) -> HostState:
        """Zero counts, (scrambling, element)."""
        return {"passed": np.zeros((scramblings, elements), np.int32)}

    def update(self, state: DeviceState, values: Array, mask: Array, fixed: Mapping[str, Array]) -> DeviceState:
        """Count the draws that pass."""
        del fixed

        def passed(values: Array, mask: Array) -> Array:
            passes = jnp.broadcast_to(mask, values.shape)
            if self.above is not None:
                passes = passes & (values > self.above)
            if self.below is not None:
                passes = passes & (values < self.below)
            return passes.astype(jnp.int32)

        return {"passed": add_points(state["passed"], values, mask, passed)}

    @staticmethod
    def merge(first: Mapping[str, Numbers], second: Mapping[str, Numbers]) -> HostState:
        """Sum of both."""
        return add_states(first, second)

    def finish(self, state: Mapping[str, Numbers], fixed: Mapping[str, Numbers], count: Numbers) -> Estimates:
        """Share of the valid draws that pass, and its error between scramblings."""
        del fixed
        passed = state["passed"]
        return Estimates(value={self.key: ratio(passed, count)}, mcse={self.key: ratio_error(passed, count)})
