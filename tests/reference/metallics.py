"""Iron balance of converters and electric furnaces, one furnace kind at a time."""

import dataclasses
from typing import Any

import numpy as np
from reference.paths import between, quotient, ramp


def hot_metal_charge(iron: Any, year: float) -> float:
    """Mass share of hot metal in the electric charge."""
    share = between(year, 2020, iron.hot_metal_charge_2020, 2035, iron.hot_metal_charge_2035)
    return share * (1.0 - ramp(year, 2035, float(iron.hot_metal_charge_end)))


def electric_charge(iron: Any, share: float) -> tuple[float, float]:
    """Tonnes of scrap and of hot metal per t of electric steel."""
    iron_in_a_tonne_charged = share * iron.content_hot_metal + (1.0 - share) * iron.content_scrap
    tonnes = iron.content_steel / (iron.yield_electric * iron_in_a_tonne_charged)
    return float(tonnes * (1.0 - share)), float(tonnes * share)


def converter_hot_metal(iron: Any, steel: float, scrap: float) -> float:
    """Hot metal that brings the iron which scrap does not bring, Mt."""
    charged = steel * iron.content_steel / iron.yield_converter
    return float((charged - scrap * iron.content_scrap) / iron.content_hot_metal)


@dataclasses.dataclass
class BaseYear:
    electric: np.ndarray
    rate: float
    converter_scrap: np.ndarray
    electric_scrap: np.ndarray
    hot_metal: np.ndarray


def base_year(iron: Any, output: np.ndarray, share: float) -> BaseYear:
    """Pig iron of the statistics less foundries goes into steel; scrap is what the iron balance still lacks."""
    provinces = len(output)
    raw = [output[q] * iron.eaf_share_2020[q] for q in range(provinces)]
    wanted = iron.eaf_share_national * sum(output)
    electric = np.array([min(output[q], raw[q] * wanted / sum(raw)) for q in range(provinces)])
    scrap_rate, hot_metal_rate = electric_charge(iron, share)
    converter = output - electric
    into_converters = iron.pig_iron_2020 - iron.pig_iron_to_foundries - hot_metal_rate * electric.sum()
    iron_lacking = (
        converter.sum() * iron.content_steel / iron.yield_converter - into_converters * iron.content_hot_metal
    )
    rate = quotient(max(float(iron_lacking), 0.0) / float(iron.content_scrap), float(converter.sum()))
    hot_metal = np.array(
        [
            converter_hot_metal(iron, converter[q], rate * converter[q]) + hot_metal_rate * electric[q]
            for q in range(provinces)
        ]
    )
    return BaseYear(electric, rate, rate * converter, scrap_rate * electric, hot_metal)
