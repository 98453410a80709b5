"""The axes of the model: their names, in one place and in full words.

Labels are data: they come from `axes.csv` of the priors (provinces, routes, carriers, ...) and from the run (years).
"""

from typing import Final

DRAW: Final = "draw"
DRIVER: Final = "driver"
SCENARIO: Final = "scenario"
YEAR: Final = "year"
HISTORY: Final = "history"
PROVINCE: Final = "province"
DESTINATION: Final = "destination"
END_USE: Final = "end_use"
ROUTE: Final = "route"
CARRIER: Final = "carrier"
POLLUTANT: Final = "pollutant"
PROCESS: Final = "process"
SSP: Final = "ssp"
STORAGE: Final = "storage"
ACCOUNTING: Final = "accounting"
THRESHOLD: Final = "threshold"
SEGMENT: Final = "segment"

TABLE_AXES: Final = (PROVINCE, END_USE, ROUTE, CARRIER, POLLUTANT, PROCESS, SSP, STORAGE, ACCOUNTING, THRESHOLD)
"""Axes whose labels are rows of `axes.csv`."""

ALIASES: Final = {DESTINATION: PROVINCE}
"""Axes that share the labels of another axis."""

YEAR_AXES: Final = (YEAR, HISTORY)
"""Axes whose labels are years; `year` rows are anchors between which the model interpolates."""
