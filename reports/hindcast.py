"""The page `hindcast`: what a fit to early years said about later ones, against what was then reported."""

import json
from pathlib import Path

import numpy as np
import xarray as xr
from digits import number, percent, places, plain
from forecasts import NAMES, forecast_figure, in_words, scale_of, unit_of
from origin import count, made_by
from page import Cell, Group, Page, Row, Section, Table
from reading import Cube, NoPage
from tried import errors_section, left_out_section, residual_section

FILE = "hindcast.posterior.nc"
FORECASTS = ("posterior", "prior", "trend")
RIVALS = FORECASTS[1:]
GOOD = 0.8
"""Share of held-out years under which a series is told of."""


def beside(cube: Cube) -> Path:
    """Where the hindcast of a cube lies."""
    return cube.path.with_name(FILE)


def page(cube: Cube) -> Page:
    """The page of the hindcast beside a cube.

    Raises:
        NoPage: no hindcast lies there, or it held nothing out.
    """
    path = beside(cube)
    if not path.is_file():
        make = "ferrocast fit runs/hindcast.toml"
        raise NoPage(f"{cube.path}: no page `hindcast`: no {FILE} lies beside it; make it with: {make}")
    with xr.open_datatree(path, engine="netcdf4") as opened:
        tree = opened.load()
    if "hindcast" not in tree.children:
        raise NoPage(f"{path}: no page `hindcast`: it has no scores of years held out; fit it again, with some")
    scores, attributes = tree["hindcast"].to_dataset(), tree.attrs
    if "lowest_chance" not in scores:
        raise NoPage(f"{path}: no page `hindcast`: its scores are of an older version, without errors; fit it again")
    size = f"{count(attributes['chains'])} chains of {count(attributes['draws'])} draws"
    return Page(
        name="hindcast",
        title=f"Hindcast: what a fit to earlier years said of {_span(scores)}",
        subtitle=f"{attributes['title']} · {size}",
        lead=[_what(scores), _against(scores), _bands(scores)],
        headline=[score_table(tree), coverage_table(tree)],
        more=(),
        notes=NOTES,
        figures=[forecast_figure(tree)],
        warnings=[],
        provenance=[("Run", f"{attributes['title']} ({attributes['run_file']})"), ("Posterior", path.name),
                    ("Draws", f"{size} after {count(attributes['warmup'])} of warm-up, seed {attributes['seed']}"),
                    ("Sampler", f"{attributes['sampler']}; {_quality(attributes)}"), *made_by(attributes)],
        sections=[*residual_section(tree), errors_section(tree), *left_out_section(tree, cube.path),
                  *_replaced(attributes)],
    )  # fmt: skip


NOTES = (
    "CRPS, the continuous ranked probability score, is the mean distance between forecast and observation, less half "
    "of that between two draws of the forecast: in the unit of the series, 0 is perfect, less is better. It punishes a "
    "forecast that is far off, and one that is wider than it need be.",
    "Trend: a straight line through the series up to the last fitted year (through its logarithms where all are "
    "positive), with the errors of least squares; a dash where fewer than four years are fitted.",
    "Posterior less rival: mean of the differences in CRPS number by number, below 0 where the posterior is better, "
    "with its 90 % interval, which allows for years that hang together (equal-weighted cosines, Student’s t with few "
    "degrees of freedom); none for fewer than four years. Better and worse are said of intervals without 0 alone, "
    "each series for itself: of ten intervals one misses by chance, more where errors last for many years.",
    "Chance: each draw of the forecast is taken for what was reported and counted by the same bands; the chance is "
    "the share of draws of which the bands hold as few numbers or fewer. Years of one series, and series by the "
    "inputs that they share, hang together in a draw as the forecast says that they do.",
    "Held-out years of one series are not independent trials: an error that hangs together in time takes several years "
    "out of a band at once. So a low coverage proves little, and the test has little power: bands that are too narrow "
    "would often pass it. Over-confident is said where the chance of as few in all, or of so low a worst series, is "
    "under 5 %; where it is not said, that does not show that the bands are right. The draws that judge are the "
    "forecast’s own: one that takes its errors to last longer than they do is also harder to find too sure.",
    "What is over-confident, level or worse than a rival above is left as it is, to be read.",
)


HINDSIGHT = (
    "Priors that state outright what was learned in the held-out years are put back for this fit to what could be "
    "said before (the table). Hindsight is not thereby gone: all other priors, those of the errors among them, were "
    "written by people who knew these years, and numbers of earlier years count as they are reported today. Nor was "
    "the form of the errors chosen blind: errors that drift, and families of them summed out, were brought in after "
    "other forms had been scored on these same years. The ranges of their yearly steps have not been widened since."
)


def score_table(tree: xr.DataTree) -> Table:
    """CRPS by series and forecast, and the posterior less its rivals."""
    scores = tree["hindcast"].to_dataset()
    rows = []
    for series in map(str, scores["series"].values):
        one, factor = scores.sel(series=series), scale_of(tree, series)
        cells = [Cell(factor * float(one["crps"].sel(forecast=name)), most=3) for name in FORECASTS]
        gaps = [_difference(one.sel(rival=rival), factor) for rival in RIVALS]
        rows.append(Row(f"{NAMES.get(series, series)}, {unit_of(tree, series)}", [*cells, *gaps]))
    over = (("CRPS, unit of the series", 3), ("posterior less rival, 90 % interval", 2))
    return Table(
        "CRPS of the held-out numbers, means over them", "Series", (*FORECASTS, *RIVALS), [Group("", rows)], over=over
    )


def coverage_table(tree: xr.DataTree) -> Table:
    """Held-out numbers inside the 90 % bands by series and forecast, and the chance of as few."""
    scores = tree["hindcast"].to_dataset()
    rows = []
    for series in map(str, scores["series"].values):
        one, name = scores.sel(series=series), NAMES.get(series, series)
        rows.append(Row(name, [str(int(one["rows"])), *_shares(one["coverage"], one["coverage_chance"])]))
    rows.append(
        Row("All numbers", [str(scores.sizes["row"]), *_shares(scores["pooled_coverage"], scores["pooled_chance"])])
    )
    columns = ("numbers held out", *(name for forecast in FORECASTS for name in (forecast, "chance")))
    over = (("", 1), ("inside the 90 % band; chance of as few if right", 6))
    return Table(
        "Coverage of the held-out numbers; of the trend, of those that have one",
        "Series",
        columns,
        [Group("", rows)],
        over=over,
    )


def _shares(coverage: xr.DataArray, chance: xr.DataArray) -> list[str]:
    return [_share(float(values.sel(forecast=name))) for name in FORECASTS for values in (coverage, chance)]


def _difference(one: xr.Dataset, factor: float) -> str:
    """`−0.9 (−1.3 to −0.4)`: to the place of the first figure of the interval’s width."""
    mean, low, high = (factor * float(one[f"crps_difference{end}"]) for end in ("", "_low", "_high"))
    if np.isnan(low):
        return plain(mean, most=2) if np.isfinite(mean) else "–"
    digits = places(mean, (high - low) / 10)
    return f"{number(mean, digits)} ({number(low, digits)} to {number(high, digits)})"


def _share(share: float) -> str:
    return "–" if np.isnan(share) else f"{percent(share)} %"


def _span(scores: xr.Dataset) -> str:
    years = scores["year"].values
    return f"{years.min()}–{years.max()}"


def _what(scores: xr.Dataset) -> str:
    many = scores.sizes["series"]
    return (
        f"The same chain that projects forward was fitted to statistics up to {int(scores['year'].min()) - 1} only. "
        f"Its forecasts of {_span(scores)} are held here against {scores.sizes['row']} numbers of {many} series that "
        "were reported later, and against two rivals: the priors before the fit, and a straight line through each "
        "series’ own past. Crude steel, steel use, population and scrap imports of these years are given to it as "
        "data: what is tested is what it makes of them."
    )


def _against(scores: xr.Dataset) -> str:
    """On which series the posterior scores better, level and worse than its rivals, beyond errors."""
    known = scores["crps_verdict"] != ""
    told = [f"against the {rival} it is {_verdicts(scores, rival)}" for rival in RIVALS if known.sel(rival=rival).any()]
    text = f"The posterior in CRPS, by 90 % intervals of the difference: {'; '.join(told)}." if told else ""
    short = scores.isel(series=(~known.any("rival")).values)
    if many := short.sizes["series"]:
        lower = int((short["crps_difference"].sel(rival="prior") < 0).sum())
        text += (
            f" {_counted(many, 'series has', 'series have')} too few years to tell; the CRPS of the posterior is below "
            f"that of the prior on {'all' if lower == many else f'{lower} of'} {many}."
        )
    return text.strip()


def _verdicts(scores: xr.Dataset, rival: str) -> str:
    said = scores["crps_verdict"].sel(rival=rival)
    parts = []
    for word in ("better", "level", "worse"):
        names = [in_words(str(name)) for name in scores["series"].values[(said == word).values]]
        if names:
            many = f"{len(names)} of {int((said != '').sum())} series" if not parts else len(names)
            parts.append(f"{word} on {many} ({', '.join(names)})")
    return ", ".join(parts)


def _counted(many: int, one: str, several: str) -> str:
    return f"{many} {one if many == 1 else several}"


def _bands(scores: xr.Dataset) -> str:
    """How many numbers the bands of the posterior hold, of which series they miss, and what chance would make of it."""
    mine = scores.sel(forecast="posterior")
    low, high = (percent(float(mine["pooled_expected"].sel(bound=bound))) for bound in ("low", "high"))
    text = (
        f"Its 90 % bands hold {int(mine['pooled_inside'])} of {int(mine['pooled_rows'])} held-out numbers "
        f"({percent(float(mine['pooled_coverage']))} %). If it were right, {low} to {high} % would be usual, and as "
        f"few or fewer have a chance of {percent(float(mine['pooled_chance']))} %."
    )
    judged = mine.isel(series=mine["judged"].values.astype(bool))
    bad = judged.isel(series=(judged["coverage"] < GOOD).values).sortby("coverage")
    if bad.sizes["series"]:
        told = [_missed(mine, str(name)) for name in bad["series"].values]
        text += (
            f" Under {percent(GOOD)} %: {'; '.join(told)}. That the worst of {judged.sizes['series']} series holds as "
            f"little or less has a chance of {percent(float(mine['lowest_chance']))} %."
        )
    elif judged.sizes["series"]:
        text += f" They hold at least {percent(GOOD)} % of every series."
    few = int((~scores["judged"].astype(bool)).sum())
    left = f" {few} series with too few numbers to be judged by themselves count in the sum alone." if few else ""
    return f"{text} {_judgement(mine)}{left}"


def _judgement(mine: xr.Dataset) -> str:
    if float(mine["over_confident"]):
        return "It is over-confident: read its forecasts as surer than they have a right to be."
    return (
        "That does not make it over-confident, nor does it show that it is not: if what happens strayed "
        f"{number(float(mine['strays']), 1)} times as far as it says, so few independent years would give it away "
        f"with a chance of {percent(float(mine['power']))} %."
    )


def _missed(mine: xr.Dataset, series: str) -> str:
    rows = mine.isel(row=(mine["row_series"] == series).values)
    above, below = rows["observed"] > rows["high"], rows["observed"] < rows["low"]
    where = [f"{int(many.sum())} {word}" for many, word in ((above, "above"), (below, "below")) if many.any()]
    inside = f"{int((~above & ~below).sum())} of {rows.sizes['row']}"
    beyond = np.maximum(rows["observed"] / rows["high"], rows["low"] / rows["observed"]).max()
    edge = int(rows["on_edge"].sum())
    near = f"; {edge} so near an edge that other draws may decide otherwise" if edge else ""
    one = mine.sel(series=series)
    return (
        f"that of {in_words(series)} holds {percent(float(one['coverage']))} % ({inside}; {', '.join(where)} it, "
        f"beyond its edge by {percent(float(beyond) - 1)} % at most{near}; chance of as little "
        f"{percent(float(one['coverage_chance']))} %)"
    )


def _quality(attributes: dict[str, object]) -> str:
    rhat, ess = float(str(attributes["rhat"])), float(str(attributes["bulk_ess"]))
    return (
        f"R-hat at most {number(rhat, 4)}, bulk ESS at least {count(int(ess))}, {attributes['divergences']} divergences"
    )


def _replaced(attributes: dict[str, object]) -> list[Section]:
    """Priors that were put back to what was known at the time."""
    posterior = json.loads(str(attributes.get("run", "{}"))).get("posterior") or {}
    moved = posterior.get("regroup") or {}
    replaced = {name: to for name, to in (posterior.get("replace") or {}).items() if not name.startswith("error.")}
    if not replaced and not moved:
        return []
    rows = [Row(name, [f"{value:.10g}" for value in values]) for name, values in replaced.items()]
    text = HINDSIGHT
    for old, new in moved.items():
        text += f" Numbers of {old} count to {new}: the break between them was not known."
    tables = [Table("Replaced priors", "Prior", ("5 %", "middle", "95 %"), [Group("", rows)])] if rows else []
    return [Section("hindsight", "What was put back, and what was not", text, tables)]
