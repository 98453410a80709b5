"""Trade-offs of chosen years beside a cube (`NAME.pareto.nc`): the front with its band, and what instruments reach."""

from functools import partial
from pathlib import Path

import figures as draw
import xarray as xr
from digits import number
from figures import Fan, Margins, Sheet
from matplotlib.figure import Figure as Drawing
from page import Cell, Figure, Group, Row, Table
from reading import MCSE, PERCENTILES, STATISTIC, Cube

SPREAD = ("p05", "p50", "p95")
NAMES = {
    "co2": "CO₂ avoided",
    "cost": "cost saved",
    "pollutants": "pollutants avoided",
    "neutrality": "way to neutrality",
}
INSTRUMENTS = {"regional_pools": "trade within regions only", "pro_rata": "pro rata"}
WORDS = (
    "Each draw lives the coordinated path to the year, and its plans are then judged by two objectives. Read: who "
    "gives up so much of the range of the first (from its best to where the second is best) gains so much of the range "
    "of the second. A draw in which the two agree has no range, and gains nothing. Band: 5–95 % and 25–75 % of the "
    "draws at each share; line: median."
)


def beside(cube: Cube) -> Path:
    """Where the trade-offs of a cube lie."""
    return cube.path.with_name(f"{cube.path.stem}.pareto.nc")


def front(cube: Cube) -> Figure | None:
    """Fronts of the chosen years; None where no file lies beside the cube."""
    path = beside(cube)
    if not path.is_file():
        return None
    with xr.open_dataset(path, engine="netcdf4") as dataset:
        found = dataset.load()
    first, second = (NAMES.get(str(name), str(name)) for name in found["objective"].values)
    told = []
    for year in found["front_year"].values:
        half = float(found["front_gained_share"].sel(front_year=year, statistic="p50", share=0.5))
        told.append(f"in {year} half of {first} buys {number(100 * half, 0)} % of {second} in the middle")
    return Figure(
        "front",
        f"What {second} costs in {first}",
        f"{WORDS} {found.attrs['draws']} draws.",
        f"Fans of the share of {second} gained for a share of {first} given up: {'; '.join(told)}.",
        draw.render(partial(_draw, found, first, second)),
        [_instruments(found), _ends(found, first, second)],
    )


def _draw(found: xr.Dataset, first: str, second: str, sheet: Sheet) -> Drawing:
    years = found["front_year"].values
    figure, axes = draw.panels(sheet, len(years), 1.9, Margins(left=0.42, right=0.55, top=0.42), 2, repeat_axis=True)
    share = 100 * found["share"].values
    for axis, year in zip(axes, years, strict=True):
        part = found["front_gained_share"].sel(front_year=year)
        fan = Fan({key: 100 * part.sel(statistic=key).values for key in PERCENTILES}, draw.line_color(0))
        draw.draw_fan(axis, share, fan)
        axis.set_title(f"{year}: % of {second}, by % of {first} given up", color=fan.color)
        axis.set_xlim(0, 100)
        axis.set_ylim(0, 100)
        draw.fan_labels(axis, fan)
    return figure


def _cells(found: xr.Dataset, name: str, **at: object) -> list[Cell]:
    value, error = (found[key].sel(at) for key in (name, name + MCSE))
    return [
        Cell(float(value.sel({STATISTIC: statistic})), float(error.sel({STATISTIC: statistic}))) for statistic in SPREAD
    ]


def _instruments(found: xr.Dataset) -> Table:
    """CO2 that each instrument avoids less than the best plan."""
    groups = []
    for year in found["front_year"].values:
        rows = []
        for label in map(str, found["instrument"].values):
            head = INSTRUMENTS.get(label, label)
            if label.startswith("carbon_price_"):
                head = f"least cost at {label.removeprefix('carbon_price_')} CNY per t CO₂"
            rows.append(Row(head, _cells(found, "co2_forgone", front_year=year, instrument=label)))
        groups.append(Group(str(year), rows))
    return Table(
        "CO₂ that an instrument avoids less than the best plan of the year, in the same state, Mt/year",
        "instrument",
        ("5 %", "median", "95 %"),
        groups,
    )


def _ends(found: xr.Dataset, first: str, second: str) -> Table:
    """Best value of each objective, its value where the other is best, and the knee."""
    kinds = {"front_ideal": "best", "front_nadir": "where the other is best", "front_knee": "knee"}
    groups = [
        Group(
            f"{year}: {words}",
            [Row(head, _cells(found, name, front_year=year, objective=objective)) for name, head in kinds.items()],
        )
        for year in found["front_year"].values
        for objective, words in zip(map(str, found["objective"].values), (first, second), strict=True)
    ]
    units = {name: found[f"front_{place}"].attrs["units"] for name, place in ((first, "first"), (second, "second"))}
    written = {name: unit.replace(" year-1", "/year").replace("GCNY", "billion CNY") for name, unit in units.items()}
    told = ", ".join(f"{name} in {unit}" for name, unit in written.items())
    return Table(f"Ends and knee of the front: {told}", "point", ("5 %", "median", "95 %"), groups)
