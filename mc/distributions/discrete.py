"""A known number, and a choice between options whose value is the index of the option: 0, 1, 2, ..."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.distributions.family import Family, Floats
from mc.study import Prior

NEVER = 2.0  # a cumulative probability that no u exceeds: fills rows of choices with fewer options

FIXED = Family(
    parameters=lambda prior: np.array([prior.mid]),
    quantile=lambda u, p: jnp.broadcast_to(p[..., 0], u.shape),
    takes_score=False,
    percentiles=lambda row, u: np.full(u.shape, row[0]),
    log_density=lambda x, p: jnp.where(x == p[..., 0], jnp.zeros_like(x), -jnp.inf),
    mean=lambda p: p[..., 0],
    support=lambda p: (p[..., 0], p[..., 0]),
)


def _choice_parameters(prior: Prior) -> Floats:
    """Probability of options 0..k, for every k but the last."""
    return np.append(np.cumsum(prior.weights)[:-1], NEVER)


def _choice_quantile(u: Array, p: Array) -> Array:
    return (u[..., None] > p).astype(u.dtype).sum(-1)


def _choice_weights(p: Floats) -> Floats:
    return np.diff(np.minimum(p, 1.0), axis=-1, prepend=0.0)


def _choice_log_density(x: Array, p: Array) -> Array:
    upto = jnp.concatenate([jnp.zeros_like(p[..., :1]), jnp.minimum(p, 1)], axis=-1)
    option = jnp.clip(x.astype(jnp.int32), 0, p.shape[-1] - 1)[..., None]
    weight = (jnp.take_along_axis(upto, option + 1, -1) - jnp.take_along_axis(upto, option, -1))[..., 0]
    return jnp.where(x == option[..., 0].astype(x.dtype), jnp.log(weight), -jnp.inf)


CHOICE = Family(
    parameters=_choice_parameters,
    quantile=_choice_quantile,
    takes_score=False,
    percentiles=lambda row, u: (u[..., None] > row).sum(-1).astype(np.float64),
    log_density=_choice_log_density,
    mean=lambda p: np.maximum(1 - p, 0).sum(-1),
    support=lambda p: (np.zeros(p.shape[:-1]), (p < 1).sum(-1).astype(np.float64)),
    centre=lambda p: _choice_weights(p).argmax(-1).astype(np.float64),
)
