"""A linear study with exact answers, for the tests of posteriors: y_t = a + b t, with inputs that nothing observes."""

import jax.numpy as jnp
import numpy as np

from mc.fit import describe
from mc.posterior.density import make_target
from mc.posterior.likelihood import Likelihood, make_likelihood
from mc.posterior.nuts import Chains
from mc.posterior.observed import Observation
from mc.study import Correlation, Input, Output, Prior, Study

Z95 = 1.6448536269514722
YEARS = tuple(range(2000, 2010))
FIXED_FIVE = Prior("fixed", 5.0, 5.0, 5.0)


def normal(mean, sd):
    return Prior("normal", mean - Z95 * sd, mean, mean + Z95 * sd)


def line(data, draw):
    bend = jnp.where(draw["shape"] < 0.5, 0.0, 0.004) * data["time"] ** 2
    return {
        "line": draw["level"] + draw["slope"] * data["time"] + bend,
        "end": draw["level"] + 20.0 * draw["slope"] + draw["later"],
    }


def linear_study(weights=(1.0,), rho=0.5):
    inputs = (
        Input("level", (normal(1.0, 0.5),)),
        Input("slope", (normal(0.2, 0.1),)),
        Input("later", (normal(0.0, 1.0),)),
        Input("twin", (normal(0.0, 1.0),)),
        Input("shape", (Prior("choice", 0.0, 0.0, len(weights) - 1.0, weights=weights),))
        if len(weights) > 1
        else Input("shape", (Prior("fixed", 0.0, 0.0, 0.0),)),
    )
    outputs = (Output("line", "Mt year-1", ("year",), "A line"), Output("end", "Mt year-1", (), "Its far end"))
    return Study(
        "linear",
        inputs,
        outputs,
        {"year": YEARS},
        {"time": np.arange(len(YEARS), dtype=np.float64)},
        line,
        (Correlation("later", "twin", rho),),
    )


def rows(values, sd=0.3, group="survey", years=YEARS, held_after=9999, relative=False):
    return tuple(
        Observation("line", year, float(value), relative, sd, group, "hold_out" if year > held_after else "fit")
        for year, value in zip(years, values, strict=True)
    )


def bound(study, observed, errors=None) -> Likelihood:
    return make_likelihood(study, observed, errors or {})


def exact_posterior(values, sd=0.3):
    """Mean and covariance of (level, slope)."""
    design = np.c_[np.ones(len(YEARS)), np.arange(len(YEARS))]
    prior = np.diag([1 / 0.5**2, 1 / 0.1**2])
    precision = prior + design.T @ design / sd**2
    covariance = np.linalg.inv(precision)
    return covariance @ (prior @ np.array([1.0, 0.2]) + design.T @ np.asarray(values) / sd**2), covariance


def groups_without_sampling(values, held_after):
    """All groups of a posterior file whose chains are draws of the prior: right in form, quick to make."""
    study = linear_study()
    target = make_target(study, bound(study, rows(values, held_after=held_after)))
    u = np.random.default_rng(1).standard_normal((2, 50, target.size))
    return describe(target, Chains((), 50, None, u, {"diverging": np.zeros((2, 50), bool)}), 1)
