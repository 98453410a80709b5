"""A tile map: one square a province, all of one size, set about where the province lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from digits import number
from figures import FONT, INK, NONE, SMALL, SOFT
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize, PowerNorm, to_hex, to_rgb
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

LAYOUT = """
 .  .  .  .  .  .  HL
 .  .  .  .  .  .  JL
 .  .  .  NM BJ TJ LN
 XJ GS NX SX HE SD .
 XZ QH SN HA AH JS .
 .  SC CQ HB JX ZJ SH
 .  YN GZ HN FJ .  .
 .  .  GX GD .  .  .
 .  .  .  HI .  .  .
"""
"""The 31 provinces, by the last two letters of their ISO 3166-2 code, neighbours side by side where squares allow."""

GAP = 0.06

WHOLE = 2.0
"""Ranges of colour from here on are marked at whole numbers."""


@dataclass(frozen=True)
class TileMap:
    """Values by province code; what is missing or None is grey. `texts` are printed on the tiles, `names` above."""

    title: str
    unit: str
    values: Mapping[str, float]
    texts: Mapping[str, str]
    names: Mapping[str, str]
    colors: str | Colormap
    limits: tuple[float, float]
    provinces: Sequence[str] = ()


def layout(codes: Sequence[str]) -> dict[str, tuple[int, int]]:
    """(column, row) of each province; codes without a place of their own stand in rows below."""
    rows = [line.split() for line in LAYOUT.strip().splitlines()]
    known = {code: (column, row) for row, line in enumerate(rows) for column, code in enumerate(line) if code != "."}
    places = {code: known[code[-2:]] for code in codes if code[-2:] in known}
    width = len(rows[0])
    for index, code in enumerate(code for code in codes if code not in places):
        places[code] = (index % width, len(rows) + index // width)
    return places


def aspect(codes: Sequence[str]) -> float:
    """Rows over columns."""
    places = layout(codes).values()
    return (1 + max(row for _, row in places)) / (1 + max(column for column, _ in places))


def draw_tiles(axis: Axes, found: TileMap) -> None:
    """Tiles, coloured by value, with code and value of the province; the scale in the empty corner."""
    places = layout(found.provinces)
    colors, norm = mpl.colormaps.get_cmap(found.colors), _norm(found)
    for code, (column, row) in places.items():
        value = found.values.get(code)
        face = NONE if value is None else to_hex(colors(norm(value)))
        axis.add_patch(Rectangle((column + GAP / 2, -row - 1 + GAP / 2), 1 - GAP, 1 - GAP, facecolor=face, linewidth=0))
        ink = SOFT if value is None else readable(face)
        _write(axis, column, row, code[-2:], found.names.get(code, ""), found.texts.get(code, ""), ink)
    axis.set_xlim(0, 1 + max(column for column, _ in places.values()))
    axis.set_ylim(-1 - max(row for _, row in places.values()), 0)
    axis.set_aspect("equal")
    axis.set_axis_off()
    _scale(axis, found, colors, norm)


def _norm(found: TileMap) -> Normalize:
    """Even steps; square roots where the largest value would leave all others at one end."""
    low, high = found.limits
    middle = sorted(found.values.values())[len(found.values) // 2] if found.values else high
    if low == 0 and middle < high / 4:
        return PowerNorm(0.5, low, high, clip=True)
    return Normalize(low, high if high > low else low + 1, clip=True)


def readable(face: str) -> str:
    """Dark ink on light tiles, white on dark ones, by relative luminance (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(face)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if luminance > 0.2 else "white"


def _write(axis: Axes, column: int, row: int, code: str, name: str, text: str, ink: str) -> None:
    """Code, name and value, one under the other."""
    lines = [(code, SMALL, "bold"), (name, SMALL - 1.5, "normal"), (text, SMALL, "normal")]
    lines = [line for line in lines if line[0]]
    heights = {1: (0.0,), 2: (0.19, -0.19), 3: (0.28, 0.0, -0.28)}[len(lines)]
    for height, (words, size, weight) in zip(heights, lines, strict=True):
        axis.text(column + 0.5, height - row - 0.5, words, ha="center", va="center", fontsize=size, fontweight=weight,
                  color=ink)  # fmt: skip


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _scale(axis: Axes, found: TileMap, colors: Colormap, norm: Normalize) -> None:
    """Title, colour bar and unit in the corner that the country leaves free."""
    axis.text(0, 0, found.title, fontsize=FONT, fontweight="bold", va="top")
    bar = axis.inset_axes((0, -1.05, 4.6, 0.28), transform=axis.transData)
    wide = found.limits[1] - found.limits[0] >= WHOLE
    ticks = [tick for tick in MaxNLocator(4, integer=wide).tick_values(*found.limits) if _within(tick, found.limits)]
    decimals = 0 if wide else 2
    drawn = axis.figure.colorbar(ScalarMappable(norm, colors), cax=bar, orientation="horizontal", ticks=ticks)
    drawn.ax.xaxis.set_major_formatter(lambda value, _: number(value, decimals))
    drawn.ax.minorticks_off()
    drawn.ax.spines[:].set_visible(False)
    drawn.ax.tick_params(length=2, labelsize=SMALL)
    axis.text(0, -0.7, found.unit, fontsize=SMALL, color=SOFT, va="bottom")
