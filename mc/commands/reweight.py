"""`ferrocast reweight`: what new observations say about a finished run, without running it again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mc.commands import Json, Quiet, Verbose, existing_cube, log, say, say_json, say_table, start_log
from mc.errors import InputError

if TYPE_CHECKING:
    from mc.posterior.reweight import Reweighted


def reweight(
    cube: Annotated[Path, typer.Argument(help="Cube (.nc) that keeps draws.")],
    observed: Annotated[Path, typer.Option(help="Table of observations (.csv).")],
    priors: Annotated[Path | None, typer.Option(help="Priors of the run, where rows speak of years before it.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of error parameters and of resampling.")] = 1,
    out: Annotated[str | None, typer.Option(help="File to write; default: NAME.reweighted.nc beside the cube.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    r"""Weigh the kept draws of a cube by observations; print and write prior beside posterior.

    The table has the columns of observed.csv of the priors, and one for each axis that chooses an element (scenario,
    province, ...). A file errors.csv beside it says how groups of rows stray; without, they stray by their sd.
    The run file must have kept the observed outputs: [keep] outputs = ["crude_steel"].

    Smoothed importance weights (PSIS); k-hat and the effective number of draws are always shown. Where k-hat is above
    0.7 (less below 2,200 draws) the draws cannot stand for the posterior: exit code 1, nothing is written.

    \b
    Example:
      ferrocast reweight runs/out/reweight.nc --observed reported.csv
      ferrocast reweight runs/out/reweight.nc --observed stocks.csv --priors priors --out stocks.nc
    """
    start_log(quiet, verbose)
    from mc.reweight import make_reweighted, reweighted_file

    path = existing_cube(cube)
    target = Path(out).absolute() if out else reweighted_file(path)
    if target.suffix != ".nc":
        raise InputError(f"--out {out!r}: name a NetCDF file (.nc)")
    if target == path.absolute():
        raise InputError(f"--out {out!r}: is the cube itself; name another file")
    found = make_reweighted(path, observed, target, priors=priors, seed=seed, overwrite=overwrite)
    records = _records(target, found)
    sets = _sets(found)
    if json:
        say_json({"file": str(target), "khat": found.weights.khat, "ess": found.weights.ess,
                  "draws": found.weights.draws, "sets": sets, "outputs": records})  # fmt: skip
        return
    from mc.commands.show import statistics_table

    lines = [[one["set"], str(one["rows"]), f"{one['khat']:.2f}", f"{one['ess']:.0f}"] for one in sets]
    say_table(("observations", "rows", "k-hat", "effective draws"), lines, numbers=3)
    say("")
    statistics_table(records)
    log.info("%s", target)


def _sets(found: "Reweighted") -> list[dict[str, Any]]:
    fitted = [row.group for row in found.likelihood.rows if row.role == "fit"]
    each = [(name, fitted.count(name), weights) for name, weights in found.sets.items()]
    whole = [("all", len(fitted), found.weights)]
    return [{"set": name, "rows": rows, "khat": w.khat, "ess": w.ess} for name, rows, w in each + whole]


def _records(target: Path, found: "Reweighted") -> list[dict[str, Any]]:
    """National outputs in the last observed and the last year."""
    from mc.axes import YEAR
    from mc.cube import open_cube
    from mc.cube.select import rows

    dataset = open_cube(target)
    if YEAR not in dataset.coords:
        return rows(dataset, [], [], [], [])
    known = [int(year) for year in dataset[YEAR].values]
    seen = [row.year for row in found.likelihood.rows if row.year in known]
    years = sorted({max(seen, default=known[0]), known[-1]})
    records = rows(dataset, [], [], [str(year) for year in years], [])
    order: dict[tuple[Any, ...], int] = {}
    for record in records:
        order.setdefault(_without_belief(record), len(order))
    return sorted(records, key=lambda record: order[_without_belief(record)])


def _without_belief(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[name] for name in record if name not in ("belief", "unit", "statistics", "errors"))
