"""`ferrocast run`: answer a run file."""

import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mc.commands import Json, Quiet, Verbose, log, say, say_json, say_table, start_log
from mc.errors import Stopped

if TYPE_CHECKING:
    from mc.ensemble import Progress
    from mc.pose import Model
    from mc.runfile import Run

LOG_SECONDS = 5.0
"""Between two lines of progress in a log."""


def run(
    file: Annotated[Path, typer.Argument(help="Run file (TOML).")],
    draws: Annotated[int | None, typer.Option(help="Draws; FERROCAST_DRAWS.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; FERROCAST_SEED.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or gpu; FERROCAST_DEVICE.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or float64; FERROCAST_PRECISION.")] = None,
    sampler: Annotated[str | None, typer.Option(help="sobol, plain or latin; FERROCAST_SAMPLER.")] = None,
    block: Annotated[int | None, typer.Option(help="Draws a block; FERROCAST_BLOCK.")] = None,
    priors: Annotated[str | None, typer.Option(help="Folder of priors; FERROCAST_PRIORS.")] = None,
    out: Annotated[str | None, typer.Option(help="Cube to write (.nc); FERROCAST_OUT.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cube that exists.")] = False,
    show_config: Annotated[bool, typer.Option("--show-config", help="Print each value with its origin.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    r"""Answer a run file: draw, compute, summarise, write a cube. Prints the path of the cube.

    An option goes over its variable of the environment, that over the run file, that over the default.

    \b
    Example:
      ferrocast run runs/smoke.toml
      ferrocast run runs/baseline.toml --draws 4096 --out mine.nc --overwrite
      ferrocast run runs/baseline.toml --show-config
    """
    start_log(quiet, verbose)
    from mc.runfile import load_run

    given = {
        "ensemble.draws": draws,
        "ensemble.seed": seed,
        "ensemble.device": device,
        "ensemble.precision": precision,
        "ensemble.sampler": sampler,
        "ensemble.block": block,
        "model.priors": priors,
        "output.cube": out,
    }
    question = load_run(file, {key: value for key, value in given.items() if value is not None})
    if show_config:
        _show(question, json)
        return
    answer(question, overwrite, json)


def answer(question: "Run", overwrite: bool, as_json: bool, model: "Model | None" = None) -> None:
    """Answer a run with progress and a way to stop it; print the path of its cube."""
    from mc.pose import pose
    from mc.run import make_cube

    begin = time.perf_counter()
    with _Stop() as stop, _reporter(question.ensemble.draws) as report:

        def progress(state: "Progress") -> None:
            report(state)
            stop.asked = state.done < state.total

        try:
            cube = make_cube(question, overwrite=overwrite, progress=progress, stop=stop, model=model or pose)
        except Stopped as error:
            error.exit_code = 128 + stop.signal
            raise
    seconds = time.perf_counter() - begin
    log.info("%d draws in %.1f s", question.ensemble.draws, seconds)
    if as_json:
        say_json({"cube": str(cube), "draws": question.ensemble.draws, "seconds": round(seconds, 3)})
    else:
        say(str(cube))


def _show(question: "Run", as_json: bool) -> None:
    """Each value of the resolved run and where it comes from."""
    from mc.runfile.load import leaves

    values = [(".".join(path), value) for path, value in leaves(question.model_dump(mode="json"))]
    if as_json:
        say_json({key: {"value": value, "origin": question.origins[key]} for key, value in values})
        return
    say_table(("key", "value", "origin"), [(key, _text(value), question.origins[key]) for key, value in values])


def _text(value: Any) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


class _Stop:
    """Turns Ctrl-C and SIGTERM into an answer for the ensemble, which stops between two groups of blocks.

    Where nobody asks (reading, compiling, writing), and on the second signal, the program is left at once. Python runs
    handlers in its main thread, which may be waiting for the devices' threads and miss its turn for the whole run; so
    the ones who ask also look into the socket where a signal leaves its number as it arrives.
    """

    def __init__(self) -> None:
        self.signal = 0
        self.asked = False
        self.noted = False
        self.before: dict[int, Any] = {}

    def __call__(self) -> bool:
        self.asked = True
        with suppress(BlockingIOError):
            arrived = [number for number in self.reader.recv(64) if number in self.before]
            self.signal = self.signal or (arrived[0] if arrived else 0)
        return self.signal != 0

    def __enter__(self) -> "_Stop":
        self.reader, self.writer = socket.socketpair()
        for end in (self.reader, self.writer):
            end.setblocking(False)
        self.wakeup = signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self.wakeup)
        self.reader.close()
        self.writer.close()

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.asked and not self.noted:
            self.signal, self.noted = number, True
            log.warning("stopping after the blocks in hand; again to leave at once")
            return
        raise SystemExit(128 + number)


@contextmanager
def _reporter(draws: int) -> Iterator[Any]:
    """A bar on a terminal, plain lines in a log, nothing when quiet."""
    if not log.isEnabledFor(20):
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar(draws) as report:
            yield report
    else:
        yield _lines()


@contextmanager
def _bar(draws: int) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} draws"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("compiling", total=draws, speed="")

        def report(state: "Progress") -> None:
            failed = f", {state.failed} failed" if state.failed else ""
            speed = f"{state.draws_per_second:,.0f} draws/s{failed}"
            bar.update(task, completed=state.done, description="drawing", speed=speed)

        yield report


def _lines() -> Any:
    """Reports as plain lines, the first at once, then one every LOG_SECONDS."""
    last = [-LOG_SECONDS]

    def report(state: "Progress") -> None:
        now = time.monotonic()
        if now - last[0] < LOG_SECONDS and state.done < state.total:
            return
        last[0] = now
        failed = f", {state.failed} failed" if state.failed else ""
        log.info(
            "%d of %d draws, %.0f draws/s, %.0f s left%s",
            state.done, state.total, state.draws_per_second, state.seconds_left, failed,
        )  # fmt: skip

    return report
