"""The noun of what history adds to the chain: what the years before the base year need and the years after do not."""

import dataclasses
import math
from typing import Any

import jax
from jax import Array

from mc.inputs.nouns import Inputs
from mc.inputs.schema import NOUNS, noun, quantity

OF_HISTORY: dict[str, type[Any]] = {}
"""None of the nouns of a run to 2060, so no draw of such a run pays for it."""


@noun("history", OF_HISTORY)
class History:
    """Iron and steel before the base year, national."""

    first_year: Array = quantity("year", low=1950, high=2100, meaning="first year that is compared with statistics")
    population: Array = quantity("million", "history", high=3000, absent=0.0, meaning="population at the end of a year")
    scrap_net_import: Array = quantity("Mt/year", "history", low=-50, high=50, absent=0.0, meaning="by customs")
    scrap_net_import_scale: Array = quantity("1", low=0.5, high=2, meaning="true over recorded imports of scrap")
    induction_share: Array = quantity("1", high=0.5, meaning="steel of unreported furnaces over crude output")
    induction_end: Array = quantity("year", low=1950, high=2100, meaning="when those furnaces closed; 2017.5: mid 2017")
    induction_charge: Array = quantity("1", low=1, high=1.5, meaning="scrap per t of their steel")
    eaf_change: Array = quantity(
        "1", "history", low=-math.inf, absent=0.0, meaning="normal score of the change of a year"
    )
    eaf_change_sd: Array = quantity("1", high=1, meaning="sd of the yearly change of the log of the electric share")
    eaf_slope_sd: Array = quantity(
        "1/year", high=1, meaning="sd of a steady yearly change of the log of the electric share, normal about 0"
    )
    first_year_by_province: Array = quantity(
        "year", low=1950, high=2100, meaning="year whose shares of provinces in crude steel the later ones start from"
    )
    crude_steel_start: Array = quantity(
        "Mt/year", "province", high=1000, absent=0.0, meaning="crude steel output of that year"
    )
    efficiency_rate: Array = quantity(
        "1/year", high=0.1, meaning="yearly fall of hot-metal carbon before the base year"
    )


HISTORY_NOUNS: dict[str, type[Any]] = NOUNS | OF_HISTORY


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class HistoryInputs:
    """The inputs of one draw of the chain, and those of its history."""

    chain: Inputs
    history: History


def assembled(history: History, **nouns: Any) -> HistoryInputs:
    """Both from all nouns by keyword."""
    return HistoryInputs(Inputs(**nouns), history)
