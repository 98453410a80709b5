"""A posterior on disk and in an ensemble: groups that ArviZ and xarray read, draws that stand in for the prior's."""

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from posterior_study import bound, groups_without_sampling, linear_study, rows
from scipy import stats

from mc.cube.beliefs import open_beliefs
from mc.cube.write import write_cube
from mc.draws import plan_draws
from mc.ensemble import Settings as Ensemble
from mc.ensemble import run_ensemble
from mc.errors import InputError
from mc.fit import describe
from mc.posterior.density import make_target
from mc.posterior.file import INPUTS, inputs_digest, open_posterior, pinned_of
from mc.posterior.groups import groups_of
from mc.posterior.hindcast import crps, hindcast, log_scores, table, table_lines
from mc.posterior.learned import quality, spread_ratios
from mc.posterior.nuts import Settings, sample
from mc.posterior.predict import draw_posterior, draw_prior

WEIGHTS = (0.3, 0.7)
VALUES = 1.3 + 0.15 * np.arange(10) + 0.3 * np.random.default_rng(5).standard_normal(10)


@functools.cache
def fitted():
    study = linear_study(WEIGHTS)
    target = make_target(study, bound(study, rows(VALUES, held_after=2006)))
    chains = sample(target, Settings(chains=4, warmup=200, draws=250, chunk=450))
    return target, describe(target, chains, 1)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    target, groups = fitted()
    path = tmp_path_factory.mktemp("posterior") / "line.posterior.nc"
    root = xr.Dataset(attrs={INPUTS: inputs_digest(target)})
    write_cube({"/": root} | groups, path.with_suffix(".part"), path)
    return path


def test_arviz_reads_every_group(file):
    import arviz_base
    import arviz_stats

    tree = arviz_base.from_netcdf(file) if hasattr(arviz_base, "from_netcdf") else open_posterior(file)
    wanted = {"prior", "prior_predictive", "posterior", "posterior_predictive", "log_likelihood", "log_prior",
              "sample_stats", "observed_data", "constant_data", "latents"}  # fmt: skip
    assert wanted <= set(tree.children)
    assert tree["posterior"].dataset["level"].dims == ("chain", "draw")
    assert tree["posterior_predictive"].dataset["line"].dims == ("chain", "draw", "line_year")
    summary = arviz_stats.summary(tree, var_names=["level", "slope"])
    assert (summary["r_hat"].astype(float) < 1.05).all()
    assert np.isfinite(arviz_stats.loo(tree, var_name="line").elpd)
    found = quality(tree["latents"].to_dataset(), tree["sample_stats"].to_dataset())
    assert found.rhat < 1.05
    assert found.divergences == 0


def test_power_scaling_of_prior_and_likelihood(file):
    import arviz_stats

    table = arviz_stats.psense_summary(open_posterior(file), var_names=["level", "slope"])
    assert np.isfinite(table[["prior", "likelihood"]].astype(float).to_numpy()).all()
    assert (table["likelihood"].astype(float) > 0.05).all()


def test_what_was_learned_is_less_than_one_and_what_was_not_is_one(file):
    tree = open_posterior(file)
    ratios = spread_ratios(tree["posterior"].to_dataset(), tree["prior"].to_dataset())
    assert float(ratios["ratio"].sel(quantity="slope")) < 0.6
    later = spread_ratios(tree["modelled"].to_dataset()[["end"]], tree["prior_modelled"].to_dataset()[["end"]])
    assert float(later["ratio"].item()) < 1.0


def test_pinned_draws_have_the_posterior_moments_and_leave_the_rest(file):
    study = linear_study(WEIGHTS)
    pinned = pinned_of(file.parent, file.name, study)
    assert pinned.labels == ("level", "slope", "shape")
    before, after = plan_draws(study.inputs, study.correlations), plan_draws(
        study.inputs, study.correlations, pinned=pinned)  # fmt: skip
    index = np.arange(512, dtype=np.uint32)

    def values(plan):
        import jax

        return {name: np.asarray(v) for name, v in
                jax.jit(jax.vmap(lambda i: plan.draw(plan.tables, i, jnp.float32)))(index).items()}  # fmt: skip

    one, other = values(before), values(after)
    assert np.array_equal(one["later"], other["later"])
    assert np.array_equal(one["twin"], other["twin"])
    posterior = open_posterior(file)["posterior"].dataset
    rows = posterior["slope"].values.ravel()
    # Every draw is a row of the posterior, to the resolution of uniform numbers.
    nearest = np.abs(other["slope"][:, None] - rows[None, :]).min(axis=1)
    assert nearest.max() < 1e-5
    assert np.corrcoef(other["level"], other["slope"])[0, 1] == pytest.approx(
        np.corrcoef(posterior["level"].values.ravel(), rows)[0, 1], abs=0.1)  # fmt: skip
    assert set(other["shape"].tolist()) <= {0.0, 1.0}
    assert float(after.mean_draw()["slope"]) == pytest.approx(rows.mean(), rel=1e-6)


def test_an_ensemble_takes_the_posterior_whatever_its_parts(file):
    study = linear_study(WEIGHTS)
    study = dataclasses.replace(study, pinned=pinned_of(file.parent, file.name, study))
    settings = Ensemble(draws=256, block=32, seed=3, pilot=32, quantiles=())
    whole = run_ensemble(study, settings)
    part = run_ensemble(study, settings, draws=(0, 96))
    joined = run_ensemble(study, settings, state=part)
    for name, values in whole.statistics["end"].items():
        for key, array in values.items():
            assert np.array_equal(array, joined.statistics["end"][name][key]), (name, key)
    plain = run_ensemble(dataclasses.replace(study, pinned=None), settings)
    assert plain.identity != whole.identity


def test_a_posterior_of_other_priors_is_refused(file):
    study = linear_study((0.5, 0.5))
    with pytest.raises(InputError, match="another prior of shape"):
        pinned_of(file.parent, file.name, study)
    with pytest.raises(InputError, match="no such posterior"):
        pinned_of(file.parent, "other.nc", study)


def test_log_score_of_held_out_rows_is_their_exact_joint_density():
    study = linear_study()
    target = make_target(study, bound(study, rows(VALUES, held_after=2006)))
    chains = sample(target, Settings(chains=4, warmup=200, draws=500, chunk=700))
    posterior = draw_posterior(target, chains.u.reshape(-1, target.size), 1)
    found = log_scores(groups_of(target, chains, posterior, draw_prior(target, 100, 1)))["line"]
    time = np.arange(10.0)
    design = np.c_[np.ones(10), time] * np.array([0.5, 0.1])
    law = stats.multivariate_normal(1.0 + 0.2 * time, design @ design.T + 0.3**2 * np.eye(10))
    first = stats.multivariate_normal(1.0 + 0.2 * time[:7], law.cov[:7, :7])
    assert found == pytest.approx(float(law.logpdf(VALUES) - first.logpdf(VALUES[:7])), abs=0.15)


def test_prior_and_posterior_cubes_open_as_one(toy_cube):
    both = open_beliefs(toy_cube, toy_cube)
    assert list(both["belief"].values) == ["prior", "posterior"]
    name = next(iter(both.data_vars))
    assert both[name].sel(belief="prior").equals(both[name].sel(belief="posterior").assign_coords(belief="prior"))


def test_crps_of_a_normal_and_a_hindcast_table():
    draws = np.random.default_rng(1).standard_normal((40_000, 2))
    score = crps(draws, np.array([0.0, 1.0]))
    # Closed form: y (2 Phi(y) - 1) + 2 phi(y) - 1 / sqrt(pi).
    assert score == pytest.approx([0.23369, 0.60244], abs=0.01)
    _, groups = fitted()
    lines = table(hindcast(groups))
    assert [line["series"] for line in lines] == ["line"]
    assert lines[0]["rows"] == 3
    assert lines[0]["crps_posterior"] < lines[0]["crps_prior"]


def test_a_fit_with_held_out_rows_keeps_their_scores(file):
    scores, groups = open_posterior(file)["hindcast"].to_dataset(), fitted()[1]
    assert scores["series"].values.tolist() == ["line"]
    assert scores["year"].values.tolist() == [2007, 2008, 2009]
    held, draws = groups["held_out_data"]["line"], groups["predictions"]["line"]
    low, high = draws.quantile([0.05, 0.95], ("chain", "draw"))
    inside = ((held >= low) & (held <= high)).mean()
    assert float(scores["coverage"].sel(series="line", forecast="posterior")) == float(inside)
    heading, line, every = table_lines(scores)
    assert heading.split()[:2] == ["held", "out"]
    assert line.split()[:2] == ["line", "3"]
    assert every.startswith(f"all: {round(3 * float(inside))} of 3 in the 90 % bands")
    assert float(line.split()[2]) == pytest.approx(float(scores["crps"].sel(forecast="posterior").item()), rel=0.01)


def test_a_short_past_has_no_trend_and_says_so():
    scores = groups_without_sampling(VALUES, held_after=2002)["hindcast"]
    line = table_lines(scores)[1].split()
    assert line[7:9] == [scores["crps_verdict"].sel(series="line", rival="prior").item(), "-"]
    assert scores["crps_verdict"].sel(series="line", rival="trend").item() == ""


def test_a_fit_without_held_out_rows_has_no_hindcast():
    assert "hindcast" not in groups_without_sampling(VALUES, held_after=9999)


def test_what_was_learned_is_kept_by_input_and_by_quantity(file):
    learned = open_posterior(file)["learned"].to_dataset()
    ratio = learned["ratio"].to_series()
    exact = np.sqrt(exact_variance_of_slope() / 0.1**2)
    assert ratio["slope"] == pytest.approx(exact, abs=0.1)
    assert learned["kind"].sel(quantity="slope").item() == "input"
    assert learned["kind"].sel(quantity="line[2009]").item() == "modelled"
    assert "later" not in ratio.index


def exact_variance_of_slope():
    """Of a line through the seven fitted numbers, its prior as in the study, without the bend."""
    design = np.c_[np.ones(7), np.arange(7)]
    return np.linalg.inv(np.diag([1 / 0.5**2, 1 / 0.1**2]) + design.T @ design / 0.3**2)[1, 1]
