"""The page `provinces`: one row a province, and how many of them get to neutrality under each policy."""

from collections.abc import Callable
from dataclasses import dataclass

from flows import groups_of
from gains import coordinated
from neutrality import COUNT, DEAR, SHORT, STEEL, count_path, count_table, counts, likely, shortage, steel_provinces
from origin import count, error_note, provenance, warnings
from page import Cell, Figure, Group, Page, Row, Section, Share, Spark, Table
from reading import MEAN, Cube, NoPage
from sparklines import sparkline
from tables import SPREAD, Quantity, cells, scenario_name

CO2, NEUTRAL, CUT = "co2_direct_power_by_province", "neutral_by_province", "pollutant_cut_by_province"
ARRIVALS = "scrap_arrivals_by_province"

FIGURES: tuple[tuple[str, Callable[[Cube], Figure | None], tuple[str, ...]], ...] = (
    ("the number of neutral provinces", counts, (COUNT,)),
    ("the number of neutral provinces over time", count_path, (COUNT,)),
    ("provinces short of scrap", shortage, (SHORT,)),
)
"""The figures above the table, and the outputs that each needs."""

Cells = list[Cell | Share | Spark | str]


@dataclass(frozen=True)
class Columns:
    """Some columns of the table under one heading, which all need one output."""

    over: str
    heads: tuple[str, ...]
    needs: str
    cells: Callable[[str], Cells]


def page(cube: Cube) -> Page:
    """The page of a cube; columns and figures whose outputs the cube lacks are left out and named.

    Raises:
        NoPage: the run has no provinces that make steel.
    """
    if not cube.has(STEEL):
        raise NoPage(f"{cube.path}: no page `provinces`: the cube holds no {STEEL}")
    chosen = coordinated(cube) or cube.reference
    missing = [
        f"No figure of {name}: the cube holds no {', '.join(output for output in needed if not cube.has(output))}."
        for name, _, needed in FIGURES
        if not cube.has(*needed)
    ]
    wanted = (STEEL, CO2, NEUTRAL, CUT, SHORT, ARRIVALS, *([DEAR] if coordinated(cube) else []))
    missing += [
        f"No columns of {name} in the table: the cube holds no {name}." for name in wanted if not cube.has(name)
    ]
    attributes = cube.summary.attrs
    return Page(
        name="provinces",
        title=f"Steel by province, {cube.years[0]}–{cube.years[-1]}: who gets to neutrality, who lacks scrap",
        subtitle=f"{attributes.get('title', cube.path.stem)} · {count(attributes['draws'])} draws",
        lead=_lead(cube, chosen),
        headline=[count_table(cube)] if cube.has(COUNT) else [],
        more=[],
        notes=[error_note(cube)],
        figures=[build(cube) for _, build, needed in FIGURES if cube.has(*needed)],
        warnings=[*missing, *warnings(cube, {*wanted, COUNT})],
        provenance=provenance(cube, STEEL),
        sections=[_section(cube, chosen)],
    )


def _lead(cube: Cube, chosen: str) -> list[str]:
    many, last = len(steel_provinces(cube)), int(cube.years[-1])
    found = []
    if cube.has(COUNT):
        thresholds = cube.labels("threshold")
        items = [Quantity(COUNT, "", at={"threshold": threshold}) for threshold in thresholds]
        numbers = [cells(cube, item, (MEAN,), chosen, last)[0].text for item in items]
        found.append(
            f"Of {many} provinces that make steel, {_listed(numbers)} get by {last} to net CO₂ of scopes 1 and 2 of at "
            f"most {_listed([threshold.rstrip('%') for threshold in thresholds])} % of {cube.years[0]}: means over the "
            f"draws under the policy “{scenario_name(chosen)}”."
        )
    if cube.has(SHORT):
        told = [f"{len(likely(cube, SHORT, key, last))} under {scenario_name(key)}" for key in cube.scenarios]
        found.append(f"More likely than not short of scrap in {last}: {', '.join(told)}.")
    return found


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _section(cube: Cube, chosen: str) -> Section:
    others = [key for key in cube.scenarios if key != chosen]
    tables = [_table(cube, chosen)]
    if others:
        tables.append(_side_by_side(cube))
    return Section(
        "table",
        "Province by province",
        "Means over the draws. The small drawing is CO₂ of scopes 1 and 2 from "
        f"{cube.years[0]} to {cube.years[-1]}: line mean, band 5–95 % where the run keeps percentiles by province; "
        "every province has its own scale, from zero. Probabilities are shares of the draws in percent, the deeper the "
        "blue the higher; none and all are what no or every draw does, which is not yet impossible or certain. Digits "
        "end where the Monte Carlo error begins.",
        [table for table in tables if table.columns],
        [(f"The same under {scenario_name(key)}", _table(cube, key)) for key in others],
    )


def _table(cube: Cube, scenario: str) -> Table:
    """Everything about each province under one policy."""
    kept = [columns for columns in _columns(cube, scenario) if cube.has(columns.needs)]
    caption = f"Provinces that make steel, scrap policy: {scenario_name(scenario)}"
    return _assemble(cube, kept, caption)


def _assemble(cube: Cube, kept: list[Columns], caption: str) -> Table:
    groups = [
        Group(region, [Row(_name(cube, code), [cell for part in kept for cell in part.cells(code)]) for code in codes])
        for region, codes in groups_of(cube, steel_provinces(cube)).items()
    ]
    over = [(part.over, len(part.heads)) for part in kept]
    heads = [head for part in kept for head in part.heads]
    return Table(caption, "Province", heads, groups, errors=False, over=over, kind="wide")


def _name(cube: Cube, code: str) -> str:
    """English and Chinese name; the reader's machine has the letters or not, the page carries none."""
    english = cube.label("province", code)
    if "name_zh" not in cube.summary.coords:
        return english
    return f"{english} {cube.summary['name_zh'].sel(province=code).item()}"


def _columns(cube: Cube, scenario: str) -> list[Columns]:
    first, last = int(cube.years[0]), int(cube.years[-1])
    ends = tuple(year for year in (2030, last) if year in cube.years)
    years = tuple(map(str, ends))

    def mean(name: str, code: str, year: int) -> Cell:
        return cells(cube, Quantity(name, "", at={"province": code}), (MEAN,), scenario, year)[0]

    def share(name: str, code: str, year: int, **at: str) -> Share:
        return _share(cube, name, scenario, code, year, **at)

    found = [
        Columns(
            f"Crude steel, {cube.unit(STEEL)}",
            (str(first), str(last)),
            STEEL,
            lambda code: [mean(STEEL, code, year) for year in (first, last)],
        ),
        Columns(
            "CO₂ of scopes 1 and 2, Mt/year",
            (str(first), "path", str(last)),
            CO2,
            lambda code: [mean(CO2, code, first), _spark(cube, scenario, code), mean(CO2, code, last)],
        ),
    ]
    if cube.has(NEUTRAL):
        keys = cube.labels("threshold")
        found.append(
            Columns(
                f"Neutral in {last}: net CO₂ at most … of {first}, probability in %",
                tuple(key.replace("%", " %") for key in keys),
                NEUTRAL,
                lambda code: [share(NEUTRAL, code, last, threshold=key) for key in keys],
            )
        )
    if cube.has(CUT):
        kinds = cube.labels("pollutant")
        found.append(
            Columns(
                f"> 90 % less than {first} in {last}, %",
                tuple(kind.replace("2", "₂") for kind in kinds),
                CUT,
                lambda code: [share(CUT, code, last, pollutant=kind) for kind in kinds],
            )
        )
    found.append(
        Columns("Short of scrap, %", years, SHORT, lambda code: [share(SHORT, code, year) for year in ends]),
    )
    if scenario == coordinated(cube):
        found.append(Columns("Dear scrap, %", years, DEAR, lambda code: [share(DEAR, code, year) for year in ends]))
    found.append(
        Columns(
            f"Scrap that arrives, {cube.unit(ARRIVALS)}" if cube.has(ARRIVALS) else "",
            years,
            ARRIVALS,
            lambda code: [mean(ARRIVALS, code, year) for year in ends],
        )
    )
    return found


def _side_by_side(cube: Cube) -> Table:
    """Probability of neutrality and of too little scrap, policy by policy."""
    first, last = int(cube.years[0]), int(cube.years[-1])
    names = tuple(scenario_name(key) for key in cube.scenarios)
    found = []
    for threshold in cube.labels("threshold")[-2:] if cube.has(NEUTRAL) else []:
        found.append(
            Columns(
                f"Net CO₂ in {last} at most {threshold.replace('%', ' %')} of {first}",
                names,
                NEUTRAL,
                lambda code, threshold=threshold: [
                    _share(cube, NEUTRAL, key, code, last, threshold=threshold) for key in cube.scenarios
                ],
            )
        )
    if cube.has(SHORT):
        for year in (year for year in (2040, last) if year in cube.years):
            found.append(
                Columns(
                    f"Short of scrap in {year}",
                    names,
                    SHORT,
                    lambda code, year=year: [_share(cube, SHORT, key, code, year) for key in cube.scenarios],
                )
            )
    return _assemble(cube, found, "Policies side by side: probability in %")


def _share(cube: Cube, name: str, scenario: str, code: str, year: int, **at: str) -> Share:
    both = (read(name, scenario=scenario, province=code, year=year, **at) for read in (cube.value, cube.error))
    return Share(*map(float, both))


def _spark(cube: Cube, scenario: str, code: str) -> Spark:
    """CO2 of a province over the years, in a drawing and in words."""
    first, last = int(cube.years[0]), int(cube.years[-1])
    path = cube.value(CO2, scenario=scenario, province=code)
    name, item = cube.label("province", code), Quantity(CO2, "", at={"province": code})
    begin, end = (cells(cube, item, (MEAN,), scenario, year)[0].text for year in (first, last))
    if not cube.has_percentiles(CO2):
        return Spark(sparkline(path), f"{name}: {begin} in {first}, {end} in {last}")
    low, _, high = (cell.text for cell in cells(cube, item, SPREAD, scenario, last))
    band = (cube.value(CO2, key, scenario, province=code) for key in ("p05", "p95"))
    return Spark(sparkline(path, *band), f"{name}: {begin} in {first}, {end} ({low} to {high}) in {last}")
