"""Write a cube: whole under its final name, or not at all."""

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mc.cube.names import VARIANCE_SHARES
from mc.disk import publish, require_room, size_text
from mc.errors import DiskError

if TYPE_CHECKING:
    from netCDF4 import Dataset
    from netCDF4 import Variable as NetCDFVariable

    from mc.cube.group import AnyGroup, AnyVariable
    from mc.settings import Settings
    from mc.statistics.contract import Numbers
    from mc.study import Study

Groups = Mapping[str, "AnyGroup"]
"""Groups by the path of their group, the root (`/`) first."""

MARGIN = 1.05
"""File over bytes of its arrays, uncompressed: headers and attributes."""

OTHER_STATISTICS = 3
"""Besides the percentiles: mean, standard deviation, and the run at mean inputs."""

COMPRESSION: "dict[str, Any]" = {"zlib": True, "complevel": 1, "shuffle": True}
"""Of all filters, the one that every reader of NetCDF-4 has."""


def write_cube(groups: Groups, part: Path, cube: Path) -> None:
    """Write a cube under its temporary name, seal it, make sure that it is on the disk, and give it its final name.

    Each group is written with its own coordinates, so that it opens by itself.
    """
    from netCDF4 import Dataset

    require_room(cube, needed_bytes(groups))
    try:
        with Dataset(part, "w", format="NETCDF4") as file:
            declared = [declare(file if name == "/" else file.createGroup(name), groups[name]) for name in groups]
            # The library goes over all variables of a file each time that it turns from declaring to writing.
            for targets in declared:
                for target, values in targets:
                    target[...] = values
        publish(part, cube)
    except (OSError, RuntimeError) as error:  # the netCDF library reports a full disk as RuntimeError: HDF error
        free = shutil.disk_usage(cube.parent).free
        raise DiskError(f"{cube}: could not be written ({error}); free on that disk: {size_text(free)}") from None


def declare(place: "Dataset", group: "AnyGroup") -> "list[tuple[NetCDFVariable[Any], Numbers]]":
    """Declare the variables of a group, as xarray reads them back; returns each with what is to be written to it."""
    found = []
    beside, elsewhere = _beside(group)
    place.setncatts(dict(group.attrs) | ({"coordinates": elsewhere} if elsewhere else {}))
    for name, variable in group.variables.items():
        values, dims, attributes = _plain(np.asarray(variable.values), variable)
        for dim, size in zip(dims, values.shape, strict=True):
            if dim not in place.dimensions:
                place.createDimension(dim, size)
        filters = {} if values.ndim == 0 or values.dtype.kind == "S" else COMPRESSION
        missing = np.nan if values.dtype.kind == "f" and values.ndim and np.isnan(values).any() else None
        target = place.createVariable(name, values.dtype, dims, fill_value=missing, **filters)
        target.set_auto_maskandscale(False)
        target.set_auto_chartostring(False)
        target.setncatts(attributes | ({"coordinates": beside[name]} if name in beside else {}))
        found.append((target, values))
    return found


def _plain(values: "Numbers", variable: "AnyVariable") -> "tuple[Numbers, tuple[str, ...], dict[str, Any]]":
    """Values, dims and attributes as NetCDF has them: text as characters, which readers without strings can show."""
    dims, attributes = tuple(variable.dims), dict(variable.attrs)
    if values.dtype.kind == "b":
        return values.astype(np.int8), dims, attributes | {"dtype": "bool"}
    if values.dtype.kind not in "UO":
        return values, dims, attributes
    encoded = np.ascontiguousarray(np.char.encode(values.astype(np.str_), "utf-8"))
    width = encoded.dtype.itemsize
    letters = encoded.reshape(-1).view("S1").reshape(*encoded.shape, width)
    return letters, (*dims, f"string{width}"), attributes | {"_Encoding": "utf-8"}


def _beside(group: "AnyGroup") -> tuple[dict[str, str], str]:
    """The CF attribute `coordinates`: names of those that are no axis, for each variable; and of those on none."""
    dims = {dim for variable in group.variables.values() for dim in variable.dims}
    loose = sorted(set(group.coords) - dims)
    found: dict[str, list[str]] = {}
    for name, variable in group.variables.items():
        if name not in loose and name not in variable.dims:
            mine = [other for other in loose if set(group.variables[other].dims) <= set(variable.dims)]
            if mine and "coordinates" not in variable.attrs:
                found[name] = mine
    left = sorted(set(loose).difference(*found.values()))
    return {name: " ".join(mine) for name, mine in found.items()}, " ".join(left)


def needed_bytes(groups: Groups) -> int:
    """Bytes that a cube takes at most."""
    return int(
        sum(variable.values.nbytes for group in groups.values() for variable in group.variables.values()) * MARGIN
    )


def expected_bytes(study: "Study", settings: "Settings") -> int:
    """Bytes of the arrays of the cube to come: enough to refuse a disk that is too full before anything is computed."""
    labels = len(settings.probabilities) + OTHER_STATISTICS
    sizes = {output.name: math.prod(len(study.coords[dim]) for dim in output.dims) for output in study.outputs}
    width = np.dtype(settings.precision).itemsize
    kept = sum(sizes[name] for name in settings.keep)
    drawn = kept and kept + sum(len(item.priors) for item in study.inputs)
    shares = 2 * 2 * len(settings.drivers) * _shared_out(study, settings)
    return width * (2 * labels * sum(sizes.values()) + shares + settings.draws * drawn)


def _shared_out(study: "Study", settings: "Settings") -> int:
    """Elements whose variance is shared out."""
    from mc.statistics.plan import plan_series

    if not settings.drivers:
        return 0
    asked = [
        item for item in plan_series(study, settings) if any(one.key == VARIANCE_SHARES for one in item.statistics)
    ]
    return sum(item.elements for item in asked)
