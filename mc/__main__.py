"""The command line: `ferrocast COMMAND ...` or `python -m mc COMMAND ...`."""

import atexit
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

import mc
import mc.commands
from mc.errors import FerrocastError

HELP = """Monte Carlo ensembles of China's metal sectors to 2060.

\b
  ferrocast init work                      a working copy of the tables and run files
  ferrocast run work/runs/smoke.toml       answer a run file: a cube (NetCDF)
  ferrocast show work/runs/out/smoke.nc    what is in it
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit: 0 ok, 1 run failed, 2 bad input, 74 disk, 130 Ctrl-C, 143 SIGTERM."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        application()(args=None if arguments is None else list(arguments), prog_name="ferrocast")
    except FerrocastError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    raise SystemExit(0)


def process() -> NoReturn:
    """`main`, and the end of the process: to take the interpreter down after JAX takes most of a second.

    What is registered for the exit is done, what was written is flushed; only memory is left to the system.
    """
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        code = end.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # a pipe that is closed, a full disk: as Python deals with it
        raise SystemExit(code) from None
    atexit._run_exitfuncs()
    os._exit(code)


def application() -> typer.Typer:
    """The commands of `mc.commands`, one a module, named as the module."""
    app = typer.Typer(
        help=HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=True
    )
    app.callback()(_options)
    for module in pkgutil.iter_modules(mc.commands.__path__):
        command = getattr(importlib.import_module(f"mc.commands.{module.name}"), module.name)
        # Docstrings are raw; click takes the character itself as the mark of lines that stay as they are.
        app.command(module.name, help=(command.__doc__ or "").replace(r"\b", "\b"))(command)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ferrocast {mc.__version__}\n")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


def _terminate(signum: int, _: FrameType | None) -> NoReturn:
    """A batch system takes the machine back: leave as after Ctrl-C, with its own exit code."""
    raise SystemExit(128 + signum)


if __name__ == "__main__":
    process()
