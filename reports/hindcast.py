"""The page `hindcast`: what a fit to early years said about later ones, against what was then reported."""

import json
from pathlib import Path

import numpy as np
import xarray as xr
from digits import number, percent
from forecasts import NAMES, forecast_figure, in_words, scale_of, unit_of
from origin import count, made_by
from page import Cell, Group, Page, Row, Section, Table
from reading import Cube, NoPage
from tried import FEW, errors_section, left_out_section, residual_section

FILE = "hindcast.posterior.nc"
FORECASTS = ("posterior", "prior", "trend")
GOOD = 0.8
"""Share of held-out years that a 90 % band should hold at least."""


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
    size = f"{count(attributes['chains'])} chains of {count(attributes['draws'])} draws"
    return Page(
        name="hindcast",
        title=f"Hindcast: what a fit to earlier years said of {_span(scores)}",
        subtitle=f"{attributes['title']} · {size}",
        lead=[_what(scores), _against(scores), _bands(scores)],
        headline=[score_table(tree)],
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
    "Held-out years of one series are not independent trials: an error that hangs together in time takes several "
    "years out of a band at once.",
    "The priors were not widened after the held-out years were seen, and those years did not choose how errors move: "
    "what is over-confident or worse than a rival above is left as it is, to be read.",
)


def score_table(tree: xr.DataTree) -> Table:
    """CRPS and coverage by series and forecast."""
    scores = tree["hindcast"].to_dataset()
    rows = []
    for series in map(str, scores["series"].values):
        one, factor = scores.sel(series=series), scale_of(tree, series)
        cells: list[Cell | str] = [str(int(one["rows"]))]
        cells += [Cell(factor * float(one["crps"].sel(forecast=name)), most=3) for name in FORECASTS]
        cells += [_share(float(one["coverage"].sel(forecast=name))) for name in FORECASTS]
        rows.append(Row(f"{NAMES.get(series, series)}, {unit_of(tree, series)}", cells))
    return Table(
        "Scores of the held-out numbers, means over them",
        "Series",
        ("numbers held out", *FORECASTS, *FORECASTS),
        [Group("", rows)],
        over=(("", 1), ("CRPS, unit of the series", 3), ("inside the 90 % band", 3)),
    )


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
        "series’ own past."
    )


def _against(scores: xr.Dataset) -> str:
    """Where the posterior scores better and worse than its rivals."""
    crps = scores["crps"]
    told = []
    for rival in ("prior", "trend"):
        known = crps.sel(forecast=rival).notnull()
        worse = [str(name) for name in scores["series"].values[(crps.sel(forecast="posterior") > crps.sel(
            forecast=rival)).values]]  # fmt: skip
        many = int(known.sum())
        if worse:
            by = [
                f"{in_words(name)} (by {percent(float(ours / theirs) - 1)} %)"
                for name in worse
                for ours, theirs in [crps.sel(series=name, forecast=["posterior", rival]).values]
            ]
            told.append(f"than the {rival} on {many - len(worse)} of {many}, but worse on {' and '.join(by)}")
        else:
            told.append(f"than the {rival} on all {many} series")
    return f"In CRPS the posterior does better {', and better '.join(told)}."


def _bands(scores: xr.Dataset) -> str:
    """Where the posterior is over-confident, in plain words."""
    shares = scores["coverage"].sel(forecast="posterior")
    judged = shares.isel(series=(scores["rows"] >= FEW).values)
    bad = judged.isel(series=(judged < GOOD).values).sortby(judged)
    if not bad.size:
        return f"Its 90 % bands hold at least {percent(GOOD)} % of the held-out years of every series."
    told = [
        _missed(scores, str(name), float(share)) for name, share in zip(bad["series"].values, bad.values, strict=True)
    ]
    good = [
        in_words(str(name)) for name, share in zip(judged["series"].values, judged.values, strict=True) if share >= GOOD
    ]
    rest = f" Its bands hold for {' and '.join(good)}." if good else ""
    return (
        f"It is over-confident: a 90 % band should hold nine of ten years, but {'; '.join(told)}. Read its forecasts "
        f"of {'these' if len(told) > 1 else 'this'} as surer than they have a right to be.{rest} Series with fewer "
        f"than {FEW} held-out numbers are in the table, and not judged."
    )


def _missed(scores: xr.Dataset, series: str, share: float) -> str:
    rows = scores.sel(forecast="posterior").isel(row=(scores["row_series"] == series).values)
    above, below = (int((rows["observed"] > rows["high"]).sum()), int((rows["observed"] < rows["low"]).sum()))
    where = [f"{many} above" for many in (above,) if many] + [f"{many} below" for many in (below,) if many]
    inside = f"{rows.sizes['row'] - above - below} of {rows.sizes['row']}"
    beyond = np.maximum(rows["observed"] / rows["high"], rows["low"] / rows["observed"]).max()
    return (
        f"that of {in_words(series)} holds {percent(share)} % ({inside}; {', '.join(where)} it, beyond its edge by "
        f"{percent(float(beyond) - 1)} % at most)"
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
    text = "Priors that know what was learned in the held-out years are replaced for this fit."
    for old, new in moved.items():
        text += f" Numbers of {old} count to {new}: the break between them was not known."
    tables = [Table("Replaced priors", "Prior", ("5 %", "middle", "95 %"), [Group("", rows)])] if rows else []
    return [Section("hindsight", "No hindsight", text, tables)]
