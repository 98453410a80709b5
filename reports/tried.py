"""Parts of the page `hindcast`: how errors move, residuals, series left out."""

import csv
from pathlib import Path

import numpy as np
import xarray as xr
from digits import number, percent
from forecasts import NAMES, in_words, scale_of, unit_of
from page import Cell, Group, Row, Section, Table

LONG = 8
"""Numbers from which residuals of a series are shown year by year."""
SAMPLE = ("chain", "draw")
MOVES = {"returns": "returns to its mean", "walks": "walks", "slopes": "walks about a slope", "trends": "trends"}
"""Families of errors in words."""


def read_table(file: Path) -> list[dict[str, str]]:
    """Rows of a table; none without one."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def errors_section(tree: xr.DataTree) -> Section:
    """How errors move in this fit."""
    text = (
        "How errors of statistics hang together in time decides how wide a forecast of ten years is, and which "
        "family they are of is not known: it is summed out, as any choice of structure here. Families of a series "
        "have the same prior weight, the fit weighs them anew, and a forecast draws from all. Fits to all years do "
        "the same: what is tested here is what people use."
    )
    return Section("tried", "How errors move", text, [_moves(tree)])


def _moves(tree: xr.DataTree) -> Table:
    """What the fit found for the steps of each group, and for the family of its error."""
    posterior, prior = tree["posterior"].to_dataset(), tree["prior"].to_dataset()
    weights = tree["families"].to_dataset() if "families" in tree.children else xr.Dataset(coords={"group": []})
    rows = []
    for name in sorted(str(name) for name in posterior.data_vars if str(name).endswith(".drift")):
        group = name.removeprefix("error.").removesuffix(".drift")
        means = [f"{number(100 * float(values[name].mean()), 1)} %" for values in (prior, posterior)]
        shares = ["–"] * len(MOVES)
        if group in weights["group"].values:
            mine = weights.sel(group=group, family=list(MOVES))
            shares = [
                f"{percent(float(after))} %" if before else "–"
                for before, after in zip(mine["prior"].values, mine["posterior"].values, strict=True)
            ]
        rows.append(Row(group.replace("_", " "), [*means, *shares]))
    return Table(
        "How the errors of each group move in this fit", "Group", ("prior", "posterior", *MOVES.values()),
        [Group("", rows)], over=(("yearly step", 2), ("weight of the family, equal before the fit", len(MOVES))),
    )  # fmt: skip


def residual_section(tree: xr.DataTree) -> list[Section]:
    """Reported over modelled numbers, without any error, year by year: what the errors have to carry."""
    found = {name: _residuals(tree, str(name)) for name in tree["held_out_data"].data_vars}
    found = {name: series for name, series in found.items() if series.size >= LONG and "year" in series.dims}
    if not found:
        return []
    first = int(tree["hindcast"]["year"].min())
    told = []
    for name, series in found.items():
        early = series.isel(year=series["year"].values < first)
        if early.size > 2:
            slope = 100 * float(np.polyfit(early["year"], np.log(early), 1)[0])
            told.append(f"{in_words(str(name))} {'+' if slope > 0 else '−'}{number(abs(slope), 1)} %")
    years = sorted({int(year) for series in found.values() for year in series["year"].values})
    rows = [
        Row(str(year), [Cell(float(series.sel(year=year)), most=3) if year in series["year"] else "–"
                        for series in found.values()])
        for year in years
    ]  # fmt: skip
    table = Table(
        "Reported number over the median of the model, no error added", "Year",
        tuple(NAMES.get(str(name), str(name)) for name in found), [Group("", rows)],
    )  # fmt: skip
    text = (
        "A ratio that stays is a bias, which the fit learns. One that moves is what the model lacks: lifetimes, "
        "recovery, yields, foundry iron and hot-metal charge are those of one year throughout, scrap of unreported "
        f"furnaces and the coverage of the survey are not followed. Yearly movement inside the fitted years: "
        f"{', '.join(told)}. The electric share has no ratio to learn from: it is a path of its own."
    )
    return [Section("residuals", f"Where it misses: residuals, held out from {first} on", text, [table])]


def _residuals(tree: xr.DataTree, series: str) -> xr.DataArray:
    """Reported over modelled median [year]; a year with several numbers is left out."""
    modelled = tree["modelled"][series].median(SAMPLE)
    parts = [tree[group][series] for group in ("observed_data", "held_out_data") if series in tree[group].data_vars]
    found = xr.concat([part.rename({f"{series}_year": "year"}).drop_vars(f"{series}_group") for part in parts], "year")
    found = found.sortby("year")
    if "year" not in modelled.dims or len(set(found["year"].values)) < found.size:
        return xr.DataArray([])
    return found / modelled.sel(year=found["year"])


def left_out_section(tree: xr.DataTree, cube: Path) -> list[Section]:
    """What fits of the whole past without one series say of it, where `ferrocast fit --leave-one-out` was run."""
    rows = read_table(cube.with_name(f"{cube.stem}.left_out.csv"))
    lines = []
    for row in rows:
        scale = scale_of(tree, row["series"])
        lines.append(
            Row(f"{NAMES.get(row['series'], row['series'])}, {unit_of(tree, row['series'])}", [
                row["numbers"], *(number(float(row[name]), 2) for name in ("log_score", "log_score_prior")), _gain(row),
                *(Cell(scale * float(row[name]), most=3) for name in ("crps", "crps_prior")),
                *(f"{percent(float(row[name]))} %" for name in ("inside", "inside_prior")),
            ])
        )  # fmt: skip
    if not lines:
        return []
    table = Table(
        "Scores of series left out, means over their numbers", "Series",
        ("numbers", "posterior", "prior", "gain ± its error", "posterior", "prior", "posterior", "prior"),
        [Group("", lines)],
        over=(("", 1), ("log score", 3), ("CRPS, unit of the series", 2), ("inside the 90 % band", 2)),
    )  # fmt: skip
    text = (
        "The whole past was fitted once more without each series, biases and errors of its own at their priors, and "
        f"the series then foretold from the others. {_left_out_verdict(rows)}"
    )
    return [Section("left-out", "Each series from the others", text, [table])]


def _gain(row: dict[str, str]) -> str:
    """`1.2 ± 0.4`: what the posterior gains on the prior, with the standard error where there is one."""
    gain, error = float(row["log_score"]) - float(row["log_score_prior"]), float(row.get("log_score_gain_se", "nan"))
    text = number(gain, 2)
    return f"{text} ± {number(error, 2)}" if np.isfinite(error) else text


def _left_out_verdict(rows: list[dict[str, str]]) -> str:
    found = {word: [in_words(row["series"]) for row in rows if row.get("verdict") == word]
             for word in ("better", "level", "worse")}  # fmt: skip
    told = [f"{word} on {', '.join(names)}" for word, names in found.items() if names]
    rest = len(rows) - sum(map(len, found.values()))
    if not told:
        return "In log score (more is better) no series has an error that would tell posterior and prior apart."
    few = f"; of {rest} more the years are too few to tell" if rest else ""
    return (
        "In log score (more is better), by 90 % intervals of the difference, what the other series say is, against the "
        f"prior, {'; '.join(told)}{few}."
    )
