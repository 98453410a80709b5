"""Run -> cube on disk: the one place where all of mc meets."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mc.cube.write import claim, require_room, write_cube
from mc.devices import find_devices, prepare
from mc.errors import InputError, Stopped
from mc.pose import Posed, pose, settings_of
from mc.provenance import provenance
from mc.runfile import Run, load_run

if TYPE_CHECKING:
    from mc.ensemble import Progress
    from mc.settings import Settings
    from mc.state import EnsembleState
    from mc.tables import Priors

log = logging.getLogger("ferrocast")


def make_cube(
    run: Run | str | os.PathLike[str],
    *,
    priors: "Priors | None" = None,
    overwrite: bool = False,
    progress: "Callable[[Progress], None] | None" = None,
    stop: Callable[[], bool] | None = None,
) -> Path:
    """Answer a run (or run file) and write the cube; returns its path.

    `priors` stand in for the folder that the run names. Nothing is written under the final name before it is complete.

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
            posed = pose(run, priors)
            settings = _settings(run, posed)
        devices = find_devices(run.ensemble.device)

        from mc.cube.layout import expected_bytes, lay_out
        from mc.ensemble import run_ensemble
        from mc.summary import finish

        require_room(run.cube, expected_bytes(posed.study, settings))
        begin = time.perf_counter()
        with _timed("drawing"):
            chosen = None if run.ensemble.device == "auto" else devices
            state = run_ensemble(posed.study, settings, progress=progress, stop=stop, devices=chosen)
        _require_complete(state)
        origin = provenance(run, posed.digest, devices) | {"wall_time_s": round(time.perf_counter() - begin, 3)}
        with _timed("laying out the cube"):
            groups = lay_out(
                posed, settings, finish(posed.study, settings, state), origin, state, keep_state=run.keep.state
            )
        with _timed("writing the cube"):
            write_cube(groups, part, run.cube)
    return run.cube


@contextmanager
def _timed(what: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    log.debug("%.2f s %s", time.perf_counter() - begin, what)


def _settings(run: Run, posed: Posed) -> "Settings":
    try:
        return settings_of(run, posed.study)
    except ValueError as error:
        raise InputError(f"{run.file}: {error}") from None


def _require_complete(state: "EnsembleState") -> None:
    if not state.complete:
        raise Stopped(f"stopped after {state.done} of {state.draws} draws; nothing was written")
