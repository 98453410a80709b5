"""The pilot: the first draws of a run, which fix shifts, scales and bins, and f(E[X])."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.typing import DTypeLike

from mc.runner import BlockRunner
from mc.state import FailedDraws, Nested, Pilot, Ranges, merge_failures
from mc.statistics import PilotView
from mc.statistics.contract import HostState, Numbers
from mc.statistics.plan import Series

LOOK = 256
"""Draws of the pilot that give shifts and scales, which are units to count in and change no estimate."""

LOOK_BYTES = 2**16
"""Of the elements that are looked at together: they stay in the cache, whole series would be fresh pages each time."""

MOST_HELD = 2**28
"""Bytes that the pilot may hold: values that bins are made of, and evaluated blocks that wait for the run.

Blocks that find no room are evaluated again. With values counted, a long run peaks no higher than a short one."""

MEAN = -1
"""In the place of a first draw: the mean draw."""


@dataclass(frozen=True)
class _Look:
    """Moments of some draws, (element,): how many, their mean, and squares about it."""

    count: int
    mean: Numbers
    squares: Numbers

    @classmethod
    def at(cls, values: Numbers) -> _Look:
        """Those of values (draw, element)."""
        count, elements = values.shape
        mean, squares = np.zeros(elements), np.zeros(elements)
        if not count:
            return cls(count, mean, squares)
        width = max(LOOK_BYTES // (mean.itemsize * count), 1)
        room = np.empty((count, min(width, elements)))
        for first in range(0, elements, width):
            some = slice(first, first + width)
            away = room[:, : len(mean[some])]
            away[...] = values[:, some]
            mean[some] = away.mean(axis=0)
            away -= mean[some]
            squares[some] = np.einsum("ij,ij->j", away, away)
        return cls(count, mean, squares)

    def joined(self, other: _Look) -> _Look:
        """Those of both (Chan, Golub and LeVeque 1983)."""
        count, away = self.count + other.count, other.mean - self.mean
        share = other.count / max(count, 1)
        return _Look(count, self.mean + away * share, self.squares + other.squares + away**2 * (self.count * share))


@dataclass(frozen=True)
class _Block:
    """What a block of the pilot says of every series: moments, if it is looked at; values of those asked for."""

    looks: dict[str, _Look]
    values: dict[str, Numbers]


@dataclass(frozen=True)
class _Holding:
    """Which blocks are left to the run: at most so many, and of the draws that it wants."""

    most: int
    wanted: Ranges

    def takes(self, low: int, high: int, held: int) -> bool:
        """Whether the draws [low, high) are to be held beside the blocks that are."""
        return held < self.most and any(first < high and low < last for first, last in self.wanted)


def run_pilot(
    runner: BlockRunner,
    draws: int,
    allowed: int,
    helpers: Sequence[BlockRunner] = (),
    *,
    wanted: Ranges | None = None,
) -> Pilot:
    """Run the mean draw and the first `draws` draws; leaves the runners with the blocks that they need not run again.

    Those are blocks with draws of `wanted`, what the run is for (default: all). FailedDraws when more than `allowed`
    draws failed, or all.

    The pilot always runs from draw 0, block by block, so every part of a run finds the same constants; `helpers` are
    other lanes of the same device, which share the blocks and change no bit.
    """
    series, size, lanes = runner.programs.series, runner.programs.settings.block, (runner, *helpers)
    held: dict[int, Any] = {}
    blank = _blank_constants(runner)
    for lane in lanes:
        lane.held = held
        lane.start(blank)
    todo = iter((MEAN, *range(0, draws, size)))
    with ThreadPoolExecutor(len(lanes)) as pool:
        holding = _Holding(_blocks_to_hold(runner, draws), ((0, draws),) if wanted is None else wanted)
        parts = list(pool.map(functools.partial(_collect, todo, draws, holding), lanes))
    found = {low: block for part in parts for low, block in part.items()}
    at_mean = found.pop(MEAN).values
    failures = functools.reduce(merge_failures, [lane.failures() for lane in lanes])
    if failures.number > allowed or failures.number == draws:
        raise FailedDraws(failures, draws, allowed)
    blocks = [found[low] for low in sorted(found)]
    return Pilot(draws, _constants(series, functools.partial(_view, blocks)), at_mean)


def _blocks_to_hold(runner: BlockRunner, draws: int) -> int:
    """Blocks that find room beside the values of the pilot."""
    programs = runner.programs
    values = draws * programs.dtype.itemsize * sum(item.elements for item in programs.series if _needs_values(item))
    return max(0, MOST_HELD - values) // runner.block_bytes


def _collect(todo: Iterator[int], draws: int, holding: _Holding, runner: BlockRunner) -> dict[int, _Block]:
    """Run blocks that are still to do, by their first draw, until none is left."""
    found = {}
    for low in todo:
        found[low] = _at_mean(runner) if low == MEAN else _block(runner, low, min(low + runner.size, draws), holding)
    return found


def _at_mean(runner: BlockRunner) -> _Block:
    """f(E[X]) of every series, as values."""
    runner.at_mean()
    return _Block({}, {item.name: runner.block_values(item, 1)[0].copy() for item in runner.programs.series})


def _block(runner: BlockRunner, low: int, high: int, holding: _Holding) -> _Block:
    """Evaluate the draws [low, high) of one block; leave it to the run where it is whole, wanted and finds room."""
    rows = high - low
    runner.run(low, high, fold=False)
    valid = runner.block_valid(rows)
    looked, looks, values = min(rows, max(LOOK - low, 0)), {}, {}
    for item in runner.programs.series:
        seen = rows if _needs_values(item) else looked
        flat = _flat(runner.block_values(item, seen))
        counted = flat if valid.all() else flat[valid[:seen]]
        if looked:
            looks[item.name] = _Look.at(counted[: valid[:looked].sum()])
        if _needs_values(item):
            values[item.name] = np.array(counted)
    if rows == runner.size > runner.programs.chunk and holding.takes(low, high, len(runner.held)):
        runner.hold(low)
    return _Block(looks, values)


def _blank_constants(runner: BlockRunner) -> Nested:
    series = runner.programs.series
    return _constants(series, functools.partial(_blank, runner.programs.dtype))


def _constants(series: tuple[Series, ...], view_of: Callable[[Series], PilotView]) -> Nested:
    """Constants of every statistic; one series is looked at after another, so that their values are not all there."""

    def prepared(item: Series, view: PilotView) -> dict[str, HostState]:
        return {statistic.key: statistic.prepare(view) for statistic in item.statistics}

    return {item.name: prepared(item, view_of(item)) for item in series}


def _needs_values(series: Series) -> bool:
    return any(statistic.needs_values for statistic in series.statistics)


def _flat(values: Numbers) -> Numbers:
    return values.reshape(len(values), math.prod(values.shape[1:]))


def _blank(dtype: DTypeLike, series: Series) -> PilotView:
    zero = np.zeros(series.elements)
    return PilotView(count=1, mean=zero, sd=zero, magnitude=1.0, values=zero[None].astype(dtype))


def _view(blocks: Sequence[_Block], series: Series) -> PilotView:
    """What the blocks say of a series, whose values they give up."""
    look = functools.reduce(_Look.joined, [block.looks[series.name] for block in blocks if block.looks])
    sd = np.sqrt(look.squares / max(look.count - 1, 1))
    found = [block.values.pop(series.name) for block in blocks if series.name in block.values]
    values = np.concatenate(found) if found else None
    return PilotView(look.count, look.mean, sd, _magnitude(look.mean, sd), values)


def _magnitude(mean: Numbers, sd: Numbers) -> float:
    """Positive size of a series, its unit: the largest sd, else the largest mean, else one."""
    for size in (sd, np.abs(mean)):
        if size.size and size.max() > 0:
            return float(size.max())
    return 1.0
