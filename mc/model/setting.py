"""Paths that turn what runs into emissions and cost, the same under every scrap policy."""

import dataclasses

import jax
from jax import Array

from mc.model.cost import Prices
from mc.model.grid import HydrogenPath


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Setting:
    """Paths that turn flows into emissions and cost.

    Attributes:
        factor: grid factor, tCO2/MWh, never negative [year, province].
        removal: negative part of the grid factor, tCO2/MWh [year, province].
        hydrogen: supply of hydrogen.
        prices: prices.
        rise: way from base-year intensity to that of 2060 [year].
        carbon: hot-metal carbon over that of the base year [year].
        charge: hot metal share of the electric charge [year].
    """

    factor: Array
    removal: Array
    hydrogen: HydrogenPath
    prices: Prices
    rise: Array
    carbon: Array
    charge: Array
