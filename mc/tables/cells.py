"""Read a CSV file into records that remember their line; every complaint about the file's form is made here."""

import csv
import dataclasses
import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from mc.tables.errors import Problem, did_you_mean

MAX_BYTES: Final = 8_000_000
"""A table is written by people; a file beyond this is not one."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclasses.dataclass(frozen=True)
class Record:
    """One row of a table as written: the file as shown to people, its line, and the cells by column."""

    path: str
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """The cell of a column; empty where the table lacks the column."""
        return self.cells.get(column, "")

    def problem(self, what: str, remedy: str) -> Problem:
        """A mistake at this line."""
        return Problem(self.path, self.line, what, remedy)


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The records of a table; `whole` is false where a line could not be used, so that more may have been meant."""

    records: tuple[Record, ...]
    whole: bool


NOTHING: Final = Sheet((), whole=False)
"""Of a file that could not be read."""


def read_text(file: Path, problems: list[Problem]) -> str | None:
    """The text of a file, or None after noting why it is not one: missing, too large, a byte order mark, not UTF-8."""
    path = str(file)
    try:
        if not file.is_file():
            problems.append(Problem(path, 1, "no such file", "write it, or name another folder of priors"))
            return None
        size = file.stat().st_size
        if size > MAX_BYTES:
            problems.append(Problem(path, 1, f"file of {size} bytes", f"a table has at most {MAX_BYTES} bytes"))
            return None
        raw = file.read_bytes()
    except OSError as error:
        problems.append(Problem(path, 1, f"cannot be read: {error.strerror}", "allow reading the file"))
        return None
    return _decode(path, raw, problems)


def _decode(path: str, raw: bytes, problems: list[Problem]) -> str | None:
    if raw.startswith(b"\xef\xbb\xbf"):
        problems.append(Problem(path, 1, "byte order mark before the header", "save as UTF-8 without a BOM"))
        raw = raw[3:]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(
            Problem(path, line, f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8 text")
        )
        return None
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        problems.append(Problem(path, line, f"control character {found.group()!r}", "a table is plain text: remove it"))
        return None
    return text


def read_sheet(file: Path, required: Collection[str], allowed: Collection[str], problems: list[Problem]) -> Sheet:
    """The records of a CSV file with these columns; what cannot be read is noted."""
    text = read_text(file, problems)
    if text is None:
        return NOTHING
    path = str(file)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    records: list[Record] = []
    whole = True
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            problems.append(Problem(path, line, f"not readable as CSV: {error}", "check the quotes of this line"))
            whole = False
            break
        if not any(cells):
            continue
        if header is None:
            header = cells
            if not _header_holds(path, line, header, required, allowed, problems):
                return NOTHING
        elif len(cells) != len(header):
            what = f"{len(cells)} cells under {len(header)} columns"
            remedy = "give every column one cell; quote a text that holds a comma"
            problems.append(Problem(path, line, what, remedy))
            whole = False
        else:
            records.append(Record(path, line, dict(zip(header, cells, strict=True))))
    if header is None:
        problems.append(Problem(path, 1, "empty file", f"begin with the header {','.join(required)}"))
        return NOTHING
    return Sheet(tuple(records), whole)


def _header_holds(
    path: str,
    line: int,
    header: list[str],
    required: Collection[str],
    allowed: Collection[str],
    problems: list[Problem],
) -> bool:
    before = len(problems)
    separator = re.search(r"[;\t|]", header[0]) if len(header) == 1 else None
    if separator:
        problems.append(Problem(path, line, f"columns separated by {separator.group()!r}", "separate them by commas"))
        return False
    known = [*required, *allowed]
    missing = [column for column in required if column not in header]
    for column in header:
        if column not in known:
            problems.append(Problem(path, line, f"unknown column {column!r}", did_you_mean(column, known)))
    if missing:
        problems.append(
            Problem(path, line, f"header lacks {', '.join(missing)}", "add the columns, separated by commas")
        )
    for column in sorted({column for column in header if header.count(column) > 1}):
        problems.append(Problem(path, line, f"column {column!r} stands twice", "keep one"))
    return len(problems) == before
