"""A cube reaches its final name whole or not at all: lock, temporary name, sync, rename."""

import os
import shutil
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mc.errors import DiskError, InputError
from mc.places import is_file, is_folder, is_special

if TYPE_CHECKING:
    import xarray as xr

Groups = Mapping[str, "xr.Dataset"]
"""Datasets by the path of their group, the root (`/`) first."""

MARGIN = 1.05
"""File over bytes of its arrays, uncompressed: headers and attributes."""

COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True}
"""Of all filters, the one that every reader of NetCDF-4 has."""


@contextmanager
def claim(cube: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Hold the place of a cube for one writer; yields the temporary name, which is gone at the end in any case.

    Raises:
        InputError: where the cube exists, cannot be written, or another process is writing it.
    """
    if is_folder(cube):
        raise InputError(f"{cube}: is a folder; name a file: --out {cube / 'cube.nc'}")
    if is_special(cube):
        raise InputError(f"{cube}: is a device or a pipe; name a file with --out")
    if is_file(cube) and not overwrite:
        raise InputError(f"{cube}: exists; choose another name with --out, or replace it with --overwrite")
    _make_folder(cube)
    part, lock = cube.with_name(f"{cube.name}.part"), cube.with_name(f"{cube.name}.lock")
    with _locked(cube, lock):
        try:
            # What a killed process left behind; and the proof that the folder takes a file.
            part.write_bytes(b"")
        except OSError as error:
            lock.unlink(missing_ok=True)
            raise _not_writable(cube, error) from None
        try:
            yield part
        finally:
            for leftover in (part, lock):
                with suppress(OSError):
                    leftover.unlink()


def require_room(cube: Path, needed: int) -> None:
    """DiskError where the disk of the cube has fewer bytes free than needed."""
    free = shutil.disk_usage(cube.parent).free
    if needed > free:
        raise DiskError(f"{cube}: needs {size_text(needed)}, free on that disk: {size_text(free)}; nothing was written")


def write_cube(groups: Groups, part: Path, cube: Path) -> None:
    """Write a cube under its temporary name, make sure that it is on the disk, and give it its final name.

    Each group is written with its own coordinates, so that it opens by itself.
    """
    require_room(cube, needed_bytes(groups))
    try:
        for at, (name, group) in enumerate(groups.items()):
            mode: Literal["a", "w"] = "a" if at else "w"
            group.to_netcdf(part, mode, "NETCDF4", group=name, engine="netcdf4", encoding=_encoding(group))
        _sync(part)
        part.replace(cube)
        _sync(cube.parent)
    except (OSError, RuntimeError) as error:  # the netCDF library reports a full disk as RuntimeError: HDF error
        free = shutil.disk_usage(cube.parent).free
        raise DiskError(f"{cube}: could not be written ({error}); free on that disk: {size_text(free)}") from None


def needed_bytes(groups: Groups) -> int:
    """Bytes that a cube takes at most."""
    return int(sum(variable.nbytes for group in groups.values() for variable in group.variables.values()) * MARGIN)


def size_text(size: float) -> str:
    """Bytes as people read them: `3.2 MB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _encoding(group: "xr.Dataset") -> dict[Hashable, dict[str, Any]]:
    return {name: _variable_encoding(variable) for name, variable in group.variables.items()}


def _variable_encoding(variable: "xr.Variable") -> dict[str, Any]:
    """Compressed arrays; text as characters, which readers without strings can show."""
    if variable.dtype.kind in "UO":
        return {"dtype": "S1"}
    if variable.ndim == 0:
        return {"_FillValue": None}
    fill = {} if variable.dtype.kind == "f" and bool(variable.isnull().any()) else {"_FillValue": None}
    return COMPRESSION | fill


def _make_folder(cube: Path) -> None:
    try:
        cube.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(cube, error) from None


@contextmanager
def _locked(cube: Path, lock: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{cube}: another run is writing it; wait for that one, or use another --out") from None
    except OSError as error:
        raise _not_writable(cube, error) from None
    try:
        yield
    finally:
        held.release()


def _not_writable(cube: Path, error: OSError) -> InputError | DiskError:
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return DiskError(f"{cube}: cannot be written: {error.strerror}")
    return InputError(f"{cube}: cannot be written: {error.strerror or error}; choose another place with --out")


def _sync(path: Path) -> None:
    """Push a file or a folder through to the disk; folders cannot be opened everywhere."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
