"""The page `emissions`: how uncertain the CO2 of steel is, nationally and by province, and what drives it."""

from collections.abc import Callable

from composition import energy, routes, scopes, scrap
from origin import MEANS, count, error_note, provenance, warnings
from page import Figure, Page, Table
from peak import PEAK
from province_maps import BY_PROVINCE, provinces
from reading import Cube, CubeError
from tables import SPREAD, Quantity, cells, probability_table, scenario_name, statistics_table
from trajectories import CO2, CO2_TITLE, CUMULATIVE, co2, co2_difference, pollutants, year_of_peak

FIGURES: tuple[tuple[Callable[[Cube], Figure | None], tuple[str, ...]], ...] = (
    (co2, ()),
    (co2_difference, ()),
    (year_of_peak, ()),
    (provinces, (BY_PROVINCE,)),
    (scopes, ("co2_scope1", "co2_scope2", "co2_total")),
    (routes, ("production_by_route", "crude_steel")),
    (energy, ("energy_by_carrier",)),
    (scrap, ("scrap_home", "scrap_prompt", "scrap_obsolete", "scrap_supply", "scrap_used")),
    (pollutants, ("pollutants",)),
)
"""The figures of the page in their order, and the outputs that each needs."""

POLICIES = {
    "autarky": "every province melts its own scrap",
    "market": "scrap moves to where it can be used, the less the farther (gravity)",
    "pro_rata": "scrap is pooled and every province gets the same share of what it could use",
    "coordinated": "an optimiser shares out the scrap",
}
"""Scrap policies in a few words; one that is not listed goes by its name alone."""


def page(cube: Cube) -> Page:
    """The page of a cube; figures whose outputs the cube lacks are left out and named.

    Raises:
        CubeError: without national CO2 there is no page.
    """
    if not cube.has(CO2):
        raise CubeError(f"{cube.path}: has no output {CO2}; the page `emissions` is about it")
    first, last = int(cube.years[0]), int(cube.years[-1])
    figures, missing = [], []
    for build, needed in FIGURES:
        absent = [name for name in needed if not cube.has(name)]
        figure = None if absent else build(cube)
        if figure is not None:
            figures.append(figure)
        else:
            missing.append(_sentence(build.__name__, absent))
    attributes = cube.summary.attrs
    asked = probability_table(cube, without=PEAK)
    return Page(
        name="emissions",
        title=f"CO₂ of China’s {attributes.get('study', 'steel')}, {first}–{last}",
        subtitle=f"{attributes.get('title', cube.path.stem)} · {count(attributes['draws'])} draws",
        lead=_lead(cube),
        headline=[_headline(cube, cube.reference), *([asked] if asked else [])],
        more=[_headline(cube, key) for key in cube.scenarios[1:]],
        notes=[MEANS, error_note(cube)],
        figures=figures,
        warnings=[*missing, *warnings(cube)],
        provenance=provenance(cube, CO2),
    )


def _sentence(figure: str, absent: list[str]) -> str:
    if absent:
        return f"No figure of {figure.replace('_', ' ')}: the cube holds no {', '.join(absent)}."
    return {
        "year_of_peak": "No distribution of the year of the peak: the run file sets no thresholds on co2_peak_year "
        '([exceedance] peak_by_2030 = { output = "co2_peak_year", below = 2030.5 }) and keeps no draws of it.',
        "co2_difference": "No paired differences: the run has one scenario or asks for none (statistics.differences).",
    }[figure]


def _lead(cube: Cube) -> list[str]:
    """What the page says in two sentences and who the scenarios are."""
    first, last = int(cube.years[0]), int(cube.years[-1])
    begin = _words(cube, cube.reference, first)
    ends = [f"{_words(cube, key, last)} under {scenario_name(key)}" for key in cube.scenarios]
    joined = ends[0] if len(ends) == 1 else f"{', '.join(ends[:-1])} and {ends[-1]}"
    found = [
        f"From {begin} Mt in {first}, the median of {CO2_TITLE} falls to {joined} in {last} (5–95 % of the draws in "
        "brackets)."
        if cube.value(CO2, "p50")[-1] < cube.value(CO2, "p50")[0]
        else f"The median of {CO2_TITLE} moves from {begin} Mt in {first} to {joined} in {last} (5–95 % in brackets)."
    ]
    if "scenario_policy" in cube.summary.coords:
        policies = {key: str(cube.summary["scenario_policy"].sel(scenario=key).item()) for key in cube.scenarios}
        told = [f"{scenario_name(key)} – {POLICIES[policies[key]]}" for key in policies if policies[key] in POLICIES]
        if told:
            found.append(f"The scrap policies, on the same draws: {'; '.join(told)}.")
    return found


def _words(cube: Cube, scenario: str, year: int) -> str:
    low, middle, high = (cell.text for cell in cells(cube, Quantity(CO2, ""), SPREAD, scenario, year))
    return f"{middle} ({low}–{high})"


def _headline(cube: Cube, scenario: str) -> Table:
    """The numbers that people quote, with E[f(X)] beside f(E[X])."""
    first, last = int(cube.years[0]), int(cube.years[-1])
    some = tuple(year for year in (first, 2030, 2040, 2050, last) if year in cube.years)
    ends = tuple(year for year in (2030, last) if year in cube.years)
    wanted = (
        Quantity(CO2, CO2_TITLE, tuple(dict.fromkeys(some)), unit="Mt/year"),
        Quantity(CUMULATIVE, f"{CO2_TITLE}, sum {first + 1}–{last}", (last,), 1e-3, "Gt"),
        Quantity("co2_peak_year", "Year with the highest emissions"),
        Quantity("co2_captured", "CO₂ captured", (last,)),
        Quantity("crude_steel", "Crude steel", ends),
        Quantity("scrap_supply", "Scrap that arises", ends),
        Quantity("eaf_share", "Share of scrap-based electric steel", ends, 100.0, "%"),
        Quantity("electricity", "Purchased power", ends),
        Quantity("hydrogen", "Hydrogen", (last,)),
        Quantity("cost_per_tonne", "Cost per tonne, prices of 2020", ends),
    )
    items = [item for item in wanted if cube.has(item.name)]
    return statistics_table(cube, items, f"Scrap policy: {scenario_name(scenario)}", scenario)
