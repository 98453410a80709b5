"""From latents to what people read: inputs, modelled series, log likelihoods and replicated observations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from numpy.typing import NDArray

from mc.blocks import precise
from mc.compiled import compiled
from mc.posterior.density import Target
from mc.posterior.drift import NORMAL
from mc.posterior.likelihood import Likelihood
from mc.posterior.together import numbers_together, scores_of_errors

Floats = NDArray[np.float64]

BATCH = 256
"""Draws that are evaluated together: memory stays small however many there are."""


@dataclass(frozen=True)
class Drawn:
    """Draws of a prior or a posterior, leading axis draw.

    Attributes:
        u: sampled latents [draw, latent].
        options: option of each structural choice, then of each family of errors [draw, choice and family].
        inputs: values of the inputs that the likelihood reads, and of the parameters of errors.
        modelled: outputs of the study.
        pointwise: log density of each observation given the fitted ones before it, of a prior given none [draw, row].
        replicated: a number for each observation from its forecast, of a prior from one that saw no other; numbers held
            out after the last fitted one of their group are drawn together, as all of a prior [draw, row].
        log_likelihood: of the fitted observations, structural options summed out [draw].
    """

    u: Floats
    options: NDArray[np.int32]
    inputs: dict[str, Floats]
    modelled: dict[str, Floats]
    pointwise: Floats
    replicated: Floats
    log_likelihood: Floats


def prior_latents(target: Target, draws: int, seed: int) -> Floats:
    """Latents from the prior [draw, latent]."""
    return np.random.default_rng((seed, 7)).standard_normal((draws, target.size))


def draw_prior(target: Target, draws: int, seed: int) -> Drawn:
    """What was believed before: latents and structural options from their priors."""
    return _drawn(target, prior_latents(target, draws, seed), seed, blind=True)


def draw_posterior(target: Target, u: Floats, seed: int) -> Drawn:
    """What is believed after: each draw takes structural options by their posterior weight given its latents."""
    return _drawn(target, u, seed, blind=False)


def _drawn(target: Target, u: Floats, seed: int, *, blind: bool) -> Drawn:
    random = np.random.default_rng((seed, 10))
    uniform, rest = numbers_of(target, (len(u),), random)
    score = scores_of_errors(target.likelihood, len(u), random, blind=blind)

    def one(now: Array, uniform: Array, rest: Array, score: Array) -> tuple[Any, ...]:
        options, values, modelled, pointwise, _, total = said(target, now, uniform, rest, blind=blind)
        numbers = numbers_together(target.likelihood, modelled, values, score, blind=blind)
        inputs = {item.name: values[item.name] for item in target.plan.inputs}
        return options, inputs, modelled, pointwise, numbers, total

    with precise():
        return Drawn(u, *_in_batches(one, u, uniform, rest, score))


def numbers_of(target: Target, shape: tuple[int, ...], random: np.random.Generator) -> tuple[Floats, Floats]:
    """Uniform numbers for the options of draws, scores for columns that are not sampled; leading axes `shape`."""
    return random.random((*shape, 1 + len(target.families))), random.standard_normal((*shape, len(target.plan.columns)))


def said(target: Target, u: Array, uniform: Array, rest: Array, *, blind: bool) -> Any:
    """(options, inputs and parameters, outputs, log density of rows, their forecasts, log likelihood) of one draw.

    Args:
        target: the posterior.
        u: latents.
        uniform: numbers that pick the options.
        rest: scores of columns that are not sampled.
        blind: options and forecasts of a prior, which saw no number.
    """
    logs = target.family_logs(u)
    options = target.options_of(uniform, None if blind else logs)
    values = target.inputs(u, options, rest)
    modelled = target.modelled(values)
    location, forecast = target.likelihood.forecast(modelled, values, blind=blind)
    pointwise = target.likelihood.pointwise(modelled, values, blind=blind)
    total = logsumexp(jnp.asarray(np.log(target.weights)) + logsumexp(logs, axis=1).sum(axis=-1))
    return options, values, modelled, pointwise, (location + forecast.mean, forecast.scale, forecast.degrees), total


def replicate(likelihood: Likelihood, forecast: tuple[Floats, ...], random: np.random.Generator) -> Floats:
    """Numbers from forecasts (centre, scale, degrees of freedom, each [draw, row]), in the unit of the rows."""
    centre, scale, degrees = forecast
    score = np.where(
        degrees < NORMAL, random.standard_t(np.minimum(degrees, 1e6)), random.standard_normal(centre.shape)
    )
    relative = np.array([row.relative for row in likelihood.rows])
    raw = centre + scale * score
    return np.where(relative, np.exp(np.where(relative, raw, 0.0)), raw)


def _in_batches(function: Callable[..., Any], *arguments: NDArray[Any]) -> Any:
    """`function` of one draw over all draws; the last batch is filled up with copies of the first draw."""
    mapped = compiled(jax.vmap(function))
    count = len(arguments[0])
    parts = []
    for start in range(0, count, BATCH):
        rows = np.arange(start, start + BATCH)
        rows[rows >= count] = 0
        parts.append(jax.tree.map(np.asarray, mapped(*(jnp.asarray(argument[rows]) for argument in arguments))))
    return jax.tree.map(lambda *pieces: np.concatenate(pieces)[:count], *parts)
