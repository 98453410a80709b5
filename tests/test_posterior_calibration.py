"""Simulation-based calibration: the right likelihood passes, a wrong one fails."""

import dataclasses
import logging

import numpy as np
import pytest
from posterior_study import FIXED_FIVE, bound, linear_study, rows
from steel_past import FREE, reduced_past, target_of

from mc.posterior.calibration import LOG_DENSITY, Ranks, calibrate
from mc.posterior.density import make_target
from mc.posterior.errors import MOVES
from mc.posterior.nuts import Settings
from mc.study import Prior

VALUES = np.zeros(10)
DRIFT = {"survey": {"drift": Prior("lognormal", 0.1, 0.2, 0.4), "degrees": FIXED_FIVE}}
MOVING = {"persistence": 0.5, "slope": 0.1, "bend": 0.05} | dict.fromkeys(MOVES, 0.25)
FAMILIES = {"survey": DRIFT["survey"] | {name: Prior("fixed", value, value, value) for name, value in MOVING.items()}}
SBC = Settings(chains=1, warmup=120, draws=248)
STEEL = Settings(chains=1, warmup=200, draws=184, deepest=5)
"""All replications wait for the deepest tree of a step: bounded, trees are shorter and draws as right."""
log = logging.getLogger("ferrocast")


def drifting_target(errors):
    study = linear_study()
    return make_target(study, bound(study, rows(VALUES), errors))


def test_calibration_of_a_handful():
    ranks = calibrate(drifting_target(FAMILIES), SBC, replications=16, seed=4)
    assert ranks.ranks.shape == (16, 4)
    assert ranks.passes()


@pytest.mark.slow
def test_calibration_of_two_hundred():
    ranks = calibrate(drifting_target(FAMILIES), SBC, replications=200, seed=6)
    assert set(ranks.names) == {"level", "slope", "error.survey.drift", "log density"}
    assert min(ranks.chi_square().values()) > 0.005 / 4
    assert not any(ranks.outside(1 - 0.005 / 4).values())


@pytest.mark.slow
def test_calibration_of_the_chain_of_steel_with_few_inputs():
    ranks = calibrate(target_of(reduced_past()), STEEL, replications=200, seed=6)
    log.info("chi-square %s", ranks.chi_square())
    assert len(ranks.names) == len(FREE) + 5 + 1
    assert ranks.passes()


@pytest.mark.slow
def test_a_wrong_likelihood_of_steel_fails_calibration():
    # Errors of hot metal hang together in time, in one of four ways; the fit takes each year's error for its own.
    seen = reduced_past()
    known = {"persistence": 0.01, "returns": 1.0, "walks": 0.0, "slopes": 0.0, "trends": 0.0}
    fixed = {name: Prior("fixed", value, value, value) for name, value in known.items()}
    alone = {"pig_iron": seen.errors["pig_iron"] | fixed}
    wrong = target_of(dataclasses.replace(seen, errors={**seen.errors, **alone}))
    ranks = calibrate(wrong, STEEL, replications=50, seed=6, truth=target_of(seen))
    log.info("chi-square %s", ranks.chi_square())
    assert not ranks.passes()
    assert ranks.chi_square()[LOG_DENSITY] < 1e-3


def test_a_wrong_likelihood_fails_calibration():
    # Errors that walk are taken for independent ones of about the same size.
    wrong = {"survey": {"scatter": Prior("lognormal", 0.1, 0.2, 0.4), "degrees": FIXED_FIVE}}
    walking, independent = drifting_target(DRIFT), drifting_target(wrong)
    object.__setattr__(independent, "labels", walking.labels)
    ranks = calibrate(independent, SBC, replications=32, seed=6, truth=walking)
    assert not ranks.passes()


def test_the_band_and_the_histogram_see_ranks_that_are_not_uniform():
    random = np.random.default_rng(1)
    flat, heap = random.integers(0, 64, (200, 1)), random.integers(20, 44, (200, 1))
    assert Ranks(("x",), flat, 63).passes()
    assert Ranks(("x",), heap, 63).outside()["x"]
    assert Ranks(("x",), heap, 63).chi_square()["x"] < 1e-6
