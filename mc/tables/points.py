"""Are the elicited points of a row possible: all there, in order, inside the valid range, and met by the family?"""

import itertools
import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from mc.distributions import family_of, fitted
from mc.inputs.schema import Quantity
from mc.tables.rows import POINTS, Row

_NEEDED: Final = {"fixed": ("mid",), "uniform": ("low", "high"), "loguniform": ("low", "high"), "choice": ("mid",)}
_UNUSED: Final = {"fixed": ("low", "high")}
_TAIL: Final = 0.001
"""Share of draws on either side that may fall where the relation was never meant to hold."""


def mistakes(row: Row, quantity: Quantity) -> Iterator[tuple[str, str]]:
    """Each thing wrong with the points of a row, as (what, remedy)."""
    needed = _NEEDED.get(row.family, POINTS)
    empty = [name for name in needed if math.isnan(getattr(row, name))]
    spare = [name for name in _UNUSED.get(row.family, ()) if not math.isnan(getattr(row, name))]
    if empty:
        yield f"{row.label}: family {row.family} without {', '.join(empty)}", f"it needs {', '.join(needed)}"
    if spare:
        yield (
            f"{row.label}: family fixed with {' and '.join(spare)}",
            "leave them empty, or choose a family with spread",
        )
    if row.family != "truncnormal" and not (math.isnan(row.minimum) and math.isnan(row.maximum)):
        yield f"{row.label}: minimum or maximum with family {row.family}", "only truncnormal has them: leave them empty"
    stated = [(name, getattr(row, name)) for name in POINTS if not math.isnan(getattr(row, name))]
    for (lower, a), (upper, b) in itertools.pairwise(stated):
        if a > b:
            yield f"{row.label}: {lower} {a:g} is above {upper} {b:g}", "order them low <= mid <= high"
            return
    outside = list(_outside(row, quantity, stated))
    yield from outside
    if not (empty or spare or outside):
        yield from _misfit(row, quantity)


def _outside(row: Row, quantity: Quantity, stated: list[tuple[str, float]]) -> Iterator[tuple[str, str]]:
    low, high, unit = (0.0, 1.0, "1") if row.family == "choice" else (quantity.low, quantity.high, quantity.unit)
    for name, value in stated:
        if not low <= value <= high:
            converted = "" if row.unit == unit else f" {unit} (written in {row.unit})"
            what = f"{row.label}: {name} {value:g}{converted} is outside the valid range {low:g} to {high:g} {unit}"
            yield what, "check the value and its unit"


def _misfit(row: Row, quantity: Quantity) -> Iterator[tuple[str, str]]:
    """What the fitted distribution says: the points may be impossible, or its tails may leave the valid range."""
    if row.family in ("fixed", "choice"):
        return
    try:
        prior = row.prior
        tails = family_of(prior).percentiles(fitted(prior), np.array([_TAIL, 1 - _TAIL]))
    except ValueError as error:
        yield f"{row.label}: {error}", "correct the points or choose another family"
        return
    # Declared limits and percentiles of a bounded family agree to rounding only.
    slack = 1e-6 * (prior.high - prior.low)
    for tail, value in zip(("lowest", "highest"), map(float, tails), strict=True):
        if not quantity.low - slack <= value <= quantity.high + slack:
            what = (
                f"{row.label}: the {tail} draw in 1000 of this {row.family} is {value:.4g}, "
                f"outside the valid range {quantity.low:g} to {quantity.high:g} {quantity.unit}"
            )
            yield what, "choose truncnormal with minimum and maximum, pert, or narrower points"
