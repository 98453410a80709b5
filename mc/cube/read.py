"""Open a cube."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mc.errors import InputError
from mc.places import is_file, is_folder

if TYPE_CHECKING:
    import xarray as xr


def open_cube(cube: str | os.PathLike[str], group: str = "") -> "xr.Dataset":
    """The summary of a cube as a Dataset, or one of its groups.

    Groups: differences, variance_shares, draws, diagnostics, inputs, state.

    Nothing in a cube is executed; still, HDF5 is a complex format: do not open files of strangers.
    """
    import xarray as xr

    path = Path(cube)
    if not is_file(path):
        raise InputError(
            f"{path}: {'is a folder' if is_folder(path) else 'no such cube'}; make one with: ferrocast run FILE"
        )
    try:
        with xr.open_dataset(path, engine="netcdf4", group=group or None) as dataset:
            return dataset.load()
    except OSError as error:
        if group and "group" in str(error):
            raise InputError(f"{path}: has no group {group!r}") from None
        raise InputError(f"{path}: not a NetCDF file that can be read ({error.strerror or error})") from None
