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
    groups = groups_without_sampling(values, held_after)
    code, page = written(cube_file, groups)
    return code, groups, page


def written(cube_file, groups):
    file = cube_file.with_name("hindcast.posterior.nc")
    file.unlink(missing_ok=True)
    write_cube({"/": xr.Dataset(attrs=ATTRIBUTES)} | groups, file.with_suffix(".part"), file)
    out = cube_file.parent / "out"
    return build.main([str(cube_file), "--page", "hindcast", "--out", str(out)]), out / "hindcast.html"


def test_a_hindcast_that_is_too_sure_is_called_so(cube_file):
    values = RISING + np.where(np.arange(10) > 6, 50.0, 0.0)
    code, groups, file = made(cube_file, values)
    text = file.read_text(encoding="utf-8")
    page = Document(text)
    scores = groups["hindcast"].sel(series="line")
    assert code == 0
    assert "bands hold 1 of 4 held-out numbers (25 %)" in page.text
    assert "that of line holds 25 % (1 of 4; 3 above it, beyond its edge by " in page.text
    mine = scores.sel(forecast="posterior")
    assert ("It is over-confident" in page.text) == bool(min(mine["pooled_chance"], mine["lowest_chance"]) < 0.05)
    assert "http" not in text
    assert "<2005>" not in text
    for words in (
        "50 draws",
        "seed 3",
        "abcabc",
        "2006–2009",
        "R-hat at most 1.0040",
        "a.b",
        "Hindsight is not thereby gone",
    ):
        assert words in page.text, words
    crps = next(row for table in page.tables for row in table if row[0] == "line, Mt/year" and len(row) == 6)
    assert [float(cell) for cell in crps[1:4]] == pytest.approx(scores["crps"].values, rel=0.01)
    assert " to " in crps[4]
    coverage = next(row for table in page.tables for row in table if row[0] == "line" and row[1:2] == ["4"])
    assert coverage[2::2][:2] == ["25 %", "25 %"]


def relabelled(groups, **values):
    """The groups with other numbers in the hindcast."""
    return groups | {"hindcast": groups["hindcast"].assign({
        name: groups["hindcast"][name].copy(data=np.full(groups["hindcast"][name].shape, value))
        for name, value in values.items()
    })}  # fmt: skip


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_over_confident_is_said_where_the_scores_say_so_alone(cube_file, sure):
    groups = relabelled(groups_without_sampling(RISING + np.where(np.arange(10) > 6, 50.0, 0.0), 2005),
                        over_confident=sure, power=0.25)  # fmt: skip
    page = Document(written(cube_file, groups)[1].read_text(encoding="utf-8"))
    assert ("It is over-confident" in page.text) == bool(sure)
    assert ("nor does it show that it is not" in page.text) == (not sure)
    assert ("with a chance of 25 %" in page.text) == (not sure)
    assert "holds 25 % (1 of 4" in page.text


@pytest.mark.parametrize("word", ["better", "level", "worse"])
def test_verdicts_are_those_of_the_scores(cube_file, word):
    groups = relabelled(groups_without_sampling(RISING, 2005), crps_verdict=word)
    page = Document(written(cube_file, groups)[1].read_text(encoding="utf-8"))
    assert f"against the prior it is {word} on 1 of 1 series (line); against the trend it is {word} on 1" in page.text
    for other in {"better", "level", "worse"} - {word}:
        assert f"{other} on" not in page.text


def test_too_few_years_are_said_to_be_too_few(cube_file):
    _, groups, file = made(cube_file, RISING, held_after=2006)
    page = Document(file.read_text(encoding="utf-8"))
    assert (groups["hindcast"]["crps_verdict"] == "").all()
    assert "1 series has too few years to tell" in page.text
    assert "1 series with too few numbers to be judged" in page.text


def test_a_hindcast_that_holds_is_not_called_too_sure(cube_file):
    _, groups, file = made(cube_file, RISING)
    assert float(groups["hindcast"]["coverage"].sel(forecast="posterior").item()) == 1
    page = Document(file.read_text(encoding="utf-8"))
    assert "It is over-confident" not in page.text
    assert "hold 4 of 4 held-out numbers (100 %)" in page.text
    assert "hold at least 80 %" in page.text


def test_scores_of_an_older_version_are_to_be_made_again(cube_file, capsys):
    groups = groups_without_sampling(RISING, 2005)
    old = groups | {"hindcast": groups["hindcast"].drop_vars(["lowest_chance", "crps_verdict"])}
    assert written(cube_file, old)[0] == 2
    assert "older version" in capsys.readouterr().err


LEFT_OUT = "series,numbers,log_score,log_score_prior,crps,crps_prior,inside,inside_prior,rhat"


@pytest.mark.parametrize(
    ("more", "values", "verdict", "gain"),
    [("", "", "no series has an error", "−1.00"),
     (",log_score_gain,log_score_gain_se,verdict", ",-1,0.25,worse", "the prior, worse on line", "−1.00 ± 0.25"),
     (",log_score_gain,log_score_gain_se,verdict", ",-1,3,level", "the prior, level on line", "−1.00 ± 3.00"),
     (",log_score_gain,log_score_gain_se,verdict", ",-1,nan,", "no series has an error", "−1.00")],
)  # fmt: skip
def test_residuals_and_series_left_out_stand_on_the_page(cube_file, more, values, verdict, gain):
    left = cube_file.with_name(f"{cube_file.stem}.left_out.csv")
    left.write_text(f"{LEFT_OUT}{more}\nline,10,-2,-1,0.5,0.25,0.4,0.9,1.001{values}\n", encoding="utf-8")
    _, groups, file = made(cube_file, RISING)
    left.unlink()
    page = Document(file.read_text(encoding="utf-8"))
    assert verdict in page.text
    tables = {row[0]: row for table in page.tables for row in table}
    assert next(row for table in page.tables for row in table if row[-1:] == ["90 %"])[4] == gain
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
