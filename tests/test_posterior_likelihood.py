"""The likelihood: errors that hang together in time against dense matrices, roles, weights, bias."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from posterior_study import FIXED_FIVE, YEARS, bound, linear_study, rows
from scipy import stats

from mc.blocks import precise
from mc.errors import InputError
from mc.posterior.calibration import simulate
from mc.study import Prior

VALUES = 1.0 + 0.2 * np.arange(10) + np.array([0.3, -0.1, 0.2, 0.5, 0.4, 0.1, -0.2, -0.4, 0.1, 0.6])
MODELLED = {"line": 1.0 + 0.2 * np.arange(10), "end": np.array(5.0)}
GAPPED = (2000, 2001, 2004, 2005, 2009)


def errors(**priors):
    return {"survey": {name: Prior("uniform", 0.0, 0.5, 1.0) for name in priors} | {
        name: value for name, value in priors.items() if isinstance(value, Prior)}}  # fmt: skip


def dense(years, drift, persistence, sd, scatter, slope=0.0, bend=0.0):
    gaps = np.abs(np.subtract.outer(years, years))
    start = years[0]
    if persistence < 1:
        level = drift**2 / (1 - persistence**2) * persistence**gaps
    else:
        level = drift**2 * (np.minimum.outer(np.array(years), np.array(years)) - start)
    since = np.array(years) - start
    level = level + slope**2 * np.outer(since, since)
    for turn in range(1, since[-1]):  # a change of the slope adds up from the next year on
        level = level + bend**2 * np.outer(np.maximum(since - turn, 0), np.maximum(since - turn, 0))
    return level + np.diag(np.full(len(years), sd**2 + scatter**2))


@pytest.mark.parametrize("degrees", [None, 5.0])
@pytest.mark.parametrize(
    ("drift", "persistence", "scatter", "slope", "bend"),
    [(0.0, 1.0, 0.0, 0.0, 0.0), (0.2, 1.0, 0.1, 0.0, 0.0), (0.2, 0.7, 0.0, 0.0, 0.0), (0.2, 1.0, 0.0, 0.1, 0.0),
     (0.0, 1.0, 0.1, 0.1, 0.05), (0.2, 1.0, 0.0, 0.0, 0.05)],
)  # fmt: skip
@pytest.mark.parametrize("years", [YEARS, GAPPED])
def test_the_filter_is_the_dense_normal_or_t(years, drift, persistence, scatter, slope, bend, degrees):
    place = [YEARS.index(year) for year in years]
    known = {"drift": drift, "scatter": scatter} | ({"persistence": persistence} if persistence < 1 else {})
    known |= {"slope": slope, "bend": bend} if slope or bend else {}
    priors = errors(**dict.fromkeys(known, 0), **({"degrees": FIXED_FIVE} if degrees else {}))
    likelihood = bound(linear_study(), rows(VALUES[place], years=years), priors)
    with precise():
        each = likelihood.pointwise(
            {name: jnp.asarray(value) for name, value in MODELLED.items()},
            {f"error.survey.{name}": jnp.asarray(value) for name, value in known.items()},
        )
        found = np.asarray(each).sum()
    residual = VALUES[place] - MODELLED["line"][place]
    shape = dense(years, drift, persistence, 0.3, scatter, slope, bend)
    zero = np.zeros(len(years))
    oracle = stats.multivariate_t(zero, shape, df=5) if degrees else stats.multivariate_normal(zero, shape)
    assert found == pytest.approx(float(oracle.logpdf(residual)), rel=1e-10)


def test_held_out_rows_are_forecast_and_teach_nothing():
    priors = errors(drift=0)
    with precise():

        def score(values, held_after):
            likelihood = bound(linear_study(), rows(values, held_after=held_after), priors)
            modelled = {name: jnp.asarray(value) for name, value in MODELLED.items()}
            return np.asarray(likelihood.pointwise(modelled, {"error.survey.drift": jnp.asarray(0.2)}))

        changed = VALUES.copy()
        changed[6] += 9.0
        before, after = score(VALUES, 2004), score(changed, 2004)
    assert np.array_equal(np.delete(before, 6), np.delete(after, 6))
    assert after[6] < before[6] - 10
    # A forecast five years ahead: the level has walked five steps from its filtered place.
    joint = dense((*YEARS[:5], 2009), 0.2, 1.0, 0.3, 0.0)
    residual = np.r_[VALUES[:5], VALUES[9]] - MODELLED["line"][[0, 1, 2, 3, 4, 9]]
    gain = np.linalg.solve(joint[:5, :5], joint[:5, 5])
    oracle = stats.norm(gain @ residual[:5], np.sqrt(joint[5, 5] - gain @ joint[:5, 5])).logpdf(residual[5])
    assert before[9] == pytest.approx(oracle, rel=1e-9)


def test_bias_is_common_to_a_group_and_weight_divides_the_variance():
    relative = rows(np.exp(VALUES), relative=True, sd=0.1)
    half = tuple(dataclasses.replace(row, weight=0.5) for row in relative)
    with precise():
        modelled = {"line": jnp.exp(jnp.asarray(MODELLED["line"])), "end": jnp.asarray(1.0)}
        likelihood = bound(linear_study(), half, errors(bias=0))
        found = float(likelihood.log_likelihood(modelled, {"error.survey.bias": jnp.asarray(1.25)}))
    # Lognormal in the value itself, with its Jacobian.
    law = stats.lognorm(s=0.1 / np.sqrt(0.5), scale=1.25 * np.exp(MODELLED["line"]))
    assert found == pytest.approx(float(law.logpdf(np.exp(VALUES)).sum()), rel=1e-6)


def test_simulated_numbers_have_the_moments_of_the_filter():
    likelihood = bound(linear_study(), rows(VALUES), errors(drift=0, persistence=0))
    values = {"error.survey.drift": np.array(0.2), "error.survey.persistence": np.array(0.7)}
    random = np.random.default_rng(3)
    many = np.stack([simulate(likelihood, MODELLED["line"], values, random) for _ in range(4000)])
    cov = np.cov(many.T)
    assert np.allclose(cov, dense(YEARS, 0.2, 0.7, 0.3, 0.0), atol=5 * 0.16 / np.sqrt(2000))


def test_simulated_trends_have_the_moments_of_the_filter():
    likelihood = bound(linear_study(), rows(VALUES), errors(drift=0, slope=0, bend=0))
    values = {f"error.survey.{name}": np.array(v) for name, v in (("drift", 0.2), ("slope", 0.1), ("bend", 0.05))}
    random = np.random.default_rng(4)
    many = np.stack([simulate(likelihood, MODELLED["line"], values, random) for _ in range(8000)])
    expected = dense(YEARS, 0.2, 1.0, 0.3, 0.0, 0.1, 0.05)
    error = np.sqrt((expected**2 + np.outer(expected.diagonal(), expected.diagonal())) / 8000)
    assert (np.abs(np.cov(many.T) - expected) < 4.5 * error).all()


FAMILIES = {"returns": (0.7, 0.0, 0.0), "walks": (1.0, 0.0, 0.0), "slopes": (1.0, 0.1, 0.0), "trends": (1.0, 0.1, 0.05)}
MOVING = {"drift": 0.2, "persistence": 0.7, "slope": 0.1, "bend": 0.05}


def of_families(**weights):
    return {"survey": {n: Prior("fixed", v, v, v) for n, v in (MOVING | weights).items()}}


def test_families_are_summed_out_by_their_weights():
    weights = {"returns": 1.0, "walks": 2.0, "slopes": 0.0, "trends": 5.0}
    likelihood = bound(linear_study(), rows(VALUES), of_families(**weights))
    assert [item.name for item in likelihood.parameters][-1] == "error.survey.family"
    with precise():
        values = {f"error.survey.{name}": jnp.asarray(value) for name, value in MOVING.items()}
        modelled = {name: jnp.asarray(value) for name, value in MODELLED.items()}
        found = float(likelihood.log_likelihood(modelled, values))
        one = [
            float(likelihood.pointwise(modelled, {**values, "error.survey.family": jnp.asarray(float(k))}).sum())
            for k in range(4)
        ]
    laws = [
        stats.multivariate_normal(np.zeros(10), dense(YEARS, 0.2, p, 0.3, 0.0, s, b)) for p, s, b in FAMILIES.values()
    ]
    oracle = np.array([law.logpdf(VALUES - MODELLED["line"]) for law in laws])
    assert one == pytest.approx(oracle, rel=1e-9)
    assert found == pytest.approx(np.log((np.array(list(weights.values())) / 8 * np.exp(oracle)).sum()), rel=1e-9)


def test_one_family_alone_is_the_error_of_its_parameters():
    likelihood = bound(linear_study(), rows(VALUES), of_families(walks=0.0, slopes=0.3))
    assert "error.survey.family" not in {item.name for item in likelihood.parameters}
    with precise():
        values = {f"error.survey.{name}": jnp.asarray(value) for name, value in MOVING.items()}
        found = float(likelihood.log_likelihood({n: jnp.asarray(v) for n, v in MODELLED.items()}, values))
    law = stats.multivariate_normal(np.zeros(10), dense(YEARS, 0.2, 1.0, 0.3, 0.0, 0.1))
    assert found == pytest.approx(law.logpdf(VALUES - MODELLED["line"]), rel=1e-9)


@pytest.mark.parametrize("family", range(4))
def test_simulated_numbers_are_of_their_family(family):
    likelihood = bound(linear_study(), rows(VALUES), of_families(returns=1.0, walks=1.0, slopes=1.0, trends=1.0))
    values = {f"error.survey.{name}": np.array(v) for name, v in (MOVING | {"family": float(family)}).items()}
    random = np.random.default_rng(5)
    many = np.stack([simulate(likelihood, MODELLED["line"], values, random) for _ in range(4000)])
    persistence, slope, bend = list(FAMILIES.values())[family]
    expected = dense(YEARS, 0.2, persistence, 0.3, 0.0, slope, bend)
    error = np.sqrt((expected**2 + np.outer(expected.diagonal(), expected.diagonal())) / 4000)
    assert (np.abs(np.cov(many.T) - expected) < 4.5 * error).all()


def test_a_group_that_drifts_holds_one_series():
    mixed = (*rows(VALUES), dataclasses.replace(rows(VALUES)[0], series="end", year=0))
    with pytest.raises(InputError, match=r"survey.*drifts and holds end, line"):
        bound(linear_study(), mixed, errors(drift=0))


def test_errors_that_do_not_fit_one_another_are_refused_by_every_road():
    late = (dataclasses.replace(row, group="late") for row in rows(VALUES)[:2])
    priors = {
        "survey": {name: Prior("fixed", 0.5, 0.5, 0.5) for name in ("drift", "persistence", "slope")},
        "late": {"drift": FIXED_FIVE, "start": Prior("fixed", 2001.0, 2001.0, 2001.0), "trends": FIXED_FIVE},
    }
    with pytest.raises(InputError) as caught:
        bound(linear_study(), (*rows(VALUES), *late), priors)
    assert str(caught.value).splitlines() == [
        "errors of group 'late': no family of its error has both a weight and the parameters it needs",
        "line 2000 late: lies before 2001, where the errors of its group start",
        "errors of group 'survey': a persistence beside a slope: an error that returns to its mean has no trend",
    ]


def test_pointwise_maps_over_draws():
    likelihood = bound(linear_study(), rows(VALUES), errors(drift=0))
    with precise():
        modelled = {"line": jnp.asarray(np.stack([MODELLED["line"], MODELLED["line"] + 1])), "end": jnp.zeros(2)}
        parameters = {"error.survey.drift": jnp.asarray([0.1, 0.2])}
        both = np.asarray(jax.vmap(likelihood.pointwise)(modelled, parameters))
    assert both.shape == (2, 10)
    assert both[0].sum() != both[1].sum()
