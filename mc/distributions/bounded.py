"""Families between a minimum and a maximum: uniform, triangular, pert, loguniform, beta, and one share of many."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.nn import sigmoid
from scipy import special

from mc.distributions.family import PERCENTS, Family, Floats, require_met, require_positive, require_width
from mc.distributions.fit import least_squares
from mc.distributions.tabulated import beta_both, beta_logit_table, interpolate
from mc.study import Prior

EXPONENTS = (np.log(0.05), np.log(1e6))  # range of the fitted beta exponents, where the table is accurate
PERT_WEIGHT = 4.0  # weight of the mode in the mean, (low + 4 mode + high) / 6
# Columns of a beta row: low, high, a, b, log B(a, b), then the table.
TABLE = 5


def _inside(x: Array, low: Array, high: Array, value: Array) -> Array:
    return jnp.where((x >= low) & (x <= high), value, -jnp.inf)


def _ends(p: Floats) -> tuple[Floats, Floats]:
    return p[..., 0], p[..., 1]


def _uniform_parameters(prior: Prior) -> Floats:
    require_width(prior)
    return np.array([prior.low, prior.high])


UNIFORM = Family(
    parameters=_uniform_parameters,
    quantile=lambda u, p: p[..., 0] + u * (p[..., 1] - p[..., 0]),
    takes_score=False,
    percentiles=lambda row, u: row[0] + u * (row[1] - row[0]),
    log_density=lambda x, p: _inside(x, p[..., 0], p[..., 1], -jnp.log(p[..., 1] - p[..., 0])),
    mean=lambda p: (p[..., 0] + p[..., 1]) / 2,
    support=_ends,
)


def _loguniform_parameters(prior: Prior) -> Floats:
    require_positive(prior)
    return np.log([prior.low, prior.high])


LOGUNIFORM = Family(
    parameters=_loguniform_parameters,
    quantile=lambda u, p: jnp.exp(p[..., 0] + u * (p[..., 1] - p[..., 0])),
    takes_score=False,
    percentiles=lambda row, u: np.exp(row[0] + u * (row[1] - row[0])),
    log_density=lambda x, p: _inside(
        x, jnp.exp(p[..., 0]), jnp.exp(p[..., 1]), -jnp.log(x) - jnp.log(p[..., 1] - p[..., 0])
    ),
    mean=lambda p: (np.exp(p[..., 1]) - np.exp(p[..., 0])) / (p[..., 1] - p[..., 0]),
    support=lambda p: (np.exp(p[..., 0]), np.exp(p[..., 1])),
)


def _triangular_parameters(prior: Prior) -> Floats:
    require_width(prior)
    return np.array([prior.low, prior.high, prior.mid])


def _triangular_quantile(u: Array, p: Array) -> Array:
    low, high, mode = p[..., 0], p[..., 1], p[..., 2]
    left = u * (high - low) < mode - low
    # One root of the side taken: a root of 0 on the other side would have an infinite gradient.
    root = jnp.sqrt((high - low) * jnp.where(left, u * (mode - low), (1 - u) * (high - mode)))
    return jnp.where(left, low + root, high - root)


def _triangular_log_density(x: Array, p: Array) -> Array:
    low, high, mode = p[..., 0], p[..., 1], p[..., 2]
    left = x < mode
    side = jnp.where(left, mode - low, high - mode)
    safe = jnp.where(side > 0, side, high - low)
    reach = jnp.where(left, x - low, high - x) / safe
    reach = jnp.where(side > 0, reach, 1.0)
    return _inside(x, low, high, jnp.log(2 * jnp.maximum(reach, np.finfo(x.dtype).tiny)) - jnp.log(high - low))


def _triangular_percentiles(row: Floats, u: Floats) -> Floats:
    low, high, mode = row
    left = low + np.sqrt(u * (high - low) * (mode - low))
    right = high - np.sqrt((1 - u) * (high - low) * (high - mode))
    return np.asarray(np.where(u * (high - low) < mode - low, left, right))


TRIANGULAR = Family(
    parameters=_triangular_parameters,
    quantile=_triangular_quantile,
    takes_score=False,
    percentiles=_triangular_percentiles,
    log_density=_triangular_log_density,
    mean=lambda p: p[..., :3].sum(-1) / 3,
    support=_ends,
)


def beta_row(low: float, high: float, a: float, b: float) -> Floats:
    """Parameters of a Beta(a, b) variable stretched to [low, high]."""
    return np.array([low, high, a, b, special.betaln(a, b), *beta_logit_table(a, b)])


def _beta_quantile(score: Array, p: Array) -> Array:
    return p[..., 0] + (p[..., 1] - p[..., 0]) * sigmoid(interpolate(score, p[..., TABLE:]))


def _beta_percentiles(row: Floats, u: Floats) -> Floats:
    x, _ = beta_both(row[2], row[3], special.ndtri(u))
    return np.asarray(row[0] + (row[1] - row[0]) * x)


def _beta_log_density(x: Array, p: Array) -> Array:
    low, high, a, b, log_norm = (p[..., k] for k in range(TABLE))
    tiny = np.finfo(x.dtype).tiny
    share = (x - low) / (high - low)
    left, right = jnp.log(jnp.maximum(share, tiny)), jnp.log(jnp.maximum(1 - share, tiny))
    return _inside(x, low, high, (a - 1) * left + (b - 1) * right - log_norm - jnp.log(high - low))


def _pert_parameters(prior: Prior) -> Floats:
    require_width(prior)
    mode = (prior.mid - prior.low) / (prior.high - prior.low)
    return beta_row(prior.low, prior.high, 1 + PERT_WEIGHT * mode, 1 + PERT_WEIGHT * (1 - mode))


def _beta_parameters(prior: Prior) -> Floats:
    require_width(prior)
    if not 0 < prior.low < prior.high < 1:
        raise ValueError(f"{prior.family}: points must lie in (0, 1), not {prior.low}, {prior.mid}, {prior.high}")
    stated = np.array([prior.low, prior.mid, prior.high])
    spread = (prior.high - prior.low) / 3.29  # 5-95 % width of a normal, in sd
    total = max(prior.mid * (1 - prior.mid) / spread**2 - 1, 0.5)
    start = np.log([total * prior.mid, total * (1 - prior.mid)])

    def misses(logs: Floats) -> Floats:
        implied = special.betaincinv(*np.exp(logs), PERCENTS)
        return np.asarray((implied - stated) / (prior.high - prior.low))

    low, high = (np.full(2, end) for end in EXPONENTS)
    row = beta_row(0.0, 1.0, *np.exp(least_squares(misses, start, low, high)))
    require_met(prior, _beta_percentiles(row, PERCENTS))
    return row


def _beta(parameters: Callable[[Prior], Floats]) -> Family:
    return Family(
        parameters=parameters,
        quantile=_beta_quantile,
        takes_score=True,
        percentiles=_beta_percentiles,
        log_density=_beta_log_density,
        mean=lambda p: p[..., 0] + (p[..., 1] - p[..., 0]) * p[..., 2] / (p[..., 2] + p[..., 3]),
        support=_ends,
    )


PERT = _beta(_pert_parameters)
BETA = _beta(_beta_parameters)
