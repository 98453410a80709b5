"""Write a cube: whole under its final name, or not at all."""

import math
import shutil
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mc.disk import publish, require_room, size_text
from mc.errors import DiskError

if TYPE_CHECKING:
    import xarray as xr

    from mc.settings import Settings
    from mc.study import Study

Groups = Mapping[str, "xr.Dataset"]
"""Datasets by the path of their group, the root (`/`) first."""

MARGIN = 1.05
"""File over bytes of its arrays, uncompressed: headers and attributes."""

OTHER_STATISTICS = 3
"""Besides the percentiles: mean, standard deviation, and the run at mean inputs."""

COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True}
"""Of all filters, the one that every reader of NetCDF-4 has."""


def write_cube(groups: Groups, part: Path, cube: Path) -> None:
    """Write a cube under its temporary name, seal it, make sure that it is on the disk, and give it its final name.

    Each group is written with its own coordinates, so that it opens by itself.
    """
    require_room(cube, needed_bytes(groups))
    try:
        # The root, the largest, comes last: the file is opened anew for every group, and read as far as it has come.
        for at, (name, group) in enumerate(reversed(list(groups.items()))):
            _write_group(group, part, name, "a" if at else "w")
        publish(part, cube)
    except (OSError, RuntimeError) as error:  # the netCDF library reports a full disk as RuntimeError: HDF error
        free = shutil.disk_usage(cube.parent).free
        raise DiskError(f"{cube}: could not be written ({error}); free on that disk: {size_text(free)}") from None


class _Later:
    """Takes the arrays of a group that xarray declares, and writes them when all are declared.

    The netCDF library goes over all variables of a file each time that it turns from declaring to writing, and back:
    with two hundred variables that takes longer than to write them.
    """

    def __init__(self) -> None:
        self._arrays: list[tuple[Any, Any]] = []

    def add(self, source: Any, target: Any, region: None = None) -> None:  # noqa: ARG002 - as xarray calls it
        """Remember an array and the variable that it goes to."""
        self._arrays.append((source, target))

    def write(self) -> None:
        """Write them."""
        for source, target in self._arrays:
            target[...] = source


def _write_group(group: "xr.Dataset", file: Path, name: str, mode: Literal["a", "w"]) -> None:
    """What `group.to_netcdf` does, but for the order."""
    from xarray.backends import NetCDF4DataStore
    from xarray.conventions import encode_dataset_coordinates

    variables, attributes = encode_dataset_coordinates(group)
    encoding = _encoding(group)
    for key, chosen in encoding.items():
        variables[key].encoding = chosen
    stores: Any = NetCDF4DataStore
    store = stores.open(file, mode, format="NETCDF4", group=name)
    try:
        later = _Later()
        store.store(variables, attributes, check_encoding_set=set(encoding), writer=later)
        later.write()
    finally:
        store.close()


def needed_bytes(groups: Groups) -> int:
    """Bytes that a cube takes at most."""
    return int(sum(variable.nbytes for group in groups.values() for variable in group.variables.values()) * MARGIN)


def expected_bytes(study: "Study", settings: "Settings") -> int:
    """Bytes of the arrays of the cube to come: enough to refuse a disk that is too full before anything is computed."""
    labels = len(settings.probabilities) + OTHER_STATISTICS
    sizes = {output.name: math.prod(len(study.coords[dim]) for dim in output.dims) for output in study.outputs}
    width = np.dtype(settings.precision).itemsize
    kept = sum(sizes[name] for name in settings.keep)
    drawn = kept and kept + sum(len(item.priors) for item in study.inputs)
    return width * (2 * labels * sum(sizes.values()) + settings.draws * drawn)


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
