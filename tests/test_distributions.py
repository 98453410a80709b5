"""Every family against every property, with scipy as the oracle."""

import contextlib
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from mc.distributions import FAMILIES, Family, family_of, points
from mc.study import Prior

U = np.concatenate([[2.0**-24, 1e-4, 0.003], np.linspace(0.01, 0.99, 197), [0.997, 1 - 1e-4, 1 - 2.0**-24]])
Z95 = stats.norm.ppf(0.95)


def _elicited(law) -> tuple[float, float, float]:
    return tuple(map(float, law.ppf([0.05, 0.5, 0.95])))


def _truncated(mu: float, sd: float, low: float, high: float):
    return stats.truncnorm((low - mu) / sd, (high - mu) / sd, mu, sd)


def _pert(low: float, mode: float, high: float):
    a = 1 + 4 * (mode - low) / (high - low)
    return stats.beta(a, 6 - a, low, high - low)


# name: (prior, the law it means). Where points are elicited the law is the truth that the fit must find again.
LAWS: dict[str, tuple[Prior, object]] = {
    "uniform": (Prior("uniform", -2.0, 0.0, 3.0), stats.uniform(-2.0, 5.0)),
    "triangular": (Prior("triangular", 1.0, 2.0, 5.0), stats.triang(0.25, 1.0, 4.0)),
    "triangular, mode at the minimum": (Prior("triangular", 1.0, 1.0, 5.0), stats.triang(0.0, 1.0, 4.0)),
    "triangular, mode at the maximum": (Prior("triangular", 1.0, 5.0, 5.0), stats.triang(1.0, 1.0, 4.0)),
    "pert": (Prior("pert", 0.2, 0.3, 0.8), _pert(0.2, 0.3, 0.8)),
    "pert, mode at the minimum": (Prior("pert", 10.0, 10.0, 40.0), _pert(10.0, 10.0, 40.0)),
    "normal": (Prior("normal", 3.0 - Z95, 3.0, 3.0 + Z95), stats.norm(3.0, 1.0)),
    "lognormal": (Prior("lognormal", *_elicited(stats.lognorm(0.3, scale=7.0))), stats.lognorm(0.3, scale=7.0)),
    "truncnormal": (
        Prior("truncnormal", *_elicited(_truncated(0.3, 0.4, 0.0, 1.0)), 0.0, 1.0),
        _truncated(0.3, 0.4, 0.0, 1.0),
    ),
    "truncnormal, lower tail cut": (
        Prior("truncnormal", *_elicited(_truncated(-1.0, 1.0, 0.5, np.inf)), 0.5),
        _truncated(-1.0, 1.0, 0.5, np.inf),
    ),
    "truncnormal, bounds out of reach": (
        Prior("truncnormal", 5.0 - Z95, 5.0, 5.0 + Z95, -100.0, 200.0),
        stats.norm(5.0, 1.0),
    ),
    "beta": (Prior("beta", *_elicited(stats.beta(2.5, 6.0))), stats.beta(2.5, 6.0)),
    "beta, high": (Prior("beta", *_elicited(stats.beta(30.0, 0.8))), stats.beta(30.0, 0.8)),
    "gamma": (Prior("gamma", *_elicited(stats.gamma(3.0, scale=2.0))), stats.gamma(3.0, scale=2.0)),
    "gamma, below one": (Prior("gamma", *_elicited(stats.gamma(0.5, scale=2.0))), stats.gamma(0.5, scale=2.0)),
    "weibull": (Prior("weibull", *_elicited(stats.weibull_min(2.2, scale=40.0))), stats.weibull_min(2.2, scale=40.0)),
    "loguniform": (Prior("loguniform", 0.1, 1.0, 20.0), stats.loguniform(0.1, 20.0)),
    "dirichlet": (Prior("dirichlet", *_elicited(stats.beta(4.0, 12.0))), stats.beta(4.0, 12.0)),
    "choice": (
        Prior("choice", 0.0, 0.0, 0.0, weights=(0.3025, 0.5, 0.0, 0.1975)),
        stats.rv_discrete(values=((0, 1, 2, 3), (0.3025, 0.5, 0.0, 0.1975))),
    ),
    "fixed": (Prior("fixed", 7.0, 7.0, 7.0), stats.rv_discrete(values=((7,), (1.0,)))),
}
SMOOTH = [name for name in LAWS if name not in ("choice", "fixed")]
DTYPES = [np.float32, np.float64]


@contextlib.contextmanager
def _strict(dtype):
    with (
        jax.enable_x64(dtype is np.float64),
        jax.numpy_dtype_promotion("strict"),
        jax.numpy_rank_promotion("raise"),
    ):
        yield


@functools.cache
def _compiled(family: Family, what: str) -> Callable[..., jax.Array]:
    """One executable per family and precision serves every law and every test."""
    functions = {
        "value": family.inverse_cdf,
        "log density": family.log_density,
        "slope": jax.grad(lambda u, p: family.inverse_cdf(u, p).sum()),
        "parameter slope": lambda u, p: jax.grad(lambda p: family.inverse_cdf(u, p).sum())(p).sum(-1),
    }
    return jax.jit(functions[what])


def _in_graph(what: str, prior: Prior, x: np.ndarray, dtype) -> np.ndarray:
    """Evaluate over as many elements as there are arguments, in strict mode."""
    family = family_of(prior)
    row = family.parameters(prior)
    p = np.broadcast_to(row, (len(x), len(row)))
    with _strict(dtype):
        value = _compiled(family, what)(jnp.asarray(x, dtype), jnp.asarray(p, dtype))
        assert value.dtype == dtype
        assert value.shape == x.shape
        return np.asarray(value, np.float64)


def test_every_family_is_covered():
    assert {prior.family for prior, _ in LAWS.values()} == set(FAMILIES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAWS)
def test_quantile_is_that_of_scipy(name, dtype):
    prior, law = LAWS[name]
    value = _in_graph("value", prior, U, dtype)
    if name == "fixed":
        assert set(value) == {7.0}
        return
    true = law.ppf(np.asarray(U, dtype).astype(np.float64))
    width = law.ppf(0.95) - law.ppf(0.05)
    body = (U >= 0.01) & (U <= 0.99)
    np.testing.assert_allclose(value[body], true[body], rtol=0, atol=1e-5 * width)
    np.testing.assert_allclose(value, true, rtol=2e-4 if dtype is np.float32 else 1e-5, atol=1e-4 * width)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMOOTH)
def test_round_trip(name, dtype):
    prior, law = LAWS[name]
    body = (U >= 0.01) & (U <= 0.99)
    value = _in_graph("value", prior, U, dtype)
    np.testing.assert_allclose(law.cdf(value[body]), U[body], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", LAWS)
def test_mean_is_the_integral_of_the_quantile(name):
    prior, law = LAWS[name]
    family = family_of(prior)
    row = family.parameters(prior)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    edges = np.concatenate([0.5 ** np.arange(40, 1, -1), [0.3025, 0.8025], 1 - 0.5 ** np.arange(3, 40)])
    low, high = edges[:-1, None], edges[1:, None]
    u = (low + (high - low) * (nodes + 1) / 2).ravel()
    mean = np.sum(family.percentiles(row, u) * ((high - low) / 2 * weights).ravel())
    assert float(family.mean(row[None])[0]) == pytest.approx(mean, rel=1e-5, abs=1e-9)
    assert float(family.mean(row[None])[0]) == pytest.approx(law.mean(), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAWS)
def test_values_stay_within_the_support(name, dtype):
    prior, law = LAWS[name]
    family = family_of(prior)
    row = family.parameters(prior)
    low, high = (float(end[0]) for end in family.support(row[None]))
    value = _in_graph("value", prior, U, dtype)
    slack = 2 * np.finfo(dtype).eps * np.abs(value)
    assert np.all(np.isfinite(value))
    assert np.all((value >= low - slack) & (value <= high + slack))
    if name not in ("fixed", "truncnormal, bounds out of reach"):
        assert (low, high) == pytest.approx(law.support())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMOOTH)
def test_density_is_that_of_scipy_and_integrates_to_one(name, dtype):
    prior, law = LAWS[name]
    x = law.ppf(np.linspace(0.0005, 0.9995, 8001)).astype(dtype).astype(np.float64)
    log_density = _in_graph("log density", prior, x, dtype)
    np.testing.assert_allclose(log_density, law.logpdf(x), rtol=1e-4, atol=3e-4)
    assert integrate.trapezoid(np.exp(log_density), x) == pytest.approx(0.999, abs=1e-3)


@pytest.mark.parametrize("name", LAWS)
def test_density_outside_the_support_is_zero(name):
    prior, _ = LAWS[name]
    family = family_of(prior)
    row = family.parameters(prior)
    low, high = (float(end[0]) for end in family.support(row[None]))
    outside = np.array([end for end in (low - 1.0, high + 1.0) if math.isfinite(end)])
    if len(outside):
        assert np.all(_in_graph("log density", prior, np.resize(outside, 8001), np.float64) == -np.inf)


def test_weights_of_a_choice_are_its_density():
    prior, law = LAWS["choice"]
    options = np.array([0.0, 1.0, 3.0])
    density = _in_graph("log density", prior, options, np.float64)
    np.testing.assert_allclose(np.exp(density), law.pmf(options))
    assert float(FAMILIES["choice"].centre(FAMILIES["choice"].parameters(prior)[None])[0]) == 1.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAWS)
def test_gradient_is_finite_and_right(name, dtype):
    prior, law = LAWS[name]
    slope = _in_graph("slope", prior, U, dtype)
    by_parameter = _in_graph("parameter slope", prior, U, dtype)
    assert np.all(np.isfinite(slope))
    assert np.all(np.isfinite(by_parameter))
    if name in SMOOTH:
        inside = (U > 0.02) & (U < 0.98)
        expected = 1 / law.pdf(law.ppf(U[inside]))
        np.testing.assert_allclose(slope[inside], expected, rtol=1e-3)


@pytest.mark.parametrize("name", [name for name in SMOOTH if "pert" not in name and "triangular" not in name])
def test_elicited_points_are_met(name):
    prior, law = LAWS[name]
    if prior.family in ("uniform", "loguniform"):
        assert points(prior) == pytest.approx(_elicited(law))
    else:
        width = prior.high - prior.low
        assert points(prior) == pytest.approx((prior.low, prior.mid, prior.high), abs=1e-4 * width)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (Prior("lognormal", -1.0, 1.0, 2.0), "above 0"),
        (Prior("gamma", 0.0, 1.0, 2.0), "above 0"),
        (Prior("weibull", 0.0, 1.0, 2.0), "above 0"),
        (Prior("loguniform", 0.0, 1.0, 2.0), "above 0"),
        (Prior("beta", 0.0, 0.5, 0.9), r"\(0, 1\)"),
        (Prior("dirichlet", 0.1, 0.5, 1.2), r"\(0, 1\)"),
        (Prior("uniform", 1.0, 1.0, 1.0), "fixed"),
        (Prior("pert", 1.0, 1.0, 1.0), "fixed"),
        (Prior("triangular", 1.0, 1.0, 1.0), "fixed"),
        (Prior("normal", 1.0, 1.0, 1.0), "fixed"),
        (Prior("normal", 0.0, 0.05, 1.0), "another shape"),
        (Prior("lognormal", 1.0, 9.9, 10.0), "another shape"),
        (Prior("beta", 0.4, 0.41, 0.99), "another shape"),
        (Prior("gamma", 1.0, 9.9, 10.0), "another shape"),
        (Prior("weibull", 1.0, 1.01, 100.0), "another shape"),
        (Prior("truncnormal", 0.0, 0.5, 1.0, 0.2, 2.0), "outside the hard bounds"),
        (Prior("truncnormal", 0.0, 0.01, 10.0, -100.0, 11.0), "another shape"),
        (Prior("cauchy", 0.0, 0.01, 10.0), "unknown family 'cauchy'"),
    ],
)
def test_impossible_points_are_refused(prior, message):
    with pytest.raises(ValueError, match=message):
        points(prior)
