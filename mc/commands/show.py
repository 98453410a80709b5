"""`ferrocast show`: statistics of a cube as a table."""

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mc.commands import Json, Quiet, existing_cube, log, say, say_json, say_table, start_log
from mc.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

SHOWN = ("mean", "sd", "p05", "p50", "p95")
SHARES = ("first", "total")
PROBABILITIES = ("probability",)
RANK = {"output": 0, "scenario": 1, "province": 3, "name": 4, "year": 5, "belief": 6}
"""Order of the columns of labels; axes that are not named here stand in the middle."""

NOT_INDEX = ("unit", "statistics", "errors")


def show(
    cube: Annotated[Path, typer.Argument(help="Cube (.nc).")],
    output: Annotated[
        list[str] | None, typer.Option(help="Output; may be repeated, may be a pattern: 'co2_*'.")
    ] = None,
    province: Annotated[list[str] | None, typer.Option(help="Province: code or name; may be repeated.")] = None,
    year: Annotated[list[str] | None, typer.Option(help="Year, or years: 2030, 2025:2035; may be repeated.")] = None,
    scenario: Annotated[list[str] | None, typer.Option(help="Scenario; may be repeated.")] = None,
    differences: Annotated[bool, typer.Option("--differences", help="Paired differences to the reference.")] = False,
    shares: Annotated[bool, typer.Option("--shares", help="Shares of the variance, driver by driver.")] = False,
    contents: Annotated[bool, typer.Option("--list", help="List the outputs instead.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    r"""Show mean, spread and 5-50-95 % points, each with its Monte Carlo standard error.

    Without --output: the national outputs of the first scenario in the first and the last year. Digits that the
    standard error does not justify are left out; outputs without quantiles show '-'.

    \b
    Example:
      ferrocast show cube.nc
      ferrocast show cube.nc --list
      ferrocast show cube.nc --output co2_direct_power --year 2030 --year 2050
      ferrocast show cube.nc --output 'co2_*_by_province' --province CN-HE --year 2030
      ferrocast show cube.nc --shares --output co2_direct_power --year 2050
    """
    start_log(quiet)
    from mc.cube import open_cube
    from mc.cube.select import rows, table_of_contents

    path = existing_cube(cube)
    if differences and shares:
        raise InputError("--differences and --shares: take one; shares of a difference are those of difference_NAME")
    group = "differences" if differences else "variance_shares" if shares else ""
    dataset = open_cube(path, group)
    whole = open_cube(path) if group else dataset
    if contents:
        _describe(whole, set(whole.data_vars))
        _list(table_of_contents(dataset), json)
        return
    found = rows(dataset, output or [], province or [], year or [], scenario or [])
    _describe(whole, {row["output"] for row in found})
    if not found:
        raise InputError(f"{cube}: nothing fits; --list shows what there is")
    if json:
        say_json(found)
        return
    statistics_table(found)


def _describe(dataset: "xr.Dataset", shown: AbstractSet[Hashable]) -> None:
    attributes = dataset.attrs
    log.info(
        "%s: %s of %s draws valid, sampler %s, seed %s, %s",
        attributes.get("title", "?"), attributes.get("draws_valid", "?"), attributes.get("draws", "?"),
        attributes.get("sampler", "?"), attributes.get("seed", "?"), attributes.get("history", "").split(" ")[0],
    )  # fmt: skip
    for warning in str(attributes.get("warnings", "")).splitlines():
        # A warning of one output starts with its name; those of outputs that are not shown would bury the rest.
        about = warning.partition(":")[0]
        if about in shown or about not in dataset:
            log.warning("note: %s", warning)


def _list(found: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        say_json(found)
        return
    columns = ("output", "unit", "axes", "statistics", "meaning")
    say_table(
        columns,
        [
            [item["output"], item["unit"], ", ".join(item["axes"]), _short(item["statistics"]), item["meaning"]]
            for item in found
        ],
    )


def _short(statistics: Sequence[str]) -> str:
    return "mean, sd, quantiles" if "p50" in statistics else ", ".join(statistics[:2])


def statistics_table(found: Sequence[dict[str, Any]]) -> None:
    """Statistics first, shares and probabilities after them: each a table of index columns, unit, and value ± error."""
    for names in (SHOWN, SHARES, PROBABILITIES):
        rows = [row for row in found if any(name in row["statistics"] for name in names)]
        if rows:
            _block(rows, [name for name in names if any(name in row["statistics"] for row in rows)])
    say("± Monte Carlo standard error")


def _block(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    index = list(dict.fromkeys(name for row in rows for name in row if name not in NOT_INDEX))
    index.sort(key=lambda name: RANK.get(name, 2))
    columns = [*index, "unit"]
    same = [name for name in columns if len(rows) > 1 and len({row.get(name) for row in rows}) == 1]
    if same:
        say(", ".join(f"{name} {rows[0][name]}" for name in same))
        say("")
    varied = [name for name in columns if name not in same]
    lines = [[*(str(row.get(name, "")) for name in varied), *_cells(row, names)] for row in rows]
    say_table([*varied, *names], lines, numbers=len(names))
    say("")


def _cells(row: dict[str, Any], names: Sequence[str]) -> list[str]:
    """Values with as many digits as their errors justify; an error of exactly 0 borrows the digits of the others."""
    from mc.digits import with_error

    errors = {name: row["errors"].get(name) or 0.0 for name in names}
    coarsest = max(errors.values())
    cells = []
    for name in names:
        value = row["statistics"].get(name)
        text, spread = with_error(float("nan") if value is None else value, errors[name] or coarsest)
        cells.append(f"{text} ±{spread}" if spread and errors[name] else text)
    return cells
