import dataclasses
import errno
import functools
import io
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_world import toy_study

from mc import checkpoint, disk
from mc.checkpoint import Keeper, Origin, differences, read_head, read_state
from mc.disk import claim, damage, part_of
from mc.ensemble import EnsembleState, Settings, run_ensemble
from mc.errors import DiskError, InputError
from mc.state_arrays import to_arrays

ROOT = Path(__file__).parents[1]
FACTS = {"ensemble.seed": "1", "scrap.recovery": "pert 0.9 0.95 0.99 1", "code": "0.1.0 (abc)"}
ORIGIN = Origin(facts=FACTS, question={"run": "x"}, asked=(0, 128), seconds=1.5)


@functools.cache
def some_state() -> EnsembleState:
    settings = Settings(draws=128, block=32, pilot=32, keep=("co2",), differences=("co2",), reference="low")
    return run_ensemble(toy_study(("low", "high")), settings, draws=(0, 96))


def bits(state: EnsembleState) -> dict[str, object]:
    arrays, metadata = to_arrays(state)
    return {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in arrays.items()} | metadata


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.state"
    Keeper(path, ORIGIN).save(some_state())
    return path


def test_a_state_comes_back_bit_for_bit_with_what_it_says_of_its_run(file: Path) -> None:
    head, state = read_state(file)
    assert bits(state) == bits(some_state())
    assert head == read_head(file)
    assert (head.done, head.draws, head.ranges, head.failed) == (96, 128, ((0, 96),), 0)
    assert head.origin.facts == FACTS
    assert head.origin.asked == (0, 128)
    assert head.origin.seconds >= 1.5
    assert [path.name for path in file.parent.iterdir()] == ["toy.state"]


def test_numpy_opens_a_state_without_pickle(file: Path) -> None:
    with np.load(file, allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["count"], some_state().count)


@pytest.mark.parametrize("kind", ["state", "cube"])
def test_each_of_a_hundred_corruptions_is_found_and_the_file_named(
    kind: str, file: Path, toy_cube: Path, tmp_path: Path
) -> None:
    whole = (file if kind == "state" else toy_cube).read_bytes()
    hurt, dice = tmp_path / f"hurt.{kind}", random.Random(11)
    for number in range(100):
        data, at = bytearray(whole), dice.randrange(len(whole))
        if number % 4 == 0:
            del data[at:]
        elif number % 4 == 1:
            data[at : at + 1] = b""
        elif number % 4 == 2:
            data.insert(at, dice.randrange(256))
        else:
            data[at] ^= 1 << dice.randrange(8)
        hurt.write_bytes(data)
        assert damage(hurt), (number, at)
        with pytest.raises(InputError, match=r"hurt\."):
            read_head(hurt)
    hurt.write_bytes(whole)
    assert damage(hurt) == ""


def test_what_is_no_state_is_refused_in_words(tmp_path: Path, toy_cube: Path) -> None:
    with pytest.raises(InputError, match="no such state file"):
        read_state(tmp_path / "none.state")
    with pytest.raises(InputError, match="is no state of a run"):
        read_state(toy_cube)
    for name, value in {"plain": 1, "old": np.frombuffer(b'{"format": 0}', np.uint8)}.items():
        part, path = tmp_path / "part", tmp_path / f"{name}.state"
        with part.open("wb") as stream:
            np.savez(stream, **{"metadata" if name == "old" else "x": value})
        disk.publish(part, path)
        with pytest.raises(InputError, match="no state of a run" if name == "plain" else "another version"):
            read_state(path)


class Full(io.FileIO):
    """A file on a disk that is full from a certain write on."""

    left = 0

    def write(self, data: object) -> int:
        Full.left -= 1
        if Full.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)  # type: ignore[arg-type]


def failure(keeper: Keeper, state: EnsembleState) -> str:
    try:
        keeper.save(state)
    except DiskError as error:
        return f"{error} ({error.exit_code})"
    return ""


def test_a_disk_full_at_any_write_leaves_the_state_before(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing fails at write 1, 2, 3, ... until it passes."""
    before = file.read_bytes()
    monkeypatch.setattr(checkpoint, "_create", lambda path: Full(path, "w"))
    later = dataclasses.replace(some_state(), ranges=((0, 64),))
    keeper = Keeper(file, ORIGIN)
    for failing in range(10_000):
        Full.left = failing
        message = failure(keeper, later)
        if not message:
            break
        assert str(file) in message
        assert "needs" in message
        assert "free on that disk" in message
        assert message.endswith("toy.state of before is whole (74)")
        assert file.read_bytes() == before
        assert list(file.parent.iterdir()) == [file]
    assert failing > 100
    assert read_head(file).ranges == ((0, 64),)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_sync_or_rename_that_fails_leaves_the_state_before(
    call: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), fail)
    with pytest.raises(DiskError, match="Input/output error"):
        Keeper(file, ORIGIN).save(some_state())
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_disk_that_is_too_full_is_not_written_to(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(file.parent)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    monkeypatch.setattr(checkpoint, "_create", None)
    with pytest.raises(DiskError, match=r"needs .* kB, free on that disk: 100 bytes"):
        Keeper(file, ORIGIN).save(some_state())
    assert damage(file) == ""


LIMITED = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_checkpoint import ORIGIN, Keeper, read_state, resource
file = Path(sys.argv[1])
_, state = read_state(file)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
Keeper(file, ORIGIN).save(state)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit of file sizes on this system")
def test_a_limit_that_the_system_enforces_is_a_disk_error(file: Path) -> None:
    before = file.read_bytes()
    command = [sys.executable, "-c", LIMITED, str(file), str(ROOT / "tests")]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "mc.errors.DiskError" in done.stderr
    assert "File too large" in done.stderr
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_small_disk_that_is_really_full(tmp_path: Path, file: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system is not allowed here")
    try:
        keeper = Keeper(small / "toy.state", ORIGIN)
        keeper.save(some_state())
        (small / "filler").write_bytes(b"x" * (shutil.disk_usage(small).free - 20_000))
        with pytest.raises(DiskError, match=r"small/toy\.state: needs .* free on that disk"):
            keeper.save(some_state())
        assert damage(keeper.path) == ""
        (small / "filler").unlink()
        keeper.save(some_state())
    finally:
        subprocess.run(["umount", small], check=True)
    assert damage(file) == ""


def test_what_a_killed_process_left_behind_is_swept(file: Path) -> None:
    part_of(file).write_bytes(b"half a state")
    Keeper(file, ORIGIN)
    assert list(file.parent.iterdir()) == [file]


def test_the_second_writer_learns_who_the_first_is(tmp_path: Path) -> None:
    target = tmp_path / "x.state"
    said = rf"another run is writing it \(process {os.getpid()} on"
    with claim(target), pytest.raises(InputError, match=said), claim(target):
        pass
    assert list(tmp_path.iterdir()) == []


HOLDER = """
import sys, time
from pathlib import Path
from mc.disk import claim
with claim(Path(sys.argv[1])):
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    target = tmp_path / "x.state"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", HOLDER, target], stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=f"process {holder.pid} on"), claim(target):
            pass
        holder.kill()
        holder.wait()
    assert {path.name for path in tmp_path.iterdir()} == {"x.state.lock", "x.state.part"}
    with claim(target):
        pass
    assert list(tmp_path.iterdir()) == []


def test_changes_are_named_with_their_place(file: Path) -> None:
    head = read_head(file)
    assert differences(head, FACTS, head.identity, {}) == ""
    notes = FACTS | {"a note": "changes no number"}
    assert differences(head, notes, head.identity, {}) == ""
    changed = FACTS | {"scrap.recovery": "pert 0.8 0.95 0.99 1"}
    said = differences(head, changed, head.identity | {"inputs": "other"}, {"scrap.recovery": "scrap.csv:3"})
    assert said == "scrap.recovery (scrap.csv:3) is pert 0.8 0.95 0.99 1, in the file pert 0.9 0.95 0.99 1"
    assert "jax is 9, in the file" in differences(head, FACTS, head.identity | {"jax": "9"}, {})
    assert "code is 0.2" in differences(head, FACTS | {"code": "0.2"}, head.identity, {})
    many = {f"row {number}": "x" for number in range(9)}
    assert differences(head, FACTS | many, head.identity | {"data": "other"}, {}).endswith("; and 4 more")
