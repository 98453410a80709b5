"""`ferrocast pareto`: fronts, scrap prices and instruments of chosen years, with their spread over draws."""

import functools
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mc.commands import Json, Quiet, Verbose, start_log
from mc.commands.run import answer
from mc.errors import InputError

if TYPE_CHECKING:
    from mc.model.tradeoffs import Question
    from mc.pose import Posed
    from mc.runfile import Run
    from mc.tables import Priors

BY_PROVINCE = ("scrap_support_price", "use_premium")
EACH = ("front_first", "front_second")
BLOCK = 16
"""Draws a block: each brings dozens of problems of its own."""


def pareto(
    file: Annotated[Path, typer.Argument(help="Run file (TOML).")],
    years: Annotated[str, typer.Option(help="Years, comma between them.")] = "2030,2060",
    objectives: Annotated[str, typer.Option(help="Two of co2, cost, pollutants, neutrality.")] = "co2,cost",
    levels: Annotated[
        str, typer.Option(help="Amounts of the first objective that must be avoided at least, comma between them.")
    ] = "",
    each: Annotated[bool, typer.Option("--each", help="Also keep the front of every draw.")] = False,
    draws: Annotated[int, typer.Option(help="Draws.")] = 256,
    seed: Annotated[int | None, typer.Option(help="Seed; FERROCAST_SEED.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or gpu; FERROCAST_DEVICE.")] = None,
    priors: Annotated[str | None, typer.Option(help="Folder of priors; FERROCAST_PRIORS.")] = None,
    out: Annotated[str | None, typer.Option(help="Cube to write; default: NAME.pareto.nc beside the run's.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cube that exists.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the saved state, if there is one.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    r"""Trade-offs of coordinated scrap in chosen years: Pareto fronts, scrap prices, what instruments reach.

    Each draw lives the coordinated path to each year; the front, its knee and its ends, the prices at which a market
    would choose the plan, and the CO2 that uniform carbon prices, regional pools and the other policies leave behind
    come with quantiles and standard errors over draws. With --levels, the most of the second objective where so much
    of the first is avoided, and how likely that can be had. Prints the path of the cube.

    \b
    Example:
      ferrocast pareto runs/baseline.toml
      ferrocast pareto runs/baseline.toml --years 2035 --objectives co2,neutrality --draws 1024
      ferrocast pareto runs/baseline.toml --objectives co2,cost --levels 250,300 --each
    """
    start_log(quiet, verbose)
    from mc.runfile import load_run

    question = _question(years, objectives, levels)
    given = {
        "ensemble.draws": draws,
        "ensemble.block": BLOCK,
        "ensemble.scramblings": BLOCK,
        "ensemble.seed": seed,
        "ensemble.device": device,
        "model.priors": priors,
        "output.cube": out,
        "sensitivity.outputs": (),  # what a run asks of shares of the variance is of other outputs
    }
    run = load_run(file, {key: value for key, value in given.items() if value is not None})
    asked, model = _asked(run, named=out is not None, each=each), functools.partial(_pose, question=question)
    answer(asked, json, overwrite=overwrite, resume=resume, model=model)


def _question(years: str, objectives: str, levels: str) -> "Question":
    from mc.model.tradeoffs import Question

    parts = [part.strip() for part in years.split(",")]
    if not all(re.fullmatch(r"[0-9]{4}", part) for part in parts):
        raise InputError(f"--years {years!r}: write years with commas between them, such as 2030,2060")
    if len(set(parts)) < len(parts):
        raise InputError(f"--years {years!r}: a year stands there twice")
    pair = tuple(part.strip() for part in objectives.split(","))
    if len(pair) != 2:
        raise InputError(f"--objectives {objectives!r}: name two with a comma between them, such as co2,cost")
    return Question(tuple(int(part) for part in parts), (pair[0], pair[1]), levels=_amounts(levels))


def _amounts(levels: str) -> tuple[float, ...]:
    """Amounts with commas between them, each once."""
    try:
        found = tuple(float(part) for part in levels.split(",")) if levels else ()
    except ValueError:
        found = (math.nan,)
    if not all(math.isfinite(level) for level in found) or len(set(found)) < len(found):
        raise InputError(f"--levels {levels!r}: write different numbers with commas between them, such as 250,300")
    return found


def _pose(run: "Run", priors: "Priors | None", question: "Question") -> "Posed":
    from mc.pose import pose_tradeoffs

    return pose_tradeoffs(run, priors, question)


def _asked(run: "Run", *, named: bool, each: bool) -> "Run":
    """The run without what it asks of other outputs, and with a cube of its own."""
    cube = run.cube if named else run.cube.with_name(f"{run.cube.stem}.pareto.nc")
    statistics = type(run.statistics)(quantiles=BY_PROVINCE)
    keep = type(run.keep)(outputs=EACH if each else ())
    ensemble = run.ensemble.model_copy(update={"until": ()})
    update = {"cube": cube, "ensemble": ensemble, "statistics": statistics, "exceedance": {}, "keep": keep}
    return run.model_copy(update=update)
