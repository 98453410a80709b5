"""How inputs hang together: correlated scores, a factor in common, paths in time, shares that sum to one.

All but the shares act on normal scores, so that every element keeps the distribution of its own prior.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.distributions import fitted
from mc.distributions.family import Floats
from mc.distributions.tabulated import gamma_log_table
from mc.study import Correlation, Prior

SMALLEST_EIGENVALUE = 1e-8  # of a usable correlation matrix
SHARE_GAP = 0.1  # largest gap to 1 of the sum of the elicited mean shares


def correlation_matrix(labels: Sequence[str], correlations: Sequence[Correlation]) -> Floats:
    """Correlation matrix of the normal scores of the named elements; pairs that are not named are uncorrelated."""
    place = {label: k for k, label in enumerate(labels)}
    matrix = np.eye(len(labels))
    for pair in correlations:
        i, j = place[pair.first], place[pair.second]
        if matrix[i, j] != 0:
            raise ValueError(f"correlation of {pair.first} and {pair.second} is stated twice")
        matrix[i, j] = matrix[j, i] = pair.value
    return matrix


def correlation_factor(labels: Sequence[str], matrix: Floats, repair: bool) -> tuple[Floats, float]:
    """Lower Cholesky factor and the distance of the repair (Frobenius norm, 0 without one).

    ValueError, naming the pair that does most to make it impossible, where the matrix is not positive definite and no
    repair was asked for.
    """
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= SMALLEST_EIGENVALUE:
        return np.asarray(np.linalg.cholesky(matrix), np.float64), 0.0
    if not repair:
        pull = np.outer(vectors[:, 0], vectors[:, 0]) * matrix
        i, j = divmod(int(np.argmin(pull)), len(labels))
        raise ValueError(
            f"the correlations cannot hold together (smallest eigenvalue {values[0]:.3g}); look first at {labels[i]} "
            f"and {labels[j]} ({matrix[i, j]:g}), or ask for the nearest possible matrix"
        )
    nearest = nearest_correlation(matrix)
    return np.asarray(np.linalg.cholesky(nearest), np.float64), float(np.linalg.norm(nearest - matrix))


def nearest_correlation(matrix: Floats, steps: int = 500) -> Floats:
    """Nearest correlation matrix in the Frobenius norm: alternating projections with Dykstra's correction.

    Higham (2002), IMA J. Numer. Anal. 22, algorithm 3.3. Mixed with a trace of the identity to be positive definite.
    """
    current, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(steps):
        shifted = current - correction
        values, vectors = np.linalg.eigh(shifted)
        positive = (vectors * np.maximum(values, 0)) @ vectors.T
        correction = positive - shifted
        previous, current = current, positive.copy()
        np.fill_diagonal(current, 1.0)
        if np.linalg.norm(current - previous) < 1e-12 * len(matrix):
            break
    short = max(2 * SMALLEST_EIGENVALUE - float(np.linalg.eigvalsh(current)[0]), 0.0)
    return np.asarray((current + short * np.eye(len(matrix))) / (1 + short))


def correlate(factor: Array, scores: Array) -> Array:
    """Scores with the correlation L L' from independent ones."""
    return weigh(factor.T, scores)


def weigh(weights: Array, scores: Array) -> Array:
    """Weighted sums over the scores, weights (..., score, result) and scores (..., score), in the order of the scores.

    A matrix product, or a reduction that the compiler turns into one, adds in an order that depends on the number of
    draws in the batch; draws must not.
    """
    total = scores[..., 0, None] * weights[..., 0, :]
    for k in range(1, scores.shape[-1]):
        total = total + scores[..., k, None] * weights[..., k, :]
    return total


def path_basis(persistence: float, years: int) -> Floats:
    """Orthogonal matrix V, shape (latent, year): innovations xi @ V of an AR(1) path, the leading latents first.

    V holds the right singular vectors of the Cholesky factor L of the AR(1) correlation, so the first latents carry
    most of the variance of L V' xi. Without persistence no latent leads.
    """
    if persistence <= 0:
        return np.eye(years)
    # At 1 all but one singular value vanish and the order of the others is noise.
    lag = np.arange(years)
    correlation = np.minimum(persistence, 0.999) ** np.abs(lag[:, None] - lag)
    left, _, right = np.linalg.svd(np.linalg.cholesky(correlation))
    # An eigenvector of an AR(1) correlation is never 0 at its end: a sign that no rounding can flip.
    return np.asarray(right * np.sign(left[0])[:, None])


def stationary_path(innovations: Array, persistence: Array) -> Array:
    """Stationary AR(1) scores z_t = rho z_(t-1) + sqrt(1 - rho^2) e_t, z_0 = e_0; paths (P, T), rho (P,) in [0, 1].

    By doubling: the sum over 2^k lags follows from two sums over 2^(k-1), so 41 years take 6 steps. A loop, because XLA
    fuses an unrolled one with what comes before and repeats that for every step.
    """
    years = innovations.shape[-1]
    gap = (1 - persistence) * (1 + persistence)
    spread = jnp.where(gap > 0, jnp.sqrt(jnp.where(gap > 0, gap, 1)), 0)
    path = jnp.concatenate([innovations[:, :1], innovations[:, 1:] * spread[:, None]], axis=1)
    steps = (years - 1).bit_length()
    reach = 2**steps

    def double(step: Array | int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        path, weight = state
        before = jnp.pad(path, ((0, 0), (reach, 0)))
        earlier = jax.lax.dynamic_slice_in_dim(before, reach - (1 << step), years, axis=1)
        return path + weight[:, None] * earlier, weight * weight

    scores: Array = jax.lax.fori_loop(0, steps, double, (path, persistence))[0]
    return scores


def shares_concentration(name: str, priors: Sequence[Prior]) -> Floats:
    """Concentrations of the Dirichlet shares of one input from the 5, 50 and 95 % points of every share.

    Each share alone is a beta variable; the fitted means are scaled to sum to one, and the total concentration is the
    geometric mean of the fitted ones, since a Dirichlet has only one.
    """
    rows = np.array([fitted(prior) for prior in priors])
    a, b = rows[:, 2], rows[:, 3]
    means, totals = a / (a + b), a + b
    if abs(means.sum() - 1) > SHARE_GAP:
        raise ValueError(f"{name}: the shares must sum to one, their elicited means sum to {means.sum():.3g}")
    return np.asarray(means / means.sum() * math.exp(np.log(totals).mean()))


def shares_rows(concentrations: Floats) -> Floats:
    """Parameters of the elements: a table of the log of a gamma variable each."""
    return np.array([gamma_log_table(float(value)) for value in concentrations])


def shares(log_gammas: Array) -> Array:
    """Dirichlet shares, which sum to one, from the logs of independent gamma variables."""
    weights = jnp.exp(log_gammas - log_gammas.max())
    total = weights[0]
    for k in range(1, weights.shape[0]):  # in this order whatever the batch, as in `weigh`
        total = total + weights[k]
    return weights / total
