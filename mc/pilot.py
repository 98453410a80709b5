"""The pilot: the first draws of a run, which fix shifts, scales and bins, and f(E[X])."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jax.typing import DTypeLike

from mc.runner import BlockRunner
from mc.state import EnsembleState, FailedDraws, Failures, Nested, Pilot, merge
from mc.statistics import PilotView
from mc.statistics.contract import Numbers
from mc.statistics.moments import Moments
from mc.statistics.plan import Series

FIRST_LOOK = 64
"""Draws that give the provisional shifts under which the pilot's own moments are taken."""


def run_pilot(runner: BlockRunner, draws: int, allowed: int, helpers: Sequence[BlockRunner] = ()) -> Pilot:
    """Run the mean draw and the first `draws` draws; leaves the runners with the pilot's sums, not those of a run.

    FailedDraws when more than `allowed` of them failed, or all.

    The pilot always runs from draw 0, block by block, so every part of a run finds the same constants; `helpers` are
    other lanes of the same device, which share the blocks and change no bit. Its draws are run again with the others:
    the statistics of a run hold every draw.
    """
    series, size = runner.program.series, runner.program.settings.block
    lanes = (runner, *helpers)
    with ThreadPoolExecutor(min(len(lanes), 2)) as pool:
        mean, looks = pool.submit(_at_mean, lanes[0]), pool.submit(_first_look, lanes[-1], min(size, draws))
        at_mean, provisional = mean.result(), _constants(series, looks.result())
    for lane in lanes:
        lane.start(provisional)
    with ThreadPoolExecutor(len(lanes)) as pool:
        blocks = [range(at * size, draws, len(lanes) * size) for at in range(len(lanes))]
        parts = list(pool.map(functools.partial(_collect, draws), lanes, blocks))
    nothing = EnsembleState({}, draws, (), np.asarray(0), {}, Failures(), Pilot(draws, provisional, at_mean))
    total = functools.reduce(merge, [lane.state(nothing, Moments().key) for lane in lanes])
    if total.failures.number > allowed or total.failures.number == draws:
        raise FailedDraws(total.failures, draws, allowed)
    found = {low: values for part in parts for low, values in part.items()}
    values = {name: np.concatenate([found[low][name] for low in sorted(found)]) for name in found[0]}
    views = {
        item.name: _view(item, total.statistics[item.name], provisional[item.name], total.count, values)
        for item in series
    }
    return Pilot(draws=draws, constants=_constants(series, views), at_mean=at_mean)


def _at_mean(runner: BlockRunner) -> dict[str, Numbers]:
    """f(E[X]) of every series."""
    runner.start(_blank_constants(runner))
    runner.run(0, runner.program.settings.block, at_mean=True)
    return {item.name: runner.block_values(item, 1)[0] for item in runner.program.series}


def _first_look(runner: BlockRunner, most: int) -> dict[str, PilotView]:
    """Every series over the first draws, at most so many."""
    rows = min(FIRST_LOOK, most)
    runner.start(_blank_constants(runner))
    runner.run(0, rows)
    valid = runner.block_valid(rows)
    return {item.name: _look(_flat(runner.block_values(item, rows))[valid]) for item in runner.program.series}


def _blank_constants(runner: BlockRunner) -> Nested:
    series = runner.program.series
    return _constants(series, {item.name: _blank(item, runner.program.dtype) for item in series})


def _collect(draws: int, runner: BlockRunner, blocks: range) -> dict[int, dict[str, Numbers]]:
    """Run the blocks that begin at the given draws; the valid values of every series that asks for them, by block."""
    size, found = runner.program.settings.block, {}
    for low in blocks:
        rows = min(size, draws - low)
        runner.run(low, low + rows)
        valid = runner.block_valid(rows)
        wanted = [item for item in runner.program.series if _needs_values(item)]
        found[low] = {item.name: _flat(runner.block_values(item, rows))[valid] for item in wanted}
    return found


def _constants(series: tuple[Series, ...], views: Mapping[str, PilotView]) -> Nested:
    return {
        item.name: {statistic.key: statistic.prepare(views[item.name]) for statistic in item.statistics}
        for item in series
    }


def _needs_values(series: Series) -> bool:
    return any(statistic.needs_values for statistic in series.statistics)


def _flat(values: Numbers) -> Numbers:
    return values.reshape(len(values), -1)


def _blank(series: Series, dtype: DTypeLike) -> PilotView:
    zero = np.zeros(series.elements)
    return PilotView(count=1, mean=zero, sd=zero, magnitude=1.0, values=zero[None].astype(dtype))


def _look(values: Numbers) -> PilotView:
    """Provisional view from a few draws; blank when all of them failed."""
    wide = values.astype(np.float64) if len(values) else np.zeros((1, *values.shape[1:]))
    kept = values if len(values) else wide.astype(values.dtype)
    mean, sd = wide.mean(axis=0), wide.std(axis=0)
    return PilotView(count=len(wide), mean=mean, sd=sd, magnitude=_magnitude(mean, sd), values=kept)


def _view(
    series: Series,
    totals: Mapping[str, Mapping[str, Numbers]],
    constants: Mapping[str, Mapping[str, Numbers]],
    count: Numbers,
    values: Mapping[str, Numbers],
) -> PilotView:
    key = Moments().key
    estimates = Moments().finish(totals[key], constants[key], count)
    draws = int(count.sum())
    mean = np.nan_to_num(estimates.value["mean"])
    sd = np.nan_to_num(estimates.value["sd"])
    return PilotView(count=draws, mean=mean, sd=sd, magnitude=_magnitude(mean, sd), values=values.get(series.name))


def _magnitude(mean: Numbers, sd: Numbers) -> float:
    """Positive size of a series, its unit: the largest sd, else the largest mean, else one."""
    for size in (sd, np.abs(mean)):
        if size.size and size.max() > 0:
            return float(size.max())
    return 1.0
