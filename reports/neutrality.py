"""How many provinces get to neutrality, and which of them are short of scrap, by policy."""

from functools import partial

import figures as draw
import numpy as np
from digits import number, percent
from figures import Fan, Margins, Sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from page import Cell, Figure, Group, Row, Table
from reading import MEAN, PERCENTILES, Cube
from tables import STATISTICS, Quantity, cells, percentiles_of, scenario_name, some_years
from tiles import TileMap, aspect, draw_tiles

COUNT, SHORT, DEAR, STEEL = (
    "neutral_count",
    "scrap_short_by_province",
    "scrap_dear_by_province",
    "crude_steel_by_province",
)
LIKELY = 0.5


def steel_provinces(cube: Cube) -> list[str]:
    """Provinces that make steel in any year, in the mean."""
    made = cube.value(STEEL).max(axis=-1)
    return [code for code, most in zip(cube.labels("province"), made.tolist(), strict=True) if most > 0]


def at_most(cube: Cube, threshold: str) -> str:
    """A threshold in words: `at most 5 % of 2020`."""
    return f"at most {threshold.replace('%', ' %')} of {cube.years[0]}"


def counts(cube: Cube) -> Figure:
    """How many provinces are neutral in the last year: median, spread and mean, by threshold and policy."""
    last, many = int(cube.years[-1]), len(steel_provinces(cube))
    thresholds = cube.labels("threshold")
    told = "; ".join(
        f"{at_most(cube, threshold)}: "
        + ", ".join(f"{scenario_name(key)} {_whole(cube, key, threshold)}" for key in cube.scenarios)
        for threshold in thresholds
    )
    return Figure(
        "count",
        f"How many of {many} provinces are neutral in {last}",
        f"A province counts as neutral where its net CO₂ of scopes 1 and 2 is at most the given share of "
        f"{cube.years[0]}. Dot: median of the draws; thick line: 25–75 %, thin line: 5–95 %; open diamond: mean. "
        "Percentiles are rounded to whole provinces.",
        f"Ranges of the number of neutral provinces in {last}, median and 5 to 95 %, by threshold and policy. {told}.",
        draw.render(partial(_draw_counts, cube, many)),
        [_count_table(cube, threshold) for threshold in thresholds],
    )


def _whole(cube: Cube, scenario: str, threshold: str) -> str:
    low, middle, high = (
        round(float(cube.value(COUNT, key, scenario, threshold=threshold)[-1])) for key in ("p05", "p50", "p95")
    )
    return f"{middle} ({low} to {high})"


def _draw_counts(cube: Cube, many: int, sheet: Sheet) -> Drawing:
    thresholds = cube.labels("threshold")
    names = [scenario_name(key) for key in cube.scenarios]
    margins = Margins(left=0.8, right=0.12, top=0.32, bottom=0.28, between=0.22)
    height = 0.2 * len(names) + 0.1
    figure, axes = draw.panels(sheet, len(thresholds), height, margins)
    for index, (axis, threshold) in enumerate(zip(axes, thresholds, strict=True)):
        for at, key in enumerate(cube.scenarios):
            _range_mark(axis, cube, at, key, threshold)
        axis.set_title(at_most(cube, threshold), pad=6)
        axis.set_xlim(-0.6, many + 0.6)
        axis.set_xticks(range(0, many + 1, max(1, many // 4)))
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.set_yticks(range(len(names)), names)
        axis.tick_params(axis="y", length=0, labelleft=draw.is_outer(axes, index)[0])
        axis.grid(axis="x", color=draw.RULE, linewidth=0.5)
        axis.set_axisbelow(True)
        axis.spines["left"].set_visible(False)
    return figure


def _range_mark(axis: Axes, cube: Cube, at: int, scenario: str, threshold: str) -> None:
    color = draw.line_color(at)
    found = {key: round(float(cube.value(COUNT, key, scenario, threshold=threshold)[-1])) for key in PERCENTILES}
    axis.plot([found["p05"], found["p95"]], [at, at], color=color, linewidth=1.0)
    axis.plot([found["p25"], found["p75"]], [at, at], color=color, linewidth=3.6, solid_capstyle="butt", alpha=0.55)
    axis.plot(found["p50"], at, "o", color=color, markersize=5.0, clip_on=False)
    mean = float(cube.value(COUNT, MEAN, scenario, threshold=threshold)[-1])
    axis.plot(
        mean,
        at,
        "D",
        markerfacecolor="white",
        markeredgecolor=draw.INK,
        markersize=3.2,
        markeredgewidth=0.8,
        clip_on=False,
    )


def _count_table(cube: Cube, threshold: str, years: tuple[int, ...] = ()) -> Table:
    """Mean and percentiles of the number of neutral provinces, years as rows, policies as groups."""
    groups = []
    for key in cube.scenarios:
        rows = []
        for year in years or tuple(year for year in some_years(cube, 10) if year > cube.years[0]):
            item = Quantity(COUNT, "", at={"threshold": threshold})
            mean = cells(cube, item, (MEAN,), key, year)
            rows.append(Row(str(year), [*mean, *_whole_cells(cube, key, threshold, year)]))
        groups.append(Group(scenario_name(key), rows))
    columns = [STATISTICS[key] for key in (MEAN, *PERCENTILES)]
    return Table(f"Number of provinces with net CO₂ {at_most(cube, threshold)}", "Year", columns, groups)


def _whole_cells(cube: Cube, scenario: str, threshold: str, year: int) -> list[str]:
    """Percentiles of a count are whole provinces."""
    return [str(round(float(cube.value(COUNT, key, scenario, threshold=threshold, year=year)))) for key in PERCENTILES]


def count_table(cube: Cube) -> Table:
    """Mean number of neutral provinces with its error, by threshold, year and policy."""
    years = [year for year in (2040, 2050, int(cube.years[-1])) if year in cube.years]
    groups = []
    for threshold in cube.labels("threshold"):
        item = Quantity(COUNT, "", at={"threshold": threshold})
        rows = [Row(str(year), [cells(cube, item, (MEAN,), key, year)[0] for key in cube.scenarios]) for year in years]
        groups.append(Group(f"Net CO₂ {at_most(cube, threshold)}", rows))
    columns = [scenario_name(key) for key in cube.scenarios]
    return Table("Mean number of neutral provinces, ± Monte Carlo standard error", "Year", columns, groups)


def count_path(cube: Cube) -> Figure:
    """The number of provinces under the widest threshold over the years, a fan a policy."""
    threshold, many = cube.labels("threshold")[-1], len(steel_provinces(cube))
    last = int(cube.years[-1])
    told = "; ".join(f"{scenario_name(key)} {_whole(cube, key, threshold)}" for key in cube.scenarios)
    return Figure(
        "count-path",
        f"How many provinces come down to {at_most(cube, threshold)}",
        "Bands: 5–95 % and 25–75 % of the draws; line: median, which jumps by whole provinces; dashed: mean. Grey "
        f"line: all {many} provinces that make steel.",
        f"Fan charts of the number of provinces with net CO2 {at_most(cube, threshold)}, one panel a policy. {last}, "
        f"median and 5 to 95 %: {told}.",
        draw.render(partial(_draw_path, cube, threshold, many)),
        [_count_table(cube, threshold, some_years(cube, 5))],
    )


def _draw_path(cube: Cube, threshold: str, many: int, sheet: Sheet) -> Drawing:
    figure, axes = draw.panels(sheet, len(cube.scenarios), 1.9, Margins(left=0.36, right=0.6))
    fans = []
    for index, (axis, key) in enumerate(zip(axes, cube.scenarios, strict=True)):
        found = {name: np.round(path) for name, path in percentiles_of(cube, COUNT, key, threshold=threshold).items()}
        mean = cube.value(COUNT, MEAN, key, threshold=threshold)
        fans.append(Fan(found, draw.line_color(index), {"mean": (mean, draw.INK, (0, (4, 2)))}))
        axis.axhline(many, color=draw.SOFT, linewidth=0.8)
        draw.draw_fan(axis, cube.years, fans[-1])
        axis.set_title(scenario_name(key), color=fans[-1].color)
        draw.time_axis(axis, cube.years, "provinces", first=draw.is_outer(axes, index)[0])
    draw.share_y(axes)
    for index, axis in enumerate(axes):
        if draw.is_outer(axes, index)[1]:
            draw.fan_labels(axis, fans[index])
    return figure


def shortage(cube: Cube) -> Figure:
    """Probability that less scrap arrives than electric furnaces could use, by province and policy."""
    last = int(cube.years[-1])
    counted = "; ".join(
        f"{scenario_name(key)} {len(likely(cube, SHORT, key, last))} provinces" for key in cube.scenarios
    )
    return Figure(
        "short",
        f"Where scrap is short in {last}",
        "Probability that less scrap arrives than the electric furnaces of the province could use. Grey: no "
        f"steelworks. The lists name the provinces where it is above {percent(LIKELY)} %: those need scrap from "
        "others. Dear: the province pays more for delivered scrap, in CO₂, than at least half of the provinces that "
        "make steel; only coordination has prices, and both conditions are judged one by one.",
        f"Tile maps of the probability that scrap is short in {last}, one a policy. More likely than not short: "
        f"{counted}.",
        draw.render(partial(_draw_short, cube, last)),
        [_short_table(cube)],
        [need_table(cube)],
    )


def likely(cube: Cube, name: str, scenario: str, year: int) -> list[str]:
    """Provinces where the probability is above one half."""
    shares = cube.value(name, scenario=scenario, year=year).tolist()
    return [code for code, share in zip(cube.labels("province"), shares, strict=True) if share > LIKELY]


def _draw_short(cube: Cube, year: int, sheet: Sheet) -> Drawing:
    columns, gap, edge = min(2, sheet.columns), 0.3, 0.05
    width = (sheet.width - 2 * edge - gap * (columns - 1)) / columns
    codes, makers = cube.labels("province"), set(steel_provinces(cube))
    margins = Margins(left=edge, right=edge, top=0.12, bottom=0.0, between=gap)
    figure, axes = draw.panels(sheet, len(cube.scenarios), width * aspect(codes), margins, columns)
    for axis, key in zip(axes, cube.scenarios, strict=True):
        shares = dict(zip(codes, cube.value(SHORT, scenario=key, year=year).tolist(), strict=True))
        values = {code: 100 * share for code, share in shares.items() if code in makers}
        texts = {code: percent(shares[code]) for code in values}
        title = f"{scenario_name(key)}, {year}"
        draw_tiles(axis, TileMap(title, "% of draws short of scrap", values, texts, {}, "cividis", (0.0, 100.0), codes))
    return figure


def need_table(cube: Cube) -> Table:
    """Provinces that need scrap from others: short, and both short and dear where there are prices, in names."""
    years = [year for year in (2030, 2040, 2050, int(cube.years[-1])) if year in cube.years]
    makers = steel_provinces(cube)
    groups = [
        Group(
            f"Short of scrap in more than {percent(LIKELY)} % of the draws",
            [Row(scenario_name(key), [_names(cube, likely(cube, SHORT, key, year), makers) for year in years])
             for key in cube.scenarios],
        )
    ]  # fmt: skip
    priced = [key for key in cube.scenarios if cube.has(DEAR) and cube.value(DEAR, scenario=key).max() > 0]
    if priced:
        rows = []
        for key in priced:
            both = [
                [code for code in likely(cube, SHORT, key, year) if code in likely(cube, DEAR, key, year)]
                for year in years
            ]
            rows.append(Row(scenario_name(key), [_names(cube, codes, makers) for codes in both]))
        groups.append(Group(f"Short and dear, each in more than {percent(LIKELY)} % of the draws", rows))
    return Table("Provinces that need scrap from others", "Policy", [str(year) for year in years], groups, kind="prose")


def _names(cube: Cube, codes: list[str], makers: list[str]) -> str:
    """Names of provinces; all but a few are told by those few."""
    others = [code for code in makers if code not in codes]
    if not codes:
        return "none"
    if len(others) <= len(makers) // 4:
        rest = f" but {', '.join(cube.label('province', code) for code in others)}" if others else ""
        return f"all {len(makers)}{rest}"
    return f"{len(codes)}: {', '.join(cube.label('province', code) for code in codes)}"


def _short_table(cube: Cube) -> Table:
    """Mean number of provinces that are short, and the number that more likely than not are."""
    years = [year for year in some_years(cube, 5) if year > cube.years[0]]
    rows = []
    for year in years:
        row: list[Cell | str] = []
        for key in cube.scenarios:
            mean = float(cube.value(SHORT, scenario=key, year=year).sum())
            row += [number(mean, 0), str(len(likely(cube, SHORT, key, year)))]
        rows.append(Row(str(year), row))
    over = [(scenario_name(key), 2) for key in cube.scenarios]
    caption = "Provinces short of scrap: mean number, and number of those short in more than half of the draws"
    columns = ["mean", "likely"] * len(cube.scenarios)
    return Table(caption, "Year", columns, [Group("", rows)], over=over)
