"""Bind the rows of the priors to the nouns of the model: inputs for the engine, arrays for the model."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from mc.axes import ALIASES, HISTORY, YEAR
from mc.inputs.nouns import Inputs
from mc.inputs.uncertain import Elicited, Slot, elicit
from mc.study import Correlation, Input
from mc.tables.elements import Elements
from mc.tables.errors import PriorsError, Problem
from mc.tables.priors import Priors

Label = str | int


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the array of one quantity comes from.

    Attributes:
        noun: the noun it is a field of.
        quantity: the field.
        shape: its shape.
        source: "data" (known), an input's name (drawn whole), or "" (gathered from drawn and known values).
        start: of gathered ones, the position of the first element among all that are gathered.
    """

    noun: str
    quantity: str
    shape: tuple[int, ...]
    source: str
    start: int = 0


@dataclasses.dataclass(frozen=True)
class Bound:
    """Priors bound to the declarations, for a range of years.

    Attributes:
        inputs: what the engine draws.
        correlations: between elements of the inputs.
        axes: labels of every axis, with "year", "history" and "destination".
        groups: the group of every label of the axes that tables list.
        data: arrays that no draw changes (float64 numpy); a pytree to pass as an argument.
        places: where each quantity comes from.
        gathered: inputs whose elements are gathered, after the known values of `data`.
        index: of every gathered element, its position in those.
        nouns: the class of each noun.
        container: what holds the nouns of a draw.
    """

    inputs: tuple[Input, ...]
    correlations: tuple[Correlation, ...]
    axes: dict[str, tuple[Label, ...]]
    groups: dict[str, tuple[str, ...]]
    data: dict[str, Any]
    places: tuple[Place, ...] = dataclasses.field(repr=False)
    gathered: tuple[str, ...] = dataclasses.field(repr=False)
    index: NDArray[np.int32] = dataclasses.field(repr=False)
    nouns: Mapping[str, type[Any]] = dataclasses.field(repr=False)
    container: Callable[..., Inputs] = dataclasses.field(repr=False)

    def assemble(self, data: Mapping[str, Any], draw: Mapping[str, Array]) -> Inputs:
        """The nouns of ONE draw in the declared units, in the dtype of the draw; pure, for use inside the graph.

        Known quantities pass from `data` untouched, wholly drawn ones from `draw`; the elements of all others come
        from a single gather, of which every quantity is a slice.
        """
        dtype = next((value.dtype for value in draw.values()), None)
        pool = jnp.concatenate(
            [jnp.asarray(data["gathered"], dtype), *(jnp.ravel(draw[name]) for name in self.gathered)]
        )
        values = pool.at[self.index].get(mode="promise_in_bounds", wrap_negative_indices=False)
        fields: dict[str, dict[str, Array]] = {noun: {} for noun in self.nouns}
        for place in self.places:
            if place.source == "data":
                array = jnp.asarray(data["known"][f"{place.noun}.{place.quantity}"], dtype)
            elif place.source:
                array = draw[place.source]
            else:
                array = values[place.start : place.start + int(np.prod(place.shape))]
            fields[place.noun][place.quantity] = array if array.shape == place.shape else array.reshape(place.shape)
        return self.container(**{noun: cls(**fields[noun]) for noun, cls in self.nouns.items()})


def bind(
    priors: Priors, first_year: int = 2020, last_year: int = 2060, container: Callable[..., Inputs] = Inputs
) -> Bound:
    """Bind priors for a range of model years; `container` is made from the nouns by keyword."""
    years = tuple(range(first_year, last_year + 1))
    history = _history(priors, first_year)
    axes: dict[str, tuple[Label, ...]] = {YEAR: years, HISTORY: history}
    axes |= {name: axis.labels for name, axis in priors.axes.items()}
    axes |= {alias: axes[name] for alias, name in ALIASES.items() if name in axes}
    held = _held(priors)
    elicited = {
        name: elicit(elements, history if elements.time == HISTORY else years, priors.dependence, held)
        for name, elements in priors.resolved.items()
    }
    inputs = tuple(item for found in elicited.values() for item in found.inputs)
    gather = _Gather({item.name: len(item.priors) for item in inputs})
    places = []
    for name, elements in priors.resolved.items():
        count = len(axes[elements.time]) if elements.time else 1
        shape = tuple(len(axes[axis]) for axis in elements.quantity.axes)
        places.append(gather.place(name, shape, _slots(elements, elicited[name], count), elicited[name].fixed))
    labels = {label for item in inputs for label in item.labels}
    return Bound(
        inputs=inputs,
        correlations=tuple(
            Correlation(row.first, row.second, row.value or 0.0)
            for row in priors.dependence
            if row.kind == "correlation" and {row.first, row.second} <= labels
        ),
        axes=axes,
        groups={name: axis.groups for name, axis in priors.axes.items()},
        data={"known": gather.known, "gathered": np.array(gather.values)},
        places=tuple(places),
        gathered=tuple(gather.inputs),
        index=gather.index(),
        nouns=priors.nouns,
        container=container,
    )


def _held(priors: Priors) -> dict[str, float]:
    """The scalar quantities that no draw changes."""
    held: dict[str, float] = {}
    for name, elements in priors.resolved.items():
        rows = elements.rows.get((), ())
        if not elements.quantity.axes and not any(row.uncertain for row in rows):
            held[name] = rows[0].mid if rows else elements.quantity.default or 0.0
    return held


def _slots(elements: Elements, elicited: Elicited, count: int) -> list[Slot]:
    """The slot of every element in C order; all that have neither rows nor inherit any share the default."""
    default: Slot | None = None
    slots: list[Slot] = []
    for owner in elements.owners.values():
        if owner is not None:
            slots += elicited.slots[owner]
            continue
        if default is None:
            default = elicited.hold(elements.quantity.default or 0.0)
        slots += [default] * count
    return slots


class _Gather:
    """Collects which quantities are known, which are drawn whole, and which are gathered element by element."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.known: dict[str, NDArray[np.float64]] = {}
        self.values: list[float] = []
        self.inputs: dict[str, None] = {}
        self.slots: list[Slot] = []

    def place(self, name: str, shape: tuple[int, ...], slots: Sequence[Slot], fixed: Sequence[float]) -> Place:
        """Find the cheapest way to the array of a quantity."""
        noun, _, quantity = name.partition(".")
        sources = {source for source, _ in slots}
        if sources <= {""}:
            self.known[name] = np.array([fixed[position] for _, position in slots]).reshape(shape)
            return Place(noun, quantity, shape, "data")
        source = min(sources)
        if len(sources) == 1 and [position for _, position in slots] == list(range(self.sizes[source])):
            return Place(noun, quantity, shape, source)
        start, shift = len(self.slots), len(self.values)
        self.values += fixed
        self.inputs |= dict.fromkeys(sorted(sources - {""}))
        self.slots += [(source, position if source else position + shift) for source, position in slots]
        return Place(noun, quantity, shape, "", start)

    def index(self) -> NDArray[np.int32]:
        """Positions of the gathered elements in the known values followed by the inputs."""
        offsets, end = {"": 0}, len(self.values)
        for name in self.inputs:
            offsets[name] = end
            end += self.sizes[name]
        return np.array([offsets[source] + position for source, position in self.slots], np.int32)


def _history(priors: Priors, first_year: int) -> tuple[int, ...]:
    """Years of the histories, from the first row of any to the first model year, which each must reach."""
    series = {
        elements.label(key): rows
        for elements in priors.resolved.values()
        if elements.time == HISTORY
        for key, rows in elements.rows.items()
    }
    problems = [
        Problem(str(priors.folder / rows[-1].table), rows[-1].line, f"{label} ends in {rows[-1].labels[-1]}", remedy)
        for label, rows in series.items()
        if int(rows[-1].labels[-1]) < first_year
        for remedy in [f"add its years to {first_year}, the first year of the run, or let the run start earlier"]
    ]
    if problems:
        raise PriorsError(problems)
    return tuple(range(min((int(rows[0].labels[-1]) for rows in series.values()), default=first_year), first_year + 1))
