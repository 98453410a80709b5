"""The page of a hindcast: what it says is what lies in the file."""

import json

import numpy as np
import pytest
import xarray as xr
from posterior_study import groups_without_sampling
from synthetic_cube import synthetic_cube
from test_pages import Document, build

from mc.cube.write import write_cube
from mc.posterior.errors import MOVES

RISING = 1.3 + 0.15 * np.arange(10)
ATTRIBUTES = {
    "title": "To <2005>", "run_file": "line.toml", "run": json.dumps({"posterior": {"replace": {"a.b": [1, 2020, 3]}}}),
    "chains": 2, "draws": 50, "warmup": 10, "seed": 3, "sampler": "NUTS", "rhat": 1.004, "bulk_ess": 999.9,
    "divergences": 0, "priors_digest": "abc" * 9, "versions": "{}", "device": "1 x cpu", "platform": "any",
}  # fmt: skip


@pytest.fixture(scope="module")
def cube_file(tmp_path_factory):
    return synthetic_cube(tmp_path_factory.mktemp("hindcast") / "cube.nc")


def made(cube_file, values, held_after=2005):
    file = cube_file.with_name("hindcast.posterior.nc")
    file.unlink(missing_ok=True)
    groups = groups_without_sampling(values, held_after)
    write_cube({"/": xr.Dataset(attrs=ATTRIBUTES)} | groups, file.with_suffix(".part"), file)
    out = cube_file.parent / "out"
    code = build.main([str(cube_file), "--page", "hindcast", "--out", str(out)])
    return code, groups, out / "hindcast.html"


def test_a_hindcast_that_is_too_sure_is_called_so(cube_file):
    values = RISING + np.where(np.arange(10) > 6, 50.0, 0.0)
    code, groups, file = made(cube_file, values)
    text = file.read_text(encoding="utf-8")
    page = Document(text)
    assert code == 0
    assert "that of line holds 25 % (1 of 4; 3 above it, beyond its edge by " in page.text
    assert "It is over-confident" in page.text
    assert "http" not in text
    assert "<2005>" not in text
    for words in ("50 draws", "seed 3", "abcabc", "2006–2009", "R-hat at most 1.0040", "a.b"):
        assert words in page.text, words
    scores = groups["hindcast"].sel(series="line")
    row = next(row for table in page.tables for row in table if row[0] == "line, Mt/year" and row[1:])
    assert [float(cell) for cell in row[2:5]] == pytest.approx(scores["crps"].values, rel=0.01)
    assert row[5:7] == ["25 %", "25 %"]


def test_a_hindcast_that_holds_is_not_called_too_sure(cube_file):
    _, groups, file = made(cube_file, RISING)
    assert float(groups["hindcast"]["coverage"].sel(forecast="posterior").item()) == 1
    page = Document(file.read_text(encoding="utf-8"))
    assert "It is over-confident" not in page.text
    assert "hold at least 80 %" in page.text


def test_what_was_tried_residuals_and_series_left_out_stand_on_the_page(cube_file, tmp_path, monkeypatch):
    import tried

    lines = ["until,family,says,series,numbers,log_score,crps_percent,inside,rhat",
             "2005,walk,it walks,line,4,1.25,7,0.5,1", "2005,slope,it slopes,line,4,1.75,6,0.75,1",
             "2009,walk,it walks,line,4,-3.5,70,0.25,1"]  # fmt: skip
    monkeypatch.setattr(tried, "ORIGINS", tmp_path / "origins.csv")
    tried.ORIGINS.write_text("\n".join(lines), encoding="utf-8")
    left = cube_file.with_name(f"{cube_file.stem}.left_out.csv")
    left.write_text("series,numbers,log_score,log_score_prior,crps,crps_prior,inside,inside_prior,rhat\n"
                    "line,10,-2,-1,0.5,0.25,0.4,0.9,1.001\n", encoding="utf-8")  # fmt: skip
    _, groups, file = made(cube_file, RISING)
    left.unlink()
    page = Document(file.read_text(encoding="utf-8"))
    assert "walk: it walks; slope: it slopes" in page.text
    assert "Not blind: when this was decided, scores of other choices on the years held out had been seen" in page.text
    assert "worse than the prior on line" in page.text
    tables = {row[0]: row for table in page.tables for row in table}
    assert tables["walk"][1:] == ["4", "1.25", "7.0 %", "50 %", "4", "−3.50", "70.0 %", "25 %"]
    assert tables["slope"][5:] == ["–"] * 4
    middle = np.median(groups["modelled"]["line"].sel(year=2003))
    assert float(tables["2003"][1]) == pytest.approx(RISING[3] / middle, rel=0.01)


def test_weights_of_families_stand_beside_the_steps():
    import tried

    drift = xr.Dataset({f"error.{group}.drift": (("chain", "draw"), [[0.1, 0.3]]) for group in ("open", "alone")})
    weights = {"prior": (("group", "family"), [[0.5, 0.5, 0.0, 0.0]]),
               "posterior": (("group", "family"), [[0.125, 0.875, 0.0, 0.0]])}  # fmt: skip
    families = xr.Dataset(weights, {"group": ["open"], "family": list(MOVES)})
    tree = xr.DataTree.from_dict({"posterior": drift, "prior": 2 * drift, "families": families})
    alone, several = tried._moves(tree).groups[0].rows
    assert [*several.cells] == ["40.0 %", "20.0 %", "12 %", "88 %", "–", "–"]
    assert [*alone.cells] == ["40.0 %", "20.0 %", *"––––"]


def test_no_hindcast_no_page(cube_file, capsys):
    cube_file.with_name("hindcast.posterior.nc").unlink(missing_ok=True)
    assert build.main([str(cube_file), "--page", "hindcast", "--out", str(cube_file.parent / "none")]) == 2
    assert "ferrocast fit runs/hindcast.toml" in capsys.readouterr().err
    assert made(cube_file, RISING, held_after=9999)[0] == 2
    assert "no scores of years held out" in capsys.readouterr().err
