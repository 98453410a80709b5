import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from line_world import YEARS, Z95, exact

from mc.__main__ import main
from mc.cube import open_cube
from mc.errors import InputError, RunFailed
from mc.posterior.importance import weigh
from mc.posterior.weighted import sample_of, statistics
from mc.reweight import make_reweighted

HEADER = "series,year,value,unit,error,sd,group,role,weight,source"
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)


def table(folder: Path, *rows: str, header: str = HEADER, errors: Sequence[str] = ()) -> Path:
    file = folder / "seen.csv"
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    if errors:
        lines = ("group,parameter,family,low,mid,high,kind,source", *errors)
        (folder / "errors.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def row(year: int, value: float, sd: float, group: str = "g", series: str = "path", error: str = "normal") -> str:
    return f"{series},{year},{value},Mt/year,{error},{sd},{group},fit,1,test"


WEAK = (row(2021, 112, 8), row(2024, 108, 8))


def test_the_conjugate_case_is_met_within_its_errors(line_cube: Path, tmp_path: Path) -> None:
    out = tmp_path / "seen.nc"
    found = make_reweighted(line_cube, table(tmp_path, *WEAK), out)
    assert found.weights.khat < 0.3
    assert 1000 < found.weights.ess < 4096
    cube = open_cube(out)
    for year in YEARS:
        mean, sd = exact([2021, 2024], [112, 108], 64.0 * np.eye(2), year)
        want = {"mean": mean, "sd": sd, "p05": mean - Z95 * sd, "p50": mean, "p95": mean + Z95 * sd}
        for name, value in want.items():
            at = {"statistic": name, "belief": "posterior", "year": year}
            error = float(cube["path_mcse"].sel(at))
            assert 0 < error < 0.06 * sd
            assert abs(float(cube["path"].sel(at)) - value) < 4.5 * error, (year, name)
    # A scalar and a provincial output follow.
    assert float(cube["end"].sel(statistic="mean", belief="posterior")) == pytest.approx(
        float(cube["path"].sel(statistic="mean", belief="posterior", year=2025))
    )
    half = cube["part"].sel(statistic="mean", belief="posterior", scenario="high", province="CN-BJ")
    assert half.values == pytest.approx(0.5 * cube["path"].sel(statistic="mean", belief="posterior").values)


def test_the_prior_beside_it_is_that_of_the_run(line_cube: Path, tmp_path: Path) -> None:
    out = tmp_path / "seen.nc"
    make_reweighted(line_cube, table(tmp_path, *WEAK), out)
    before, run = open_cube(out)["path"].sel(belief="prior"), open_cube(line_cube)
    errors = open_cube(out)["path_mcse"].sel(belief="prior")
    for name in ("mean", "sd"):
        assert before.sel(statistic=name).values == pytest.approx(run["path"].sel(statistic=name).values, rel=1e-6)
        assert errors.sel(statistic=name).values == pytest.approx(run["path_mcse"].sel(statistic=name).values, rel=1e-3)
    for name in ("p05", "p50", "p95"):
        distance = before.sel(statistic=name) - run["path"].sel(statistic=name)
        assert np.all(abs(distance) < 3 * errors.sel(statistic=name) + 0.02)


def test_errors_that_drift_together_count_as_they_should(line_cube: Path, tmp_path: Path) -> None:
    """A walk that starts at 0 in the first year of the group: covariance drift^2 min(t - t0) + sd^2."""
    rows = (row(2021, 112, 6), row(2022, 111, 6), row(2024, 113, 6))
    out = tmp_path / "seen.nc"
    make_reweighted(line_cube, table(tmp_path, *rows, errors=["g,drift,fixed,,4,,expert,test"]), out)
    gap = np.array([0.0, 1.0, 3.0])
    covariance = 16.0 * np.minimum(gap[:, None], gap[None, :]) + 36.0 * np.eye(3)
    mean, sd = exact([2021, 2022, 2024], [112, 111, 113], covariance, 2025)
    _, independent = exact([2021, 2022, 2024], [112, 111, 113], 36.0 * np.eye(3), 2025)
    cube = open_cube(out).sel(belief="posterior", year=2025)
    for name, value in (("mean", mean), ("sd", sd)):
        assert abs(float(cube["path"].sel(statistic=name)) - value) < 4.5 * float(cube["path_mcse"].sel(statistic=name))
    assert independent < 0.9 * sd


def test_an_unknown_bias_is_integrated_over(line_cube: Path, tmp_path: Path) -> None:
    """Against quadrature over the bias; the bias itself is in the posterior."""
    rows = (row(2020, 115, 4), row(2021, 116, 4))
    bias = "g,bias,lognormal,0.9,1.0,1.111111,expert,test"
    out = tmp_path / "seen.nc"
    make_reweighted(line_cube, table(tmp_path, *rows, errors=[bias]), out)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    factor = np.exp(nodes * np.log(1 / 0.9) / Z95)
    draws = open_cube(line_cube, "draws")["path"].sel(year=[2020, 2021]).values
    score = (np.array([115, 116]) - factor[:, None, None] * draws) / 4
    likelihood = (weights[:, None] * np.exp(-0.5 * (score**2).sum(axis=-1))).sum(axis=0)
    mean = (likelihood * draws[:, 0]).sum() / likelihood.sum()
    cube = open_cube(out).sel(belief="posterior", year=2020)
    error = float(cube["path_mcse"].sel(statistic="mean"))
    # 64 trials a draw add a little noise of their own.
    assert abs(float(cube["path"].sel(statistic="mean")) - mean) < 3 * error
    posterior, prior = (open_cube(out, name)["error.g.bias"] for name in ("posterior", "prior"))
    assert float(posterior.mean()) > float(prior.mean()) + 0.02


def test_standard_errors_are_honest() -> None:
    """Errors over standard errors are about standard normal, in 300 repetitions with weights that differ widely."""
    random = np.random.default_rng(3)
    scores = []
    for _ in range(300):
        x = random.standard_normal((1024, 1))
        share = np.exp(-0.5 * (x[:, 0] - 1) ** 2 / 1.0)
        sample, at = sample_of(share / share.sum(), np.arange(1024), 16)
        values, errors = statistics(sample, x[at], PROBABILITIES)
        sd = np.sqrt(0.5)
        truth = np.array([0.5, sd, *(0.5 + sd * np.array([-Z95, -0.67449, 0, 0.67449, Z95]))])
        scores.append((values[:, 0] - truth) / errors[:, 0])
    spread = np.sqrt(np.square(scores).mean(axis=0))
    # Student's t with 15 degrees of freedom has 1.07.
    assert np.all((spread > 0.85) & (spread < 1.35)), spread


def test_quantiles_lie_between_values_that_stand_for_half_their_weight() -> None:
    sample, _ = sample_of(np.array([0.25, 0.25, 0.25, 0.25]), np.arange(4), 2)
    values, _ = statistics(sample, np.array([[4.0], [1.0], [3.0], [2.0]]), (0.375, 0.5))
    assert values[2:, 0].tolist() == [2.0, 2.5]
    sample, _ = sample_of(np.array([0.5, 0.25, 0.25, 0.0]), np.arange(4), 2)
    values, _ = statistics(sample, np.array([[1.0], [2.0], [3.0]]), (0.25, 0.625))
    assert values[[0, 2, 3], 0].tolist() == [1.75, 1.0, 2.0]


def test_smoothed_weights_agree_with_accepting_draws_by_their_likelihood() -> None:
    random = np.random.default_rng(5)
    x = random.standard_normal(200_000)
    logs = -0.5 * ((x - 1.5) / 0.9) ** 2
    accepted = x[random.random(len(x)) < np.exp(logs)]
    found = weigh(logs[:20_000], np.ones(20_000, bool))
    mean = (found.share * x[:20_000]).sum()
    sd = np.sqrt((found.share * (x[:20_000] - mean) ** 2).sum())
    error = accepted.std() * np.sqrt(1 / len(accepted) + 1 / found.ess)
    assert abs(mean - accepted.mean()) < 4 * error
    assert abs(sd - accepted.std()) < 4 * error / np.sqrt(2)


def test_khat_is_the_shape_of_the_tail_of_the_weights() -> None:
    """Weights of exact Pareto shape; the estimate leans a little to 0.5, as its prior has it."""
    uniform = (np.arange(40_000) + 0.5) / 40_000
    for shape in (0.3, 0.6, 0.9):
        found = weigh(-shape * np.log(np.random.default_rng(1).permutation(uniform)), np.ones(40_000, bool))
        assert found.khat == pytest.approx(shape, abs=0.12)
        assert found.usable == (shape < 0.7)


def test_equal_weights_are_no_reason_to_refuse() -> None:
    found = weigh(np.full(1000, -3.0), np.ones(1000, bool))
    assert found.usable
    assert found.ess == pytest.approx(1000)


@pytest.mark.parametrize("logs", [np.full(100, -np.inf), np.concatenate([[0.0], np.full(999, -1e4)])])
def test_draws_that_cannot_be_are_refused(logs: np.ndarray) -> None:
    assert not weigh(logs, np.ones(len(logs), bool)).usable


def test_strong_observations_are_refused_and_nothing_is_written(line_cube: Path, tmp_path: Path) -> None:
    strong = table(tmp_path, row(2022, 131, 0.05, "strong"), row(2021, 110, 9, "weak"))
    with pytest.raises(RunFailed, match=r"k-hat .* above 0\.70: .*too strong for these draws: strong.*ferrocast fit"):
        make_reweighted(line_cube, strong, tmp_path / "no.nc")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seen.csv"]


def test_failed_draws_weigh_nothing(line_cube: Path, tmp_path: Path) -> None:
    groups = {"/": xr.open_dataset(line_cube).load(), "draws": xr.open_dataset(line_cube, group="draws").load()}
    draws = groups["draws"]
    draws["valid"][10:200] = 0
    draws["path"][10:100] = np.nan
    draws["end"][300] = np.nan
    hurt = tmp_path / "hurt.nc"
    for mode, (name, group) in zip("wa", groups.items(), strict=True):
        group.to_netcdf(hurt, mode, group=name)
    found = make_reweighted(hurt, table(tmp_path, *WEAK), tmp_path / "seen.nc")
    failed = np.flatnonzero(~found.counted)
    assert failed.tolist() == [*range(10, 200), 300]
    assert np.all(found.weights.share[failed] == 0)
    assert found.weights.draws == 4096 - 191
    cube = open_cube(tmp_path / "seen.nc")
    assert cube.attrs["draws_failed"] == 191
    mean, _ = exact([2021, 2024], [112, 108], 64.0 * np.eye(2), 2025)
    assert float(cube["end"].sel(statistic="mean", belief="posterior")) == pytest.approx(mean, abs=0.8)
    assert not np.isin(failed, open_cube(tmp_path / "seen.nc", "posterior")["kept_draw"]).any()


def test_a_row_chooses_scenario_and_province(line_cube: Path, tmp_path: Path) -> None:
    """A quarter of the path seen with a quarter of the sd says the same as the path."""
    header = f"{HEADER},scenario,province"
    part = table(
        tmp_path, "part,2023,28,kt/year,normal,2000,g,fit,1,test,low,CN-BJ".replace("28,", "28000,"), header=header
    )
    first = make_reweighted(line_cube, part, tmp_path / "part.nc")
    second = make_reweighted(line_cube, table(tmp_path, row(2023, 112, 8)), tmp_path / "path.nc")
    assert first.weights.share == pytest.approx(second.weights.share, rel=1e-9)
    observed = open_cube(tmp_path / "part.nc", "observed_data")
    assert observed["part[low,CN-BJ]"].values.tolist() == [28.0]


def test_roles_and_weights_of_rows_hold(line_cube: Path, tmp_path: Path) -> None:
    rows = (
        row(2023, 112, 8),
        row(2024, 300, 1).replace(",fit,", ",off,"),
        row(2025, 120, 8).replace(",fit,", ",hold_out,"),
    )
    with_others = make_reweighted(line_cube, table(tmp_path, *rows), tmp_path / "a.nc")
    alone = make_reweighted(line_cube, table(tmp_path, row(2023, 112, 8)), tmp_path / "b.nc")
    assert with_others.weights.share == pytest.approx(alone.weights.share, rel=1e-12)
    assert open_cube(tmp_path / "a.nc", "held_out_log_score")["path"].sizes["path_year"] == 1
    half = make_reweighted(line_cube, table(tmp_path, row(2023, 112, 8).replace(",1,", ",0.5,")), tmp_path / "c.nc")
    wide = make_reweighted(line_cube, table(tmp_path, row(2023, 112, 8 * 2**0.5)), tmp_path / "d.nc")
    assert half.weights.share == pytest.approx(wide.weights.share, rel=1e-9)


def test_arviz_reads_the_groups(line_cube: Path, tmp_path: Path) -> None:
    import arviz_stats as az

    out = tmp_path / "seen.nc"
    found = make_reweighted(line_cube, table(tmp_path, *WEAK), out)
    with xr.open_datatree(out) as tree:
        tree.load()
    assert tree["posterior"].sizes["draw"] == round(found.weights.ess)
    level = az.summary(tree["posterior"].to_dataset(), var_names=["line.level"], kind="stats", round_to="none")
    mean, sd = exact([2021, 2024], [112, 108], 64.0 * np.eye(2), 2020)
    assert level["mean"].iloc[0] == pytest.approx(mean, abs=5 * sd / np.sqrt(found.weights.ess))
    assert level["sd"].iloc[0] == pytest.approx(sd, rel=0.1)
    # Idle inputs stay where they were, with their coordinate.
    idle = tree["posterior"]["line.idle"]
    assert idle.dims[-1] == "province"
    assert float(idle.mean()) == pytest.approx(1.0, abs=0.06)
    assert np.isfinite(az.loo(tree, var_name="path", reff=1.0).elpd)
    replicated = tree["posterior_predictive"]["path"].sel(path_year=2021)
    exact_sd = np.hypot(exact([2021, 2024], [112, 108], 64.0 * np.eye(2), 2021)[1], 8)
    assert float(replicated.std()) == pytest.approx(exact_sd, rel=0.1)
    assert tree["importance"]["weight"].sum() == pytest.approx(1.0)


BAD: dict[str, tuple[Sequence[str], str]] = {
    "unknown series": ([row(2021, 1, 1, series="pth")], r"seen.csv:2: unknown series 'pth'; did you mean 'path'"),
    "not kept": ([row(2021, 1, 1, series="hidden")], r'hidden was not kept; .*"path", "end", "part", "hidden"'),
    "negative sd": ([row(2021, 112, -8)], "sd '-8'; give a standard deviation above 0"),
    "year outside": ([row(2030, 112, 8)], "year '2030' of path; known years are 2020 to 2025"),
    "year before": ([row(1999, 112, 8)], "year 1999 lies before the run.*--priors"),
    "unit": ([row(2021, 112, 8).replace("Mt/year", "GJ/t")], "unit 'GJ/t' has the wrong dimension of path"),
    "no row": ([], "no observation; add rows"),
    "not a number": ([row(2021, 112, 8).replace("112", "many")], "many"),
    "no scenario": (
        [row(2021, 112, 8, series="part")],
        "no scenario for part; name one in a column scenario: low, high",
    ),
    "all off": ([row(2021, 112, 8).replace(",fit,", ",off,")], "no observation is left to fit"),
    "twice": ([row(2021, 112, 8)] * 2, "csv:2 too, and would count twice"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_named_with_a_remedy(case: str, line_cube: Path, tmp_path: Path) -> None:
    rows, message = BAD[case]
    with pytest.raises(InputError, match=message):
        make_reweighted(line_cube, table(tmp_path, *rows), tmp_path / "no.nc")
    assert not (tmp_path / "no.nc").exists()


@pytest.mark.parametrize(
    ("text", "message"), [("", "empty file"), ("a,b\n1,2\n", "header lacks|unknown column"), (None, "no such file")]
)
def test_bad_tables_are_refused(text: str | None, message: str, line_cube: Path, tmp_path: Path) -> None:
    file = tmp_path / "seen.csv"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        make_reweighted(line_cube, file, tmp_path / "no.nc")


def test_a_cube_without_draws_says_which_line_to_add(line_cube: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'keeps no draws; .*\[keep\] outputs = \["path"\]'):
        make_reweighted(line_cube.with_name("none.nc"), table(tmp_path, *WEAK), tmp_path / "no.nc")


def test_axes_of_a_row_must_exist(line_cube: Path, tmp_path: Path) -> None:
    header = f"{HEADER},province"
    with pytest.raises(InputError, match="path has no axis province"):
        make_reweighted(line_cube, table(tmp_path, row(2021, 112, 8) + ",CN-BJ", header=header), tmp_path / "no.nc")
    wrong = row(2021, 112, 8, series="part") + ",CN-HB,low"
    with pytest.raises(InputError, match="province 'CN-HB' of part; did you mean"):
        make_reweighted(line_cube, table(tmp_path, wrong, header=f"{header},scenario"), tmp_path / "no.nc")


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def test_the_command_prints_prior_and_posterior(
    line_cube: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, out = table(tmp_path, *WEAK), tmp_path / "seen.nc"
    code, text, log = run(capsys, "reweight", line_cube, "--observed", seen, "--out", out)
    assert code == 0
    assert "k-hat" in text
    assert "effective draws" in text
    assert "4096" in log
    lines = [line.split() for line in text.splitlines() if line.startswith("path")]
    assert [line[1:3] for line in lines] == [
        ["2024", "prior"],
        ["2024", "posterior"],
        ["2025", "prior"],
        ["2025", "posterior"],
    ]
    code, _, log = run(capsys, "reweight", line_cube, "--observed", seen, "--out", out)
    assert code == 2
    assert "--overwrite" in log
    code, text, log = run(
        capsys, "reweight", line_cube, "--observed", seen, "--out", out, "--overwrite", "--json", "-q"
    )
    answer = json.loads(text)
    assert code == 0
    assert not log
    assert answer["sets"][0]["set"] == "g"
    assert answer["ess"] > 1000
    code, text, _ = run(capsys, "show", out, "--output", "path", "--year", "2025")
    assert code == 0
    assert "posterior" in text


def test_the_command_refuses_with_exit_code_1(
    line_cube: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, log = run(capsys, "reweight", line_cube, "--observed", table(tmp_path, row(2022, 150, 0.01)))
    assert code == 1
    assert not text
    assert "Nothing was written" in log
    assert "Traceback" not in log
    assert not line_cube.with_name("line.reweighted.nc").exists()
    code, _, log = run(capsys, "reweight", line_cube, "--observed", table(tmp_path, *WEAK), "--out", line_cube)
    assert code == 2
    assert "cube itself" in log
