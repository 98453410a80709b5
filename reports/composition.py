"""Figures of wholes and their parts: CO2 by scope, steel by route, energy by carrier, scrap by kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import figures as draw
import numpy as np
from figures import Layer, Margins, Sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from page import Figure, Table
from reading import MEAN, Cube
from tables import Quantity, parts_table, scenario_name, scenario_table, some_years

GREY, DARK, PALE = "#8c949c", "#4d545c", "#a3abb3"

GROUPS = {
    "scrap": ("Scrap electric furnace", draw.GREEN),
    "direct": ("Direct reduction, electrolysis", draw.SKY),
    "retrofit": ("Retrofitted blast furnace", draw.PURPLE),
    "smelting": ("Smelting reduction", draw.ORANGE),
    "best": ("Best-practice blast furnace", draw.BLUE),
    "base": ("Blast furnace of today", GREY),
}
CARRIERS = {
    "coking_coal": DARK,
    "coal": PALE,
    "natural_gas": draw.ORANGE,
    "coke_oven_gas": draw.VERMILLION,
    "biomass": draw.GREEN,
    "hydrogen": draw.SKY,
    "electricity": draw.BLUE,
}
SCOPES = {
    "co2_scope1": ("Scope 1, direct", DARK),
    "co2_scope2": ("Scope 2, purchased power", draw.BLUE),
    "co2_scope3": ("Scope 3, upstream", draw.ORANGE),
    "co2_grid_removal": ("Removals through the grid", draw.GREEN),
}
SCRAP = {
    "scrap_home": ("Home", draw.SKY),
    "scrap_prompt": ("Prompt", draw.ORANGE),
    "scrap_obsolete": ("Obsolete", draw.GREEN),
}
STACKED = "Stacked: means over the draws, which add up (medians do not)."
BAND = "Dashed: 5–95 % of the total."


@dataclass(frozen=True)
class Part:
    """One layer: a name, its colour, and the outputs (with an element of an axis) that it adds up."""

    name: str
    color: str
    terms: Sequence[tuple[str, dict[str, str]]]

    def mean(self, cube: Cube, scenario: str) -> np.ndarray:
        """Sum of the means over the years."""
        return np.asarray(
            np.sum([cube.value(name, MEAN, scenario, difference=False, **at) for name, at in self.terms], axis=0)
        )

    def error(self, cube: Cube, scenario: str) -> np.ndarray:
        """Its standard error; for a sum the sum of the errors, an upper bound."""
        return np.asarray(
            np.sum([cube.error(name, MEAN, scenario, difference=False, **at) for name, at in self.terms], axis=0)
        )


@dataclass(frozen=True)
class Whole:
    """What a stack shows: parts, the output that is their total (empty: none), and its unit in words."""

    parts: Sequence[Part]
    total: str
    unit: str
    scenarios: Sequence[str]


def scopes(cube: Cube) -> Figure:
    """CO2 by scope: a partition of the total."""
    parts = [Part(name, color, [(key, {})]) for key, (name, color) in SCOPES.items() if cube.has(key)]
    whole = Whole(parts, "co2_total", "Mt CO₂/year", cube.scenarios)
    return _figure(
        cube, whole, "scopes", "CO₂ by scope", "Each carrier carries exactly one scope, so nothing is counted twice.",
        Quantity("co2_total", "CO₂", some_years(cube, 5)),
    )  # fmt: skip


def routes(cube: Cube) -> Figure:
    """Crude steel by kind of route; the table has every route."""
    keys = cube.labels("route")
    kinds = cube.labels("route_group") if "route_group" in cube.summary.coords else keys
    spare = iter(draw.LINES * len(kinds))
    parts = []
    for kind in dict.fromkeys(kinds):
        name, color = GROUPS.get(kind) or (kind.replace("_", " "), next(spare))
        members = [("production_by_route", {"route": key}) for key, own in zip(keys, kinds, strict=True) if own == kind]
        parts.append(Part(name, color, members))
    whole = Whole(parts, "crude_steel", "Mt steel/year", cube.scenarios)
    return _figure(
        cube, whole, "routes", "Crude steel by route", "Routes of one kind are drawn as one layer; the table has each.",
        Quantity("production_by_route", "Crude steel", some_years(cube, 5)),
        [Part(cube.label("route", key), "", [("production_by_route", {"route": key})]) for key in keys],
    )  # fmt: skip


def energy(cube: Cube) -> Figure:
    """Energy by carrier, with the band of the total where the cube has one."""
    keys = cube.labels("carrier")
    spare = iter(draw.LINES * len(keys))
    parts = [
        Part(cube.label("carrier", key), CARRIERS.get(key) or next(spare), [("energy_by_carrier", {"carrier": key})])
        for key in keys
    ]
    whole = Whole(parts, "energy" if cube.has("energy") else "", "PJ/year", cube.scenarios)
    return _figure(
        cube, whole, "energy", "Energy by carrier", "Electricity is net purchased power, at 3.6 PJ per TWh.",
        Quantity("energy_by_carrier", "Energy", some_years(cube, 5)),
    )  # fmt: skip


def scrap(cube: Cube) -> Figure:
    """Scrap that arises, by kind, and scrap charged under each policy."""
    parts = [Part(name, color, [(key, {})]) for key, (name, color) in SCRAP.items()]
    whole = Whole(parts, "scrap_supply", "Mt scrap/year", [cube.reference])
    item = Quantity("scrap_supply", "Scrap", some_years(cube, 5))
    last = int(cube.years[-1])
    return Figure(
        "scrap",
        "Scrap: what arises, and what steelworks charge",
        f"Left: {STACKED[0].lower()}{STACKED[1:]} {BAND} The supply is the same under every policy. Right: medians of "
        "the scrap charged to steel.",
        f"Left: stacked areas of scrap by kind in {cube.unit('scrap_supply')}. {_shares(cube, whole, last)} "
        "Right: median scrap charged to steel under each policy.",
        draw.render(partial(_draw_scrap, cube, whole)),
        [
            _parts_table(cube, item, parts, "scrap_supply", "Means by kind", ""),
            scenario_table(cube, item, "Scrap that arises", ("mean", "at_mean_inputs", "p05", "p50", "p95")),
            scenario_table(cube, Quantity("scrap_used", "Scrap charged", item.years), "Scrap charged to steel",
                           ("mean", "at_mean_inputs", "p05", "p50", "p95")),
        ],
    )  # fmt: skip


def _draw_scrap(cube: Cube, whole: Whole, sheet: Sheet) -> Drawing:
    figure, axes = draw.panels(sheet, 2, 2.3, Margins(left=0.42, right=0.85), repeat_axis=True)
    _draw_whole(cube, whole, axes[0], cube.reference)
    axes[0].set_title("arising")
    axes[1].set_title("charged to steel")
    labels = []
    for index, key in enumerate(cube.scenarios):
        values = cube.value("scrap_used", "p50", key)
        axes[1].plot(cube.years, values, color=draw.line_color(index), linewidth=1.5)
        labels.append((float(values[-1]), scenario_name(key), draw.line_color(index)))
    for axis in axes:
        draw.time_axis(axis, cube.years, whole.unit)
    draw.share_y(axes)
    draw.end_labels(axes[0], _labels(cube, whole, cube.reference), ink=draw.INK, width=1.2)
    draw.end_labels(axes[1], labels)
    return figure


def _figure(
    cube: Cube, whole: Whole, name: str, title: str, remark: str, item: Quantity, listed: Sequence[Part] = ()
) -> Figure:
    band = f" {BAND}" if _has_band(cube, whole) else ""
    ends = " ".join(_shares(cube, whole, year) for year in (int(cube.years[0]), int(cube.years[-1])))
    return Figure(
        name,
        title,
        f"{STACKED}{band} {remark}",
        f"Stacked areas of {title} in {whole.unit}, one panel a scrap policy. Means under "
        f"{scenario_name(cube.reference)}: {ends}",
        draw.render(partial(_draw_stacks, cube, whole)),
        [
            _parts_table(cube, item, listed or whole.parts, whole.total, f"Means, {scenario_name(key)}", key)
            for key in whole.scenarios
        ],
    )


def _parts_table(cube: Cube, item: Quantity, parts: Sequence[Part], total: str, caption: str, scenario: str) -> Table:
    columns = [(part.name, part.mean(cube, scenario), part.error(cube, scenario)) for part in parts]
    if total:
        columns.append(("Total", cube.value(total, MEAN, scenario), cube.error(total, MEAN, scenario)))
    return parts_table(cube, item, columns, caption)


def _draw_stacks(cube: Cube, whole: Whole, sheet: Sheet) -> Drawing:
    figure, axes = draw.panels(sheet, len(whole.scenarios), 2.3, Margins(left=0.45, right=1.62))
    for index, (axis, key) in enumerate(zip(axes, whole.scenarios, strict=True)):
        _draw_whole(cube, whole, axis, key)
        axis.set_title(scenario_name(key), color=draw.line_color(index))
        draw.time_axis(axis, cube.years, whole.unit, first=draw.is_outer(axes, index)[0])
    draw.share_y(axes)
    for index, (axis, key) in enumerate(zip(axes, whole.scenarios, strict=True)):
        if draw.is_outer(axes, index)[1]:
            draw.end_labels(axis, _labels(cube, whole, key), ink=draw.INK, width=1.2)
    return figure


def _layers(cube: Cube, whole: Whole, scenario: str) -> list[Layer]:
    return [Layer(part.name, part.mean(cube, scenario), part.color) for part in whole.parts]


def _draw_whole(cube: Cube, whole: Whole, axis: Axes, scenario: str) -> None:
    draw.draw_stack(axis, cube.years, _layers(cube, whole, scenario))
    if _has_band(cube, whole):
        low, high = (cube.value(whole.total, key, scenario) for key in ("p05", "p95"))
        draw.draw_band(axis, cube.years, low, high)


def _labels(cube: Cube, whole: Whole, scenario: str) -> list[tuple[float, str, str]]:
    """Names of the layers, and of the ends of the band of the total."""
    band = {"95 % of the total": "p95", "5 % of the total": "p05"} if _has_band(cube, whole) else {}
    ends = [(float(cube.value(whole.total, key, scenario)[-1]), name, draw.INK) for name, key in band.items()]
    return draw.stack_labels(_layers(cube, whole, scenario)) + ends


def _has_band(cube: Cube, whole: Whole) -> bool:
    return bool(whole.total) and cube.has_percentiles(whole.total)


def _shares(cube: Cube, whole: Whole, year: int) -> str:
    """The parts of a year in words."""
    at = int(np.flatnonzero(cube.years == year)[0])
    texts = [f"{part.name} {part.mean(cube, cube.reference)[at]:,.0f}" for part in whole.parts]
    return f"{year}: {', '.join(texts)}."
