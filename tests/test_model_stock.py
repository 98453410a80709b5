"""Steel in use: survival curves against closed forms, and mass that neither appears nor vanishes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from mc.inputs.steel import Stock
from mc.model import stock

WEIBULL, LOGNORMAL, NORMAL = 0.0, 1.0, 2.0
YEARS = 12
PAST = 9


def survival(family: float, mean: float, cv: float, ages: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        one = Stock(jnp.asarray([mean]), jnp.asarray([cv]), jnp.asarray(1.0))
        left: np.ndarray = np.asarray(stock.survival(one, jnp.asarray(family), jnp.asarray(ages)))[0]
        return left


@settings(max_examples=30, deadline=None, derandomize=True)
@given(mean=st.floats(2.0, 200.0))
def test_weibull_of_shape_one_is_exponential(mean: float) -> None:
    ages = np.array([0.5, 1.5, 10.5, 60.5, 111.5])
    np.testing.assert_allclose(survival(WEIBULL, mean, 1.0, ages), np.exp(-ages / mean), rtol=1e-12)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(mean=st.floats(5.0, 80.0), cv=st.floats(0.1, 0.6))
def test_curves_equal_those_of_scipy(mean: float, cv: float) -> None:
    ages, sigma = np.arange(0.5, 112.0), np.sqrt(np.log(1 + cv**2))
    expected = {
        LOGNORMAL: stats.lognorm(sigma, scale=mean * np.exp(-(sigma**2) / 2)).sf(ages),
        NORMAL: stats.truncnorm(-1 / cv, np.inf, loc=mean, scale=cv * mean).sf(ages),
    }
    for family, values in expected.items():
        np.testing.assert_allclose(survival(family, mean, cv, ages), values, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize(("family", "slack"), [(WEIBULL, 1e-6), (LOGNORMAL, 1e-6), (NORMAL, 0.03)])
@pytest.mark.parametrize("cv", [0.2, 0.35, 0.5])
def test_mean_lifetime_is_what_the_table_says(family: float, slack: float, cv: float) -> None:
    # The normal curve is cut at age 0, which lifts its mean by 2.8 % at the widest cv of the priors.
    ages = np.linspace(1e-6, 600.0, 200_001)
    assert integrate.simpson(survival(family, 30.0, cv, ages), x=ages) == pytest.approx(30.0, rel=slack + 1e-5)


@pytest.mark.parametrize("cv", [0.2, 0.35, 0.5])
def test_weibull_has_the_stated_spread(cv: float) -> None:
    shape = cv**stock.WEIBULL_SHAPE_EXPONENT
    assert stats.weibull_min(shape).std() / stats.weibull_min(shape).mean() == pytest.approx(cv, rel=0.02)


@pytest.mark.parametrize("family", [WEIBULL, LOGNORMAL, NORMAL])
def test_nothing_of_an_infinite_lifetime_retires(family: float) -> None:
    kept, retiring = stock.kernels(jnp.asarray(survival(family, 1e9, 0.2, np.arange(0.5, 112.0)))[None, :])
    assert float(jnp.abs(retiring).max()) < 1e-6
    np.testing.assert_allclose(kept, 1.0, atol=1e-6)


def kernel(mean: float = 6.0) -> jax.Array:
    ages = np.arange(PAST + YEARS - 1) + 0.5
    return jnp.stack([jnp.asarray(survival(family, mean, 0.4, ages)) for family in (WEIBULL, NORMAL)])


INFLOW = st.lists(st.floats(0.0, 100.0), min_size=YEARS, max_size=YEARS)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(inflow=INFLOW)
def test_stock_changes_by_inflow_less_retirement(inflow: list[float]) -> None:
    with jax.enable_x64(True):
        kept, retiring = stock.kernels(kernel())
        entering = jnp.broadcast_to(jnp.asarray(inflow), (1, 2, YEARS))
        in_use = np.asarray(stock.convolve(entering, kept))
        retired = np.asarray(stock.convolve(entering, retiring))
    np.testing.assert_allclose(np.diff(in_use), (np.asarray(inflow) - retired)[..., 1:], atol=1e-11)
    np.testing.assert_allclose(in_use[..., 0], (np.asarray(inflow) - retired)[..., 0], atol=1e-11)
    assert (retired >= 0).all()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_what_the_past_leaves_is_the_literal_sum_over_cohorts(seed: int) -> None:
    series = np.random.default_rng(seed).uniform(0.0, 50.0, (3, PAST))
    with jax.enable_x64(True):
        curves = kernel()
        left = np.asarray(stock.from_history(curves, jnp.asarray(stock.history_basis(series, YEARS))))
    shares = np.asarray(curves)
    for g in range(2):
        for column, time in enumerate([-stock.LEAD, *range(YEARS)]):
            for component in range(3):
                total = sum(
                    series[component, cohort] * shares[g, time + PAST - 1 - cohort]
                    for cohort in range(PAST)
                    if time + PAST - 1 - cohort >= 0
                )
                assert left[g, column, component] == pytest.approx(total, rel=1e-12, abs=1e-12)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(target=INFLOW, past=st.floats(0.0, 60.0))
def test_inflow_holds_the_stock_on_its_target_or_is_nil_above_it(target: list[float], past: float) -> None:
    with jax.enable_x64(True):
        kept = kernel()
        fading = past * kept[None, :, :YEARS]
        wanted = jnp.broadcast_to(jnp.asarray(target), (1, 2, YEARS))
        entering, above = stock.inflow_for_stock(wanted, fading, kept)
        in_use = np.asarray(fading + stock.convolve(entering, kept))
    inflow, shortfall = np.asarray(entering), np.asarray(above)
    assert (inflow >= 0).all()
    np.testing.assert_allclose(in_use, np.asarray(target) + shortfall, atol=1e-10)
    assert ((inflow == 0) | (shortfall == 0)).all()
