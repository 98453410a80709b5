"""How a noun of the model declares the quantities it reads from the priors.

A noun is a frozen dataclass; each of its fields is one quantity with a unit, the axes of its array, and the range in
which the relations that use it are valid. The tables are checked against these declarations, and bound by quantity and
index.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import jax


@dataclasses.dataclass(frozen=True)
class Quantity:
    """What a row of a prior table may say about one quantity.

    Attributes:
        unit: the unit the model computes in; a row may use any unit of the same dimension.
        axes: the axes of the array, in order; each is an index column of the table.
        low: lowest value for which the relation is valid.
        high: highest value for which the relation is valid.
        meaning: one line for people.
        default: value of elements without a row; None means that every element needs a row.
    """

    unit: str
    axes: tuple[str, ...]
    low: float
    high: float
    meaning: str
    default: float | None = None


def quantity(
    unit: str, *axes: str, low: float = 0.0, high: float = math.inf, meaning: str = "", absent: float | None = None
) -> Any:
    """Declare a field of a noun as a quantity of the priors (see `Quantity`); `absent` is its default without a row.

    The argument is not called default because that would make the field itself optional.
    """
    return dataclasses.field(metadata={"quantity": Quantity(unit, axes, low, high, meaning, absent)})


NOUNS: dict[str, type[Any]] = {}
"""Every declared noun by the stem of its table."""

Noun = TypeVar("Noun")


@dataclass_transform(frozen_default=True, field_specifiers=(quantity,))
def noun(table: str, nouns: dict[str, type[Any]] = NOUNS) -> Callable[[type[Noun]], type[Noun]]:
    """Make a class a frozen pytree of quantities; `table` is the stem of the table that holds its rows.

    A noun that runs do not read stands in other `nouns`.
    """

    def register(cls: type[Noun]) -> type[Noun]:
        frozen = dataclasses.dataclass(frozen=True)(cls)
        jax.tree_util.register_dataclass(frozen)
        nouns[table] = frozen
        return frozen

    return register


def quantities(cls: type[Any]) -> dict[str, Quantity]:
    """The quantities of a noun by name, in the order of declaration."""
    return {field.name: field.metadata["quantity"] for field in dataclasses.fields(cls)}
