"""A draw that fails is counted with its cause and left out of every statistic; never a zero, never silence."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mc.blocks import causes_of, precise
from mc.ensemble import FailedDraws, Settings, merge, run_ensemble
from mc.study import Input, Output, Prior, Study
from mc.summary import finish

FAILING = Settings(draws=256, block=64, keep=("y",), pilot=64)


def run(settings, of, **options):
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        return run_ensemble(of, settings, devices=jax.local_devices()[:1], **options)


def failing(data, draw):
    """x, but not a number where it is among the listed values, infinite above 0.9."""
    x = draw["x"]
    hit = jnp.abs(x - data["bad"]).min() < data["width"]
    return {"y": jnp.where(hit, jnp.nan, x), "path": x + jnp.where(x > data["top"], jnp.inf, data["zeros"])}


def failing_study(bad, top=2.0):
    return Study(
        name="failing",
        inputs=(Input("x", (Prior("uniform", 0.0, 0.5, 1.0),), dimensions=(0,)),),
        outputs=(Output("y", "1", (), "y"), Output("path", "1", ("year",), "path")),
        coords={"year": (1, 2, 3)},
        data={"bad": np.asarray(bad, float), "width": np.float64(1e-7), "top": np.float64(top), "zeros": np.zeros(3)},
        function=failing,
    )


@pytest.fixture(scope="module")
def x():
    """The input of every draw of the failing study, from a run in which none fails."""
    return run(FAILING, failing_study([5.0])).kept.outputs["y"]


def test_one_bad_draw_is_counted_and_left_out(x):
    settings = dataclasses.replace(FAILING, failed_share=0.01)
    of = failing_study([x[200]])
    state = run(settings, of)
    assert state.failures.number == 1
    assert state.failures.causes == {"y: not a number": 1}
    assert state.failures.index.tolist() == [200]
    assert state.failures.cause == ("y: not a number",)
    assert state.count.sum() == 255
    assert np.flatnonzero(~state.kept.valid).tolist() == [200]
    assert np.isnan(state.kept.outputs["y"][200])
    assert state.kept.inputs["x"][200] == x[200]
    summary = finish(of, settings, state)
    others = np.delete(x.astype(np.float64), 200)
    for name in ("y", "path"):
        np.testing.assert_allclose(summary.series[name].value["mean"], others.mean(), rtol=1e-6)
        np.testing.assert_allclose(summary.series[name].value["sd"], others.std(ddof=1), rtol=1e-5)
        assert np.isfinite(summary.series[name].value["quantile"]).all()
    assert any("1 of 256 draws failed" in line for line in summary.warnings)


def test_the_run_fails_above_the_allowed_share(x):
    with pytest.raises(FailedDraws, match=r"1 of \d+ draws failed, 0 may: y: not a number \(1\)") as caught:
        run(FAILING, failing_study([x[200]]))
    assert caught.value.failures.index.tolist() == [200]
    assert caught.value.allowed == 0


def test_a_bad_draw_of_the_pilot(x):
    with pytest.raises(FailedDraws) as caught:
        run(FAILING, failing_study([x[3]]))
    assert caught.value.failures.index.tolist() == [3]
    state = run(dataclasses.replace(FAILING, failed_share=0.01), failing_study([x[3]]))
    assert state.failures.index.tolist() == [3]


def test_merged_parts_fail_together(x):
    settings = dataclasses.replace(FAILING, failed_share=1.5 / 256)
    of = failing_study([x[100], x[200]])
    parts = [run(settings, of, draws=edge) for edge in ((0, 150), (150, 256))]
    joined = merge(*reversed(parts))
    assert joined.failures.index.tolist() == [100, 200]
    with pytest.raises(FailedDraws):
        finish(of, settings, joined)


def test_causes_are_told_apart(x):
    settings = dataclasses.replace(FAILING, failed_share=0.5)
    state = run(settings, failing_study([x[10]], top=0.9))
    above = int((x > 0.9).sum())
    assert state.failures.causes == {"path: infinite": above, "y: not a number": 1}
    assert state.failures.number == above + (x[10] <= 0.9)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_check_of_a_draw_sees_every_element_and_only_what_is_no_number(precision):
    of = dataclasses.replace(failing_study([]), coords={"year": tuple(range(4001))})
    limit, rng = np.finfo(precision).max, np.random.default_rng(7)
    path = rng.choice([0.0, limit, -limit, np.finfo(precision).tiny], size=(64, 4001)).astype(precision)
    expected = np.zeros((64, 4), bool)  # y, path not a number; y, path infinite
    for draw, (value, cause) in enumerate([(np.nan, 1), (np.inf, 3), (-np.inf, 3)] * 8):
        path[draw, rng.integers(4001)] = value
        expected[draw, cause] = True
    path[30, [0, -1]] = np.inf, np.nan
    path[31, [5, 6]] = np.inf, -np.inf
    expected[30, 1] = expected[31, 3] = True
    with precise():
        found = causes_of(of, {"y": jnp.zeros(64, precision), "path": jnp.asarray(path)})
    np.testing.assert_array_equal(found, expected)
