"""Where every element of the inputs gets its number from: columns of the sampler, sorted so that draws evaluate fast.

A plan evaluates each family once, over a vector of all its elements. Columns of one structure and family lie together,
so that picking what a family needs is a slice, not a gather.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.distributions import family_of
from mc.samplers import Column
from mc.study import Correlation, Input, Prior

DIMENSIONS = 256  # Sobol' dimensions that inputs may name; beyond them the column stays empty
MOST_SLICES = 12  # one gather beats a longer list of slices

Kind = Literal["own", "copula", "share", "shared", "constant", "path", "fixed"]


@dataclass(frozen=True)
class Element:
    """One scalar of one input, and the structure that gives it its number."""

    label: str
    prior: Prior
    owner: Input
    dimension: int | None
    kind: Kind


@dataclass(frozen=True)
class _Row:
    """A column before sorting: `scored` where its normal score is needed, `structure` for what lies together."""

    label: str
    dimension: int | None
    scored: bool
    structure: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Layout:
    """Elements, and the columns they read.

    Args:
        elements: every scalar of every input, in order.
        columns: those with a Sobol' dimension first, as samplers expect them.
        uniform: columns whose uniform number is read, by label: place among them.
        scored: columns whose normal score is read, by label: place among them.
        uniform_columns: numbers of the former.
        scored_columns: numbers of the latter.
    """

    elements: tuple[Element, ...]
    columns: tuple[Column, ...]
    uniform: dict[str, int]
    scored: dict[str, int]
    uniform_columns: tuple[int, ...]
    scored_columns: tuple[int, ...]


def lay_out(inputs: Sequence[Input], correlations: Sequence[Correlation]) -> Layout:
    """Layout of the inputs."""
    correlated = {label for pair in correlations for label in (pair.first, pair.second)}
    elements = tuple(_elements(inputs, correlated))
    rows = sorted([*_own(elements), *_common(inputs)], key=lambda r: (r.dimension is None, r.scored, r.structure))
    far = [row.label for row in rows if row.dimension is not None and row.dimension >= DIMENSIONS]
    if far:
        raise ValueError(f"Sobol' dimensions end at {DIMENSIONS - 1}; leave the dimension empty for {far[:3]}")
    uniform = tuple(k for k, row in enumerate(rows) if not row.scored)
    scored = tuple(k for k, row in enumerate(rows) if row.scored)
    return Layout(
        elements,
        tuple(Column(row.label, row.dimension) for row in rows),
        {rows[k].label: place for place, k in enumerate(uniform)},
        {rows[k].label: place for place, k in enumerate(scored)},
        uniform,
        scored,
    )


def factor_label(item: Input) -> str:
    """Label of the common factor of an input."""
    return f"{item.name}[factor]"


def latent_label(item: Input, number: int) -> str:
    """Label of one latent of a path."""
    return f"{item.name}[latent {number}]"


def pick(vector: Array, places: Sequence[int]) -> Array:
    """Entries of a vector: slices where the places run on, else one gather."""
    runs = _runs(places)
    if len(runs) > MOST_SLICES:
        return jnp.take(vector, np.asarray(places, np.int32), mode="clip")
    pieces = [vector[start:stop] for start, stop in runs]
    return pieces[0] if len(pieces) == 1 else jnp.concatenate([vector[:0], *pieces])


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _elements(inputs: Iterable[Input], correlated: set[str]) -> Iterable[Element]:
    for item in inputs:
        for label, prior, dimension in zip(item.labels, item.priors, item.dimensions, strict=True):
            kind = _kind(item, prior)
            if label in correlated:
                if kind != "own":
                    raise ValueError(f"correlation names {label} ({kind}); only independent elements can be correlated")
                kind = "copula"
            yield Element(label, prior, item, dimension, kind)


def _kind(item: Input, prior: Prior) -> Kind:
    if prior.family == "fixed":
        return "fixed"
    if item.persistence is not None:
        return "constant" if item.persistence == 1 else "path"
    if item.shared > 0:
        return "shared"
    return "share" if prior.family == "dirichlet" else "own"


def _own(elements: Iterable[Element]) -> Iterable[_Row]:
    """Columns that one element reads."""
    for element in elements:
        if element.kind in ("own", "copula", "share", "shared"):
            scored = element.kind != "own" or family_of(element.prior).takes_score
            family = "" if element.kind == "copula" else element.prior.family
            yield _Row(element.label, element.dimension, scored, (element.kind, family))


def _common(inputs: Iterable[Input]) -> Iterable[_Row]:
    """Columns that several elements read: common factors, and the latents of paths."""
    for item in inputs:
        if item.persistence == 1:
            if any(dimension is not None for dimension in item.dimensions[1:]):
                raise ValueError(f"{item.name}: with a persistence of 1 only the first element has a dimension")
            yield _Row(factor_label(item), item.dimensions[0], True, ("factor", ""))
        elif item.persistence is not None:
            for number, dimension in enumerate(item.dimensions):
                yield _Row(latent_label(item, number), dimension, True, ("latent", ""))
        elif item.shared > 0:
            yield _Row(factor_label(item), item.shared_dimension, True, ("factor", ""))
