"""The mergeable state of a run as a group of a cube, and back; off by default (it is larger than the summary)."""

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mc.state_arrays import from_arrays, to_arrays

if TYPE_CHECKING:
    from mc.state import EnsembleState


def state_group(state: "EnsembleState") -> xr.Dataset:
    """Arrays under plain names (`a0`, `a1`, ...), their own names as an attribute: those hold characters like `/`."""
    arrays, metadata = to_arrays(state)
    variables = {}
    for at, (name, array) in enumerate(arrays.items()):
        dims = tuple(f"a{at}_{axis}" for axis in range(array.ndim))
        plain = array.astype(np.int8) if array.dtype == bool else array
        variables[f"a{at}"] = xr.Variable(dims, plain, {"array": name, "kind": str(array.dtype)})
    return xr.Dataset(variables, attrs={"metadata": json.dumps(metadata)})


def state_of(group: xr.Dataset) -> "EnsembleState":
    """The state that `state_group` wrote, bit for bit."""
    arrays = {
        str(variable.attrs["array"]): np.asarray(variable.values, dtype=variable.attrs["kind"])
        for variable in group.data_vars.values()
    }
    return from_arrays(arrays, json.loads(group.attrs["metadata"]))
