"""The tile map of provinces: CO2, its change, its spread, and what another policy changes."""

from functools import partial

import figures as draw
from digits import MINUS, number
from figures import Margins, Sheet
from matplotlib.figure import Figure as Drawing
from page import Figure, Group, Row, Table
from reading import MEAN, SD, Cube
from tables import SPREAD, STATISTICS, Quantity, cells, scenario_name
from tiles import TileMap, aspect, draw_tiles

BY_PROVINCE = "co2_direct_power_by_province"


def provinces(cube: Cube) -> Figure:
    """CO2 of the first year, change to the last, spread, and the effect of another policy, by province."""
    first = int(cube.years[0])
    maps = _maps(cube)
    reference = scenario_name(cube.reference)
    means = _mean(cube, cube.reference, first)
    largest = sorted(_emitting(means), key=lambda code: -means[code])[:3]
    texts = ", ".join(f"{cube.label('province', code)} {means[code]:,.0f}" for code in largest)
    return Figure(
        "provinces",
        "CO₂ of scopes 1 and 2 by province",
        f"One tile a province; grey: no steelworks. Means over the draws under {reference}. The spread is the standard "
        f"deviation over the mean. Differences between policies are of means over the same draws.",
        f"Tile maps of {len(means)} provinces. Largest emitters in {first}, {cube.unit(BY_PROVINCE)}: {texts}.",
        draw.render(partial(_draw, maps)),
        [_table(cube)],
    )


def _mean(cube: Cube, scenario: str, year: int, statistic: str = MEAN) -> dict[str, float]:
    values = cube.value(BY_PROVINCE, statistic, scenario, year=year)
    return dict(zip(cube.labels("province"), values.tolist(), strict=True))


def _emitting(values: dict[str, float]) -> list[str]:
    """Provinces that emit; the others are grey, as are those without data."""
    return [code for code, value in values.items() if value > 0]


def _maps(cube: Cube) -> list[TileMap]:
    first, last = int(cube.years[0]), int(cube.years[-1])
    codes = cube.labels("province")
    begin, end = _mean(cube, cube.reference, first), _mean(cube, cube.reference, last)
    spread = _mean(cube, cube.reference, last, SD)
    kept = _emitting(begin)
    change = {code: 100 * (end[code] / begin[code] - 1) for code in kept}
    relative = {code: 100 * spread[code] / end[code] for code in kept if end[code] > 0}
    make = partial(_tile_map, cube, codes)
    maps = [
        make(f"CO₂ in {first}", "Mt CO₂/year", {code: begin[code] for code in kept}, (0.0, None)),
        make(f"Change from {first} to {last}", f"% of {first}", change),
        make(f"Spread in {last}", "standard deviation, % of the mean", relative, (0.0, None)),
    ]
    if len(cube.scenarios) > 1:
        other = cube.scenarios[1]
        ends = _mean(cube, other, last)
        gap = {code: 100 * (ends[code] - end[code]) / begin[code] for code in kept}
        maps.append(
            make(f"{_title(other)} {MINUS} {scenario_name(cube.reference)} in {last}", f"% of CO₂ in {first}", gap)
        )
    return maps


def _title(scenario: str) -> str:
    name = scenario_name(scenario)
    return name[:1].upper() + name[1:]


def _tile_map(
    cube: Cube, codes: list[str], title: str, unit: str, values: dict[str, float],
    limits: tuple[float | None, float | None] = (None, None),
) -> TileMap:  # fmt: skip
    """Colours diverge where values of both signs matter, else they run over the values there are."""
    low, high = min(values.values(), default=0.0), max(values.values(), default=1.0)
    diverges = low < 0 < high
    if diverges:
        low, high = -max(-low, high), max(-low, high)
    texts = {code: number(value, 0 if abs(value) >= 9.5 else 1) for code, value in values.items()}
    names = {}
    if draw.chinese() and "name_zh" in cube.summary.coords:
        names = {code: str(cube.summary["name_zh"].sel(province=code).item()) for code in codes}
    return TileMap(
        title=title,
        unit=unit,
        values=values,
        texts=texts,
        names=names,
        colors="RdBu_r" if diverges else "cividis",
        limits=(low if limits[0] is None else limits[0], high if limits[1] is None else limits[1]),
        provinces=codes,
    )


def _draw(maps: list[TileMap], sheet: Sheet) -> Drawing:
    columns, gap, edge = min(2, sheet.columns), 0.3, 0.05
    width = (sheet.width - 2 * edge - gap * (columns - 1)) / columns
    margins = Margins(left=edge, right=edge, top=0.12, bottom=0.0, between=gap)
    figure, axes = draw.panels(sheet, len(maps), width * aspect(maps[0].provinces), margins, columns)
    for axis, found in zip(axes, maps, strict=True):
        draw_tiles(axis, found)
    return figure


def _table(cube: Cube) -> Table:
    first, last = int(cube.years[0]), int(cube.years[-1])
    statistics = (MEAN, SD, *SPREAD) if cube.has_percentiles(BY_PROVINCE) else (MEAN, SD)
    names = STATISTICS | {MEAN: "mean", SD: "sd"}
    columns = [f"{year} {names[statistic]}" for year in (first, last) for statistic in statistics]
    paired = BY_PROVINCE in cube.differences
    gap = f" {MINUS} {scenario_name(cube.reference)}" if paired else ""
    columns += [f"{last} mean, {scenario_name(key)}{gap}" for key in cube.scenarios[1:]]
    rows = []
    for code in cube.labels("province"):
        item = Quantity(BY_PROVINCE, "", at={"province": code})
        row = [cell for year in (first, last) for cell in cells(cube, item, statistics, cube.reference, year)]
        row += [cells(cube, item, (MEAN,), key, last, difference=paired)[0] for key in cube.scenarios[1:]]
        rows.append(Row(f"{cube.label('province', code)} ({code[-2:]})", row))
    caption = f"CO₂ of scopes 1 and 2, {cube.unit(BY_PROVINCE)}; {scenario_name(cube.reference)} unless stated"
    return Table(caption, "Province", columns, [Group("", rows)])
