"""`ferrocast merge`: the cube of a run from the states of its parts."""

from pathlib import Path
from typing import Annotated

import typer

from mc.commands import Json, Quiet, Verbose, log, say, say_json, start_log


def merge(
    states: Annotated[list[Path], typer.Argument(help="State files (.state), in any order.")],
    out: Annotated[Path | None, typer.Option(help="Cube to write (.nc); default: that of the run.")] = None,
    priors: Annotated[Path | None, typer.Option(help="Folder of priors; default: that of the run.")] = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Write a cube of the draws there are, labelled as partial.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cube that exists.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    r"""Join the states of the parts of a run and write its cube, the same bits as from one process.

    Draws that are missing or held twice, and files that are damaged or of another run, are named and refused. The
    states stay as they are. Prints the path of the cube.

    \b
    Example:
      ferrocast run runs/baseline.toml --part 1/2
      ferrocast run runs/baseline.toml --part 2/2
      ferrocast merge runs/out/baseline.part-*.state
    """
    start_log(quiet, verbose)
    from mc.parts import merge_parts

    cube = merge_parts(states, cube=out, priors=priors, overwrite=overwrite, allow_partial=allow_partial)
    log.info("%d states joined", len(states))
    if json:
        say_json({"cube": str(cube), "states": len(states)})
    else:
        say(str(cube))
