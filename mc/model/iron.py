"""Iron balance: what converters and electric furnaces are charged with.

Iron charged x yield = iron tapped. Hot metal and yields are inputs, scrap is what closes the balance, so that the
balance closes in every draw (sampling charge coefficients one by one would give yields above one).
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.steel import Iron
from mc.model.paths import ramp, ratio

CHARGE_YEARS = (2020.0, 2035.0)
"""Years of the quantities `hot_metal_charge_2020` and `hot_metal_charge_2035`."""


def hot_metal_charge(iron: Iron, years: Array) -> Array:
    """Share of hot metal in the electric furnace charge, by mass [year]: straight lines 2020 - 2035 - end."""
    first = iron.hot_metal_charge_2020 + (iron.hot_metal_charge_2035 - iron.hot_metal_charge_2020) * ramp(
        years, *CHARGE_YEARS
    )
    return first * (1.0 - ramp(years, CHARGE_YEARS[1], iron.hot_metal_charge_end))


def electric_charge(iron: Iron, hot_metal_share: Array) -> tuple[Array, Array]:
    """(scrap, hot metal) per t of electric furnace steel, t/t, for a share of hot metal in the charge by mass."""
    iron_per_charge = hot_metal_share * iron.content_hot_metal + (1.0 - hot_metal_share) * iron.content_scrap
    charge = iron.content_steel / iron.yield_electric / iron_per_charge
    return charge * (1.0 - hot_metal_share), charge * hot_metal_share


def converter_hot_metal(iron: Iron, scrap_rate: Array) -> Array:
    """Hot metal per t of converter steel, t/t, at a scrap rate in t/t."""
    needed = iron.content_steel / iron.yield_converter
    return (needed - iron.content_scrap * scrap_rate) / iron.content_hot_metal


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BaseYear:
    """Metallics of the base year.

    Attributes:
        electric: electric furnace steel, Mt/year [province].
        converter_scrap_rate: scrap per t of converter steel, t/t; closes the national iron balance.
        scrap: scrap charged, Mt/year [province].
        hot_metal: hot metal charged, Mt/year [province].
    """

    electric: Array
    converter_scrap_rate: Array
    scrap: Array
    hot_metal: Array


def base_year(iron: Iron, crude_steel: Array, charge: Array) -> BaseYear:
    """Close the national iron balance of the base year and split it by province.

    Args:
        iron: inputs.
        crude_steel: output of the base year, Mt/year [province].
        charge: hot-metal share of the electric charge in the base year.
    """
    total = crude_steel.sum()
    electric = crude_steel * iron.eaf_share_2020
    electric = electric * ratio(iron.eaf_share_national * total, electric.sum())
    # Scaling to the national share may carry a small province past its own output.
    electric = jnp.minimum(electric, crude_steel)
    scrap_rate, hot_metal_rate = electric_charge(iron, charge)
    converter = crude_steel - electric
    hot_metal = iron.pig_iron_2020 - iron.pig_iron_to_foundries - hot_metal_rate * electric.sum()
    needed = iron.content_steel / iron.yield_converter * converter.sum()
    missing = jnp.maximum(needed - iron.content_hot_metal * hot_metal, 0.0)
    rate = ratio(missing / iron.content_scrap, converter.sum())
    return BaseYear(
        electric=electric,
        converter_scrap_rate=rate,
        scrap=rate * converter + scrap_rate * electric,
        hot_metal=converter_hot_metal(iron, rate) * converter + hot_metal_rate * electric,
    )
