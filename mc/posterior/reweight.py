"""Kept draws of a finished run, weighted by what was observed after it: the model is not run again.

Draws stand for the prior; the likelihood of new rows makes weights of them (`importance`). Parameters of the errors
(bias, drift, scatter) are no inputs of the run: each draw gets several from their priors, a group's likelihood is their
mean, and one of them is picked by its weight, so that a draw with its parameters is a draw of the joint posterior.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from mc.blocks import precise
from mc.compiled import compiled
from mc.draws import plan_draws
from mc.posterior.errors import Errors
from mc.posterior.importance import Weights, weigh
from mc.posterior.kept import Bound
from mc.posterior.likelihood import Likelihood, make_likelihood
from mc.posterior.predict import replicate
from mc.study import Study

Floats = NDArray[np.float64]

TRIALS = 64
"""Parameters of the errors that are tried for each draw."""

BATCH = 512
"""Draws that are evaluated together."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What observations say of draws under one choice of error parameters for each.

    Attributes:
        parameters: by name [draw].
        pointwise: log density of each row given the fitted ones before it in its group [draw, row].
        replicated: a number drawn from the forecast of each row [draw, row].
    """

    parameters: dict[str, Floats]
    pointwise: Floats
    replicated: Floats


@dataclass(frozen=True, eq=False)
class Reweighted:
    """Weights of kept draws, with all that they were made of.

    Attributes:
        study: the series that were observed.
        likelihood: the rows, bound to it.
        counted: draws that did not fail [draw].
        log_likelihood: of all fitted rows [draw].
        by_group: of the fitted rows of each group [group, draw].
        weights: under all rows.
        sets: under each group alone.
        before: with parameters of errors from their priors.
        after: with parameters picked by their weight.
    """

    study: Study
    likelihood: Likelihood
    counted: NDArray[np.bool_]
    log_likelihood: Floats
    by_group: Floats
    weights: Weights
    sets: dict[str, Weights]
    before: Seen
    after: Seen

    def resampled(self, seed: int) -> NDArray[np.int64]:
        """Positions of as many draws as the weights are worth, taken at even steps of their sum, in random order."""
        random = np.random.default_rng((seed, 3))
        share = self.weights.share
        count = max(round(self.weights.ess), 1)
        at = np.searchsorted(share.cumsum(), (np.arange(count) + random.random()) / count * share.sum())
        return random.permutation(np.minimum(at, len(share) - 1))


def reweight(bound: Bound, errors: Errors, counted: NDArray[np.bool_], seed: int = 1) -> Reweighted:
    """Weights of draws under rows.

    Args:
        bound: rows and what the draws say about them.
        errors: priors of the parameters of errors by group; groups without any stray by the sd of their rows alone.
        counted: draws that did not fail [draw].
        seed: of the parameters of errors and of replicated numbers.
    """
    likelihood = make_likelihood(bound.study, bound.rows, errors)
    parameters = _prior_parameters(likelihood, len(counted), seed)
    random = np.random.default_rng((seed, 2))
    with precise():
        every = _pointwise(likelihood, bound.modelled, parameters)
        by_group = _by_group(likelihood, every)
        logs = _log_mean(by_group)
        first = {name: values[:, 0] for name, values in parameters.items()}
        picked = _picked(likelihood, parameters, by_group, random)
        before = _seen(likelihood, bound.modelled, first, random)
        after = _seen(likelihood, bound.modelled, picked, random)
    whole = np.where(counted, logs.sum(axis=0), -np.inf)
    fitted = [g for g in range(len(likelihood.groups)) if _rows_of(likelihood, g).any()]
    sets = {likelihood.groups[g]: weigh(logs[g], counted) for g in fitted}
    return Reweighted(bound.study, likelihood, counted, whole, logs[fitted], weigh(whole, counted), sets, before, after)


def _prior_parameters(likelihood: Likelihood, draws: int, seed: int) -> dict[str, Floats]:
    """Values of the parameters of errors [draw, trial], independent of all inputs."""
    if not likelihood.parameters:
        return {}
    plan = plan_draws(likelihood.parameters)
    scores = np.random.default_rng((seed, 1)).standard_normal((draws * TRIALS, len(plan.columns)))
    with precise():
        found = jax.vmap(lambda row: plan.from_scores(plan.tables, row))(jnp.asarray(scores))
        return {name: np.asarray(values).reshape(draws, TRIALS) for name, values in found.items()}


def _pointwise(likelihood: Likelihood, modelled: dict[str, Floats], parameters: dict[str, Floats]) -> Floats:
    """Log density of each row under each trial [draw, trial, row]; minus infinity where a draw has no logarithm."""

    def one(now: tuple[dict[str, Array], dict[str, Array]]) -> Array:
        outputs, trials = now
        if not trials:
            return likelihood.pointwise(outputs, {})[None]
        return jax.vmap(lambda values: likelihood.pointwise(outputs, values))(trials)

    found = np.array(_over_draws(one, modelled, parameters))
    found[np.isnan(found)] = -np.inf
    return found


def _over_draws(function: Any, *arguments: Any) -> Any:
    mapped = compiled(lambda every: jax.lax.map(function, every, batch_size=BATCH))
    return mapped(jax.tree.map(jnp.asarray, arguments))


def _rows_of(likelihood: Likelihood, group: int) -> NDArray[np.bool_]:
    """Fitted rows of a group [row]."""
    mine: NDArray[np.bool_] = (likelihood.group == group) & likelihood.fitted
    return mine


def _by_group(likelihood: Likelihood, pointwise: Floats) -> Floats:
    """Log likelihood of the fitted rows of each group under each trial [group, draw, trial]."""
    return np.stack([pointwise[..., _rows_of(likelihood, g)].sum(axis=-1) for g in range(len(likelihood.groups))])


def _log_mean(logs: Floats) -> Floats:
    """Log of the mean over trials; groups share no parameter, so that theirs multiply."""
    top = logs.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        found: Floats = np.log(np.exp(logs - top).mean(axis=-1)) + top[..., 0]
    return found


def _picked(
    likelihood: Likelihood, parameters: dict[str, Floats], by_group: Floats, random: np.random.Generator
) -> dict[str, Floats]:
    """One trial of each draw and group by its likelihood; the first where none is possible [draw]."""
    found: dict[str, Floats] = {}
    for g, logs in enumerate(by_group):
        top = logs.max(axis=1, keepdims=True)
        shares = np.cumsum(np.exp(logs - np.where(np.isfinite(top), top, 0.0)), axis=1)
        pick = (random.random(len(logs))[:, None] * shares[:, -1:] > shares).sum(axis=1)
        for names in likelihood.named.values():
            if names[g]:
                found[names[g]] = parameters[names[g]][np.arange(len(logs)), pick]
    return found


def _seen(
    likelihood: Likelihood, modelled: dict[str, Floats], parameters: dict[str, Floats], random: np.random.Generator
) -> Seen:
    def one(now: tuple[dict[str, Array], dict[str, Array]]) -> Any:
        location, forecast = likelihood.forecast(*now)
        return likelihood.pointwise(*now), (location + forecast.mean, forecast.scale, forecast.degrees)

    pointwise, forecast = jax.tree.map(np.asarray, _over_draws(one, modelled, parameters))
    with np.errstate(invalid="ignore", over="ignore"):
        return Seen(parameters, pointwise, replicate(likelihood, forecast, random))
