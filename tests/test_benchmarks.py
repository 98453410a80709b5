"""The benchmarks themselves: one failure does not stop the rest, tables and figures, what the GPU report needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import gpu  # noqa: E402
import run_all  # noqa: E402
import stock_step  # noqa: E402
import time_to_accuracy  # noqa: E402
from measuring.gates import GATES, PARTS, verdicts  # noqa: E402
from measuring.tables import markdown  # noqa: E402
from peers import environments  # noqa: E402


def test_stock_by_hand_is_our_stock():
    given = stock_step.problem()
    small = {name: value[:, :2] if value.ndim == 4 else value[:2] for name, value in given.items()}
    small["target"] = stock_step.by_hand(small)
    with jax.enable_x64(True):
        calls, inputs = stock_step.ours(small, np.float64)
        stock = calls["inflow_driven"](inputs)["stock"]
        inflow = calls["stock_driven"](inputs)["inflow"]
    assert stock_step.difference(np.asarray(stock), small["target"]) < 1e-13
    assert stock_step.difference(np.asarray(inflow), small["inflow"]) < 1e-11


def test_every_quick_script_exists():
    assert set(run_all.QUICK) <= set(run_all.scripts())
    assert {"run_all", "measuring"}.isdisjoint(run_all.scripts())


def test_a_quick_run_is_quick_whatever_it_names():
    assert all(options[0] == "--quick" for _, options in run_all.calls(quick=True, only=run_all.scripts()))
    assert [name for name, _ in run_all.calls(quick=True, only=[])] == list(run_all.QUICK)
    assert run_all.calls(quick=False, only=["command"]) == [("command", ())]


LITTLE = {"vectorised_parts", "precision", "roofline"}
"""They have one size, a small one."""


@pytest.mark.parametrize("name", sorted(set(run_all.scripts()) - LITTLE))
def test_every_other_script_knows_what_quick_is(name):
    assert '"--quick"' in (BENCHMARKS / f"{name}.py").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(run_all.QUICK))
def test_every_script_of_a_quick_run_answers(name):
    lines, failed = run_all.run(name, ("--quick", *run_all.QUICK[name]), None)
    assert not failed
    assert lines


def test_a_quick_run_fetches_no_peer(monkeypatch, tmp_path, capsys):
    """As without a network: an environment that is not there is named, none is made."""
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path))
    monkeypatch.setattr(environments.venv, "create", lambda *_, **__: pytest.fail("makes an environment"))
    monkeypatch.setattr(sys, "argv", ["", "--quick", "--only", "numba_plain"])
    time_to_accuracy.main()
    monkeypatch.setattr(sys, "argv", ["", "--quick"])
    stock_step.main()
    absent, verdict, flodym = map(json.loads, capsys.readouterr().out.splitlines())
    assert absent["entrant"] == "numba_plain"
    assert "environments.py" in absent["absent"]
    assert verdict["absent"] == {"numba_plain": absent["absent"]}
    assert flodym["absent"] == absent["absent"]


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """A folder of three benchmarks: one answers, one breaks after a line, one says nothing that is a line."""
    line = '{"question": "how many", "a": 1.25, "b": ["x|y", true]}'
    (tmp_path / "good.py").write_text(f"print('noise'); print('''{line}''')", encoding="utf-8")
    (tmp_path / "bad.py").write_text(f"print('''{line}'''); raise SystemExit(3)", encoding="utf-8")
    (tmp_path / "silent.py").write_text("print('{not json'); print('[1]')", encoding="utf-8")
    monkeypatch.setattr(run_all, "HERE", tmp_path)
    monkeypatch.setattr(run_all, "OUT", tmp_path / "out")
    return tmp_path


def test_a_failing_script_is_named_and_the_others_go_on(scripts, capsys):
    assert run_all.main([]) == 1
    said = capsys.readouterr().out
    assert "- `bad`: ended with 3" in said
    assert "## how many" in said
    assert r"x\|y, yes" in said
    lines = [json.loads(text) for text in (scripts / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.get("script") for line in lines] == [None, *["run_all"] * len(GATES), "bad", "good"]
    assert lines[0]["cores"] >= 1
    assert run_all.main(["--only", "good", "silent"]) == 0


@pytest.mark.usefixtures("scripts")
def test_a_quick_run_stops_in_time(monkeypatch, capsys):
    monkeypatch.setattr(run_all, "QUICK", {"good": (), "silent": ()})
    monkeypatch.setattr(run_all, "QUICK_SECONDS", 0.5)
    assert run_all.main(["--quick"]) == 1
    assert "- `silent`: not begun: no time left" in capsys.readouterr().out


def test_what_a_late_script_started_is_stopped_with_it(scripts):
    """The child would hold the pipe open for ever; the line before it is kept."""
    child = """import subprocess, sys; print('{"question": 1}', flush=True); """
    child += "subprocess.run([sys.executable, '-c', 'import threading; threading.Event().wait()'])"
    (scripts / "late.py").write_text(child, encoding="utf-8")
    assert run_all.run("late", (), 3.0) == ([{"question": 1}], "stopped after 3 s")


def test_the_figure_shows_what_there_is(tmp_path):
    entrant = {"question": "time to accuracy", "entrant": "ferrocast_sobol", "wall_s": 0.1, "startup_wall_s": 1.0}
    errors = {
        "question": "sampler error by N",
        "sampler": "sobol",
        "draws": [1, 2],
        "mean": [0.2, 0.1],
        "p95": [1, 0.5],
    }
    results = [{**entrant, "draws": 64, "extrapolated": True}, errors, {**entrant, "absent": "no room"}]
    results[2].pop("wall_s")
    assert run_all.draw(results, {"cores": 2}, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert not run_all.draw(results[2:], {}, tmp_path / "none.png")


def test_a_table_has_a_row_a_line_and_blanks_for_what_is_missing():
    lines = [{"script": "s", "question": "q", "a": 1}, {"script": "s", "question": "q", "b": None}]
    assert "| a | b |\n| --- | --- |\n| 1 |  |\n|  | - |" in markdown(lines, {"cores": 2}, {})


NEEDLESS = ("netCDF4", "arviz", "arviz_base", "arviz_stats", "arviz_plots", "matplotlib")

BARE = f"""
import sys
for name in {NEEDLESS!r}:
    sys.modules[name] = None
import numpy as np
import mc, gpu
from mc.state_arrays import to_arrays
priors = mc.read_priors({str(ROOT / "priors")!r})
study = gpu.study_of("three_policies.toml")
assert study.inputs
if sys.argv[1] == "chain":
    settings = mc.Settings(draws=32, block=16, pilot=16)
    state = mc.run_ensemble(study, settings)
    mc.finish(study, settings, state)
    arrays, _ = to_arrays(state)
    np.savez(sys.argv[2], **arrays)
else:
    sys.exit(gpu.main(["--cpu", "--only", "check", "draws"]))
"""


def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(BENCHMARKS), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu"}
    return subprocess.run([sys.executable, "-c", BARE, *arguments], capture_output=True, text=True, env=environment)


def test_the_gpu_report_needs_no_netcdf_and_no_plots():
    done = bare("report")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    questions = {line["question"] for line in lines}
    assert {"gpu: equal to the CPU", "gpu: draws a second", "gpu: what to tune"} <= questions
    assert all(line["passed"] for line in lines if line["question"] == "gpu: equal to the CPU")


@pytest.mark.slow
def test_the_chain_needs_no_netcdf_and_no_plots_up_to_its_state(tmp_path):
    done = bare("chain", str(tmp_path / "state.npz"))
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "state.npz").files


def test_without_a_gpu_the_report_says_so_and_ends_well(capsys):
    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("this machine has a GPU")
    assert gpu.main([]) == 0
    assert "no GPU" in json.loads(capsys.readouterr().out)["said"]


def test_every_gate_is_shown_whether_it_is_met_missed_or_not_measured():
    assert {gate.script for gate in GATES} <= {*run_all.QUICK, ""}
    lines = [
        {"question": "whole command", "cold_s": 21.0, "warm_s": 1.9},
        {"question": "memory by draws", "growth": 0.049},
        {"question": PARTS, "part": "stock", "us_per_draw": 300.0, "share_of_arithmetic": 0.5},
        {"question": PARTS, "part": "books", "us_per_draw": 100.0, "share_of_arithmetic": 0.1},
        {"question": PARTS, "part": "all", "us_per_draw": 999.0, "share_of_arithmetic": 0.0},
        {"question": "time to accuracy", "entrant": "numba_plain", "cpu_s": 3.0},
        {"question": "time to accuracy", "entrant": "ferrocast_plain", "absent": "no room"},
    ]
    said = {line["figure"]: (line["measured"], line["verdict"], line["why"]) for line in verdicts(lines)}
    assert len(said) == len(GATES)
    assert said["whole command, nothing cached, s"] == ("21", "**missed**", "compilation")
    assert said["whole command, warm cache, s"] == ("1.9", "met, and the aim", "")
    assert said["memory, growth with draws"] == ("4.9 %", "met", "")
    assert said["stock, energy, emissions: share of products of matrices"][:2] == ("40 %", "met")
    numba = said["benchmark model over numba, plain draws"]
    assert numba == ("", "not measured", "`time_to_accuracy` was not run, or failed")


def test_a_quick_run_passes_on_that_it_is_quick():
    assert run_all.calls(quick=True, only=["rolling_origins", "memory"]) == [
        ("rolling_origins", ("--quick",)), ("memory", ("--quick",))
    ]  # fmt: skip
    assert run_all.calls(quick=False, only=["rolling_origins"]) == [("rolling_origins", ())]


def test_families_are_compared_number_by_number_and_written_outside_the_tree(tmp_path):
    import rolling_origins

    from mc.posterior.held_out import Score
    from mc.posterior.observed import Observation

    def scores(gain):
        years = range(2011, 2021)
        wave = [0.1 * (-1) ** year for year in years]
        rows = [Observation("line", year, 2.0, False, 0.1, "survey", "fit") for year in years]
        return [
            (2010, Score(row, gain + e, 0.0, 0.5, 0.5, True, True, 1.01, 0, 0))
            for row, e in zip(rows, wave, strict=True)
        ]

    found = {"weighted": scores(0.0), "walk": scores(-1.0), "slope": scores(0.0)}
    lines = rolling_origins.summary(found, 2020)
    assert [(line["family"], line["against_weighted"]) for line in lines] == [
        ("weighted", ""), ("walk", "worse"), ("slope", "level")
    ]  # fmt: skip
    assert lines[1]["gain"] == -1.0
    assert lines[0]["crps_percent"] == 25.0
    rolling_origins.write(tmp_path / "rows.csv", found)
    assert len((tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()) == 31
    assert rolling_origins.OUT == run_all.OUT  # git ignores it
