"""What is believed: the checked rows of a folder of tables, with labels, dependence and sources."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mc.errors import InputError
from mc.inputs.schema import Quantity, quantities
from mc.tables.checks import Folder, check
from mc.tables.correlation import check_dependence
from mc.tables.dependence import Dependence
from mc.tables.elements import Elements, resolve
from mc.tables.errors import PriorsError, Problem, did_you_mean
from mc.tables.labels import Axis
from mc.tables.points import mistakes
from mc.tables.rows import REPLACED, Row


@dataclasses.dataclass(frozen=True)
class Priors:
    """A folder of tables that passed every check.

    Attributes:
        folder: where the tables lie.
        metal: the sub-folder read besides the common tables.
        rows: the rows of all nouns, by table and line.
        axes: labels of each axis, with names and groups.
        dependence: correlations, shared factors and paths.
        sources: BibTeX entry by key.
        nouns: the declarations that the rows answer to.
    """

    folder: Path
    metal: str
    rows: tuple[Row, ...]
    axes: Mapping[str, Axis]
    dependence: tuple[Dependence, ...]
    sources: Mapping[str, str]
    nouns: Mapping[str, type[Any]] = dataclasses.field(repr=False)

    @functools.cached_property
    def resolved(self) -> dict[str, Elements]:
        """Every quantity by name ("stock.lifetime_mean") with the rows of its elements."""
        return resolve_all(self.rows, self.axes, self.nouns)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 over the content: the same for the same beliefs, wherever they stand in the tables."""
        rows = sorted(repr(dataclasses.replace(row, table="", line=0)) for row in self.rows)
        between = sorted(repr(dataclasses.replace(row, table="", line=0)) for row in self.dependence)
        axes = {name: repr(axis.entries) for name, axis in sorted(self.axes.items())}
        content = json.dumps([self.metal, rows, between, axes, dict(sorted(self.sources.items()))], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def select(self, name: str) -> tuple[Row, ...]:
        """The rows of a quantity or of one element: "stock.lifetime_mean", "stock.lifetime_mean[buildings]"."""
        found = tuple(row for row in self.rows if name in (row.label, row.name))
        if not found:
            raise InputError(f"no row for {name!r}; {self._remedy(name)}")
        return found

    def find(self, label: str) -> Row:
        """The row of one element; an anchor of a path is "grid.factor_national[2030]"."""
        found = self.select(label)
        if len(found) > 1:
            raise InputError(f"{label} has {len(found)} rows; name one of them, such as {found[0].label}")
        return found[0]

    def replace(self, name: str, low: float, mid: float, high: float) -> "Priors":
        """The same priors with other points for an element, or for every row of a quantity, in the declared unit.

        The family stays, except that a fixed row becomes pert, and any row whose points are equal becomes fixed. Of
        shares and of the weights of a choice the others are scaled, so that they still add to one.
        """
        chosen = self.select(name)
        quantity = self._quantity(chosen[0])
        new = {_key(row): _replaced(row, quantity, low, mid, high) for row in chosen}
        path = f"replace {name}"
        wrong = [Problem(path, 0, *mistake) for row in new.values() for mistake in mistakes(row, quantity)]
        if wrong:
            raise PriorsError(wrong)
        if len(chosen) == 1 and chosen[0].family in ("dirichlet", "choice"):
            new |= self._others(chosen[0], new[_key(chosen[0])].mid)
        changed = dataclasses.replace(self, rows=tuple(new.get(_key(row), row) for row in self.rows))
        problems = [Problem(path, 0, problem.what, problem.remedy) for problem in changed.problems()]
        if problems:
            raise PriorsError(problems)
        return changed

    def problems(self) -> list[Problem]:
        """What the tables together get wrong; none for priors that were read."""
        folder = Folder(
            show=lambda table: str(self.folder / table),
            resolved=self.resolved,
            dependence=self.dependence,
            axes=self.axes,
            failed={},
            unread=(),
            tables={row.noun: row.table for row in self.rows},
        )
        return [*check(folder), *check_dependence(folder)]

    def _quantity(self, row: Row) -> Quantity:
        return quantities(self.nouns[row.noun])[row.quantity]

    def _others(self, row: Row, share: float) -> dict[tuple[str, str], Row]:
        """The other members of a group that adds to one, scaled to what a new share leaves."""
        same = row.labels if row.family == "choice" else row.labels[:-1]
        others = [
            other
            for other in self.rows
            if other.name == row.name and other.labels[: len(same)] == same and other.label != row.label
        ]
        left = sum(other.mid for other in others)
        if left <= 0:
            return {}
        scale = (1 - share) / left
        return {_key(other): _scaled(other, scale) for other in others}

    def _remedy(self, name: str) -> str:
        known = {word for row in self.rows for word in (row.name, row.label)}
        quantity, _, labels = name.partition("[")
        elements = self.resolved.get(quantity)
        if elements is not None and tuple(labels.rstrip("]").split(",")) in elements.owners:
            owner = elements.owners[tuple(labels.rstrip("]").split(","))]
            if owner is not None:
                return f"it takes the value of {elements.label(owner)}"
            return f"it has the default {elements.quantity.default}: add a row to the table"
        return did_you_mean(name, sorted(known))


def resolve_all(
    rows: tuple[Row, ...] | list[Row], axes: Mapping[str, Axis], nouns: Mapping[str, type[Any]]
) -> dict[str, Elements]:
    """Every declared quantity with the rows of its elements."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    return {
        f"{noun}.{name}": resolve(f"{noun}.{name}", quantity, by_name.get(f"{noun}.{name}", ()), axes)
        for noun, cls in nouns.items()
        for name, quantity in quantities(cls).items()
    }


def _key(row: Row) -> tuple[str, str]:
    return row.name, row.label


def _replaced(row: Row, quantity: Quantity, low: float, mid: float, high: float) -> Row:
    known = low == mid == high and row.family != "choice"
    family = "fixed" if known else "pert" if row.family == "fixed" else row.family
    nan = float("nan")
    return dataclasses.replace(
        row,
        family=family,
        low=nan if known else float(low),
        mid=float(mid),
        high=nan if known else float(high),
        minimum=row.minimum if family == "truncnormal" else nan,
        maximum=row.maximum if family == "truncnormal" else nan,
        unit=quantity.unit,
        kind="expert",
        note=REPLACED,
        dimension=None if known else row.dimension,
    )


def _scaled(row: Row, scale: float) -> Row:
    return dataclasses.replace(row, low=row.low * scale, mid=row.mid * scale, high=row.high * scale, note=REPLACED)
