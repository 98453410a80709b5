"""Which series a run has, and which statistics each of them gets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.axes import SCENARIO
from mc.settings import Settings
from mc.statistics import STATISTICS, Statistic
from mc.statistics.contract import Numbers
from mc.study import Study

AnyArray = TypeVar("AnyArray", Array, Numbers)

DIFFERENCE = "difference/"

PACKED_ELEMENTS = 2**14
"""Series up to here are copied next to one another before they are folded in; for larger ones the copy costs more."""


@dataclass(frozen=True)
class Series:
    """One array per draw that is summarised: an output, or the paired difference of its scenarios to the reference.

    `reference` is the index of the reference scenario and `axis` that of the scenario dim, for a difference only.
    """

    name: str
    output: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    unit: str
    long_name: str
    kind: str
    axis: int = 0
    reference: int | None = None
    statistics: tuple[Statistic, ...] = ()

    def values(self, outputs: Mapping[str, AnyArray]) -> AnyArray:
        """The series of a block, (draw, ...), from its outputs, on the device or on the host."""
        value = outputs[self.output]
        if self.reference is None:
            return value
        at = (slice(None),) * (self.axis + 1) + (slice(self.reference, self.reference + 1),)
        return value - value[at]

    @property
    def elements(self) -> int:
        """Numbers per draw."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Pack:
    """Series with the same statistics that are updated as one: fewer and larger kernels, which compile sooner."""

    members: tuple[Series, ...]

    @property
    def name(self) -> str:
        """That of its first series."""
        return self.members[0].name

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """Those of every member."""
        return self.members[0].statistics

    @property
    def elements(self) -> int:
        """Numbers per draw of all members."""
        return sum(item.elements for item in self.members)

    def values(self, outputs: Mapping[str, Array]) -> Array:
        """All members of a block side by side, (draw, element)."""
        parts = [item.values(outputs) for item in self.members]
        return jnp.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)

    def join(self, parts: Mapping[str, Numbers], axis: int) -> Numbers:
        """One array from those of the members, along the axis of elements."""
        return np.concatenate([parts[item.name] for item in self.members], axis=axis)

    def split(self, array: Numbers, axis: int) -> dict[str, Numbers]:
        """The array of each member, a copy."""
        ends = np.cumsum([item.elements for item in self.members])[:-1]
        parts = np.split(array, ends, axis=axis)
        return {item.name: part.copy() for item, part in zip(self.members, parts, strict=True)}


def plan_packs(series: Sequence[Series]) -> tuple[Pack, ...]:
    """Packs of a run: series with many elements alone, the others by their statistics, all in the order of `series`."""
    packs: dict[object, list[Series]] = {}
    for item in series:
        packs.setdefault(item.name if item.elements > PACKED_ELEMENTS else item.statistics, []).append(item)
    return tuple(Pack(tuple(members)) for members in packs.values())


def plan_series(study: Study, settings: Settings) -> tuple[Series, ...]:
    """Series of a study: every output that is not a fault, then the paired differences that the settings name.

    ValueError for a pattern or a name that fits nothing.
    """
    plain = tuple(
        Series(
            name=output.name,
            output=output.name,
            dims=output.dims,
            shape=tuple(len(study.coords[dim]) for dim in output.dims),
            unit=output.unit,
            long_name=output.long_name,
            kind=output.kind,
        )
        for output in study.outputs
        if output.kind != "fault"
    )
    _check_names(plain, study, settings)
    series = plain + _differences(plain, study, settings)
    known = [item.name for item in series]
    for pattern in settings.variance_shares:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise ValueError(f"variance shares: no series fits {pattern!r}; known: {', '.join(known)}")
    for wanted in settings.exceedance:
        if wanted.output not in known:
            raise ValueError(f"exceedance {wanted.name!r}: no series {wanted.output!r}; known: {', '.join(known)}")
    return tuple(replace(item, statistics=_statistics(settings, item)) for item in series)


def _statistics(settings: Settings, series: Series) -> tuple[Statistic, ...]:
    return tuple(chosen for statistic in STATISTICS.values() for chosen in statistic.chosen(settings, series))


def _differences(plain: tuple[Series, ...], study: Study, settings: Settings) -> tuple[Series, ...]:
    wanted = [item for item in plain if any(fnmatchcase(item.output, pattern) for pattern in settings.differences)]
    if not wanted:
        return ()
    scenarios = [str(label) for label in study.coords.get(SCENARIO, ())]
    if settings.reference not in scenarios:
        raise ValueError(f"differences need a reference scenario of {scenarios}, not {settings.reference!r}")
    return tuple(
        replace(
            item,
            name=DIFFERENCE + item.name,
            long_name=f"{item.long_name}, difference to scenario {settings.reference}",
            axis=item.dims.index(SCENARIO),
            reference=scenarios.index(settings.reference),
        )
        for item in wanted
        if SCENARIO in item.dims
    )


def _check_names(plain: tuple[Series, ...], study: Study, settings: Settings) -> None:
    names = [item.name for item in plain]
    scenario_names = [item.name for item in plain if SCENARIO in item.dims]
    patterns = [("quantiles", settings.quantiles, names), ("differences", settings.differences, scenario_names)]
    for what, given, known in patterns:
        for pattern in given:
            if not any(fnmatchcase(name, pattern) for name in known):
                raise ValueError(f"{what}: no output of {study.name} fits {pattern!r}; known: {', '.join(known)}")
    every = [output.name for output in study.outputs]
    for name in settings.keep:
        if name not in every:
            raise ValueError(f"keep: {study.name} has no output {name!r}; known: {', '.join(every)}")
