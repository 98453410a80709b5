"""One pass of the search for exact order statistics: count what lies below and inside a bracket around each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.statistics.contract import DeviceState, Estimates, HostState, Numbers, PilotView

if TYPE_CHECKING:
    from mc.settings import Settings
    from mc.statistics.plan import Series

PARTS = 256
"""Equal parts of a bracket; a part keeps its number of draws and its least and largest value."""


@dataclass(frozen=True)
class Narrowing:
    """Draws below each bracket and in each of its parts; `targets` brackets an element, set by `mc.exact`."""

    targets: int = 2
    key: str = "narrowing"
    needs_values: bool = False

    @classmethod
    def chosen(cls, settings: Settings, series: Series) -> tuple[Self, ...]:
        """Series whose output matches a glob pattern of `settings.narrow`; two ranks for each probability."""
        wanted = any(fnmatchcase(series.output, pattern) for pattern in settings.narrow)
        return (cls(2 * len(settings.probabilities)),) if wanted else ()

    def element_axis(self, name: str) -> int:
        """The first, everywhere."""
        del name
        return 0

    def prepare(self, pilot: PilotView) -> HostState:
        """Brackets (element, target) that hold everything finite."""
        shape, limit = (len(pilot.mean), self.targets), np.finfo(np.float32).max
        return {"low": np.full(shape, -limit, np.float32), "high": np.full(shape, limit, np.float32)}

    def init(self, elements: int, scramblings: int) -> HostState:
        """Nothing counted: `below` (element, target); `number`, `least`, `most` (element, target, PARTS)."""
        del scramblings
        parts = (elements, self.targets, PARTS)
        return {
            "below": np.zeros(parts[:2], np.int32),
            "number": np.zeros(parts, np.int32),
            "least": np.full(parts, np.inf),
            "most": np.full(parts, -np.inf),
        }

    def update(self, state: DeviceState, values: Array, mask: Array, fixed: Mapping[str, Array]) -> DeviceState:
        """Count the draws of a block."""
        elements = len(state["below"])
        rows, counts = values.reshape(-1, elements).T, mask.reshape(1, -1)

        def one(low: Array, high: Array) -> tuple[Array, Array]:
            """Part of each draw, PARTS outside, and draws below, for one target of every element."""
            low, high = low[:, None], high[:, None]
            # Halves first: the width of a bracket that holds everything would be infinite.
            width = jnp.maximum(high / 2 - low / 2, float(np.finfo(rows.dtype).tiny))
            share = (rows / 2 - low / 2) / width
            part = jnp.clip((share * PARTS).astype(jnp.int32), 0, PARTS - 1)
            inside = counts & (rows >= low) & (rows <= high)
            return jnp.where(inside, part, PARTS), (counts & (rows < low)).sum(axis=1, dtype=jnp.int32)

        part, below = jax.vmap(one, in_axes=1, out_axes=1)(fixed["low"], fixed["high"])
        place = (jnp.arange(elements)[:, None, None], jnp.arange(self.targets)[None, :, None], part)
        wide = jnp.broadcast_to(rows[:, None, :], part.shape).astype(state["least"].dtype)
        return {
            "below": state["below"] + below,
            "number": state["number"].at[place].add(1, mode="drop"),
            "least": state["least"].at[place].min(wide, mode="drop"),
            "most": state["most"].at[place].max(wide, mode="drop"),
        }

    @staticmethod
    def merge(first: Mapping[str, Numbers], second: Mapping[str, Numbers]) -> HostState:
        """Counts add; the least and the most of both."""
        return {
            "below": first["below"] + second["below"],
            "number": first["number"] + second["number"],
            "least": np.minimum(first["least"], second["least"]),
            "most": np.maximum(first["most"], second["most"]),
        }

    def finish(self, state: Mapping[str, Numbers], fixed: Mapping[str, Numbers], count: Numbers) -> Estimates:
        """Nothing on its own: `mc.exact` reads the state."""
        del state, fixed, count
        return Estimates(value={}, mcse={})
