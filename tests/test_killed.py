import random
import subprocess
from pathlib import Path

import pytest
from test_resume import bits, content, load
from toy_command import TOY_PROGRAM, await_line, start

from mc.checkpoint import read_head
from mc.cube import open_cube
from mc.parts import merge_parts
from mc.run import make_cube


def test_a_part_needs_no_netcdf_and_no_xarray(toy_folder: Path) -> None:
    barred = "import sys\nsys.modules.update(dict.fromkeys(('netCDF4', 'xarray', 'arviz_base', 'matplotlib')))\n"
    process = start("run", toy_folder / "runs" / "toy.toml", "--part", "1/1", program=barred + TOY_PROGRAM)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out == f"{toy_folder / 'runs' / 'out' / 'toy.part-1-of-1.state'}\n"
    assert open_cube(merge_parts([Path(out.strip())])).attrs["draws_valid"] == 256
    process = start("run", toy_folder / "runs" / "toy.toml", "--overwrite", program=barred + TOY_PROGRAM)
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err.startswith("netCDF4 is not installed, and a cube needs it; draw here with --part 1/1")


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_resumed_the_result_is_the_same(kills: int, toy_folder: Path) -> None:
    """Each process saves after every group of blocks, and dies as it starts, compiles, draws or saves."""
    draws, dice, out = 2**21 * kills, random.Random(kills), str(toy_folder / "whole.nc")
    whole = make_cube(load(toy_folder, ensemble__draws=draws, output__cube=out, keep__state=True))
    file, cube = toy_folder / "runs" / "toy.toml", toy_folder / "runs" / "out" / "toy.nc"
    command = ["run", file, "--draws", draws, "--save-every", "0", "--keep-state", "--resume", "--verbose"]
    state = cube.with_suffix(".state")
    held = [0]
    for number in range(kills):
        process = start(*command)
        awaited = ("", "making the study", "draws/s")[-1 if number == 0 else dice.randrange(3)]
        await_line(process, awaited)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0, 1.0))
        process.kill()
        process.communicate()
        assert not cube.exists()
        held.append(read_head(state).done)
    assert held == sorted(held)
    assert 0 < held[1] < draws
    assert held[-1] <= draws
    out, err = start(*command).communicate()
    assert out, err
    assert content(cube) == content(whole)
    assert bits(cube) == bits(whole)
    assert list(cube.parent.iterdir()) == [cube]
