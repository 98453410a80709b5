"""`ferrocast check`: read priors or a run file and say everything that is wrong."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mc.commands import Json, Verbose, log, say, say_json, say_table, start_log
from mc.places import is_folder

if TYPE_CHECKING:
    from mc.pose import Posed
    from mc.runfile import Run
    from mc.tables import Priors, Row


def check(
    path: Annotated[Path, typer.Argument(help="Folder of priors, or run file (TOML).")],
    metal: Annotated[str, typer.Option(help="Metal of a folder of priors.")] = "steel",
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    r"""Check a folder of priors, or a run file with its priors; exit code 2 and every problem where there are any.

    What was observed, and how it strays (observed.csv, errors.csv), is read too: what `ferrocast fit` would refuse
    before it samples is refused here. A run that says how to fit ([posterior]) takes some seconds more.

    With -v: the 5-50-95 % points that every uncertain row implies.

    \b
    Example:
      ferrocast check priors
      ferrocast check runs/baseline.toml -v
    """
    start_log(verbose=verbose)
    priors, observed = _priors_in(path, metal) if is_folder(path) else _priors_of(path)
    uncertain = [row for row in priors.rows if row.uncertain] if priors is not None else []
    count = len(priors.rows) if priors is not None else 0
    if json:
        say_json({"path": str(path), "rows": count, "uncertain": len(uncertain), "observed": observed,
                  "points": _points(uncertain)})  # fmt: skip
        return
    if verbose:
        columns = ("row", "family", "unit", "kind", "source", "where", "5 %", "50 %", "95 %")
        say_table(columns, [_cells(item) for item in _points(uncertain)], numbers=3)
    say(f"{path}: no problem in {count} rows, {len(uncertain)} of them uncertain{_and(observed)}")


def _and(observed: int) -> str:
    return f"; {observed} observations" if observed else ""


def _priors_in(folder: Path, metal: str) -> "tuple[Priors, int]":
    """The priors of a folder, and how many observations a fit to its past could read."""
    from mc.past import check_past
    from mc.runfile.schema import Run
    from mc.tables import read_priors

    priors = read_priors(folder, metal)
    asked: dict[str, Any] = {
        "model": {"metal": metal, "priors": str(folder)},
        "scenarios": {"any": {"policy": "autarky"}},
    }
    if tables := tuple(sorted(file.name for file in (folder / metal).glob("observed*.csv"))):
        asked["posterior"] = {"observed": tables}
    place = {"file": folder, "priors": folder.absolute(), "cube": folder, "origins": {}}
    return priors, check_past(Run.model_validate(asked | place))


def _priors_of(file: Path) -> "tuple[Priors | None, int]":
    """The priors behind a run file, after the study of the run and that of its past could be made from them."""
    from mc.devices import prepare
    from mc.errors import answers
    from mc.past import check_past
    from mc.runfile import load_run

    run = load_run(file)
    prepare("cpu")
    posed, observed = answers(lambda: _posed(run), lambda: check_past(run))
    outputs = len(posed.study.outputs)
    log.info("study %s: %d inputs, %d outputs", posed.study.name, len(posed.study.inputs), outputs)
    return posed.priors, observed


def _posed(run: "Run") -> "Posed":
    from mc.drawing import job_of
    from mc.pose import pose

    posed = pose(run)
    job_of(run, posed)
    return posed


def _points(rows: "list[Row]") -> "list[dict[str, object]]":
    """Implied percentiles of each row; of an option of a choice, its weight."""
    from mc.distributions import points

    found: list[dict[str, object]] = []
    for row in rows:
        p05, p50, p95 = (row.low, row.mid, row.high) if row.family == "choice" else points(row.prior)
        found.append(
            {
                "row": row.label,
                "family": row.family,
                "unit": row.unit,
                "kind": row.kind,
                "source": row.source,
                "where": f"{row.table}:{row.line}",
                "p05": None if p05 != p05 else p05,
                "p50": p50,
                "p95": None if p95 != p95 else p95,
            }
        )
    return found


def _cells(item: "dict[str, object]") -> list[str]:
    from mc.digits import plain

    return [
        plain(value, 4) if isinstance(value, float) else "-" if value is None else str(value) for value in item.values()
    ]
