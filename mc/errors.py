"""What can go wrong, by the exit code that a command answers with; the message says where, what, and what to do."""

from collections.abc import Callable
from typing import Any


class FerrocastError(Exception):
    """Anything that is reported in plain words, without a traceback."""

    exit_code = 1


class RunFailed(FerrocastError):
    """The run started and could not be completed; exit code 1."""


class InputError(FerrocastError, ValueError):
    """What the user wrote cannot be used (tables, run file, options, cube); exit code 2."""

    exit_code = 2


class Taken(InputError):
    """Another process is writing the file."""


class DiskError(FerrocastError, OSError):
    """No room, or the disk refused to write; exit code 74 (EX_IOERR)."""

    exit_code = 74


class Stopped(FerrocastError):
    """The user or the system asked to stop; exit code 130 (Ctrl-C) or 143 (SIGTERM)."""

    exit_code = 130


def answers(*steps: Callable[[], Any]) -> list[Any]:
    """What each step returns, where none refuses its input.

    Raises:
        InputError: with the lines of all steps that do, each line once.
    """
    found, lines = [], []
    for step in steps:
        try:
            found.append(step())
        except InputError as error:
            lines += str(error).splitlines()
    if lines:
        raise InputError("\n".join(dict.fromkeys(lines)))
    return found
