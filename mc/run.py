"""Run -> cube on disk: the one place where all of mc meets."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from mc.ahead import loading
from mc.axes import SCENARIO, YEAR
from mc.cube.write import expected_bytes, write_cube
from mc.devices import find_devices, lanes, prepare
from mc.disk import claim, require_room
from mc.errors import InputError
from mc.places import is_file
from mc.pose import Model, Posed, pose
from mc.provenance import program_digest, provenance, run_digest
from mc.runfile import Run, load_run

if TYPE_CHECKING:
    from types import ModuleType

    from mc.checkpoint import Head, Origin
    from mc.drawing import Calls, Job
    from mc.ensemble import Progress
    from mc.state import EnsembleState
    from mc.summary import Summary
    from mc.tables import Priors

log = logging.getLogger("ferrocast")


PROOF = "fault_allocation"
"""Output of a study with a coordinated scenario: above zero where a plan is not proven best."""


def make_cube(
    run: Run | str | os.PathLike[str],
    *,
    priors: "Priors | None" = None,
    overwrite: bool = False,
    resume: bool = False,
    extend: bool = False,
    state: Path | None = None,
    progress: "Callable[[Progress], None] | None" = None,
    stop: Callable[[], bool] | None = None,
    model: Model = pose,
) -> Path:
    """Answer a run (or run file) and write the cube; returns its path.

    `priors` stand in for the folder that the run names; `model` makes another study of the run than its scenarios, as
    `ferrocast pareto` does. Nothing is written under the final name before it is complete. The state of a long run is
    kept in a file (`state`, by default beside the cube) until then: `resume` goes on from it, if it is there; `extend`
    from it or from the state that a finished cube holds.

    Raises:
        InputError: something in the run file, the tables or the state cannot be used.
        RunFailed: more draws failed than the run allows.
        DiskError: there is no room for the cube or the state.
        Stopped: `stop` answered True; the state is saved.
    """
    calls: Calls = {"progress": progress, "stop": stop}
    run = run if isinstance(run, Run) else load_run(Path(run))
    file = state or state_file(run)
    if resume and not overwrite and not is_file(file) and is_answered(run, priors, model):
        log.info("%s: complete already", run.cube)
        return run.cube
    with claim(run.cube, overwrite=overwrite or extend) as part, claim(file, overwrite=True), _ready(run, model):
        from mc.drawing import draw, job_of, job_of_state, refuse_begun, with_measured_block

        if not (resume or extend or overwrite):
            refuse_begun(file)
        with _timed("reading priors, making the study"):
            posed = model(run, priors)
        devices = find_devices(run.ensemble.device)
        run = with_measured_block(run, posed, devices)
        begun = _begun(run.cube, file, extend=extend) if resume or extend else None
        job = job_of_state(run, posed, begun[0], devices[0].platform) if begun else job_of(run, posed)
        require_room(run.cube, expected_bytes(posed.study, job.settings))
        with _timed("drawing"):
            _say_balance(job)
            job, drawn, keeper = draw(job, file, devices, begun=begun, **calls)
        if is_file(file):
            keeper.save(drawn)
        _say_proofs(posed, drawn)
        origin = provenance(job.run, posed.digest, devices) | {
            "draws": drawn.draws,
            "wall_time_s": round(keeper.seconds, 3),
            "accuracy": "\n".join(map(str, job.reached)),
        }
        saved = replace(keeper.origin, seconds=keeper.seconds)
        lay_down(job, drawn, origin, part, saved, **calls)
        keeper.remove()
    return run.cube


def state_file(run: Run, part: str = "") -> Path:
    """Where the state of a run, or of a part of it, lies: beside the cube."""
    return run.cube.with_name(f"{run.cube.name.removesuffix('.nc')}{part}.state")


def lay_down(
    job: "Job",
    state: "EnsembleState",
    attributes: Mapping[str, Any],
    part: Path,
    saved: "Origin",
    **calls: "Unpack[Calls]",
) -> None:
    """Turn a state into the cube of a job, under the temporary name `part` first."""
    from mc.summary import finish

    summary = finish(job.posed.study, job.settings, state)
    if job.run.statistics.exact:
        summary = _exact(job, state, summary, **calls)
    with _timed("laying out the cube"):
        origin = saved if job.run.keep.state else None
        groups = _layout().lay_out(job.posed, job.settings, summary, attributes, state, origin)
    with _timed("writing the cube"):
        write_cube(groups, part, job.run.cube)


def _exact(job: "Job", state: "EnsembleState", summary: "Summary", **calls: "Unpack[Calls]") -> "Summary":
    """The summary with exact quantiles where the run asks for them: its draws are made again, once or twice."""
    from mc.exact import exact_quantiles
    from mc.summary import with_exact

    devices = lanes(find_devices(job.run.ensemble.device))
    log.info("drawing again for exact quantiles")
    with _timed("exact quantiles"):
        patterns = job.run.statistics.exact
        quantiles = exact_quantiles(job.posed.study, job.settings, state, patterns, devices=devices, **calls)
    return with_exact(summary, state, quantiles)


def _layout() -> "ModuleType":
    """The module that lays cubes out; InputError where what it needs cannot be imported."""
    try:
        import netCDF4  # noqa: F401 - only to see that it can be imported

        import mc.cube.layout
    except ImportError as error:
        raise InputError(
            f"{error.name} is not installed, and a cube needs it; draw here with --part 1/1, and make the cube of that "
            "state where it is: ferrocast merge FILE.state"
        ) from None
    return mc.cube.layout


@contextmanager
def _ready(run: Run, model: Model) -> Iterator[None]:
    """Set JAX up, begin to load the program, refuse where a package is missing."""
    prepare(run.ensemble.device)
    # Another study of the same run has other programs.
    with loading(program_digest(run), run.ensemble.device) if model is pose else nullcontext():
        _layout()
        yield


def _begun(cube: Path, file: Path, *, extend: bool) -> "tuple[Head, EnsembleState] | None":
    """The state to go on from: that of the file, or one that a cube was told to keep."""
    from mc.checkpoint import read_state

    if is_file(file):
        return read_state(file)
    if not extend:
        log.info("%s: nothing to resume, starting at the first draw", file)
        return None
    from mc.cube.state import state_in

    return state_in(cube)


def is_answered(run: Run, priors: "Priors | None", model: Model) -> bool:
    """Whether the cube is there and answers this very run."""
    if not is_file(run.cube):
        return False
    from mc.cube import open_cube

    found = open_cube(run.cube).attrs
    same = found.get("run_digest") == run_digest(run)
    return same and found.get("priors_digest", "") == model(run, priors).digest


def _say_balance(job: "Job") -> None:
    """Which numbers of draws would suit the sampler better, where the one asked for does not."""
    run = job.run.ensemble
    points = run.draws / job.run.step
    if run.sampler != "sobol" or run.until or math.log2(points).is_integer():
        return
    low = job.run.step * 2 ** math.floor(math.log2(points))
    log.info(
        "%d draws: Sobol' points are even in powers of two of each of %d scramblings; %d or %d would use them best",
        run.draws, run.scramblings, low, 2 * low,
    )  # fmt: skip


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


@contextmanager
def _timed(what: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    log.debug("%.2f s %s", time.perf_counter() - begin, what)
