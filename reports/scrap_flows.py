"""The page `scrap_flows`: who ships scrap to whom under coordination, and what coordination is worth."""

from collections.abc import Callable
from functools import partial

import numpy as np
from digits import number, percent
from flows import FLOW, LINK, arcs, ends, flows_of, matrix
from front import front
from gains import SAME_STATE, chance, coordinated, gain, gain_sum, gain_table, lead, worst_chance
from origin import count, error_note, provenance, warnings
from page import Figure, Page
from prices import PRICE, prices
from reading import MEAN, Cube, NoPage
from tables import scenario_name

Builder = Callable[[Cube], Figure | None]
FIGURES: tuple[tuple[str, Builder, tuple[str, ...], str], ...] = (
    ("arcs", lambda cube: arcs(cube, coordinated(cube) or ""), (FLOW, LINK), ""),
    ("gain", gain, (SAME_STATE,), ""),
    (
        "gain summed",
        gain_sum,
        (),
        "the run holds no paired differences of co2_with_freight_cumulative to coordination (statistics.reference, "
        "statistics.differences).",
    ),
    (
        "chance",
        chance,
        (),
        "the run file asks for no probability that a policy does better ([exceedance] better_than_coordinated = "
        '{ output = "difference/co2_with_freight", below = 0.0 }).',
    ),
    ("matrix", lambda cube: matrix(cube, coordinated(cube) or ""), (FLOW, LINK), ""),
    ("prices", prices, (FLOW, PRICE), ""),
    ("front", front, (), "no trade-offs lie beside the cube (ferrocast pareto RUN writes NAME.pareto.nc)."),
)
"""Figures in their order: name, builder, the outputs that each needs, and what is said where it returns nothing."""


def page(cube: Cube) -> Page:
    """The page of a cube; figures whose outputs the cube lacks are left out and named.

    Raises:
        NoPage: the run has no coordinated scenario, or holds nothing of it.
    """
    name = coordinated(cube)
    if name is None:
        raise NoPage(f"{cube.path}: no page `scrap_flows`: the run has no scenario with the policy `coordinated`")
    figures, missing = [], []
    for title, build, needed, empty in FIGURES:
        absent = [output for output in needed if not cube.has(output)]
        figure = None if absent else build(cube)
        if figure is not None:
            figures.append(figure)
        else:
            missing.append(f"No figure of {title}: " + (f"the cube holds no {', '.join(absent)}." if absent else empty))
    if not figures:
        raise NoPage(f"{cube.path}: no page `scrap_flows`: the cube holds no {FLOW}, {SAME_STATE} or {PRICE}")
    attributes = cube.summary.attrs
    shown = {FLOW, LINK, SAME_STATE, PRICE, "co2_with_freight", "co2_with_freight_cumulative"}
    behind = next(output for output in (SAME_STATE, FLOW, PRICE, *cube.summary.data_vars) if cube.has(output))
    return Page(
        name="scrap_flows",
        title="Who ships scrap to whom, and what coordination is worth",
        subtitle=f"{attributes.get('title', cube.path.stem)} · {count(attributes['draws'])} draws",
        lead=_lead(cube, name),
        headline=[gain_table(cube)] if cube.has(SAME_STATE) else [],
        more=[],
        notes=[*_solver(cube, name), *_booking(cube), error_note(cube)],
        figures=figures,
        warnings=[*missing, *warnings(cube, shown)],
        provenance=provenance(cube, behind),
    )


def _lead(cube: Cube, name: str) -> list[str]:
    found = []
    if cube.has(FLOW, LINK):
        items = [flows_of(cube, name, year) for year in ends(cube)]
        told = " and ".join(
            f"{number(item.traded, 0)} of {number(float(item.mean.sum()), 0)} Mt of purchased scrap in {item.year}"
            for item in items
        )
        last = items[-1]
        found.append(
            f"Under the policy “{scenario_name(name)}”, {told} cross a border between provinces (means). In "
            f"{last.year}, {len(last.largest())} links carry {percent(last.share())} % of that."
        )
    if cube.has(SAME_STATE):
        found.append(lead(cube))
    if worst := worst_chance(cube):
        found.append(worst)
    return found


def _solver(cube: Cube, name: str) -> list[str]:
    """How good the plans are, in one line; nothing where the cube holds no diagnostics of the solver."""
    if not {"allocation_gap", "allocation_iterations"} <= set(map(str, cube.diagnostics.data_vars)):
        return []
    read = partial(_after_base, cube, name)
    gap, steps = read("allocation_gap"), read("allocation_iterations")
    return [
        "The plan of every draw and year comes with a proof of how far it can be from the best: its share of the "
        f"value of the plan averages {gap.mean():.1g} and is {gap.max():.1g} in the worst year (mean over draws); the "
        f"solver takes {number(float(steps.mean()), 1)} iterations on average and {number(float(steps.max()), 1)} in "
        "the worst year. What it proves is the best plan of one year, not of the whole path."
    ]


def _booking(cube: Cube) -> list[str]:
    """How far the emissions that are booked stray from what planning counts on, in the first and the last year."""
    gap = "scrap_booking_gap"
    if gap not in cube.diagnostics or len(cube.years) == 1:
        return []
    told = []
    for year in (int(cube.years[1]), int(cube.years[-1])):
        found = cube.diagnostics[gap].sel(statistic=MEAN, year=year)
        each = ", ".join(f"{scenario_name(key)} {number(float(found.sel(scenario=key)), 1)}" for key in cube.scenarios)
        told.append(f"{each} in {year}")
    return [
        "CO₂ that purchased scrap avoids as booked at the end of the year, less what planning counts on, Mt, mean: "
        f"{'; '.join(told)}. Negative: the policy does less than planning counts on, and less than "
        "its gain in the same state supposes.",
    ]


def _after_base(cube: Cube, name: str, output: str) -> np.ndarray:
    """Means of a diagnostic over the years after the base year, for which nothing is planned."""
    found = cube.diagnostics[output].sel(statistic=MEAN, scenario=name)
    return found.values[cube.diagnostics["year"].values > cube.years[0]]
