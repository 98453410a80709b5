"""Read a folder of priors: every table, every check, every mistake at once."""

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import mc.inputs.nouns  # noqa: F401 - registers every noun
from mc.inputs.schema import NOUNS, quantities
from mc.tables.bib import read_sources
from mc.tables.cells import Record, read_sheet
from mc.tables.checks import Folder, check
from mc.tables.correlation import check_dependence
from mc.tables.dependence import read_dependence
from mc.tables.errors import PriorsError, Problem, did_you_mean, nearest
from mc.tables.labels import read_axes
from mc.tables.points import mistakes
from mc.tables.priors import Priors
from mc.tables.rows import BOUNDS, EVERY, INDEX_COLUMNS, Row, read_index, read_row

COLUMNS: Final = ("quantity", "family", "low", "mid", "high", "unit", "kind", "source", "note", "dimension")
OPTIONAL: Final = (*INDEX_COLUMNS, *BOUNDS, "option")
AXES, DEPENDENCE, SOURCES = "axes.csv", "dependence.csv", "sources.bib"
NOT_NOUNS: Final = (
    "axes", "dependence", "history", "observed", "observed_by_province", "reported", "errors", "milestones"
)  # fmt: skip
"""Tables that hold no quantities of the model."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_priors(folder: Path | str, metal: str = "steel", nouns: Mapping[str, type[Any]] = NOUNS) -> Priors:
    """Read the common tables of a folder and those of one metal; `PriorsError` lists every mistake found."""
    root = Path(folder)
    reader = _Reader(root, metal, nouns)
    reader.read()
    if reader.problems:
        raise PriorsError(reader.problems)
    return reader.priors


class _Reader:
    """The reading of one folder: what was found so far, and what was wrong with it."""

    def __init__(self, root: Path, metal: str, nouns: Mapping[str, type[Any]]) -> None:
        self.root, self.metal, self.nouns = root, metal, nouns
        self.problems: list[Problem] = []
        self.found: dict[tuple[str, tuple[str, ...], str], tuple[Row, bool]] = {}
        self.failed: dict[str, set[tuple[str, ...] | None]] = {}
        self.unread: set[str] = set()

    def read(self) -> None:
        """Read every table, then check them together."""
        if not self._folders_stand():
            return
        tables = self._tables()
        self.labels = read_axes(self._files(AXES), self.problems)
        self.sources, self.every_source = read_sources(self.root / SOURCES, self.problems)
        dependence = [(self._inside(file), file) for file in self._files(DEPENDENCE, needed=False)]
        self.dependence = read_dependence(dependence, self.problems)
        for noun, files in tables.items():
            for file in files:
                self._read_table(noun, file)
        self._check(tables)

    @functools.cached_property
    def priors(self) -> Priors:
        """What could be used, once every table is read; rows in the order of the tables."""
        rows = sorted((row for row, _ in self.found.values()), key=lambda row: (row.table, row.line))
        axes, dependence = self.labels.axes, tuple(self.dependence)
        return Priors(self.root, self.metal, tuple(rows), axes, dependence, self.sources, self.nouns)

    def _folders_stand(self) -> bool:
        if not self.root.is_dir():
            self.problems.append(Problem(str(self.root), 0, "no such folder", "name a folder of priors"))
            return False
        if not _NAME.fullmatch(self.metal) or not (self.root / self.metal).is_dir():
            metals = sorted(entry.name for entry in self.root.iterdir() if entry.is_dir())
            self.problems.append(
                Problem(str(self.root), 0, f"no folder for metal {self.metal!r}", did_you_mean(self.metal, metals))
            )
            return False
        return True

    def _folders(self) -> tuple[Path, Path]:
        return self.root, self.root / self.metal

    def _files(self, name: str, needed: bool = True) -> list[Path]:
        found = [folder / name for folder in self._folders() if (folder / name).exists()]
        return found or ([self.root / name] if needed else [])

    def _inside(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def _tables(self) -> dict[str, list[Path]]:
        """The files of each noun; a table that no noun reads, and a noun without a table, are noted."""
        tables: dict[str, list[Path]] = {noun: [] for noun in self.nouns}
        for folder in self._folders():
            for file in sorted(folder.glob("*.csv")):
                if file.stem in tables:
                    tables[file.stem].append(file)
                elif file.stem not in NOT_NOUNS:
                    remedy = did_you_mean(file.stem, [*self.nouns, *NOT_NOUNS])
                    self.problems.append(Problem(str(file), 1, f"table {file.stem!r} belongs to no noun", remedy))
        for noun, files in tables.items():
            needed = any(quantity.default is None for quantity in quantities(self.nouns[noun]).values())
            if not files and needed:
                what = f"missing table {noun}.csv"
                remedy = f"write it here or in {self.metal}/, with the header {','.join(COLUMNS)} and index columns"
                self.problems.append(Problem(str(self.root), 0, what, remedy))
                self.unread.add(noun)
        return tables

    def _read_table(self, noun: str, file: Path) -> None:
        sheet = read_sheet(file, COLUMNS, OPTIONAL, self.problems)
        if not sheet.whole:
            self.unread.add(noun)
        known, table = quantities(self.nouns[noun]), self._inside(file)
        for record in sheet.records:
            name = record["quantity"]
            if name not in known:
                what = f"unknown quantity {name!r} of {noun}"
                self.problems.append(record.problem(what, did_you_mean(name, known)))
                self.failed.setdefault(f"{noun}.{nearest(name, known)}", set()).add(None)
                continue
            self._check_source(record.problem, record["source"])
            elements = read_index(record, known[name], self.labels, self.problems)
            if elements is None:
                self.failed.setdefault(f"{noun}.{name}", set()).add(None)
            elif elements:
                self._read_elements(noun, table, record, elements)

    def _check_source(self, place: Callable[[str, str], Problem], source: str) -> None:
        if not source:
            self.problems.append(place("missing source", "name a key of sources.bib"))
        elif source not in self.sources and self.every_source:
            self.problems.append(place(f"source {source!r} is not in sources.bib", did_you_mean(source, self.sources)))

    def _read_elements(
        self, noun: str, table: str, record: Record, elements: list[tuple[tuple[str, str], ...]]
    ) -> None:
        """Take the row of a record for each element it speaks of; what is wrong with it is said once."""
        quantity = quantities(self.nouns[noun])[record["quantity"]]
        every = EVERY in (record[column] for column in INDEX_COLUMNS)
        before = len(self.problems)
        row = read_row(record, table, noun, quantity, elements[0], self.problems)
        if row is not None:
            self.problems += [record.problem(*mistake) for mistake in mistakes(row, quantity)]
            if every and row.dimension is not None:
                self.problems.append(record.problem(f"dimension {row.dimension} of every label", "leave it empty"))
        for index in elements:
            if row is None or len(self.problems) > before:
                labels = tuple(label for _, label in index)
                self.failed.setdefault(f"{noun}.{record['quantity']}", set()).add(labels)
            else:
                self._keep(row if index == row.index else dataclasses.replace(row, index=index), every)

    def _keep(self, row: Row, every: bool) -> None:
        """A row that names its label stands before one that speaks for every label; two alike are a mistake."""
        key = (row.name, row.labels, row.option)
        earlier, wide = self.found.get(key, (None, False))
        if earlier is None or (wide and not every):
            self.found[key] = (row, every)
        elif wide or not every:
            who = row.name if every else row.label
            what = f"duplicate row of {who}, first in {self.root / earlier.table}:{earlier.line}"
            self.problems.append(Problem(str(self.root / row.table), row.line, what, "keep one"))

    def _check(self, tables: Mapping[str, list[Path]]) -> None:
        folder = Folder(
            show=lambda table: str(self.root / table),
            resolved=self.priors.resolved,
            dependence=self.dependence,
            axes=self.labels.axes,
            failed=self.failed,
            unread=self.unread,
            tables={noun: self._inside(files[0]) for noun, files in tables.items() if files},
        )
        self.problems += [*check(folder), *check_dependence(folder)]
        for row in self.dependence:
            self._check_source(functools.partial(folder.at, row), row.source)
