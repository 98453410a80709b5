"""A file reaches its final name whole or not at all: lock, temporary name, seal, sync, rename.

The seal is a last line with the SHA-256 of all before it. Readers of NetCDF-4 and zip do not look behind the end of
their content, so a sealed file opens as before, and any damage to it is found.
"""

import hashlib
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mc.errors import DiskError, InputError, Taken
from mc.places import is_file, is_folder, is_special

SEAL = b"\nferrocast seal, sha256 %s\n"
SEAL_BYTES = len(SEAL % (b"0" * 64))
CHUNK = 2**20

_CLAIMED: set[Path] = set()
"""Temporary files of the claims that this process holds."""

FULL = (28, 122, 27)
"""ENOSPC, EDQUOT, EFBIG: no room, as the system says it."""


@contextmanager
def claim(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Hold the place of a file for one writer; yields the temporary name, which is gone at the end in any case.

    The lock is the kernel's, so that of a process that died is free; its file says who holds it.

    Raises:
        InputError: where the file exists, cannot be written, or another process is writing it.
    """
    if is_folder(target):
        raise InputError(f"{target}: is a folder; name a file: --out {target / 'cube.nc'}")
    if is_special(target):
        raise InputError(f"{target}: is a device or a pipe; name a file with --out")
    if is_file(target) and not overwrite:
        raise InputError(f"{target}: exists; choose another name with --out, or replace it with --overwrite")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(target, error) from None
    part, lock = part_of(target), target.with_name(f"{target.name}.lock")
    with _locked(target, lock):
        try:
            # What a killed process left behind; and the proof that the folder takes a file.
            part.write_bytes(b"")
        except OSError as error:
            lock.unlink(missing_ok=True)
            raise not_written(target, error) from None
        _CLAIMED.update((part, lock))
        try:
            yield part
        finally:
            abandon(part, lock)


def abandon(*leftovers: Path) -> None:
    """Remove the temporary files of claims: these, or all of this process, which is about to end."""
    for leftover in leftovers or tuple(_CLAIMED):
        _CLAIMED.discard(leftover)
        with suppress(OSError):
            leftover.unlink()


def part_of(target: Path) -> Path:
    """The temporary name of a file, in its own folder: a rename never crosses disks."""
    return target.with_name(f"{target.name}.part")


def remove(file: Path) -> None:
    """Delete a file if it is there; DiskError where that is refused."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise DiskError(
            f"{file}: cannot be removed: {error.strerror or error}; remove it, or name another place with --out"
        ) from None


def require_room(target: Path, needed: int) -> None:
    """DiskError where the disk of a file has fewer bytes free than needed."""
    free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise DiskError(
            f"{target}: needs {size_text(needed)}, free on that disk: {size_text(free)}; nothing was written"
        )


def publish(part: Path, target: Path) -> None:
    """Seal a finished file, make sure that it is on the disk, and give it its final name."""
    with part.open("rb") as stream:
        digest = _digest(stream, part.stat().st_size)
    with part.open("ab") as stream:
        stream.write(SEAL % digest)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(target)
    _sync_folder(target.parent)


def damage(path: Path) -> str:
    """What is wrong with a sealed file, in a few words; empty for a whole one."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size - SEAL_BYTES
            if size < 0:
                return "is cut short: it has no seal at its end"
            stream.seek(size)
            found = re.fullmatch(re.escape(SEAL).replace(b"%s", rb"([0-9a-f]{64})"), stream.read())
            if found is None:
                return "has no seal at its end: it was cut short, edited, or written by something else"
            stream.seek(0)
            return "" if _digest(stream, size) == found[1] else "is damaged: its content is not what was sealed"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"


def not_written(target: Path, error: OSError, needed: int | None = None) -> InputError | DiskError:
    """The reason why a file could not be written, with what was needed and what is free where the disk refused."""
    if isinstance(error, DiskError):
        return error
    if error.errno in FULL or needed is not None:
        with suppress(OSError):
            free = size_text(shutil.disk_usage(target.parent).free)
            wants = f"needs {size_text(needed)}, " if needed is not None else ""
            return DiskError(
                f"{target}: cannot be written ({error.strerror or error}): {wants}free on that disk: {free}"
            )
        return DiskError(f"{target}: cannot be written: {error.strerror or error}")
    return InputError(f"{target}: cannot be written: {error.strerror or error}; choose another place with --out")


def size_text(size: float) -> str:
    """Bytes as people read them: `3.2 MB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


@contextmanager
def _locked(target: Path, lock: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise Taken(
            f"{target}: another run is writing it{_holder(lock)}; wait for that one, or use another --out"
        ) from None
    except OSError as error:
        raise not_written(target, error) from None
    try:
        with suppress(OSError):
            lock.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        held.release()


def _holder(lock: Path) -> str:
    with suppress(OSError, ValueError):
        if text := lock.read_text(encoding="utf-8").strip()[:200]:
            return f" ({text})"
    return ""


def _digest(stream: BinaryIO, size: int) -> bytes:
    digest = hashlib.sha256()
    while size > 0 and (chunk := stream.read(min(CHUNK, size))):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest().encode()


def _sync_folder(folder: Path) -> None:
    """Push a rename through to the disk; folders cannot be opened everywhere."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
