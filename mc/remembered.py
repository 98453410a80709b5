"""Small tables that a user's cache keeps from run to run: a word and what belongs to it."""

import json
import os
import tempfile
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
    handle, name = tempfile.mkstemp(dir=file.parent)  # a name of its own: two runs may do this at once
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as part:
            json.dump(dict(known), part, indent=1)
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)
