"""The real chain, killed at twenty moments from its start to its last write: resumed, it ends in the same bits."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_resume import bits, content
from toy_command import ROOT, await_line

from mc.checkpoint import read_head

pytestmark = pytest.mark.slow

MARKS = ("", "making the study", "draws/s", "s drawing", "laying out the cube")
"""What the log says as a stage begins: start, compilation and pilot, drawing and saving, layout, writing."""

KILLS = 20


def start(cube: Path, cache: str) -> subprocess.Popen[str]:
    """The run, which saves its state after every group of blocks."""
    options = ("--draws", "1024", "--save-every", "0", "--keep-state", "--resume", "--verbose", "--out", str(cube))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "FERROCAST_CACHE": cache}
    return subprocess.Popen(
        [sys.executable, "-m", "mc", "run", str(ROOT / "runs" / "smoke.toml"), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )


def lengths(process: subprocess.Popen[str]) -> list[float]:
    """Seconds of every stage of a run that nobody disturbs."""
    assert process.stderr is not None
    begins = [time.monotonic()]
    for line in process.stderr:
        if len(begins) < len(MARKS) and MARKS[len(begins)] in line:
            begins.append(time.monotonic())
    process.communicate()
    assert process.returncode == 0
    assert len(begins) == len(MARKS)
    return [after - before for before, after in zip(begins, [*begins[1:], time.monotonic()], strict=True)]


def stage(cube: Path, mark: str) -> str:
    """What a process was at when it died, by what it left."""
    state, of_cube, of_state = (cube.with_name(name) for name in ("x.state", "x.nc.part", "x.state.part"))
    if cube.exists():
        return "end"
    if of_cube.exists() and of_cube.stat().st_size:
        return "cube write"
    if of_state.exists() and of_state.stat().st_size:
        return "state write"
    if not state.exists():
        return "start" if not mark else "compilation or pilot"
    return f"drawing, {read_head(state).done} draws saved" if mark == "draws/s" else "between drawing and cube"


def test_killed_at_any_moment_and_resumed_the_cube_and_its_state_are_the_same(tmp_path: Path) -> None:
    dice, cache = random.Random(KILLS), str(tmp_path / "cache")
    whole = tmp_path / "whole" / "x.nc"
    typical = {"off": lengths(start(whole, "off"))}
    whole_again = tmp_path / "again" / "x.nc"
    lengths(start(whole_again, cache))
    typical[cache] = lengths(start(tmp_path / "warm" / "x.nc", cache))
    wanted = content(whole), bits(whole)
    assert (content(whole_again), bits(whole_again)) == wanted
    found = []
    for number in range(KILLS):
        cube = tmp_path / str(number) / "x.nc"
        mark, used = number % len(MARKS), ("off", cache)[number // len(MARKS) % 2]
        process = start(cube, used)
        await_line(process, MARKS[mark])
        delay = dice.uniform(0, typical[used][mark])
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        found.append(f"{number:2d} {delay:6.2f} s after {MARKS[mark] or 'start':20s} {stage(cube, MARKS[mark])}")
        print(found[-1], flush=True)  # noqa: T201 - shown with -s
        resumed = start(cube, cache)
        _, said = resumed.communicate()
        assert resumed.returncode == 0, said
        assert content(cube) == wanted[0], found
        assert bits(cube) == wanted[1], found
        assert [file.name for file in cube.parent.iterdir()] == ["x.nc"]
    assert all(any(what in line for line in found) for what in ("start", "compilation", "draws saved", "write")), found
