"""What runs in a province in a year: scrap to its uses, then steel, then hot metal."""

import dataclasses
from typing import Any

import numpy as np
from reference.metallics import converter_hot_metal, electric_charge
from reference.paths import pour, quotient
from reference.technology import Technology


@dataclasses.dataclass
class Ran:
    production: np.ndarray
    hot_metal: np.ndarray
    scrap: np.ndarray
    added: float
    unmet: float


def uses_of_scrap(inputs: Any, fleet_electric: float, own_iron: float, output: float, share: float) -> list[float]:
    """What converters' cooling, electric furnaces and more scrap in converters can take, Mt."""
    uptake, iron = inputs.uptake, inputs.iron
    reach = min((1.0 + uptake.eaf_growth) * fleet_electric + uptake.eaf_seed * output, output)
    converter = max(output - reach - own_iron, 0.0)
    scrap_rate, _ = electric_charge(iron, share)
    cooling = min(iron.converter_scrap_base, iron.converter_scrap_max)
    return [cooling * converter, scrap_rate * reach, (iron.converter_scrap_max - cooling) * converter]


def run(
    inputs: Any, technology: Technology, capacity: np.ndarray, scrap: np.ndarray, output: float, t: int, share: float
) -> Ran:
    """Electric furnaces on their scrap, routes with iron of their own, then hot metal, cleanest first."""
    iron, kind, routes = inputs.iron, technology.kind, technology.routes
    best, melt = kind.index("best"), kind.index("scrap")
    scrap_rate, hot_metal_rate = electric_charge(iron, share)
    production, ran = np.zeros(len(kind)), scrap.copy()
    electric = min(scrap[1] / scrap_rate, output)
    own = pour(output - electric, [capacity[r] if kind[r] == "direct" else 0.0 for r in routes])
    converter = max(output - electric - own.sum(), 0.0)
    for_converter = max(converter_hot_metal(iron, converter, scrap[0] + scrap[2]), 0.0)
    for_electric = hot_metal_rate * electric
    furnaces = np.array([capacity[r] if technology.hot(r) else 0.0 for r in routes])
    short = max(for_converter + for_electric - furnaces.sum(), 0.0)
    banned = technology.years[t] >= inputs.uptake.reline_ban_from
    missing, added = (short, 0.0) if banned else (0.0, short)
    furnaces[best] += added
    hot_metal = pour(for_converter + for_electric - missing, furnaces)
    on = 1.0 - min(quotient(missing, for_converter), 1.0)
    on_electric = 1.0 - min(quotient(max(missing - for_converter, 0.0), for_electric), 1.0)
    for r in routes:
        production[r] = own[r] + converter * on * quotient(hot_metal[r], hot_metal.sum())
    if hot_metal.sum() == 0:
        production[best] += converter * on
    production[melt] += electric * on_electric
    ran *= np.array([on, on_electric, on])
    return Ran(production, hot_metal, ran, added, converter * (1.0 - on) + electric * (1.0 - on_electric))
