"""A batch on this machine: its parts as processes, some at a time, each with its share of the devices."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mc.batch import Batch, begin, of_task
from mc.disk import not_written
from mc.errors import InputError, RunFailed, Stopped
from mc.parts import range_of_part

if TYPE_CHECKING:
    from mc.ensemble import Progress

LOOK_SECONDS = 0.2
"""Between two looks at the processes."""

LEAVE_SECONDS = 15.0
"""For a process that was asked to stop to save its state; then it is killed, which loses what came after the last."""

TAIL = 4096
"""Bytes at the end of a log in which its last line of progress is looked for."""

DRAWN = re.compile(rb"(\d+) of \d+ draws, ")

COUNT_GPUS = "from mc.devices import find_devices; print(len(find_devices('gpu')))"


@dataclass(frozen=True)
class Share:
    """What a process gets of the machine: variables of its environment, cores (none: all)."""

    variables: Mapping[str, str] = field(default_factory=dict)
    cores: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Task:
    """A part that is being drawn; its log grows behind the byte `start`."""

    number: int
    process: subprocess.Popen[bytes]
    share: Share
    start: int


def draw_here(
    batch: Batch,
    shares: list[Share],
    *,
    progress: "Callable[[Progress], None] | None" = None,
    stop: Callable[[], bool] | None = None,
) -> None:
    """Draw the missing parts of a batch, as many at a time as there are shares.

    Raises:
        Stopped: `stop` answered True; every process has saved its state.
        RunFailed: a part failed, after all others were drawn: which, and the last words of its log.
    """
    begin(batch)
    waiting, free, running, failed = list(batch.missing), list(shares), list[Task](), list[int]()
    report = _reporter(batch, progress)
    try:
        while waiting or running:
            if stop is not None and stop():
                _end(running)
                raise Stopped(f"stopped; the states are saved in {batch.folder.parent}: the same command goes on")
            while waiting and free:
                running.append(_start(batch, waiting.pop(0), free.pop()))
            time.sleep(LOOK_SECONDS)
            for task in [task for task in running if task.process.poll() is not None]:
                running.remove(task)
                free.append(task.share)
                if task.process.returncode:
                    failed.append(task.number)
            report(running, [*waiting, *failed])
    finally:
        for task in running:
            task.process.kill()
            task.process.wait()
    if failed:
        raise RunFailed("\n".join([*(_last_words(batch, number) for number in sorted(failed)), AGAIN]))


AGAIN = "the same command draws what is missing, and only that"


def shares_of(batch: Batch) -> list[Share]:
    """What each of the processes that run at a time gets; InputError where there are no such devices.

    Without a number, one process at a time takes all cores, or there is one for every `gpus` of the GPUs.
    """
    needs = batch.needs
    if needs.gpus:
        gpus = _gpus(batch)
        number = needs.at_once or len(gpus) // needs.gpus
        if number * needs.gpus > len(gpus) or not number:
            asked = f"--gpus {needs.gpus}" + (f" --at-once {needs.at_once}" if needs.at_once else "")
            raise InputError(f"{asked}: needs {max(number, 1) * needs.gpus} GPUs, JAX finds {len(gpus)} here")
        groups = [gpus[at * needs.gpus : (at + 1) * needs.gpus] for at in range(number)]
        return [Share({"CUDA_VISIBLE_DEVICES": ",".join(group)}) for group in groups]
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    number = needs.at_once or max(1, len(cores) // needs.cpus if needs.cpus else 1)
    each = needs.cpus or len(cores) // number
    if needs.cpus and cores and number * each > len(cores):
        raise InputError(f"--cpus {each}: {number} at a time need {number * each} cores, this machine has {len(cores)}")
    return [Share(cores=frozenset(cores[at * each : (at + 1) * each])) for at in range(number)]


def _gpus(batch: Batch) -> list[str]:
    """The GPUs that JAX finds, as CUDA_VISIBLE_DEVICES names them; counted by a process that gives them back."""
    asked = [sys.executable, "-c", COUNT_GPUS]
    done = subprocess.run(asked, capture_output=True, text=True, env=batch.environment, check=False)
    if done.returncode:
        raise InputError(
            f"--gpus {batch.needs.gpus}: JAX finds no GPU here; `ferrocast doctor` says what is missing. "
            "Without --gpus the parts use the CPU"
        )
    named = [name.strip() for name in batch.environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named or [str(number) for number in range(int(done.stdout.split()[-1]))]


def _start(batch: Batch, number: int, share: Share) -> Task:
    """Start the process of a part, its output behind what its log holds; Ctrl-C reaches it through us alone."""
    environment = {**batch.environment, **share.variables, "FERROCAST_QUIET": ""}
    log = batch.log_of(number)
    try:
        with log.open("ab") as stream:
            start = stream.tell()
            process = subprocess.Popen(
                of_task(batch, number),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise not_written(log, error) from None
    if share.cores:
        with suppress(OSError):  # it has ended already
            os.sched_setaffinity(process.pid, share.cores)
    return Task(number, process, share, start)


def _end(running: list[Task]) -> None:
    """Ask processes to save their states and leave; wait until they have."""
    for task in running:
        task.process.terminate()
    until = time.monotonic() + LEAVE_SECONDS
    for task in running:
        with suppress(subprocess.TimeoutExpired):
            task.process.wait(max(0.0, until - time.monotonic()))


def _reporter(batch: Batch, progress: "Callable[[Progress], None] | None") -> Callable[[list[Task], list[int]], None]:
    """A function of running tasks and parts not begun or failed, which turns logs into progress of the whole run."""
    from mc.ensemble import Progress

    sizes = [high - low for low, high in (range_of_part(batch.run, at + 1, batch.tasks) for at in range(batch.tasks))]
    total, missing = sum(sizes), sum(sizes[number - 1] for number in batch.missing)
    began, told = time.monotonic(), [missing]

    def report(running: list[Task], undone: list[int]) -> None:
        left = sum(sizes[number - 1] for number in (*undone, *(task.number for task in running)))
        left -= sum(_drawn(batch, task) for task in running)
        if progress is not None and left < told[0]:
            told[0], speed = left, (missing - left) / (time.monotonic() - began)
            progress(Progress(total - left, total, speed, left / speed, 0))

    return report


def _drawn(batch: Batch, task: Task) -> int:
    """Draws that a running task has behind it, as its log says."""
    with suppress(OSError), batch.log_of(task.number).open("rb") as stream:
        stream.seek(max(task.start, os.fstat(stream.fileno()).st_size - TAIL))
        said = DRAWN.findall(stream.read())
        return int(said[-1]) if said else 0
    return 0


def _last_words(batch: Batch, number: int) -> str:
    """What a part that failed said last."""
    log = batch.log_of(number)
    words = ""
    with suppress(OSError):
        words = next(filter(None, reversed(log.read_text(encoding="utf-8", errors="replace").splitlines())), "")
    return f"part {number}/{batch.tasks} failed: {words[:400]} ({log})"
