"""Objects kept on disk by a digest of all that they are made from, to be loaded where they would be made again.

Loading an entry unpickles it, so that whoever can write one can run code. The folder, one per kind of entry, version of
JAX and kind of processor, is the user's own (0700), and one that belongs to somebody else is not read.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mc.devices import cache_folder

MOST_KEPT = 32
"""Entries of a kind that stay on disk unless said otherwise; the least recently used ones go first."""

DIGEST_BYTES = hashlib.sha256().digest_size


def entry(kind: str, made_from: Iterable[str | bytes]) -> Path | None:
    """File of what is made from this, the source of this package and the flags of XLA; None where nothing is kept."""
    folder = cache_folder(kind)
    if folder is None or not _is_private(folder):
        return None
    digest = hashlib.sha256()
    flags = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(("XLA_", "JAX_")))
    for part in (_source(), sys.version, repr(flags), *made_from):
        content = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(content)} ".encode() + content)
    return folder / digest.hexdigest()


def load_entry(place: Path) -> Any:
    """What an entry holds; None where it is missing, damaged or not the user's own."""
    try:
        if not _is_private(place.parent):
            return None
        content = place.read_bytes()
        if hashlib.sha256(content[DIGEST_BYTES:]).digest() != content[:DIGEST_BYTES]:
            return None
        found = pickle.loads(content[DIGEST_BYTES:])
        os.utime(place)
    except Exception:  # whatever is wrong with an entry, what it holds can be made
        return None
    return found


def keep_entry(place: Path, thing: Any, most: int | None = None) -> None:
    """Write an entry under a name of its own, then rename it; drop the oldest of its kind. A failure is no loss."""
    with contextlib.suppress(Exception):
        packed = pickle.dumps(thing)
        handle, name = tempfile.mkstemp(dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(packed).digest() + packed)
            Path(name).replace(place)
        finally:
            Path(name).unlink(missing_ok=True)
        kept = sorted(place.parent.iterdir(), key=lambda file: file.stat().st_mtime)
        for old in kept[: -(most or MOST_KEPT)]:
            old.unlink(missing_ok=True)


def _is_private(folder: Path) -> bool:
    """Whether the folder is the user's and nobody else's; makes it so."""
    try:
        folder.chmod(0o700)
        return not hasattr(os, "geteuid") or folder.stat().st_uid == os.geteuid()
    except OSError:
        return False


@functools.cache
def _source() -> str:
    """Digest of the source of this package."""
    root, digest = Path(__file__).parent, hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
