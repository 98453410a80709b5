"""Shares of the variance as a run asks for them: from the run file to the cube, stopped, in parts, and refused."""

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jax import Array
from toy_world import TOY_RUN, YEARS, toy_function, toy_model

from mc.cube import open_cube
from mc.cube.state import state_in
from mc.cube.write import expected_bytes
from mc.drawing import Job, job_of
from mc.errors import InputError, RunFailed, Stopped
from mc.kept_rows import read_kept
from mc.parts import make_part, merge_parts
from mc.pose import MODELS, Posed, pilot_of, pose
from mc.provenance import question, run_of
from mc.run import make_cube
from mc.runfile import Run, load_run
from mc.summary import finish
from mc.tables import Priors

STEP = 16 * (2 + 2 * 3)
DRIVERS = """\
[sensitivity]
outputs = ["co2", "co2_by_province", "peak_year", "difference/co2"]
[sensitivity.drivers]
growth = ["macro.growth"]
level = ["macro.level"]
rest = ["*"]
"""
GROUP = "variance_shares"

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(toy_folder: Path) -> Path:
    """A project whose run file asks for shares."""
    (toy_folder / "runs" / "toy.toml").write_text(TOY_RUN + DRIVERS, encoding="utf-8")
    return toy_folder


def load(folder: Path, **options: object) -> Run:
    given = {"ensemble.draws": 16 * STEP, "output.save_every": 0.0}
    return load_run(folder / "runs" / "toy.toml", given | {key.replace("__", "."): v for key, v in options.items()}, {})


def arrays(cube: Path) -> dict[str, bytes]:
    return {
        f"{group}/{name}": variable.values.tobytes()
        for group in (GROUP, "")
        for name, variable in open_cube(cube, group).variables.items()
        if variable.dtype != object
    }


def test_the_shares_of_a_sum_are_those_of_its_terms(folder: Path) -> None:
    """co2 = 6 (level + growth t) factor, variances 100 / 12 and t^2 / 12; idle moves nothing."""
    cube = make_cube(load(folder, ensemble__draws=64 * STEP))
    found = open_cube(cube, GROUP)
    assert found["co2"].dims == ("statistic", "driver", "scenario", "year")
    assert found["difference_co2"].attrs["units"] == "1"
    assert dict(zip(found["driver"].values, found["inputs"].values, strict=True)) == {
        "growth": "macro.growth",
        "level": "macro.level",
        "rest": "macro.idle",
    }
    growth = np.arange(len(YEARS)) ** 2 / (100 + np.arange(len(YEARS)) ** 2)
    truth = np.stack([growth, 1 - growth, 0 * growth])[:, None]
    for name in ("co2", "co2_by_province", "difference_co2"):
        values = found[name].sel(scenario="high")
        if "province" in values.dims:
            values = values.sel(province="CN-HE")
        for statistic in ("first", "total"):
            np.testing.assert_allclose(values.sel(statistic=statistic), truth[:, 0], atol=3e-3)
            assert (found[f"{name}_mcse"].sel(statistic=statistic).max() < 2e-3) or name == "difference_co2"
    assert (found["co2"].sel(driver="rest") == 0).all()
    assert found["difference_co2"].sel(scenario="low").isnull().all()  # the reference less itself
    np.testing.assert_allclose(found["peak_year"].sel(driver="growth"), 1.0, atol=1e-6)
    # Outputs that were not asked for have none, and the summary is that of any run.
    assert "residual" not in found
    np.testing.assert_allclose(open_cube(cube)["co2"].sel(statistic="mean", scenario="low"), [90, 93, 96], rtol=2e-3)


def test_stopped_resumed_and_in_parts_the_same_bits(folder: Path) -> None:
    whole = arrays(make_cube(load(folder, output__cube=str(folder / "whole.nc"))))
    calls = iter(range(100))
    with pytest.raises(Stopped):
        make_cube(load(folder), stop=lambda: next(calls) > 1)
    assert arrays(make_cube(load(folder), resume=True)) == whole
    parts = [make_part(load(folder), number, 3) for number in (1, 2, 3)]
    assert arrays(merge_parts(parts[::-1], cube=folder / "merged.nc")) == whole


def test_numbers_are_rounded_up_to_whole_designs_and_it_is_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ferrocast"):
        run = load(folder, ensemble__draws=1000)
    assert (run.ensemble.draws, run.ensemble.block, run.step) == (1024, STEP, STEP)
    words = (
        f"1024 draws in blocks of {STEP}, not 1000 in blocks of 64: 3 drivers in 16 scramblings take {STEP} at a time"
    )
    assert words in caplog.text
    assert load(folder, ensemble__draws=32).ensemble.draws == 8 * STEP


def test_rounding_stays_within_what_a_run_file_may_say(folder: Path) -> None:
    most = load(folder, ensemble__draws=2**30, ensemble__scramblings=24, ensemble__block=65_520)
    assert most.ensemble.draws == 2**30 // most.step * most.step
    assert most.ensemble.block == 65_536 // most.step * most.step
    assert run_of(question(most)).ensemble == most.ensemble
    many = "".join(f'd{k} = ["macro.{k}"]\n' for k in range(29))
    (folder / "runs" / "toy.toml").write_text(TOY_RUN + DRIVERS + many, encoding="utf-8")
    with pytest.raises(InputError, match=r"toy\.toml:19: 32 drivers in 1024 scramblings .* 67584 draws, and 65536 are"):
        load(folder, ensemble__scramblings=1024, ensemble__block=1024)


def meeting_model(run: Run, priors: Priors | None) -> Posed:
    """The toy, but for what its terms do together: without that first-order and total shares are the same numbers."""

    def function(data: Any, draw: dict[str, Array]) -> dict[str, Array]:
        found = toy_function(data, draw)
        return found | {"co2": found["co2"] * (1 + draw["macro.growth"])}

    posed = toy_model(run, priors)
    return dataclasses.replace(posed, study=dataclasses.replace(posed.study, function=function))


def test_the_numbers_of_the_cube_are_those_of_its_state(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "toy", meeting_model)
    run = load(folder, keep__state=True)
    cube = make_cube(run)
    posed = pose(run)
    summary = finish(posed.study, job_of(run, posed).settings, state_in(cube)[1])
    found = open_cube(cube, GROUP)
    for name in ("co2", "peak_year"):
        for statistic in ("first", "total"):
            for suffix, numbers in (("", summary.series[name].value), ("_mcse", summary.series[name].mcse)):
                expected = numbers[statistic].astype(np.float32)
                np.testing.assert_array_equal(found[name + suffix].sel(statistic=statistic), expected)
    assert (found["co2"].sel(statistic="total") > found["co2"].sel(statistic="first") + 1e-3).sel(driver="level").all()
    assert found["co2_mcse"].attrs["degrees_of_freedom"] == 15
    # A disk that is too full for the shares is refused before they are drawn.
    settings = job_of(run, posed).settings
    without = dataclasses.replace(settings, variance_shares=())
    more = expected_bytes(posed.study, settings) - expected_bytes(posed.study, without)
    written = [found[name] for name in found.data_vars if found[name].dtype == np.float32]
    assert more == sum(values.nbytes for values in written)


def test_the_pilot_of_designs_is_longer_and_even_numbers_of_designs_are_advised(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert pilot_of(2**20, 512, 32) == 4 * pilot_of(2**20, 64) == 4096
    with caplog.at_level(logging.INFO, "ferrocast"):
        make_cube(load(folder, ensemble__draws=24 * STEP))
    assert f"{16 * STEP} or {32 * STEP} would use them best" in caplog.text


def test_blocks_without_memory_shrink_by_whole_designs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refused(job: Job, *_: object, **__: object) -> None:
        tried.append(job.settings.block)
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr("mc.drawing._drawn", refused)
    with pytest.raises(RunFailed, match="fewer drivers"):
        make_cube(load(folder, ensemble__block=6 * STEP))
    assert tried == [6 * STEP, 3 * STEP, STEP]


def test_draws_in_designs_are_not_weighed_as_if_they_were_independent(folder: Path) -> None:
    cube = make_cube(load(folder, keep__outputs=("co2",)))
    with pytest.raises(InputError, match="come in designs"):
        read_kept(cube)


def test_a_run_that_is_like_another_states_its_drivers_anew_or_leaves_them_out(folder: Path) -> None:
    child = folder / "runs" / "child.toml"
    child.write_text('like = "toy.toml"\n[sensitivity]\noutputs = ["co2"]\n[sensitivity.drivers]\nall = ["*"]\n')
    assert load_run(child, {}, {}).sensitivity.drivers == {"all": ("*",)}
    without = load(folder, sensitivity__outputs=(), ensemble__draws=1000)
    assert not without.sensitivity.drivers
    assert without.ensemble.draws == 1000


def test_other_drivers_are_another_run(folder: Path) -> None:
    calls = iter(range(100))
    with pytest.raises(Stopped):
        make_cube(load(folder), stop=lambda: next(calls) > 1)
    file = folder / "runs" / "toy.toml"
    text = file.read_text()
    file.write_text(text.replace("rest", "left"))
    with pytest.raises(InputError, match=r"another run: sensitivity\.drivers\.left .* is .* in the file not there"):
        make_cube(load(folder), resume=True)
    file.write_text(text.replace('["macro.growth"]', '["macro.g*"]'))
    make_cube(load(folder), resume=True)  # said in other words, the same drivers


@pytest.mark.parametrize("extra", ['exact = ["co2"]\n', ""])
def test_exact_quantiles_and_accuracy_on_demand_work_with_drivers(folder: Path, extra: str) -> None:
    file = folder / "runs" / "toy.toml"
    text = TOY_RUN.replace("[statistics]\n", f"[statistics]\n{extra}") + DRIVERS
    goal = "" if extra else 'until = ["1 % on mean of co2"]\n'
    file.write_text(text.replace("draws = 256\n", f"draws = 256\n{goal}"))
    cube = open_cube(make_cube(load(folder)))
    np.testing.assert_allclose(cube["co2"].sel(statistic="p50", year=2020), [90, 180], rtol=0.05)
    assert bool(cube.attrs.get("accuracy", "")) == bool(goal)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"co2", ', '"co3", ', r"toy\.toml:\d+: sensitivity\.outputs: no output 'co3'; did you mean 'co2'"),
        (DRIVERS[DRIVERS.index("[sensitivity.d") :], "", r"sensitivity: state drivers"),
        ('outputs = ["co2", "co2_by_province", "peak_year", "difference/co2"]\n', "", r"sensitivity: state outputs"),
        ('rest = ["*"]', "rest = []", r"sensitivity\.drivers\.rest"),
        ('rest = ["*"]', "", r"toy\.toml:\d+: sensitivity\.drivers: in no driver: macro\.idle"),
        (
            'rest = ["*"]',
            'rest = ["*"]\nmore = ["stock.*"]',
            r"toy\.toml:23: sensitivity\.drivers\.more: no input 'stock",
        ),
        (
            'rest = ["*"]',
            'rest = ["*"]\nmore = ["macro.level"]',
            r"toy\.toml:23: .*\.more: .* fits drivers level and more",
        ),
        ('rest = ["*"]', 'rest = ["*"]\n[posterior]\nfile = "x.nc"', "learned together depend on one another"),
        ('rest = ["*"]', '"two words" = ["*"]', "may hold letters"),
    ],
)
def test_what_cannot_be_shared_out_is_said(folder: Path, command: Command, old: str, new: str, message: str) -> None:
    file = folder / "runs" / "toy.toml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    code, _, errors = command("run", file, "--out", folder / "x.nc")
    assert code == 2
    assert len([line for line in errors.splitlines() if "at a time" not in line]) == 1, errors
    with pytest.raises(InputError, match=message):
        make_cube(load(folder))


def test_shares_are_shown(folder: Path, command: Command) -> None:
    cube = make_cube(load(folder))
    code, out, _ = command("show", cube, "--shares", "--output", "co2", "--year", 2040, "--scenario", "high")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    rows = {words[0]: words[1:] for words in lines if words and words[0] in ("growth", "level", "rest")}
    assert len(rows) == 3
    assert float(rows["level"][0]) == pytest.approx(100 / 104, abs=0.02)
    code, out, _ = command("show", cube, "--shares", "--list")
    assert "difference_co2" in out
    code, _, errors = command("show", cube, "--shares", "--differences")
    assert (code, "take one" in errors) == (2, True)


def test_a_cube_without_shares_says_so(toy_folder: Path, command: Command) -> None:
    cube = make_cube(load_run(toy_folder / "runs" / "toy.toml", {}, {}))
    code, _, errors = command("show", cube, "--shares")
    assert code == 2
    assert "has no group 'variance_shares'" in errors
