"""Plans of draws: every family and every structure together, the same bits however they are asked for."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from mc.distributions import FAMILIES
from mc.draws import plan_draws
from mc.samplers import SAMPLERS
from mc.study import Correlation, Input, Prior

UNIT = Prior("uniform", 0.0, 0.5, 1.0)
SCORE = Prior("normal", *map(float, special.ndtri([0.05, 0.5, 0.95])))
PRIORS = {
    "uniform": UNIT,
    "triangular": Prior("triangular", 0.0, 1.0, 3.0),
    "pert": Prior("pert", 0.0, 1.0, 3.0),
    "normal": SCORE,
    "lognormal": Prior("lognormal", 0.5, 1.0, 2.0),
    "truncnormal": Prior("truncnormal", 0.1, 0.4, 0.8, 0.0, 1.0),
    "beta": Prior("beta", 0.2, 0.4, 0.7),
    "gamma": Prior("gamma", 0.6, 1.0, 1.7),
    "weibull": Prior("weibull", 10.0, 30.0, 45.0),
    "loguniform": Prior("loguniform", 1.0, 2.0, 10.0),
    "choice": Prior("choice", 0.0, 0.0, 0.0, weights=(0.2, 0.5, 0.3)),
    "fixed": Prior("fixed", 4.0, 4.0, 4.0),
}
YEARS, PLACES = 11, 6
SHARES = tuple(Prior("dirichlet", *map(float, stats.beta(a, 16 - a).ppf([0.05, 0.5, 0.95]))) for a in (2.0, 5.0, 9.0))
INPUTS = (
    *(Input(name, (prior,), dimensions=(k,)) for k, (name, prior) in enumerate(PRIORS.items())),
    Input("mixed", tuple(PRIORS.values()), (3, 4)),
    Input("half placed", (SCORE,) * 4, (4,), dimensions=(None, 20, None, 21)),
    Input("choices", (PRIORS["choice"], Prior("choice", 0.0, 0.0, 0.0, weights=(0.5, 0.5))), (2,)),
    Input("factor", (SCORE,) * 3 + (UNIT,) * 2 + (PRIORS["fixed"],), (PLACES,), shared=0.6, shared_dimension=30),
    Input("first", (SCORE,), dimensions=(40,)),
    Input("second", (PRIORS["weibull"],), dimensions=(41,)),
    Input("third", (UNIT,)),
    Input("rho", (PRIORS["beta"],), dimensions=(50,)),
    Input("walk", (SCORE,) * YEARS, (YEARS,), dimensions=(60, 61, 62, 63, *(None,) * (YEARS - 4)), persistence=0.8),
    Input("drawn walk", (PRIORS["pert"],) * 5 + (UNIT,) * 3, (8,), dimensions=(64, *(None,) * 7), persistence="rho"),
    Input("level", (UNIT, SCORE, UNIT), (3,), dimensions=(70, None, None), persistence=1.0),
    Input("shares", SHARES, (3,), dimensions=(80, None, None)),
)
CORRELATIONS = (Correlation("first", "second", 0.7), Correlation("second", "third", -0.4))
DRAWS = 4096


def _strict():
    return jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise")


@functools.cache
def _executable(plan, dtype):
    return jax.jit(jax.vmap(lambda tables, i: plan.draw(tables, i, dtype), (None, 0)))


def _run(plan, draws=64, dtype=np.float32, first=0, tables=None):
    promotion, ranks = _strict()
    with jax.enable_x64(dtype is np.float64), promotion, ranks:
        index = jnp.arange(first, first + draws, dtype=jnp.uint32)
        tables = jax.tree.map(jnp.asarray, tables or plan.tables)
        return jax.tree.map(np.asarray, _executable(plan, dtype)(tables, index))


@pytest.fixture(scope="module")
def plan():
    return plan_draws(INPUTS, CORRELATIONS, seed=3)


@pytest.fixture(scope="module")
def draws(plan):
    return _run(plan, DRAWS)


@pytest.fixture(scope="module")
def plain_draws():
    return _run(plan_draws(INPUTS, CORRELATIONS, "plain", seed=3), DRAWS)


def test_shapes_and_types(plan, draws):
    assert set(draws) == {item.name for item in INPUTS}
    for item in INPUTS:
        assert draws[item.name].shape == (DRAWS, *item.shape)
        assert draws[item.name].dtype == np.float32
        assert np.all(np.isfinite(draws[item.name]))
    labels = [column.label for column in plan.columns]
    assert len(set(labels)) == len(labels)
    assert plan.scramblings == 16


def test_every_element_has_the_distribution_of_its_prior(plain_draws):
    for item in INPUTS:
        values = plain_draws[item.name].reshape(DRAWS, -1)
        for label, prior, value in zip(item.labels, item.priors, values.T, strict=True):
            family = FAMILIES[prior.family]
            if prior.family in ("fixed", "choice"):
                options = np.arange(len(prior.weights))
                share = [np.mean(value == option) for option in options]
                np.testing.assert_allclose(share, prior.weights, atol=0.03, err_msg=label)
                assert prior.family == "choice" or set(value) == {4.0}
                continue
            u = np.linspace(0.05, 0.95, 19)
            expected = family.percentiles(family.parameters(prior), u)
            assert np.max(np.abs([np.mean(value <= x) for x in expected] - u)) < 1.8 / np.sqrt(DRAWS), label


def test_sobol_elements_are_stratified(draws):
    for name in ("uniform", "pert", "second"):
        prior = next(item for item in INPUTS if item.name == name).priors[0]
        row = FAMILIES[prior.family].parameters(prior)
        edges = FAMILIES[prior.family].percentiles(row, np.arange(1, 16) / 16)
        counts = np.bincount(np.searchsorted(edges, draws[name]), minlength=16)
        assert np.ptp(counts) <= (2 if name != "second" else 200)


def test_draws_do_not_depend_on_their_place_in_a_block(plan):
    before, after = _run(plan, first=0), _run(plan, first=5)
    for item in INPUTS:
        np.testing.assert_array_equal(after[item.name][:-5], before[item.name][5:], item.name)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_draws_do_not_depend_on_the_size_of_a_block(plan, draws, batch):
    """To a rounding: the bits are the same (test_samplers), but the compiler fuses multiply and add as it sees fit."""
    for first in (0, 5, 1000):
        part = _run(plan, batch, first=first)
        for item in INPUTS:
            expected = draws[item.name][first : first + batch]
            np.testing.assert_allclose(part[item.name], expected, rtol=1e-6, atol=1e-6, err_msg=item.name)
            if "choice" in item.name or item.name == "fixed":
                np.testing.assert_array_equal(part[item.name], expected)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_drives_the_plan(name):
    inputs = (INPUTS[3], INPUTS[15])
    plan = plan_draws(inputs, sampler=name, draws=64)
    whole, part = _run(plan, 64), _run(plan, 7, first=21)
    for item in inputs:
        np.testing.assert_allclose(part[item.name], whole[item.name][21:28], rtol=1e-6, atol=1e-6)
        assert np.ptp(whole[item.name]) > 1


def test_draws_of_other_inputs_stay_when_one_is_added_or_moved(plan):
    extra = (
        Input("a new one", (UNIT, SCORE), (2,), dimensions=(5000 % 251, None)),
        Input("a new walk", (SCORE,) * 20, (20,), dimensions=(90, *(None,) * 19), persistence=0.5),
        Input("a new factor", (PRIORS["lognormal"],) * 3, (3,), shared=0.3),
    )
    before = _run(plan)
    after = _run(plan_draws((*extra, *INPUTS[::-1]), CORRELATIONS[::-1], seed=3))
    for item in INPUTS:
        np.testing.assert_allclose(after[item.name], before[item.name], rtol=1e-6, atol=1e-6, err_msg=item.name)


def test_the_seed_changes_every_input(plan):
    before, after = _run(plan), _run(plan, tables=plan_draws(INPUTS, CORRELATIONS, seed=4).tables)
    for item in INPUTS:
        if item.name != "fixed":
            assert np.any(after[item.name] != before[item.name]), item.name


def test_both_precisions_agree(plan):
    single, double = _run(plan), _run(plan, dtype=np.float64)
    for item in INPUTS:
        assert double[item.name].dtype == np.float64
        np.testing.assert_allclose(single[item.name], double[item.name], rtol=2e-5, atol=2e-5, err_msg=item.name)


def _scores(draws, name):
    """Normal scores back from the values, by the ranks."""
    values = draws[name].reshape(DRAWS, -1)
    return special.ndtri((stats.rankdata(values, axis=0) - 0.5) / DRAWS)


def test_copula_correlations(draws):
    scores = np.hstack([_scores(draws, name) for name in ("first", "second", "third")])
    expected = [[1, 0.7, 0], [0.7, 1, -0.4], [0, -0.4, 1]]
    np.testing.assert_allclose(np.corrcoef(scores.T), expected, atol=0.05)


def test_elements_with_a_common_factor(draws):
    correlation = np.corrcoef(_scores(draws, "factor")[:, :5].T)
    np.testing.assert_allclose(correlation[np.triu_indices(5, 1)], 0.6, atol=0.05)


def test_covariance_of_a_walk(draws):
    lags = np.abs(np.arange(YEARS)[:, None] - np.arange(YEARS))
    np.testing.assert_allclose(np.corrcoef(draws["walk"].T), 0.8**lags, atol=0.05)


def test_covariance_of_a_walk_with_uncertain_persistence(draws):
    """Given the persistence the scores are AR(1), so their correlation at lag k is the mean of its k-th power."""
    scores = _scores(draws, "drawn walk")
    lags = np.abs(np.arange(8)[:, None] - np.arange(8))
    expected = np.mean(draws["rho"][:, None, None].astype(float) ** lags, axis=0)
    np.testing.assert_allclose(np.corrcoef(scores.T), expected, atol=0.06)
    high = draws["rho"] > np.median(draws["rho"])
    assert np.corrcoef(scores[high, :2].T)[0, 1] > np.corrcoef(scores[~high, :2].T)[0, 1] + 0.1


def test_persistence_of_1_is_one_latent(draws):
    level = draws["level"]
    np.testing.assert_array_equal(level[:, 0], level[:, 2])
    np.testing.assert_allclose(special.ndtr(level[:, 1]), level[:, 0], atol=1e-5)
    assert len(plan_draws([INPUTS[-2]]).columns) == 1


def test_shares_sum_to_one(draws):
    np.testing.assert_allclose(draws["shares"].sum(1), 1, atol=3e-7)
    np.testing.assert_allclose(draws["shares"].mean(0), np.array([2, 5, 9]) / 16, atol=8e-3)
    correlation = np.corrcoef(draws["shares"].T)[0, 1]
    assert correlation == pytest.approx(-np.sqrt(2 * 5 / (14 * 11)), abs=0.05)


def test_mean_draw(plan, draws):
    mean = plan.mean_draw(np.float64)
    for item in INPUTS:
        assert mean[item.name].shape == item.shape
        for at, prior in zip(np.ndindex(item.shape), item.priors, strict=True):
            value = draws[item.name][(slice(None), *at)]
            if prior.family == "choice":
                assert mean[item.name][at] == np.argmax(prior.weights)
            else:
                error = float(value.std()) / np.sqrt(DRAWS)
                assert mean[item.name][at] == pytest.approx(value.mean(), abs=4.5 * error + 1e-6), item.name
    assert plan.mean_draw()["walk"].dtype == np.float32


def test_scores_give_the_same_map(plan):
    """The draw is a function of independent scores: feed it those of one draw, and move one to see who follows."""
    index = jnp.uint32(11)
    tables = jax.tree.map(jnp.asarray, plan.tables)
    from_scores = jax.jit(plan.from_scores)
    drawn = {name: value[11] for name, value in _run(plan).items()}
    bits = plan.sampler.bits(tables["sampler"], index)
    scores = jax.scipy.special.ndtri(((bits >> np.uint32(9)).astype(np.float32) + 0.5) * 2.0**-23)
    mapped = from_scores(tables, scores)
    for item in INPUTS:
        np.testing.assert_allclose(mapped[item.name], drawn[item.name], rtol=3e-5, atol=1e-5, err_msg=item.name)
    column = [column.label for column in plan.columns].index("weibull")
    moved = from_scores(tables, scores.at[column].add(0.5))
    assert [name for name in moved if np.any(moved[name] != mapped[name])] == ["weibull"]


def test_gradients_by_scores_are_finite():
    plan = plan_draws([item for item in INPUTS if item.name not in PRIORS or item.name == "rho"], CORRELATIONS)
    tables = jax.tree.map(jnp.asarray, plan.tables)

    def total(scores):
        return sum(value.sum() for value in plan.from_scores(tables, scores).values())

    scores = jnp.asarray(np.random.default_rng(1).normal(size=(8, len(plan.columns))), jnp.float32)
    slope = np.asarray(jax.jit(jax.vmap(jax.grad(total)))(scores))
    assert np.all(np.isfinite(slope))
    moving = [k for k, column in enumerate(plan.columns) if "choice" not in column.label]
    assert np.mean(slope[:, moving] != 0) > 0.9


def test_a_changed_prior_does_not_recompile(plan):
    changed = tuple(
        replace(item, priors=(Prior("uniform", 5.0, 6.0, 7.0),)) if item.name == "uniform" else item for item in INPUTS
    )
    values = _run(plan)
    compiled = _executable(plan, np.float32)._cache_size()
    moved = _run(plan, tables=plan_draws(changed, CORRELATIONS, seed=3).tables)
    np.testing.assert_allclose(moved["uniform"], 5 + 2 * values["uniform"], rtol=1e-6)
    np.testing.assert_array_equal(moved["normal"], values["normal"])
    assert _executable(plan, np.float32)._cache_size() == compiled


def test_a_study_without_uncertainty_has_one_draw():
    inputs = (Input("a", (PRIORS["fixed"],) * 2, (2,)), Input("b", (PRIORS["fixed"],)))
    values = _run(plan_draws(inputs), 4)
    np.testing.assert_array_equal(values["a"], np.full((4, 2), 4.0))


def test_impossible_correlations_are_refused_or_repaired():
    inputs = [Input(name, (UNIT,)) for name in "abc"]
    pairs = [Correlation("a", "b", 0.9), Correlation("b", "c", 0.9), Correlation("a", "c", -0.9)]
    with pytest.raises(ValueError, match="cannot hold together"):
        plan_draws(inputs, pairs)
    plan = plan_draws(inputs, pairs, repair=True)
    assert plan.repair_distance > 0.5
    assert np.all(np.isfinite(_run(plan)["c"]))


@pytest.mark.parametrize(
    ("inputs", "correlations", "message"),
    [
        ([Input("x", (Prior("lognormal", -1.0, 1.0, 2.0),))], [], "x: lognormal: the lowest point"),
        ([Input("x", (Prior("cauchy", -1.0, 1.0, 2.0),))], [], "unknown family"),
        ([Input("x", (UNIT,), dimensions=(256,))], [], "end at 255"),
        ([Input("x", (UNIT,) * 2, (2,), dimensions=(1, 2), persistence=1.0)], [], "only the first"),
        ([Input("x", (UNIT,) * 3, (3,), persistence="rho"), Input("rho", (SCORE,))], [], "x: persistence 'rho' spans"),
        ([INPUTS[-1], Input("x", (UNIT,))], [Correlation("x", "shares[0]", 0.5)], r"shares\[0\] \(share\)"),
        ([Input("x", (UNIT,)), Input("x", (UNIT,))], [], "more than once"),
        ([Input("x", (UNIT,))], [Correlation("x", "y", 0.5)], "'y'"),
    ],
)
def test_impossible_plans_are_refused(inputs, correlations, message):
    with pytest.raises(ValueError, match=message):
        plan_draws(inputs, correlations)


def test_a_latin_hypercube_is_not_extended():
    plan = plan_draws(INPUTS[:3], sampler="latin", draws=64)
    plan.refuse_beyond(64)
    with pytest.raises(ValueError, match="cannot be extended"):
        plan.refuse_beyond(80)
    plan_draws(INPUTS[:3]).refuse_beyond(10**9)
