"""The contract of a statistic: what it keeps of the draws, how two halves are joined, and what comes out.

`prepare` (host, once) turns the pilot into constants of the run; `init` makes an empty state; `update` (device, every
block) folds draws in; `merge` joins two states; `finish` (host) turns a state into numbers and their Monte Carlo error.

Every array of a state is ADDITIVE and EXACT: integers, or float64 numbers that are whole quanta (see `moments`). Sums
of such numbers do not depend on their order, so blocks, devices, restarts and merges cannot change a bit.

A statistic sees a series as a flat run of elements and treats each alone, so several series can be updated as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from jax import Array

if TYPE_CHECKING:
    from mc.settings import Settings
    from mc.statistics.plan import Series

Numbers = np.ndarray[Any, np.dtype[Any]]
"""A numpy array; the unit is that of the series it describes."""

DeviceState = dict[str, Array]
HostState = dict[str, Numbers]


@dataclass(frozen=True)
class PilotView:
    """What the first draws of a run say about one series: `count` of them valid, `mean` and `sd` (element,).

    `magnitude` is the size of the series, positive, for elements that hardly varied; `values` (draw, element) is there
    for the statistics that ask for it, in the precision of the chain.
    """

    count: int
    mean: Numbers
    sd: Numbers
    magnitude: float
    values: Numbers | None = None


@dataclass(frozen=True)
class Estimates:
    """Named results of one statistic, the Monte Carlo standard error of each, and what to watch."""

    value: dict[str, Numbers]
    mcse: dict[str, Numbers]
    diagnostic: dict[str, Numbers] = field(default_factory=dict)


class Statistic(Protocol):
    """One statistic of one series; `key` names it inside a state, `needs_values` asks for the pilot's draws."""

    @property
    def key(self) -> str:
        """Name inside a state: that of the registry, with "/" and a name of its own where a series can have several."""
        ...

    @property
    def needs_values(self) -> bool:
        """Whether `prepare` reads every draw of the pilot."""
        ...

    @classmethod
    def chosen(cls, settings: Settings, series: Series) -> tuple[Self, ...]:
        """Those of its kind that the settings ask for on this series."""
        ...

    def element_axis(self, name: str) -> int:
        """Axis of the elements in an array of the state or of the constants."""
        ...

    def prepare(self, pilot: PilotView) -> HostState:
        """Constants of the run, arrays with one axis of elements; names that start with `_` stay on the host."""
        ...

    def init(self, elements: int, scramblings: int) -> HostState:
        """Empty state, arrays with one axis of elements, each of one number throughout."""
        ...

    def update(self, state: DeviceState, values: Array, mask: Array, fixed: Mapping[str, Array]) -> DeviceState:
        """Fold in a block: `values` (point, scrambling, element), `mask` (point, scrambling) the draws that count."""
        ...

    @staticmethod
    def merge(first: Mapping[str, Numbers], second: Mapping[str, Numbers]) -> HostState:
        """State of the union of two disjoint sets of draws."""
        ...

    def finish(self, state: Mapping[str, Numbers], fixed: Mapping[str, Numbers], count: Numbers) -> Estimates:
        """Results (..., element) from a state; `count` = valid draws of each scrambling."""
        ...


def add_states(first: Mapping[str, Numbers], second: Mapping[str, Numbers]) -> HostState:
    """Sum of two states, array by array: the `merge` of every additive statistic."""
    return {name: first[name] + second[name] for name in first}
