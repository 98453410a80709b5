"""Figures of national paths with their spread: CO2, paired differences, the year of the peak, pollutants."""

from functools import partial

import figures as draw
import xarray as xr
from digits import percent
from figures import Fan, Line, Margins, Sheet
from matplotlib.figure import Figure as Drawing
from page import Figure, Group, Row, Table
from peak import PeakYear, peak_year
from reading import AT_MEAN, MCSE, PERCENTILES, Cube
from tables import (
    HEADLINE,
    SPREAD,
    Quantity,
    cells,
    difference_table,
    percentiles_of,
    scenario_name,
    scenario_table,
    share_cell,
    some_years,
)

CO2, CUMULATIVE = "co2_direct_power", "co2_cumulative"
CO2_TITLE = "CO₂ of scopes 1 and 2"
BANDS = "Bands: 5–95 % and 25–75 % of the draws; line: median."
DASHED = (0, (4, 2))


def co2(cube: Cube) -> Figure:
    """National CO2 of scopes 1 and 2 as a fan, one panel a scenario."""
    reference = scenario_name(cube.reference)
    compared = f" Thin blue line: the median under {reference}, for comparison." if len(cube.scenarios) > 1 else ""
    ends = "; ".join(f"{scenario_name(key)} {_range(cube, CO2, key, int(cube.years[-1]))}" for key in cube.scenarios)
    start = _range(cube, CO2, cube.reference, int(cube.years[0]))
    item = Quantity(CO2, CO2_TITLE, some_years(cube, 5))
    return Figure(
        "co2",
        f"{CO2_TITLE}, by scrap policy",
        f"{BANDS} Dashed: one run with every input at its mean, f(E[X]), which is no average of the draws.{compared}",
        f"Fan charts of national CO2 of steel from {cube.years[0]} to {cube.years[-1]} in {cube.unit(CO2)}, one panel "
        f"a scrap policy. {cube.years[0]}: {start}. {cube.years[-1]}: {ends}.",
        draw.render(partial(_draw_co2, cube)),
        [scenario_table(cube, item, "Percentiles of the draws", (*HEADLINE[:2], *PERCENTILES))],
    )


def _draw_co2(cube: Cube, sheet: Sheet) -> Drawing:
    margins = Margins(left=0.42, right=0.75 if len(cube.scenarios) == 1 else 1.05)
    figure, axes = draw.panels(sheet, len(cube.scenarios), 2.5, margins)
    fans = []
    for index, (axis, key) in enumerate(zip(axes, cube.scenarios, strict=True)):
        lines: dict[str, Line] = {"mean inputs": (cube.value(CO2, AT_MEAN, key), draw.INK, DASHED)}
        if index:
            name = f"{scenario_name(cube.reference)} (median)"
            lines[name] = (cube.value(CO2, "p50"), draw.LINES[0], "-")
        fans.append(Fan(percentiles_of(cube, CO2, key), draw.line_color(index), lines))
        draw.draw_fan(axis, cube.years, fans[-1])
        axis.set_title(scenario_name(key), color=fans[-1].color)
        draw.time_axis(axis, cube.years, "Mt CO₂/year", first=draw.is_outer(axes, index)[0])
    draw.share_y(axes)
    for index, axis in enumerate(axes):
        if draw.is_outer(axes, index)[1]:
            draw.fan_labels(axis, fans[index])
    return figure


def co2_difference(cube: Cube) -> Figure | None:
    """Paired difference of CO2 to the reference; None where the run asked for none."""
    if CO2 not in cube.differences or len(cube.scenarios) < 2:
        return None
    reference, last = scenario_name(cube.reference), int(cube.years[-1])
    years = tuple(year for year in (2030, last) if year in cube.years)
    summed = Quantity(CUMULATIVE, f"{CO2_TITLE}, summed from {cube.years[0] + 1}", years, 1e-3, "Gt")
    known = {CO2: Quantity(CO2, CO2_TITLE, years), CUMULATIVE: summed}
    names = [str(name) for name in cube.differences.data_vars if f"{name}{MCSE}" in cube.differences]
    items = [
        known.get(name) or Quantity(name, cube.summary[name].attrs["long_name"], years)
        for name in sorted(names, key=lambda name: name not in known)
        if cube.differences[name].dims == cube.differences[CO2].dims
    ]
    ends = "; ".join(
        f"{scenario_name(key)} {_range(cube, CO2, key, last, difference=True)}" for key in cube.scenarios[1:]
    )
    full = Quantity(CO2, CO2_TITLE, some_years(cube, 5))
    return Figure(
        "difference",
        f"{CO2_TITLE} under other scrap policies, difference to {reference}",
        f"Differences of {CO2_TITLE} draw by draw: both policies meet the same draw of the world, so what they share "
        f"cancels. {BANDS} Below zero: less CO₂ than under {reference}.",
        f"Fan charts of the paired difference of national CO2 to {reference}, in {cube.unit(CO2)}. {last}: {ends}.",
        draw.render(partial(_draw_difference, cube)),
        [difference_table(cube, [full], f"Paired differences to {reference}", PERCENTILES)],
        [difference_table(cube, items, f"Paired differences to {reference}, mean ± Monte Carlo standard error")],
    )


def _draw_difference(cube: Cube, sheet: Sheet) -> Drawing:
    others = cube.scenarios[1:]
    figure, axes = draw.panels(sheet, len(others), 2.0, Margins(left=0.42, right=0.58))
    fans = []
    for index, (axis, key) in enumerate(zip(axes, others, strict=True)):
        fans.append(Fan(percentiles_of(cube, CO2, key, difference=True), draw.line_color(index + 1)))
        axis.axhline(0.0, color=draw.LINES[0], linewidth=1.0)
        draw.draw_fan(axis, cube.years, fans[-1])
        axis.set_title(f"{scenario_name(key)} − {scenario_name(cube.reference)}", color=fans[-1].color)
        draw.time_axis(axis, cube.years, "Mt CO₂/year", first=draw.is_outer(axes, index)[0])
    draw.share_y(axes)
    for index, axis in enumerate(axes):
        if draw.is_outer(axes, index)[1]:
            draw.fan_labels(axis, fans[index])
    return figure


def year_of_peak(cube: Cube) -> Figure | None:
    """Distribution of the year with the highest CO2; None where the cube holds neither thresholds nor draws of it."""
    found = peak_year(cube)
    if found is None:
        return None
    first = int(cube.years[0])
    texts = "; ".join(
        f"{scenario_name(key)}: " + ", ".join(f"{name} {percent(share)} %" for name, share in _shown(found, key, first))
        for key in cube.scenarios
    )
    rows = [
        Row(
            str(year),
            [share_cell(_at(found.probability, key, at), _at(found.error, key, at)) for key in cube.scenarios],
        )
        for at, year in enumerate(found.years)
    ]
    columns = [scenario_name(key) for key in cube.scenarios]
    return Figure(
        "peak",
        f"The year in which {CO2_TITLE} peak",
        f"Probability of each year to be the one with the highest emissions. {first} is the first year of the model: a "
        f"peak in {first} means that no later year lies above it.",
        f"Bar charts of the probability of each peak year, one panel a scrap policy. {texts}.",
        draw.render(partial(_draw_peak, cube, found)),
        [Table("Probability that emissions have peaked by the end of a year, %", "Year", columns, [Group("", rows)])],
    )


def _at(values: xr.DataArray, key: str, index: int) -> float:
    return float(values.sel(scenario=key).values[index])


def _shown(found: PeakYear, key: str, first: int) -> list[tuple[str, float]]:
    """Classes up to the last that any scenario reaches, and a few more, so that emptiness can be seen."""
    last = max(
        index
        for name in found.probability["scenario"].values
        for index, (_, share) in enumerate(found.classes(str(name), first))
        if share > 0
    )
    return found.classes(key, first)[: max(last + 1, 6)]


def _draw_peak(cube: Cube, found: PeakYear, sheet: Sheet) -> Drawing:
    first = int(cube.years[0])
    figure, axes = draw.panels(sheet, len(cube.scenarios), 1.5, Margins(left=0.42))
    for index, (axis, key) in enumerate(zip(axes, cube.scenarios, strict=True)):
        classes = _shown(found, key, first)
        shares = [share for _, share in classes]
        texts = [percent(share) for share in shares]
        draw.draw_bars(axis, [name for name, _ in classes], shares, texts, draw.line_color(index))
        axis.set_title(scenario_name(key), color=draw.line_color(index))
        outer = draw.is_outer(axes, index)[0]
        axis.tick_params(labelleft=outer)
        if outer:
            draw.y_unit(axis, "% of draws")
    return figure


def pollutants(cube: Cube) -> Figure | None:
    """SO2, NOx and PM as fans under the reference, medians of the other scenarios as lines."""
    keys = cube.labels("pollutant")
    family = (cube.run.get("options") or {}).get("accounting", "").replace("_", " ")
    first, last = int(cube.years[0]), int(cube.years[-1])
    items = [Quantity("pollutants", key, some_years(cube, 5), at={"pollutant": key}) for key in keys]
    ends = "; ".join(
        f"{key} from {_range(cube, 'pollutants', cube.reference, first, pollutant=key)} "
        f"to {_range(cube, 'pollutants', cube.reference, last, pollutant=key)}"
        for key in keys
    )
    others = "; thin lines: medians of the other policies" if len(cube.scenarios) > 1 else ""
    return Figure(
        "pollutants",
        "Pollutants of steelmaking",
        f"{BANDS[:-1]} under {scenario_name(cube.reference)}{others}. Counted by {family or 'one family'} only: other "
        "families of accounts differ several times and are never mixed.",
        f"Fan charts of national emissions of {', '.join(keys)}, {cube.unit('pollutants')}: {ends}.",
        draw.render(partial(_draw_pollutants, cube, keys)),
        [scenario_table(cube, item, "Percentiles of the draws", (*HEADLINE[:2], *SPREAD)) for item in items],
    )


def _draw_pollutants(cube: Cube, keys: list[str], sheet: Sheet) -> Drawing:
    figure, axes = draw.panels(sheet, len(keys), 1.8, Margins(left=0.42, right=0.6), repeat_axis=True)
    for axis, key in zip(axes, keys, strict=True):
        lines = {
            scenario_name(name): (cube.value("pollutants", "p50", name, pollutant=key), draw.line_color(n), "-")
            for n, name in enumerate(cube.scenarios)
            if n
        }
        fan = Fan(percentiles_of(cube, "pollutants", cube.reference, pollutant=key), draw.LINES[0], lines)
        draw.draw_fan(axis, cube.years, fan)
        axis.set_title(_subscript(key))
        draw.time_axis(axis, cube.years, "kt/year")
        draw.share_y([axis])
        draw.fan_labels(axis, fan)
    return figure


def _subscript(formula: str) -> str:
    """SO2 -> SO₂, NOx stays."""
    return formula.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")) if formula.isalnum() else formula


def _range(cube: Cube, name: str, scenario: str, year: int, *, difference: bool = False, **at: str) -> str:
    """Median and 5-95 % range of a year in words: `1,970 (1,820 to 2,150)`."""
    item = Quantity(name, "", at=at)
    low, middle, high = (cell.text for cell in cells(cube, item, SPREAD, scenario, year, difference=difference))
    return f"{middle} ({low} to {high})"
