"""One file a command: `mc/commands/run.py` holds the function `run`, which becomes `ferrocast run`.

What the commands share is here: options, the log on stderr, tables and JSON on stdout. Nothing heavy is imported until
a command has its arguments.
"""

import json
import logging
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mc.errors import InputError
from mc.places import is_file, is_folder

log = logging.getLogger("ferrocast")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Log only warnings and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")]

WIDEST = 400
"""Characters in a line of a table."""

TRUE_WORDS = ("1", "true", "yes", "on")


def start_log(quiet: bool = False, verbose: bool = False) -> None:
    """Send the log to stderr, one plain line a message; FERROCAST_QUIET and FERROCAST_VERBOSE stand in for options."""
    quiet = quiet or _is_set("FERROCAST_QUIET")
    verbose = verbose or _is_set("FERROCAST_VERBOSE")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)


def say(text: str) -> None:
    """Put a line of data on stdout."""
    sys.stdout.write(f"{text}\n")


def say_json(value: Any) -> None:
    """Put one JSON document on stdout; what is not finite becomes null."""
    say(json.dumps(_finite(value), ensure_ascii=False, indent=2 if sys.stdout.isatty() else None, allow_nan=False))


def say_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> None:
    """Put a table on stdout, its last `numbers` columns aligned right; never cut: half a number is wrong."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    first_number = len(columns) - numbers
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for at, name in enumerate(columns):
        table.add_column(name, justify="right" if at >= first_number else "left", no_wrap=at >= first_number)
    for row in rows:
        table.add_row(*row)
    console = Console(file=sys.stdout, width=WIDEST, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        say(line.rstrip())


def existing_cube(cube: Path) -> Path:
    """The cube, or a plain word on why it cannot be opened."""
    if is_folder(cube):
        raise InputError(f"{cube}: is a folder; name a cube (.nc)")
    if not is_file(cube):
        raise InputError(f"{cube}: no such cube; make one with: ferrocast run RUN.toml")
    return cube


def files_of_runs(paths: Sequence[Path]) -> list[Path]:
    """The cubes and states that are named, or lie in a folder that is."""
    found: list[Path] = []
    for path in paths:
        inside = [file for ending in ("*.nc", "*.state") for file in path.glob(ending)] if is_folder(path) else [path]
        if not inside or not all(map(is_file, inside)):
            raise InputError(f"{path}: {'holds no cube (.nc) and no state (.state)' if not inside else 'no such file'}")
        found += sorted(inside)
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in TRUE_WORDS
