"""The log density of the posterior on standard normal latents: the same map from scores to inputs that serves draws.

Only the columns (latents) that the likelihood reads are sampled. All columns of a plan are independent, correlations
being made from them, so that every other column keeps its prior: that is the conditional prior of the other inputs.
Choices of structure that the likelihood reads are summed out (log-sum-exp over their options), because a sampler that
follows a gradient cannot jump; after sampling each draw picks its options by their posterior weight. Separate fits
weighted by evidence would need an evidence estimate for each and as many runs. Families of errors are summed out group
by group: groups share no parameter of them.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from numpy.typing import NDArray
from scipy.special import ndtri

from mc.blocks import precise
from mc.compiled import compiled
from mc.draws import DrawPlan, plan_draws
from mc.draws.layout import factor_label, latent_label
from mc.errors import InputError, RunFailed
from mc.posterior.errors import FAMILY
from mc.posterior.likelihood import Likelihood
from mc.posterior.reads import PROBES, Whole
from mc.study import Correlation, Input, Study

Floats = NDArray[np.float64]

MOST_COMBINATIONS = 24
"""Combinations of structural options that are summed out."""


@dataclass(frozen=True, eq=False)
class Target:
    """A posterior to sample.

    Attributes:
        study: what is modelled.
        likelihood: what was observed.
        plan: the map from scores to those inputs that the likelihood reads.
        labels: labels of the sampled latents [latent].
        places: their columns in the plan [latent].
        choices: structural choices that the likelihood reads.
        families: choices between families of errors, in the order of the groups that have one.
        weights: prior weight of each combination of options [combination].
        options: index of the option of each choice [combination, choice].
        means: values of the inputs that the likelihood does not read.
        data: of the study, in float64.
        held: values of inputs that stand in for those drawn; not a number: drawn all the same.
    """

    study: Study
    likelihood: Likelihood
    plan: DrawPlan
    labels: tuple[str, ...]
    places: NDArray[np.int32]
    choices: tuple[Input, ...]
    families: tuple[Input, ...]
    weights: Floats
    options: NDArray[np.int32]
    means: dict[str, Floats]
    data: Any
    held: Mapping[str, Array] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of sampled latents."""
        return len(self.labels)

    def inputs(self, u: Array, options: Array | NDArray[np.int32], rest: Array | None = None) -> dict[str, Array]:
        """All inputs of the study and parameters of the errors.

        Args:
            u: sampled latents.
            options: option of each choice, then of each family where those matter [choice and family].
            rest: scores of all columns, where those that are not sampled matter; 0 without.
        """
        every = jnp.zeros(len(self.plan.columns), u.dtype) if rest is None else rest
        held = {name: jnp.asarray(value, u.dtype) for name, value in self.means.items()}
        # Options replace values, not scores: under vmap over options all that they do not touch is computed once.
        picked = {
            item.name: jnp.asarray(options[k], u.dtype).reshape(item.shape)
            for k, item in enumerate((*self.choices, *self.families)[: len(options)])
        }
        found = held | self.plan.from_scores(self.plan.tables, every.at[self.places].set(u)) | picked
        return found | {name: jnp.where(jnp.isnan(value), found[name], value) for name, value in self.held.items()}

    def modelled(self, values: dict[str, Array]) -> dict[str, Array]:
        """Outputs of the study at given inputs."""
        return self.study.function(self.data, {item.name: values[item.name] for item in self.study.inputs})

    def family_logs(self, u: Array, observed: Array | None = None) -> Array:
        """Log of weight times likelihood of each family of errors [combination, family, group]."""

        def one(options: Array) -> Array:
            values = self.inputs(u, options)
            return self.likelihood.family_logs(self.modelled(values), values, observed)

        return jax.vmap(one)(jnp.asarray(self.options))

    def log_likelihoods(self, u: Array, observed: Array | None = None) -> Array:
        """Log likelihood under each combination of options, families of errors summed out [combination]."""
        return logsumexp(self.family_logs(u, observed), axis=1).sum(axis=-1)

    def options_of(self, uniform: Array, family_logs: Array | None = None) -> Array:
        """Options of one draw [choice and family]: by their weight given its latents, by that of the prior without.

        Args:
            uniform: random numbers [1 + family].
            family_logs: of the draw, where it has met observations.
        """
        prior = jnp.asarray(self.likelihood.log_weights, uniform.dtype)
        logs = jnp.stack([prior] * len(self.weights)) if family_logs is None else family_logs
        each = jnp.asarray(np.log(self.weights), uniform.dtype) + logsumexp(logs, axis=1).sum(axis=-1)
        at = _picked(each, uniform[0])
        undecided = np.flatnonzero([bool(name) for name in self.likelihood.named[FAMILY]])
        families = jax.vmap(_picked)(logs[at].T[undecided], uniform[1:])
        return jnp.concatenate([jnp.asarray(self.options)[at], families])

    def log_prior(self, u: Array) -> Array:
        """Log density of the latents."""
        total: Array = -0.5 * (u**2).sum() - 0.5 * self.size * np.log(2 * np.pi)
        return total

    def log_density(self, u: Array, observed: Array | None = None) -> Array:
        """Log of prior times likelihood, options summed out."""
        each = self.log_likelihoods(u, observed) + jnp.asarray(np.log(self.weights), u.dtype)
        total: Array = self.log_prior(u) + logsumexp(each)
        return total


def _picked(logs: Array, uniform: Array) -> Array:
    """Place of an option, by the logs of weights [option]."""
    at = (uniform > jnp.cumsum(jax.nn.softmax(logs))).sum(dtype=jnp.int32)
    return jnp.minimum(at, len(logs) - 1)


def make_target(study: Study, likelihood: Likelihood) -> Target:
    """Find what the likelihood reads and make the density of it.

    Raises:
        InputError: the likelihood reads no uncertain input, or too many structural choices.
        RunFailed: it reads more than was found (a branch that the probes did not enter).
    """
    joint = (*study.inputs, *likelihood.parameters)
    with precise():
        data = jax.tree.map(_as_float64, study.data)
        whole = Whole(study, likelihood, plan_draws(joint, study.correlations), data)
        read = whole.columns_read()
        choices = whole.choices_read()
        labels = [whole.plan.columns[k].label for k in np.flatnonzero(read)]
        if not labels and not choices:
            raise InputError("posterior: the observations depend on no uncertain input; there is nothing to learn")
        target = _reduced(study, likelihood, whole, set(labels), choices)
        _confirm(target, whole)
    return target


def _as_float64(leaf: Any) -> Any:
    array = np.asarray(leaf)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def columns_of(inputs: Sequence[Input]) -> dict[str, str]:
    """The input that each column belongs to, by label."""
    owner = {label: item.name for item in inputs for label in item.labels}
    for item in inputs:
        owner[factor_label(item)] = item.name
        owner |= {latent_label(item, number): item.name for number in range(len(item.labels))}
    return owner


def _together(names: set[str], inputs: Sequence[Input], correlations: Sequence[Correlation]) -> set[str]:
    """The inputs with all that hangs together with them: a part of a copula is another copula."""
    owner = columns_of(inputs)
    pairs = [(owner[pair.first], owner[pair.second]) for pair in correlations]
    pairs += [(item.name, item.persistence) for item in inputs if isinstance(item.persistence, str)]
    while True:
        more = {name for pair in pairs if set(pair) & names for name in pair}
        if more <= names:
            return names
        names = names | more


def _reduced(study: Study, likelihood: Likelihood, whole: Whole, read: set[str], choices: tuple[Input, ...]) -> Target:
    owner = columns_of(whole.plan.inputs)
    families = {name for name in likelihood.named[FAMILY] if name}
    names = {owner[label] for label in read} | {item.name for item in choices} | families
    names = _together(names, whole.plan.inputs, study.correlations)
    inputs = [item for item in whole.plan.inputs if item.name in names]
    inside = {label for item in inputs for label in item.labels}
    plan = plan_draws(inputs, [pair for pair in study.correlations if pair.first in inside])
    column = {entry.label: k for k, entry in enumerate(plan.columns)}
    discrete = {item.labels[0] for item in choices}
    labels = [entry.label for entry in plan.columns if entry.label in read and entry.label not in discrete]
    weights, options = _combinations(choices)
    means = whole.plan.mean_draw(np.float64)
    return Target(
        study=study,
        likelihood=likelihood,
        plan=plan,
        labels=tuple(labels),
        places=np.array([column[label] for label in labels], np.int32),
        choices=choices,
        families=tuple(item for item in likelihood.parameters if item.name in families),
        weights=weights,
        options=options,
        means={name: value for name, value in means.items() if name not in names},
        data=whole.data,
    )


def _combinations(choices: Sequence[Input]) -> tuple[Floats, NDArray[np.int32]]:
    """(prior weight, options) of every combination of options that has a weight."""
    each = [[k for k, weight in enumerate(item.priors[0].weights) if weight > 0] for item in choices]
    found = list(itertools.product(*each))
    if len(found) > MOST_COMBINATIONS:
        raise InputError(
            f"posterior: {len(found)} combinations of structural options ({', '.join(i.name for i in choices)}); at "
            f"most {MOST_COMBINATIONS} can be summed out: fix some of them with [posterior.replace]"
        )
    options = np.array(found, np.int32).reshape(len(found), len(choices))
    rows = [[item.priors[0].weights[k] for item, k in zip(choices, row, strict=True)] for row in options]
    weights = np.array([np.prod(row) for row in rows])
    return weights / weights.sum(), options


def middle_score(weights: Sequence[float], option: int) -> float:
    """Normal score in the middle of the part of (0, 1) that stands for an option."""
    return float(ndtri(float(np.sum(weights[:option])) + 0.5 * weights[option]))


def _confirm(target: Target, whole: Whole) -> None:
    """Redraw all that is not sampled: the likelihood must not move.

    RunFailed where it does.
    """
    probes = np.random.default_rng(21).standard_normal((PROBES, len(whole.plan.columns)))
    column = {entry.label: k for k, entry in enumerate(whole.plan.columns)}
    u = probes[:, [column[label] for label in target.labels]]
    options = target.options_of(jnp.full(1 + len(target.families), 0.5))
    for k, item in enumerate((*target.choices, *target.families)):
        probes[:, column[item.labels[0]]] = middle_score(item.priors[0].weights, int(options[k]))

    def rows(u: Array) -> Array:
        values = target.inputs(u, options)
        return target.likelihood.pointwise(target.modelled(values), values)

    expected = np.asarray(compiled(jax.vmap(whole.rows))(jnp.asarray(probes)))
    found = np.asarray(compiled(jax.vmap(rows))(jnp.asarray(u)))
    if not np.allclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True):
        raise RunFailed(
            "posterior: the observations depend on inputs that were not found by their slope; a model with a branch "
            "that few draws enter needs more probes"
        )
