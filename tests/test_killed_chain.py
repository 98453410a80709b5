"""The real chain, killed twenty times between its start and its last write: resumed, it ends in the same bits."""

import os
import random
import signal
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

KILLS = (0, 1, 2, 2, 3, 1, 2, 2, 4, 1) * 2
"""The stage of each kill: most of them while draws are made and saved."""

COLD = (1, 5)
"""Kills of a process that has to compile; the others find the program, as every resumed process does."""


def start(cube: Path, cache: Path) -> subprocess.Popen[str]:
    """The run, which saves its state after every group of blocks."""
    options = ("--draws", "2048", "--save-every", "0", "--keep-state", "--resume", "--verbose", "--out", str(cube))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "FERROCAST_CACHE": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-m", "mc", "run", str(ROOT / "runs" / "smoke.toml"), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )


def lengths(cube: Path, cache: Path) -> list[float]:
    """Seconds of every stage of a run that nobody disturbs."""
    with start(cube, cache) as process:
        assert process.stderr is not None
        begins = [time.monotonic()]
        for line in process.stderr:
            if len(begins) < len(MARKS) and MARKS[len(begins)] in line:
                begins.append(time.monotonic())
    assert process.returncode == 0
    assert len(begins) == len(MARKS)
    return [after - before for before, after in zip(begins, [*begins[1:], time.monotonic()], strict=True)]


def killed(cube: Path, cache: Path, mark: str, delay: float) -> bool:
    """Kill a run so many seconds after a line of its log; False where it came to its end before."""
    with start(cube, cache) as process:
        await_line(process, mark)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.returncode == -signal.SIGKILL and not cube.exists()


def stage(cube: Path, mark: str) -> str:
    """What a process was at when it died, by what it left."""
    state, of_cube, of_state = (cube.with_name(name) for name in ("x.state", "x.nc.part", "x.state.part"))
    if of_cube.exists() and of_cube.stat().st_size:
        return "cube write"
    saved = f"{read_head(state).done} draws saved" if state.exists() else "nothing saved"
    if of_state.exists() and of_state.stat().st_size:
        return f"state write, {saved}"
    return f"{('start', 'compilation or pilot', 'drawing', 'layout', 'layout')[MARKS.index(mark)]}, {saved}"


def test_killed_at_any_moment_and_resumed_the_cube_and_its_state_are_the_same(tmp_path: Path) -> None:
    dice, cache, begun = random.Random(len(KILLS)), tmp_path / "cache", time.monotonic()
    whole = tmp_path / "whole" / "x.nc"
    cold, warm = lengths(whole, cache), lengths(tmp_path / "warm" / "x.nc", cache)
    wanted = content(whole), bits(whole)
    found: list[str] = []
    for attempt in range(2 * len(KILLS)):
        number = len(found)
        cube, at = tmp_path / str(attempt) / "x.nc", KILLS[number]
        used, typical = (tmp_path / f"cache{attempt}", cold) if number in COLD else (cache, warm)
        delay = dice.uniform(0, typical[at])
        if killed(cube, used, MARKS[at], delay):
            found.append(f"{number:2d} {delay:6.2f} s after {MARKS[at] or 'start':20s} {stage(cube, MARKS[at])}")
            print(found[-1], flush=True)  # noqa: T201 - shown with -s
        with start(cube, cache) as resumed:
            _, said = resumed.communicate()
        assert resumed.returncode == 0, said
        assert (content(cube), bits(cube)) == wanted, found
        assert [file.name for file in cube.parent.iterdir()] == ["x.nc"]
        if len(found) == len(KILLS):
            break
    print(f"{len(found)} kills in {attempt + 1} runs, {time.monotonic() - begun:.0f} s")  # noqa: T201 - shown with -s
    assert len(found) == len(KILLS)
    for what in ("start", "compilation", "nothing saved", "write", *(f" {some}" for some in ("draws saved",))):
        assert any(what in line for line in found), (what, found)
