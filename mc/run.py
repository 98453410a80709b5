"""Run -> cube on disk: the one place where all of mc meets."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mc.axes import SCENARIO, YEAR
from mc.cube.write import claim, require_room, write_cube
from mc.devices import find_devices, lanes, prepare
from mc.errors import InputError, RunFailed, Stopped
from mc.pose import Model, Posed, pose, settings_of
from mc.provenance import provenance
from mc.runfile import Run, load_run

if TYPE_CHECKING:
    import jax

    from mc.ensemble import Progress
    from mc.settings import Settings
    from mc.state import EnsembleState
    from mc.tables import Priors

log = logging.getLogger("ferrocast")

PROOF = "fault_allocation"
"""Output of a study with a coordinated scenario: above zero where a plan is not proven best."""

HALVINGS = 6
"""Sizes of blocks that are tried before a run gives up for want of memory."""


def make_cube(
    run: Run | str | os.PathLike[str],
    *,
    priors: "Priors | None" = None,
    overwrite: bool = False,
    progress: "Callable[[Progress], None] | None" = None,
    stop: Callable[[], bool] | None = None,
    model: Model = pose,
) -> Path:
    """Answer a run (or run file) and write the cube; returns its path.

    `priors` stand in for the folder that the run names; `model` makes another study of the run than its scenarios, as
    `ferrocast pareto` does. Nothing is written under the final name before it is complete.

    Raises:
        InputError: something in the run file or the tables cannot be used.
        RunFailed: more draws failed than the run allows.
        DiskError: there is no room for the cube.
        Stopped: `stop` answered True.
    """
    run = run if isinstance(run, Run) else load_run(Path(run))
    with claim(run.cube, overwrite=overwrite) as part:
        prepare(run.ensemble.device)
        with _timed("reading priors, making the study"):
            posed = model(run, priors)
        devices = find_devices(run.ensemble.device)

        from mc.cube.layout import expected_bytes, lay_out
        from mc.summary import finish

        require_room(run.cube, expected_bytes(posed.study, _settings(run, posed)))
        begin = time.perf_counter()
        with _timed("drawing"):
            run, state = _draw(run, posed, lanes(devices), progress, stop)
        if not state.complete:
            raise Stopped(f"stopped after {state.done} of {state.draws} draws; nothing was written")
        _say_proofs(posed, state)
        settings = _settings(run, posed)
        origin = provenance(run, posed.digest, devices) | {"wall_time_s": round(time.perf_counter() - begin, 3)}
        with _timed("laying out the cube"):
            groups = lay_out(
                posed, settings, finish(posed.study, settings, state), origin, state, keep_state=run.keep.state
            )
        with _timed("writing the cube"):
            write_cube(groups, part, run.cube)
    return run.cube


def _draw(
    run: Run,
    posed: Posed,
    devices: "Sequence[jax.Device]",
    progress: "Callable[[Progress], None] | None",
    stop: Callable[[], bool] | None,
) -> "tuple[Run, EnsembleState]":
    """The state of a run, with a smaller block where the device has no memory for the one asked for; and that run."""
    from mc.ensemble import run_ensemble

    for _ in range(HALVINGS):
        try:
            settings = _settings(run, posed)
            return run, run_ensemble(posed.study, settings, progress=progress, stop=stop, devices=devices)
        except RuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error) and "out of memory" not in str(error).lower():
                raise
        half = run.ensemble.block // 2
        if half == 0 or half % run.ensemble.scramblings:
            break
        log.warning("no memory for blocks of %d draws; trying %d", run.ensemble.block, half)
        run = run.model_copy(update={"ensemble": run.ensemble.model_copy(update={"block": half})})
    raise RunFailed(
        f"no memory for a block of {run.ensemble.block} draws; ask for fewer quantiles by province, a smaller block "
        "(--block, --device cpu), or a device with more memory"
    )


def _say_proofs(posed: Posed, state: "EnsembleState") -> None:
    """How many allocation problems were solved, and in how many draws one was not proven best."""
    study = posed.study
    if not any(output.name == PROOF for output in study.outputs):
        return
    from mc.allocation.policies import RIVALS

    policies = posed.notes[SCENARIO]["policy"]
    problems = sum(policy not in RIVALS for policy in policies) * (len(study.coords[YEAR]) - 1) * state.done
    missed = state.failures.causes.get(PROOF, 0)
    log.info("%d allocation problems; %s", problems, f"{missed} draws with one not proven" if missed else "all proven")


def _settings(run: Run, posed: Posed) -> "Settings":
    try:
        return settings_of(run, posed.study)
    except ValueError as error:
        raise InputError(f"{run.file}: {error}") from None


@contextmanager
def _timed(what: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    log.debug("%.2f s %s", time.perf_counter() - begin, what)
