"""What coordination of scrap is worth: against each policy on its own path, and in the same state."""

from functools import partial

import figures as draw
import numpy as np
from digits import percent
from figures import Fan, Margins, Sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from page import Cell, Figure, Group, Row, Table
from reading import MEAN, PERCENTILES, Cube
from tables import (
    SPREAD,
    STATISTICS,
    Quantity,
    cells,
    difference_table,
    percentiles_of,
    scenario_name,
    share_cell,
    some_years,
)

FREIGHT, FREIGHT_SUM, SAME_STATE = "co2_with_freight", "co2_with_freight_cumulative", "scrap_gain"
RIVAL = "rival"
COORDINATED = "coordinated"
YEARS = (2021, 2025, 2030, 2040, 2050, 2060)

KINDS = (
    "On own paths: CO₂ of scopes 1 and 2 and of scrap freight under the other policy less that under coordination, "
    "draw by draw; each policy lives with the furnaces and the scrap that its earlier years left it. Coordination "
    "looks for the best plan of each year alone and does not look ahead, so this difference can be negative: in some "
    "draws the other policy does better. In the same state: every year the other policy is asked what it would have "
    "done on the coordinated path, and its plan is held against the coordinated one, both valued by what the year’s "
    "planning knows of the worth of scrap. The coordinated plan is the best by that value, so this gain is never "
    "negative; it leaves out what a plan changes later, and what furnaces then make of the scrap. That is why the two "
    "kinds differ even in the first planned year."
)


def coordinated(cube: Cube) -> str | None:
    """The scenario whose policy coordinates, the reference if there are several; None without one."""
    if "scenario_policy" not in cube.summary.coords:
        return None
    policies = dict(zip(cube.labels("scenario"), cube.labels("scenario_policy"), strict=True))
    return next((name for name in cube.scenarios if policies[name] == COORDINATED), None)


def is_paired(cube: Cube, *names: str) -> bool:
    """Whether the cube holds paired differences of these outputs to the coordinated scenario."""
    reference = str(cube.differences.attrs.get("reference", cube.reference))
    return (
        reference == coordinated(cube) and len(cube.scenarios) > 1 and all(name in cube.differences for name in names)
    )


def rivals(cube: Cube) -> list[tuple[str, str | None]]:
    """Policies that coordination is compared with in the same state, and the scenario of each; None without one."""
    policies = dict(zip(cube.labels("scenario_policy"), cube.labels("scenario"), strict=True))
    return [(policy, policies.get(policy)) for policy in cube.labels(RIVAL)]


def color_of(cube: Cube, scenario: str | None) -> str:
    """Colour of a scenario, the same on every page; grey for a policy that is no scenario of the run."""
    return draw.line_color(cube.scenarios.index(scenario)) if scenario else draw.SOFT


def gain(cube: Cube) -> Figure:
    """Yearly gain of coordination as fans: on own paths where the run pairs them, and in the same state."""
    name, last = _name(cube), int(cube.years[-1])
    pairs = is_paired(cube, FREIGHT)
    told = []
    for rival, scenario in rivals(cube):
        if pairs and scenario:
            told.append(f"{rival} on its own path {_range(cube, FREIGHT, scenario, last, difference=True)}")
        told.append(f"{rival} in the same state {_range(cube, SAME_STATE, name, last, rival=rival)}")
    missing = "" if pairs else " The run holds no paired differences to coordination, so own paths are not shown."
    return Figure(
        "gain",
        "What coordination is worth, year by year",
        f"{KINDS} Bands: 5–95 % and 25–75 % of the draws; line: median; black line: no gain. The two kinds against one "
        f"policy share their scale; scales differ between policies.{missing}",
        f"Fan charts of the CO2 that coordination avoids against each policy, {cube.unit(FREIGHT)}, median and 5 to "
        f"95 % in {last}: {'; '.join(told)}.",
        draw.render(partial(_draw_gain, cube)),
        [_full_table(cube)],
    )


def _name(cube: Cube) -> str:
    found = coordinated(cube)
    assert found is not None, "only runs with a coordinated scenario get here"
    return found


def _fans(cube: Cube) -> list[list[tuple[str, Fan]]]:
    """Titled fans, one list a rival: on own paths, if there, and in the same state."""
    found = []
    for rival, scenario in rivals(cube):
        color = color_of(cube, scenario)
        column = []
        if scenario and is_paired(cube, FREIGHT):
            own = percentiles_of(cube, FREIGHT, scenario, difference=True)
            column.append((f"against {scenario_name(scenario)}: own paths", Fan(own, color)))
        same = percentiles_of(cube, SAME_STATE, _name(cube), rival=rival)
        column.append((f"against {scenario_name(rival)}: same state", Fan(same, color)))
        found.append(column)
    return found


def _draw_gain(cube: Cube, sheet: Sheet) -> Drawing:
    found = _fans(cube)
    columns = min(len(found), 3)
    both = all(len(column) == 2 for column in found)
    if both and sheet.columns > 1:
        ordered = [column[kind] for kind in (0, 1) for column in found]
    else:
        ordered = [item for column in found for item in column]
    margins = Margins(left=0.42, right=0.55, top=0.42)
    figure, axes = draw.panels(sheet, len(ordered), 1.75, margins, columns, repeat_axis=True)
    drawn: dict[str, Axes] = {}
    for axis, (title, fan) in zip(axes, ordered, strict=True):
        axis.axhline(0.0, color=draw.BLACK, linewidth=0.9)
        draw.draw_fan(axis, cube.years, fan)
        axis.set_title(title, color=fan.color)
        draw.time_axis(axis, cube.years, "Mt CO₂/year avoided")
        drawn[title] = axis
    for column in found:
        draw.share_y([drawn[title] for title, _ in column])
    for axis, (_, fan) in zip(axes, ordered, strict=True):
        draw.fan_labels(axis, fan)
    return figure


def _full_table(cube: Cube) -> Table:
    """All percentiles of both kinds, every fifth year."""
    groups = []
    years = [year for year in some_years(cube, 5) if year > cube.years[0]]
    for rival, scenario in rivals(cube):
        if scenario and is_paired(cube, FREIGHT):
            rows = [Row(str(y), cells(cube, Quantity(FREIGHT, ""), (MEAN, *PERCENTILES), scenario, y, difference=True))
                    for y in years]  # fmt: skip
            groups.append(Group(f"Against {scenario_name(scenario)}, own paths", rows))
        item = Quantity(SAME_STATE, "", at={RIVAL: rival})
        rows = [Row(str(y), cells(cube, item, (MEAN, *PERCENTILES), _name(cube), y)) for y in years]
        groups.append(Group(f"Against {scenario_name(rival)}, same state", rows))
    caption = f"CO₂ that coordination avoids, {cube.unit(FREIGHT)}"
    return Table(caption, "Year", [STATISTICS[key] for key in (MEAN, *PERCENTILES)], groups)


def gain_table(cube: Cube) -> Table:
    """Both kinds of gain side by side, by year and policy."""
    statistics = (MEAN, *SPREAD)
    pairs = is_paired(cube, FREIGHT)
    groups = []
    for rival, scenario in rivals(cube):
        rows = []
        for year in (year for year in YEARS if year in cube.years):
            own: list[Cell | str] = ["–"] * len(statistics)
            if pairs and scenario:
                own = [*cells(cube, Quantity(FREIGHT, ""), statistics, scenario, year, difference=True)]
            same = cells(cube, Quantity(SAME_STATE, "", at={RIVAL: rival}), statistics, _name(cube), year)
            rows.append(Row(str(year), [*own, *same] if pairs else same))
        groups.append(Group(f"Against {scenario_name(rival)}", rows))
    names = ["mean", *(STATISTICS[key] for key in SPREAD)]
    over = [("own paths", 4), ("same state", 4)] if pairs else [("same state", 4)]
    caption = f"CO₂ that coordination avoids, {cube.unit(FREIGHT)}, ± Monte Carlo standard error"
    return Table(caption, "Year", names * len(over), groups, over=over)


def gain_sum(cube: Cube) -> Figure | None:
    """Gain of coordination summed over the years; None where the run does not pair it."""
    if not is_paired(cube, FREIGHT_SUM):
        return None
    first, last = int(cube.years[0]), int(cube.years[-1])
    others = cube.scenarios[1:]
    ends = "; ".join(
        f"{scenario_name(key)} {_range(cube, FREIGHT_SUM, key, last, scale=1e-3, difference=True)}" for key in others
    )
    years = tuple(year for year in some_years(cube, 5) if year > first)
    item = Quantity(FREIGHT_SUM, f"Summed from {first + 1}", years, 1e-3, "Gt")
    return Figure(
        "gain-sum",
        f"What coordination is worth, summed from {first + 1}",
        "CO₂ of scopes 1 and 2 and of scrap freight under the other policy less that under coordination, each on its "
        "own path, summed up to the year. Bands: 5–95 % and 25–75 % of the draws; line: median. Below the black line "
        "the other policy has emitted less so far.",
        f"Fan charts of the summed CO2 that coordination avoids, Gt, median and 5 to 95 % by {last}: {ends}.",
        draw.render(partial(_draw_sum, cube)),
        [difference_table(cube, [item], "Paired differences", PERCENTILES)],
    )


def _draw_sum(cube: Cube, sheet: Sheet) -> Drawing:
    others = cube.scenarios[1:]
    figure, axes = draw.panels(sheet, len(others), 1.9, Margins(left=0.42, right=0.58))
    fans = []
    for index, (axis, key) in enumerate(zip(axes, others, strict=True)):
        found = percentiles_of(cube, FREIGHT_SUM, key, difference=True)
        fans.append(Fan({name: 1e-3 * values for name, values in found.items()}, color_of(cube, key)))
        axis.axhline(0.0, color=draw.BLACK, linewidth=0.9)
        draw.draw_fan(axis, cube.years, fans[-1])
        axis.set_title(f"against {scenario_name(key)}", color=fans[-1].color)
        draw.time_axis(axis, cube.years, "Gt CO₂ avoided", first=draw.is_outer(axes, index)[0])
    draw.share_y(axes)
    for index, axis in enumerate(axes):
        if draw.is_outer(axes, index)[1]:
            draw.fan_labels(axis, fans[index])
    return figure


def chances(cube: Cube) -> list[tuple[str, str]]:
    """Title and name of the probabilities, which the run file asks for, that a policy does better than coordination."""
    titles = {f"difference/{FREIGHT}": "in the year", f"difference/{FREIGHT_SUM}": "summed up to the year"}
    return [
        (titles[rule["output"]], name)
        for name, rule in (cube.run.get("exceedance") or {}).items()
        if rule["output"] in titles and rule.get("below") == 0.0 and name in cube.differences
    ]


def chance(cube: Cube) -> Figure | None:
    """Probability that another policy does better than coordination; None where the run file does not ask for it."""
    found = chances(cube)
    if not found or not is_paired(cube):
        return None
    others, last = cube.scenarios[1:], int(cube.years[-1])
    told = []
    for title, name in found:
        for key in others:
            path = cube.value(name, scenario=key, difference=True)
            at = int(np.argmax(path))
            told.append(
                f"{scenario_name(key)} {title} at most {percent(float(path[at]))} % ({cube.years[at]}), "
                f"{percent(float(path[-1]))} % in {last}"
            )
    return Figure(
        "chance",
        "How often another policy does better than coordination",
        "Share of the draws in which the other policy, on its own path, emits less CO₂ (scopes 1 and 2 and scrap "
        "freight) than coordination. Coordination seeks the best plan of each year alone: scrap placed best today can "
        "leave furnaces in worse places for tomorrow.",
        f"Lines of the probability that another policy does better than coordination: {'; '.join(told)}.",
        draw.render(partial(_draw_chance, cube, found)),
        [_chance_table(cube, title, name) for title, name in found],
    )


def _draw_chance(cube: Cube, found: list[tuple[str, str]], sheet: Sheet) -> Drawing:
    others = cube.scenarios[1:]
    figure, axes = draw.panels(sheet, len(found), 1.7, Margins(left=0.42, right=0.7), columns=2, repeat_axis=True)
    for axis, (title, name) in zip(axes, found, strict=True):
        for key in others:
            shares = 100 * cube.value(name, scenario=key, difference=True)
            axis.plot(cube.years, shares, color=color_of(cube, key), linewidth=1.4)
        axis.set_title(title)
        draw.time_axis(axis, cube.years, "% of draws")
    draw.share_y(axes)
    for axis, (_, name) in zip(axes, found, strict=True):
        ends = [
            (100 * float(cube.value(name, scenario=key, difference=True)[-1]), scenario_name(key), color_of(cube, key))
            for key in others
        ]
        draw.end_labels(axis, ends)
    return figure


def _chance_table(cube: Cube, title: str, name: str) -> Table:
    rows = []
    for year in (year for year in some_years(cube, 5) if year > cube.years[0]):
        pairs = [
            (float(cube.value(name, scenario=key, difference=True, year=year)),
             float(cube.error(name, scenario=key, difference=True, year=year)))
            for key in cube.scenarios[1:]
        ]  # fmt: skip
        rows.append(Row(str(year), [share_cell(*pair) for pair in pairs]))
    columns = [scenario_name(key) for key in cube.scenarios[1:]]
    return Table(f"Draws in which the policy does better, {title}, %", "Year", columns, [Group("", rows)])


def _range(
    cube: Cube, name: str, scenario: str, year: int, *, difference: bool = False, scale: float = 1.0, **at: str
) -> str:
    item = Quantity(name, "", scale=scale, at=at)
    low, middle, high = (cell.text for cell in cells(cube, item, SPREAD, scenario, year, difference=difference))
    return f"{middle} ({low} to {high})"


def lead(cube: Cube) -> str:
    """The gain of the last year against each policy in one sentence."""
    last, name = int(cube.years[-1]), _name(cube)
    pairs = is_paired(cube, FREIGHT)
    told = []
    for rival, scenario in rivals(cube):
        same = _range(cube, SAME_STATE, name, last, rival=rival)
        own = f"{_range(cube, FREIGHT, scenario, last, difference=True)} on own paths, " if pairs and scenario else ""
        told.append(f"against {scenario_name(rival)} {own}{same} in the same state")
    return (
        f"CO₂ that coordination avoids in {last}, {cube.unit(FREIGHT)}, median and 5–95 % of the draws: "
        f"{'; '.join(told)}."
    )


def worst_chance(cube: Cube) -> str | None:
    """When another policy most often does better, in one sentence; None where the run file does not ask for it."""
    found = next((name for title, name in chances(cube) if title == "in the year"), None)
    if found is None or not is_paired(cube):
        return None
    if all(cube.value(found, scenario=key, difference=True).max() == 0 for key in cube.scenarios[1:]):
        return "In no draw and no year does another policy, on its own path, emit less than coordination."
    told = []
    for key in cube.scenarios[1:]:
        path = cube.value(found, scenario=key, difference=True)
        at = int(np.argmax(path))
        words = (
            f"{percent(float(path[at]))} % of the draws in {cube.years[at]}" if path[at] > 0 else "no draw in any year"
        )
        told.append(f"{scenario_name(key)} in {words}")
    return f"Coordination is not always ahead: at worst {', '.join(told)} emit less than it on their own paths."
