"""The state of an ensemble: everything that a run has learnt so far, as numpy arrays that can be saved and merged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mc.errors import InputError, RunFailed
from mc.statistics import STATISTICS
from mc.statistics.contract import HostState, Numbers

Ranges = tuple[tuple[int, int], ...]
Nested = dict[str, dict[str, HostState]]
"""series name -> statistic key -> array name -> array."""

LISTED_FAILURES = 1000
"""Failed draws whose index is kept: the first ones by index."""


@dataclass(frozen=True)
class Failures:
    """Failed draws: their number, the number per cause (a draw can have several), the first indices and causes."""

    number: int = 0
    causes: dict[str, int] = field(default_factory=dict)
    index: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    cause: tuple[str, ...] = ()


class FailedDraws(RunFailed):
    """More draws failed than the settings allow; `failures` holds the counts and `done` the draws behind them."""

    def __init__(self, failures: Failures, done: int, allowed: int) -> None:
        self.failures, self.done, self.allowed = failures, done, allowed
        causes = ", ".join(f"{name} ({times})" for name, times in failures.causes.items())
        first = ", ".join(str(index) for index in failures.index[:5])
        super().__init__(
            f"{failures.number} of {done} draws failed, {allowed} may: {causes}; the first failed draws are {first}"
        )


@dataclass(frozen=True)
class Kept:
    """Draws kept one by one, ascending by `index`; `valid` is False for a failed draw; arrays are (draw, ...)."""

    index: Numbers
    valid: Numbers
    inputs: dict[str, Numbers]
    outputs: dict[str, Numbers]


@dataclass(frozen=True)
class Pilot:
    """What the first draws fixed for the whole run: `constants` of every statistic, and f(E[X]) of every series."""

    draws: int
    constants: Nested
    at_mean: dict[str, Numbers]


@dataclass(frozen=True)
class EnsembleState:
    """Sums and counts over the draws in `ranges` (half-open, ascending, disjoint), out of `draws` asked for.

    `identity` is what two states must share to be merged; `count` (scrambling,) the valid draws; `statistics` the
    additive state of every statistic of every series.
    """

    identity: dict[str, str]
    draws: int
    ranges: Ranges
    count: Numbers
    statistics: Nested
    failures: Failures
    pilot: Pilot
    kept: Kept | None = None

    @property
    def done(self) -> int:
        """Draws behind this state, failed ones included."""
        return sum(last - first for first, last in self.ranges)

    @property
    def complete(self) -> bool:
        """Whether every draw that was asked for has been run."""
        return self.done >= self.draws


def merge(first: EnsembleState, second: EnsembleState) -> EnsembleState:
    """State of both sets of draws, the same bits as one run over all of them, in whatever order states are merged.

    InputError when the states are not of one run or share a draw.
    """
    _check_mergeable(first, second)
    return EnsembleState(
        identity=first.identity,
        draws=max(first.draws, second.draws),
        ranges=join_ranges((*first.ranges, *second.ranges)),
        count=first.count + second.count,
        statistics=_merge_statistics(first.statistics, second.statistics),
        failures=_merge_failures(first.failures, second.failures),
        pilot=first.pilot,
        kept=merge_kept([kept for kept in (first.kept, second.kept) if kept is not None]),
    )


def merge_kept(parts: Sequence[Kept]) -> Kept | None:
    """Kept draws of all parts, ascending by index; None when there are none."""
    if not parts:
        return None
    order = np.argsort(np.concatenate([part.index for part in parts]), kind="stable")

    def joined(arrays: Sequence[Numbers]) -> Numbers:
        return np.concatenate(arrays)[order]

    return Kept(
        index=joined([part.index for part in parts]),
        valid=joined([part.valid for part in parts]),
        inputs={name: joined([part.inputs[name] for part in parts]) for name in parts[0].inputs},
        outputs={name: joined([part.outputs[name] for part in parts]) for name in parts[0].outputs},
    )


def join_ranges(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Ascending disjoint ranges, neighbours joined, empty ones dropped; InputError where two overlap."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(item for item in ranges if item[0] < item[1]):
        if joined and low < joined[-1][1]:
            last = min(high, joined[-1][1]) - 1
            raise InputError(f"draws {low} to {last} are in both states: they would count twice")
        if joined and low == joined[-1][1]:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return tuple(joined)


def missing_ranges(done: Ranges, low: int, high: int) -> Ranges:
    """Ranges of [low, high) that are not in `done`."""
    missing, start = [], low
    for first, last in done:
        if first > start:
            missing.append((start, min(first, high)))
        start = max(start, last)
    missing.append((start, high))
    return tuple((first, last) for first, last in missing if first < last)


def _check_mergeable(first: EnsembleState, second: EnsembleState) -> None:
    for part in sorted(first.identity.keys() | second.identity.keys()):
        ours, theirs = first.identity.get(part), second.identity.get(part)
        if ours != theirs:
            raise InputError(f"states of different runs cannot be merged: {part} is {ours} and {theirs}")
    if first.pilot.draws != second.pilot.draws or not _same_constants(first.pilot.constants, second.pilot.constants):
        raise InputError(
            "states with different pilots cannot be merged: the pilot ran on another kind of machine, or over fewer "
            f"draws ({first.pilot.draws} and {second.pilot.draws}); run --part pilot first, and all parts from it"
        )


def _merge_failures(first: Failures, second: Failures) -> Failures:
    index = np.concatenate([first.index, second.index])
    order = np.argsort(index, kind="stable")[:LISTED_FAILURES]
    cause = first.cause + second.cause
    names = sorted(first.causes.keys() | second.causes.keys())
    return Failures(
        number=first.number + second.number,
        causes={name: first.causes.get(name, 0) + second.causes.get(name, 0) for name in names},
        index=index[order],
        cause=tuple(cause[at] for at in order),
    )


def _merge_statistics(first: Nested, second: Nested) -> Nested:
    return {
        series: {
            key: STATISTICS[key.split("/")[0]].merge(state, second[series][key]) for key, state in statistics.items()
        }
        for series, statistics in first.items()
    }


def _same_bits(first: Numbers, second: Numbers) -> bool:
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


def _same_constants(first: Nested, second: Nested) -> bool:
    return all(
        _same_bits(array, second[series][key][name])
        for series, statistics in first.items()
        for key, constants in statistics.items()
        for name, array in constants.items()
    )
