"""One row of a noun table: one quantity with its points, unit and origin; mistakes inside a row are found here."""

import dataclasses
import functools
import math
import re
from typing import Final

from mc.axes import ALIASES, TABLE_AXES, YEAR, YEAR_AXES
from mc.distributions import FAMILIES
from mc.inputs.schema import Quantity
from mc.study import Prior
from mc.tables.cells import Record
from mc.tables.errors import Problem, did_you_mean
from mc.tables.labels import Labels
from mc.units import UnitError, factor

KINDS: Final = ("measured", "literature", "derived", "expert", "fitted")
POINTS: Final = ("low", "mid", "high")
BOUNDS: Final = ("minimum", "maximum")
INDEX_COLUMNS: Final = (*TABLE_AXES, *ALIASES, YEAR)
"""Columns of a noun table that name the element a row speaks of."""

EVERY: Final = "*"
"""An index cell that stands for every label without a row of its own."""

DIMENSIONS: Final = 256
"""Sobol' dimensions that the sampler has."""

REPLACED: Final = "replaced"
"""The note of a row whose points a run or a notebook changed."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_YEAR = re.compile(r"\d{4}")


@dataclasses.dataclass(frozen=True)
class Row:
    """One quantity as a table states it; points and bounds are in the declared unit, nan where the cell is empty.

    `low`, `mid`, `high` are minimum, mode, maximum or 5-50-95 % points, as the family has it (see `mc.study.Prior`).
    """

    table: str
    line: int
    noun: str
    quantity: str
    index: tuple[tuple[str, str], ...]
    family: str
    low: float
    mid: float
    high: float
    minimum: float
    maximum: float
    unit: str
    kind: str
    source: str
    note: str
    dimension: int | None
    option: str = ""

    @property
    def name(self) -> str:
        """The quantity with its noun: "stock.lifetime_mean"."""
        return f"{self.noun}.{self.quantity}"

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """The index labels, in the order of the quantity's axes."""
        return tuple(label for _, label in self.index)

    @functools.cached_property
    def label(self) -> str:
        """The element: "stock.lifetime_mean[buildings]", "structure.ssp[SSP2]"."""
        return label_of(self.name, (*self.labels, *filter(None, (self.option,))))

    @property
    def uncertain(self) -> bool:
        """Whether the row differs between draws."""
        return self.family != "fixed"

    @functools.cached_property
    def prior(self) -> Prior:
        """The prior of the row, an empty middle filled in; the rows of a choice have one prior together, not this."""
        if not self.uncertain:
            return Prior("fixed", self.mid, self.mid, self.mid)
        mid = self.mid
        if math.isnan(mid):
            mid = math.sqrt(self.low * self.high) if self.family == "loguniform" else (self.low + self.high) / 2
        if self.family != "truncnormal":
            return Prior(self.family, self.low, mid, self.high)
        bounds = [limit if math.isnan(x) else x for x, limit in ((self.minimum, -math.inf), (self.maximum, math.inf))]
        return Prior(self.family, self.low, mid, self.high, bounds[0], bounds[1])


def label_of(name: str, labels: tuple[str, ...]) -> str:
    """The label of one element of a quantity."""
    return f"{name}[{','.join(labels)}]" if labels else name


def read_row(
    record: Record,
    table: str,
    noun: str,
    quantity: Quantity,
    index: tuple[tuple[str, str], ...],
    problems: list[Problem],
) -> Row | None:
    """The row of a record whose quantity and index are known, or None after noting each mistake in it."""
    before = len(problems)
    family = record["family"]
    if family not in FAMILIES:
        problems.append(
            record.problem(f"unknown family {family!r} of {record['quantity']}", did_you_mean(family, FAMILIES))
        )
    scale = 1.0
    try:
        scale = factor(record["unit"], quantity.unit)
    except UnitError as error:
        problems.append(record.problem(f"{error.what} of {record['quantity']}", error.remedy))
    points = {name: number(record, name, problems) * scale for name in (*POINTS, *BOUNDS)}
    if record["kind"] not in KINDS:
        problems.append(record.problem(f"kind {record['kind']!r} of evidence", did_you_mean(record["kind"], KINDS)))
    dimension = sobol_dimension(record, problems)
    if family == "fixed" and dimension is not None:
        problems.append(record.problem(f"dimension {dimension} of a fixed value", "leave the cell empty"))
    if (family == "choice") != bool(record["option"]):
        what = "choice without an option" if family == "choice" else f"option {record['option']!r} of family {family!r}"
        problems.append(record.problem(what, "name an option in rows of family choice, and only there"))
    row = Row(
        table=table,
        line=record.line,
        noun=noun,
        quantity=record["quantity"],
        index=index,
        family=family,
        low=points["low"],
        mid=points["mid"],
        high=points["high"],
        minimum=points["minimum"],
        maximum=points["maximum"],
        unit=record["unit"],
        kind=record["kind"],
        source=record["source"],
        note=record["note"],
        dimension=dimension,
        option=record["option"],
    )
    return row if len(problems) == before else None


def number(record: Record, column: str, problems: list[Problem]) -> float:
    """The number in a cell, nan where it is empty or not a number (which is noted)."""
    text = record[column]
    if not text:
        return math.nan
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        problems.append(record.problem(f"{column} {text!r} is not a number", "write it like 1234.5 or 1.2e3"))
        return math.nan
    return float(text)


def sobol_dimension(record: Record, problems: list[Problem]) -> int | None:
    """The Sobol' dimension in a cell, None where it is empty or impossible (which is noted)."""
    text = record["dimension"]
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text) or int(text) >= DIMENSIONS:
        remedy = f"give a whole number from 0 to {DIMENSIONS - 1}, or leave it empty"
        problems.append(record.problem(f"dimension {text!r} is out of range", remedy))
        return None
    return int(text)


def read_index(
    record: Record, quantity: Quantity, labels: Labels, problems: list[Problem]
) -> list[tuple[tuple[str, str], ...]] | None:
    """The elements a record speaks of (several where a cell is `*`), or None after noting what is wrong."""
    before = len(problems)
    choices: list[list[tuple[str, str]]] = []
    doubtful = False
    for axis in quantity.axes:
        column = YEAR if axis in YEAR_AXES else axis
        found = _index_labels(record, axis, labels, problems)
        choices.append([(column, label) for label in found])
        doubtful = doubtful or not found
    used = {YEAR if axis in YEAR_AXES else axis for axis in quantity.axes}
    for column, text in record.cells.items():
        if text and column in INDEX_COLUMNS and column not in used:
            what = f"{column} {text!r}: {record['quantity']} has no such axis"
            remedy = f"leave the cell empty; its axes are {', '.join(quantity.axes) or 'none'}"
            problems.append(record.problem(what, remedy))
    if doubtful or len(problems) > before:
        return None
    elements: list[tuple[tuple[str, str], ...]] = [()]
    for choice in choices:
        elements = [(*element, pair) for element in elements for pair in choice]
    return elements


def _index_labels(record: Record, axis: str, labels: Labels, problems: list[Problem]) -> tuple[str, ...]:
    """The labels that an index cell names; none where it is wrong, or may be right and lost in the table of labels."""
    if axis in YEAR_AXES:
        text = record[YEAR]
        if _YEAR.fullmatch(text):
            return (text,)
        problems.append(record.problem(f"year {text!r} of {record['quantity']} is not a year", "write it like 2020"))
        return ()
    text, known = record[axis], labels.known(axis)
    if text in known:
        return (text,)
    if text == EVERY:
        return known
    if not text:
        problems.append(
            record.problem(f"{record['quantity']} needs a {axis}", f"write a label of {axis} in its column")
        )
    elif not labels.doubts(text):
        problems.append(record.problem(f"unknown {axis} {text!r}", labels.suggestion(axis, text)))
    return ()
