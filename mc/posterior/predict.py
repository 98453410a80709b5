"""From latents to what people read: inputs, modelled series, log likelihoods and replicated observations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from mc.blocks import precise
from mc.compiled import compiled
from mc.posterior.density import Target
from mc.posterior.drift import NORMAL
from mc.posterior.likelihood import Likelihood

Floats = NDArray[np.float64]

BATCH = 256
"""Draws that are evaluated together: memory stays small however many there are."""


@dataclass(frozen=True)
class Drawn:
    """Draws of a prior or a posterior, leading axis draw.

    Attributes:
        u: sampled latents [draw, latent].
        options: option of each structural choice [draw, choice].
        inputs: values of the inputs that the likelihood reads, and of the parameters of errors.
        modelled: outputs of the study.
        pointwise: log density of each observation given the fitted ones before it [draw, row].
        replicated: a number drawn from the forecast of each observation; of a prior, one that saw no other [draw, row].
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
    random = np.random.default_rng((seed, 8))
    picked = random.choice(len(target.weights), size=draws, p=target.weights)
    return _drawn(target, prior_latents(target, draws, seed), lambda _: target.options[picked], seed, blind=True)


def draw_posterior(target: Target, u: Floats, seed: int) -> Drawn:
    """What is believed after: each draw takes structural options by their posterior weight given its latents."""

    def pick(each: Floats) -> NDArray[np.int32]:
        uniform = np.random.default_rng((seed, 9)).random(len(each))
        weights = np.cumsum(_shares(each + np.log(target.weights)), axis=1)
        at = (uniform[:, None] > weights).sum(axis=1)
        options: NDArray[np.int32] = target.options[np.minimum(at, len(target.weights) - 1)]
        return options

    return _drawn(target, u, pick, seed)


def _shares(logs: Floats) -> Floats:
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _drawn(
    target: Target, u: Floats, pick: Callable[[Floats], NDArray[np.int32]], seed: int, *, blind: bool = False
) -> Drawn:
    random = np.random.default_rng((seed, 10))
    rest = random.standard_normal((len(u), len(target.plan.columns)))
    with precise():
        each = _in_batches(target.log_likelihoods, u)
        options = pick(each)
        found = _in_batches(lambda *now: _one(target, *now, blind=blind), u, options, rest)
    inputs, modelled, pointwise, forecast = found
    total = np.log((np.exp(each - each.max(axis=1, keepdims=True)) * target.weights).sum(axis=1)) + each.max(axis=1)
    return Drawn(u, options, inputs, modelled, pointwise, replicate(target.likelihood, forecast, random), total)


def _one(target: Target, u: Array, options: Array, rest: Array, *, blind: bool) -> Any:
    values = target.inputs(u, options, rest)
    modelled = target.modelled(values)
    location, forecast = target.likelihood.forecast(modelled, values, blind=blind)
    inputs = {item.name: values[item.name] for item in target.plan.inputs}
    pointwise = target.likelihood.pointwise(modelled, values)
    return inputs, modelled, pointwise, (location + forecast.mean, forecast.scale, forecast.degrees)


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
