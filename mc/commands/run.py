"""`ferrocast run`: answer a run file."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mc.commands import Json, Quiet, Verbose, log, say, say_json, say_table, start_log
from mc.errors import InputError, Stopped
from mc.stop import Stop

if TYPE_CHECKING:
    from mc.drawing import Calls
    from mc.ensemble import Progress
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cube or a state that exists.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the saved state, if there is one.")] = False,
    extend: Annotated[int | None, typer.Option(help="Take a run that kept its state to this many draws.")] = None,
    distributed: Annotated[
        bool, typer.Option("--distributed", help="Share the draws with the other processes of srun or mpirun.")
    ] = False,
    part: Annotated[str | None, typer.Option(help="Draw one part, such as 3/32, or `pilot`; see `merge`.")] = None,
    state: Annotated[Path | None, typer.Option(help="State file; default: NAME.state beside the cube.")] = None,
    save_every: Annotated[float | None, typer.Option(help="Seconds between two saved states; default 30.")] = None,
    keep_state: Annotated[bool, typer.Option("--keep-state", help="Keep the state in the cube, to extend it.")] = False,
    show_config: Annotated[bool, typer.Option("--show-config", help="Print each value with its origin.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    r"""Answer a run file: draw, compute, summarise, write a cube. Prints the path of the cube.

    An option goes over its variable of the environment, that over the run file, that over the default. The state is
    saved as the run goes; Ctrl-C, SIGTERM and even kill -9 lose nothing before it, and --resume ends in the same bits.

    \b
    Example:
      ferrocast run runs/smoke.toml
      ferrocast run runs/baseline.toml --draws 4096 --out mine.nc --overwrite
      ferrocast run runs/baseline.toml --part 3/32
      srun ferrocast run runs/baseline.toml --distributed --resume
      ferrocast run runs/baseline.toml --show-config
    """
    start_log(quiet, verbose)
    from mc.runfile import load_run

    _refuse_together(draws, extend, distributed, part, state)
    given = {
        "ensemble.draws": draws if extend is None else extend,
        "ensemble.seed": seed,
        "ensemble.device": device,
        "ensemble.precision": precision,
        "ensemble.sampler": sampler,
        "ensemble.block": block,
        "model.priors": priors,
        "output.cube": out,
        "output.save_every": save_every,
        "keep.state": keep_state or extend is not None or None,
    }
    question = load_run(file, {key: value for key, value in given.items() if value is not None})
    if show_config:
        _show(question, json)
        return
    whole = {"extend": extend is not None, "state": state}
    _answer_as_asked(question, json, distributed, part, whole, overwrite=overwrite, resume=resume)


def _refuse_together(
    draws: int | None, extend: int | None, distributed: bool, part: str | None, state: Path | None
) -> None:
    if extend is not None and (draws is not None or part is not None):
        raise InputError("--extend goes with neither --draws nor --part")
    if part == "pilot" and state is not None:
        raise InputError("--part pilot goes without --state: parts look for it beside the cube; --out moves both")
    if distributed and (extend is not None or part is not None or state is not None):
        raise InputError("--distributed goes with neither --extend nor --part nor --state")


def _answer_as_asked(
    question: "Run",
    as_json: bool,
    distributed: bool,
    part: str | None,
    whole: dict[str, Any],
    *,
    overwrite: bool,
    resume: bool,
) -> None:
    """Draw the share of a process, the pilot of parts, a part, or all; `whole` are options of the latter."""
    if distributed:
        _answer_share(question, as_json, overwrite=overwrite, resume=resume)
    elif part == "pilot":
        _answer_pilot(question, as_json, overwrite=overwrite)
    elif part is not None:
        _answer_part(question, part, as_json, overwrite=overwrite, resume=resume, state=whole["state"])
    else:
        answer(question, as_json, overwrite=overwrite, resume=resume, **whole)


def answer(question: "Run", as_json: bool, **options: Any) -> None:
    """Answer a run with progress and a way to stop it; print the path of its cube. `options` are those of make_cube."""
    from mc.run import make_cube

    begin = time.perf_counter()
    with watched(question.ensemble.draws) as calls:
        cube = make_cube(question, **calls, **options)
    _tell("cube", cube, question.ensemble.draws, time.perf_counter() - begin, as_json)


def _answer_part(question: "Run", part: str, as_json: bool, **options: Any) -> None:
    """Draw one part of a run; print the path of its state."""
    from mc.parts import make_part, range_of_part

    number, of = _part(part)
    low, high = range_of_part(question, number, of)
    begin = time.perf_counter()
    with watched(high - low) as calls:
        file = make_part(question, number, of, **calls, **options)
    _tell("state", file, high - low, time.perf_counter() - begin, as_json)


def _answer_pilot(question: "Run", as_json: bool, **options: Any) -> None:
    """Draw the pilot of all parts; print the path of its state."""
    from mc.parts import make_pilot

    begin = time.perf_counter()
    with watched(0) as calls:
        file = make_pilot(question, **calls, **options)
    _tell("state", file, 0, time.perf_counter() - begin, as_json)


def _answer_share(question: "Run", as_json: bool, *, overwrite: bool, resume: bool) -> None:
    """Draw the share of this process; print the path of its state, or of the cube where this process is the last."""
    from mc.disk import remove
    from mc.distributed import join_if_last, meeting
    from mc.parts import is_complete, make_part, make_pilot, part_file, range_of_part, refuse_goals

    refuse_goals(question)
    if not overwrite and is_complete(question):
        say_json({"cube": str(question.cube)}) if as_json else say(str(question.cube))
        return
    begin = time.perf_counter()
    with meeting() as (number, of):
        low, high = range_of_part(question, number, of)
        log.info("process %d of %d: draws %d to %d", number, of, low, high - 1)
        if overwrite:
            remove(part_file(question, number, of))
        if number == 1:
            with watched(0) as calls:
                make_pilot(question, overwrite=overwrite, **calls)
    with watched(high - low) as calls:
        file = make_part(question, number, of, overwrite=overwrite, resume=resume, **calls)
    cube = join_if_last(question, of, overwrite=overwrite)
    _tell("cube" if cube else "state", cube or file, high - low, time.perf_counter() - begin, as_json)


def _part(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", text)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= of:
        raise InputError(f"--part {text!r}: write which part of how many, such as 3/32 (1/32 to 32/32), or pilot")
    return number, of


@contextmanager
def watched(draws: int) -> "Iterator[Calls]":
    """`progress` and `stop` for a run of so many draws."""
    with Stop() as stop, _reporter(draws) as report:

        def progress(state: "Progress") -> None:
            report(state)
            stop.asked = state.done < state.total

        try:
            yield {"progress": progress, "stop": stop}
        except Stopped as error:
            error.exit_code = 128 + stop.signal
            raise


def _tell(what: str, path: Path, draws: int, seconds: float, as_json: bool) -> None:
    log.info("%d draws in %.1f s", draws, seconds)
    if as_json:
        say_json({what: str(path), "draws": draws, "seconds": round(seconds, 3)})
    else:
        say(str(path))


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
