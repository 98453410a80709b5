"""What a page is made of, and how it becomes one self-contained HTML file."""

import base64
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from digits import MOST_FIGURES, error_text, number, places
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent

YEAR_FIGURES = 6
"""Figures of a year at most: 2020.36."""


@dataclass(frozen=True)
class Cell:
    """A number of a table with its standard error; `like` lends it the decimal places of another cell."""

    value: float
    error: float = float("nan")
    like: "Cell | None" = None
    is_year: bool = False
    most: int = MOST_FIGURES

    @property
    def _places(self) -> int:
        if self.is_year and self.value == round(self.value) and not self.error > 0:
            return 0
        if self.like is not None:
            return self.like._places
        return places(self.value, self.error, YEAR_FIGURES if self.is_year else self.most)

    @property
    def text(self) -> str:
        """The value, to the places that its error justifies."""
        text = number(self.value, self._places)
        return text.replace(",", "") if self.is_year else text

    @property
    def error_text(self) -> str:
        """The error at the same place, empty for what has none."""
        return error_text(self.error, self._places)


@dataclass(frozen=True)
class Share:
    """A probability in percent on a tint as deep as it is large; `none` and `all` are what no or every draw does."""

    share: float
    error: float = float("nan")

    @property
    def text(self) -> str:
        """Percent, to the places that its error justifies."""
        words = {0.0: "none", 1.0: "all"}
        percent = 100 * self.share
        return words.get(self.share) or number(percent, places(percent, 100 * self.error, 3))


@dataclass(frozen=True)
class Spark:
    """A drawing in a cell, and what it shows in words."""

    svg: bytes
    alt: str


@dataclass(frozen=True)
class Row:
    """A line of a table: its heading and its cells."""

    head: str
    cells: Sequence[Cell | Share | Spark | str]


@dataclass(frozen=True)
class Group:
    """Lines under a common heading, which may be empty."""

    head: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Table:
    """A table; `corner` heads the first column, and errors are shown beside the values or left out.

    `over` heads several columns at once (words, how many); `kind` is `wide` for a table that takes the whole screen
    and `prose` for one whose cells are words.
    """

    caption: str
    corner: str
    columns: Sequence[str]
    groups: Sequence[Group]
    errors: bool = True
    over: Sequence[tuple[str, int]] = ()
    kind: str = ""

    @property
    def starts(self) -> set[int]:
        """Places of the columns that begin a heading of several, the first apart."""
        return set(itertools.accumulate(columns for _, columns in self.over[:-1]))


@dataclass(frozen=True)
class Image:
    """One drawing: for wide screens and paper, for phones, and as a file of its own."""

    wide: bytes
    narrow: bytes
    png: bytes


@dataclass(frozen=True)
class Figure:
    """A drawing with what is said about it: to all, to those who cannot see it, and in numbers."""

    name: str
    title: str
    caption: str
    alt: str
    image: Image
    tables: Sequence[Table] = ()
    open_tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Section:
    """Tables with a heading of their own, the last ones folded away under theirs."""

    name: str
    title: str
    text: str
    tables: Sequence[Table]
    folded: Sequence[tuple[str, Table]] = ()


@dataclass(frozen=True)
class Page:
    """A page: headline, lead, tables, figures, sections, notes, and where the numbers come from."""

    name: str
    title: str
    subtitle: str
    lead: Sequence[str]
    headline: Sequence[Table]
    more: Sequence[Table]
    notes: Sequence[str]
    figures: Sequence[Figure]
    warnings: Sequence[str]
    provenance: Sequence[tuple[str, str]]
    sections: Sequence[Section] = ()


def data_uri(svg: bytes) -> str:
    """An SVG as an address that needs no network."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


def write_page(page: Page, folder: Path) -> Path:
    """Write NAME.html and its figures NAME-FIGURE.png; returns the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    for figure in page.figures:
        (folder / f"{page.name}-{figure.name}.png").write_bytes(figure.image.png)
    return write_html(folder / f"{page.name}.html", "page.html", page=page)


def write_index(pages: Sequence[Page], folder: Path, left_out: Sequence[str] = ()) -> Path:
    """Write index.html, which leads to several pages and says why others are left out."""
    return write_html(folder / "index.html", "index.html", pages=pages, left_out=left_out)


def write_html(path: Path, template: str, **values: object) -> Path:
    """Fill a template and write it to a path, whose folder is made; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = data_uri
    path.write_text(environment.get_template(template).render(**values) + "\n", encoding="utf-8")
    return path
