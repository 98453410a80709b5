"""Labels of the axes: provinces, end uses, routes, carriers and the like, as `axes.csv` lists them."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mc.axes import ALIASES, TABLE_AXES
from mc.tables.cells import read_records
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

    @property
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


def read_axes(files: Sequence[Path], problems: list[Problem]) -> dict[str, Axis]:
    """The axes of one or more files of labels; a metal's file adds to the common one."""
    entries: dict[str, dict[str, Label]] = {name: {} for name in TABLE_AXES}
    likes: list[tuple[str, Label, Problem]] = []
    for file in files:
        for record in read_records(file, COLUMNS[:2], COLUMNS[2:], problems) or ():
            axis, text = record["axis"], record["label"]
            if axis not in entries:
                problems.append(record.problem(f"unknown axis {axis!r}", did_you_mean(axis, TABLE_AXES)))
                continue
            if not _LABEL.fullmatch(text):
                remedy = "use letters, digits and . _ - %, at most 64 of them"
                problems.append(record.problem(f"label {text!r} of {axis}", remedy))
                continue
            if text in entries[axis]:
                problems.append(record.problem(f"label {text!r} of {axis} stands twice", "keep one row"))
                continue
            label = Label(text, *(record[column] for column in ("name_en", "name_zh", "group", "like")))
            entries[axis][text] = label
            if label.like:
                likes.append((axis, label, record.problem(f"like {label.like!r} of {axis} {text!r}", "")))
    axes = {name: Axis(name, tuple(found.values())) for name, found in entries.items() if found}
    for axis, label, problem in likes:
        _check_like(axes[axis], label, problem, problems)
    return axes


def _check_like(axis: Axis, label: Label, problem: Problem, problems: list[Problem]) -> None:
    seen = {label.label}
    step = label.like
    while step:
        if step not in axis.labels:
            if step == label.like:
                problems.append(dataclasses.replace(problem, remedy=axis.suggestion(step)))
            return
        if step in seen:
            problems.append(dataclasses.replace(problem, remedy="let no chain of `like` return to its start"))
            return
        seen.add(step)
        step = axis.likes.get(step, "")
