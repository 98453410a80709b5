import errno
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
import xarray as xr
from toy_world import toy_study

from mc import checkpoint, pose
from mc.checkpoint import read_head, read_state
from mc.cube import open_cube
from mc.cube.state import state_in
from mc.errors import DiskError, InputError, RunFailed, Stopped
from mc.parts import make_part, merge_parts, range_of_part
from mc.run import make_cube
from mc.runfile import Run, load_run
from mc.state_arrays import to_arrays

ROOT = Path(__file__).parents[1]
GROUPS = ("", "differences", "diagnostics", "inputs")


def load(folder: Path, **options: object) -> Run:
    given = {"ensemble.draws": 1024, "output.save_every": 0.0}
    return load_run(folder / "runs" / "toy.toml", given | {key.replace("__", "."): v for key, v in options.items()}, {})


def after(calls: int) -> Callable[[], bool]:
    """Answers True from this call on."""
    left = [calls]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


def content(cube: Path) -> dict[str, object]:
    """All numbers of a cube, bit for bit."""
    found: dict[str, object] = {}
    for group in GROUPS:
        for name, variable in open_cube(cube, group).variables.items():
            values = variable.values
            found[f"{group}/{name}"] = (variable.dims, values.tolist() if values.dtype == object else values.tobytes())
    return found


def bits(file: Path) -> dict[str, object]:
    arrays, _ = to_arrays(read_state(file)[1] if file.suffix == ".state" else state_in(file)[1])
    return {name: (str(array.dtype), array.tobytes()) for name, array in arrays.items()}


@pytest.fixture
def whole(toy_folder: Path) -> Path:
    """The cube of 1,024 draws that nothing interrupted, with its state."""
    return make_cube(load(toy_folder, output__cube=str(toy_folder / "whole.nc"), keep__state=True))


def test_a_run_stopped_again_and_again_ends_in_the_same_bits(toy_folder: Path, whole: Path) -> None:
    run = load(toy_folder, keep__state=True)
    state = run.cube.with_name("toy.state")
    held = []
    for calls in (0, 1, 1, 2):
        with pytest.raises(Stopped, match="with --resume goes on"):
            make_cube(run, resume=True, stop=after(calls))
        held.append(read_head(state).done)
        assert list(run.cube.parent.iterdir()) == [state]
    assert held[0] == 0  # the pilot alone
    assert held == sorted(held)
    assert 0 < held[-1] < 1024
    make_cube(run, resume=True)
    assert content(run.cube) == content(whole)
    assert bits(run.cube) == bits(whole)
    assert list(run.cube.parent.iterdir()) == [run.cube]


def test_a_run_that_was_begun_is_neither_overwritten_nor_resumed_unasked(toy_folder: Path) -> None:
    run = load(toy_folder)
    with pytest.raises(Stopped):
        make_cube(run, stop=after(1))
    with pytest.raises(InputError, match=r"of 1024 draws of a run that was begun before .* --resume, or start anew"):
        make_cube(run)
    make_cube(run, overwrite=True)
    assert list(run.cube.parent.iterdir()) == [run.cube]


def test_resuming_is_safe_to_repeat(toy_folder: Path) -> None:
    run = load(toy_folder)
    make_cube(run, resume=True)
    before = run.cube.read_bytes()
    make_cube(run, resume=True)
    assert run.cube.read_bytes() == before
    with pytest.raises(InputError, match="exists"):
        make_cube(load(toy_folder, ensemble__seed=2), resume=True)


def test_a_state_is_refused_by_another_run_and_what_changed_is_named(
    toy_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load(toy_folder)
    with pytest.raises(Stopped):
        make_cube(run, stop=after(4))
    with pytest.raises(InputError, match=r"ensemble\.seed \(command line --seed\) is 5, in the file 1"):
        make_cube(load(toy_folder, ensemble__seed=5), resume=True)
    with pytest.raises(InputError, match=r"holds draws up to \d+, the run asks for 64"):
        make_cube(load(toy_folder, ensemble__draws=64), resume=True)
    with pytest.raises(InputError, match=r"options\.hydrogen .* is bought, in the file on_site"):
        make_cube(load(toy_folder, options__hydrogen="bought"), resume=True)
    monkeypatch.setattr("mc.provenance.code_digest", lambda: "another")
    with pytest.raises(InputError, match=r"code is .* \(another\), in the file"):
        make_cube(run, resume=True)


def test_changed_priors_are_named_by_row_and_line(tmp_path: Path) -> None:
    """The tables of the two-province world, posed but not drawn."""
    import shutil

    from mc.provenance import facts

    shutil.copytree(Path(__file__).parent / "priors", tmp_path / "priors")
    file = tmp_path / "runs" / "x.toml"
    file.parent.mkdir()
    file.write_text('[model]\npriors = "../priors"\n[scenarios.a]\npolicy = "autarky"\n', encoding="utf-8")

    def said() -> tuple[dict[str, str], dict[str, str]]:
        run = load_run(file, {}, {})
        return facts(run, pose.Posed(toy_study(("a",)), pose.read_priors_of(run)))

    before, _ = said()
    table = tmp_path / "priors" / "steel" / "scrap.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    at, cells = next((at, line.split(",")) for at, line in enumerate(lines) if line.startswith("prompt_recovery"))
    cells[lines[0].split(",").index("mid")] = "0.6"
    lines[at] = ",".join(cells)
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    now, places = said()
    changed = [name for name in now if before.get(name) != now[name]]
    assert changed == ["scrap.prompt_recovery"]
    assert places["scrap.prompt_recovery"] == f"{table}:{at + 1}"


def test_a_finished_run_is_extended_from_the_state_in_its_cube(toy_folder: Path, whole: Path) -> None:
    short = load(toy_folder, ensemble__draws=256, keep__state=True)
    make_cube(short)
    longer = load(toy_folder, keep__state=True)
    with pytest.raises(Stopped):
        make_cube(longer, extend=True, stop=after(1))
    assert open_cube(short.cube).attrs["draws"] == 256
    make_cube(longer, extend=True)
    cube = open_cube(longer.cube)
    assert cube.attrs["draws"] == cube.attrs["draws_valid"] == 1024
    assert cube.attrs["pilot_draws"] == 64  # that of the short run: shifts and bins stay what they were
    xr.testing.assert_allclose(cube["co2"].sel(statistic="mean"), open_cube(whole)["co2"].sel(statistic="mean"))
    assert {file.name for file in longer.cube.parent.iterdir()} == {"toy.nc"}


def test_what_cannot_be_extended_says_why(toy_folder: Path) -> None:
    run = load(toy_folder)
    with pytest.raises(InputError, match="no such cube"):
        make_cube(run, extend=True)
    make_cube(run)
    with pytest.raises(InputError, match="holds no state to extend; a run keeps one with --keep-state"):
        make_cube(run, extend=True)
    make_cube(load(toy_folder, keep__state=True), overwrite=True)
    with pytest.raises(InputError, match="holds draws up to 1024, the run asks for 512"):
        make_cube(load(toy_folder, ensemble__draws=512), extend=True)
    data = bytearray(run.cube.read_bytes())
    data[len(data) // 2] ^= 1
    run.cube.write_bytes(data)
    with pytest.raises(InputError, match=r"is damaged.*run it anew"):
        make_cube(load(toy_folder, ensemble__draws=2048), extend=True)


def test_a_disk_that_fills_up_while_a_run_draws(toy_folder: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for two states, for none, and for the rest again."""
    run, create, room = load(toy_folder, keep__state=True), checkpoint._create, iter([True, True])

    def full(path: Path) -> BinaryIO:
        if next(room, False):
            return create(path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    said = r"toy\.state: cannot be written \(No space left .*toy\.state of before is whole"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_create", full)
        with pytest.raises(DiskError, match=said):
            make_cube(run)
    assert read_head(run.cube.with_name("toy.state")).done > 0
    make_cube(run, resume=True)
    assert bits(run.cube) == bits(whole)


def test_failed_draws_leave_no_state_to_stumble_over(toy_folder: Path) -> None:
    run = load(toy_folder, options__hydrogen="bought")
    with pytest.raises(RunFailed, match="too_hot"):
        make_cube(run)
    assert list(run.cube.parent.iterdir()) == []


def parts_of(run: Run, of: int) -> list[Path]:
    return [make_part(run, number, of) for number in range(1, of + 1)]


@pytest.mark.parametrize("of", [1, 3, 32])
def test_parts_in_any_order_are_the_whole(of: int, toy_folder: Path, whole: Path) -> None:
    run = load(toy_folder, ensemble__block=32, keep__state=True)
    make_cube(run)
    files = parts_of(run, of)
    random.Random(of).shuffle(files)
    cube = merge_parts(files, cube=toy_folder / "merged.nc")
    assert content(cube) == content(run.cube)
    assert bits(cube) == bits(run.cube)
    assert open_cube(cube).attrs["parts"] == of
    assert set(run.cube.parent.iterdir()) == {run.cube, *files}
    assert open_cube(cube).attrs["block"] != open_cube(whole).attrs["block"]


def test_parts_share_whole_blocks_evenly(toy_folder: Path) -> None:
    run = load(toy_folder, ensemble__draws=1000)
    ranges = [range_of_part(run, number, 5) for number in range(1, 6)]
    assert ranges == [(0, 192), (192, 384), (384, 576), (576, 768), (768, 1000)]
    with pytest.raises(InputError, match="the run has 16 blocks of 64 draws; at most 16 parts"):
        range_of_part(run, 1, 17)


def test_a_part_goes_on_where_it_was_stopped(toy_folder: Path) -> None:
    run = load(toy_folder)
    expected = bits(make_part(run, 2, 2, state=toy_folder / "whole.state"))
    with pytest.raises(Stopped, match="of 512 draws"):
        make_part(run, 2, 2, stop=after(1))
    with pytest.raises(InputError, match="go on with --resume"):
        make_part(run, 2, 2)
    file = make_part(run, 2, 2, resume=True)
    assert bits(file) == expected
    make_part(run, 2, 2, resume=True)
    assert bits(file) == expected


def test_missing_and_doubled_draws_are_named_with_their_files(toy_folder: Path) -> None:
    run = load(toy_folder)
    files = parts_of(run, 4)
    with pytest.raises(InputError, match=r"draws 256 to 511 of 1024 are missing: in none of the files"):
        merge_parts([files[0], files[3], files[2]])
    other = make_part(run, 1, 3, state=toy_folder / "other.state")
    with pytest.raises(
        InputError, match=r"draws 0 to 255 are in .*part-1-of-4\.state and in .*other\.state: leave one"
    ):
        merge_parts([*files, other])
    with pytest.raises(Stopped):
        make_part(run, 2, 4, overwrite=True, stop=after(1))
    with pytest.raises(InputError, match=r"are missing: .*part-2-of-4\.state is unfinished"):
        merge_parts(files)
    assert not run.cube.exists()
    cube = open_cube(merge_parts(files, allow_partial=True))
    done = cube.attrs["draws_valid"]
    assert 768 <= done < 1024
    assert cube.attrs["partial"].startswith(f"{done} of 1024 draws; draws ")
    assert f"(partial: {done} of 1024 draws)" in cube.attrs["title"]
    assert f"{done} of 1024 draws were run" in cube.attrs["warnings"]


def test_a_part_of_another_run_or_damaged_is_named(toy_folder: Path) -> None:
    first, second = parts_of(load(toy_folder), 2)
    stranger = make_part(load(toy_folder, ensemble__seed=7), 2, 2, state=toy_folder / "stranger.state")
    with pytest.raises(InputError, match=r"stranger\.state: is of another run than .*: ensemble\.seed is 1, in"):
        merge_parts([first, stranger])
    second.write_bytes(second.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"part-2-of-2\.state: has no seal at its end"):
        merge_parts([first, second])
