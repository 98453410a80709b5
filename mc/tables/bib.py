"""The sources: entries of `sources.bib` by key, as text."""

import re
from pathlib import Path

from mc.tables.cells import read_text
from mc.tables.errors import Problem

_ENTRY = re.compile(r"@\s*(\w+)\s*\{\s*([^,\s{}]*)\s*,?")
_NOT_SOURCES = {"comment", "string", "preamble"}


def read_sources(file: Path, problems: list[Problem]) -> tuple[dict[str, str], bool]:
    """Every BibTeX entry by key, and whether all could be read; duplicate or missing keys, open braces are noted."""
    text = read_text(file, problems)
    sources: dict[str, str] = {}
    lines: dict[str, int] = {}
    position = 0
    while text is not None and (match := _ENTRY.search(text, position)):
        line = text.count("\n", 0, match.start()) + 1
        end = _closing(text, text.index("{", match.start()))
        kind, key = match.group(1).lower(), match.group(2)
        if end is None:
            problems.append(Problem(str(file), line, f"entry {key!r} is never closed", "balance its braces"))
            return sources, False
        position = end
        if kind in _NOT_SOURCES:
            continue
        if not key:
            problems.append(Problem(str(file), line, f"entry @{kind} has no key", "write @misc{key, ...}"))
        elif key in sources:
            what = f"key {key!r} stands twice, first in line {lines[key]}"
            problems.append(Problem(str(file), line, what, "keep one entry for each source"))
        else:
            sources[key], lines[key] = text[match.start() : end], line
    return sources, text is not None


def _closing(text: str, start: int) -> int | None:
    """The position after the brace that closes the one at `start`."""
    depth = 0
    for brace in re.finditer(r"(?<!\\)[{}]", text[start:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return start + brace.end()
    return None
