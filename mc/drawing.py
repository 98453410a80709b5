"""Draw what a run asks for, with its state on disk: begun, saved as it grows, stopped, taken up again."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from mc.checkpoint import CODE, Head, Keeper, Origin, differences, read_head
from mc.devices import is_out_of_memory, lanes
from mc.errors import InputError, RunFailed, Stopped
from mc.identity import identity_of
from mc.places import is_file
from mc.pose import Posed, settings_of
from mc.provenance import facts, question
from mc.runfile import Run
from mc.state import EnsembleState, FailedDraws

if TYPE_CHECKING:
    import jax

    from mc.accuracy import Goal, Reached
    from mc.ensemble import Progress
    from mc.settings import Settings

log = logging.getLogger("ferrocast")

HALVINGS = 6
"""Sizes of blocks that are tried before a run gives up for want of memory."""


class Calls(TypedDict, total=False):
    """How a run tells of itself, and how it is told to stop."""

    progress: "Callable[[Progress], None] | None"
    stop: Callable[[], bool] | None


@dataclass(frozen=True)
class Job:
    """A run with its study and settings: what is to be drawn, how accurate it is to be, and how accurate it is."""

    run: Run
    posed: Posed
    settings: "Settings"
    goals: "tuple[Goal, ...]" = ()
    reached: "tuple[Reached, ...]" = ()


def job_of(run: Run, posed: Posed) -> Job:
    """A run from its start; InputError where its settings have no meaning."""
    try:
        settings = settings_of(run, posed.study)
    except InputError:  # it says its own place
        raise
    except ValueError as error:
        raise InputError(f"{run.file}: {error}") from None
    if not run.ensemble.until:
        return Job(run, posed, settings)
    from mc.accuracy import parse_goal

    try:
        return Job(run, posed, settings, tuple(parse_goal(text, posed.study, settings) for text in run.ensemble.until))
    except InputError as error:
        raise InputError(f"{run.file}: {error}") from None


def job_of_state(run: Run, posed: Posed, head: Head, platform: str, *, elsewhere: bool = False) -> Job:
    """The run that goes on from a saved state: with its blocks, which memory may have made smaller, and its pilot.

    InputError that names what has changed where the state is of another run. `elsewhere`: nothing will be drawn, so
    that machine, JAX and code may be others.
    """
    saved = json.loads(head.identity["settings"])
    fresh = job_of(run, posed)
    if saved["block"] % run.step == 0 and saved["block"] != run.ensemble.block:
        log.info("blocks of %d draws, as in %s", saved["block"], head.path)
        fresh = job_of(_with_block(run, saved["block"]), posed)
    job = replace(fresh, settings=replace(fresh.settings, pilot=saved["pilot"]))
    (said, places), identity = facts(run, posed), identity_of(posed.study, job.settings, platform)
    if elsewhere:
        said, identity = said | {CODE: head.origin.facts[CODE]}, identity | _machine(head)
    if other := differences(head, said, identity, places):
        raise InputError(
            f"{head.path}: is of another run: {other}. Put that back, or start anew with --overwrite or another --out"
        )
    if head.ranges and head.ranges[-1][1] > run.ensemble.draws:
        raise InputError(
            f"{head.path}: holds draws up to {head.ranges[-1][1]}, the run asks for {run.ensemble.draws}; ask for more"
        )
    return job


def draw(
    job: Job,
    file: Path,
    devices: "Sequence[jax.Device]",
    *,
    begun: tuple[Head, EnsembleState] | None = None,
    asked: tuple[int, int] | None = None,
    **calls: Unpack[Calls],
) -> tuple[Job, EnsembleState, Keeper]:
    """The draws [low, high) that are asked for (default: all), after those of a state that was `begun`.

    The state is saved to `file` every `run.output.save_every` seconds and when the run is stopped. The job may come
    back with smaller blocks.

    Raises:
        Stopped: with the state saved.
        RunFailed: too many draws failed, or there is no memory for the smallest block.
        DiskError: the state cannot be saved.
    """
    low, high = asked or (0, job.settings.draws)
    seconds = begun[0].origin.seconds if begun and begun[0].path == file else 0.0
    keeper = Keeper(file, Origin(facts(job.run, job.posed)[0], question(job.run), (low, high), seconds))
    try:
        job, state = _with_memory(job, devices, keeper, begun and begun[1], **calls)
    except FailedDraws:
        keeper.remove()  # going on would fail again
        raise
    high = min(high, state.draws)
    done = sum(max(0, min(last, high) - max(first, low)) for first, last in state.ranges)
    if done < high - low:
        keeper.save(state)
        raise Stopped(
            f"stopped after {done} of {high - low} draws, kept in {file}; the same command with --resume goes on"
        )
    return job, state, keeper


def refuse_begun(file: Path) -> None:
    """InputError where a file holds a state, and nobody has said what to do with it."""
    if not is_file(file):
        return
    head = read_head(file)
    low, high = head.origin.asked
    raise InputError(
        f"{file}: holds {head.done} of {high - low} draws of a run that was begun before ({head.origin.saved}); "
        "go on with --resume, or start anew with --overwrite"
    )


def _with_memory(
    job: Job,
    devices: "Sequence[jax.Device]",
    keeper: Keeper,
    begun: EnsembleState | None,
    **calls: Unpack[Calls],
) -> tuple[Job, EnsembleState]:
    """The draws, in smaller blocks where the device has no memory for those asked for, unless some are done already."""
    for _ in range(HALVINGS):
        try:
            return _drawn(job, devices, keeper, begun, **calls)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        half = job.run.ensemble.block // 2 // job.run.step * job.run.step
        if begun is not None or half == 0:
            break
        log.warning("no memory for blocks of %d draws; trying %d", job.run.ensemble.block, half)
        job = job_of(_with_block(job.run, half), job.posed)
    raise RunFailed(
        f"no memory for a block of {job.run.ensemble.block} draws; ask for fewer quantiles by province, "
        f"{'fewer drivers' if job.run.sensitivity.drivers else 'a smaller block (--block)'}, --device cpu, or a device "
        "with more memory"
    )


def _drawn(
    job: Job,
    devices: "Sequence[jax.Device]",
    keeper: Keeper,
    begun: EnsembleState | None,
    **calls: Unpack[Calls],
) -> tuple[Job, EnsembleState]:
    """The draws that are asked for; fewer where the goals of the job are reached before."""
    from mc.ensemble import run_ensemble

    low, high = keeper.origin.asked

    def add(number: int, state: EnsembleState | None) -> EnsembleState:
        return run_ensemble(
            job.posed.study,
            job.settings,
            devices=lanes(devices),
            draws=(low, number),
            state=state,
            save=keeper.save,
            save_seconds=job.run.output.save_every,
            **calls,
        )

    if not job.goals:
        return job, add(high, begun)
    from mc.accuracy import draw_until

    state, reached = draw_until(job.posed.study, job.settings, job.goals, add, _say_reached, begun)
    return replace(job, settings=replace(job.settings, draws=state.draws), reached=reached), state


def _say_reached(draws: int, reached: "Sequence[Reached]") -> None:
    for one in reached:
        log.info("%d draws: %s", draws, one)


def with_measured_block(run: Run, posed: Posed, devices: "Sequence[jax.Device]") -> Run:
    """The run with the block that suits the device, where nobody has stated one."""
    if run.origins.get("ensemble.block") != "default":
        return run
    from mc.block_size import block_for

    block = block_for(posed.study, job_of(run, posed).settings, devices)
    return run if block == run.ensemble.block else _with_block(run, block)


def _with_block(run: Run, block: int) -> Run:
    return run.model_copy(update={"ensemble": run.ensemble.model_copy(update={"block": block})})


def _machine(head: Head) -> dict[str, str]:
    return {name: head.identity[name] for name in ("platform", "jax")}
