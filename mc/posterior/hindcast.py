"""Forecasts of held-out years: coverage of bands and CRPS of the posterior, the prior and a naive trend."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mc.axes import DRAW
from mc.posterior.coverage import BAND, FEW, coverage_of, inside, on_edge
from mc.posterior.groups import CHAIN, HELD_OUT
from mc.posterior.paired import mean_difference

Floats = NDArray[np.float64]

TREND_DRAWS = 4000
FORECASTS = ("posterior", "prior", "trend")
RIVALS = FORECASTS[1:]
DIFFERENCE = {
    "crps_difference": "mean", "crps_difference_se": "se", "crps_difference_low": "low", "crps_difference_high": "high",
    "crps_verdict": "verdict",
}  # fmt: skip
"""What a difference is kept as."""


def crps(draws: Floats, observed: Floats) -> Floats:
    """Continuous ranked probability score of draws [draw, row] against numbers [row]; less is better, in their unit.

    E|X - y| - E|X - X'| / 2, the second term over all pairs from the sorted draws (Gneiting and Raftery 2007).
    """
    count = len(draws)
    ordered = np.sort(draws, axis=0)
    weights = (2 * np.arange(1, count + 1) - count - 1)[:, None]
    pairs = 2 * (weights * ordered).sum(axis=0) / (count * (count - 1))
    return np.asarray(np.abs(draws - observed).mean(axis=0) - pairs / 2)


def trend_forecast(years: Floats, values: Floats, ahead: Floats, relative: bool, random: np.random.Generator) -> Floats:
    """Draws of a straight line through (the logarithms of) past values, with its errors [draw, row].

    The predictive distribution of ordinary least squares, Student's t with n - 2 degrees of freedom, all years of a
    draw under one line and one spread.
    """
    y = np.log(values) if relative else values
    count, middle = len(years), years.mean()
    width = ((years - middle) ** 2).sum()
    slope = ((years - middle) * (y - y.mean())).sum() / width
    left = y - y.mean() - slope * (years - middle)
    spread = np.sqrt((left**2).sum() / random.chisquare(count - 2, (TREND_DRAWS, 1)))
    level, turn = random.standard_normal((2, TREND_DRAWS, 1))
    error = level / np.sqrt(count) + turn * (ahead - middle) / np.sqrt(width)
    error = error + random.standard_normal((TREND_DRAWS, len(ahead)))
    found = y.mean() + slope * (ahead - middle) + spread * error
    return np.asarray(np.exp(found) if relative else found)


def hindcast(groups: "xr.DataTree | dict[str, xr.Dataset]", seed: int = 1) -> xr.Dataset:
    """How posterior, prior and trend foretold the held-out rows: CRPS, 90 % bands, and what chance makes of both.

    Data variables: by series and forecast `crps`, `coverage` and `coverage_chance`; by forecast the pooled coverage and
    its chances (`coverage.coverage_of`); by series and rival of the posterior `crps_difference` with `_se`, `_low` and
    `_high` (90 % interval) and `crps_verdict`, `better` where the posterior is, empty for too few years; `rows` and
    `judged` (series); by held-out row of any series `observed`, `low`, `median`, `high`, `on_edge`, `row_crps` (row,
    forecast), with coordinates year and group. A series with fewer than four fitted years before has no trend, nor has
    one with several elements, such as provinces.
    """
    random = np.random.default_rng((seed, 11))
    held = _dataset(groups, HELD_OUT)
    said = {str(series): _said(groups, str(series), random) for series in held.data_vars}
    rows = xr.concat([_rows(held, series, draws) for series, draws in said.items()], "row")
    parts = (_means(rows, list(said)), _coverage(held, said), _differences(rows, list(said)))
    return xr.merge([rows, *parts], join="outer", compat="no_conflicts")


def _dataset(groups: "xr.DataTree | dict[str, xr.Dataset]", name: str) -> xr.Dataset:
    group = groups[name]
    return group if isinstance(group, xr.Dataset) else group.to_dataset()


def _draws(values: xr.DataArray) -> Floats:
    rows = [str(dim) for dim in values.dims if dim not in (CHAIN, DRAW)]
    return np.asarray(values.transpose(CHAIN, DRAW, *rows).values.reshape(-1, values.shape[-1]))


def _said(groups: "xr.DataTree | dict[str, xr.Dataset]", series: str, random: np.random.Generator) -> dict[str, Floats]:
    """Draws of each forecast of a series [draw, row]."""
    held, fitted = _dataset(groups, HELD_OUT), _dataset(groups, "observed_data")
    found = {
        "posterior": _draws(_dataset(groups, "predictions")[series]),
        "prior": _draws(_dataset(groups, "prior_predictions")[series]),
    }
    whole = set(held[series].coords) == {f"{series}_year", f"{series}_group"}
    if whole and series in fitted and len(set(fitted[f"{series}_year"].values)) > 3:
        past, values = fitted[f"{series}_year"].values.astype(float), fitted[series].values
        ahead = held[f"{series}_year"].values.astype(float)
        found["trend"] = trend_forecast(past, values, ahead, bool((values > 0).all()), random)
    return found


def _rows(held: xr.Dataset, series: str, draws: dict[str, Floats]) -> xr.Dataset:
    """Held-out numbers of a series and what was said of each [row]."""
    observed = held[series].values
    own = {"row_series": [series] * observed.size, "year": held[f"{series}_year"].values.astype(int),
           "group": held[f"{series}_group"].values}  # fmt: skip
    scores = xr.concat([_scores(name, draws.get(name), observed) for name in FORECASTS], "forecast")
    return scores.assign({"observed": ("row", observed)}).assign_coords({k: ("row", v) for k, v in own.items()})


def _scores(name: str, draws: Floats | None, observed: Floats) -> xr.Dataset:
    if draws is None:
        draws = np.full((2, len(observed)), np.nan)
    low, median, high = np.quantile(draws, (BAND[0], 0.5, BAND[1]), axis=0)
    columns = {"row_crps": crps(draws, observed), "low": low, "median": median, "high": high}
    columns["on_edge"] = on_edge(draws, observed)
    return xr.Dataset({key: ("row", value) for key, value in columns.items()}, {"forecast": name})


def _means(rows: xr.Dataset, series: list[str]) -> xr.Dataset:
    """Mean scores and number of rows of each series."""
    mine = [rows["row_crps"].isel(row=(rows["row_series"] == one).values) for one in series]
    count = np.array([one.sizes["row"] for one in mine])
    means = xr.concat([one.mean("row") for one in mine], "series").assign_coords(series=series)
    return xr.Dataset({"crps": means, "rows": ("series", count), "judged": ("series", count >= FEW)})


def _coverage(held: xr.Dataset, said: dict[str, dict[str, Floats]]) -> xr.Dataset:
    found = []
    for forecast in FORECASTS:
        known = {name: inside(draws[forecast], held[name].values) for name, draws in said.items() if forecast in draws}
        if known:
            found.append(coverage_of(known).assign_coords(forecast=forecast))
    return xr.concat(found, "forecast", join="outer").reindex(forecast=list(FORECASTS), series=list(said))


def _differences(rows: xr.Dataset, series: list[str]) -> xr.Dataset:
    """CRPS of the posterior less that of each rival, number by number, with errors."""
    gap = rows["row_crps"].sel(forecast="posterior", drop=True) - rows["row_crps"]
    found = []
    for one in series:
        at = (rows["row_series"] == one).values
        years = rows["year"].values[at].astype(float)
        found.append([mean_difference(gap.sel(forecast=rival).values[at], years) for rival in RIVALS])
    numbers = {name: [[getattr(d, part) for d in line] for line in found] for name, part in DIFFERENCE.items()}
    values = {name: (("series", "rival"), value) for name, value in numbers.items()}
    return xr.Dataset(values, {"series": series, "rival": list(RIVALS)})


def table(scores: xr.Dataset) -> list[dict[str, float | str]]:
    """One line a series: rows, CRPS and coverage of each forecast, differences to rivals, verdicts, chances."""
    lines: list[dict[str, float | str]] = []
    for series in scores["series"].values:
        one = scores.sel(series=series)
        line: dict[str, float | str] = {"series": str(series), "rows": int(one["rows"])}
        for forecast in FORECASTS:
            line |= {f"{name}_{forecast}": float(one[name].sel(forecast=forecast))
                     for name in ("crps", "coverage", "coverage_chance")}  # fmt: skip
        for rival in RIVALS:
            line |= {f"{name}_{rival}": one[name].sel(rival=rival).item() for name in DIFFERENCE}
        lines.append(line)
    return lines


def table_lines(scores: xr.Dataset) -> list[str]:
    """The table as aligned text, a heading first, all numbers last; a dash where nothing is known."""
    lines = [
        f"{'held out':<22}{'rows':>4}  {'CRPS':>7}{'less prior (90 %)':>38}{'less trend (90 %)':>38}"
        f"  {'in band':>7}{'chance':>8}"
    ]
    for line in table(scores):
        gaps = "".join(f"{_difference(line, rival):>38}" for rival in RIVALS)
        lines.append(
            f"{line['series']:<22}{line['rows']:>4}  {_or_dash(float(line['crps_posterior'])):>7}{gaps}"
            f"  {100 * float(line['coverage_posterior']):>5.0f} %{float(line['coverage_chance_posterior']):>8.2f}"
        )
    all_rows = scores.sel(forecast="posterior")
    low, high = (100 * float(all_rows["pooled_expected"].sel(bound=bound)) for bound in ("low", "high"))
    lines.append(
        f"all: {int(all_rows['pooled_inside'])} of {int(all_rows['pooled_rows'])} in the 90 % bands; a posterior that "
        f"is right expects {low:.0f} to {high:.0f} %, chance of as few {float(all_rows['pooled_chance']):.2f}; chance "
        f"of a lowest series as low {_or_dash(float(all_rows['lowest_chance']), '.2f')}"
    )
    return lines


def _difference(line: dict[str, float | str], rival: str) -> str:
    mean, low, high = (float(line[f"crps_difference{end}_{rival}"]) for end in ("", "_low", "_high"))
    if np.isnan(low):
        return _or_dash(mean)
    return f"{mean:.2g} ({low:.2g} to {high:.2g}) {line[f'crps_verdict_{rival}']}"


def _or_dash(value: float, form: str = "#.3g") -> str:
    return "-" if np.isnan(value) else f"{value:{form}}"


def log_scores(groups: "xr.DataTree | dict[str, xr.Dataset]") -> dict[str, float]:
    """Log predictive density of all held-out rows of each series together, by series; more is better.

    Log mean over draws of the product over rows: for leaving a series out, hold it out and compare fits.
    """
    found = {}
    scores = _dataset(groups, "held_out_log_score")
    for series in map(str, scores.data_vars):
        each = _draws(scores[series]).sum(axis=1)
        found[series] = float(np.log(np.exp(each - each.max()).mean()) + each.max())
    return found
