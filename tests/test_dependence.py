"""Paths, copula and shares against their formulas; linear maps are tested exactly, by feeding them unit vectors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mc import dependence
from mc.study import Correlation, Prior

YEARS = 41


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@jax.jit
def _path(basis, persistence, latents):
    def one(some):
        return dependence.stationary_path(dependence.weigh(basis[None], some[None]), persistence)[0]

    return jax.vmap(one)(latents)


def _path_map(central, persistence):
    """The matrix from latents to the scores of a path."""
    basis = jnp.asarray(dependence.path_basis(central, YEARS))
    return np.asarray(_path(basis, jnp.asarray([persistence], jnp.float64), jnp.eye(YEARS, dtype=jnp.float64))).T


@pytest.mark.parametrize("central", [0.0, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("persistence", [0.0, 0.3, 0.9, 1.0])
def test_covariance_of_a_path(central, persistence):
    path = _path_map(central, persistence)
    lags = np.abs(np.arange(YEARS)[:, None] - np.arange(YEARS))
    np.testing.assert_allclose(path @ path.T, persistence**lags, atol=1e-12)


def test_the_leading_latents_carry_most_of_a_path():
    path = _path_map(0.95, 0.95)
    shares = np.sum(path**2, axis=0) / YEARS
    assert np.all(np.diff(shares) < 1e-12)
    assert shares[:4].sum() > 0.85
    assert np.all(path[0] > 0)


def test_short_paths():
    for years in (1, 2, 3):
        innovations = jnp.ones((1, years), jnp.float64)
        path = dependence.stationary_path(innovations, jnp.asarray([0.6], jnp.float64))
        expected = [1.0]
        for _ in range(years - 1):
            expected.append(0.6 * expected[-1] + 0.8)
        np.testing.assert_allclose(path[0], expected)


def test_gradient_by_persistence_is_finite():
    innovations = jnp.asarray(np.random.default_rng(1).normal(size=(3, YEARS)))
    slope = jax.jit(jax.grad(lambda rho: dependence.stationary_path(innovations, rho).sum()))
    assert np.all(np.isfinite(slope(jnp.asarray([0.0, 0.5, 1.0]))))


def test_weighted_sums():
    rng = np.random.default_rng(1)
    weights, scores = rng.normal(size=(3, 5, 4)), rng.normal(size=(3, 5))
    result = dependence.weigh(jnp.asarray(weights), jnp.asarray(scores))
    np.testing.assert_allclose(result, np.einsum("pkt,pk->pt", weights, scores))


LABELS = ("a", "b", "c", "d")
POSSIBLE = (Correlation("a", "b", 0.8), Correlation("c", "b", -0.3))
IMPOSSIBLE = (Correlation("a", "b", 0.9), Correlation("b", "c", 0.9), Correlation("a", "c", -0.9))


def test_copula_has_the_stated_correlations():
    matrix = dependence.correlation_matrix(LABELS, POSSIBLE)
    factor, distance = dependence.correlation_factor(LABELS, matrix, repair=False)
    lower = np.asarray(jax.vmap(dependence.correlate, (None, 0))(jnp.asarray(factor), jnp.eye(4, dtype=jnp.float64))).T
    np.testing.assert_allclose(lower @ lower.T, matrix, atol=1e-14)
    assert (matrix[0, 1], matrix[1, 2], matrix[0, 2]) == (0.8, -0.3, 0.0)
    assert distance == 0


def test_impossible_correlations_name_a_pair():
    matrix = dependence.correlation_matrix(LABELS, IMPOSSIBLE)
    with pytest.raises(ValueError, match=r"look first at (a and b \(0.9\)|b and c \(0.9\)|a and c \(-0.9\))"):
        dependence.correlation_factor(LABELS, matrix, repair=False)
    with pytest.raises(ValueError, match="twice"):
        dependence.correlation_matrix(LABELS, (Correlation("a", "b", 0.1), Correlation("b", "a", 0.1)))


def test_the_worst_pair_is_the_one_out_of_line():
    names = ("p", "q", "r", "s")
    pairs = [Correlation(names[i], names[j], 0.9) for i in range(4) for j in range(i) if (i, j) != (3, 0)]
    matrix = dependence.correlation_matrix(names, [*pairs, Correlation("p", "s", -0.9)])
    with pytest.raises(ValueError, match=r"look first at p and s \(-0.9\)"):
        dependence.correlation_factor(names, matrix, repair=False)


def test_nearest_correlation_is_that_of_higham():
    """Higham (2002), section 4: distance 0.5278, entries 0.7607 and 0.1573."""
    matrix = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    factor, distance = dependence.correlation_factor(("a", "b", "c"), matrix, repair=True)
    nearest = factor @ factor.T
    np.testing.assert_allclose(np.diag(nearest), 1)
    assert (nearest[0, 1], nearest[0, 2]) == pytest.approx((0.7607, 0.1573), abs=1e-4)
    assert distance == pytest.approx(0.5278, abs=1e-4)


def _shares(concentrations):
    total = sum(concentrations)
    laws = [stats.beta(a, total - a) for a in concentrations]
    return tuple(Prior("dirichlet", *map(float, law.ppf([0.05, 0.5, 0.95]))) for law in laws)


def test_concentrations_are_found_again():
    found = dependence.shares_concentration("x", _shares((2.0, 5.0, 9.0)))
    np.testing.assert_allclose(found, (2.0, 5.0, 9.0), rtol=1e-4)


def test_shares_that_cannot_sum_to_one_are_refused():
    with pytest.raises(ValueError, match="x: the shares must sum to one"):
        dependence.shares_concentration("x", _shares((2.0, 5.0, 9.0))[:2])


def test_shares_sum_to_one_even_when_gammas_underflow():
    for logs in ([-2000.0, -2001.0], [3.0, -900.0], [800.0, 800.0]):
        shares = np.asarray(dependence.shares(jnp.asarray(logs)))
        assert shares.sum() == pytest.approx(1)
        assert np.all(np.isfinite(shares))
