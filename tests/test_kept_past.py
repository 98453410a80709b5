from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from line_world import exact, past_study

from mc import kept_past, past
from mc.cube import open_cube
from mc.errors import InputError
from mc.reweight import make_reweighted

HEADER = "series,year,value,unit,error,sd,group,role,weight,source"


@pytest.fixture(autouse=True)
def _past_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of the past of the line is known, and its priors are those of the run."""
    monkeypatch.setitem(past.PASTS, "line", lambda _: (None, past_study()))
    monkeypatch.setattr(kept_past, "read_priors_of", lambda _: SimpleNamespace(digest=None))


def table(folder: Path, *rows: str) -> Path:
    file = folder / "seen.csv"
    file.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return file


def test_rows_before_the_run_are_met_by_the_kept_inputs(line_cube: Path, tmp_path: Path) -> None:
    """A row of the past and one of the run, of the same series: the posterior of the line is exact."""
    seen = table(tmp_path, "path,2016,80,Mt/year,normal,8,g,fit,1,t", "path,2023,112,Mt/year,normal,8,g,fit,1,t")
    make_reweighted(line_cube, seen, tmp_path / "seen.nc", priors=tmp_path)
    cube = open_cube(tmp_path / "seen.nc").sel(belief="posterior", year=2025)
    for name, value in zip(("mean", "sd"), exact([2016, 2023], [80, 112], 64 * np.eye(2), 2025), strict=True):
        assert abs(float(cube["path"].sel(statistic=name)) - value) < 4.5 * float(cube["path_mcse"].sel(statistic=name))
    assert open_cube(tmp_path / "seen.nc", "observed_data")["path_year"].values.tolist() == [2016, 2023]


def test_inputs_of_the_past_alone_come_from_their_priors(line_cube: Path, tmp_path: Path) -> None:
    """They carry the row, and nothing else moves; the first year of the run is history's too where it was not kept."""
    seen = table(tmp_path, "own,2020,0.5,Mt/year,normal,1,g,fit,1,t")
    found = make_reweighted(line_cube, seen, tmp_path / "seen.nc", priors=tmp_path)
    # ESS of a normal prior under a normal likelihood: N E[w]^2 / E[w^2].
    assert found.weights.ess / 4096 == pytest.approx(np.sqrt(3) / 2 * np.exp(0.25 / 3 - 0.25 / 2), rel=0.05)
    cube = open_cube(tmp_path / "seen.nc").sel(statistic="mean", year=2025)
    moved = cube["path"].sel(belief="posterior") - cube["path"].sel(belief="prior")
    assert abs(float(moved)) < 1.0


def test_priors_must_be_those_of_the_run(line_cube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = table(tmp_path, "path,2016,92,Mt/year,normal,8,g,fit,1,t")
    monkeypatch.setattr(kept_past, "read_priors_of", lambda _: SimpleNamespace(digest="another"))
    with pytest.raises(InputError, match="not the priors of"):
        make_reweighted(line_cube, seen, tmp_path / "seen.nc", priors=tmp_path)


def test_series_that_history_lacks_are_named(line_cube: Path, tmp_path: Path) -> None:
    seen = table(tmp_path, "end,2016,92,Mt/year,normal,8,g,fit,1,t", "hidden,2017,92,Mt/year,normal,8,g,fit,1,t")
    with pytest.raises(InputError, match=r"year '2016' of end(.|\n)*hidden was not kept|hidden was not kept"):
        make_reweighted(line_cube, seen, tmp_path / "seen.nc", priors=tmp_path)
