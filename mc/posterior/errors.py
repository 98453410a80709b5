"""How observations stray from what the model says: parameters by group, each with a prior, sampled like any input."""

from collections.abc import Collection, Mapping
from typing import Final

from mc.study import Input, Prior

PARAMETERS: Final = ("bias", "drift", "persistence", "slope", "bend", "scatter", "degrees", "start")
"""bias: factor on the model, common to the group. drift: sd of the yearly step of an error that hangs together in time.
persistence: its yearly autocorrelation; without one it is a walk that starts at 0 in the first year. slope: sd of a
steady yearly change of a walk. bend: sd of the yearly change of that slope. scatter: sd of a further error of every
number. degrees: of freedom of Student's t, fixed; without them errors are normal.
start: year in which the walk is 0, fixed, where that is no year of the group."""

STRUCTURE: Final = ("degrees", "start")
"""Fixed parameters: they are not drawn."""

MOVING: Final = ("drift", "slope", "bend")
"""Parameters of an error that changes from year to year: a group that has one holds one series."""

PREFIX: Final = "error."
"""Before the names of these inputs."""

Errors = Mapping[str, Mapping[str, Prior]]
"""Priors by group and parameter."""


def parameter_name(group: str, parameter: str) -> str:
    """Name of the input that holds a parameter: "error.pig_iron.drift"."""
    return f"{PREFIX}{group}.{parameter}"


def parameter_inputs(errors: Errors, groups: Collection[str]) -> tuple[Input, ...]:
    """The parameters of these groups as inputs, without `STRUCTURE`."""
    return tuple(
        Input(parameter_name(group, parameter), (prior,))
        for group in sorted(groups)
        for parameter, prior in errors.get(group, {}).items()
        if parameter not in STRUCTURE
    )
