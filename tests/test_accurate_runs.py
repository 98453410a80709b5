"""Accuracy as a run file asks for it: until, exact, probabilities; and what a cube says of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mc.batch import Needs, plan
from mc.cube import open_cube
from mc.errors import InputError
from mc.parts import make_part, make_pilot
from mc.run import make_cube
from mc.runfile import load_run

Ask = Callable[..., Path]


@pytest.fixture
def ask(toy_folder: Path) -> Ask:
    """Cube of the toy with lines added to its run file."""

    def answer(lines: str, draws: int = 4096, **options: bool) -> Path:
        file = toy_folder / "runs" / "mine.toml"
        file.write_text(f'like = "toy.toml"\n[output]\ncube = "out/mine.nc"\n{lines}')
        return make_cube(load_run(file, {"ensemble.draws": draws}), overwrite=True, **options)

    return answer


def test_a_run_stops_when_it_is_accurate_enough_and_the_cube_says_so(ask: Ask) -> None:
    cube = open_cube(ask('[ensemble]\nuntil = ["0.5 % on mean and p50 of co2 in 2040", "2 % on mean of co2"]'))
    assert cube.attrs["draws"] < 4096
    told = cube.attrs["accuracy"].splitlines()
    assert [line.split(":")[0] for line in told] == ["0.5 % on mean and p50 of co2 in 2040", "2 % on mean of co2"]
    assert all("reached" in line and "not reached" not in line for line in told)
    error = cube["co2_mcse"].sel(statistic="mean", year=2040) / cube["co2"].sel(statistic="mean", year=2040)
    assert float(error.max()) * 2.13 <= 0.005
    same = open_cube(ask("", draws=int(cube.attrs["draws"])))
    np.testing.assert_allclose(same["co2"].sel(statistic="mean"), cube["co2"].sel(statistic="mean"), rtol=1e-6)


def test_a_goal_that_is_not_reached_is_told_in_the_cube(ask: Ask) -> None:
    cube = open_cube(ask('[ensemble]\nuntil = ["0.00001 % on mean of co2"]', draws=1024))
    assert cube.attrs["draws"] == 1024
    assert "not reached" in cube.attrs["accuracy"]


def test_quantiles_are_exact_where_a_run_asks_and_their_errors_no_larger(ask: Ask) -> None:
    keep = '[keep]\noutputs = ["co2"]'
    streamed = open_cube(ask(keep))
    path = ask(f'{keep}\n[statistics]\nexact = ["co2"]\nprobabilities = [0.001, 0.999]')
    cube, kept = open_cube(path), open_cube(path, "draws")
    assert [str(name) for name in cube["statistic"].values][2:4] == ["p00.1", "p05"]
    for name, probability in (("p00.1", 0.001), ("p50", 0.5), ("p99.9", 0.999)):
        expected = np.quantile(kept["co2"].values.astype(float), probability, axis=0)
        np.testing.assert_array_equal(cube["co2"].sel(statistic=name), expected.astype(np.float32))
    assert "order statistics" in cube["co2"].attrs["comment"]
    assert (cube["co2_mcse"].sel(statistic="p50") <= streamed["co2_mcse"].sel(statistic="p50")).all()
    np.testing.assert_array_equal(cube["co2"].sel(statistic="mean"), streamed["co2"].sel(statistic="mean"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('[ensemble]\nuntil = ["1 % on p50 of co3"]', "mine.toml: until = .*: no output 'co3'; did you mean 'co2'"),
        ('[ensemble]\nuntil = ["soon"]', "mine.toml: until = 'soon': write AMOUNT UNIT on STATISTIC"),
        ('[statistics]\nexact = ["co3"]', "statistics.exact: no output 'co3'; did you mean 'co2'"),
        ("[statistics]\nprobabilities = [1.0]", "mine.toml:5.*probabilities"),
    ],
)
def test_what_makes_no_sense_is_refused(ask: Ask, lines: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ask(lines)


def test_parts_cannot_stop_by_their_accuracy(toy_folder: Path) -> None:
    run = load_run(toy_folder / "runs" / "toy.toml")
    ensemble = run.ensemble.model_copy(update={"until": ("1 % on mean of co2",)})
    for make in (lambda run: make_part(run, 1, 2), make_pilot, lambda run: plan(run, 2, Needs())):
        with pytest.raises(InputError, match=r"toy\.toml: ensemble\.until .* which no part of it knows: take it out"):
            make(run.model_copy(update={"ensemble": ensemble}))


@pytest.mark.parametrize("how", [["--distributed"], ["--part", "pilot"], ["--part", "1/2"]])
def test_the_command_refuses_it_before_anything_is_drawn(
    how: list[str], toy_folder: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    file = toy_folder / "runs" / "mine.toml"
    file.write_text('like = "toy.toml"\n[ensemble]\nuntil = ["1 % on mean of co2"]\n', encoding="utf-8")
    before = sorted(toy_folder.rglob("*"))
    code, out, err = command("run", file, *how)
    assert (code, out) == (2, "")
    assert "take it out and give the number of draws, or draw the run in one process" in err
    assert len(err.splitlines()) == 1
    assert sorted(toy_folder.rglob("*")) == before


def test_uneven_numbers_of_draws_are_pointed_out(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="ferrocast")
    ask("", draws=1000)
    assert "512 or 1024 would use them best" in caplog.text
    caplog.clear()
    ask("", draws=1024)
    assert "would use them best" not in caplog.text
