"""Tables of statistics, with the errors that say how many digits count."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from digits import MINUS
from page import Cell, Group, Row, Table
from reading import AT_MEAN, MEAN, PERCENTILES, SCENARIO, SD, Cube

STATISTICS = {
    MEAN: "E[f(X)], mean",
    AT_MEAN: "f(E[X]), at mean inputs",
    SD: "standard deviation",
    "p05": "5 %",
    "p25": "25 %",
    "p50": "median",
    "p75": "75 %",
    "p95": "95 %",
}
HEADLINE = (MEAN, AT_MEAN, "p05", "p50", "p95")
SPREAD = ("p05", "p50", "p95")


@dataclass(frozen=True)
class Quantity:
    """An output as a table shows it: what it is called, in which years, and by what it is multiplied for its unit.

    `at` picks one element of an axis, such as one pollutant.
    """

    name: str
    title: str
    years: tuple[int, ...] = ()
    scale: float = 1.0
    unit: str | None = None
    at: dict[str, str] = field(default_factory=dict)

    def head(self, cube: Cube) -> str:
        """Title and unit."""
        unit = cube.unit(self.name) if self.unit is None else self.unit
        return f"{self.title}, {unit}" if unit else self.title


def scenario_name(key: str) -> str:
    """A scenario as people write it."""
    return key.replace("_", " ")


def some_years(cube: Cube, step: int) -> tuple[int, ...]:
    """First year, last year and round ones between them."""
    years = [int(year) for year in cube.years]
    return tuple(year for year in years if year % step == 0 or year in (years[0], years[-1]))


def cells(
    cube: Cube, item: Quantity, statistics: Iterable[str], scenario: str, year: int | None, *, difference: bool = False
) -> list[Cell]:
    """Statistics of one number, left to right; the run at mean inputs takes the digits of the mean."""
    at: dict[str, str | int] = {**item.at} if year is None else {**item.at, "year": year}
    is_year = cube.summary[item.name].attrs["units"] == "year" and not difference
    found: dict[str, Cell] = {}
    for statistic in statistics:
        value, error = (
            item.scale * float(read(item.name, statistic, scenario, difference=difference, **at))
            for read in (cube.value, cube.error)
        )
        found[statistic] = Cell(value, error, found.get(MEAN) if statistic == AT_MEAN else None, is_year)
    return list(found.values())


def statistics_table(
    cube: Cube, items: Sequence[Quantity], caption: str, scenario: str, statistics: Sequence[str] = HEADLINE
) -> Table:
    """Quantities as groups, their years as rows, statistics as columns."""
    groups = []
    for item in items:
        rows = [Row(str(year), cells(cube, item, statistics, scenario, year)) for year in item.years]
        rows = rows or [Row(f"{cube.years[0]}–{cube.years[-1]}", cells(cube, item, statistics, scenario, None))]
        groups.append(Group(item.head(cube), rows))
    return Table(caption, "Year", [STATISTICS[key] for key in statistics], groups)


def scenario_table(cube: Cube, item: Quantity, caption: str, statistics: Sequence[str]) -> Table:
    """One output, scenarios as groups, years as rows."""
    groups = [
        Group(scenario_name(key), [Row(str(year), cells(cube, item, statistics, key, year)) for year in item.years])
        for key in (cube.scenarios if cube.depends_on_scenario(item.name) else [""])
    ]
    return Table(f"{caption} ({item.head(cube)})", "Year", [STATISTICS[key] for key in statistics], groups)


def difference_table(cube: Cube, items: Sequence[Quantity], caption: str, statistics: Sequence[str] = SPREAD) -> Table:
    """Paired differences of each scenario to the reference."""
    groups = []
    for item in items:
        rows = [
            Row(f"{scenario_name(key)}, {year}", cells(cube, item, (MEAN, *statistics), key, year, difference=True))
            for key in cube.scenarios[1:]
            for year in item.years
        ]
        groups.append(Group(item.head(cube), rows))
    columns = ["mean difference", *(STATISTICS[key] for key in statistics)]
    return Table(caption, "Scenario, year", columns, groups)


def probability_table(cube: Cube, without: str) -> Table | None:
    """Probabilities of passing the thresholds of the run file, those on one output left out; None of none."""
    groups = []
    for name, rule in (cube.run.get("exceedance") or {}).items():
        output, difference = rule["output"].removeprefix("difference/"), rule["output"].startswith("difference/")
        held = cube.differences if difference else cube.summary
        if output == without or name not in held or set(held[name].dims) - {SCENARIO, "year"}:
            continue
        side = "below" if rule.get("below") is not None else "above"
        paired = f", difference to {scenario_name(cube.reference)}," if difference else ""
        threshold = f"{rule[side]:,.10g} {cube.unit(output)}".strip().replace("-", MINUS)
        name_of = str(cube.summary[output].attrs["long_name"]).replace("CO2", "CO₂")
        head = f"{name_of}{paired} {side} {threshold}"
        years = [year for year in (2030, 2040, 2050, int(cube.years[-1])) if year in cube.years]
        dated = "year" in held[name].dims
        groups.append(
            Group(head, [_probabilities(cube, name, year, difference=difference) for year in (years if dated else [0])])
        )
    columns = [scenario_name(key) for key in cube.scenarios]
    return Table("Probabilities that the run file asks for, %", "Year", columns, groups) if groups else None


def share_cell(share: float, error: float) -> Cell | str:
    """A probability in percent, in words where no draw or every draw passes: that is not yet impossible or certain."""
    words = {0.0: "no draw", 1.0: "all draws"}
    return words.get(share) or Cell(100 * share, 100 * error, most=3)


def _probabilities(cube: Cube, name: str, year: int, *, difference: bool) -> Row:
    """All scenarios, but for the reference in a difference to it; year 0 stands for an output without years."""
    row: list[Cell | str] = []
    for key in cube.scenarios:
        value, error = (
            float(read(name, scenario=key, difference=difference, year=year)) for read in (cube.value, cube.error)
        )
        row.append("–" if difference and key == cube.reference else share_cell(value, error))
    return Row(str(year) if year else f"{cube.years[0]}–{cube.years[-1]}", row)


def parts_table(cube: Cube, item: Quantity, parts: Sequence[tuple[str, np.ndarray, np.ndarray]], caption: str) -> Table:
    """Parts of a whole (name, values, errors over the years), one column a part, rounded to their errors."""
    rows = []
    for year in item.years:
        at = int(np.flatnonzero(cube.years == year)[0])
        rows.append(Row(str(year), [Cell(float(values[at]), float(errors[at])) for _, values, errors in parts]))
    columns = [name for name, _, _ in parts]
    return Table(f"{caption} ({item.head(cube)})", "Year", columns, [Group("", rows)], errors=False)


def percentiles_of(
    cube: Cube, name: str, scenario: str, *, difference: bool = False, **at: str | int
) -> dict[str, np.ndarray]:
    """All percentiles of an output over the years."""
    return {key: cube.value(name, key, scenario, difference=difference, **at) for key in PERCENTILES}
