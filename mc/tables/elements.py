"""Which row speaks for which element: every combination of labels has its own rows, inherited ones, or none."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Mapping

from mc.axes import YEAR_AXES
from mc.inputs.schema import Quantity
from mc.tables.labels import Axis, labels_of
from mc.tables.rows import Row, label_of

Combination = tuple[str, ...]
"""Labels of the axes of a quantity other than its years, in order."""


@dataclasses.dataclass(frozen=True)
class Elements:
    """A quantity resolved to its elements.

    Attributes:
        name: the quantity with its noun.
        quantity: its declaration.
        axes: its axes other than years.
        labels: the labels of each of these axes.
        rows: the rows of each combination that has its own: one, or one per year, or one per option of a choice.
        owners: for every combination the one whose rows it takes; None where the default holds or a row is missing.
    """

    name: str
    quantity: Quantity
    axes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    rows: dict[Combination, tuple[Row, ...]]
    owners: dict[Combination, Combination | None]

    @property
    def noun(self) -> str:
        """The noun it belongs to."""
        return self.name.partition(".")[0]

    @property
    def time(self) -> str | None:
        """The axis of years, if the quantity has one: "year" (anchors) or "history" (one row a year)."""
        return next((axis for axis in self.quantity.axes if axis in YEAR_AXES), None)

    @functools.cached_property
    def uncertain(self) -> tuple[Combination, ...]:
        """Combinations with rows of their own of which at least one differs between draws."""
        return tuple(key for key, rows in self.rows.items() if any(row.uncertain for row in rows))

    def label(self, combination: Combination) -> str:
        """The label of a combination: "carriers.fuel_price[coal]"."""
        return label_of(self.name, combination)

    def groups(self) -> dict[Combination, list[Combination]]:
        """Combinations that differ in their last label only: the elements of shares that sum to one."""
        grouped: dict[Combination, list[Combination]] = {}
        for combination in self.owners:
            grouped.setdefault(combination[:-1], []).append(combination)
        return grouped


def resolve(name: str, quantity: Quantity, rows: Iterable[Row], axes: Mapping[str, Axis]) -> Elements:
    """Give every combination of labels its rows, those of the label it is `like`, or none."""
    plain = tuple(axis for axis in quantity.axes if axis not in YEAR_AXES)
    if plain != quantity.axes[: len(plain)] or len(quantity.axes) > len(plain) + 1:
        raise ValueError(f"{name}: declare its one axis of years last")
    own: dict[Combination, list[Row]] = {}
    for row in rows:
        own.setdefault(row.labels[: len(plain)], []).append(row)
    labels = tuple(labels_of(axis, axes) for axis in plain)
    likes = [axes[axis].likes if axis in axes else {} for axis in plain]
    owners = {combination: _owner(combination, own, likes) for combination in itertools.product(*labels)}
    # A path reads its anchors in order of time; sorting is stable, so the options of a choice keep theirs.
    ordered = {key: tuple(sorted(found, key=lambda row: row.labels[len(plain) :])) for key, found in own.items()}
    return Elements(name, quantity, plain, labels, ordered, owners)


def _owner(
    combination: Combination, own: Mapping[Combination, object], likes: list[dict[str, str]]
) -> Combination | None:
    seen: set[Combination] = set()
    while combination not in own:
        if combination in seen:  # a chain of `like` that returns to its start: noted where the labels are read
            return None
        seen.add(combination)
        position = next((at for at, like in enumerate(likes) if combination[at] in like), None)
        if position is None:
            return None
        parent = likes[position][combination[position]]
        combination = (*combination[:position], parent, *combination[position + 1 :])
    return combination
