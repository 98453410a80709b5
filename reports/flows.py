"""Figures of who ships scrap to whom: a matrix of provinces, and arcs over the tile map."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import figures as draw
import matplotlib as mpl
import numpy as np
from digits import number, percent
from figures import Margins, Sheet
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import FancyArrowPatch, Rectangle
from page import Cell, Figure, Group, Row, Share, Table
from reading import Cube
from tables import scenario_name
from tiles import TileMap, aspect, draw_tiles, layout, readable

FLOW, LINK = "scrap_flow", "scrap_link"
ARCS = 18
"""Links on a map: more of them hide the country, and the rest is small."""

LEAST, SHOWN = 0.1, 0.005
"""Mean flows, Mt: the least that is coloured, and the least that a table shows."""

PALE = LinearSegmentedColormap.from_list("pale", mpl.colormaps["RdBu_r"](np.linspace(0.22, 0.78, 64)))
"""Both signs, pale enough for dark arrows."""

AMOUNTS = LinearSegmentedColormap.from_list("amounts", mpl.colormaps["Blues"](np.linspace(0.12, 1.0, 64)))
"""Amounts where blank means none: the least must not shine."""

WIDEST = 5.0
"""Points of the arc of the largest flow."""


@dataclass(frozen=True)
class Flows:
    """Mean flow and probability of each link (source, destination) in a year, Mt; errors of the mean."""

    year: int
    sources: list[str]
    destinations: list[str]
    mean: np.ndarray
    error: np.ndarray
    link: np.ndarray
    link_error: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """Whether source and destination are one province."""
        return np.array([[source == end for end in self.destinations] for source in self.sources])

    @property
    def traded(self) -> float:
        """What crosses a province's border, mean."""
        return float(self.mean[~self.own].sum())

    def largest(self, many: int = ARCS) -> list[tuple[int, int]]:
        """Places of the largest flows between two provinces, the largest first."""
        between = np.where(self.own, 0.0, self.mean)
        order = np.argsort(-between, axis=None, kind="stable")[:many]
        places = [divmod(int(at), between.shape[1]) for at in order]
        return [place for place in places if between[place] > 0]

    def share(self, many: int = ARCS) -> float:
        """Share of traded scrap that the largest flows carry, of means."""
        carried = sum(float(self.mean[place]) for place in self.largest(many))
        return carried / self.traded if self.traded else math.nan

    def net(self) -> dict[str, float]:
        """What a province gets from others less what it gives them."""
        between = np.where(self.own, 0.0, self.mean)
        given = dict(zip(self.sources, between.sum(axis=1).tolist(), strict=True))
        gotten = dict(zip(self.destinations, between.sum(axis=0).tolist(), strict=True))
        return {code: gotten.get(code, 0.0) - given[code] for code in self.sources}


def flows_of(cube: Cube, scenario: str, year: int) -> Flows:
    """Flows of a scenario in a year."""
    read = partial(cube.value, scenario=scenario, flow_year=year)
    error = partial(cube.error, scenario=scenario, flow_year=year)
    names = (cube.labels("province"), cube.labels("destination"))
    return Flows(year, *names, read(FLOW), error(FLOW), read(LINK), error(LINK))


def ends(cube: Cube) -> tuple[int, ...]:
    """First and last year with flows."""
    years = [int(year) for year in cube.summary["flow_year"].values]
    return tuple(dict.fromkeys((years[0], years[-1])))


def groups_of(cube: Cube, codes: list[str]) -> dict[str, list[str]]:
    """Provinces by region, regions in the order of their first province; one nameless region without groups."""
    if "province_group" not in cube.summary.coords:
        return {"": codes}
    region = dict(zip(cube.labels("province"), cube.labels("province_group"), strict=True))
    names = dict.fromkeys(region[code] for code in cube.labels("province"))
    found = {name: [code for code in codes if region[code] == name] for name in names}
    return {name: members for name, members in found.items() if members}


def matrix(cube: Cube, scenario: str) -> Figure:
    """Who ships to whom, source by destination, in the last year with flows."""
    found = flows_of(cube, scenario, ends(cube)[-1])
    texts = "; ".join(
        f"{cube.label('province', found.sources[i])} to {cube.label('province', found.destinations[j])} "
        f"{number(float(found.mean[i, j]), 1)}"
        for i, j in found.largest(5)
    )
    kept = float(found.mean[found.own].sum())
    return Figure(
        "matrix",
        f"Who ships scrap to whom in {found.year}, {scenario_name(scenario)}",
        f"Mean purchased scrap from the province of the row to that of the column, Mt a year; blank: below {LEAST} Mt. "
        "Outlined squares: what a province buys at home. Provinces without steelworks have no column. On phones "
        f"regions stand for provinces. {number(found.traded, 0)} Mt cross a border between provinces, "
        f"{number(kept, 0)} Mt do not. Logarithmic colours.",
        f"Matrix of scrap shipped between provinces in {found.year}. Largest flows, Mt: {texts}. "
        f"{number(found.traded, 0)} Mt cross a border, {number(kept, 0)} Mt stay in their province.",
        draw.render(partial(_draw_matrix, cube, found)),
        [_matrix_table(cube, flows_of(cube, scenario, year)) for year in ends(cube)],
    )


def _draw_matrix(cube: Cube, found: Flows, sheet: Sheet) -> Drawing:
    """Provinces where there is room for them, regions else."""
    receives = [code for code in found.destinations if found.mean[:, found.destinations.index(code)].sum() > 0]
    rows, columns = groups_of(cube, found.sources), groups_of(cube, receives)
    if sheet.columns == 1 and len(rows) > 1:
        values = {
            (start, end): float(sum(_flow(found, i, j) for i in rows[start] for j in columns[end]))
            for start in rows
            for end in columns
        }
        return _draw_regions(values, list(rows), list(columns), sheet)
    left, right, top, foot = 1.05, 0.05, 0.42, 0.62
    ordered = [code for members in rows.values() for code in members]
    across = [code for members in columns.values() for code in members]
    side = (sheet.width - left - right) / len(across)
    height = 0.84 * side * len(ordered)
    figure, axis = _sheet(sheet.width, height, (left, right, top, foot))
    values = {(i, j): _flow(found, i, j) for i in ordered for j in across}
    norm = LogNorm(LEAST, max(10 * LEAST, *values.values()))
    _squares(axis, values, ordered, across, norm)
    names = {code: f"{cube.label('province', code)}  {code[-2:]}" for code in ordered}
    for at, code in enumerate(ordered):
        axis.text(-0.25, at + 0.5, names[code], ha="right", va="center", fontsize=6.5)
    for at, code in enumerate(across):
        axis.text(at + 0.5, -0.3, code[-2:], ha="center", va="bottom", fontsize=6.5)
    _borders(axis, rows, columns)
    _color_bar(figure, norm, left / sheet.width, height + top + foot)
    return figure


def _draw_regions(
    values: Mapping[tuple[str, str], float], rows: list[str], columns: list[str], sheet: Sheet
) -> Drawing:
    left, right, top, foot = 0.9, 0.3, 0.75, 0.62
    height = 0.85 * (sheet.width - left - right) * len(rows) / len(columns)
    figure, axis = _sheet(sheet.width, height, (left, right, top, foot))
    norm = LogNorm(LEAST, max(10 * LEAST, *values.values()))
    _squares(axis, values, rows, columns, norm, size=draw.SMALL)
    for at, name in enumerate(rows):
        axis.text(-0.1, at + 0.5, name, ha="right", va="center", fontsize=draw.SMALL)
    for at, name in enumerate(columns):
        axis.text(at + 0.35, -0.12, name, ha="left", va="bottom", rotation=40, fontsize=draw.SMALL)
    _color_bar(figure, norm, left / sheet.width, height + top + foot)
    return figure


def _sheet(width: float, height: float, room: tuple[float, float, float, float]) -> tuple[Drawing, Axes]:
    """A figure with one panel that is `height` inches high; room to its left, right, top and foot."""
    left, right, top, foot = room
    whole = height + top + foot
    figure = Drawing(figsize=(width, whole))
    axis = figure.add_axes((left / width, foot / whole, (width - left - right) / width, height / whole))
    axis.set_axis_off()
    return figure, axis


def _squares(
    axis: Axes, values: Mapping[tuple[str, str], float], rows: list[str], columns: list[str], norm: LogNorm,
    size: float = 5.5,
) -> None:  # fmt: skip
    """Coloured squares with whole Mt in those of one or more; the first row on top."""
    colors = AMOUNTS
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            value = values[row, column]
            own = row == column
            face = mpl.colors.to_hex(colors(norm(value))) if value >= LEAST else "white"
            axis.add_patch(Rectangle((j + 0.04, i + 0.04), 0.92, 0.92, facecolor=face, linewidth=0))
            if own:
                box = Rectangle((j + 0.07, i + 0.07), 0.86, 0.86, fill=False, edgecolor=draw.INK, linewidth=0.9)
                axis.add_patch(box)
            if value >= 0.95:
                axis.text(j + 0.5, i + 0.52, number(value, 0), ha="center", va="center", fontsize=size,
                          color=readable(face))  # fmt: skip
    axis.set_xlim(0, len(columns))
    axis.set_ylim(len(rows), 0)


def _borders(axis: Axes, rows: dict[str, list[str]], columns: dict[str, list[str]]) -> None:
    """Lines between regions, and names of regions over their columns."""
    wide, high = sum(map(len, columns.values())), sum(map(len, rows.values()))
    at = 0
    for members in rows.values():
        axis.plot([-5.2, wide], [at, at], color=draw.RULE, linewidth=0.6, clip_on=False, zorder=0)
        at += len(members)
    at = 0
    for name, members in columns.items():
        axis.plot([at, at], [-1.9, high], color=draw.RULE, linewidth=0.6, clip_on=False, zorder=0)
        axis.text(at + 0.1, -1.35, name, fontsize=6, color=draw.SOFT, va="bottom")
        at += len(members)


def _color_bar(figure: Drawing, norm: LogNorm, left: float, height: float) -> None:
    bar = figure.add_axes((left, 0.34 / height, min(0.45, 0.97 - left), 0.1 / height))
    drawn = figure.colorbar(ScalarMappable(norm, AMOUNTS), cax=bar, orientation="horizontal")
    ticks = [tick for tick in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if norm.vmin <= tick <= norm.vmax]
    drawn.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    drawn.ax.minorticks_off()
    drawn.ax.spines[:].set_visible(False)
    drawn.ax.tick_params(length=2, labelsize=draw.SMALL)
    drawn.ax.set_title("Mt scrap/year, mean", fontsize=draw.SMALL, color=draw.SOFT, fontweight="normal", pad=3)


def _flow(found: Flows, source: str, end: str) -> float:
    return float(found.mean[found.sources.index(source), found.destinations.index(end)])


def _matrix_table(cube: Cube, found: Flows) -> Table:
    """All flows of a year; what is next to nothing is blank."""
    receives = [at for at in range(len(found.destinations)) if found.mean[:, at].sum() > 0]
    rows = {
        code: Row(
            f"{cube.label('province', code)} ({code[-2:]})",
            [
                Cell(float(found.mean[i, j]), float(found.error[i, j]), most=3) if found.mean[i, j] >= SHOWN else ""
                for j in receives
            ],
        )
        for i, code in enumerate(found.sources)
    }
    groups = [Group(name, [rows[code] for code in codes]) for name, codes in groups_of(cube, found.sources).items()]
    caption = f"Purchased scrap in {found.year}, {cube.unit(FLOW)}, mean: from the row to the column"
    return Table(caption, "From", [found.destinations[at][-2:] for at in receives], groups, errors=False, kind="wide")


def arcs(cube: Cube, scenario: str) -> Figure:
    """The largest flows between provinces as arcs over tile maps of the first and the last year with flows."""
    found = [flows_of(cube, scenario, year) for year in ends(cube)]
    shares = " and ".join(
        f"{percent(item.share())} % of the {number(item.traded, 0)} Mt traded between provinces in {item.year}"
        for item in found
    )
    largest = "; ".join(
        f"{item.year}: "
        + ", ".join(
            f"{item.sources[i][-2:]} to {item.destinations[j][-2:]} {number(float(item.mean[i, j]), 1)}"
            for i, j in item.largest(8)
        )
        for item in found
    )
    return Figure(
        "arcs",
        "The largest flows of scrap between provinces",
        f"Arrows: the {ARCS} largest mean flows of a year, as wide as the flow and the darker the more probable the "
        f"link is (a flow of 0.01 Mt or more). Those shown carry {shares}, of means. Tiles: mean scrap from other "
        "provinces less scrap to them; tiles stand about where provinces lie, so arrows show no route.",
        f"Tile maps with arrows for the largest flows of scrap between provinces, Mt. {largest}.",
        draw.render(partial(_draw_arcs, cube, found)),
        [_arc_table(cube, item) for item in found],
    )


def _draw_arcs(cube: Cube, found: list[Flows], sheet: Sheet) -> Drawing:
    columns, gap, edge = min(2, sheet.columns), 0.3, 0.05
    width = (sheet.width - 2 * edge - gap * (columns - 1)) / columns
    codes = cube.labels("province")
    margins = Margins(left=edge, right=edge, top=0.12, bottom=0.0, between=gap)
    figure, axes = draw.panels(sheet, len(found), width * aspect(codes), margins, columns)
    largest = max((float(item.mean[place]) for item in found for place in item.largest(1)), default=1.0)
    limit = max((abs(value) for item in found for value in item.net().values()), default=0.5)
    for axis, item in zip(axes, found, strict=True):
        net = item.net()
        texts = {code: number(value, 0 if abs(value) >= 9.5 else 1) for code, value in net.items()}
        title = f"Net scrap from other provinces, {item.year}"
        draw_tiles(axis, TileMap(title, "Mt/year", net, texts, {}, PALE, (-limit, limit), codes))
        _arrows(axis, item, largest)
        _key(axis, largest)
    return figure


CLEAR = 0.36
"""Of a tile, from its middle: there stand code and value."""


def _arrows(axis: Axes, found: Flows, largest: float) -> None:
    """From tile to tile, clear of what is written in their middle; the largest flows on top."""
    places = layout(found.sources)
    for i, j in reversed(found.largest()):
        (c0, r0), (c1, r1) = places[found.sources[i]], places[found.destinations[j]]
        start, end = np.array([c0 + 0.5, -r0 - 0.5]), np.array([c1 + 0.5, -r1 - 0.5])
        along = (end - start) / np.hypot(*(end - start))
        _arrow(
            axis, start + CLEAR * along, end - CLEAR * along, float(found.mean[i, j]) / largest, float(found.link[i, j])
        )


def _arrow(axis: Axes, start: np.ndarray, end: np.ndarray, size: float, chance: float) -> None:
    width = max(0.5, WIDEST * size)
    shape = f"Simple,head_length={width + 3:.2f},head_width={width + 4:.2f},tail_width={width:.2f}"
    axis.add_patch(
        FancyArrowPatch(tuple(start), tuple(end), connectionstyle="arc3,rad=0.18", arrowstyle=shape, mutation_scale=1,
                        shrinkA=0, shrinkB=0, facecolor=draw.INK, edgecolor="white", linewidth=0.3, alpha=chance)
    )  # fmt: skip


def _key(axis: Axes, largest: float) -> None:
    """Widths and shades of the arrows, in the corner at the lower right that the country leaves free."""
    low = axis.get_ylim()[0]
    step = 10.0 ** math.floor(math.log10(largest))
    widest = step * (5 if largest >= 5 * step else 2 if largest >= 2 * step else 1)
    for at, (value, chance, words) in enumerate(
        ((widest, 1.0, f"{widest:,g} Mt"), (widest / 4, 1.0, f"{widest / 4:,g} Mt"), (widest / 2, 0.4, "link in 40 %"))
    ):
        height = low + 1.5 - 0.5 * at
        _arrow(axis, np.array([4.35, height]), np.array([5.15, height]), value / largest, chance)
        axis.text(5.3, height, words, fontsize=draw.SMALL, va="center")


def _arc_table(cube: Cube, found: Flows) -> Table:
    rows = [
        Row(
            f"{cube.label('province', found.sources[i])} to {cube.label('province', found.destinations[j])}",
            [
                Cell(float(found.mean[i, j]), float(found.error[i, j])),
                Share(float(found.link[i, j]), float(found.link_error[i, j])),
                Cell(100 * float(found.mean[i, j]) / found.traded, most=2),
            ],
        )
        for i, j in found.largest()
    ]
    columns = [f"mean flow, {cube.unit(FLOW)}", "probability of the link, %", "share of traded scrap, %"]
    caption = f"The {len(rows)} largest flows between provinces in {found.year}, means"
    return Table(caption, "From and to", columns, [Group("", rows)])
