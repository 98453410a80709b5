"""One draw in the graph: bits -> uniform -> scores -> values, every family evaluated once over all its elements."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr, ndtri
from jax.typing import DTypeLike

from mc.dependence import correlate, shares, shares_concentration, stationary_path, weigh
from mc.distributions import FAMILIES, family_of, fitted
from mc.distributions.family import Floats
from mc.distributions.tabulated import interpolate
from mc.draws.layout import Element, Layout, pick
from mc.samplers import Column, Sampler, to_uniform
from mc.samplers.contract import LEAST, MOST
from mc.study import Input

Tables = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """Elements of one family, evaluated together: first those that read uniforms, then those that read scores."""

    family: str
    elements: tuple[Element, ...]
    uniforms: tuple[int, ...]
    scores: tuple[int, ...]

    def values(self, uniforms: Array, scores: Array, p: Array) -> Array:
        """Values of the elements; shares as the logs of gamma variables."""
        score = pick(scores, self.scores)
        if self.family == "dirichlet":
            return interpolate(score, p)
        family = FAMILIES[self.family]
        if family.takes_score:
            return family.quantile(score, p)
        # A sum of scores can be large enough that its probability rounds to 1.
        held = jnp.clip(ndtr(score), LEAST, MOST) if self.scores else score
        return family.quantile(jnp.concatenate([pick(uniforms, self.uniforms), held]), p)


@dataclass(frozen=True)
class Paths:
    """Latents of all AR(1) paths, padded to the longest, and where the persistence of each is found.

    Args:
        placed: scores with a Sobol' dimension, (path, latent) flattened.
        hashed: the other scores.
        count: number of paths.
        drawn: place of the persistence in [stated numbers, values].
    """

    placed: tuple[int, ...]
    hashed: tuple[int, ...]
    count: int
    drawn: tuple[int, ...]

    def scores(self, numbers: Tables, scores: Array, values: Array) -> Array:
        """Scores of the years of all paths, flattened."""
        latents = [pick(scores, places).reshape(self.count, -1) for places in (self.placed, self.hashed) if places]
        innovations = weigh(numbers["basis"], jnp.concatenate(latents, axis=1))
        persistence = pick(jnp.concatenate([numbers["persistence"], values]), self.drawn)
        return stationary_path(innovations, persistence).ravel()


@dataclass(frozen=True, eq=False)
class DrawPlan:
    """What the host worked out once: `tables` go to the executable as an argument, the rest is its structure.

    Args:
        inputs: as given.
        sampler: bits of every column by draw index.
        columns: one per independent latent, the order of `scores` in `from_scores`.
        tables: pytree of arrays.
        repair_distance: Frobenius distance of the repaired from the stated correlations, 0 without a repair.
    """

    inputs: tuple[Input, ...]
    sampler: Sampler
    columns: tuple[Column, ...]
    tables: Tables
    repair_distance: float
    _layout: Layout
    _copula: tuple[int, ...]
    _shared: tuple[int, ...]
    _factors: tuple[int, ...]
    _paths: Paths | None
    _groups: tuple[Group, ...]
    _path_groups: tuple[Group, ...]
    _outputs: tuple[tuple[Input, tuple[int, ...]], ...]
    _stated_means: Mapping[str, float] = field(default_factory=dict)

    @property
    def scramblings(self) -> int:
        """Number R of independent scramblings: draw i belongs to scrambling i % R and is its point i // R."""
        return self.sampler.scramblings

    def refuse_beyond(self, draws: int) -> None:
        """Raise ValueError where the sampler's design has fewer draws."""
        self.sampler.refuse_beyond(draws)

    def draw(self, tables: Tables, index: Array, dtype: DTypeLike = jnp.float32) -> dict[str, Array]:
        """Values of every input in draw `index` (uint32 scalar), by name."""
        uniform = to_uniform(self.sampler.bits(tables["sampler"], jnp.asarray(index, jnp.uint32)), dtype)
        return self._values(
            tables, pick(uniform, self._layout.uniform_columns), ndtri(pick(uniform, self._layout.scored_columns))
        )

    def from_scores(self, tables: Tables, scores: Array) -> dict[str, Array]:
        """Values from independent standard normal scores, one per column: the same map, differentiable."""
        uniform = jnp.clip(ndtr(pick(scores, self._layout.uniform_columns)), LEAST, MOST)
        return self._values(tables, uniform, pick(scores, self._layout.scored_columns))

    def mean_draw(self, dtype: DTypeLike = np.float32) -> dict[str, np.ndarray[Any, Any]]:
        """Every input at its mean, a choice at its most likely option: the argument of f(E[X])."""
        found = {}
        for item in self.inputs:
            means = _means(item)
            stated = [self._stated_means.get(label, mean) for label, mean in zip(item.labels, means, strict=True)]
            found[item.name] = np.array(stated).reshape(item.shape).astype(dtype)
        return found

    def _values(self, tables: Tables, uniforms: Array, scores: Array) -> dict[str, Array]:
        numbers = jax.tree.map(lambda table: jnp.asarray(table).astype(scores.dtype), tables["numbers"])
        scores = _computed_once(scores, numbers["one"])
        scores = jnp.concatenate([scores, *self._dependent(numbers, scores)])
        known = [group.values(uniforms, scores, p) for group, p in zip(self._groups, numbers["groups"], strict=True)]
        values = jnp.concatenate([*known, numbers["fixed"]])
        if self._paths is not None:
            path = self._paths.scores(numbers["paths"], scores, values)
            later = zip(self._path_groups, numbers["path groups"], strict=True)
            values = jnp.concatenate([values, *(group.values(uniforms, path, p) for group, p in later)])
        values = _computed_once(values, numbers["one"])
        return {item.name: _shaped(item, pick(values, places)) for item, places in self._outputs}

    def _dependent(self, numbers: Tables, scores: Array) -> list[Array]:
        parts = []
        if self._copula:
            parts.append(correlate(numbers["copula"], pick(scores, self._copula)))
        if self._factors:
            # One weight a column, so the product is exact and its order does not matter.
            common = jnp.matmul(pick(scores, self._factors), numbers["common"], precision=jax.lax.Precision.HIGHEST)
            count = len(self._shared)
            parts += [common[:count] + numbers["apart"] * pick(scores, self._shared), common[count:]]
        return parts


def _computed_once(vector: Array, one: Array) -> Array:
    """The same vector, behind a division by 1 that comes as data.

    XLA on a CPU repeats what it takes for cheap inside every reader, and a whole normal quantile with it. A division it
    does not repeat: measured over 1,237 elements, 13 us a draw against 49, and 5.5 s of compilation against 8.3.
    """
    return vector / one


def _shaped(item: Input, values: Array) -> Array:
    if item.priors[0].family == "dirichlet":
        values = shares(values)
    return values.reshape(item.shape)


def _means(item: Input) -> Floats:
    if item.priors[0].family == "dirichlet":
        concentrations = shares_concentration(item.name, item.priors)
        return np.asarray(concentrations / concentrations.sum())
    means = []
    for prior in item.priors:
        family = family_of(prior)
        means.append(float((family.centre or family.mean)(fitted(prior))))
    return np.array(means)
