import json
import shutil
import signal
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from toy_command import ROOT, TOY_PROGRAM, await_line, start
from toy_world import TOY_RUN

import mc
from mc.cube import open_cube
from mc.digits import plain, with_error

COMMANDS = (
    "init",
    "check",
    "run",
    "submit",
    "status",
    "merge",
    "verify",
    "pareto",
    "tune",
    "show",
    "explain",
    "fit",
    "reweight",
    "doctor",
)

Command = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["run"], ["run", "x", "--draws", "y"]]
)
def test_help_version_and_argument_errors_import_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import atexit, sys\n"
        "heavy = ('jax', 'xarray', 'numpy', 'scipy', 'netCDF4', 'pint')\n"
        "atexit.register(lambda: sys.stderr.write('loaded: ' + ' '.join(h for h in heavy if h in sys.modules)))\n"
        "from mc.__main__ import main\n"
        "main()\n"
    )
    process = start(*arguments, program=program)
    _, errors = process.communicate()
    assert errors.endswith("loaded: ")


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["run", "no such file"], 2), (["runn"], 2)])
def test_a_process_ends_with_its_code_all_said_and_what_is_registered_done(arguments: list[str], code: int) -> None:
    program = (
        "import atexit, sys\n"
        "from mc.__main__ import process\n"
        "atexit.register(lambda: print('registered', flush=True))\n"
        "sys.stdout.write('said, ')\n"
        "process()\n"
    )
    child = start(*arguments, program=program)
    out, _ = child.communicate()
    assert child.returncode == code
    assert out.startswith("said, ")
    assert out.endswith("registered\n")


def test_every_command_is_found_and_has_an_example(command: Command) -> None:
    code, out, _ = command("--help")
    assert code == 0
    for name in COMMANDS:
        assert f"  {name} " in out
        code, page, _ = command(name, "--help")
        assert code == 0
        assert page.partition("  Example:\n")[2].startswith("    ferrocast"), page
        assert f"    ferrocast {name}" in page


def test_version(command: Command) -> None:
    assert command("--version") == (0, f"ferrocast {mc.__version__}\n", "")


def test_run_prints_the_cube_on_stdout_and_the_log_on_stderr(toy_folder: Path, command: Command) -> None:
    code, out, err = command("run", toy_folder / "runs" / "toy.toml")
    cube = toy_folder / "runs" / "out" / "toy.nc"
    assert (code, out) == (0, f"{cube}\n")
    assert "256 of 256 draws" in err
    assert "\x1b" not in err
    code, out, err = command("run", toy_folder / "runs" / "toy.toml", "--overwrite", "--quiet", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["cube"] == str(cube)


def test_options_reach_the_cube(toy_folder: Path, command: Command) -> None:
    out = toy_folder / "mine.nc"
    options = ("--draws", "64", "--seed", "9", "--precision", "float64", "--sampler", "plain", "--block", "32")
    code, _, err = command("run", toy_folder / "runs" / "toy.toml", "--out", out, *options)
    assert code == 0, err
    cube = open_cube(out)
    found = [cube.attrs[name] for name in ("draws", "seed", "precision", "sampler", "block")]
    assert found == [64, 9, "float64", "plain", 32]
    assert cube["co2"].dtype == "float64"


def test_show_config_says_where_each_value_comes_from(
    toy_folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERROCAST_SEED", "4")
    file = toy_folder / "runs" / "toy.toml"
    code, out, _ = command("run", file, "--draws", "128", "--show-config", "--json")
    values = json.loads(out)
    assert code == 0
    assert values["ensemble.draws"] == {"value": 128, "origin": "command line --draws"}
    assert values["ensemble.seed"] == {"value": 4, "origin": "environment FERROCAST_SEED"}
    assert values["model.metal"] == {"value": "toy", "origin": f"{file}:4"}
    assert values["ensemble.block"] == {"value": 64, "origin": "default"}
    code, out, _ = command("run", file, "--show-config")
    assert any(line.split() == ["model.metal", "toy", f"{file}:4"] for line in out.splitlines())
    assert not (toy_folder / "runs" / "out").exists()


def test_a_full_disk_exits_74(toy_folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    full = shutil.disk_usage(toy_folder)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    code, out, err = command("run", toy_folder / "runs" / "toy.toml")
    assert (code, out) == (74, "")
    assert "free on that disk: 100 bytes" in err
    assert list(toy_folder.rglob("*.nc*")) == []


def test_failed_draws_exit_1(toy_folder: Path, command: Command) -> None:
    file = toy_folder / "runs" / "faulty.toml"
    file.write_text(TOY_RUN + '[options]\nhydrogen = "bought"\n', encoding="utf-8")
    code, out, err = command("run", file)
    assert (code, out) == (1, "")
    assert "too_hot" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_run_and_leaves_its_state(toy_folder: Path, number: signal.Signals, code: int) -> None:
    process = start("run", toy_folder / "runs" / "toy.toml", "--draws", 2**30)
    await_line(process, "draws/s")
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    assert "with --resume goes on" in err
    assert "Traceback" not in err
    assert [file.name for file in (toy_folder / "runs" / "out").iterdir()] == ["toy.state"]


def test_a_signal_before_the_first_draw_leaves_no_file(toy_folder: Path) -> None:
    killed = "import os, signal, toy_world\ntoy_world.toy_model = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
    process = start("run", toy_folder / "runs" / "toy.toml", program=killed + TOY_PROGRAM)
    out, err = process.communicate()
    assert (process.returncode, out) == (143, "")
    assert "Traceback" not in err
    assert list((toy_folder / "runs" / "out").iterdir()) == []


def test_show_prints_a_table_with_errors(toy_cube: Path, command: Command) -> None:
    code, out, err = command("show", toy_cube, "--output", "co2", "--year", "2020", "--scenario", "low")
    assert code == 0
    header, _, row = out.splitlines()[:3]
    assert header.split() == ["output", "scenario", "year", "unit", "mean", "sd", "p05", "p50", "p95"]
    assert row.split()[:4] == ["co2", "low", "2020", "MtCO2/year"]
    assert float(row.split()[4]) == pytest.approx(90, abs=0.5)
    assert row.split()[5].startswith("±")
    assert "256 of 256 draws valid" in err


def test_show_notes_what_concerns_what_it_shows(toy_cube: Path, tmp_path: Path, command: Command) -> None:
    noted = shutil.copy(toy_cube, tmp_path / "noted.nc")
    with netCDF4.Dataset(noted, "a") as file:
        file.warnings = "2 draws failed\nco2: quantiles are uncertain\npeak_year: quantiles are uncertain"
    _, _, err = command("show", noted, "--output", "co2")
    assert [line for line in err.splitlines() if "note" in line] == [
        "note: 2 draws failed",
        "note: co2: quantiles are uncertain",
    ]


def test_show_without_options_shows_national_outputs_of_both_ends(toy_cube: Path, command: Command) -> None:
    code, out, _ = command("show", toy_cube, "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["output"], row.get("year")) for row in rows] == [
        ("co2", 2020),
        ("co2", 2040),
        ("peak_year", None),
        ("late", None),
    ]
    assert set(rows[0]["statistics"]) == {"mean", "sd", "p05", "p25", "p50", "p75", "p95", "at_mean_inputs"}
    assert rows[0]["errors"]["at_mean_inputs"] is None


@pytest.mark.parametrize("name", ["CN-HE", "he", "Hebei", "hebei", "河北"])
def test_show_takes_a_province_by_code_or_name(toy_cube: Path, command: Command, name: str) -> None:
    code, out, _ = command("show", toy_cube, "--province", name, "--year", "2030", "--json")
    assert code == 0
    assert [(row["output"], row["province"], row["name"]) for row in json.loads(out)] == [
        ("co2_by_province", "CN-HE", "Hebei")
    ]


def test_show_lists_contents_and_differences(toy_cube: Path, command: Command) -> None:
    code, out, _ = command("show", toy_cube, "--list", "--json")
    assert code == 0
    assert {row["output"]: row["axes"] for row in json.loads(out)} == {
        "co2_by_province": ["scenario", "province", "year"],
        "co2": ["scenario", "year"],
        "peak_year": ["scenario"],
        "late": ["scenario"],
    }
    code, out, _ = command("show", toy_cube, "--differences", "--output", "co2", "--year", "2020:2020", "--json")
    means = {row["scenario"]: row["statistics"]["mean"] for row in json.loads(out)}
    assert means["low"] == 0
    assert means["high"] == pytest.approx(90, abs=0.5)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (1853.27, 0.83, ("1853.3", "0.8")),
        (1853.27, 12.4, ("1853", "12")),
        (1853.27, 23.0, ("1850", "20")),
        (1853.27, 0.0096, ("1853.270", "0.010")),
        (0.012345, 0.00041, ("0.0123", "0.0004")),
        (-0.04, 0.3, ("0.0", "0.3")),
        (1853.27, 0.0, ("1853.27", "")),
        (1853.27, float("nan"), ("1853.27", "")),
        (float("nan"), 1.0, ("-", "")),
        (1853.2712345, 1e-9, ("1853.271", "0.000")),
        (12345678.0, 1500.0, ("12345700", "1500")),
    ],
)
def test_no_more_digits_than_the_error_justifies(value: float, error: float, expected: tuple[str, str]) -> None:
    assert with_error(value, error) == expected


def test_numbers_without_error_keep_six_digits() -> None:
    assert [plain(x) for x in (0.0, 1 / 3, 123456789.0, 1e-7)] == ["0", "0.333333", "1.23457e+08", "1.00000e-07"]


def test_explain_names_the_inputs_that_reach_an_output(toy_cube: Path, command: Command) -> None:
    code, out, _ = command("explain", toy_cube, "peak_year")
    assert code == 0
    assert "year of the peak" in out
    assert "macro.growth" in out
    assert "macro.level" not in out
    code, out, _ = command("explain", toy_cube, "late", "--json")
    facts = json.loads(out)
    assert facts["of"] == "peak_year"
    assert [(row["label"], row["low"], row["high"]) for row in facts["rows"]] == [("macro.growth", 0.0, 1.0)]


def test_check_answers_for_a_run(toy_folder: Path, command: Command) -> None:
    code, out, _ = command("check", toy_folder / "runs" / "toy.toml")
    assert code == 0
    assert "no problem" in out


def test_check_lists_every_problem_of_the_tables(tmp_path: Path, command: Command) -> None:
    (tmp_path / "steel").mkdir()
    (tmp_path / "macro.csv").write_text("quantity,family\nx,y\n", encoding="utf-8")
    code, out, err = command("check", tmp_path)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) > 3
    assert "macro.csv" in err
    assert "Traceback" not in err


def test_check_reads_what_a_fit_reads(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "priors"
    shutil.copytree(ROOT / "priors", folder)
    province = "crude_steel_share_by_province,CN-HX,2016,1,%,normal,1,s,fit,1,,nbs,\n"
    for table, line in (("observed", "scrap_usd,2000,1,Mt/year,normal,0,s,fit,1,x,nbs2021,\n"),
                        ("observed_by_province", province),
                        ("errors", "pig_iron,drfit,fixed,,1,,expert,expert,\n")):  # fmt: skip
        with (folder / "steel" / f"{table}.csv").open("a", encoding="utf-8") as stream:
            stream.write(line)
    code, out, err = command("check", folder)
    assert (code, out) == (2, "")
    assert "unknown series 'scrap_usd'; did you mean 'scrap_used'" in err
    assert "sd '0'" in err
    assert "unknown parameter 'drfit'; did you mean 'drift'" in err
    assert "province 'CN-HX' of crude_steel_share_by_province; did you mean 'CN-" in err
    assert len(err.splitlines()) == 5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            "observed = ['observed.csv', 'observd.csv', 'observed.csv']",
            ["observd.csv:", "observed.csv: is named twice"],
        ),
        (
            "off = ['pig_irn']\nregroup = { scrap_used = 'pig_iron' }\n"
            "[posterior.replace]\n'error.crude_steel_share.drift' = [0.1, 0.2, 0.3]\n"
            "'error.pig_iron.drfit' = [1, 2, 3]",
            ["'pig_irn'; did you mean 'pig_iron'", "'scrap_used' is no group", "'crude_steel_share': it would",
             "'drfit' of errors; did you mean 'drift'"],
        ),
        ("regroup = { pig_iron = 'scrap_to_2016' }", ["'scrap_to_2016' drifts and holds pig_iron, scrap_used"]),
    ],
)  # fmt: skip
def test_check_refuses_what_a_fit_would(tmp_path: Path, command: Command, wrong: str, said: list[str]) -> None:
    shutil.copytree(ROOT / "priors", tmp_path / "priors")
    text = f"[model]\npriors = 'priors'\n[scenarios.x]\npolicy = 'autrky'\n[posterior]\n{wrong}\n"
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    code, out, err = command("check", tmp_path / "x.toml")
    assert (code, out) == (2, "")
    for words in (*said, "'autrky'"):
        assert words in err
    assert len(err.splitlines()) == len(said) + 1


def test_init_writes_a_working_copy_once(tmp_path: Path, command: Command) -> None:
    work = tmp_path / "work"
    code, out, _ = command("init", work)
    assert (code, out) == (0, f"{work}\n")
    assert (work / "priors" / "README.md").is_file()
    assert not (work / "runs" / "out").exists()
    code, out, err = command("run", work / "runs" / "smoke.toml", "--show-config", "--json")
    assert code == 0
    assert json.loads(out)["ensemble.draws"]["value"] == 256
    code, _, err = command("init", work)
    assert code == 2
    assert "exists" in err


def test_doctor_reports_the_machine(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERROCAST_CACHE", "off")
    code, out, _ = command("doctor", "--json")
    findings = json.loads(out)
    assert code == 0
    assert findings["cache"] == "off"
    assert "cpu" in findings["devices"]
    assert findings["versions"]["jax"] == version("jax")
    code, out, _ = command("doctor")
    assert "devices:" in out


def test_doctor_counts_all_that_is_cached_and_nothing_else(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mc.cache import entry, keep_entry

    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path))
    (tmp_path / "photo").write_bytes(b"not ours")
    for kind in ("tables", "programs"):
        place = entry(kind, ("one",))
        assert place is not None
        keep_entry(place, "x")
    _, out, _ = command("doctor", "--json")
    assert json.loads(out)["cache"].startswith(f"{tmp_path}: 2 files")


def test_public_names_are_there_and_are_imported_when_used() -> None:
    for name in mc.HOMES:
        assert getattr(mc, name).__name__ == name
        assert name in dir(mc)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = mc.nonsense
    program = "import sys, mc; sys.stdout.write(str([m for m in ('jax', 'xarray', 'numpy') if m in sys.modules]))"
    out, _ = start(program=program).communicate()
    assert out == "[]"


def test_a_signal_is_seen_while_the_main_thread_waits() -> None:
    """One can arrive just before the main thread starts to wait; its handler then runs when the wait is over."""
    from mc.stop import Stop

    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        assert not stop()
        stop.writer.send(bytes([signal.SIGTERM]))  # what the interpreter does at once, whatever its threads do
        assert stop()
        assert stop.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--years", "2030;2060"], "--years '2030;2060': write years with commas"),
        (["--years", "2030,2030"], "a year stands there twice"),
        (["--years", "2020"], "year 2020 is not on the path; choose years from 2021 to 2060"),
        (["--objectives", "co2"], "name two with a comma between them"),
        (["--objectives", "co2,jobs"], "unknown objective 'jobs'; expected two of co2, cost, pollutants, neutrality"),
        (["--levels", "250;300"], "--levels '250;300': write different numbers with commas"),
        (["--levels", "nan"], "write different numbers"),
        (["--levels", "250,250.0"], "write different numbers"),
        (["--draws", "8"], "32 or more"),
    ],
)
def test_pareto_answers_bad_questions(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("FERROCAST_CACHE", "off")
    out = tmp_path / "p.nc"
    code, shown, err = command("pareto", ROOT / "runs" / "baseline.toml", *arguments, "--out", out)
    assert (code, shown) == (2, "")
    assert said in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_pareto_writes_a_cube_of_the_chosen_years(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERROCAST_CACHE", "off")
    out = tmp_path / "p.nc"
    asked = ["--years", "2040", "--draws", "32", "--levels", "0,1e9", "--each"]
    code, shown, _ = command("pareto", ROOT / "runs" / "baseline.toml", *asked, "--out", out, "--quiet")
    assert (code, shown) == (0, f"{out}\n")
    cube = open_cube(out)
    assert cube["front_first"].dims == ("statistic", "front_year", "point")
    np.testing.assert_array_equal(cube["front_in_reach"].sel(statistic="mean", front_year=2040), [1.0, 0.0])
    each = xr.open_dataset(out, group="draws")
    assert each["front_second"].sizes["draw"] == 32
    np.testing.assert_allclose(
        each["front_second"].mean("draw"), cube["front_second"].sel(statistic="mean"), rtol=1e-5, atol=1e-6
    )
    assert float(cube["co2_forgone"].sel(statistic="mean", instrument="regional_pools", front_year=2040)) > 0
