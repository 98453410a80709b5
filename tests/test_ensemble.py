import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mc.ensemble import EnsembleState, Exceedance, FailedDraws, Settings, merge, run_ensemble
from mc.errors import InputError
from mc.state import join_ranges, missing_ranges
from mc.state_arrays import from_arrays, to_arrays
from mc.study import Input, Output, Prior, Study
from mc.summary import finish

ROOT = Path(__file__).parents[1]


def normal(mean=0.0, sd=1.0):
    return Prior("normal", mean - 1.6448536 * sd, mean, mean + 1.6448536 * sd)


def uniform(low, high):
    return Prior("uniform", low, (low + high) / 2, high)


def world(data, draw):
    """Outputs of several shapes from few inputs: a product of matrices, paired scenarios, a whole number, a fault."""
    z = draw["z"]
    path = data["weights"] @ z
    level = 100 * (1 + 0.002 * z[0]) + path
    effect = data["effect"] * (1 + 0.5 * draw["strength"])
    return {
        "level": level,
        "policy": level[None, :] - effect[:, None] * jnp.exp(0.2 * z[1]),
        "count": jnp.floor(3 + z[2]),
        "broken": draw["strength"] - data["limit"],
    }


def study(limit=1e9, name="world"):
    weights = np.random.default_rng(0).normal(size=(5, 8))
    return Study(
        name=name,
        inputs=(
            Input("z", (normal(),) * 8, (8,), dimensions=tuple(range(8))),
            Input("strength", (uniform(0.0, 1.0),), dimensions=(8,)),
        ),
        outputs=(
            Output("level", "Mt", ("year",), "Level"),
            Output("policy", "Mt", ("scenario", "year"), "Level under a policy"),
            Output("count", "1", (), "A whole number", "diagnostic"),
            Output("broken", "1", (), "Strength beyond its limit", "fault"),
        ),
        coords={"year": tuple(range(2020, 2025)), "scenario": ("none", "some", "much")},
        data={"weights": weights, "effect": np.array([0.0, 1.0, 2.0]), "limit": np.float64(limit)},
        function=world,
    )


BASE = Settings(
    draws=1000,
    block=64,
    exceedance=(Exceedance("high", "level", above=101.0), Exceedance("better", "difference/policy", below=-1.0)),
    differences=("policy",),
    reference="none",
    pilot=256,
)


def run(settings=BASE, of=None, **options) -> EnsembleState:
    """One device unless told otherwise, under the strict rules for dtypes and ranks."""
    options.setdefault("devices", jax.local_devices()[:1])
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        return run_ensemble(of or study(), settings, **options)


def bits(state: EnsembleState):
    arrays, metadata = to_arrays(state)
    return {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in arrays.items()} | metadata


@pytest.fixture(scope="module")
def kept():
    """A run that keeps every draw, so that numpy can check its statistics."""
    settings = dataclasses.replace(BASE, keep=("level", "policy", "count", "broken"))
    return settings, run(settings)


@pytest.fixture(scope="module")
def whole():
    return run()


class TestAgainstNumpy:
    def test_moments(self, kept):
        settings, state = kept
        summary = finish(study(), settings, state)
        for name in ("level", "policy", "count"):
            draws = state.kept.outputs[name].astype(np.float64)
            assert len(draws) == settings.draws
            found = summary.series[name].value
            np.testing.assert_allclose((found["mean"] - draws.mean(axis=0)) / draws.std(axis=0), 0, atol=1e-6)
            np.testing.assert_allclose(found["sd"], draws.std(axis=0, ddof=1), rtol=3e-6)

    def test_quantiles(self):
        settings = dataclasses.replace(BASE, draws=4000, pilot=1024, keep=("level", "policy", "count"))
        state = run(settings)
        summary = finish(study(), settings, state)
        for name in ("level", "policy"):
            draws = state.kept.outputs[name]
            for at, p in enumerate(settings.probabilities):
                rank = (draws < summary.series[name].value["quantile"][at]).mean(axis=0)
                assert np.abs(rank - p).max() <= 0.002
        whole_numbers = np.quantile(state.kept.outputs["count"], settings.probabilities, method="inverted_cdf")
        np.testing.assert_array_equal(summary.series["count"].value["quantile"], whole_numbers)

    def test_paired_differences(self, kept):
        settings, state = kept
        item = finish(study(), settings, state).series["difference/policy"]
        draws = state.kept.outputs["policy"]
        paired = (draws - draws[:, :1]).astype(np.float64)
        np.testing.assert_allclose(item.value["mean"], paired.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(item.value["sd"], paired.std(axis=0, ddof=1), rtol=1e-5)
        assert (item.value["sd"][1:] < 0.4 * finish(study(), settings, state).series["policy"].value["sd"][1:]).all()
        assert (item.value["mean"][0] == 0).all()
        assert (item.mcse["quantile"][:, 0] == 0).all()
        assert item.is_difference
        assert item.dims == ("scenario", "year")

    def test_exceedance(self, kept):
        settings, state = kept
        series = finish(study(), settings, state).series
        level, policy = state.kept.outputs["level"], state.kept.outputs["policy"]
        np.testing.assert_array_equal(series["level"].value["exceedance/high"], (level > 101).mean(axis=0))
        better = (policy - policy[:, :1] < -1).mean(axis=0)
        np.testing.assert_array_equal(series["difference/policy"].value["exceedance/better"], better)

    def test_errors_of_the_mean_come_from_the_scramblings(self, kept):
        settings, state = kept
        draws = state.kept.outputs["level"].astype(np.float64)
        groups = np.stack([draws[r :: settings.scramblings].mean(axis=0) for r in range(settings.scramblings)])
        expected = groups.std(axis=0, ddof=1) / math.sqrt(settings.scramblings)
        found = finish(study(), settings, state).series["level"].mcse["mean"]
        np.testing.assert_allclose(found, expected, rtol=0.05)  # 1000 draws: the groups have 62 or 63

    def test_kept_inputs_give_the_kept_outputs_again(self, kept):
        _, state = kept
        assert set(state.kept.inputs) == {"z", "strength"}
        at = 777
        data = {name: np.float32(value) for name, value in study().data.items()}
        again = world(data, {name: values[at] for name, values in state.kept.inputs.items()})
        np.testing.assert_allclose(state.kept.outputs["policy"][at], again["policy"], rtol=1e-5)
        assert state.kept.index.tolist() == list(range(1000))

    def test_f_of_the_mean_draw(self, whole):
        series = finish(study(), BASE, whole).series
        np.testing.assert_allclose(series["level"].at_mean, 100.0, rtol=1e-6)
        np.testing.assert_allclose(series["policy"].at_mean[2], 100.0 - 2 * 1.25, rtol=1e-6)
        np.testing.assert_allclose(series["difference/policy"].at_mean[1], -1.25, rtol=1e-4)


class TestSameBits:
    @pytest.mark.parametrize("cut", [64, 448, 500, 999])
    def test_merge_of_two_parts_is_the_whole(self, whole, cut):
        first, second = run(draws=(0, cut)), run(draws=(cut, 1000))
        assert not first.complete
        assert bits(merge(first, second)) == bits(whole)
        assert bits(merge(second, first)) == bits(whole)

    def test_parts_in_any_order_from_one_pilot(self, whole):
        pilot = run(draws=(0, 0))
        assert pilot.done == 0
        edges = [(640, 1000), (0, 100), (300, 640), (100, 300)]
        parts = [run(draws=edge, state=pilot) for edge in edges]
        joined = merge(merge(parts[2], parts[0]), merge(parts[3], parts[1]))
        assert joined.ranges == ((0, 1000),)
        assert bits(joined) == bits(whole)

    def test_a_stopped_run_goes_on_where_it_was(self, whole):
        calls = []

        def stop():
            calls.append(1)
            return len(calls) > 1

        part = run(stop=stop)
        assert 0 < part.done < 1000
        assert not part.complete
        assert "draws were run" in " ".join(finish(study(), BASE, part).warnings)
        arrays, metadata = to_arrays(part)
        assert bits(run(state=from_arrays(arrays, metadata))) == bits(whole)

    def test_a_longer_run_continues_a_shorter_one(self, whole):
        longer = dataclasses.replace(BASE, draws=1500)
        assert bits(run(longer, state=whole)) == bits(run(longer))

    def test_keeping_draws_changes_no_statistic(self, kept, whole):
        _, state = kept
        assert {name: item for name, item in bits(state).items() if "kept" not in name and name != "identity"} == {
            name: item for name, item in bits(whole).items() if name != "identity"
        }

    def test_kept_draws_of_merged_parts(self, kept):
        settings, state = kept
        parts = run(settings, draws=(500, 1000)), run(settings, draws=(0, 500))
        assert bits(merge(*parts)) == bits(state)

    def test_saved_states_are_parts_of_the_run(self, whole):
        saved = []
        run(save=saved.append, save_seconds=0.0)
        assert len(saved) > 1
        assert bits(run(state=saved[0])) == bits(whole)
        assert bits(saved[-1]) == bits(whole)

    @pytest.mark.parametrize("count", [1, 2])
    def test_any_number_of_devices(self, whole, count, tmp_path):
        target = tmp_path / "state.npz"
        code = (
            "import sys, jax, numpy as np; sys.path.insert(0, sys.argv[2]); import test_ensemble as t\n"
            "from mc import ensemble; ensemble._worth_sharing = lambda *_: True\n"
            f"assert len(jax.devices()) == {count}\n"
            "state = t.run_ensemble(t.study(), t.BASE, devices=jax.devices())\n"
            "np.savez(sys.argv[1], **t.to_arrays(state)[0])\n"
        )
        flags = f"--xla_force_host_platform_device_count={count}"
        environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code, str(target), str(ROOT / "tests")]
        subprocess.run(command, check=True, env=environment, cwd=ROOT)
        with np.load(target) as found:
            expected = to_arrays(whole)[0]
            assert set(found) == set(expected)
            for name, array in expected.items():
                assert found[name].tobytes() == array.tobytes(), name


class TestRefusals:
    def test_states_that_share_a_draw(self, whole):
        with pytest.raises(InputError, match="both states"):
            merge(whole, run(draws=(0, 64)))

    @pytest.mark.parametrize(
        ("change", "part"),
        [({"seed": 2}, "settings"), ({"block": 128}, "settings"), ({"precision": "float64"}, "settings")],
    )
    def test_states_of_other_settings(self, whole, change, part):
        with pytest.raises(InputError, match=part):
            merge(whole, run(dataclasses.replace(BASE, **change), draws=(0, 0)))

    def test_states_of_another_study(self, whole):
        with pytest.raises(InputError, match="data"):
            run(of=study(limit=5.0), state=whole)

    def test_states_with_another_pilot(self):
        short = dataclasses.replace(BASE, draws=100)
        with pytest.raises(InputError, match="pilot"):
            merge(run(short), run(BASE, draws=(100, 200)))

    @pytest.mark.parametrize("draws", [(-1, 5), (10, 5), (0, 1001)])
    def test_draws_outside_the_run(self, draws):
        with pytest.raises(InputError, match="do not lie in"):
            run(draws=draws)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"quantiles": ("co2*",)}, "fits 'co2\\*'"),
            ({"keep": ("co2",)}, "no output 'co2'"),
            ({"differences": ("level",)}, "fits 'level'"),
            ({"reference": "nobody"}, "reference scenario"),
            ({"exceedance": (Exceedance("x", "broken", above=0.0),)}, "no series 'broken'"),
        ],
    )
    def test_names_that_fit_nothing(self, change, message):
        with pytest.raises(ValueError, match=message):
            run(dataclasses.replace(BASE, **change))

    @pytest.mark.parametrize(
        "change", [{"block": 60}, {"draws": 0}, {"precision": "half"}, {"failed_share": 1.5}, {"probabilities": (0.0,)}]
    )
    def test_settings_without_meaning(self, change):
        with pytest.raises(ValueError, match=next(iter(change))):
            dataclasses.replace(BASE, **change)

    def test_outputs_that_are_not_as_declared(self):
        wrong = dataclasses.replace(study(), coords={"year": (2020,), "scenario": ("none", "some", "much")})
        with pytest.raises(ValueError, match="output level has shape"):
            run(of=wrong)
        missing = dataclasses.replace(study(), outputs=(*study().outputs, Output("gone", "1", (), "Not returned")))
        with pytest.raises(ValueError, match="gone"):
            run(of=missing)


class TestFaults:
    def test_a_fault_output_is_a_cause(self):
        settings = dataclasses.replace(BASE, failed_share=0.2, keep=("broken",))
        state = run(settings, study(limit=0.9))
        expected = np.flatnonzero(state.kept.outputs["broken"] > 0)
        assert state.failures.causes == {"broken": len(expected)}
        assert state.failures.index.tolist() == expected.tolist()

    def test_a_run_in_which_all_fail(self):
        with pytest.raises(FailedDraws):
            run(dataclasses.replace(BASE, failed_share=1.0), study(limit=-1.0))


class TestKnownAnswers:
    @staticmethod
    def ishigami(data, draw):
        x = draw["x"]
        return {"y": jnp.sin(x[0]) + data["a"] * jnp.sin(x[1]) ** 2 + data["b"] * x[2] ** 4 * jnp.sin(x[0])}

    def test_ishigami(self):
        of = Study(
            name="ishigami",
            inputs=(Input("x", (uniform(-math.pi, math.pi),) * 3, (3,), dimensions=(0, 1, 2)),),
            outputs=(Output("y", "1", (), "Ishigami"),),
            coords={},
            data={"a": np.float64(7.0), "b": np.float64(0.1)},
            function=self.ishigami,
        )
        settings = Settings(draws=4096, block=128)
        item = finish(of, settings, run(settings, of)).series["y"]
        factor = finish(of, settings, run(settings, of, draws=(0, 4096))).interval_factor(0.999)
        variance = 49 / 8 + 0.1 * math.pi**4 / 5 + 0.01 * math.pi**8 / 18 + 0.5
        assert abs(item.value["mean"] - 3.5) < factor * item.mcse["mean"]
        assert abs(item.value["sd"] - math.sqrt(variance)) < factor * item.mcse["sd"]
        assert item.mcse["mean"] < 0.25 * math.sqrt(variance / 4096)

    def test_both_precisions_agree(self, whole):
        wide = dataclasses.replace(BASE, precision="float64")
        narrow, double = finish(study(), BASE, whole), finish(study(), wide, run(wide))
        for name, item in narrow.series.items():
            np.testing.assert_allclose(item.value["mean"], double.series[name].value["mean"], rtol=1e-5, atol=1e-5)

    def test_no_draws_no_numbers(self):
        state = run(draws=(0, 0))
        item = finish(study(), BASE, state).series["level"]
        assert np.isnan(item.value["mean"]).all()
        assert np.isnan(item.value["quantile"]).all()

    @pytest.mark.parametrize("draws", [1, 7, 16, 40])
    def test_runs_shorter_than_a_block(self, draws):
        settings = dataclasses.replace(BASE, draws=draws, keep=("level",))
        state = run(settings)
        summary = finish(study(), settings, state)
        assert state.done == draws
        np.testing.assert_allclose(
            summary.series["level"].value["mean"], state.kept.outputs["level"].mean(axis=0), rtol=1e-5
        )
        assert np.isnan(summary.series["level"].mcse["mean"]).all() == (draws == 1)


def test_progress_counts_up_to_the_total():
    seen = []
    run(progress=seen.append)
    assert [item.done for item in seen] == sorted(item.done for item in seen)
    assert seen[-1].done == seen[-1].total == 1000
    assert seen[-1].seconds_left == 0
    assert all(item.draws_per_second > 0 for item in seen)


def test_one_compilation_for_any_number_of_draws():
    from mc import ensemble

    program = ensemble._program(study(), dataclasses.replace(BASE, scramblings=8), "cpu")
    runner = ensemble.BlockRunner(program, jax.local_devices()[0])
    pilot = ensemble.run_pilot(runner, 256, 0)
    runner.start(pilot.constants)
    for low, high in ((0, 64), (64, 640), (700, 1000)):
        runner.work(low, high)
    assert {name: one._cache_size() for name, one in program.jitted.items()} == dict.fromkeys(program.jitted, 1)


def test_ranges_join_and_their_gaps_are_found():
    assert join_ranges([(5, 9), (0, 3), (3, 5), (7, 7), (20, 30)]) == ((0, 9), (20, 30))
    assert missing_ranges(((0, 9), (20, 30)), 0, 40) == ((9, 20), (30, 40))
    assert missing_ranges(((0, 9),), 2, 5) == ()
    assert missing_ranges((), 2, 5) == ((2, 5),)
    with pytest.raises(InputError, match="draws 4 to 4"):
        join_ranges([(0, 5), (4, 6)])


@pytest.mark.gpu
def test_an_accelerator_agrees_with_the_cpu_and_with_itself():
    settings = dataclasses.replace(BASE, draws=5000, block=1024, pilot=1024)
    there, here = jax.devices("gpu")[:1], jax.devices("cpu")[:1]
    state = run(settings, devices=there)
    parts = [run(settings, draws=edges, devices=there) for edges in ((0, 1500), (1500, 5000))]
    assert bits(merge(*parts)) == bits(state)
    ours, theirs = finish(study(), settings, state), finish(study(), settings, run(settings, devices=here))
    for name, item in ours.series.items():
        for key, value in item.value.items():
            np.testing.assert_allclose(value, theirs.series[name].value[key], rtol=1e-4, atol=1e-3)


def test_the_lanes_of_a_device_share_the_pilot_and_change_no_bit():
    device = jax.local_devices()[0]
    one, three = (run_ensemble(study(), BASE, devices=[device] * lanes, draws=(0, 0)) for lanes in (1, 3))
    assert one.pilot.draws == three.pilot.draws == BASE.pilot
    for first, second in zip(jax.tree.leaves(one.pilot.constants), jax.tree.leaves(three.pilot.constants), strict=True):
        assert first.tobytes() == second.tobytes()
