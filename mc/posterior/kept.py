"""The kept draws of a finished run, and observations bound to them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mc.axes import DRAW
from mc.posterior.observed import Observation
from mc.study import Study

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]

INPUT = "input_"
"""Before the name of an input in the group of draws."""


@dataclass(frozen=True, eq=False)
class KeptDraws:
    """Draws of a cube.

    Attributes:
        cube: where they come from.
        root: the summary of that run, for its attributes and the names of its outputs.
        draws: inputs and outputs, draw by draw.
    """

    cube: Path
    root: "xr.Dataset"
    draws: "xr.Dataset"

    @property
    def outputs(self) -> list[str]:
        """Names of the kept outputs."""
        found = [str(name) for name in self.draws.data_vars]
        return [n for n in found if n != "valid" and not n.startswith(INPUT) and DRAW in self.draws[n].dims]

    @property
    def inputs(self) -> dict[str, str]:
        """Variable of each input, by the name of the input."""
        found = [str(name) for name in self.draws.data_vars if str(name).startswith(INPUT)]
        return {str(self.draws[name].attrs["long_name"]): name for name in found}

    @property
    def index(self) -> NDArray[np.int64]:
        """Index of each draw in its run."""
        return np.asarray(self.draws[DRAW].values, np.int64)

    @property
    def scramblings(self) -> int:
        """Independent scramblings of the run."""
        return int(self.root.attrs["scramblings"])

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Draws that did not fail and whose kept outputs are all numbers [draw]."""
        good: NDArray[np.bool_] = np.asarray(self.draws["valid"].values) != 0
        for name in self.outputs:
            values = self.draws[name].values
            good &= np.isfinite(values).reshape(len(values), -1).all(axis=1)
        return good


@dataclass(frozen=True, eq=False)
class History:
    """The past of kept draws: outputs by name [draw, year], in which units, and the years."""

    outputs: Mapping[str, Floats]
    units: Mapping[str, str]
    years: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Bound:
    """Rows with what kept draws say about them.

    Attributes:
        study: its outputs are the series of the rows, one path over the years each.
        modelled: by series [draw, year].
        rows: the observations.
    """

    study: Study
    modelled: dict[str, Floats]
    rows: tuple[Observation, ...]


def input_values(kept: KeptDraws, name: str) -> tuple[Floats, tuple[str, ...]]:
    """(values [draw, ...], labels of the elements) of an input."""
    variable = kept.draws[kept.inputs[name]]
    values = np.asarray(variable.values, np.float64)
    labels = tuple(str(variable.attrs.get("elements", "")).split())
    count = math.prod(values.shape[1:])
    return values, labels if len(labels) == count else tuple(f"{name}[{k}]" for k in range(count))
