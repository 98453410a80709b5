"""Labels of the axes: provinces, end uses, routes, carriers and the like, as `axes.csv` lists them."""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mc.axes import ALIASES, TABLE_AXES
from mc.tables.cells import read_sheet
from mc.tables.errors import Problem, did_you_mean

COLUMNS: Final = ("axis", "label", "name_en", "name_zh", "group", "like", "note")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}")


@dataclasses.dataclass(frozen=True)
class Label:
    """One label of an axis: names for people, the group it belongs to, and the label whose missing rows it inherits."""

    label: str
    name_en: str = ""
    name_zh: str = ""
    group: str = ""
    like: str = ""


@dataclasses.dataclass(frozen=True)
class Axis:
    """The labels of one axis, in the order of the tables."""

    name: str
    entries: tuple[Label, ...]

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels in order."""
        return tuple(entry.label for entry in self.entries)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of each label: the grid region of a province, the kind of a route."""
        return tuple(entry.group for entry in self.entries)

    @property
    def likes(self) -> dict[str, str]:
        """The label whose rows a label inherits, where it states one."""
        return {entry.label: entry.like for entry in self.entries if entry.like}

    def suggestion(self, word: str) -> str:
        """A remedy for an unknown label; names in English and Chinese lead to the label too."""
        for entry in self.entries:
            if word.lower() in (entry.name_en.lower(), entry.name_zh):
                return f"did you mean {entry.label!r}?"
        return did_you_mean(word, self.labels)


def labels_of(axis: str, axes: Mapping[str, Axis]) -> tuple[str, ...]:
    """The labels of an axis that tables list; `destination` has those of `province`."""
    found = axes.get(ALIASES.get(axis, axis))
    return found.labels if found else ()


@dataclasses.dataclass(frozen=True)
class Labels:
    """The axes as read; `doubtful` has what stands in rows that could not be used, None where anything may be lost."""

    axes: dict[str, Axis]
    doubtful: frozenset[str] | None

    def known(self, axis: str) -> tuple[str, ...]:
        """The labels of an axis."""
        return labels_of(axis, self.axes)

    def doubts(self, label: str) -> bool:
        """Whether a label that is not known may only be lost in a row that could not be used."""
        return self.doubtful is None or label in self.doubtful

    def suggestion(self, axis: str, word: str) -> str:
        """A remedy for an unknown label."""
        found = self.axes.get(ALIASES.get(axis, axis))
        return found.suggestion(word) if found else f"list the labels of {axis} in axes.csv"


def read_axes(files: Sequence[Path], problems: list[Problem]) -> Labels:
    """The axes of one or more files of labels; a metal's file adds to the common one."""
    entries: dict[str, dict[str, Label]] = {name: {} for name in TABLE_AXES}
    likes: list[tuple[str, Label, Problem]] = []
    doubtful: set[str] = set()
    whole = True
    for file in files:
        sheet = read_sheet(file, COLUMNS[:2], COLUMNS[2:], problems)
        whole = whole and sheet.whole
        for record in sheet.records:
            axis, label = record["axis"], Label(*(record[column] for column in COLUMNS[1:-1]))
            mistake = _mistake(axis, label.label, entries)
            if mistake is not None:
                problems.append(record.problem(*mistake))
                doubtful.update((axis, label.label))
                continue
            entries[axis][label.label] = label
            if label.like:
                likes.append((axis, label, record.problem(f"like {label.like!r} of {axis} {label.label!r}", "")))
    axes = {name: Axis(name, tuple(found.values())) for name, found in entries.items() if found}
    for axis, label, problem in likes:
        remedy = _bad_like(axes[axis], label)
        if remedy:
            problems.append(dataclasses.replace(problem, remedy=remedy))
    return Labels(axes, frozenset(doubtful) if whole else None)


def _mistake(axis: str, label: str, entries: Mapping[str, Mapping[str, Label]]) -> tuple[str, str] | None:
    if axis not in entries:
        return f"unknown axis {axis!r}", did_you_mean(axis, TABLE_AXES)
    if not _LABEL.fullmatch(label):
        return f"label {label!r} of {axis}", "use letters, digits and . _ - %, at most 64 of them"
    if label in entries[axis]:
        return f"label {label!r} of {axis} stands twice", "keep one row"
    return None


def _bad_like(axis: Axis, label: Label) -> str:
    """The remedy for a label that inherits from an unknown one or, along the chain, from itself; empty if none."""
    seen = {label.label}
    step = label.like
    while step in axis.labels and step not in seen:
        seen.add(step)
        step = axis.likes.get(step, "")
    if step in seen:
        return "let no chain of `like` return to its start"
    return axis.suggestion(label.like) if label.like not in axis.labels else ""
