"""Programs that are loaded before they are asked for: the right one, or none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

from mc import ahead
from mc.ahead import Ahead
from mc.devices import cache_folder
from mc.errors import InputError
from mc.programs import _keep
from mc.run import make_cube

ROOT = Path(__file__).parents[1]
NAME = "a" * 64


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The entry of a program that doubles a number."""
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path))
    folder = cache_folder("programs")
    assert folder is not None
    folder.chmod(0o700)
    _keep(folder / NAME, {"double": jax.jit(lambda x: 2 * x).lower(1.0).compile()})
    return folder / NAME


def test_what_a_question_used_last_is_loaded_for_it(place: Path) -> None:
    device = jax.local_devices()[0]
    assert Ahead("q", "auto").take(place, device) is None  # never asked before
    programs = Ahead("q", "auto").take(place, device)
    assert programs is not None
    assert float(programs["double"](3.0)) == 6.0
    assert Ahead("another", "auto").take(place, device) is None


def test_a_wrong_guess_is_put_right(place: Path) -> None:
    device, other = jax.local_devices()[0], place.with_name("b" * 64)
    Ahead("q", "auto").take(place, device)
    assert Ahead("q", "auto").take(other, device) is None
    assert ahead._remembered() == {"q": other.name}


@pytest.mark.parametrize("text", ["", "[1]", '{"q": 3}', '{"q": "../../x"}', '{"q": "' + "c" * 64 + '"}'])
def test_a_damaged_memory_and_an_entry_that_is_gone_are_no_harm(text: str, place: Path) -> None:
    file = ahead._file()
    assert file is not None
    file.write_text(text)
    assert Ahead("q", "auto").take(place, jax.local_devices()[0]) is None


def test_a_damaged_program_is_not_taken(place: Path) -> None:
    device = jax.local_devices()[0]
    Ahead("q", "auto").take(place, device)
    place.write_bytes(place.read_bytes()[:-1])
    assert Ahead("q", "auto").take(place, device) is None


def test_so_many_questions_are_remembered(place: Path) -> None:
    for number in range(ahead.MOST_KEPT + 3):
        Ahead(str(number), "auto").take(place, jax.local_devices()[0])
    assert list(ahead._remembered()) == [str(number) for number in range(3, ahead.MOST_KEPT + 3)]


def test_a_process_that_has_begun_loads_nothing_ahead(place: Path) -> None:
    Ahead("q", "auto").take(place, jax.local_devices()[0])  # what it would load is known
    with ahead.loading("q", "auto"):
        assert ahead.take(place, jax.local_devices()[0]) is None


def test_a_run_that_is_refused_leaves_nothing_to_the_next(
    place: Path, toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a notebook: the program of the first question is not taken, nor remembered, for the second."""
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path))
    monkeypatch.setattr(ahead, "sys", SimpleNamespace(modules={}))  # a process that has not begun
    begun = []
    monkeypatch.setattr(ahead, "Ahead", lambda *asked: begun.append(asked) or Ahead(*asked))
    file = toy_folder / "runs" / "toy.toml"
    file.write_text(file.read_text(encoding="utf-8") + '[keep]\noutputs = ["co3"]\n', encoding="utf-8")
    with pytest.raises(InputError, match="no output 'co3'"):
        make_cube(file)
    assert len(begun) == 1
    assert ahead.take(place, jax.local_devices()[0]) is None
    assert ahead._remembered() == {}


def test_a_second_process_loads_the_program_ahead(toy_folder: Path, tmp_path: Path) -> None:
    """The first remembers which program the question used, the second has it when it is asked for."""
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from dataclasses import replace\n"
        "from mc import ahead, pose\n"
        "def toy(run, priors):\n"
        "    from toy_world import toy_model\n"
        "    posed = toy_model(run, priors)\n"
        "    return replace(posed, study=replace(posed.study, variant='toy'))\n"
        "pose.MODELS['toy'] = toy\n"
        "whole = ahead.Ahead.take\n"
        "def take(self, place, device):\n"
        "    found = whole(self, place, device)\n"
        "    print('ahead' if found else 'not ahead')\n"
        "    return found\n"
        "ahead.Ahead.take = take\n"
        "from mc.__main__ import process\n"
        "process()\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "FERROCAST_CACHE": str(tmp_path / "c"),
    }
    command = [sys.executable, "-c", program, "run", str(toy_folder / "runs" / "toy.toml"), "--overwrite"]
    said = [subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout for _ in "12"]
    assert [text.split("\n")[0] for text in said] == ["not ahead", "ahead"]
    assert json.loads(next((tmp_path / "c").rglob(ahead.FILE)).read_text())


def test_imports_are_waited_for_whether_or_not_there_is_something_to_load(place: Path) -> None:
    device = jax.local_devices()[0]
    for _ in range(2):  # never asked before, then known
        begun = Ahead("q", "auto")
        begun.wait_for_imports()
        begun.take(place, device)
    broken = Ahead("q", "no such device")
    broken.wait_for_imports()
    assert broken.take(place, device) is None
