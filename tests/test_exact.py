"""Exact quantiles: the order statistics themselves, from passes that keep no draw."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from toy_world import toy_study

from mc import exact
from mc.ensemble import Settings, run_ensemble
from mc.errors import Stopped
from mc.exact import exact_quantiles
from mc.study import Input, Output, Prior, Study
from mc.summary import finish

SETTINGS = Settings(draws=3000, block=64, pilot=256, differences=("co2",), reference="low", keep=("co2", "shape"))


def awkward() -> Study:
    """A heavy tail, many repeated values, a constant, two far clusters, and a draw in fifty that fails."""

    def function(data: dict[str, jnp.ndarray], draw: dict[str, jnp.ndarray]) -> dict[str, jnp.ndarray]:
        del data
        u = draw["u"]
        shape = jnp.stack([1 / u**2, jnp.round(3 * u), 0 * u + 7, jnp.where(u > 0.5, 1e6 + u, u), -u])
        scenarios = jnp.stack([u, 2 * u])
        return {"shape": shape, "co2": scenarios, "bad": draw["v"] - 0.98}

    uniform = Prior("uniform", 0.0, 0.5, 1.0)
    return Study(
        name="awkward",
        inputs=(Input("u", (uniform,), dimensions=(0,)), Input("v", (uniform,), dimensions=(1,))),
        outputs=(
            Output("shape", "1", ("kind",), "awkward distributions"),
            Output("co2", "1", ("scenario",), "two scenarios"),
            Output("bad", "1", (), "fails", kind="fault"),
        ),
        coords={"kind": ("tail", "repeated", "constant", "clusters", "negative"), "scenario": ("low", "high")},
        data={},
        function=function,
    )


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("draws", [100, 3000])
def test_quantiles_are_those_of_numpy_on_all_valid_draws(draws: int, precision: str) -> None:
    study, settings = awkward(), dataclasses.replace(SETTINGS, draws=draws, failed_share=0.1, precision=precision)
    state = run_ensemble(study, settings)
    assert state.failures.number > 0
    assert state.kept is not None
    found = exact_quantiles(study, settings, state, ("shape", "co2"))
    valid = {name: values[state.kept.valid].astype(np.float64) for name, values in state.kept.outputs.items()}
    for name in ("shape", "co2"):
        expected = np.quantile(valid[name], settings.probabilities, axis=0)
        np.testing.assert_allclose(found[name], expected, rtol=1e-14, atol=0)
    pairs = state.kept.outputs["co2"][state.kept.valid]
    differences = (pairs - pairs[:, :1]).astype(np.float64)
    np.testing.assert_allclose(
        found["difference/co2"], np.quantile(differences, settings.probabilities, axis=0), rtol=1e-14, atol=0
    )


def test_streamed_quantiles_are_close_and_not_exact() -> None:
    """Otherwise the test above would prove nothing."""
    study = toy_study(("low", "high"))
    settings = dataclasses.replace(SETTINGS, keep=("co2",))
    state = run_ensemble(study, settings)
    streamed = finish(study, settings, state).series["co2"].value["quantile"]
    found = exact_quantiles(study, settings, state, ("co2",))["co2"]
    spread = np.ptp(found, axis=0)
    assert 0 < (np.abs(streamed - found) / spread[None]).max() < 0.01


def test_few_passes_do(monkeypatch: pytest.MonkeyPatch) -> None:
    study, settings = toy_study(("low", "high")), dataclasses.replace(SETTINGS, keep=())
    state = run_ensemble(study, settings)
    monkeypatch.setattr(exact, "MOST_PASSES", 3)
    assert set(exact_quantiles(study, settings, state, ("co2*",))) == {"co2", "co2_by_province", "difference/co2"}


def test_a_stop_is_heard() -> None:
    study, settings = toy_study(("low", "high")), dataclasses.replace(SETTINGS, keep=())
    state = run_ensemble(study, settings)
    with pytest.raises(Stopped):
        exact_quantiles(study, settings, state, ("co2",), stop=lambda: True)


@pytest.mark.parametrize("sampler", ["sobol", "plain"])
def test_errors_of_streamed_quantiles_hold_what_the_bins_hide(sampler: str) -> None:
    """A long Sobol' run of a smooth function knows ranks far better than a bin is wide."""

    def function(data: dict[str, jnp.ndarray], draw: dict[str, jnp.ndarray]) -> dict[str, jnp.ndarray]:
        del data
        z = draw["z"]
        return {"x": jnp.stack([z, jnp.exp(z), jnp.exp(1.5 * z), draw["u"] + draw["w"]])}

    uniform = Prior("uniform", 0.0, 0.5, 1.0)
    named = {"z": Prior("normal", -1.645, 0.0, 1.645), "u": uniform, "w": uniform}
    inputs = tuple(Input(name, (prior,), dimensions=(at,)) for at, (name, prior) in enumerate(named.items()))
    study = Study("smooth", inputs, (Output("x", "1", ("kind",), "x"),), {"kind": ("n", "l", "h", "t")}, {}, function)
    probabilities = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
    settings = Settings(draws=2**16, block=1024, probabilities=probabilities, sampler=sampler)
    state = run_ensemble(study, settings)
    streamed = finish(study, settings, state).series["x"]
    off = streamed.value["quantile"] - exact_quantiles(study, settings, state, ("x",))["x"]
    error = streamed.mcse["quantile"]
    assert (np.abs(off) <= 3.0 * error).all()
    without = np.sqrt(np.maximum(error**2 - streamed.diagnostic["resolution"] ** 2, 0.0))
    if sampler == "plain":
        np.testing.assert_allclose(without, error, rtol=0.1)
    else:
        assert (np.abs(off) > 3.0 * without).any(), "otherwise the resolution would not matter"
