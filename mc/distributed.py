"""One run by all processes of one allocation, on any number of nodes: `srun ferrocast run RUN --distributed`.

Draws need nothing of one another: each process draws its part, and the last to finish joins them. `jax.distributed`
says which of how many this process is, and lets none go before all are there. It lives in a child and has ended before
a device is opened: while it runs, GPUs wait for one another as they compile, and a process that dies takes all others
with it, their last draws unsaved.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mc.errors import InputError, RunFailed, Taken
from mc.parts import is_drawn, merge_parts, parts_of
from mc.pose import pose
from mc.run import is_answered
from mc.runfile import Run

log = logging.getLogger("ferrocast")

WAIT_SECONDS = 300
"""For the other processes to start."""

PILOT_SECONDS = 3600
"""For the first process to run the pilot, while the others wait; the pilot of a large chain takes minutes."""

MEETING = """
import os, sys
import jax
said = [(os.environ.get(of), os.environ.get(number)) for of, number in (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"), ("PMI_SIZE", "PMI_RANK"))]
ids = next(({"num_processes": int(of), "process_id": int(number)} for of, number in said if of and number), {})
jax.distributed.initialize(
    **ids, local_device_ids=[], initialization_timeout=int(sys.argv[1]), shutdown_timeout_seconds=int(sys.argv[2])
)
print(jax.process_index(), jax.process_count(), flush=True)
if not sys.stdin.readline():  # the process that began this one is gone
    os._exit(1)
jax.distributed.shutdown()
"""


@contextmanager
def meeting(seconds: int = WAIT_SECONDS) -> Iterator[tuple[int, int]]:
    """Which of how many processes this is, from 1; the end comes when all others have come to theirs.

    Raises:
        InputError: no launcher has started this process.
        RunFailed: not all processes came, or one left.
    """
    # Coordinators are nodes of the cluster, never behind a proxy, by which gRPC would look for them.
    direct = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    child = subprocess.Popen(
        [sys.executable, "-c", MEETING, str(seconds), str(PILOT_SECONDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=direct | {"JAX_PLATFORMS": "cpu"},
    )
    assert child.stdout is not None
    try:
        if not (found := child.stdout.readline().split()):
            raise _not_met(child, seconds)
        yield int(found[0]) + 1, int(found[1])
        _, said = child.communicate("\n")
    except BaseException:
        child.kill()
        child.communicate()
        raise
    if child.returncode:
        log.debug("%s", said)
        raise RunFailed("another process of this allocation has left before all had begun; its log says why")


def _not_met(child: "subprocess.Popen[str]", seconds: int) -> InputError | RunFailed:
    _, said = child.communicate()
    log.debug("%s", said)
    if child.returncode < 0:  # JAX ends a process that finds no others
        return RunFailed(
            f"not all processes of this allocation met within {seconds} s: one did not start, or nodes cannot reach "
            "one another (JAX_COORDINATOR_PORT=N names another port); --part K/N needs no meeting"
        )
    reason = (said.strip().splitlines() or ["no reason given"])[-1]
    return InputError(
        f"--distributed: JAX finds no launcher of many processes, such as srun ({reason}); start the command with "
        "srun, or with mpirun and JAX_COORDINATOR_ADDRESS=HOST:PORT, or draw parts with --part K/N and merge them"
    )


def join_if_last(run: Run, of: int, *, overwrite: bool = False) -> Path | None:
    """The cube of a run once all its parts are drawn, written by one process; None for every other one."""
    files = parts_of(run, of)
    if undrawn := [file.name for file in files if not is_drawn(file)]:
        log.info("the last process writes the cube; not drawn yet: %s", _few(undrawn))
        return None
    try:
        return merge_parts(files, cube=run.cube, priors=run.priors, overwrite=overwrite)
    except Taken:
        return None
    except InputError:
        if is_answered(run, None, pose):
            return None
        raise


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
