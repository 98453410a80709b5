"""Held-out numbers drawn together: the joint law that the errors have, exactly, where each by itself would lose it."""

import dataclasses

import jax
import numpy as np
import pytest
from posterior_study import YEARS, bound, linear_study, rows

from mc.blocks import precise
from mc.posterior.together import numbers_together, scores_of_errors, unseen
from mc.study import Prior

VALUES = 1.3 + 0.25 * np.arange(10) + np.array([0.3, -0.1, 0.2, 0.3, -0.4, 0.1, -0.2, -0.1, 0.1, 0.2])
LINE = 1.0 + 0.2 * np.arange(10)
DRIFT, SD = 0.5, 0.3
DRAWS = 30_000


def fixed(value):
    return Prior("fixed", value, value, value)


def walking(observed, **more):
    return bound(linear_study(), observed, {"survey": {"drift": fixed(DRIFT), **more}})


def drawn(likelihood, blind=False):
    """[draw, row] about a line that is known."""
    score = scores_of_errors(likelihood, DRAWS, np.random.default_rng(1), blind=blind)
    parameters = {"error.survey.drift": DRIFT}
    with precise():
        one = jax.jit(jax.vmap(lambda z: numbers_together(likelihood, {"line": LINE}, parameters, z, blind=blind)))
        return np.asarray(one(score))


def law(given=6):
    """Mean and covariance of the last residuals given the first, of a walk from 0 in 2000 with noise; and q."""
    at = np.arange(10.0)
    whole = DRIFT**2 * np.minimum(at[:, None], at) + SD**2 * np.eye(10)
    first, last, cross = whole[:given, :given], whole[given:, given:], whole[given:, :given]
    residual = (VALUES - LINE)[:given]
    weighed = np.linalg.solve(first, np.c_[residual, cross.T])
    return LINE[given:] + cross @ weighed[:, 0], last - cross @ weighed[:, 1:], residual @ weighed[:, 0]


def test_years_after_the_last_fitted_one_have_the_joint_law_of_a_walk():
    found = drawn(walking(rows(VALUES, sd=SD, held_after=2005)))
    mean, covariance, _ = law()
    assert found[:, 6:].mean(axis=0) == pytest.approx(mean, abs=0.03)
    assert np.cov(found[:, 6:].T) == pytest.approx(covariance, rel=0.05, abs=0.01)
    assert np.corrcoef(found[:, 8:].T)[0, 1] > 0.8


def test_a_t_has_one_scale_for_all_years():
    nu, given = 5.0, 6
    found = drawn(walking(rows(VALUES, sd=SD, held_after=2005), degrees=fixed(nu)))
    mean, covariance, q = law()
    swollen = covariance * (nu + q) / (nu + given - 2)
    assert np.cov(found[:, 6:].T) == pytest.approx(swollen, rel=0.08, abs=0.01)
    # Whitened scores are uncorrelated, their squares are not: one scale is unknown.
    white = np.linalg.solve(np.linalg.cholesky(swollen), (found[:, 6:] - mean).T)
    squares = np.corrcoef(np.minimum(white**2, 9))
    assert squares[~np.eye(4, dtype=bool)].min() > 0.03


def test_a_prior_draws_all_years_together_and_sees_none():
    likelihood = walking(rows(VALUES, sd=SD, held_after=2005))
    found = drawn(likelihood, blind=True)
    at = np.arange(10.0)
    assert found.mean(axis=0) == pytest.approx(LINE, abs=0.05)
    assert np.cov(found.T) == pytest.approx(
        DRIFT**2 * np.minimum(at[:, None], at) + SD**2 * np.eye(10), rel=0.06, abs=0.03
    )
    moved = drawn(walking(rows(VALUES + 9, sd=SD, held_after=2005)), blind=True)
    assert moved == pytest.approx(found, rel=1e-12)


def test_a_year_between_fitted_ones_and_fitted_ones_are_forecast_from_those_before():
    observed = [
        dataclasses.replace(row, role="hold_out") if row.year in (2003, 2008, 2009) else row
        for row in rows(VALUES, sd=SD)
    ]
    likelihood = walking(observed)
    assert np.flatnonzero(unseen(likelihood, blind=False)).tolist() == [8, 9]
    found = drawn(likelihood)
    with precise():
        centre, forecast = likelihood.forecast({"line": LINE}, {"error.survey.drift": DRIFT})
    assert found.mean(axis=0) == pytest.approx(np.asarray(centre + forecast.mean), abs=0.04)
    assert found.std(axis=0) == pytest.approx(np.asarray(forecast.scale), rel=0.03)
    each = np.corrcoef(found.T)
    assert abs(each[3, 4]) < 0.03
    assert each[8, 9] > 0.5


def test_relative_numbers_stay_positive_and_nothing_held_out_is_no_trouble():
    relative = bound(
        linear_study(), rows(VALUES, sd=SD, held_after=2005, relative=True), {"survey": {"drift": fixed(DRIFT)}}
    )
    assert drawn(relative).min() > 0
    assert drawn(walking(rows(VALUES, sd=SD))).shape == (DRAWS, len(YEARS))
