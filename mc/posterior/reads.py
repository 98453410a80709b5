"""What a likelihood reads, found out by asking it: columns on which it has a slope, choices that change it."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from mc.compiled import compiled
from mc.draws import DrawPlan
from mc.errors import InputError
from mc.posterior.errors import FAMILY
from mc.posterior.likelihood import MOVED_BY, Likelihood
from mc.study import Input, Study

Floats = NDArray[np.float64]

PROBES = 12
"""Random draws at which dependence is looked for; a branch that none of them enters would be missed, which is why
`make_target` redraws what it leaves out."""


@dataclass(frozen=True, eq=False)
class Whole:
    """The likelihood over all columns of the study and its errors, to find out which it reads."""

    study: Study
    likelihood: Likelihood
    plan: DrawPlan
    data: Any

    def probes(self) -> Floats:
        """Scores of random draws [probe, column]."""
        return np.random.default_rng(20).standard_normal((PROBES, len(self.plan.columns)))

    def rows(self, scores: Array) -> Array:
        """Log density of each observation [row]."""
        values = self.plan.from_scores(self.plan.tables, scores)
        return self.of_values(values)

    def of_values(self, values: dict[str, Array]) -> Array:
        """The same, at given inputs."""
        modelled = self.study.function(self.data, {item.name: values[item.name] for item in self.study.inputs})
        return self.likelihood.pointwise(modelled, values)

    def columns_read(self) -> NDArray[np.bool_]:
        """Columns on which the rows have a slope at any probe; where a slope is not a number, the column counts too.

        Rows are added with random weights, so that slopes of several rows cannot cancel. What only one family of an
        error reads counts, whether or not a probe has drawn that family.
        """
        weights = jnp.asarray(np.random.default_rng(22).standard_normal(len(self.likelihood.rows)))
        slope = jax.grad(lambda scores: (weights * self.rows(scores)).sum())
        slopes = compiled(lambda probes: jax.lax.map(slope, probes))(jnp.asarray(self.probes()))
        named = self.likelihood.named
        of_families = {name for by in MOVED_BY for name, kin in zip(named[by], named[FAMILY], strict=True) if kin}
        sure = np.array([entry.label in of_families for entry in self.plan.columns])
        read: NDArray[np.bool_] = np.asarray(~(slopes == 0).all(axis=0)) | sure
        return read

    def choices_read(self) -> tuple[Input, ...]:
        """Structural choices whose option changes a row at any probe, families of errors apart."""
        choices = [item for item in self.study.inputs if item.priors[0].family == "choice"]
        for item in choices:
            if len(item.priors) > 1:
                raise InputError(f"{item.name}: a choice with elements of its own cannot be summed out")
        values = compiled(jax.vmap(functools.partial(self.plan.from_scores, self.plan.tables)))(
            jnp.asarray(self.probes())
        )
        rows = compiled(jax.vmap(self.of_values))
        found = []
        for item in choices:
            at = [
                rows(values | {item.name: jnp.full_like(values[item.name], float(option))})
                for option, weight in enumerate(item.priors[0].weights)
                if weight > 0
            ]
            if any(not np.array_equal(at[0], other, equal_nan=True) for other in at[1:]):
                found.append(item)
        return tuple(found)
