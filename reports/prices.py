"""What a tonne of scrap is worth by province: the CO2 prices of the coordinated plan."""

from functools import partial

import figures as draw
from digits import number
from figures import Margins, Sheet
from flows import ends, groups_of
from gains import coordinated
from matplotlib.figure import Figure as Drawing
from page import Cell, Figure, Group, Row, Table
from reading import SD, Cube
from tiles import TileMap, aspect, draw_tiles

PRICE, DELIVERED = "scrap_price_by_province", "scrap_delivered_by_province"


def prices(cube: Cube) -> Figure:
    """CO2 price of scrap where it arises in the first and last year with flows, as tile maps."""
    found = {year: _prices(cube, year) for year in ends(cube)}
    told = "; ".join(
        f"{year}: from {number(min(values.values()), 2)} to {number(max(values.values()), 2)}"
        for year, values in found.items()
    )
    return Figure(
        "prices",
        "What a tonne of scrap is worth, by province",
        "CO₂ that one more tonne of scrap from a province would avoid under coordination, t CO₂ per t, mean: the dual "
        "price of the plan. A province whose scrap is worth more lies nearer to furnaces that lack it. Each map has "
        "its own scale. Other policies have no prices.",
        f"Tile maps of the CO2 price of scrap by province, t CO2 per t, mean. {told}.",
        draw.render(partial(_draw, cube, found)),
        [_table(cube)],
    )


def _prices(cube: Cube, year: int) -> dict[str, float]:
    values = cube.value(PRICE, scenario=coordinated(cube) or "", year=year)
    return dict(zip(cube.labels("province"), values.tolist(), strict=True))


def _draw(cube: Cube, found: dict[int, dict[str, float]], sheet: Sheet) -> Drawing:
    columns, gap, edge = min(2, sheet.columns), 0.3, 0.05
    width = (sheet.width - 2 * edge - gap * (columns - 1)) / columns
    codes = cube.labels("province")
    margins = Margins(left=edge, right=edge, top=0.12, bottom=0.0, between=gap)
    figure, axes = draw.panels(sheet, len(found), width * aspect(codes), margins, columns)
    for axis, (year, values) in zip(axes, found.items(), strict=True):
        texts = {code: number(value, 2) for code, value in values.items()}
        limits = (min(values.values()), max(values.values()))
        draw_tiles(axis, TileMap(f"Worth of scrap in {year}", "t CO₂/t", values, texts, {}, "cividis", limits, codes))
    return figure


def _table(cube: Cube) -> Table:
    """Price at the source with its spread, and price where scrap is used, every year with flows."""
    years = [int(year) for year in cube.summary["flow_year"].values if year in cube.years]
    scenario = coordinated(cube) or ""
    has_delivered = cube.has(DELIVERED)
    uses = {code for code, value in _used(cube).items() if value > 0}
    groups = []
    for region, codes in groups_of(cube, cube.labels("province")).items():
        rows = []
        for code in codes:
            row: list[Cell | str] = []
            for year in years:
                at = {"province": code, "year": year}
                mean = Cell(float(cube.value(PRICE, scenario=scenario, **at)),
                            float(cube.error(PRICE, scenario=scenario, **at)))  # fmt: skip
                row += [mean, Cell(float(cube.value(PRICE, SD, scenario, **at)), most=2)]
                if has_delivered:
                    value, error = (
                        float(read(DELIVERED, scenario=scenario, **at)) for read in (cube.value, cube.error)
                    )
                    row.append(Cell(value, error) if code in uses else "–")
            rows.append(Row(f"{cube.label('province', code)} ({code[-2:]})", row))
        groups.append(Group(region, rows))
    each = ["at source", "sd", *(["delivered"] if has_delivered else [])]
    caption = (
        "CO₂ price of scrap, t CO₂ per t, mean; sd: standard deviation over the draws; delivered: where it is used"
    )
    over = [(str(year), len(each)) for year in years]
    return Table(caption, "Province", each * len(years), groups, errors=False, over=over, kind="wide")


def _used(cube: Cube) -> dict[str, float]:
    """Scrap that arrives in each province in the last year with flows."""
    values = cube.value("scrap_flow", scenario=coordinated(cube) or "", flow_year=ends(cube)[-1]).sum(axis=0)
    return dict(zip(cube.labels("destination"), values.tolist(), strict=True))
