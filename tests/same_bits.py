"""Whether two cubes hold the same bits."""

from collections.abc import Iterator
from pathlib import Path

import netCDF4
import numpy as np


def different_variables(first: Path, second: Path) -> list[str]:
    """Names of the variables that are not the same to the bit, or in one of the cubes alone."""
    found = [dict(_variables(cube)) for cube in (first, second)]
    return [name for name in found[0].keys() | found[1].keys() if found[0].get(name) != found[1].get(name)]


def _variables(cube: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    with netCDF4.Dataset(cube) as root:
        groups = [root]
        for group in groups:
            groups.extend(group.groups.values())
            for name, variable in group.variables.items():
                variable.set_auto_mask(False)
                array = np.asarray(variable[...])
                values = tuple(array.ravel()) if array.dtype == object else array.tobytes()
                yield f"{group.path}/{name}", (array.shape, str(array.dtype), values)
