"""The page `drivers`: which inputs carry the spread of what the run asked about, alone and with others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import figures as draw
import numpy as np
from digits import MINUS, percent
from figures import Layer, Margins, Sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import PercentFormatter
from origin import count, provenance, student, warnings
from page import Cell, Figure, Group, Page, Row, Section, Table
from reading import MCSE, Cube, NoPage
from tables import scenario_name
from trajectories import CO2

FIRST, TOTAL = "first", "total"
DIFFERENCE = "difference_"
COLORS = (*draw.LINES, draw.YELLOW)
"""For the drivers that matter most; all others are grey."""

MOST_PANELS = 8
NAMED = 0.1
"""Share of the panel above which an area bears its name."""

SHOWN = 10
"""Drivers in the figure of chosen years: the strongest ones."""

TOGETHER = "where drivers meet"
WEAKER = "weaker drivers"
HEADLINERS = (CO2, f"{DIFFERENCE}co2_with_freight")
"""Outputs that people ask for first."""


@dataclass(frozen=True)
class Shares:
    """Shares of one output along the years: `value` and `error` [statistic][driver, year]."""

    name: str
    title: str
    value: dict[str, np.ndarray]
    error: dict[str, np.ndarray]

    @property
    def together(self) -> np.ndarray:
        """What no driver carries alone."""
        return np.maximum(1 - np.maximum(self.value[FIRST], 0).sum(axis=0), 0)


def page(cube: Cube) -> Page:
    """The page of a cube.

    Raises:
        NoPage: the run told no drivers apart.
    """
    found = _paths(cube)
    if not found:
        raise NoPage(
            f"{cube.path}: the page `drivers` is left out: the run names none ([sensitivity] of runs/drivers.toml)"
        )
    names = [str(name) for name in cube.variance_shares["driver"].values]
    first, last = int(cube.years[0]), int(cube.years[-1])
    attributes = cube.summary.attrs
    return Page(
        name="drivers",
        title=f"What drives the spread, {first}–{last}",
        subtitle=f"{attributes.get('title', cube.path.stem)} · {count(attributes['draws'])} draws",
        lead=_lead(cube, names, found),
        headline=[],
        more=[],
        notes=[],
        figures=[_over_time(cube, names, found), _chosen_years(cube, names, found)],
        warnings=warnings(cube, [item.name.removeprefix(DIFFERENCE) for item in found]),
        provenance=provenance(cube, found[0].name.removeprefix(DIFFERENCE)),
        sections=[_members(cube, names)],
    )


def _paths(cube: Cube) -> list[Shares]:
    """The outputs whose shares form one path a driver, those asked for first in front."""
    group = cube.variance_shares
    names = [str(name) for name in group.data_vars if f"{name}{MCSE}" in group]
    paths = [name for name in names if set(group[name].dims) <= {"statistic", "driver", "scenario", "year"}]
    paths = [name for name in paths if "year" in group[name].dims]
    paths.sort(key=lambda name: HEADLINERS.index(name) if name in HEADLINERS else len(HEADLINERS))
    return [_shares(cube, name) for name in paths]


def _shares(cube: Cube, name: str) -> Shares:
    """Under the reference; of a difference under the first other scenario, whose difference to the reference it is."""
    group = cube.variance_shares
    title = _title(str(group[name].attrs["long_name"]))
    key = cube.reference
    if name.startswith(DIFFERENCE):
        key = next((other for other in cube.scenarios if other != cube.reference), key)
        title = f"{title}: {scenario_name(key)} {MINUS} {scenario_name(cube.reference)}"
    elif "scenario" in group[name].dims:
        title = f"{title}, {scenario_name(key)}"
    found = []
    for variable in (group[name], group[name + MCSE]):
        chosen = variable.sel(scenario=key) if "scenario" in variable.dims else variable
        parts = {one: chosen.sel(statistic=one).transpose("driver", "year").values for one in (FIRST, TOTAL)}
        found.append(parts)
    return Shares(name, title, *found)


def _title(long_name: str) -> str:
    """What is shared out, without the words around it and what comes after the name itself."""
    name = long_name.removeprefix("share of each driver in the variance of ").rpartition(", difference to ")
    return (name[0] or name[2]).partition(": ")[0].partition(", ")[0].replace("CO2", "CO₂")


def _driver(name: str) -> str:
    return name.replace("_", " ")


def _lead(cube: Cube, names: Sequence[str], found: Sequence[Shares]) -> list[str]:
    years = [year for year in (2030, int(cube.years[-1])) if year in cube.years]
    told = []
    for item in found[: len(HEADLINERS)]:
        parts = []
        for year in years:
            at = int(np.flatnonzero(cube.years == year)[0])
            shares = item.value[FIRST][:, at]
            if not np.isfinite(shares).all():
                continue
            top = np.argsort(-shares)[:3]
            listed = ", ".join(f"{_driver(names[k])} {percent(float(shares[k]))} %" for k in top)
            meeting = percent(float(item.together[at]))
            parts.append(f"in {year} {listed}, and {meeting} % arises only {TOGETHER}")
        told.append(f"Variance of {item.title}: {'; '.join(parts)}.")
    told.append(
        "The first-order share of a driver is what knowing it would take off the variance on average; its total share "
        "is what would be left were all others known. The two differ by interactions."
    )
    return told


def _colors(names: Sequence[str], found: Sequence[Shares]) -> dict[str, str]:
    """A colour for each of the drivers that carry most somewhere, the same in all panels."""
    largest = np.max([np.nanmax(item.value[FIRST], axis=1) for item in found], axis=0)
    order = np.argsort(-largest)[: len(COLORS)]
    return {names[k]: color for k, color in zip(order, COLORS, strict=False)}


def _over_time(cube: Cube, names: Sequence[str], found: Sequence[Shares]) -> Figure:
    panels, colors = list(found[:MOST_PANELS]), _colors(names, found)
    left = [_driver(name) for name in names if name not in colors]
    rest = f" Grey: {', '.join(left)}." if left else ""
    years = [year for year in cube.years if year % 10 == 0 or year == cube.years[-1]]
    alt = "; ".join(f"{item.title}: {_strongest(names, item)}" for item in panels)
    return Figure(
        "paths",
        "Who carries the variance",
        "First-order shares of the variance over the years, one colour a driver, stacked; light: what arises only "
        f"{TOGETHER}.{rest} Estimates that fall below zero by their error are drawn as zero. Where nothing varies "
        "there is nothing to share out.",
        f"Stacked areas of shares of the variance, one panel an output. Strongest in the last year: {alt}.",
        draw.render(partial(_draw_paths, cube.years, names, panels, colors)),
        [_table(cube, names, item, years) for item in found],
    )


def _strongest(names: Sequence[str], item: Shares) -> str:
    shares = item.value[FIRST][:, -1]
    if not np.isfinite(shares).all():
        return "nothing varies"
    at = int(np.argmax(shares))
    return f"{_driver(names[at])} {percent(float(shares[at]))} %"


def _draw_paths(
    years: np.ndarray, names: Sequence[str], panels: Sequence[Shares], colors: dict[str, str], sheet: Sheet
) -> Drawing:
    figure, axes = draw.panels(sheet, len(panels), 1.9, Margins(left=0.36, top=0.44), columns=2, repeat_axis=True)
    for axis, item in zip(axes, panels, strict=True):
        layers = _layers(names, item, colors)
        draw.draw_stack(axis, years, layers)
        _name_areas(axis, years, layers)
        axis.set_title(_wrapped(item.title), linespacing=1.1, pad=4)
        draw.time_axis(axis, years)
        axis.set_ylim(0, 1)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    return figure


def _layers(names: Sequence[str], item: Shares, colors: dict[str, str]) -> list[Layer]:
    """Drivers with a colour, strongest first, then the others as one, then what they carry together."""
    shares = {name: np.maximum(path, 0) for name, path in zip(names, item.value[FIRST], strict=True)}
    colored = sorted(colors, key=lambda name: -float(np.nansum(shares[name])))
    layers = [Layer(_driver(name), shares[name], colors[name]) for name in colored]
    rest = [shares[name] for name in names if name not in colors]
    if rest:
        layers.append(Layer(WEAKER, np.sum(rest, axis=0), draw.SOFT))
    # What is drawn as zero must not push the whole beyond one.
    whole = np.maximum(sum(layer.values for layer in layers), 1.0)
    layers = [Layer(layer.name, layer.values / whole, layer.color) for layer in layers]
    return [*layers, Layer(TOGETHER, item.together, draw.NONE)]


def _name_areas(axis: Axes, years: np.ndarray, layers: Sequence[Layer]) -> None:
    """Names inside the areas that are large enough, where they are largest, away from the edges."""
    base, room = np.zeros(len(years)), len(years) // 5
    for layer in layers:
        inside = np.nan_to_num(layer.values)[room:-room]
        if len(inside) and inside.max() >= NAMED:
            at = room + int(np.argmax(inside))
            dark = layer.color in (draw.BLUE, draw.VERMILLION, draw.GREEN, draw.SOFT)
            axis.text(
                years[at], base[at] + layer.values[at] / 2, layer.name, ha="center", va="center",
                fontsize=draw.SMALL, color="white" if dark else draw.INK,
            )  # fmt: skip
        base = base + layer.values


def _wrapped(title: str, width: int = 46) -> str:
    """A title on two lines at most, broken between words."""
    if len(title) <= width:
        return title
    cut = title.rfind(" ", 0, width)
    rest = title[cut + 1 :]
    return f"{title[:cut]}\n{rest if len(rest) <= width else rest[: width - 1] + '…'}"


def _chosen_years(cube: Cube, names: Sequence[str], found: Sequence[Shares]) -> Figure:
    panels = [
        (item, int(np.flatnonzero(cube.years == year)[0]))
        for item in found[: len(HEADLINERS)]
        for year in (2030, int(cube.years[-1]))
        if year in cube.years
    ]
    strength = np.nanmax([item.value[TOTAL][:, at] for item, at in panels], axis=0)
    order = [int(k) for k in np.argsort(-strength)[:SHOWN]]
    ends = "; ".join(f"{item.title} in {cube.years[at]}: {_pair(names, item, at, order[0])}" for item, at in panels)
    return Figure(
        "years",
        "Alone and with others",
        "Filled: first-order share, of the driver alone. Open: total share, with all that it interacts with. Bars: "
        f"95 % intervals of the Monte Carlo error. The {len(order)} drivers with the largest total share in a panel.",
        f"Dots of first-order and total shares by driver. {ends}.",
        draw.render(partial(_draw_years, cube.years, [names[k] for k in order], order, panels, student(cube))),
        [_chosen_table(cube, names, panels)],
    )


def _pair(names: Sequence[str], item: Shares, at: int, k: int) -> str:
    low, high = (percent(float(np.nan_to_num(item.value[one][k, at]))) for one in (FIRST, TOTAL))
    return f"{_driver(names[k])} {low} % alone, {high} % with others"


def _draw_years(
    years: np.ndarray,
    names: Sequence[str],
    order: Sequence[int],
    panels: Sequence[tuple[Shares, int]],
    factor: float,
    sheet: Sheet,
) -> Drawing:
    figure, axes = draw.panels(
        sheet, len(panels), 2.2, Margins(left=1.2, right=0.2, top=0.44), columns=2, repeat_axis=True
    )
    rows = np.arange(len(order))[::-1]
    for axis, (item, at) in zip(axes, panels, strict=True):
        low, high = (item.value[one][order, at] for one in (FIRST, TOTAL))
        axis.hlines(rows, low, high, color=draw.RULE, linewidth=2.5)
        for one, shares, fill in ((TOTAL, high, "white"), (FIRST, low, draw.BLUE)):
            axis.errorbar(
                shares, rows, xerr=factor * item.error[one][order, at], fmt="o", markersize=4.5, color=draw.BLUE,
                markerfacecolor=fill, markeredgewidth=1.0, elinewidth=0.8,
            )  # fmt: skip
        axis.set_yticks(rows, [_driver(name) for name in names])
        axis.set_xlim(min(0, float(np.nanmin(low)) - 0.02), 1)
        axis.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axis.grid(axis="x", color=draw.RULE, linewidth=0.5)
        axis.set_axisbelow(True)
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        axis.set_title(_wrapped(f"{years[at]}: {item.title}", 38), linespacing=1.1, pad=4)
    return figure


def _cells(item: Shares, k: int, at: int) -> list[Cell]:
    """First-order and total share of a driver in a year, per cent."""
    return [Cell(100 * float(item.value[one][k, at]), 100 * float(item.error[one][k, at])) for one in (FIRST, TOTAL)]


def _table(cube: Cube, names: Sequence[str], item: Shares, years: Sequence[int]) -> Table:
    places = [int(np.flatnonzero(cube.years == year)[0]) for year in years]
    rows = [Row(_driver(name), [cell for at in places for cell in _cells(item, k, at)]) for k, name in enumerate(names)]
    over = [(str(year), 2) for year in years]
    columns = ["first", "total"] * len(years)
    return Table(
        f"Shares of the variance, %: {item.title}", "Driver", columns, [Group("", rows)], over=over, kind="wide"
    )


def _chosen_table(cube: Cube, names: Sequence[str], panels: Sequence[tuple[Shares, int]]) -> Table:
    rows = [
        Row(_driver(name), [cell for item, at in panels for cell in _cells(item, k, at)])
        for k, name in enumerate(names)
    ]
    over = [(f"{cube.years[at]}: {item.title}", 2) for item, at in panels]
    columns = ["first", "total"] * len(panels)
    return Table("Shares of the variance, %", "Driver", columns, [Group("", rows)], over=over, kind="wide")


def _members(cube: Cube, names: Sequence[str]) -> Section:
    """Which inputs stand behind the name of a driver."""
    inputs = [str(text).replace(" ", ", ") for text in cube.variance_shares["inputs"].values]
    rows = [Row(_driver(name), [text]) for name, text in zip(names, inputs, strict=True)]
    table = Table("Inputs of each driver, as the tables of the priors name them", "Driver", ["inputs"],
                  [Group("", rows)], errors=False, kind="prose")  # fmt: skip
    text = (
        "Inputs of one driver are varied together. Shares say what these beliefs, as wide as they are written down, do "
        "to this model: a driver whose range is too narrow in the tables looks unimportant here."
    )
    return Section("inputs", "What stands behind a driver", text, [table])
