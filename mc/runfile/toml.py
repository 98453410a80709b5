"""TOML text -> plain values and the line of each key; refuses text made to choke a parser."""

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mc.errors import InputError

# The parser's time grows with the square of the parts of a dotted key: 100 kB in one key keep it busy for a minute.
MAX_BYTES = 65_536
MAX_LINE = 1_000
MAX_DEPTH = 8
MAX_KEYS = 2_000

Path_ = tuple[str, ...]
"""A key as its parts: ("ensemble", "draws")."""

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")


def read_toml(file: Path) -> tuple[dict[str, Any], dict[Path_, int]]:
    """The values of a TOML file with lists as tuples, and the line on which each key stands."""
    text = _text(file)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: not valid TOML: {error}") from None
    except (RecursionError, ValueError):
        raise InputError(f"{file}: not valid TOML: nested too deeply, or a number too long") from None
    lines = _lines(text)
    frozen, keys = _freeze(file, values, (), lines)
    if keys > MAX_KEYS:
        raise InputError(f"{file}: {keys} keys; a run file may have {MAX_KEYS}")
    return frozen, lines


def _text(file: Path) -> str:
    """The text of a run file of acceptable size; a UTF-8 byte order mark, which some editors write, is dropped."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{file}: cannot be read: {reason}; name a run file (TOML)") from None
    if len(raw) > MAX_BYTES:
        raise InputError(f"{file}: larger than {MAX_BYTES} bytes: not a run file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: byte {error.start}: not UTF-8; save the file as UTF-8") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > MAX_LINE:
            raise InputError(f"{file}:{number}: line of {len(line)} characters; at most {MAX_LINE}, break it")
    return text


def _freeze(file: Path, value: Any, path: Path_, lines: Mapping[Path_, int]) -> tuple[Any, int]:
    """Lists become tuples; returns the value and the number of keys in it."""
    if len(path) > MAX_DEPTH:
        raise InputError(f"{file}: {'.'.join(path[:3])}...: nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        pairs = {key: _freeze(file, item, (*path, key), lines) for key, item in value.items()}
        return {key: item for key, (item, _) in pairs.items()}, sum(1 + count for _, count in pairs.values())
    if isinstance(value, list):
        items = [_freeze(file, item, (*path, "[]"), lines) for item in value]
        return tuple(item for item, _ in items), sum(count for _, count in items)
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{nearest_line(file, lines, path)}: {'.'.join(path)} = {value}: must be a finite number")
    return value, 0


def nearest_line(file: Path, lines: Mapping[Path_, int], path: Path_) -> str:
    """`file:line` of a key, or of the innermost table around it that is known."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return f"{file}:{lines[path[:length]]}"
    return str(file)


def _lines(text: str) -> dict[Path_, int]:
    """Line of every key and table, as far as plain reading can tell: it only serves to point people to a place."""
    table: Path_ = ()
    lines: dict[Path_, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_parts(assignment[1])), number)
    return lines


def _parts(dotted: str) -> Path_:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))
