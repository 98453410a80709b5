"""Runs in parts: what the script for Slurm says, what a second submission does, and processes on this machine."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from same_bits import different_variables
from toy_command import ROOT, await_line

from mc import batch
from mc.batch import Batch, Needs, plan
from mc.checkpoint import read_head
from mc.errors import InputError
from mc.parts import make_part, make_pilot, part_file
from mc.processes import shares_of
from mc.run import make_cube
from mc.runfile import load_run
from mc.slurm import script

TOY = (sys.executable, str(Path(__file__).with_name("toy_command.py")))
Command = Callable[..., tuple[int, str, str]]

SBATCH = """#!/bin/bash
number=$(( $(ls {folder} | wc -l) + 7 ))
cat > {folder}/job$number
echo "$@" > {folder}/../arguments$number
echo "$number;cluster"
"""
"""Takes a job and runs nothing."""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tasks keep compiled programs: each would compile the same ones."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(autouse=True)
def toy_tasks(
    toy_folder: Path,  # noqa: ARG001 - it sets the cache first
    compiled: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tasks know the toy model, and find this checkout."""
    monkeypatch.setenv("FERROCAST_CACHE", str(compiled))
    monkeypatch.setattr(batch, "PROGRAM", TOY)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")


@pytest.fixture
def toy(toy_folder: Path) -> Path:
    return toy_folder / "runs" / "toy.toml"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs named as those of Slurm; jobs land in `jobs` beside it."""
    programs, jobs = tmp_path / "bin", tmp_path / "jobs"
    for folder in (programs, jobs):
        folder.mkdir()
    _program(programs / "sbatch", SBATCH.format(folder=jobs))
    _program(programs / "squeue", "#!/bin/bash\n")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return programs


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _planned(file: Path, tasks: int, needs: Needs | None = None, **options: object) -> Batch:
    return plan(load_run(file), tasks, needs or Needs(), command="ferrocast submit", **options)  # type: ignore[arg-type]


def _jobs(text: str) -> tuple[str, str]:
    """The two jobs in a script: that of the parts, that of the merge."""
    parts, merge = (text.partition(f"<<'{word}'\n")[2].partition(f"\n{word}\n")[0] for word in ("PARTS", "MERGE"))
    return parts, merge


def _options(job: str) -> dict[str, str]:
    words = [shlex.split(line.removeprefix("#SBATCH "))[0] for line in job.splitlines() if line.startswith("#SBATCH ")]
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def test_the_script_asks_for_what_was_asked_for(toy: Path) -> None:
    needs = Needs(2, 4, "2:00:00", "16G", "low", ("--account=metals",), 3)
    text = script(_planned(toy, 4, needs))
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0
    parts, merge = map(_options, _jobs(text))
    asked = {"--gres": "gpu:2", "--cpus-per-task": "4", "--time": "2:00:00", "--mem": "16G", "--partition": "low"}
    assert asked.items() <= parts.items()
    assert parts["--array"] == "1-4%3"
    assert "--requeue" in parts
    assert parts["--open-mode"] == "append"
    assert parts["--output"].endswith("/runs/out/toy.batch/toy.part-%1a-of-4.log")
    assert "--gres" not in merge
    assert "--array" not in merge
    assert parts["--account"] == merge["--account"] == "metals"
    assert '"--dependency=afterany:$parts"' in text


def test_nothing_is_asked_for_that_was_not_said(toy: Path) -> None:
    parts, _ = map(_options, _jobs(script(_planned(toy, 2))))
    assert not parts.keys() & {"--gres", "--cpus-per-task", "--time", "--mem", "--partition"}


def test_a_task_is_told_what_options_and_variables_say(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERROCAST_SEED", "9")
    strange = tmp_path / "a 'b' 50%2a $HOME.nc"
    run = load_run(toy, {"ensemble.draws": 512, "output.cube": str(strange)})
    monkeypatch.delenv("FERROCAST_SEED")
    parts, merge = _jobs(script(plan(run, 8, Needs(gpus=1))))
    task = parts.splitlines()[-1].replace(shlex.join(TOY), "printf '%s\\n'").removeprefix("exec ")
    words = subprocess.run(["bash"], input=f"SLURM_ARRAY_TASK_ID=5\n{task}", capture_output=True, text=True, check=True)
    said = ["run", str(toy), "--part", "5/8", "--resume", "--out", str(strange), "--draws", "512", "--seed", "9"]
    assert words.stdout.split("\n") == [*said, "--device", "gpu", ""]
    assert _options(parts)["--output"].endswith("a 'b' 50%%2a $HOME.part-%1a-of-8.log")
    file = tmp_path / f"{strange.stem}.part-3-of-8.state"
    file.write_text("", encoding="utf-8")
    joined = merge[merge.index(shlex.join(TOY)) :].partition(" || ")[0].replace(shlex.join(TOY), "printf '%s\\n'")
    words = subprocess.run(["bash"], input=joined, capture_output=True, text=True, check=True)
    assert words.stdout.split("\n")[-2] == str(file)


def test_parts_that_are_drawn_are_left_out(toy: Path) -> None:
    run = load_run(toy)
    make_part(run, 2, 4)
    assert _planned(toy, 4).missing == (1, 3, 4)
    assert _options(_jobs(script(_planned(toy, 4)))[0])["--array"] == "1,3-4"
    for number in (1, 3, 4):
        make_part(run, number, 4)
    text = script(_planned(toy, 4))
    assert "PARTS" not in text
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


def test_a_part_that_was_stopped_is_drawn_on(toy: Path) -> None:
    run = load_run(toy, {"ensemble.draws": 4096, "ensemble.block": 16})
    asked: list[int] = []
    with pytest.raises(Exception, match="stopped after"):
        make_part(run, 1, 2, stop=lambda: asked.append(1) or len(asked) > 1)
    assert 0 < read_head(part_file(run, 1, 2)).done < 2048
    assert plan(run, 2, Needs()).missing == (1, 2)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ensemble.seed": 2}, "seed"),
        ({"ensemble.draws": 512}, "is for draws 0 to 127, not 0 to 255"),
    ],
)
def test_parts_of_another_run_are_refused_or_replaced(toy: Path, options: dict[str, int], reason: str) -> None:
    file = make_part(load_run(toy), 1, 2)
    other = load_run(toy, options)
    with pytest.raises(InputError, match=reason):
        plan(other, 2, Needs())
    replaced = plan(other, 2, Needs(), overwrite=True)
    assert (replaced.missing, replaced.stale) == ((1, 2), (file,))


def test_a_part_does_not_go_on_from_the_state_of_another(toy: Path) -> None:
    file = make_part(load_run(toy), 1, 2)
    with pytest.raises(InputError, match="is for draws 0 to 127, not 128 to 255"):
        make_part(load_run(toy), 2, 2, state=file, resume=True)


def test_a_damaged_part_is_refused_or_replaced(toy: Path) -> None:
    file = make_part(load_run(toy), 1, 2)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="cut short"):
        _planned(toy, 2)
    assert _planned(toy, 2, overwrite=True).missing == (1, 2)


def test_parts_of_other_code_are_refused(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mc import provenance

    make_part(load_run(toy), 1, 2)
    monkeypatch.setattr(provenance, "code_digest", lambda: "another")
    with pytest.raises(InputError, match="was drawn by ferrocast"):
        _planned(toy, 2)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--tasks", "5"), "--tasks 5: part 1 of 5: the run has 4 blocks of 64 draws; at most 4 parts"),
        (("--tasks", "0"), "Invalid value for '--tasks'"),
        (("--tasks", "2", "--time", "2h"), "--time '2h': write it as Slurm does, such as 90 (minutes)"),
        (("--tasks", "2", "--time", "1:2:3:4"), "--time '1:2:3:4'"),
        (("--tasks", "2", "--mem", "16 GB"), "--mem '16 GB'"),
        (("--tasks", "2", "--partition", "low\n#SBATCH --x"), "--partition 'low"),
        (("--tasks", "2", "--sbatch", "--account=x\nrm"), "--sbatch '--account=x"),
        (("--tasks", "2", "--sbatch", "rm"), "--sbatch 'rm'"),
        (("--tasks", "2", "--executor", "cloud"), "cloud"),
        (("--tasks", "2", "--executor", "local", "--gpus", "1"), "--gpus 1: JAX finds no GPU here"),
        (("--tasks", "2", "--executor", "local", "--cpus", "9999"), "--cpus 9999"),
    ],
)
def test_bad_options_exit_2_with_a_reason(
    toy: Path, cluster: Path, command: Command, options: tuple[str, ...], reason: str
) -> None:
    code, out, err = command("submit", toy, *options)
    assert (code, out) == (2, "")
    assert reason in " ".join(err.split())
    assert "Traceback" not in err
    assert list((cluster.parent / "jobs").iterdir()) == []


@pytest.mark.parametrize("time", ["90", "90:30", "2:00:00", "1-12", "1-12:30", "1-12:30:15"])
def test_every_way_that_slurm_writes_a_time_is_taken(toy: Path, command: Command, time: str) -> None:
    code, out, err = command("submit", toy, "--tasks", "2", "--time", time, "--print", "--quiet")
    assert (code, err) == (0, "")
    assert _options(_jobs(out)[0])["--time"] == time
    assert not (toy.parent / "out").exists()


def test_a_missing_run_file_exits_2(tmp_path: Path, command: Command) -> None:
    code, _, err = command("submit", tmp_path / "none.toml", "--tasks", "2", "--print")
    assert (code, err) == (2, f"{tmp_path / 'none.toml'}: no such run file\n")


def test_without_slurm_the_ways_out_are_named(toy: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    code, _, err = command("submit", toy, "--tasks", "2")
    assert code == 2
    assert "--executor local" in err
    assert "--print" in err


def test_what_is_queued_draws_the_run(toy: Path, cluster: Path, command: Command) -> None:
    code, out, err = command("submit", toy, "--tasks", "2")
    assert (code, out) == (0, "7 8\n"), err
    jobs, folder = cluster.parent / "jobs", toy.parent / "out" / "toy.batch"
    assert (cluster.parent / "arguments8").read_text(encoding="utf-8") == "--parsable --dependency=afterany:7\n"
    record = json.loads((folder / "batch.json").read_text(encoding="utf-8"))
    assert record["jobs"] == {"parts": "7", "merge": "8"}
    assert record["run"]["ensemble"]["draws"] == 256
    assert record["missing"] == [1, 2]

    def start(job: str, task: int = 0) -> subprocess.CompletedProcess[str]:
        surroundings = {**os.environ, "SLURM_ARRAY_TASK_ID": str(task)}
        return subprocess.run(["bash", jobs / job], env=surroundings, capture_output=True, text=True, check=False)

    done = start("job7", 2)
    assert done.returncode == 0, done.stderr
    merged = start("job8")
    assert merged.returncode == 2
    assert "draws 0 to 127 of 256 are missing" in merged.stderr
    assert "the same command draws what is missing" in merged.stderr
    make_part(load_run(toy), 1, 2)
    code, out, _ = command("submit", toy, "--tasks", "2", "--json")
    assert (code, json.loads(out)) == (0, {"merge": "9"})
    assert start("job9").returncode == 0
    make_cube(load_run(toy, {"output.cube": str(toy.parent / "single.nc")}))
    assert different_variables(toy.parent / "out" / "toy.nc", toy.parent / "single.nc") == []
    code, out, err = command("submit", toy, "--tasks", "2")
    assert (code, out) == (0, f"{toy.parent / 'out' / 'toy.nc'}\n")
    assert "complete already" in err
    code, _, err = command("submit", toy, "--tasks", "2", "--seed", "5")
    assert code == 2
    assert "exists" in err


def test_a_batch_in_the_queue_is_not_queued_again(toy: Path, cluster: Path, command: Command) -> None:
    assert command("submit", toy, "--tasks", "2")[0] == 0
    _program(cluster / "squeue", "#!/bin/bash\necho 7_[1-2]; echo 8\n")
    code, _, err = command("submit", toy, "--tasks", "2")
    assert code == 2
    assert "is in the queue already, as job 7_[1-2], 8; wait, or: scancel 7 8" in err


def test_what_slurm_refuses_is_passed_on_and_leaves_nothing_queued(toy: Path, cluster: Path, command: Command) -> None:
    asked = cluster.parent / "cancelled"
    _program(cluster / "scancel", f'#!/bin/bash\necho "$@" >> {asked}\n')
    refuse_the_merge = (
        'for word in "$@"; do case $word in --dep*) echo "sbatch: no such partition" >&2; exit 1;; esac; done'
    )
    _program(cluster / "sbatch", f"#!/bin/bash\n{refuse_the_merge}\ncat > /dev/null\necho 31\n")
    code, out, err = command("submit", toy, "--tasks", "2", "--partition", "gone")
    assert (code, out) == (2, "")
    assert "Slurm refused" in err
    assert "no such partition" in err
    assert asked.read_text(encoding="utf-8") == "31\n"


def test_processes_of_one_machine_make_the_same_cube(toy: Path, command: Command) -> None:
    make_part(load_run(toy, {"ensemble.seed": 2}), 1, 2)  # of another run, so it has to go
    code, out, err = command("submit", toy, "--tasks", "2", "--at-once", "2", "--executor", "local", "--overwrite")
    cube = toy.parent / "out" / "toy.nc"
    assert (code, out) == (0, f"{cube}\n"), err
    assert "256 of 256 draws" in err
    make_cube(load_run(toy, {"output.cube": str(toy.parent / "single.nc")}))
    assert different_variables(cube, toy.parent / "single.nc") == []
    assert sorted(file.name for file in cube.with_name("toy.batch").iterdir()) == [
        "batch.json", "toy.part-1-of-2.log", "toy.part-2-of-2.log",
    ]  # fmt: skip


def test_a_part_that_fails_is_named_with_its_reason(toy: Path, command: Command) -> None:
    with toy.open("a", encoding="utf-8") as stream:
        stream.write('[options]\nhydrogen = "bought"\n')
    code, out, err = command("submit", toy, "--tasks", "1", "--executor", "local", "--quiet")
    assert (code, out) == (1, "")
    assert "part 1/1 failed: " in err
    assert "too_hot" in err
    assert "toy.part-1-of-1.log" in err
    assert "the same command" in err


def test_ctrl_c_ends_the_processes_with_their_states_saved(toy: Path) -> None:
    asked = [*TOY, "submit", str(toy), "--draws", str(2**30), "--tasks", "2", "--at-once", "2", "--executor", "local"]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    await_line(process, "draws/s")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "the same command goes on" in err
    assert "Traceback" not in err
    left = {file.name for file in (toy.parent / "out").iterdir()} - {"toy.batch"}
    assert left  # a process that has not begun to draw has nothing to save
    assert left <= {"toy.part-1-of-2.state", "toy.part-2-of-2.state"}


def test_gpus_are_shared_out(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mc import processes

    monkeypatch.setattr(processes, "COUNT_GPUS", "print(4)")
    named = [share.variables["CUDA_VISIBLE_DEVICES"] for share in shares_of(_planned(toy, 4, Needs(gpus=2)))]
    assert named == ["0,1", "2,3"]
    hidden = _planned(toy, 4, Needs(gpus=1), environment={**os.environ, "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"})
    monkeypatch.setattr(processes, "COUNT_GPUS", "print(2)")
    assert [share.variables["CUDA_VISIBLE_DEVICES"] for share in shares_of(hidden)] == ["GPU-a", "GPU-b"]
    with pytest.raises(InputError, match="--gpus 1 --at-once 3: needs 3 GPUs, JAX finds 2 here"):
        shares_of(_planned(toy, 4, Needs(gpus=1, at_once=3)))


def test_a_pilot_of_another_run_is_refused_or_goes(toy: Path) -> None:
    pilot = make_pilot(load_run(toy, {"ensemble.seed": 5}))
    with pytest.raises(InputError, match=r"toy\.pilot\.state: is of another run: ensemble\.seed"):
        _planned(toy, 2)
    assert plan(load_run(toy), 2, Needs(), overwrite=True).stale == (pilot,)
    make_pilot(load_run(toy), overwrite=True)
    assert _planned(toy, 2).missing == (1, 2)


def test_cores_are_shared_out(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    shares = [share.cores for share in shares_of(_planned(toy, 4, Needs(at_once=2)))]
    assert shares == [frozenset({0, 1}), frozenset({2, 3})]
    assert [share.cores for share in shares_of(_planned(toy, 4))] == [frozenset(range(4))]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("one_gpu.sbatch", ["runs/toy.toml", "--draws", "512"], "run runs/toy.toml --device gpu --resume --draws 512"),
        ("parts.sbatch", ["32", "runs/toy.toml", "--draws", "4096"], "run runs/toy.toml --part 3/32 --device gpu"),
        ("nodes.sbatch", ["runs/toy.toml", "--draws", "512"], "run runs/toy.toml --distributed --device gpu --resume"),
        ("merge.sbatch", ["32", "runs/t", "--overwrite"], "merge runs/t.part-01-of-32.state --overwrite"),
    ],
)
def test_ready_scripts_say_what_the_commands_take(toy: Path, name: str, arguments: list[str], expected: str) -> None:
    text = (ROOT / "runs" / name).read_text(encoding="utf-8")
    assert {"--requeue", "--open-mode", "--output"} <= _options(text).keys()
    tell = 'echo "$@"; case $1 in run) set -- "$@" --show-config;; *) set -- "$@" --help;; esac'
    (toy.parent / "t.part-01-of-32.state").touch()
    folder = toy.parents[1] / ".venv" / "bin"
    folder.mkdir(parents=True)
    _program(folder / "ferrocast", f'#!/bin/bash\n{tell}\nexec {shlex.join(TOY)} "$@"\n')
    _program(folder / "srun", '#!/bin/bash\nexec "${@:2}"\n')  # the first word is an option of its own
    done = subprocess.run(
        ["bash", ROOT / "runs" / name, *arguments],
        cwd=toy.parents[1], env={**os.environ, "SLURM_ARRAY_TASK_ID": "3"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert any(line.startswith(expected) for line in done.stdout.splitlines())
