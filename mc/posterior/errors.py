"""How observations stray from what the model says: parameters by group, each with a prior, sampled like any input."""

from collections.abc import Collection, Mapping
from typing import Final

from mc.study import Input, Prior

MOVES: Final = {"returns": ("persistence",), "walks": (), "slopes": ("slope",), "trends": ("slope", "bend")}
"""How an error that hangs together in time may move, by what it needs beside a drift: it returns to its mean, walks,
walks about a steady slope, or about one that walks too. Weights of these names make a choice of structure of it."""

PARAMETERS: Final = ("bias", "drift", "persistence", "slope", "bend", "scatter", "degrees", "start", *MOVES)
"""bias: factor on the model, common to the group. drift: sd of the yearly step of an error that hangs together in time.
persistence: its yearly autocorrelation; without one it is a walk that starts at 0 in the first year. slope: sd of a
steady yearly change of a walk. bend: sd of the yearly change of that slope. scatter: sd of a further error of every
number. degrees: of freedom of Student's t, fixed; without them errors are normal. start: year in which the walk is 0,
fixed, where that is no year of the group. Families: weight of each, fixed; without any the error is what its
parameters make of it."""

MOVING: Final = ("drift", "slope", "bend")
"""Parameters of an error that changes from year to year: a group that has one holds one series."""

STRUCTURE: Final = ("degrees", "start", *MOVES)
"""Fixed parameters: they are not drawn."""

FAMILY: Final = "family"
"""Ends the name of the choice between families."""

PREFIX: Final = "error."
"""Before the names of these inputs."""

Errors = Mapping[str, Mapping[str, Prior]]
"""Priors by group and parameter."""


def parameter_name(group: str, parameter: str) -> str:
    """Name of the input that holds a parameter: "error.pig_iron.drift"."""
    return f"{PREFIX}{group}.{parameter}"


def family_weights(parameters: Mapping[str, Prior]) -> tuple[float, ...]:
    """Prior weight of each of `MOVES` that a group has the parameters for, adding to 1; none where none is stated.

    Raises:
        ValueError: the families that have a weight lack parameters.
    """
    if not set(MOVES) & set(parameters):
        return ()
    able = {name: parameters[name].mid for name, needs in MOVES.items() if {name, *needs} <= set(parameters)}
    total = sum(able.values())
    if not total > 0:
        raise ValueError("no family of its error has both a weight and the parameters it needs")
    return tuple(able.get(name, 0.0) / total for name in MOVES)


def check_together(parameters: Mapping[str, Prior]) -> None:
    """Whether the parameters of one group fit one another.

    Raises:
        ValueError: an error that returns to its mean has a slope or a bend, or can be of no family.
    """
    if family_weights(parameters):
        return
    moving = [name for name in ("slope", "bend") if name in parameters and parameters[name].high > 0]
    if "persistence" in parameters and moving:
        raise ValueError(f"a persistence beside a {moving[0]}: an error that returns to its mean has no trend")


def parameter_inputs(errors: Errors, groups: Collection[str]) -> tuple[Input, ...]:
    """The parameters of these groups as inputs, without `STRUCTURE`; where several families can be, the choice too."""
    found = []
    for group in sorted(groups):
        known = errors.get(group, {})
        found += [
            Input(parameter_name(group, name), (prior,)) for name, prior in known.items() if name not in STRUCTURE
        ]
        weights = family_weights(known)
        if sum(weight > 0 for weight in weights) > 1:
            choice = Prior("choice", 0.0, 0.0, len(weights) - 1.0, weights=weights)
            found.append(Input(parameter_name(group, FAMILY), (choice,)))
    return tuple(found)
