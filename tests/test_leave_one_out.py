"""Fits side by side with other rows held out: exact on a line, and each as if it were alone."""

import dataclasses

import numpy as np
import pytest
from posterior_study import YEARS, bound, exact_posterior, linear_study, rows
from scipy import stats

from mc.leave_out import COLUMNS, as_csv, lines_of
from mc.posterior.density import make_target
from mc.posterior.held_out import compared, leave_one_out, scores_of
from mc.posterior.nuts import Settings
from mc.posterior.refits import sample_variants, variant_of
from mc.study import Prior

VALUES = 1.3 + 0.25 * np.arange(10) + np.array([0.3, -0.1, 0.2, 0.3, -0.4, 0.1, -0.2, -0.1, 0.1, 0.2])
SETTINGS = Settings(chains=2, warmup=200, draws=800, chunk=200)


def far_end():
    """One number of the other series: level + 20 slope + later."""
    return (dataclasses.replace(rows([7.0], years=(2000,))[0], series="end", year=0, group="far", sd=0.5),)


@pytest.fixture(scope="module")
def found():
    target = make_target(linear_study(), bound(linear_study(), (*rows(VALUES), *far_end())))
    return leave_one_out(target, SETTINGS)


def test_a_series_left_out_is_foretold_by_the_others(found):
    assert {series: len(scores) for series, scores in found.items()} == {"end": 1, "line": 10}
    mean, covariance = exact_posterior(VALUES)
    design = np.array([1.0, 20.0])
    after = stats.norm(design @ mean, np.sqrt(design @ covariance @ design + 1 + 0.25))
    before = stats.norm(1.0 + 20 * 0.2, np.sqrt(0.25 + 400 * 0.01 + 1 + 0.25))
    (end,) = found["end"]
    assert end.log_score == pytest.approx(after.logpdf(7.0), abs=0.05)
    assert end.log_score_prior == pytest.approx(before.logpdf(7.0), abs=0.2)
    assert end.crps < end.crps_prior
    assert end.rhat < 1.05


def test_the_prior_sees_no_number_of_the_series(found):
    for at, one in enumerate(found["line"]):
        law = stats.norm(1.0 + 0.2 * at, np.sqrt(0.25 + 0.01 * at**2 + 0.09))
        assert one.log_score_prior == pytest.approx(law.logpdf(VALUES[at]), abs=0.06)
        assert one.row.year == YEARS[at]


def test_variants_side_by_side_are_fits_of_their_own():
    target = make_target(linear_study(), bound(linear_study(), rows(VALUES)))
    first = np.arange(10) < 5
    variants = [variant_of(target, of, held={"slope": at}) for of, at in ((first, np.nan), (~first, 0.0))]
    u = sample_variants(target, variants, SETTINGS)
    assert u.shape == (2, 2, 800, target.size)
    # The first five numbers alone, exactly.
    design = np.c_[np.ones(5), np.arange(5)]
    prior = np.diag([4.0, 100.0])
    covariance = np.linalg.inv(prior + design.T @ design / 0.09)
    mean = covariance @ (prior @ [1.0, 0.2] + design.T @ VALUES[:5] / 0.09)
    level = 1.0 + 0.5 * u[0, ..., target.labels.index("level")]
    assert level.mean() == pytest.approx(mean[0], abs=0.05)
    assert level.std() == pytest.approx(np.sqrt(covariance[0, 0]), rel=0.12)
    # A slope that is held at 0 stays as its prior has it, and the level takes all.
    assert u[1, ..., target.labels.index("slope")].std() == pytest.approx(1.0, rel=0.12)
    alone = (4 * 1.0 + VALUES[5:].sum() / 0.09) / (4 + 5 / 0.09)
    assert (1.0 + 0.5 * u[1, ..., target.labels.index("level")]).mean() == pytest.approx(alone, abs=0.03)


def test_held_values_change_what_is_foretold():
    study = linear_study()
    fixed = Prior("fixed", 0.1, 0.1, 0.1)
    target = make_target(study, bound(study, rows(VALUES), {"survey": {"drift": fixed, "slope": fixed}}))
    early = np.arange(10) < 5
    variants = [variant_of(target, early, held={"error.survey.slope": value}) for value in (0.0, 1.0)]
    narrow, wide = scores_of(target, variants, [~early, ~early], SETTINGS)
    assert wide[-1].crps_prior > 2 * narrow[-1].crps_prior
    assert wide[-1].log_score < narrow[-1].log_score


def test_a_gain_in_log_score_has_an_error_and_a_verdict(found):
    line = compared(found["line"])
    each = [one.log_score - one.log_score_prior for one in found["line"]]
    assert line["log_score_gain"] == pytest.approx(np.mean(each))
    assert line["log_score_gain_se"] > 0
    assert compared(found["end"])["verdict"] == ""
    same = [dataclasses.replace(one, log_score=one.log_score_prior) for one in found["line"]]
    assert compared(same) == {"log_score_gain": 0.0, "log_score_gain_se": 0.0, "verdict": "level"}
    noise = 0.1 * np.random.default_rng(1).standard_normal(10)
    for sign, word in ((1, "better"), (-1, "worse")):
        told = [dataclasses.replace(one, log_score=one.log_score_prior + sign + e)
                for one, e in zip(found["line"], noise, strict=True)]  # fmt: skip
        assert compared(told)["verdict"] == word


def test_the_table_has_a_line_a_series(found):
    text = as_csv(lines_of(found)).splitlines()
    assert text[0].split(",") == list(COLUMNS)
    assert [line.split(",")[0:2] for line in text[1:]] == [["end", "1"], ["line", "10"]]
