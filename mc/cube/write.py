"""Write a cube: whole under its final name, or not at all."""

import shutil
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mc.disk import publish, require_room, size_text
from mc.errors import DiskError

if TYPE_CHECKING:
    import xarray as xr

Groups = Mapping[str, "xr.Dataset"]
"""Datasets by the path of their group, the root (`/`) first."""

MARGIN = 1.05
"""File over bytes of its arrays, uncompressed: headers and attributes."""

COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True}
"""Of all filters, the one that every reader of NetCDF-4 has."""


def write_cube(groups: Groups, part: Path, cube: Path) -> None:
    """Write a cube under its temporary name, seal it, make sure that it is on the disk, and give it its final name.

    Each group is written with its own coordinates, so that it opens by itself.
    """
    require_room(cube, needed_bytes(groups))
    try:
        for at, (name, group) in enumerate(groups.items()):
            mode: Literal["a", "w"] = "a" if at else "w"
            group.to_netcdf(part, mode, "NETCDF4", group=name, engine="netcdf4", encoding=_encoding(group))
        publish(part, cube)
    except (OSError, RuntimeError) as error:  # the netCDF library reports a full disk as RuntimeError: HDF error
        free = shutil.disk_usage(cube.parent).free
        raise DiskError(f"{cube}: could not be written ({error}); free on that disk: {size_text(free)}") from None


def needed_bytes(groups: Groups) -> int:
    """Bytes that a cube takes at most."""
    return int(sum(variable.nbytes for group in groups.values() for variable in group.variables.values()) * MARGIN)


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
