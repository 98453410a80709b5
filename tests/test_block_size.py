"""The block size: searched on the device, remembered for the chain, used where nobody states one."""

import dataclasses
from pathlib import Path

import jax
import pytest
from toy_world import toy_study

from mc import block_size
from mc.block_size import UNTUNED, block_for, tune
from mc.cube import open_cube
from mc.ensemble import Settings
from mc.errors import RunFailed
from mc.run import make_cube
from mc.runfile import load_run

STUDY, SETTINGS, DEVICES = toy_study(("low", "high")), Settings(draws=256), jax.devices("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path / "cache"))


def pretend(monkeypatch: pytest.MonkeyPatch, speeds: dict[int, float]) -> None:
    """Speeds by block instead of measured ones; a block without one has no memory."""

    def speed(_study: object, settings: Settings, _devices: object, _seconds: float) -> float:
        if settings.block not in speeds:
            raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return speeds[settings.block]

    monkeypatch.setattr(block_size, "_speed", speed)


@pytest.mark.parametrize(
    ("speeds", "best", "tried"),
    [
        ({16: 1.0, 32: 3.0, 64: 2.0, 128: 9.0}, 32, [16, 32, 64]),
        ({16: 1.0, 32: 3.0, 64: 2.9, 128: 2.5}, 32, [16, 32, 64, 128]),
        ({16: 1.0, 32: 2.0}, 32, [16, 32]),
    ],
)
def test_search_ends_where_it_gets_slower_or_memory_ends_and_is_remembered(
    monkeypatch: pytest.MonkeyPatch, speeds: dict[int, float], best: int, tried: list[int]
) -> None:
    pretend(monkeypatch, speeds)
    heard: list[int] = []
    assert block_for(STUDY, SETTINGS, DEVICES) == UNTUNED["cpu"]
    assert tune(STUDY, SETTINGS, DEVICES, lambda block, _: heard.append(block)) == best
    assert heard == tried
    assert block_for(STUDY, dataclasses.replace(SETTINGS, seed=7, draws=9000), DEVICES) == best
    other = dataclasses.replace(SETTINGS, precision="float64")
    assert block_for(STUDY, other, DEVICES) == UNTUNED["cpu"], "another chain"


def test_no_memory_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {})
    with pytest.raises(RunFailed, match="no memory for the smallest block"):
        tune(STUDY, SETTINGS, DEVICES, lambda *_: None)


def test_blocks_hold_whole_rounds_of_scramblings(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = dataclasses.replace(SETTINGS, scramblings=12, block=24)
    assert block_for(STUDY, odd, DEVICES) == 60
    pretend(monkeypatch, {12: 1.0, 24: 2.0})
    assert tune(STUDY, odd, DEVICES, lambda *_: None) == 24


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": "b"}'])
def test_a_damaged_memory_is_no_memory(text: str) -> None:
    file = block_size._file()
    assert file is not None
    file.write_text(text)
    assert block_for(STUDY, SETTINGS, DEVICES) == UNTUNED["cpu"]


def test_a_memory_that_cannot_be_written_costs_no_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    pretend(monkeypatch, {16: 1.0, 32: 2.0})
    monkeypatch.setattr("tempfile.mkstemp", full)
    assert tune(STUDY, SETTINGS, DEVICES, lambda *_: None) == 32
    assert "No space left" in caplog.text


def test_real_speeds_are_measured() -> None:
    assert block_size._speed(STUDY, dataclasses.replace(SETTINGS, block=512), DEVICES, 0.01) > 0


def test_a_run_that_states_no_block_takes_the_measured_one(
    toy_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path / "cache"))
    from mc.pose import pose, settings_of

    file = toy_folder / "runs" / "toy.toml"
    run = load_run(file)
    posed = pose(run)
    pretend(monkeypatch, {16: 1.0, 32: 2.0})
    tune(posed.study, settings_of(run, posed.study), jax.local_devices(), lambda *_: None)
    assert open_cube(make_cube(run)).attrs["block"] == 32
    stated = load_run(file, {"ensemble.block": 48})
    assert open_cube(make_cube(stated, overwrite=True)).attrs["block"] == 48
