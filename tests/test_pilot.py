"""The pilot: its draws are evaluated once, whatever is held of them, and its moments are those of the draws."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mc import ensemble, pilot
from mc.ensemble import EnsembleState, Settings, run_ensemble
from mc.runner import BlockRunner
from mc.state_arrays import to_arrays
from mc.study import Input, Output, Prior, Study

SETTINGS = Settings(draws=512, block=64, pilot=256, keep=("y", "fault"))


def study() -> Study:
    def function(data: dict[str, jax.Array], draw: dict[str, jax.Array]) -> dict[str, jax.Array]:
        wave = jnp.sin(data["rate"] * draw["x"])
        return {"y": wave, "total": wave.sum(), "fault": jnp.zeros_like(wave[0])}

    return Study(
        name="waves",
        inputs=(Input("x", (Prior("normal", -1.6, 0.0, 1.6),)),),
        outputs=(
            Output("y", "1", ("year",), "Waves of a normal variable"),
            Output("total", "1", (), "Their sum"),
            Output("fault", "1", (), "Never", "fault"),
        ),
        coords={"year": tuple(range(2020, 2030))},
        data={"rate": np.linspace(0.5, 3.0, 10)},
        function=function,
    )


def bits(state: EnsembleState) -> dict[str, object]:
    arrays, metadata = to_arrays(state)
    return {name: array.tobytes() for name, array in arrays.items()} | metadata


def runner_of(settings: Settings = SETTINGS) -> BlockRunner:
    return BlockRunner(ensemble._program(study(), settings, "cpu"), jax.local_devices()[0])


@pytest.mark.parametrize("most", [0, 10_000, 2**28])
@pytest.mark.parametrize("lanes", [1, 2])
def test_what_is_held_changes_no_bit(most: int, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = jax.local_devices()[:1] * lanes
    apart = [run_ensemble(study(), SETTINGS, devices=devices, draws=(0, 0))]  # its blocks are evaluated again
    apart.append(run_ensemble(study(), SETTINGS, devices=devices, state=apart[0]))
    monkeypatch.setattr(pilot, "MOST_HELD", most)
    assert bits(run_ensemble(study(), SETTINGS, devices=devices)) == bits(apart[1])


def test_blocks_that_are_held_are_not_evaluated_again() -> None:
    """A held block is tampered with: the sums show what was put there."""
    runner = runner_of()
    found = pilot.run_pilot(runner, 256, 0)
    assert sorted(runner.held) == [0, 64, 128, 192]
    runner.start(found.constants)
    runner.held[64]["outputs"]["total"] = jax.device_put(np.full(64, 7.0, np.float32), runner.device)
    runner.work(0, 192)
    assert sorted(runner.held) == [192]
    kept = {int(part.index[0]): part.outputs["y"] for part in runner._kept}
    assert sorted(kept) == [0, 64, 128]
    quanta, fixed = runner.totals()["statistics"]["total"]["moments"]["sum"], found.constants["total"]["moments"]
    whole = runner_of()
    whole.start(found.constants)
    whole.work(0, 192)
    difference = (quanta - whole.totals()["statistics"]["total"]["moments"]["sum"]).sum() / fixed["quanta_per_unit"]
    honest = np.concatenate([part.outputs["y"].sum(axis=1) for part in whole._kept if part.index[0] == 64])
    np.testing.assert_allclose(difference[0], 64 * 7.0 - honest.sum(), rtol=1e-3)


def test_no_more_is_held_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = runner_of()
    values = 256 * 11 * 4  # of the pilot: float32 of ten years and their sum
    for room, most in ((2, 2), (1, 1), (0, 0), (-1, 0), (9, 4)):
        runner.held.clear()
        monkeypatch.setattr(pilot, "MOST_HELD", values + room * runner.block_bytes)
        pilot.run_pilot(runner, 256, 0)
        assert len(runner.held) == most


@pytest.mark.parametrize(
    ("draws", "blocks"), [((0, 0), []), ((256, 512), []), ((64, 128), [64]), ((100, 130), [64, 128])]
)
def test_a_part_holds_no_block_of_another(
    draws: tuple[int, int], blocks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    hold = BlockRunner.hold
    monkeypatch.setattr(BlockRunner, "hold", lambda self, low: (held.append(low), hold(self, low)))
    run_ensemble(study(), SETTINGS, devices=jax.local_devices()[:1], draws=draws)
    assert held == blocks


def test_a_block_that_was_asked_for_in_part_is_not_held() -> None:
    runner = runner_of(dataclasses.replace(SETTINGS, pilot=100))
    pilot.run_pilot(runner, 100, 0)
    assert sorted(runner.held) == [0]


def test_the_mean_draw_and_the_pilot_count_nowhere() -> None:
    runner = runner_of()
    found = pilot.run_pilot(runner, 256, 0)
    np.testing.assert_allclose(found.at_mean["y"], 0.0, atol=1e-6)
    assert not any(array.any() for array in jax.tree.leaves(runner.totals()["statistics"]))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_moments_of_blocks_join_to_those_of_all(sizes: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).normal(1e3, 1.0, size=(sum(sizes), 3)).astype(np.float32)
    parts = np.split(values, np.cumsum(sizes)[:-1])
    joined = pilot._Look.at(parts[0])
    for part in parts[1:]:
        joined = joined.joined(pilot._Look.at(part))
    assert joined.count == len(values)
    if len(values):
        wide = values.astype(np.float64)
        np.testing.assert_allclose(joined.mean, wide.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(joined.squares, wide.var(axis=0) * len(values), rtol=1e-6, atol=1e-6)
