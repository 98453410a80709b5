"""Exact quantiles in constant memory: run the draws again, and keep only what lies around each quantile.

A pass knows of every wanted rank a bracket of values; it counts the draws below, and in 256 parts of the bracket their
number, least and largest value. The part that holds the rank is the bracket of the next pass, until its ends are the
order statistic itself. One or two passes do for most runs. Draws are never kept and nothing is sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from mc.ensemble import EnsembleState, Progress, Settings, run_ensemble
from mc.errors import RunFailed, Stopped
from mc.identity import identity_of
from mc.statistics.bins import BINS, value_at
from mc.statistics.contract import Numbers
from mc.statistics.plan import plan_series
from mc.study import Study

MOST_PASSES = 12
"""Passes before the search gives up; each shrinks a bracket 256 times, and float64 has 2^64 values."""

MARGIN = 0.01
"""Share of a bin by which the first bracket is wider, for what its edges were rounded."""


@dataclass
class Search:
    """Brackets of the ranks of one series, (element, target) each; `found` where low == high is the order statistic."""

    rank: Numbers
    low: Numbers
    high: Numbers
    found: Numbers

    def take(self, below: Numbers, number: Numbers, least: Numbers, most: Numbers) -> None:
        """Shrink the brackets by what a pass has counted; one that missed its rank is opened again."""
        within = self.rank - below
        ends = number.cumsum(axis=2)
        missed = (within < 0) | (within >= ends[:, :, -1])
        part = np.minimum((ends <= within[:, :, None]).sum(axis=2), number.shape[2] - 1)[:, :, None]
        size, end, low, high = (np.take_along_axis(a, part, axis=2)[:, :, 0] for a in (number, ends, least, most))
        place = within - (end - size)
        low, high = np.where(place == size - 1, high, low), np.where(place == 0, low, high)
        todo = ~self.found
        limit = np.finfo(np.float32).max
        self.low[todo] = np.where(missed, -limit, low)[todo]
        self.high[todo] = np.where(missed, limit, high)[todo]
        self.found |= ~missed & (self.low == self.high)


def exact_quantiles(
    study: Study,
    settings: Settings,
    state: EnsembleState,
    patterns: Sequence[str],
    *,
    devices: Sequence[jax.Device] | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> dict[str, Numbers]:
    """Quantiles (probability, *shape) by series of the outputs that fit `patterns`, float64, numpy's "linear" ones.

    `state` is the finished run, with streamed quantiles of those outputs. Failed draws are left out, as there.
    RunFailed if a bracket does not close; Stopped when `stop` says so.
    """
    narrow = replace(settings, narrow=tuple(patterns), quantiles=(), exceedance=(), variance_shares=(), keep=())
    series = [item for item in plan_series(study, narrow) if any(one.key == "narrowing" for one in item.statistics)]
    draws = int(state.count.sum())
    searches = {item.name: _first(state, item.name, settings.probabilities, draws) for item in series}
    for _ in range(MOST_PASSES):
        if all(search.found.all() for search in searches.values()):
            break
        begin = _empty(study, narrow, state, searches)
        done = run_ensemble(
            study, narrow, state=begin, draws=_range(state), devices=devices, progress=progress, stop=stop
        )
        if done.done < state.done:
            raise Stopped("stopped while quantiles were made exact")
        for name, search in searches.items():
            search.take(**done.statistics[name]["narrowing"])
    else:
        raise RunFailed("exact quantiles were not found: outputs differ between passes")
    shapes = {item.name: item.shape for item in series}
    return {name: _linear(search, settings.probabilities, draws, shapes[name]) for name, search in searches.items()}


def _range(state: EnsembleState) -> tuple[int, int]:
    if len(state.ranges) != 1:
        raise ValueError("exact quantiles need a run without gaps")
    return state.ranges[0]


def _positions(probabilities: Sequence[float], draws: int) -> Numbers:
    return np.asarray(probabilities) * (draws - 1)


def _first(state: EnsembleState, name: str, probabilities: Sequence[float], draws: int) -> Search:
    """The bins of the streamed histogram in which the two ranks around each quantile lie."""
    histogram, fixed = (part[name]["quantiles"] for part in (state.statistics, state.pilot.constants))
    ends = histogram["histogram"].cumsum(axis=1)
    lower = np.floor(_positions(probabilities, draws)).astype(int)
    ranks = np.concatenate([lower, np.minimum(lower + 1, draws - 1)])
    rank = np.broadcast_to(ranks, (len(ends), len(ranks)))
    chosen = (ends[:, None, :] <= rank[:, :, None]).sum(axis=2)
    low, high = (np.stack([value_at(at, fixed) for at in (chosen + end).T], axis=1) for end in (0, 1))
    margin = MARGIN * (high - low) + np.finfo(np.float32).eps * np.maximum(np.abs(low), np.abs(high))
    limit = np.finfo(np.float32).max
    low = np.where(chosen == 0, -limit, low - margin)
    high = np.where(chosen == BINS - 1, limit, high + margin)
    return Search(rank, low, high, np.zeros(rank.shape, bool))


def _empty(study: Study, narrow: Settings, state: EnsembleState, searches: dict[str, Search]) -> EnsembleState:
    """A state to start a pass from: the shifts of the run, and the brackets as they are."""
    before, dtype = state.pilot.constants, np.dtype(narrow.precision)
    constants, statistics = {}, {}
    for item in plan_series(study, narrow):
        constants[item.name] = {one.key: before[item.name].get(one.key, {}) for one in item.statistics}
        statistics[item.name] = {one.key: one.init(item.elements, narrow.scramblings) for one in item.statistics}
        if item.name in searches:
            search = searches[item.name]
            constants[item.name]["narrowing"] = {"low": search.low.astype(dtype), "high": search.high.astype(dtype)}
    return replace(
        state,
        identity=identity_of(study, narrow, state.identity["platform"]),
        ranges=(),
        count=np.zeros_like(state.count),
        statistics=statistics,
        failures=replace(state.failures, number=0, causes={}, index=state.failures.index[:0], cause=()),
        pilot=replace(state.pilot, constants=constants),
        kept=None,
    )


def _linear(search: Search, probabilities: Sequence[float], draws: int, shape: tuple[int, ...]) -> Numbers:
    """Order statistics -> quantiles (probability, *shape)."""
    position = _positions(probabilities, draws)
    share = (position - np.floor(position))[:, None]
    low, high = np.split(search.low.T, 2)
    return np.where(low == high, low, (1 - share) * low + share * high).reshape(len(position), *shape)
