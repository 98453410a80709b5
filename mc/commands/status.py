"""`ferrocast status`: how far runs are."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mc.commands import Json, Quiet, files_of_runs, say, say_json, say_table, start_log
from mc.errors import InputError

if TYPE_CHECKING:
    from mc.state import EnsembleState


def status(
    paths: Annotated[list[Path], typer.Argument(help="States (.state), cubes (.nc), or folders of them.")],
    outputs: Annotated[bool, typer.Option("--outputs", help="Also how accurate each output of a state is.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    r"""Say how many draws are done, which failed, when they were saved, and whether the file is whole.

    With --outputs: for each output of a state the largest standard error of a mean, as a share of the largest mean of
    that output.

    \b
    Example:
      ferrocast status runs/out
      ferrocast status runs/out/baseline.state --outputs
    """
    start_log(quiet)
    found = [_of_state(file, outputs) if file.suffix == ".state" else _of_cube(file) for file in files_of_runs(paths)]
    if json:
        say_json(found)
        return
    columns = ("file", "state", "draws", "missing", "failed", "time", "saved")
    say_table(columns, [[str(item[name]) for name in columns] for item in found])
    for item in found:
        if item.get("outputs"):
            say("")
            say(item["file"])
            say_table(
                ("output", "error"), [(name, f"{error:.2%}") for name, error in item["outputs"].items()], numbers=1
            )


def _of_state(file: Path, outputs: bool) -> dict[str, Any]:
    from mc.checkpoint import read_state
    from mc.state import missing_ranges

    try:
        head, state = read_state(file)
    except InputError as error:
        return _unknown(file, str(error))
    low, high = head.origin.asked
    gaps = missing_ranges(head.ranges, low, high)
    found = {
        "file": str(file),
        "state": "unfinished" if gaps else "finished",
        "draws": f"{head.done} of {high - low}",
        "missing": ", ".join(f"{first}-{last - 1}" for first, last in gaps) or "-",
        "failed": head.failed,
        "time": _time(head.origin.seconds),
        "saved": head.origin.saved,
    }
    return found | ({"outputs": _errors(state)} if outputs else {})


def _errors(state: "EnsembleState") -> dict[str, float]:
    """Largest standard error of a mean over the largest mean, by series; NaN where both are zero."""
    import numpy as np

    from mc.statistics.moments import Moments

    errors = {}
    for series, statistics in state.statistics.items():
        key = Moments.key
        found = Moments().finish(statistics[key], state.pilot.constants[series][key], state.count)
        with np.errstate(invalid="ignore", divide="ignore"):
            errors[series] = float(np.max(found.mcse["mean"]) / np.max(np.abs(found.value["mean"])))
    return errors


def _of_cube(file: Path) -> dict[str, Any]:
    from mc.cube import open_cube
    from mc.disk import damage

    if wrong := damage(file):
        return _unknown(file, wrong)
    attributes = open_cube(file).attrs
    return {
        "file": str(file),
        "state": "partial cube" if "partial" in attributes else "cube",
        "draws": f"{attributes['draws_valid'] + attributes['draws_failed']} of {attributes['draws']}",
        "missing": attributes.get("partial", "-"),
        "failed": attributes["draws_failed"],
        "time": _time(attributes["wall_time_s"]),
        "saved": str(attributes["history"]).partition(" ")[0],
    }


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _unknown(file: Path, wrong: str) -> dict[str, Any]:
    columns = ("draws", "missing", "failed", "time", "saved")
    return {"file": str(file), "state": wrong.removeprefix(f"{file}: ")} | dict.fromkeys(columns, "-")
