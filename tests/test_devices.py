import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from mc.devices import cache_folder, find_devices, lanes, usable_cores
from mc.errors import InputError

ROOT = Path(__file__).parents[1]
UNSET = ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES", "JAX_COMPILATION_CACHE_DIR", "FERROCAST_CACHE")


def count_devices(before: str, **variables: str) -> str:
    """Devices and cache that JAX ends up with in a process of its own."""
    program = f"""
import sys
{before}
from mc.devices import prepare
prepare("cpu")
import jax
sys.stdout.write(f"{{len(jax.devices())}} {{jax.config.jax_compilation_cache_dir}}")
"""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment |= {"PYTHONPATH": str(ROOT), **variables}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True).stdout


@pytest.mark.parametrize("before", ["", "import jax"])
def test_jax_gets_a_cache(tmp_path: Path, before: str) -> None:
    devices, folder = count_devices(before, FERROCAST_CACHE=str(tmp_path)).split()
    assert int(devices) == 1
    assert Path(folder).is_relative_to(tmp_path)


def test_a_cpu_works_once_a_core() -> None:
    device = jax.devices("cpu")[0]
    assert lanes([device]) == [device] * usable_cores()
    assert lanes([device, device]) == [device, device]


def test_what_the_user_has_set_is_left_alone(tmp_path: Path) -> None:
    assert count_devices("", FERROCAST_CACHE="off", JAX_NUM_CPU_DEVICES="3") == "3 None"
    flags = "--xla_force_host_platform_device_count=3"
    assert count_devices("", FERROCAST_CACHE="off", XLA_FLAGS=flags) == "3 None"
    named = str(tmp_path / "mine")
    assert count_devices("", JAX_NUM_CPU_DEVICES="1", JAX_COMPILATION_CACHE_DIR=named) == f"1 {named}"


def test_a_started_jax_is_left_as_it_is(tmp_path: Path) -> None:
    before = "import jax; jax.devices()"
    assert count_devices(before, FERROCAST_CACHE=str(tmp_path)).split()[0] == "1"


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path / "file"))
    assert cache_folder() is None
    monkeypatch.setenv("FERROCAST_CACHE", "off")
    assert cache_folder() is None


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"device = 'tpu'.*ferrocast doctor"):
        find_devices("tpu")


def test_a_study_without_data_runs_on_any_device(tmp_path: Path) -> None:
    program = """
import sys, jax
from mc.ensemble import Settings, run_ensemble
from mc.study import Input, Output, Prior, Study
one = Study("bare", (Input("x", (Prior("uniform", 0.0, 0.5, 1.0),)),), (Output("y", "1", (), "y"),), {}, {},
            lambda data, draw: {"y": 2 * draw["x"]}, variant="twice")
settings = Settings(draws=64, block=32, pilot=32)
sums = {run_ensemble(one, settings, devices=[device]).statistics["y"]["moments"]["sum"].tobytes()
        for device in jax.devices()}
sys.stdout.write(f"{len(jax.devices())} {len(sums)}")
"""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment |= {"PYTHONPATH": str(ROOT), "FERROCAST_CACHE": str(tmp_path), "JAX_NUM_CPU_DEVICES": "2"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout == "2 1", done.stderr
