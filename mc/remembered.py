"""Small tables that a user's cache keeps from run to run: a word and what belongs to it."""

import json
from collections.abc import Mapping
from pathlib import Path


def recall(file: Path | None) -> dict[str, object]:
    """What a file remembers; nothing where there is none, or it is missing or damaged."""
    try:
        read = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError):
        return {}
    return {str(key): value for key, value in read.items()} if isinstance(read, dict) else {}


def remember(file: Path, known: Mapping[str, object]) -> None:
    """Replace what a file remembers, all at once.

    Raises:
        OSError: it cannot be written.
    """
    part = file.with_suffix(".part")
    part.write_text(json.dumps(dict(known), indent=1), encoding="utf-8")
    part.replace(file)
