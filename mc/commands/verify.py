"""`ferrocast verify`: are the files of a run what was written?"""

from pathlib import Path
from typing import Annotated

import typer

from mc.commands import Json, Quiet, files_of_runs, say_json, say_table, start_log
from mc.errors import RunFailed


def verify(
    paths: Annotated[list[Path], typer.Argument(help="Cubes (.nc), states (.state), or folders of them.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    r"""Check the seal (SHA-256) of every cube and state; exit code 1 when one is damaged.

    A single changed byte is found: a file that was cut short, edited, or written by something else.

    \b
    Example:
      ferrocast verify runs/out
      ferrocast verify runs/out/baseline.nc
    """
    start_log(quiet)
    from mc.disk import damage

    found = {str(file): damage(file) for file in files_of_runs(paths)}
    if json:
        say_json([{"file": file, "whole": not wrong, "damage": wrong} for file, wrong in found.items()])
    else:
        say_table(("file", "finding"), [(file, wrong or "whole") for file, wrong in found.items()])
    if broken := [file for file, wrong in found.items() if wrong]:
        raise RunFailed(f"{len(broken)} of {len(found)} files damaged: {', '.join(broken)}")
