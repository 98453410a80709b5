"""A device at work on blocks of draws."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from mc.blocks import BlockPrograms, precise
from mc.programs import Programs
from mc.state import LISTED_FAILURES, EnsembleState, Failures, Kept, Nested, join_ranges, merge_kept
from mc.statistics import Statistic
from mc.statistics.contract import Numbers
from mc.statistics.plan import Pack, Series


class BlockRunner:
    """A device with its copy of the data, the pilot's constants and the running sums of the draws in `ranges`."""

    def __init__(self, programs: BlockPrograms, device: jax.Device) -> None:
        self.programs, self.device, self.size = programs, device, programs.settings.block
        with precise():
            self._data, self._tables = jax.device_put((programs.data(), programs.plan.tables), device)
        self._compiled: Programs | None = None
        self._block: Any = None
        self._constants: Any = None
        self._totals: Any = None
        self._folded = False
        self.held: dict[int, Any] = {}
        """Blocks that the pilot has evaluated, by their first draw; lanes of a device share them."""
        self._lock = threading.Lock()
        self._ranges: list[tuple[int, int]] = []
        self._kept: list[Kept] = []
        self.failed = 0
        self.seconds: list[float] = []

    @functools.cached_property
    def block_bytes(self) -> int:
        """Bytes of one block on the device."""
        return sum(array.nbytes for array in self.programs.no_outputs().values())

    def start(self, constants: Nested) -> None:
        """Take the pilot's constants and begin with empty sums."""
        used = {
            pack.name: {
                statistic.key: {
                    name: pack.join(_of_members(pack, statistic, name, constants), statistic.element_axis(name))
                    for name in constants[pack.name][statistic.key]
                    if not name.startswith("_")
                }
                for statistic in pack.statistics
            }
            for pack in self.programs.packs
        }
        with precise():
            self._constants, counts = jax.device_put((used, self.programs.no_counts()), self.device)
            # Those of a pilot are empty still: it folds nothing in. Others are made when a block needs them.
            sums = self._totals["statistics"] if self._totals is not None and not self._folded else None
            self._totals = counts | {"statistics": sums}
        self._ranges, self._kept, self.failed, self._folded = [], [], 0, False

    def work(self, low: int, high: int) -> None:
        """Fold the draws [low, high) in for good: keep those that the settings name, and remember the range."""
        with self._lock:
            for first in range(low - low % self.size, high, self.size):
                self.run(max(first, low), min(first + self.size, high))
                if self.programs.settings.keep:
                    self._keep(max(first, low), min(first + self.size, high), first)
            self._ranges.append((low, high))

    def state(self, base: EnsembleState) -> EnsembleState:
        """What this device has added to the run of `base`; waits for a group of blocks that is under way."""
        with self._lock:
            totals = self.totals()
            return replace(
                base,
                ranges=join_ranges(self._ranges),
                count=totals["count"].astype(np.int64),
                statistics=totals["statistics"],
                failures=failures_of(totals, self.programs.causes),
                kept=merge_kept(self._kept),
            )

    def run(self, low: int, high: int, *, fold: bool = True) -> None:
        """Run the draws [low, high) of one block and wait for the device; `fold` them into the statistics.

        A block that is held is not evaluated again.
        """
        began, first = time.monotonic(), low - low % self.size
        with precise():
            programs = self._called()
            block = self.held.pop(first, None) if fold else None
            if block is None:
                inputs = programs["draw"](self._tables, np.uint32(first))
                block = self._evaluated(inputs, low - first, high - first)
            if self._totals["statistics"] is None:
                self._totals["statistics"] = programs["no_sums"](self._totals["failed"])
            span = self._span(first, low, high, fold)
            self._totals, block["valid"] = programs["fold"](self._constants, self._totals, block["outputs"], span)
            self._block = block
            self._folded |= fold
            self.failed = int(self._totals["failed"])  # waits for the device
        self.seconds.append(time.monotonic() - began)

    def at_mean(self) -> None:
        """Evaluate the mean draw, which counts nowhere, in the first place of a block."""
        with precise():
            self._block = self._evaluated(jax.device_put(self.programs.at_mean(), self.device), 0, 1)

    def _evaluated(self, inputs: dict[str, jax.Array], low: int, high: int) -> dict[str, Any]:
        """Inputs and outputs of a block, in room that the latest one leaves."""
        room = self._block["outputs"] if self._block else self._called()["no_outputs"](self._totals["failed"])
        self._block = None
        outputs = self._called()["evaluate"](self._data, inputs, room, np.int32(low), np.int32(high))
        return {"inputs": inputs, "outputs": outputs}

    def _called(self) -> Programs:
        """The compiled programs of the device."""
        if self._compiled is None:
            # Inputs too lie on the device: they tell a program which one it is for where a study has no data.
            counts, inputs = jax.device_put((self.programs.no_counts(), self.programs.at_mean()), self.device)
            totals, room = counts | {"statistics": self.programs.no_sums()}, self.programs.no_outputs()
            arguments = {
                "evaluate": (self._data, inputs, room, np.int32(0), np.int32(0)),
                "draw": (self._tables, np.uint32(0)),
                "fold": (self._constants, totals, room, self._span(0, 0, 0, fold=False)),
                "no_outputs": (counts["failed"],),
                "no_sums": (counts["failed"],),
            }
            self._compiled = self.programs.on(self.device, arguments)
        return self._compiled

    @staticmethod
    def _span(first: int, low: int, high: int, fold: bool) -> dict[str, Any]:
        return {"first": np.uint32(first), "low": np.uint32(low), "high": np.uint32(high), "fold": np.bool_(fold)}

    def hold(self, low: int) -> None:
        """Leave the latest block, which begins at draw `low` and was asked for whole, to whoever is to fold it in."""
        self.held[low], self._block = self._block, None

    def _keep(self, first: int, last: int, start: int) -> None:
        """Copy the draws [first, last) of the latest block, failed ones too."""
        rows = slice(first - start, last - start)
        self._kept.append(
            Kept(
                index=np.arange(first, last, dtype=np.int64),
                valid=np.array(self._block["valid"])[rows],
                inputs={name: np.array(value)[rows] for name, value in self._block["inputs"].items()},
                outputs={name: np.array(self._block["outputs"][name])[rows] for name in self.programs.settings.keep},
            )
        )

    def block_values(self, series: Series, rows: int) -> Numbers:
        """The first `rows` draws of the latest block, (draw, ...), on the host; good until the next block."""
        outputs = self._block["outputs"][series.output]
        if self.device.platform == "cpu":  # a view; slicing in JAX would compile a program for every shape
            return series.values({series.output: np.asarray(outputs)[:rows]})
        return series.values({series.output: np.asarray(outputs[:rows])})

    def block_valid(self, rows: int) -> Numbers:
        """Which of the first `rows` draws of the latest block count."""
        return np.array(self._block["valid"])[:rows]

    def totals(self) -> dict[str, Any]:
        """Running sums and counts, copied to the host."""
        totals: dict[str, Any] = jax.tree.map(np.asarray, self._totals)
        if totals["statistics"] is None:
            totals["statistics"] = self.programs.no_sums()
        statistics: Nested = {item.name: {one.key: {} for one in item.statistics} for item in self.programs.series}
        for pack in self.programs.packs:
            for statistic in pack.statistics:
                for name, array in totals["statistics"][pack.name][statistic.key].items():
                    for series, part in pack.split(array, statistic.element_axis(name)).items():
                        statistics[series][statistic.key][name] = part
        return totals | {"statistics": statistics}

    def failures(self) -> Failures:
        """Which of the draws that were run have failed."""
        scalars = {name: np.asarray(value) for name, value in self._totals.items() if name != "statistics"}
        return failures_of(scalars, self.programs.causes)


def _of_members(pack: Pack, statistic: Statistic, name: str, nested: Nested) -> dict[str, Numbers]:
    return {item.name: nested[item.name][statistic.key][name] for item in pack.members}


def failures_of(totals: Mapping[str, Any], causes: tuple[str, ...]) -> Failures:
    """Failures in words, from the counts of a runner."""
    number = int(totals["failed"])
    listed = min(number, LISTED_FAILURES)
    return Failures(
        number=number,
        causes={name: int(times) for name, times in zip(causes, totals["causes"], strict=True) if times},
        index=totals["listed"][:listed].astype(np.int64),
        cause=tuple(causes[at] for at in totals["listed_cause"][:listed]),
    )
