"""What drives the years of the scan; all of it is set before the first."""

import dataclasses

import jax
from jax import Array

from mc.allocation.problem import Roads
from mc.model.intensity import Flows


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Force:
    """What drives one year; in `Drive.years` every field has a leading year axis.

    Attributes:
        year: the year [].
        slot: one-hot of the year in the reline calendar [slot].
        output: crude steel wanted, Mt [province].
        purchased: purchased scrap on offer, Mt [province].
        home: home scrap, on site, Mt [province].
        cost: levelised cost, CNY/t [route].
        ceiling: national ceiling of capacity, Mt [route].
        available: 1 where a route can be built [route].
        floor: national floor of capacity, Mt [route].
        charge: hot metal share of the electric charge [].
        carbon: hot-metal carbon over that of the base year [].
        grid: grid factor, tCO2/MWh [province].
        rise: way from base-year intensity to that of 2060 [].
    """

    year: Array
    slot: Array
    output: Array
    purchased: Array
    home: Array
    cost: Array
    ceiling: Array
    available: Array
    floor: Array
    charge: Array
    carbon: Array
    grid: Array
    rise: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Drive:
    """What a scan over years closes over.

    Attributes:
        years: forces of the years after the base year.
        roads: freight.
        per_metal: flows per t of hot metal.
        per_steel: flows per t of steel.
        unit: capacity unit per t of steel: hot metal for routes that charge converters, 1 for the others [route].
    """

    years: Force
    roads: Roads
    per_metal: Flows
    per_steel: Flows
    unit: Array
