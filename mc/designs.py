"""Designs: draws that belong together where shares of the variance are told apart, and the places in one.

A; B, independent of it; for each driver M, which is A with what belongs to that driver from B; and for each driver N,
which is B with that from A.
"""

from typing import Any, Final

A: Final = 0
B: Final = 1
FIRST_MIXED: Final = 2


def design_of(drivers: int) -> int:
    """Draws of a design; without drivers a draw stands alone."""
    return FIRST_MIXED + 2 * drivers if drivers else 1


def mixtures(design: Any, drivers: int) -> tuple[Any, Any]:
    """M and N of every driver, from an array whose leading axis are the places of a design."""
    middle = FIRST_MIXED + drivers
    return design[FIRST_MIXED:middle], design[middle:]


def step_of(scramblings: int, drivers: int) -> int:
    """Draws that belong together in all scramblings: blocks and parts of a run hold whole ones."""
    return scramblings * design_of(drivers)


def rounded_up(number: int, step: int) -> int:
    """The least multiple of `step` that is not below a number."""
    return -(-number // step) * step
