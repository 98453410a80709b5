"""What only the tables together can show: elements without a row, shares that miss one, dimensions used twice."""

import dataclasses
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from mc.tables.dependence import Dependence, paths
from mc.tables.elements import Combination, Elements
from mc.tables.errors import Problem
from mc.tables.labels import Axis, labels_of
from mc.tables.points import mistakes
from mc.tables.rows import DIMENSIONS, REPLACED, Row, label_of

SUM_TOLERANCE: Final = 1e-4
"""Shares are written with four or five digits: 31 of them miss one by less than this."""

ADDS_TO_ONE: Final = "adds to one"
"""What the meaning of a quantity says when its elements are shares of a whole."""

_INTO_AXIS = re.compile(r"index into the axis (\w+)")


@dataclasses.dataclass(frozen=True)
class Folder:
    """Everything read from a folder, well-formed row by row, as the checks of the whole see it.

    Attributes:
        show: the path of a table as people know it.
        resolved: quantities by name.
        dependence: rows of the tables of dependence.
        axes: the labels.
        failed: labels of the rows of a quantity that stand in a table and could not be used; None where the labels
            themselves could not be read.
        unread: nouns of whose table some line could not be read: what seems to be missing may only be unseen.
        tables: the table of each noun, as a path inside the folder.
    """

    show: Callable[[str], str]
    resolved: Mapping[str, Elements]
    dependence: Sequence[Dependence]
    axes: Mapping[str, Axis]
    failed: Mapping[str, Collection[tuple[str, ...] | None]]
    unread: Collection[str]
    tables: Mapping[str, str]

    def at(self, row: Row | Dependence, what: str, remedy: str) -> Problem:
        """A mistake at the line of a row."""
        return Problem(self.show(row.table), row.line, what, remedy)

    def broken(self, elements: Elements, combination: Combination) -> bool:
        """Whether rows of this combination may stand in a table and could not be used: then nothing is said of it."""
        if elements.noun in self.unread:
            return True
        failed = self.failed.get(elements.name, ())
        return any(labels is None or labels[: len(combination)] == combination for labels in failed)


def check(folder: Folder) -> Iterator[Problem]:
    """Every mistake that no single row shows."""
    for elements in folder.resolved.values():
        yield from missing(folder, elements)
        yield from choices(folder, elements)
        yield from shares(folder, elements)
        yield from years(folder, elements)
    yield from histories(folder)
    yield from dimensions(folder)


def missing(folder: Folder, elements: Elements) -> Iterator[Problem]:
    """Elements that have no row, inherit none, and have no default."""
    if elements.quantity.default is not None:
        return
    absent = [key for key, owner in elements.owners.items() if owner is None and not folder.broken(elements, key)]
    table = folder.show(folder.tables.get(elements.noun, f"{elements.noun}.csv"))
    if not elements.owners and not folder.broken(elements, ()):
        empty = [axis for axis, labels in zip(elements.axes, elements.labels, strict=True) if not labels]
        yield Problem(table, 1, f"{elements.name}: no labels of {', '.join(empty)}", "list them in axes.csv")
    if absent:
        named = ", ".join(map(elements.label, absent[:4])) + (f" and {len(absent) - 4} more" if len(absent) > 4 else "")
        unit = elements.quantity.unit
        yield Problem(table, 1, f"no row for {named}", f"add the rows ({elements.quantity.meaning}; {unit})")


def choices(folder: Folder, elements: Elements) -> Iterator[Problem]:
    """Options of a choice: weights add to one, no other rows beside them, and the labels of the axis they index."""
    for key, rows in elements.rows.items():
        options = [row for row in rows if row.family == "choice"]
        if not options or folder.broken(elements, key):
            continue
        if len(options) < len(rows) or elements.time:
            yield folder.at(rows[0], f"{elements.label(key)}: choice beside other rows", "give it options only")
            continue
        total = sum(row.mid for row in options)
        if abs(total - 1) > SUM_TOLERANCE:
            what = f"{elements.label(key)}: weights of the options add to {total:.6g}"
            yield folder.at(options[-1], what, "make mid of the options add to 1")
        late = [row for row in options[1:] if row.dimension is not None]
        for row in late:
            yield folder.at(row, f"dimension {row.dimension} of a further option", "only the first option has one")
        named = _INTO_AXIS.search(elements.quantity.meaning)
        axis = named.group(1) if named else elements.name.partition(".")[2]
        labels = labels_of(axis, folder.axes)
        if labels and tuple(row.option for row in options) != labels:
            written = ", ".join(row.option for row in options)
            yield folder.at(options[0], f"options {written} are not the axis {axis}", f"write {', '.join(labels)}")


def shares(folder: Folder, elements: Elements) -> Iterator[Problem]:
    """Shares of a whole: dirichlet rows, and quantities declared to add to one, have middles that do."""
    declared = ADDS_TO_ONE in elements.quantity.meaning
    for members in elements.groups().values():
        found = [elements.rows[owner] for key in members if (owner := elements.owners[key]) is not None]
        rows = [row for group in found for row in group]
        spread = [row for row in rows if row.family == "dirichlet"]
        if not (rows and (spread or declared)) or any(folder.broken(elements, key) for key in members):
            continue
        if spread and (elements.time or not elements.axes):
            yield folder.at(spread[0], f"{spread[0].label}: dirichlet without labels to share between", "use beta")
            continue
        for row in rows:
            if spread and row.uncertain and row.family != "dirichlet":
                yield folder.at(row, f"{row.label}: {row.family} among dirichlet shares", "make it dirichlet or fixed")
        total = sum(row.prior.mid for row in rows)
        total += (elements.quantity.default or 0.0) * (len(members) - len(found))
        if abs(total - 1) > SUM_TOLERANCE:
            what = f"{_group(elements, members)}: shares add to {total:.6g}"
            yield folder.at(rows[-1], what, "make mid of the shares add to 1")


def _group(elements: Elements, members: list[Combination]) -> str:
    return label_of(elements.name, (*members[0][:-1], "*")) if members[0] else elements.name


def years(folder: Folder, elements: Elements) -> Iterator[Problem]:
    """Uncertain anchors of a path: one family, no dimensions of their own, and a row that states the persistence."""
    if elements.time is None:
        return
    found = paths(elements, folder.dependence)
    for key in elements.uncertain:
        rows = [row for row in elements.rows[key] if row.uncertain]
        if elements.time == "history" and key not in found:
            continue
        families = sorted({row.family for row in rows})
        if len(families) > 1:
            remedy = "give all anchors of a path one family (or fixed)"
            yield folder.at(rows[0], f"{elements.label(key)}: families {', '.join(families)} in one path", remedy)
        for row in rows:
            if row.dimension is not None:
                remedy = "leave it empty: the path row of dependence.csv has the dimension"
                yield folder.at(row, f"dimension {row.dimension} of an anchor of a path, {row.label}", remedy)
        if len(families) == 1:
            yield from _between(folder, elements, key, families[0])
        if key not in found and not any(row.note == REPLACED for row in rows):
            what = f"{elements.label(key)}: uncertain years without a path row"
            remedy = f"add path,{elements.name},... to dependence.csv with the yearly persistence"
            yield folder.at(rows[0], what, remedy)


def _between(folder: Folder, elements: Elements, key: Combination, family: str) -> Iterator[Problem]:
    """Midway between two anchors the family must be able to meet the points too."""
    if elements.time == "history":
        return
    for first, second in itertools.pairwise(elements.rows[key]):
        a, b = first.prior, second.prior
        if not (first.uncertain or second.uncertain):
            continue
        bounds = [row for row in (first, second) if row.family == family]
        middle = dataclasses.replace(
            second,
            family=family,
            low=(a.low + b.low) / 2,
            mid=(a.mid + b.mid) / 2,
            high=(a.high + b.high) / 2,
            minimum=sum(row.minimum for row in bounds) / len(bounds),
            maximum=sum(row.maximum for row in bounds) / len(bounds),
        )
        if middle.low < middle.high:
            for what, remedy in mistakes(middle, elements.quantity):
                when = f"midway between {first.labels[-1]} and {second.labels[-1]}"
                yield folder.at(second, f"{when}: {what}", f"{remedy}, or add an anchor between")


def histories(folder: Folder) -> Iterator[Problem]:
    """Years that a history skips: the model reads one row a year from the first year of any history on."""
    series = {
        elements.label(key): rows
        for elements in folder.resolved.values()
        if elements.time == "history"
        for key, rows in elements.rows.items()
        if not folder.broken(elements, key) and elements.quantity.default is None
    }
    stated = {label: {int(row.labels[-1]): row for row in rows} for label, rows in series.items()}
    first = min((min(known) for known in stated.values()), default=0)
    for label, known in stated.items():
        absent = [year for year in range(first, max(known)) if year not in known]
        if absent:
            what = f"{label}: no row for {_years(absent)}"
            yield folder.at(known[min(known)], what, f"give one row a year from {first} on")


def _years(years: list[int]) -> str:
    return f"{years[0]}" if len(years) == 1 else f"{len(years)} years from {years[0]} to {years[-1]}"


def dimensions(folder: Folder) -> Iterator[Problem]:
    """Sobol' dimensions that two inputs take, or that lie past the last one."""
    taken: dict[int, str] = {}
    claims: list[tuple[Row | Dependence, str, int]] = []
    for elements in folder.resolved.values():
        claims += [
            (row, row.label, row.dimension)
            for rows in elements.rows.values()
            for row in rows
            if row.dimension is not None
        ]
        for key, (path, numbers) in paths(elements, folder.dependence).items():
            claims += [(path, f"path {elements.label(key)}", number) for number in numbers]
    claims += [
        (row, f"shared {row.first}", row.dimension)
        for row in folder.dependence
        if row.kind == "shared" and row.dimension is not None
    ]
    claims.sort(key=lambda claim: (claim[0].table, claim[0].line, claim[2]))
    claimed = {number for _, _, number in claims}
    free = next(number for number in itertools.count() if number not in claimed)
    for row, who, number in claims:
        if number >= DIMENSIONS:
            yield folder.at(row, f"{who}: dimension {number} is out of range", f"use 0 to {DIMENSIONS - 1}")
        elif number in taken:
            remedy = f"take one that is free, such as {free}" if free < DIMENSIONS else "leave it empty"
            yield folder.at(row, f"{who}: dimension {number} is taken by {taken[number]}", remedy)
        else:
            taken[number] = who
