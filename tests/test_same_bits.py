"""The real chain: the same counts and float64 sums however the draws are cut, dealt out, stopped and joined."""

import functools
import os
import random
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from mc import ensemble
from mc.checkpoint import Keeper, Origin, read_state
from mc.ensemble import EnsembleState, Settings, merge, run_ensemble
from mc.model.chain import steel_study
from mc.model.scenario import Options, Scenario
from mc.state import join_ranges
from mc.state_arrays import to_arrays
from mc.study import Study
from mc.summary import finish
from mc.tables import read_priors

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SETTINGS = Settings(
    draws=512,
    block=16,
    pilot=64,
    quantiles=("co2_direct_power", "co2_scope1_by_province"),
    differences=("co2_direct_power", "co2_direct_power_by_province"),
    reference="autarky",
)


@functools.cache
def chain() -> Study:
    return steel_study(read_priors(ROOT / "priors"), tuple(Scenario(p, p) for p in ("autarky", "market")), Options())


def run(count: int = 1, **options: object) -> EnsembleState:
    """The draws on so many lanes of the one device."""
    return run_ensemble(chain(), SETTINGS, devices=jax.local_devices()[:1] * count, **options)  # type: ignore[arg-type]


def bits(state: EnsembleState) -> dict[str, object]:
    arrays, metadata = to_arrays(state)
    return {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in arrays.items()} | metadata


@pytest.fixture(scope="module")
def whole() -> EnsembleState:
    return run()


def test_every_sum_is_exact(whole: EnsembleState) -> None:
    found = finish(chain(), SETTINGS, whole)
    assert sum(item.value["mean"].size for item in found.series.values()) > 100_000
    assert {name: n for name, item in found.series.items() if (n := int(item.diagnostic["inexact"].sum()))} == {}


@pytest.mark.parametrize("blocks", [1, 3, 1000])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_any_grouping_on_any_number_of_lanes(
    blocks: int, count: int, whole: EnsembleState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensemble, "MOST_BLOCKS", blocks)
    assert bits(run(count)) == bits(whole)


def test_stopped_at_any_group_and_taken_up_from_the_file(
    whole: EnsembleState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensemble, "MOST_BLOCKS", 4)
    keeper, state, times = Keeper(tmp_path / "x.state", Origin()), None, 0
    while state is None or not state.complete:
        calls = iter([False] * (1 + times % 3) + [True] * 9)
        keeper.save(run(2, stop=lambda calls=calls: next(calls), state=state))
        state, times = read_state(keeper.path)[1], times + 1
    assert times > 3
    assert bits(state) == bits(whole)


def test_thirty_two_parts_joined_in_any_order(whole: EnsembleState) -> None:
    pilot = run(draws=(0, 0))
    parts = [run(draws=(low, low + 16), state=pilot) for low in range(0, 512, 16)]
    for seed in range(3):
        states = list(parts)
        dice = random.Random(seed)
        while len(states) > 1:  # a tree of random shape
            first, second = (states.pop(dice.randrange(len(states))) for _ in range(2))
            states.append(merge(first, second))
        assert bits(states[0]) == bits(whole)
    assert join_ranges(item for part in parts for item in part.ranges) == ((0, 512),)


PROCESS = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from mc.devices import prepare
prepare("cpu")
import jax
import test_same_bits as t
from mc import ensemble
ensemble._worth_sharing = lambda *_: True
assert len(jax.devices()) == int(sys.argv[3])
draws = int(sys.argv[4]), int(sys.argv[5])
state = t.run_ensemble(t.chain(), t.SETTINGS, devices=jax.devices(), draws=draws)
t.Keeper(Path(sys.argv[2]), t.Origin()).save(state)
"""


def drawn_elsewhere(file: Path, devices: int = 1, draws: tuple[int, int] = (0, 512)) -> EnsembleState:
    """The state that a process of its own finds, on so many devices."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    arguments = [str(ROOT / "tests"), str(file), *map(str, (devices, *draws))]
    subprocess.run([sys.executable, "-c", PROCESS, *arguments], check=True, env=environment, cwd=ROOT)
    return read_state(file)[1]


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_any_number_of_devices(devices: int, whole: EnsembleState, tmp_path: Path) -> None:
    assert bits(drawn_elsewhere(tmp_path / "x.state", devices)) == bits(whole)


def test_processes_that_know_nothing_of_one_another(whole: EnsembleState, tmp_path: Path) -> None:
    edges = [(0, 128), (128, 384), (384, 512)]
    states = [drawn_elsewhere(tmp_path / f"{low}.state", draws=(low, high)) for low, high in edges]
    assert bits(merge(merge(states[2], states[0]), states[1])) == bits(whole)
    assert all(np.all(state.count > 0) for state in states)
