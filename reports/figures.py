"""How figures look: sizes, colours, fans, stacks, bars, and labels beside what they name."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from page import Image

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, BLACK = "#E69F00", "#56B4E9", "#F0E442", "#000000"
LINES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
"""Okabe and Ito 2008, for lines; yellow is left out on white."""

INK, SOFT, RULE, NONE = "#1b1f24", "#5a6370", "#d4d9df", "#dfe3e7"

CJK = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Microsoft YaHei",
       "PingFang SC", "Hiragino Sans GB", "SimHei", "Arial Unicode MS")  # fmt: skip
LATIN = ("Source Sans 3", "Noto Sans", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")

FONT, SMALL = 8.0, 7.0
POINTS = 72
PNG_DPI = 220


@dataclass(frozen=True)
class Sheet:
    """What a figure is drawn for: width in inches and most panels side by side."""

    width: float
    columns: int


WIDE, NARROW = Sheet(7.4, 4), Sheet(3.7, 1)
"""A text column of a page or of A4 paper, and a phone."""


@dataclass(frozen=True)
class Margins:
    """Room around panels, inches: for labels, titles and the words of the axes."""

    left: float = 0.5
    right: float = 0.08
    top: float = 0.38
    bottom: float = 0.3
    between: float = 0.2


@cache
def installed(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the named fonts that this machine has."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in names if name in known)


def chinese() -> bool:
    """Whether Chinese names can be drawn."""
    return bool(installed(CJK))


def style() -> dict[str, object]:
    """Settings of matplotlib; the salt makes the names inside an SVG the same in every build."""
    return {
        "font.family": [*installed(LATIN), *installed(CJK)],
        "font.size": FONT,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": SOFT,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": FONT,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 14,
        "axes.unicode_minus": True,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "svg.fonttype": "path",
        "svg.hashsalt": "ferrocast",
        "savefig.facecolor": "white",
    }


def render(draw: Callable[[Sheet], Figure]) -> Image:
    """Draw for wide screens and for phones."""
    with mpl.rc_context(style()):
        wide, narrow = draw(WIDE), draw(NARROW)
        return Image(_bytes(wide, "svg"), _bytes(narrow, "svg"), _bytes(wide, "png"))


def _bytes(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=PNG_DPI, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return buffer.getvalue()


def panels(
    sheet: Sheet, number: int, height: float, margins: Margins, columns: int = 4, *, repeat_axis: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with panels of one height (inches), row by row; `repeat_axis` leaves room for every y axis."""
    columns = min(columns, sheet.columns, number)
    rows = -(-number // columns)
    gap = margins.left + margins.right if repeat_axis else margins.between
    width = (sheet.width - margins.left - margins.right - gap * (columns - 1)) / columns
    each = height + margins.top + margins.bottom
    figure = Figure(figsize=(sheet.width, each * rows))
    axes = []
    for index in range(number):
        row, column = divmod(index, columns)
        left = margins.left + column * (width + gap)
        bottom = each * (rows - 1 - row) + margins.bottom
        box = (left / sheet.width, bottom / (each * rows), width / sheet.width, height / (each * rows))
        axes.append(figure.add_axes(box))
    return figure, axes


def is_outer(axes: Sequence[Axes], index: int) -> tuple[bool, bool]:
    """Whether a panel is the first and the last of its row."""
    tops = [round(axis.get_position().y0, 6) for axis in axes]
    first = index == 0 or tops[index - 1] != tops[index]
    last = index == len(axes) - 1 or tops[index + 1] != tops[index]
    return first, last


def time_axis(axis: Axes, years: np.ndarray, unit: str = "", *, first: bool = True) -> None:
    """Years below, a quiet grid, and the unit once above the y axis of the first panel of a row."""
    axis.set_xlim(float(years[0]), float(years[-1]))
    step = 10 if len(years) > 25 else 5 if len(years) > 8 else 1
    axis.set_xticks([int(year) for year in years if year % step == 0])
    _keep_inside(axis)
    axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", "−")))
    axis.grid(axis="y", color=RULE, linewidth=0.5)
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0, labelleft=first)
    axis.spines["left"].set_visible(False)
    if first and unit:
        y_unit(axis, unit)


def _keep_inside(axis: Axes) -> None:
    """Years at the ends of an axis are set inwards, so that neighbours do not run into each other."""
    ticks = axis.get_xticks()
    if ticks[0] == axis.get_xlim()[0]:
        axis.get_xticklabels()[0].set_horizontalalignment("left")
    if ticks[-1] == axis.get_xlim()[1]:
        axis.get_xticklabels()[-1].set_horizontalalignment("right")


def y_unit(axis: Axes, unit: str) -> None:
    """The unit of the y axis, read horizontally, under the title."""
    axis.annotate(unit, (0, 1), (-24, 3), "axes fraction", textcoords="offset points", color=SOFT, fontsize=SMALL)


def line_color(index: int) -> str:
    """Colour of the n-th scenario, the same in every figure."""
    return LINES[index % len(LINES)]


def share_y(axes: Iterable[Axes], *, floor: float | None = 0.0) -> None:
    """One y range for all panels, from `floor` (or what is lower) to a little above the highest."""
    axes = list(axes)
    low, high = min(axis.dataLim.y0 for axis in axes), max(axis.dataLim.y1 for axis in axes)
    low = low if floor is None else min(floor, low)
    high = high if high > low else low + 1.0
    room = 0.04 * (high - low)
    for axis in axes:
        axis.set_ylim(low - (room if low < (0.0 if floor is None else floor) else 0.0), high + room)


Dashes = str | tuple[int, tuple[int, int]]
Line = tuple[np.ndarray, str, Dashes]


@dataclass(frozen=True)
class Fan:
    """Percentiles by label (`p05` ...) over the years, and the lines over them: name -> (values, colour, dashes)."""

    percentiles: Mapping[str, np.ndarray]
    color: str
    over: Mapping[str, Line] = field(default_factory=dict)


def draw_fan(axis: Axes, years: np.ndarray, fan: Fan) -> None:
    """5-95 and 25-75 % bands, the median, and the lines over them."""
    found = fan.percentiles
    axis.fill_between(years, found["p05"], found["p95"], color=fan.color, alpha=0.2, linewidth=0)
    axis.fill_between(years, found["p25"], found["p75"], color=fan.color, alpha=0.35, linewidth=0)
    axis.plot(years, found["p50"], color=fan.color, linewidth=1.6)
    for values, color, dashes in fan.over.values():
        axis.plot(years, values, color=color, linewidth=1.1, linestyle=dashes)


def fan_labels(axis: Axes, fan: Fan) -> None:
    """What each line of a fan is, at its end."""
    # Lowest first: percentiles of a count may be equal, and their labels then keep this order.
    names = {"p05": "5 %", "p25": "25 %", "p50": "median", "p75": "75 %", "p95": "95 %"}
    labels = [(float(fan.percentiles[key][-1]), name, fan.color) for key, name in names.items()]
    labels += [(float(values[-1]), name, color) for name, (values, color, _) in fan.over.items()]
    end_labels(axis, labels)


def end_labels(
    axis: Axes, labels: Sequence[tuple[float, str, str]], *, ink: str = "", width: float = 0.6, gap: float = 8.5
) -> None:
    """Names at the right edge, moved apart to `gap` points, each joined to its place by a line of its colour."""
    ordered = sorted(labels, key=lambda item: item[0])
    height = axis.bbox.height / axis.figure.dpi * POINTS
    low, high = axis.get_ylim()
    wanted = [(value - low) / (high - low) * height for value, _, _ in ordered]
    for at, (value, name, color) in zip(spread(wanted, gap, 3.0, height), ordered, strict=True):
        start = (value - low) / (high - low)
        axis.annotate(
            name,
            (1, start),
            (13, at - start * height),
            "axes fraction",
            textcoords="offset points",
            color=ink or color,
            fontsize=SMALL,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": width, "shrinkA": 0, "shrinkB": 0.5,
                        "relpos": (0, 0.5)},
        )  # fmt: skip


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places in rising order, at least `gap` apart, nearest to the wanted ones in least squares, then moved inside.

    Pooling of adjacent violators on wanted[i] - i gap (Ayer et al. 1955).
    """
    pools: list[list[float]] = []
    for index, value in enumerate(wanted):
        pools.append([value - index * gap])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    level = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools])
    # Where all do not fit, the top gives way: labels may rise above the panel, never sink into the axis.
    level = np.maximum(np.minimum(level, high - (len(wanted) - 1) * gap), low)
    return [float(value) + index * gap for index, value in enumerate(level)]


@dataclass(frozen=True)
class Layer:
    """One part of a whole over the years; parts that are negative in the mean are stacked downwards."""

    name: str
    values: np.ndarray
    color: str


def draw_stack(axis: Axes, years: np.ndarray, layers: Sequence[Layer]) -> None:
    """Stacked values, the first layer lowest."""
    for layer, (base, top) in zip(layers, _edges(layers), strict=True):
        axis.fill_between(years, base, top, color=layer.color, linewidth=0.3, edgecolor="white")


def stack_labels(layers: Sequence[Layer]) -> list[tuple[float, str, str]]:
    """Labels for the right edge, at the middle of each layer."""
    return [
        (float(base[-1] + top[-1]) / 2, layer.name, layer.color)
        for layer, (base, top) in zip(layers, _edges(layers), strict=True)
    ]


def _edges(layers: Sequence[Layer]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Lower and upper edge of each layer; a layer that is negative on the whole hangs below zero."""
    up = down = np.zeros_like(layers[0].values)
    edges = []
    for layer in layers:
        if float(layer.values.sum()) < 0:
            edges.append((down, down + layer.values))
            down = down + layer.values
        else:
            edges.append((up, up + layer.values))
            up = up + layer.values
    return edges


def draw_band(axis: Axes, years: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """The 5-95 % range of a total over its stacked parts, as two dashed lines."""
    for values in (low, high):
        axis.plot(years, values, color="white", linewidth=2.2, alpha=0.8)
        axis.plot(years, values, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))


def draw_bars(axis: Axes, names: Sequence[str], shares: Sequence[float], texts: Sequence[str], color: str) -> None:
    """Probabilities of named classes as bars with their values above."""
    at = range(len(names))
    axis.bar(at, [100 * share for share in shares], width=0.72, color=color)
    for place, share, text in zip(at, shares, texts, strict=True):
        axis.annotate(text, (place, 100 * share), (0, 2), textcoords="offset points", ha="center", fontsize=SMALL,
                      color=INK if share else SOFT)  # fmt: skip
    axis.set_xticks(at, names)
    axis.set_ylim(0, 108)
    axis.set_yticks([0, 25, 50, 75, 100])
    axis.grid(axis="y", color=RULE, linewidth=0.5)
    axis.set_axisbelow(True)
    axis.tick_params(length=0)
    axis.spines["left"].set_visible(False)
