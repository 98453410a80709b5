"""A run in parts on a real Slurm, started here on this one machine: pre-empted, killed, and still the same bits."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from same_bits import different_variables

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("slurm")]

ROOT = Path(__file__).parents[1]
DRAWS = 4096
PACKAGES = ("slurm-wlm", "munge")
DAEMONS = ("munged", "slurmctld", "slurmd")

CONFIGURATION = """\
ClusterName=ferrocast
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""


def until(holds: Callable[[], bool], what: str, seconds: float = 600.0) -> None:
    """Wait for what a daemon does in its own time."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


def call(*words: str | Path, check: bool = True, **surroundings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"} | surroundings
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
    return done


def ferrocast(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    return call(sys.executable, "-m", "mc", *words, check=check)


def _install() -> None:
    """Slurm and munge from Debian; skips with a reason where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons are started as root here")
    if all(map(shutil.which, DAEMONS)):
        return
    if shutil.which("apt-get") is None:
        pytest.skip(f"{', '.join(DAEMONS)} are not all here, nor apt-get to install {' '.join(PACKAGES)}")
    done = call(
        "apt-get", "install", "-y", "--no-install-recommends", *PACKAGES, check=False, DEBIAN_FRONTEND="noninteractive"
    )
    if done.returncode:
        pytest.skip(f"apt-get install {' '.join(PACKAGES)}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster of this one machine, with partitions `low` and `high`, which takes the machine from `low`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
        _install()
        folder = tmp_path_factory.mktemp("slurm")
        for name in ("munge", "state", "spool"):
            (folder / name).mkdir()
        configuration = folder / "slurm.conf"
        host, cores = socket.gethostname().partition(".")[0], os.cpu_count()
        configuration.write_text(CONFIGURATION.format(host=host, folder=folder, cores=cores), encoding="utf-8")
        patch.setenv("SLURM_CONF", str(configuration))
        munge = folder / "munge"
        (munge / "key").write_bytes(os.urandom(1024))
        (munge / "key").chmod(0o400)
        places = {"key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        try:
            # --force: the folders of a test are nobody else's, which munged takes for a mistake.
            files = [f"--{option}={munge / name}" for option, name in places.items()]
            started = [
                call("munged", "--force", f"--socket={munge / 'socket'}", *files, check=False),
                call("slurmctld", "-i", check=False),
                call("slurmd", "-c", check=False),
            ]
            if any(done.returncode for done in started):
                pytest.skip(f"Slurm does not start: {' '.join(done.stderr.strip() for done in started)[:500]}")
            until(
                lambda: "idle" in call("sinfo", "-h", "-p", "low", "-o", "%t", check=False).stdout, "an idle node", 60
            )
            yield folder
        finally:
            call("scancel", "--partition=low", check=False)
            for file in (folder / "slurmd.pid", folder / "slurmctld.pid", munge / "pid"):
                _end(file)


def _end(file: Path) -> None:
    """End the daemon that wrote this file."""
    if not file.exists():
        return
    number = int(file.read_text(encoding="utf-8"))
    os.kill(number, 15)
    until(lambda: not Path(f"/proc/{number}").exists(), f"the end of {file.name}", 30)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cube of the run in one process."""
    cube = tmp_path_factory.mktemp("single") / "single.nc"
    ferrocast("run", ROOT / "runs" / "smoke.toml", "--draws", str(DRAWS), "--out", cube)
    return cube


def submit(cube: Path) -> list[str]:
    """Queue the run in two parts, which save their state whenever they can; returns the numbers of the jobs."""
    file = cube.with_suffix(".toml")
    if not file.exists():
        shutil.copy(ROOT / "runs" / "three_policies.toml", cube.parent)  # what the run is like
        text = (ROOT / "runs" / "smoke.toml").read_text(encoding="utf-8")
        file.write_text(text.replace('cube = "out/smoke.nc"', "save_every = 0.0"), encoding="utf-8")
    options = ("--priors", ROOT / "priors", "--draws", str(DRAWS), "--out", cube, "--partition", "low", "--cpus", "1")
    return ferrocast("submit", file, "--tasks", "2", *options).stdout.split()


def part(cube: Path, number: int) -> Path:
    return cube.with_name(f"{cube.stem}.part-{number}-of-2.state")


def disturb(cube: Path, command: str) -> str:
    """Do something as soon as part 1 has drawn a block; by a shell, which is in time where a test is held up."""
    log = cube.with_name(f"{cube.stem}.batch") / f"{part(cube, 1).stem}.log"
    wait = f"until grep -qs draws/s {shlex.quote(str(log))}; do sleep 0.05; done"
    return call("timeout", "300", "bash", "-c", f"{wait}; {command}").stdout.strip()


def wait_for_job(job: str) -> None:
    until(lambda: not call("squeue", "-h", "-j", job, check=False).stdout.strip(), f"the end of job {job}")


def log_of(cube: Path, name: str) -> str:
    return (cube.with_name(f"{cube.stem}.batch") / f"{name}.log").read_text(encoding="utf-8")


def test_parts_that_are_pre_empted_go_on_and_end_in_the_same_bits(single: Path, tmp_path: Path) -> None:
    cube = tmp_path / "parts.nc"
    parts, merge = submit(cube)
    wait_for_job(disturb(cube, "sbatch --partition=high --exclusive --output=/dev/null --parsable --wrap=true"))
    for task in call("squeue", "-h", "-r", "-t", "pending", "-o", "%i", "-j", parts, check=False).stdout.split():
        call("scontrol", "update", f"JobId={task}", "StartTime=now", check=False)  # Slurm would wait two minutes
    wait_for_job(merge)
    log = log_of(cube, "parts.part-1-of-2")
    assert "stopped after" in log
    assert "restart 0" in log
    assert "restart 1" in log
    assert different_variables(cube, single) == []


def test_processes_of_one_allocation_share_a_run(single: Path, tmp_path: Path) -> None:
    cube, log = tmp_path / "together.nc", tmp_path / "together.log"
    asked = ("run", ROOT / "runs" / "smoke.toml", "--draws", DRAWS, "--out", cube, "--distributed")
    command = shlex.join(map(str, ("srun", sys.executable, "-m", "mc", *asked)))
    options = ("--parsable", "--partition=low", "--ntasks=2", f"--output={log}", f"--wrap={command}")
    wait_for_job(call("sbatch", *options).stdout.strip())
    said = log.read_text(encoding="utf-8")
    assert cube.exists(), said
    assert {f"process {number} of 2: draws" in said for number in (1, 2)} == {True}
    assert different_variables(cube, single) == []


def test_a_task_that_is_killed_is_named_and_drawn_again_alone(single: Path, tmp_path: Path) -> None:
    cube = tmp_path / "parts.nc"
    _, merge = submit(cube)
    lock = part(cube, 1).with_name(f"{part(cube, 1).name}.lock")  # process 4711 on HOST
    disturb(cube, f"kill -9 $(cut -d ' ' -f 2 {shlex.quote(str(lock))})")
    wait_for_job(merge)
    assert not cube.exists()
    log = log_of(cube, "merge")
    assert f"to {DRAWS // 2 - 1} of {DRAWS} are missing: {part(cube, 1)} is unfinished" in log
    assert f"the same command draws what is missing, and only that: ferrocast submit {cube.with_suffix('.toml')}" in log
    kept = part(cube, 2).read_bytes()
    _, merge = submit(cube)
    assert "#SBATCH --array=1\n" in (cube.with_name("parts.batch") / "submit.sh").read_text(encoding="utf-8")
    wait_for_job(merge)
    assert part(cube, 2).read_bytes() == kept
    assert different_variables(cube, single) == []
