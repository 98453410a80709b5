"""Small multiples of forecasts of past years: numbers fitted and held out, bands of posterior and prior."""

from functools import partial

import figures as draw
import numpy as np
import xarray as xr
from digits import number
from figures import Margins, Sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from page import Cell, Figure, Group, Row, Table
from reading import unit_text

SAMPLE = ("chain", "draw")
LEVELS = (0.05, 0.5, 0.95)
BEFORE, AFTER = draw.SOFT, draw.BLUE
SHORT = 4
"""Numbers of a group from which its bands are drawn as areas, else each as a bar."""
NAMES = {
    "eaf_share": "Electric share",
    "energy_per_tonne": "Energy per tonne",
    "pig_iron": "Hot metal",
    "scrap_used": "Scrap used",
    "scrap_supply": "Scrap that arises",
    "scrap_prompt_share": "Prompt share of scrap",
    "steel_stock_per_head": "Steel in use per head",
    "co2_scope1": "Direct CO₂",
    "co2_direct_power": "CO₂ with power",
}
"""Series in a few words; others go by their names."""


def in_words(series: str) -> str:
    """A series inside a sentence."""
    name = NAMES.get(series, series)
    return name if name.startswith("CO") else name[0].lower() + name[1:]


def scale_of(tree: xr.DataTree, series: str) -> float:
    """What a series is multiplied by to be shown: shares are in percent."""
    return 100.0 if tree["modelled"][series].attrs["units"] == "1" else 1.0


def unit_of(tree: xr.DataTree, series: str) -> str:
    """The unit in which a series is shown."""
    return unit_text(tree["modelled"][series].attrs["units"]) or "%"


def rows_of(tree: xr.DataTree, series: str) -> xr.Dataset:
    """Observations of a series by group and year, and what prior and posterior said of them (belief, level, row)."""
    parts = []
    for data, after, before, held in (
        ("observed_data", "posterior_predictive", "prior_predictive", False),
        ("held_out_data", "predictions", "prior_predictions", True),
    ):
        if data not in tree.children or series not in tree[data].data_vars:
            continue
        dim, scale = f"{series}_year", scale_of(tree, series)
        observed = tree[data][series]
        said = [scale * tree[name][series].quantile(LEVELS, SAMPLE).values for name in (before, after)]
        parts.append(
            xr.Dataset(
                {"observed": ("row", scale * observed.values), "said": (("belief", "level", "row"), np.stack(said))},
                {
                    "year": ("row", observed[dim].values),
                    "group": ("row", tree[data][f"{series}_group"].values),
                    "held": ("row", [held] * observed.size),
                    "belief": ["prior", "posterior"],
                    "level": list(LEVELS),
                },
            )
        )
    return xr.concat(parts, "row").sortby(["group", "year"])


def forecast_figure(tree: xr.DataTree) -> Figure:
    """All series with held-out numbers, those with most first."""
    held = tree["held_out_data"].to_dataset()
    names = sorted(map(str, held.data_vars), key=lambda name: -held[name].size)
    found = {name: rows_of(tree, name) for name in names}
    told = []
    for name, rows in found.items():
        last = rows.isel(row=rows["held"].values).sortby("year").isel(row=-1)
        low, middle, high = (number(float(value), 2) for value in last["said"].sel(belief="posterior").values)
        told.append(
            f"{in_words(name)} of {int(last['year'])}: {middle} ({low} to {high}), "
            f"reported {number(float(last['observed']), 2)} {unit_of(tree, name)}"
        )
    return Figure(
        "forecasts",
        "Forecasts and what was reported",
        "Full dots: fitted; open dots: held out, never seen by the fit. Blue: median and 90 % band of the posterior. "
        "Grey: 90 % band of the prior. Left of the dashed line the posterior forecasts each number from the fitted "
        "ones before it, right of it all from the fitted years alone; the prior saw none. Bars stand where a group has "
        "few numbers: studies of one series have biases of their own. A band that leaves the panel goes on.",
        f"Small multiples of observations, posterior and prior bands over the years. {'; '.join(told)}.",
        draw.render(partial(_draw, tree, found)),
        [_table(tree, found)],
    )


def _draw(tree: xr.DataTree, found: dict[str, xr.Dataset], sheet: Sheet) -> Drawing:
    years = np.arange(
        min(int(rows["year"].min()) for rows in found.values()),
        max(int(rows["year"].max()) for rows in found.values()) + 1,
    )
    first = min(int(rows["year"].values[rows["held"].values].min()) for rows in found.values())
    figure, axes = draw.panels(sheet, len(found), 1.35, Margins(left=0.42, right=0.12), 3, repeat_axis=True)
    for axis, (series, rows) in zip(axes, found.items(), strict=True):
        draw_rows(axis, rows, years, unit_of(tree, series))
        axis.set_title(NAMES.get(series, series))
        axis.axvline(first - 0.5, color=draw.SOFT, linewidth=0.7, linestyle=(0, (3, 2)), zorder=1)
    return figure


def draw_rows(axis: Axes, rows: xr.Dataset, years: np.ndarray, unit: str) -> None:
    """One series: bands of both beliefs, dots full where fitted and open where held out."""
    for _, part in rows.groupby("group"):
        (_areas if part.sizes["row"] >= SHORT else _bars)(axis, part)
    for held, face in ((False, draw.INK), (True, "white")):
        dots = rows.isel(row=rows["held"].values == held)
        axis.plot(dots["year"], dots["observed"], "o", markersize=3.2, markerfacecolor=face,
                  markeredgecolor=draw.INK, markeredgewidth=0.8, zorder=4)  # fmt: skip
    draw.time_axis(axis, years, unit)
    axis.set_xlim(years[0] - 1, years[-1] + 1)
    axis.set_xticks([year for year in years if year % 5 == 0])
    for label in axis.get_xticklabels():
        label.set_horizontalalignment("center")
    # A prior that knows nothing would hide what the fit says.
    top = max(float(rows["observed"].max()), float(rows["said"].sel(belief="posterior").max()))
    low = min(0.0, float(rows["said"].sel(belief="posterior").min()), float(rows["observed"].min()))
    axis.set_ylim(low, min(1.5 * top, 1.05 * max(top, float(rows["said"].max()))))


def _areas(axis: Axes, rows: xr.Dataset) -> None:
    for belief, color, alpha in (("prior", BEFORE, 0.18), ("posterior", AFTER, 0.3)):
        low, middle, high = rows["said"].sel(belief=belief).values
        axis.fill_between(rows["year"], low, high, color=color, alpha=alpha, linewidth=0)
        if belief == "posterior":
            axis.plot(rows["year"], middle, color=color, linewidth=1.4)


def _bars(axis: Axes, rows: xr.Dataset) -> None:
    for belief, color, alpha, shift in (("prior", BEFORE, 0.35, -0.28), ("posterior", AFTER, 0.55, 0.28)):
        low, middle, high = rows["said"].sel(belief=belief).values
        at = rows["year"].values + shift
        axis.vlines(at, low, high, color=color, alpha=alpha, linewidth=3.2)
        if belief == "posterior":
            axis.hlines(middle, at - 0.3, at + 0.3, color=color, linewidth=1.2)


def _table(tree: xr.DataTree, found: dict[str, xr.Dataset]) -> Table:
    groups = []
    for series, rows in found.items():
        lines = []
        for at in range(rows.sizes["row"]):
            one = rows.isel(row=at)
            head = f"{int(one['year'])}, {str(one['group'].item()).replace('_', ' ')}"
            said = [*one["said"].sel(belief="posterior").values, *one["said"].sel(belief="prior").values]
            cells = [Cell(float(value), most=3) for value in (one["observed"].item(), *said)]
            lines.append(Row(head, ["held out" if one["held"] else "fitted", *cells]))
        groups.append(Group(f"{NAMES.get(series, series)}, {unit_of(tree, series)}", lines))
    columns = ("", "reported", "5 %", "median", "95 %", "5 %", "median", "95 %")
    over = (("", 2), ("posterior", 3), ("prior", 3))
    return Table("Reported numbers and forecasts", "Year, group", columns, groups, over=over)
