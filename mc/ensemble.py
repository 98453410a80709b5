"""Any pure function of one draw over many draws: the same numbers whatever the blocks, devices, stops and merges.

`run_ensemble` gives a state, `merge` joins states, `mc.summary.finish` turns one into numbers. What makes a result
independent of how the work was cut: draw i depends on (seed, i) alone; it is always computed in the same place of the
same block; and every sum is one of whole quanta or counts, exact in any order (`mc.statistics.contract`).

Devices are those that JAX shows. XLA uses few threads for this kind of work, so a CPU gets one thread a core, all of
them running the same compiled program on the one device.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import jax
import numpy as np

from mc.blocks import BlockPrograms
from mc.cache import entry, keep_entry, load_entry
from mc.devices import lanes
from mc.draws import plan_draws
from mc.errors import InputError
from mc.identity import identity_of, structure_of
from mc.memory import between_steps, equal_steps, return_free_memory, return_large_arrays
from mc.pilot import run_pilot
from mc.runner import BlockRunner
from mc.settings import Exceedance as Exceedance
from mc.settings import Settings as Settings
from mc.state import EnsembleState as EnsembleState
from mc.state import FailedDraws as FailedDraws
from mc.state import Failures, Pilot, Ranges, missing_ranges
from mc.state import merge as merge
from mc.statistics.plan import plan_series
from mc.study import Study

GROUP_SECONDS = 1.0
"""Work between two reports of progress, per device."""

MOST_BLOCKS = 4096
"""Blocks between two reports, however fast they are."""

MOST_PROGRAMS = 4
"""Compiled programs that a process remembers: a run that is continued does not compile again."""

MOST_PILOTS = 8
"""Pilots that stay on disk: up to some ten MB each."""

_PROGRAMS: dict[Hashable, BlockPrograms] = {}


@dataclass(frozen=True)
class Progress:
    """How far a run is: draws done of the total, draws per second of this run, seconds left, failed draws."""

    done: int
    total: int
    draws_per_second: float
    seconds_left: float
    failed: int


def run_ensemble(
    study: Study,
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    devices: Sequence[jax.Device] | None = None,
    draws: tuple[int, int] | None = None,
    state: EnsembleState | None = None,
    save: Callable[[EnsembleState], None] | None = None,
    save_seconds: float = 30.0,
) -> EnsembleState:
    """Run the draws [first, last) that `state` does not hold yet (default: all of `settings.draws`) and add them.

    `progress`, `stop` and `save` (a state to keep on disk) are called between groups of blocks, `save` after the pilot
    too if that took `save_seconds`. A run that was stopped returns what it has: `complete` is False. `draws=(0, 0)`
    returns the pilot alone, a state to start parts of a run from. FailedDraws when more than `settings.failed_share` of
    the draws fail; InputError when `state` is of another run. The bits of a result do not depend on `devices`; those
    after the first join when that saves time.
    """
    began = time.monotonic()
    low, high = draws or (0, settings.draws)
    if not 0 <= low <= high <= settings.draws:
        raise InputError(f"draws {low} to {high} do not lie in 0 to {settings.draws}")
    if settings.drivers and (low % settings.step or high % settings.step):
        raise InputError(f"draws {low} to {high} cut a design in two: take multiples of {settings.step}")
    return_large_arrays()
    todo = missing_ranges(state.ranges if state is not None else (), low, high)
    chosen = list(devices or lanes(jax.local_devices()))
    program = _program(study, settings, chosen[0].platform)
    identity = identity_of(study, settings, chosen[0].platform)
    first, *lanes_of_first = [BlockRunner(program, one) for one in chosen if one == chosen[0]]
    if state is None:
        pilot = _pilot(first, lanes_of_first, identity, todo)
        return_free_memory()
        state = _empty_state(program, identity, pilot)
        if save is not None and time.monotonic() - began >= save_seconds:
            save(state)
            began = time.monotonic()
    else:
        merge(state, _empty_state(program, identity, state.pilot))
        state = replace(state, draws=settings.draws)
    # Another device has to compile a copy of the program; another lane of the same device has not.
    others = [one for one in chosen if one != chosen[0] and _worth_sharing(first, todo)]
    runners = [first, *lanes_of_first, *(BlockRunner(program, device) for device in others)]
    return _Run(program, runners, state, todo, Reports(progress, stop, save, save_seconds, began)).finish()


@dataclass(frozen=True)
class Reports:
    """Calls of a run between groups of blocks, one at a time, from the thread of any device; when it `saved` last."""

    progress: Callable[[Progress], None] | None = None
    stop: Callable[[], bool] | None = None
    save: Callable[[EnsembleState], None] | None = None
    save_seconds: float = 30.0
    saved: float = field(default_factory=time.monotonic)


class _Run:
    """The draws still to do, dealt out in groups of blocks to one thread per device."""

    def __init__(
        self,
        program: BlockPrograms,
        runners: Sequence[BlockRunner],
        state: EnsembleState,
        todo: Ranges,
        reports: Reports,
    ) -> None:
        self._program, self._runners, self._state, self._reports = program, runners, state, reports
        self._todo = list(todo)
        self._held = state.done
        self._total = self._held + _length(todo)
        self._lock = threading.Lock()  # guards dealing and reports; never taken while holding a runner's own lock
        self._halted = False
        self._done = self._held
        self._began, self._saved = time.monotonic(), reports.saved

    def finish(self) -> EnsembleState:
        """Work until nothing is left or the run is stopped."""
        for runner in self._runners:
            runner.start(self._state.pilot.constants)
        with equal_steps():
            if len(self._runners) == 1:
                self._work(self._runners[0])
            else:
                with ThreadPoolExecutor(len(self._runners)) as pool:
                    try:
                        for future in [pool.submit(self._work, runner) for runner in self._runners]:
                            future.result()
                    finally:
                        self._halted = True
        return self._snapshot()

    def _work(self, runner: BlockRunner) -> None:
        blocks, size = 1, self._program.settings.block
        while group := self._deal(blocks):
            began = time.monotonic()
            runner.work(*group)
            seconds = max(time.monotonic() - began, 1e-6)
            blocks = max(1, min(MOST_BLOCKS, int(_blocks(*group, size) * GROUP_SECONDS / seconds)))
            with self._lock:
                self._done += group[1] - group[0]
                self._report()

    def _deal(self, blocks: int) -> tuple[int, int] | None:
        """The next draws, at most `blocks` blocks; shares shrink towards the end so that devices finish together."""
        with self._lock:
            stop = self._reports.stop
            if self._halted or not self._todo or (stop is not None and stop()):
                self._halted = True
                return None
            size, devices = self._program.settings.block, len(self._runners)
            if devices > 1:
                left = sum(_blocks(low, high, size) for low, high in self._todo)
                blocks = max(1, min(blocks, left // (2 * devices)))
            low, high = self._todo.pop(0)
            end = min(high, (low // size + blocks) * size)
            if end < high:
                self._todo.insert(0, (end, high))
            return low, end

    def _report(self) -> None:
        failed = self._state.failures.number + sum(runner.failed for runner in self._runners)
        if failed > self._program.settings.allowed:
            self._halted = True
            raise FailedDraws(self._snapshot().failures, self._done, self._program.settings.allowed)
        now = time.monotonic()
        if self._reports.progress is not None:
            rate = (self._done - self._held) / max(now - self._began, 1e-6)
            self._reports.progress(Progress(self._done, self._total, rate, (self._total - self._done) / rate, failed))
        if self._reports.save is not None and now - self._saved >= self._reports.save_seconds:
            with between_steps():
                self._reports.save(self._snapshot())
            self._saved = time.monotonic()

    def _snapshot(self) -> EnsembleState:
        """The state so far: what was there before, and what every device has added."""
        parts = [runner.state(self._state) for runner in self._runners]
        return functools.reduce(merge, parts if self._held == 0 else [self._state, *parts])


def _program(study: Study, settings: Settings, platform: str) -> BlockPrograms:
    plan = plan_draws(
        study.inputs,
        study.correlations,
        sampler=settings.sampler,
        seed=settings.seed,
        scramblings=settings.scramblings,
        draws=settings.draws,
        pinned=study.pinned,
        drivers=settings.drivers,
    )
    structure = (study.function, jax.tree.structure(study.data), *structure_of(study, settings), platform)
    like = _PROGRAMS.pop(structure, None)
    program = BlockPrograms(study, settings, plan, plan_series(study, settings), platform, like)
    _PROGRAMS[structure] = program
    if len(_PROGRAMS) > MOST_PROGRAMS:
        del _PROGRAMS[next(iter(_PROGRAMS))]
    return program


def _pilot(runner: BlockRunner, helpers: Sequence[BlockRunner], identity: Mapping[str, str], wanted: Ranges) -> Pilot:
    """The pilot of a run: as it was when the same question was asked before, or drawn now."""
    study, settings = runner.programs.study, runner.programs.settings
    draws, place = min(settings.pilot, settings.draws), None
    if study.variant:
        made_from = (study.variant, runner.device.device_kind, str(draws), repr(sorted(identity.items())))
        place = entry("pilots", made_from)
    if place is not None and isinstance(known := load_entry(place), Pilot):
        return known
    pilot = run_pilot(runner, draws, settings.allowed, helpers, wanted=wanted)
    if place is not None:
        keep_entry(place, pilot, MOST_PILOTS)
    return pilot


def _empty_state(program: BlockPrograms, identity: dict[str, str], pilot: Pilot) -> EnsembleState:
    scramblings = program.settings.scramblings
    return EnsembleState(
        identity=identity,
        draws=program.settings.draws,
        ranges=(),
        count=np.zeros(scramblings, np.int64),
        statistics={
            item.name: {statistic.key: statistic.init(item.elements, scramblings) for statistic in item.statistics}
            for item in program.series
        },
        failures=Failures(),
        pilot=pilot,
    )


def _worth_sharing(runner: BlockRunner, todo: Ranges) -> bool:
    """Whether the draws left take longer on one device than another one needs to compile: known after a pilot."""
    if len(runner.seconds) < 2:
        return True
    size = runner.programs.settings.block
    return sum(_blocks(low, high, size) for low, high in todo) * min(runner.seconds) > runner.seconds[0]


def _blocks(low: int, high: int, size: int) -> int:
    """Blocks that the draws [low, high) touch."""
    return -(-high // size) - low // size


def _length(ranges: Ranges) -> int:
    return sum(high - low for low, high in ranges)
