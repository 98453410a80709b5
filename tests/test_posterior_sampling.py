"""Density and sampler on a line with exact answers: what is read, slopes, moments, structure, calibration."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from posterior_study import FIXED_FIVE, bound, exact_posterior, linear_study, rows
from scipy import stats

from mc.blocks import precise
from mc.errors import InputError, RunFailed, Stopped
from mc.posterior.density import make_target
from mc.posterior.nuts import Settings, sample
from mc.posterior.predict import draw_posterior, draw_prior
from mc.study import Prior

VALUES = 1.3 + 0.15 * np.arange(10) + 0.3 * np.random.default_rng(5).standard_normal(10)
DRIFT = {"survey": {"drift": Prior("lognormal", 0.1, 0.2, 0.4), "degrees": FIXED_FIVE}}
QUICK = Settings(chains=4, warmup=200, draws=500, chunk=350)


@functools.cache
def plain_target():
    return make_target(linear_study(), bound(linear_study(), rows(VALUES)))


@functools.cache
def plain_chains():
    return sample(plain_target(), QUICK)


def test_only_what_the_observations_read_is_sampled():
    target = plain_target()
    assert target.labels == ("level", "slope")
    assert {item.name for item in target.plan.inputs} == {"level", "slope"}
    # `end` is observed: a copula comes whole, its column that nothing reads stays out of the sample.
    study = linear_study()
    observed = (*rows(VALUES), rows([4.0], years=(2000,))[0].__class__("end", 0, 4.0, False, 0.3, "far"))
    wider = make_target(study, bound(study, observed))
    assert set(wider.labels) == {"level", "slope", "later"}
    assert {item.name for item in wider.plan.inputs} == {"level", "slope", "later", "twin"}


def test_slope_of_the_whole_log_density_against_differences():
    target = make_target(linear_study((0.3, 0.7)), bound(linear_study((0.3, 0.7)), rows(VALUES), DRIFT))
    with precise():
        u = np.array([0.3, -0.7, 1.1])
        density = jax.jit(target.log_density)
        slope = np.asarray(jax.grad(target.log_density)(jnp.asarray(u)))
        step = 1e-5
        around = [float(density(u + step * e) - density(u - step * e)) / (2 * step) for e in np.eye(3)]
    assert np.isfinite(slope).all()
    assert np.allclose(slope, around, rtol=1e-7, atol=1e-7)


def test_chains_meet_the_exact_posterior():
    mean, covariance = exact_posterior(VALUES)
    u = plain_chains().u.reshape(-1, 2)
    drawn = draw_posterior(plain_target(), u, seed=1)
    found = np.c_[drawn.inputs["level"], drawn.inputs["slope"]]
    # About 1,500 effective draws: five standard errors of means and of variances.
    assert np.all(np.abs(found.mean(axis=0) - mean) < 5 * np.sqrt(np.diag(covariance) / 1000))
    assert np.allclose(np.cov(found.T) / covariance, 1.0, atol=5 * np.sqrt(2 / 1000))


def test_weighted_prior_draws_meet_the_same_posterior():
    from arviz_stats.base import array_stats

    mean, covariance = exact_posterior(VALUES)
    prior = draw_prior(plain_target(), 20_000, seed=2)
    logs, k = array_stats.psislw(-prior.log_likelihood)
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    found = np.array([weights @ prior.inputs["level"], weights @ prior.inputs["slope"]])
    size = 1 / (weights**2).sum()
    assert float(k) < 0.7
    assert np.all(np.abs(found - mean) < 5 * np.sqrt(np.diag(covariance) / size))


def test_options_of_structure_get_their_exact_weight():
    study = linear_study((0.3, 0.7))
    target = make_target(study, bound(study, rows(VALUES)))
    assert [item.name for item in target.choices] == ["shape"]
    drawn = draw_posterior(target, sample(target, QUICK).u.reshape(-1, target.size), seed=1)
    time = np.arange(10.0)
    design = np.c_[np.ones(10), time] * np.array([0.5, 0.1])
    centre = 1.0 + 0.2 * time
    cover = design @ design.T + 0.3**2 * np.eye(10)
    evidence = [stats.multivariate_normal(centre + bend * time**2, cover).pdf(VALUES) for bend in (0.0, 0.004)]
    exact = 0.7 * evidence[1] / (0.3 * evidence[0] + 0.7 * evidence[1])
    assert drawn.options.mean() == pytest.approx(exact, abs=5 * np.sqrt(exact * (1 - exact) / 1000) + 1e-3)


def test_families_of_errors_get_their_exact_weight_group_by_group():
    fixed = {"drift": 0.3, "persistence": 0.5, "returns": 0.4, "walks": 0.6}
    errors = {g: {n: Prior("fixed", v, v, v) for n, v in fixed.items()} for g in ("near", "far")}
    early, late = rows(VALUES, group="near", sd=0.1), rows(VALUES[::-1], group="far", sd=0.1)
    target = make_target(linear_study(), bound(linear_study(), (*early, *late), errors))
    assert [item.name for item in target.families] == ["error.far.family", "error.near.family"]
    drawn = draw_posterior(target, sample(target, QUICK).u.reshape(-1, target.size), seed=1)
    time = np.arange(10.0)
    design = np.tile(np.c_[np.ones(10), time] * np.array([0.5, 0.1]), (2, 1))
    centre = np.tile(1.0 + 0.2 * time, 2)
    ago = np.abs(np.subtract.outer(time, time))
    level = {0: 0.3**2 / 0.75 * 0.5**ago, 1: 0.3**2 * np.minimum.outer(time, time)}
    logs = np.zeros((2, 2))
    for near, far in np.ndindex(2, 2):
        error = np.zeros((20, 20))
        error[:10, :10], error[10:, 10:] = level[near], level[far]
        law = stats.multivariate_normal(centre, design @ design.T + error + 0.1**2 * np.eye(20))
        logs[near, far] = law.logpdf(np.r_[VALUES, VALUES[::-1]])
    joint = np.exp(logs - logs.max()) * np.outer([0.4, 0.6], [0.4, 0.6])
    joint /= joint.sum()
    share = drawn.options.mean(axis=0)  # of walks: far, near
    exact = [joint.sum(axis=0)[1], joint.sum(axis=1)[1]]
    assert share == pytest.approx(exact, abs=5 * np.sqrt(0.25 / 1000))
    both = (drawn.options == 1).all(axis=1).mean()
    assert both == pytest.approx(joint[1, 1], abs=5 * np.sqrt(0.25 / 1000))
    # The rows under the family of each draw, with its weight, add to what was summed out.
    prior = draw_prior(target, 4000, seed=2)
    assert prior.options.mean(axis=0) == pytest.approx([0.6, 0.6], abs=0.05)


def test_a_chain_that_stops_goes_on_to_the_same_draws(tmp_path):
    from mc.posterior.chains_file import identity, load_chains, save_chains

    target, settings, kept = plain_target(), Settings(chains=2, warmup=100, draws=100, chunk=100), []
    whole = sample(target, settings)
    with pytest.raises(Stopped):
        sample(target, settings, stop=lambda: True, save=kept.append)
    name, file = identity(target, settings, "digest"), tmp_path / "chains.npz"
    save_chains(file, kept[-1], name)
    rest = sample(target, settings, chains=load_chains(file, target, settings, name))
    assert np.array_equal(rest.u, whole.u)
    with pytest.raises(InputError, match="another fit"):
        load_chains(file, target, settings, identity(target, settings, "other"))


def test_nothing_to_learn_and_no_place_to_start_are_said():
    study = linear_study()
    still = study.__class__(
        study.name, study.inputs, study.outputs, study.coords, study.data,
        lambda data, draw: {"line": data["time"], "end": 0.0 * draw["level"]}, study.correlations,
    )  # fmt: skip
    with pytest.raises(InputError, match="nothing to learn"):
        make_target(still, bound(still, rows(VALUES)))
    broken = study.__class__(
        study.name, study.inputs, study.outputs, study.coords, study.data,
        lambda data, draw: {"line": data["time"] + jnp.log(-jnp.abs(draw["level"]) - 1), "end": draw["level"]},
    )  # fmt: skip
    with pytest.raises(RunFailed, match="no finite likelihood"):
        sample(make_target(broken, bound(broken, rows(VALUES))), QUICK)
