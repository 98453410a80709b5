"""The fixed model of the benchmarks: two versions, one study, and what it gives where one can compute it by hand."""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mc.distributions import family_of, fitted
from mc.ensemble import Settings, run_ensemble
from mc.summary import finish

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from model import in_jax, in_numpy  # noqa: E402
from model.study import study  # noqa: E402
from model.tables import JUDGED, PAST, ROWS, YEARS, at_random, constants, from_uniforms  # noqa: E402

DRAWS = 64


@pytest.fixture(scope="module")
def draws():
    return at_random(np.random.default_rng(7), DRAWS)


def in_both(draws):
    numbers = constants()
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        tables = jax.tree.map(jnp.asarray, numbers)
        run = jax.jit(jax.vmap(lambda draw: in_jax.outputs(tables, draw)))
        compiled = jax.tree.map(np.asarray, run(jax.tree.map(jnp.asarray, draws)))
    return in_numpy.outputs(numbers, draws), compiled


def test_both_versions_agree(draws):
    vectorised, compiled = in_both(draws)
    assert vectorised.keys() == compiled.keys()
    for name, value in vectorised.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-12, err_msg=name)


def test_every_input_matters(draws):
    base = in_numpy.outputs(constants(), draws)["co2_cumulative"]
    for row in ROWS:
        moved = in_numpy.outputs(constants(), {**draws, row.name: draws[row.name] * 0.9 + 0.01})["co2_cumulative"]
        assert (moved != base).any(), row.name


def test_batches_change_nothing(draws):
    whole = in_numpy.outputs(constants(), draws)
    parts = in_numpy.in_batches(constants(), draws, 13)
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-13)


def test_convolution_is_that_of_a_loop():
    rng = np.random.default_rng(1)
    inflow, kernel = rng.random((2, 3, YEARS)), rng.random((2, PAST + YEARS))
    expected = np.array(
        [[np.convolve(flow, curve)[:YEARS] for flow in flows] for flows, curve in zip(inflow, kernel, strict=True)]
    )
    np.testing.assert_allclose(in_numpy.convolve(inflow, kernel), expected, rtol=1e-13)
    found = in_jax.convolve(jnp.asarray(inflow[0], jnp.float32), jnp.asarray(kernel[0], jnp.float32))
    np.testing.assert_allclose(found, expected[0], rtol=1e-5)


def test_without_scrap_hydrogen_and_progress_co2_is_that_of_iron(draws):
    none = dict.fromkeys(("recovery", "prompt", "hydrogen_share", "blast_gain", "capture", "fall", "tilt", "export"), 0)
    still = {name: value * none.get(name, 1) for name, value in draws.items()}
    found = in_numpy.outputs(constants(), still)
    expected = constants()["demand"][None, :] * draws["blast_co2"][:, None]
    for year in JUDGED:
        np.testing.assert_allclose(found["co2_by_province"][:, :, year], expected, rtol=1e-13)


def test_stock_grows_by_inflow_less_what_retires(draws):
    still = {**draws, "recovery": np.ones(DRAWS), "prompt": np.zeros(DRAWS)}  # scrap is then all that retires
    flat = {**still, "fall": np.zeros(DRAWS), "tilt": np.zeros(DRAWS)}
    found = in_numpy.outputs(constants(), flat)
    added = found["stock"][:, 1:] - found["stock"][:, :-1]
    np.testing.assert_allclose(added + found["scrap"][:, 1:], constants()["demand"].sum(), rtol=1e-12)


def test_the_study_has_the_same_inputs():
    u = np.linspace(0.01, 0.99, 25)
    for item, row in zip(study().inputs, ROWS, strict=True):
        assert item.name == row.name
        prior = item.priors[0]
        expected = family_of(prior).percentiles(fitted(prior), u)
        np.testing.assert_allclose(row.quantile(u), expected, rtol=1e-9, err_msg=row.name)


def test_quantiles_and_generators_agree():
    count = 20_000
    drawn = at_random(np.random.default_rng(3), count)
    grid = (np.arange(count) + 0.5) / count
    stratified = from_uniforms(np.tile(grid[:, None], len(ROWS)))
    for row in ROWS:
        spread = stratified[row.name].std()
        assert abs(drawn[row.name].mean() - stratified[row.name].mean()) < 5 * spread / np.sqrt(count), row.name
        assert drawn[row.name].std() == pytest.approx(spread, rel=0.03), row.name


def test_ferrocast_finds_the_long_run():
    long = json.loads((BENCHMARKS / "model" / "reference.json").read_text(encoding="utf-8"))
    settings = Settings(draws=4096, block=256, probabilities=(0.95,), quantiles=("co2",))
    series = finish(study(), settings, run_ensemble(study(), settings)).series["co2"]
    for at, year in enumerate(JUDGED):
        assert series.value["mean"][year] == pytest.approx(long["mean"][at], rel=3e-3)
        assert series.value["quantile"][0][year] == pytest.approx(long["p95"][at], rel=2e-2)
