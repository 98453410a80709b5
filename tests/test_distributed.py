"""One run by several processes of one allocation: as srun starts them, here on one machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from same_bits import different_variables
from test_resume import load
from toy_command import ROOT, await_line, start

from mc import parts
from mc.checkpoint import Keeper, read_head, read_state
from mc.cube import open_cube
from mc.disk import claim
from mc.distributed import join_if_last, meeting
from mc.errors import InputError, RunFailed
from mc.parts import is_drawn, make_part, make_pilot, merge_parts, parts_of, pilot_file
from mc.run import make_cube
from mc.runfile import Run
from mc.stop import Stop

Launch = Callable[..., list[subprocess.Popen[str]]]
DRAWS = 1024


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Say that this is one of so many processes of srun, which meet on a port that is free."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    said = {"SLURM_JOB_ID": "1", "SLURM_STEP_NODELIST": "127.0.0.1", "JAX_COORDINATOR_PORT": str(port)}

    def say(number: int, of: int) -> None:
        own = {"SLURM_PROCID": str(number), "SLURM_LOCALID": str(number), "SLURM_NTASKS": str(of)}
        for name, value in (said | own).items():
            monkeypatch.setenv(name, value)

    return say


@pytest.fixture
def launch(launched: Callable[[int, int], None], toy_folder: Path) -> Launch:
    """Start one run by so many processes."""

    def run(of: int, *options: object) -> list[subprocess.Popen[str]]:
        processes = []
        for number in range(of):
            launched(number, of)
            processes.append(start("run", toy_folder / "runs" / "toy.toml", "--distributed", *options))
        return processes

    return run


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Exit code, stdout and stderr of each."""
    found = [process.communicate() for process in processes]
    return [(process.returncode, *said) for process, said in zip(processes, found, strict=True)]


def whole(folder: Path, draws: int = DRAWS, **options: object) -> Path:
    """The cube of the run in one process."""
    return make_cube(load(folder, output__cube=str(folder / "whole.nc"), ensemble__draws=draws, **options))


def test_processes_of_an_allocation_share_a_run_and_the_last_joins_it(toy_folder: Path, launch: Launch) -> None:
    run, other = load(toy_folder), load(toy_folder, ensemble__seed=5)
    for number in (1, 2):  # all there already, but of another run
        make_part(other, number, 2)
    found = ended(launch(2, "--draws", DRAWS, "--overwrite"))
    assert [code for code, _, _ in found] == [0, 0], found
    printed = sorted(Path(out.strip()).name for _, out, _ in found)
    assert printed[0] == "toy.nc"
    assert printed[1] in [file.name for file in parts_of(run, 2)]
    assert different_variables(run.cube, whole(toy_folder)) == []


@pytest.mark.slow
def test_one_that_dies_is_named_and_the_same_command_goes_on(toy_folder: Path, launch: Launch) -> None:
    draws = 2**22
    options = ("--draws", draws, "--save-every", 0, "--resume")
    processes = launch(2, *options)
    await_line(processes[1], "draws/s")
    processes[1].kill()
    (code, out, err), (killed, _, _) = ended(processes)
    run = load(toy_folder, ensemble__draws=draws)
    first, second = parts_of(run, 2)
    assert (code, out, killed) == (0, f"{first}\n", -9), err
    assert f"the last process writes the cube; not drawn yet: {second.name}" in err
    assert "Traceback" not in err
    assert not is_drawn(second)
    assert not run.cube.exists()
    found = ended(launch(2, *options))
    assert sorted(out for _, out, _ in found)[0] == f"{run.cube}\n", found
    assert different_variables(run.cube, whole(toy_folder, draws)) == []


def test_mpirun_says_who_is_who(launched: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    launched(0, 1)
    port = os.environ["JAX_COORDINATOR_PORT"]
    for name, value in {"PMI_SIZE": "1", "PMI_RANK": "0", "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_JOB_ID")
    with meeting() as found:
        assert found == (1, 1)


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun on PATH")
def test_processes_of_a_real_mpirun_share_a_run(
    launched: Callable[[int, int], None], toy_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched(0, 1)
    port = os.environ["JAX_COORDINATOR_PORT"]
    for name in ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS"):
        monkeypatch.delenv(name)
    # What Open MPI asks of a container: to run as root, and more processes than cores.
    for name in ("ALLOW_RUN_AS_ROOT", "ALLOW_RUN_AS_ROOT_CONFIRM", "MCA_rmaps_base_oversubscribe"):
        monkeypatch.setenv(f"OMPI_{name}", "1")
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", f"127.0.0.1:{port}")
    for name, value in {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "FERROCAST_CACHE": "off"}.items():
        monkeypatch.setenv(name, value)
    toy = [sys.executable, ROOT / "tests" / "toy_command.py", "run", toy_folder / "runs" / "toy.toml"]
    command = map(str, ["mpirun", "-n", 3, *toy, "--distributed", "--draws", DRAWS])
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)
    run = load(toy_folder)
    assert done.returncode == 0, done.stderr
    assert str(run.cube) in done.stdout.splitlines()
    assert different_variables(run.cube, whole(toy_folder)) == []


def test_one_that_never_comes_is_said(launched: Callable[[int, int], None]) -> None:
    launched(0, 2)
    with pytest.raises(RunFailed, match="not all processes of this allocation met within 2 s"), meeting(2):
        pass


def test_one_that_fails_at_its_start_ends_the_others(toy_folder: Path, launch: Launch) -> None:
    make_pilot(load(toy_folder, ensemble__seed=5))
    (first, _, said), (second, _, why) = ended(launch(2, "--draws", DRAWS))
    assert (first, second) == (2, 1)
    assert "toy.pilot.state: is of another run: ensemble.seed" in said
    assert why.endswith("another process of this allocation has left before all had begun; its log says why\n")
    assert "Traceback" not in said + why


def test_without_a_launcher_the_command_says_what_to_do(
    toy_folder: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = command("run", toy_folder / "runs" / "toy.toml", "--distributed")
    assert (code, out) == (2, "")
    assert "JAX finds no launcher of many processes, such as srun" in err
    assert "Traceback" not in err
    code, _, err = command("run", toy_folder / "runs" / "toy.toml", "--distributed", "--part", "1/2")
    assert (code, err) == (2, "--distributed goes with neither --extend nor --part nor --state\n")


def test_the_pilot_can_be_stopped_and_tells_of_itself(
    toy_folder: Path,
    launched: Callable[[int, int], None],
    command: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pilot(_: Run, **calls: object) -> NoReturn:
        assert isinstance(calls["stop"], Stop)
        assert signal.getsignal(signal.SIGTERM) == calls["stop"]._note
        assert callable(calls["progress"])
        raise InputError("seen")

    launched(0, 1)
    monkeypatch.setattr(parts, "make_pilot", pilot)
    code, _, err = command("run", toy_folder / "runs" / "toy.toml", "--distributed")
    assert (code, err.splitlines()[-1]) == (2, "seen")


def test_a_process_that_is_killed_as_it_meets_does_not_count_as_met(launched: Callable[[int, int], None]) -> None:
    """Its child outlives it, and must not say for it that all have begun."""
    launched(0, 2)
    killed = start(program="import os\nfrom mc.distributed import meeting\nwith meeting(): os._exit(3)\n")
    launched(1, 2)
    with pytest.raises(RunFailed, match="another process of this allocation has left"), meeting():
        assert ended([killed])[0][0] == 3


def test_a_state_that_cannot_be_removed_exits_74(
    toy_folder: Path, launched: Callable[[int, int], None], command: Callable[..., tuple[int, str, str]]
) -> None:
    stale = parts_of(load(toy_folder), 1)[0]
    stale.mkdir(parents=True)
    launched(0, 1)
    code, out, err = command("run", toy_folder / "runs" / "toy.toml", "--distributed", "--overwrite")
    assert (code, out) == (74, "")
    assert err.splitlines()[-1].startswith(f"{stale}: cannot be removed: ")


def test_the_pilot_lies_where_parts_look_for_it(
    toy_folder: Path, command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    file, other = toy_folder / "runs" / "toy.toml", tmp_path / "mine.state"
    code, out, err = command("run", file, "--part", "pilot", "--state", other)
    assert (code, out) == (2, "")
    assert err == "--part pilot goes without --state: parts look for it beside the cube; --out moves both\n"
    assert not other.exists()
    assert not pilot_file(load(toy_folder)).exists()


@pytest.fixture
def drawn(toy_folder: Path) -> Run:
    """A run with all of its two parts drawn."""
    run = load(toy_folder)
    for number in (1, 2):
        make_part(run, number, 2)
    return run


def test_two_that_finish_at_once_write_one_cube(drawn: Run) -> None:
    with claim(drawn.cube):  # the other one is at it
        assert join_if_last(drawn, 2) is None
    assert join_if_last(drawn, 2) == drawn.cube
    before = drawn.cube.read_bytes()
    assert join_if_last(drawn, 2) is None
    assert drawn.cube.read_bytes() == before


def test_another_cube_in_the_way_is_an_error(drawn: Run) -> None:
    make_cube(load(drawn.file.parents[1], ensemble__seed=5, output__cube=str(drawn.cube)))
    with pytest.raises(InputError, match="exists"):
        join_if_last(drawn, 2)


def test_parts_start_from_the_pilot_that_is_there(toy_folder: Path) -> None:
    """That of another kind of processor, whose numbers differ in their last bit."""
    run = load(toy_folder)
    _, state = read_state(make_pilot(run))
    assert (state.done, state.ranges) == (0, ())
    moments = state.pilot.constants["co2"]["moments"]
    name = sorted(moments)[0]
    moments[name] = np.nextafter(moments[name], np.asarray(np.inf, moments[name].dtype))
    Keeper(pilot_file(run), read_head(pilot_file(run)).origin).save(state)
    kept = pilot_file(run).read_bytes()
    files = [make_part(run, number, 2) for number in (1, 2)]
    for file in files:
        assert np.array_equal(read_state(file)[1].pilot.constants["co2"]["moments"][name], moments[name])
    assert make_pilot(run).read_bytes() == kept
    with pytest.raises(InputError, match=r"pilot\.state: no draws yet, nothing to join"):
        merge_parts([pilot_file(run)], allow_partial=True)
    assert open_cube(merge_parts([pilot_file(run), *files])).attrs["parts"] == 2
    with pytest.raises(InputError, match=r"pilot\.state: is of another run: ensemble\.seed .* is 5, in the file 1"):
        make_part(load(toy_folder, ensemble__seed=5), 1, 3)
