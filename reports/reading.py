"""Read a cube: the summary of a run, its paired differences, and where they come from."""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

STATISTIC, SCENARIO = "statistic", "scenario"
MEAN, SD, AT_MEAN = "mean", "sd", "at_mean_inputs"
PERCENTILES = ("p05", "p25", "p50", "p75", "p95")
MCSE = "_mcse"


class CubeError(Exception):
    """A cube that cannot be shown; the message says what to do."""


class NoPage(CubeError):
    """A page that this cube has nothing for, while others can be built; the message says why."""


@dataclass(frozen=True)
class Cube:
    """The groups of a cube that pages use; a group that the run did not ask for is empty."""

    path: Path
    summary: xr.Dataset
    differences: xr.Dataset
    draws: xr.Dataset
    diagnostics: xr.Dataset = field(default_factory=xr.Dataset)
    variance_shares: xr.Dataset = field(default_factory=xr.Dataset)

    @cached_property
    def run(self) -> dict[str, Any]:
        """The resolved run file."""
        found: dict[str, Any] = json.loads(self.summary.attrs.get("run", "{}"))
        return found

    @cached_property
    def scenarios(self) -> list[str]:
        """Labels of the scenarios, the reference of the paired differences first."""
        names = [str(name) for name in self.summary[SCENARIO].values]
        reference = self.differences.attrs.get("reference") or (self.run.get("statistics") or {}).get("reference")
        return sorted(names, key=lambda name: name != (reference or names[0]))

    @property
    def reference(self) -> str:
        """The scenario that others are compared with."""
        return self.scenarios[0]

    @cached_property
    def years(self) -> np.ndarray:
        """Years of the model."""
        return np.asarray(self.summary["year"].values)

    def has(self, *names: str) -> bool:
        """Whether the summary holds all of these outputs."""
        return all(name in self.summary for name in names)

    def value(
        self, name: str, statistic: str = MEAN, scenario: str = "", *, difference: bool = False, **at: str | int
    ) -> np.ndarray:
        """One statistic of an output over the axes that `at` leaves; scenario and year count where it has them."""
        found = (self.differences if difference else self.summary)[name]
        wanted = {STATISTIC: statistic, SCENARIO: scenario or self.reference, **at}
        indexers = {dim: self._places[dim][label] for dim, label in wanted.items() if dim in found.dims}
        return np.asarray(found.values[tuple(indexers.get(str(dim), slice(None)) for dim in found.dims)])

    def error(
        self, name: str, statistic: str = MEAN, scenario: str = "", *, difference: bool = False, **at: str | int
    ) -> np.ndarray:
        """Its Monte Carlo standard error; NaN for the run at mean inputs, which has none."""
        return self.value(name + MCSE, statistic, scenario, difference=difference, **at)

    @cached_property
    def _places(self) -> dict[str, dict[object, int]]:
        """Place of every label of every axis; xarray's own look-up takes half of the time of a page."""
        axes = {str(dim): self.summary[dim].values.tolist() for dim in self.summary.dims if dim in self.summary.coords}
        return {dim: {label: place for place, label in enumerate(labels)} for dim, labels in axes.items()}

    def labels(self, dim: str) -> list[str]:
        """Elements of an axis, in their order."""
        return [str(label) for label in self.summary[dim].values]

    def has_percentiles(self, name: str) -> bool:
        """Whether the run kept quantiles of this output."""
        return "p50" in self.summary[name].attrs.get("statistics", "p50").split()

    def depends_on_scenario(self, name: str) -> bool:
        """Whether an output has a scenario axis."""
        return SCENARIO in self.summary[name].dims

    def unit(self, name: str) -> str:
        """The unit as people write it: `Mt/year` for `Mt year-1`, nothing for a plain number."""
        attributes = self.summary[name].attrs
        return unit_text(attributes.get("display_unit", attributes["units"]))

    def label(self, dim: str, key: str) -> str:
        """English name of an element of an axis, its key where the cube has none."""
        for coordinate in ("name_en", f"{dim}_name_en"):
            if coordinate in self.summary.coords and self.summary[coordinate].dims == (dim,):
                return str(self.summary[coordinate].sel({dim: key}).item())
        return key


def unit_text(unit: str) -> str:
    """A unit as people write it: `Mt/year` for `Mt year-1`, nothing for a plain number."""
    text = re.sub(r" ?([A-Za-z0-9]+)-1\b", r"/\1", unit)
    return {"1": "", "year": ""}.get(text, text.replace("GCNY", "billion CNY"))


def read_cube(path: Path) -> Cube:
    """The cube at this path.

    Raises:
        CubeError: no such file, no NetCDF, or no cube of a run with scenarios and years.
    """
    if not path.is_file():
        raise CubeError(f"{path}: no such cube; make one with: ferrocast run runs/baseline.toml")
    try:
        summary = _load(path, None)
        groups = [_load(path, name) for name in ("differences", "draws", "diagnostics", "variance_shares")]
    except (OSError, ValueError) as error:
        raise CubeError(f"{path}: not a cube that can be read ({error})") from None
    if missing := {STATISTIC, SCENARIO, "year"} - set(summary.dims):
        raise CubeError(f"{path}: has no {' or '.join(sorted(missing))}; pages need the cube of a run with scenarios")
    return Cube(path, summary, *groups)


def _load(path: Path, group: str | None) -> xr.Dataset:
    """A group of the file in memory; empty where the file has no such group."""
    try:
        with xr.open_dataset(path, engine="netcdf4", group=group) as dataset:
            return dataset.load()
    except OSError as error:
        if group is not None and "group not found" in str(error):
            return xr.Dataset()
        raise
