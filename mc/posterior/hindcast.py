"""Forecasts of held-out years: coverage of bands and CRPS of the posterior, the prior and a naive trend."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mc.axes import DRAW
from mc.posterior.groups import CHAIN, HELD_OUT

Floats = NDArray[np.float64]

BAND = (0.05, 0.95)
TREND_DRAWS = 4000
FORECASTS = ("posterior", "prior", "trend")


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

    The predictive distribution of ordinary least squares: Student's t with n - 2 degrees of freedom.
    """
    y = np.log(values) if relative else values
    count, middle = len(years), years.mean()
    width = ((years - middle) ** 2).sum()
    slope = ((years - middle) * (y - y.mean())).sum() / width
    left = y - y.mean() - slope * (years - middle)
    sd = np.sqrt((left**2).sum() / (count - 2) * (1 + 1 / count + (ahead - middle) ** 2 / width))
    found = y.mean() + slope * (ahead - middle) + sd * random.standard_t(count - 2, (TREND_DRAWS, len(ahead)))
    return np.asarray(np.exp(found) if relative else found)


def hindcast(groups: "xr.DataTree | dict[str, xr.Dataset]", seed: int = 1) -> xr.Dataset:
    """Of each series with held-out rows: CRPS and coverage of the 90 % band for posterior, prior and trend.

    Data variables: `crps` and `coverage` (series, forecast), `rows` (series), and by held-out row of any series (row):
    `observed`, `low`, `median`, `high`, `row_crps` (row, forecast), with coordinates year and group. A series with
    fewer than four fitted years before has no trend, nor has one with several elements, such as provinces.
    """
    random = np.random.default_rng((seed, 11))
    held, fitted = _dataset(groups, HELD_OUT), _dataset(groups, "observed_data")
    found: dict[str, list[xr.Dataset]] = {}
    for series in map(str, held.data_vars):
        years, observed = held[f"{series}_year"].values.astype(float), held[series].values
        draws = {
            "posterior": _draws(_dataset(groups, "predictions")[series]),
            "prior": _draws(_dataset(groups, "prior_predictions")[series]),
        }
        whole = set(held[series].coords) == {f"{series}_year", f"{series}_group"}
        if whole and series in fitted and len(set(fitted[f"{series}_year"].values)) > 3:
            past, values = fitted[f"{series}_year"].values.astype(float), fitted[series].values
            draws["trend"] = trend_forecast(past, values, years, bool((values > 0).all()), random)
        found[series] = [_scores(name, draws.get(name), observed) for name in FORECASTS]
        found[series] = [xr.concat(found[series], "forecast").assign_coords(
            row=("row", [series] * len(years)), year=("row", years.astype(int)),
            group=("row", held[f"{series}_group"].values))]  # fmt: skip
    rows = xr.concat([parts[0] for parts in found.values()], "row")
    return _by_series(rows)


def _dataset(groups: "xr.DataTree | dict[str, xr.Dataset]", name: str) -> xr.Dataset:
    group = groups[name]
    return group if isinstance(group, xr.Dataset) else group.to_dataset()


def _draws(values: xr.DataArray) -> Floats:
    rows = [str(dim) for dim in values.dims if dim not in (CHAIN, DRAW)]
    return np.asarray(values.transpose(CHAIN, DRAW, *rows).values.reshape(-1, values.shape[-1]))


def _scores(name: str, draws: Floats | None, observed: Floats) -> xr.Dataset:
    if draws is None:
        draws = np.full((2, len(observed)), np.nan)
    low, median, high = np.quantile(draws, (BAND[0], 0.5, BAND[1]), axis=0)
    inside = np.where(np.isnan(low), np.nan, (observed >= low) & (observed <= high))
    columns: dict[str, Floats] = {
        "row_crps": crps(draws, observed), "low": low, "median": median, "high": high, "inside": inside,
        "observed": observed,
    }  # fmt: skip
    return xr.Dataset({key: ("row", value) for key, value in columns.items()}, {"forecast": name})


def _by_series(rows: xr.Dataset) -> xr.Dataset:
    """Means over the rows of each series, beside the rows."""
    series = rows["row"].values.astype(str)
    names: Sequence[str] = list(dict.fromkeys(series))
    means = {
        name: xr.concat([rows[column].isel(row=np.flatnonzero(series == one)).mean("row") for one in names], "series")
        for name, column in (("crps", "row_crps"), ("coverage", "inside"))
    }
    count = xr.DataArray([int((series == one).sum()) for one in names], dims="series")
    plain = rows.drop_vars("row").assign_coords(row_series=("row", series))
    return plain.assign(means).assign(rows=count).assign_coords(series=names)


def table(scores: xr.Dataset) -> list[dict[str, float | str]]:
    """One line a series: rows, CRPS of posterior, prior and trend, coverage of posterior and prior."""
    lines: list[dict[str, float | str]] = []
    for series in scores["series"].values:
        one = scores.sel(series=series)
        line: dict[str, float | str] = {"series": str(series), "rows": int(one["rows"])}
        for forecast in FORECASTS:
            line[f"crps_{forecast}"] = float(one["crps"].sel(forecast=forecast))
            line[f"coverage_{forecast}"] = float(one["coverage"].sel(forecast=forecast))
        lines.append(line)
    return lines


def table_lines(scores: xr.Dataset) -> list[str]:
    """The table as aligned text, a heading first; a dash where there is no trend."""
    lines = [
        f"{'held out':<22}{'rows':>5}  {'CRPS: posterior':>15}{'prior':>10}{'trend':>10}"
        f"  {'in 90 % band: posterior':>23}{'prior':>8}{'trend':>8}"
    ]
    for line in table(scores):
        score = [_or_dash(float(line[f"crps_{name}"]), "#.3g") for name in FORECASTS]
        inside = [_or_dash(100 * float(line[f"coverage_{name}"]), ".0f", " %") for name in FORECASTS]
        lines.append(
            f"{line['series']:<22}{line['rows']:>5}  {score[0]:>15}{score[1]:>10}{score[2]:>10}"
            f"  {inside[0]:>23}{inside[1]:>8}{inside[2]:>8}"
        )
    return lines


def _or_dash(value: float, form: str, unit: str = "") -> str:
    return "-" if np.isnan(value) else f"{value:{form}}{unit}"


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
