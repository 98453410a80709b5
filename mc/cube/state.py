"""The mergeable state of a run as a group of a cube, and back; off by default (it is larger than the summary)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mc.checkpoint import METADATA, Head, Origin, head_of, packed
from mc.cube.group import Group, Variable
from mc.cube.names import STATE
from mc.cube.read import open_cube
from mc.disk import damage
from mc.errors import InputError
from mc.places import is_file
from mc.state_arrays import from_arrays

if TYPE_CHECKING:
    import xarray as xr

    from mc.state import EnsembleState


def state_group(state: "EnsembleState", origin: Origin) -> Group:
    """Arrays under plain names (`a0`, `a1`, ...), their own names as an attribute: those hold characters like `/`."""
    arrays, metadata = packed(state, origin, origin.seconds)
    arrays[METADATA] = np.frombuffer(json.dumps(metadata, ensure_ascii=False).encode(), np.uint8)
    variables = {}
    for at, (name, array) in enumerate(arrays.items()):
        dims = tuple(f"a{at}_{axis}" for axis in range(array.ndim))
        plain = array.astype(np.int8) if array.dtype == bool else array
        variables[f"a{at}"] = Variable(dims, plain, {"array": name, "kind": str(array.dtype)})
    return Group(variables)


def state_of(group: "xr.Dataset", cube: Path) -> "tuple[Head, EnsembleState]":
    """The state that `state_group` wrote, bit for bit."""
    arrays = {
        str(variable.attrs["array"]): np.asarray(variable.values, dtype=variable.attrs["kind"])
        for variable in group.data_vars.values()
    }
    metadata = json.loads(arrays.pop(METADATA).tobytes())
    return head_of(cube, metadata), from_arrays(arrays, metadata)


def state_in(cube: Path) -> "tuple[Head, EnsembleState]":
    """The state that a cube holds; InputError where it holds none, or is damaged."""
    if is_file(cube) and (wrong := damage(cube)):
        raise InputError(f"{cube}: {wrong}; what follows from it could not be trusted: run it anew with --overwrite")
    try:
        group = open_cube(cube, STATE)
    except InputError:
        open_cube(cube)  # says what is wrong with one that is not there
        raise InputError(
            f"{cube}: holds no state to extend; a run keeps one with --keep-state, or state = true under [keep]"
        ) from None
    return state_of(group, cube)
