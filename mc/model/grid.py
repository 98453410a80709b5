"""Carbon in purchased electricity and in hydrogen; price of hydrogen."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.world import Grid, Hydrogen
from mc.model.paths import logistic, ramp, shares

DEDICATED_YEARS = (2025.0, 2060.0)
"""Years of the quantities `dedicated_share_2025` and `dedicated_share_2060`."""


def clean_power(grid: Grid) -> Array:
    """Weight of clean power in a province [province]: its non-fossil share of generation."""
    return shares(grid.nonfossil_share)


def provincial_ratio(grid: Grid, years: Array) -> Array:
    """Factor of a province over the nation's [province, year].

    Official factors of 2021-22 relax to what the province's own resources suggest, (1 - non-fossil share) over the
    nation's; hydro provinces swing with the water of the year.
    """
    measured = 0.5 * (grid.factor_2021 / grid.factor_national_2021 + grid.factor_2022 / grid.factor_national_2022)
    resource = (1.0 - grid.nonfossil_share) / (1.0 - grid.nonfossil_share_national)
    left = jnp.exp(-grid.ratio_relaxation * (years - years[0]))[None, :]
    dry = jnp.exp(grid.hydro_year_sd * grid.hydro_province[:, None] * grid.hydro_year[None, :])
    return (resource[:, None] + (measured - resource)[:, None] * left) * dry


def factors(grid: Grid, years: Array) -> tuple[Array, Array]:
    """(factor, removal) of purchased power, tCO2/MWh [province, year].

    The provincial ratio multiplies the positive part only: ratio x a negative factor would reward the dirtiest grids.
    The negative part is the same everywhere and is booked on a line of its own (removal <= 0).
    """
    national = grid.factor_national[None, :]
    ratio = provincial_ratio(grid, years)
    return jnp.maximum(national, 0.0) * ratio, jnp.minimum(national, 0.0) * jnp.ones_like(ratio)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class HydrogenPath:
    """Hydrogen in the model years.

    Attributes:
        power: grid electricity per t, MWh/t [year].
        electricity: all electricity per t, MWh/t [year].
        price: delivered, USD/t [year].
        supply: what is there for steel, Mt/year [year].
    """

    power: Array
    electricity: Array
    price: Array
    supply: Array


def hydrogen_path(hydrogen: Hydrogen, years: Array) -> HydrogenPath:
    """Supply mix of dedicated renewables and grid power; 1 kWh/kg = 1 MWh/t, 1 USD/kg = 1000 USD/t."""
    rise = hydrogen.dedicated_share_2060 - hydrogen.dedicated_share_2025
    dedicated = hydrogen.dedicated_share_2025 + rise * ramp(years, *DEDICATED_YEARS)
    firmed = hydrogen.price_dedicated + hydrogen.firming_cost
    return HydrogenPath(
        power=(1.0 - dedicated) * hydrogen.electrolyser_use,
        electricity=hydrogen.electrolyser_use,
        price=(dedicated * firmed + (1.0 - dedicated) * hydrogen.price_grid) * 1000.0,
        supply=hydrogen.supply_max * logistic(years, hydrogen.ramp_mid, hydrogen.ramp_rate),
    )
