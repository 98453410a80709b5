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
        slot: years since the base year, a whole number [].
        output: crude steel wanted, Mt [province].
        purchased: purchased scrap on offer, Mt [province].
        home: home scrap, on site, Mt [province].
        pull: exp(-levelised cost / choice scale), scaled to 1 for the cheapest [route].
        ceiling: national ceiling of capacity, Mt [route].
        available: 1 where a route can be built [route].
        floor: national floor of capacity, Mt [route].
        charge: hot metal share of the electric charge [].
        carbon: hot-metal carbon over that of the base year [].
        grid: grid factor, tCO2/MWh [province].
        rise: way from base-year intensity to that of 2060 [].
        early: share of blast furnaces that retires early in the year [].
        kept: share of blast furnaces not retired early since the base year [].
        copper_room: purchased scrap that steel can take for its copper, Mt [province]; None where copper is no limit.
    """

    year: Array
    slot: Array
    output: Array
    purchased: Array
    home: Array
    pull: Array
    ceiling: Array
    available: Array
    floor: Array
    charge: Array
    carbon: Array
    grid: Array
    rise: Array
    early: Array
    kept: Array
    copper_room: Array | None = None


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Drive:
    """What a scan over years closes over.

    Attributes:
        years: forces of the years after the base year.
        roads: freight.
        per_metal: flows per t of hot metal.
        per_steel: flows per t of steel.
        taste: exp(-bias of the choice / choice scale) [province, route].
        first_due: blast furnaces of the base year by the year of their next reline [year, province].
        unit: capacity unit per t of steel: hot metal for routes that charge converters, 1 for the others [route].
    """

    years: Force
    roads: Roads
    per_metal: Flows
    per_steel: Flows
    taste: Array
    first_due: Array
    unit: Array
