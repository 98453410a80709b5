"""How inputs hang together, as `dependence.csv` states it: correlations, factors shared by elements, paths in time."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mc.tables.cells import Record, read_sheet
from mc.tables.elements import Combination, Elements
from mc.tables.errors import Problem, did_you_mean
from mc.tables.rows import number, sobol_dimension

COLUMNS: Final = ("kind", "first", "second", "value", "source", "note", "dimension")
KINDS: Final = ("correlation", "shared", "path")
PATH_DIMENSIONS: Final = 4
"""Leading latents of a path that take Sobol' dimensions; one where a single latent moves all years."""


@dataclasses.dataclass(frozen=True)
class Dependence:
    """One row: a correlation of two elements, a factor shared by the elements of a quantity, or a path over its years.

    `value` is a correlation of normal scores, or the yearly persistence of a path; None where `second` names the scalar
    that holds the persistence.
    """

    table: str
    line: int
    kind: str
    first: str
    second: str
    value: float | None
    source: str
    note: str
    dimension: int | None

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Sobol' dimensions that the row takes for itself (a path of several quantities takes further ones)."""
        if self.dimension is None:
            return ()
        count = PATH_DIMENSIONS if self.kind == "path" and self.value != 1 else 1
        return tuple(range(self.dimension, self.dimension + count))


def read_dependence(files: Sequence[tuple[str, Path]], problems: list[Problem]) -> list[Dependence]:
    """The rows of the tables of dependence, each given as (name inside the folder, file)."""
    found: list[Dependence] = []
    for table, file in files:
        for record in read_sheet(file, COLUMNS, (), problems).records:
            row = _read(record, table, problems)
            if row is not None:
                found.append(row)
    return found


def _read(record: Record, table: str, problems: list[Problem]) -> Dependence | None:
    before = len(problems)
    kind, first, second = record["kind"], record["first"], record["second"]
    if kind not in KINDS:
        problems.append(record.problem(f"unknown kind {kind!r} of dependence", did_you_mean(kind, KINDS)))
        return None
    value = number(record, "value", problems)
    given = bool(record["value"])
    if not first:
        problems.append(record.problem(f"{kind} names nothing in first", "name an element or quantity"))
    if len(problems) == before:
        problems.extend(record.problem(*mistake) for mistake in _mistakes(kind, second, value if given else None))
    dimension = sobol_dimension(record, problems)
    if kind == "correlation" and record["dimension"]:
        problems.append(record.problem(f"dimension {record['dimension']} of a correlation", "leave the cell empty"))
    if len(problems) > before:
        return None
    stated = value if given else None
    return Dependence(table, record.line, kind, first, second, stated, record["source"], record["note"], dimension)


def _mistakes(kind: str, second: str, value: float | None) -> list[tuple[str, str]]:
    if kind == "correlation":
        if not second:
            return [("correlation names nothing in second", "name the other element")]
        if value is None or not -1 < value < 1:
            return [(f"correlation {_text(value)}", "give a value between -1 and 1")]
    elif kind == "shared":
        if second:
            return [(f"shared with second {second!r}", "leave it empty: the factor is shared by all elements of first")]
        if value is None or not 0 <= value < 1:
            return [(f"shared correlation {_text(value)}", "give a value from 0 to below 1")]
    elif (value is None) != bool(second):
        return [("path with both or neither of second and value", "give a yearly persistence, or name its quantity")]
    elif value is not None and not 0 <= value <= 1:
        return [(f"yearly persistence {value:g}", "give a value from 0 to 1")]
    return []


def _text(value: float | None) -> str:
    return "without a value" if value is None else f"{value:g}"


def paths(elements: Elements, rows: Sequence[Dependence]) -> dict[Combination, tuple[Dependence, tuple[int, ...]]]:
    """The path row of each uncertain combination, with the Sobol' dimensions that this combination takes.

    A row may name one combination ("carriers.fuel_price[coal]") or the whole quantity; then the combinations take
    consecutive dimensions in their order.
    """
    stated = {row.first: row for row in rows if row.kind == "path"}
    found: dict[Combination, tuple[Dependence, tuple[int, ...]]] = {}
    common = 0
    for combination in elements.uncertain:
        row = stated.get(elements.label(combination))
        own = row is not None
        row = row or stated.get(elements.name)
        if row is None:
            continue
        shift = 0 if own else common * len(row.dimensions)
        common += 0 if own else 1
        found[combination] = row, tuple(dimension + shift for dimension in row.dimensions)
    return found
