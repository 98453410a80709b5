import json
from pathlib import Path

import pytest
from toy_world import TOY_RUN

from mc.errors import InputError
from mc.runfile import Run, RunFile, load_run
from mc.runfile.toml import read_toml


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("priors", "runs"):
        (tmp_path / name).mkdir()
    (tmp_path / "runs" / "toy.toml").write_text(TOY_RUN, encoding="utf-8")
    return tmp_path / "runs"


def write(runs: Path, text: str, name: str = "child.toml") -> Path:
    (runs / name).write_text(text, encoding="utf-8")
    return runs / name


def test_a_run_is_read_with_its_defaults(runs: Path) -> None:
    run = load_run(runs / "toy.toml", environment={})
    assert (run.title, run.model.metal, run.ensemble.draws, run.ensemble.scramblings) == ("A toy", "toy", 256, 16)
    assert list(run.scenarios) == ["low", "high"]
    assert run.priors == runs.parent / "priors"
    assert run.cube == runs / "out" / "toy.nc"


def test_a_run_cannot_be_changed(runs: Path) -> None:
    run = load_run(runs / "toy.toml", environment={})
    with pytest.raises(ValueError, match="frozen"):
        run.ensemble.draws = 1  # type: ignore[misc]


def test_like_inherits_key_by_key_and_scenarios_as_a_whole(runs: Path) -> None:
    child = write(runs, 'like = "toy.toml"\n[scenarios.low]\npolicy = "pro_rata"\n[ensemble]\nseed = 7\n')
    run = load_run(child, environment={})
    assert (run.ensemble.draws, run.ensemble.seed) == (256, 7)
    assert {name: item.policy for name, item in run.scenarios.items()} == {"low": "pro_rata"}
    assert run.exceedance["late"].above == 2035.0


def test_paths_start_from_the_file_that_states_them(runs: Path) -> None:
    (runs / "deep").mkdir()
    child = write(runs / "deep", 'like = "../toy.toml"\n[output]\ncube = "mine/x.nc"\n')
    run = load_run(child, environment={})
    assert run.priors == runs.parent / "priors"
    assert run.cube == runs / "deep" / "mine" / "x.nc"


def test_option_over_environment_over_file_over_default(runs: Path) -> None:
    environment = {"FERROCAST_DRAWS": "512", "FERROCAST_SEED": "5", "FERROCAST_OUT": "env.nc"}
    run = load_run(runs / "toy.toml", {"ensemble.draws": 1024}, environment)
    assert (run.ensemble.draws, run.ensemble.seed, run.ensemble.block) == (1024, 5, 64)
    assert run.cube == Path("env.nc").absolute()
    assert run.origins["ensemble.draws"] == "command line --draws"
    assert run.origins["ensemble.seed"] == "environment FERROCAST_SEED"
    assert run.origins["title"] == f"{runs / 'toy.toml'}:1"
    assert run.origins["ensemble.block"] == "default"


def test_every_value_has_an_origin_and_every_origin_a_true_line(runs: Path) -> None:
    child = write(
        runs, 'like = "toy.toml"\n\n[ensemble]\n# a comment\nseed = 7\n[replace]\n"a.b[c.d]" = [1.0, 2.0, 3.0]\n'
    )
    run = load_run(child, environment={})
    lines = {key: origin.rpartition(":") for key, origin in run.origins.items() if origin != "default"}
    for key, (file, _, line) in lines.items():
        text = Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert key.rpartition(".")[2].strip("]") in text
    assert run.origins["replace.a.b[c.d]"] == f"{child}:7"


def test_a_resolved_run_reads_back_as_itself(runs: Path) -> None:
    run = load_run(runs / "toy.toml", environment={})
    again = RunFile.model_validate_json(run.model_dump_json())
    assert again.model_dump() == run.model_dump()
    assert "origins" not in json.loads(run.model_dump_json())


def test_a_byte_order_mark_is_dropped(runs: Path) -> None:
    child = runs / "marked.toml"
    child.write_bytes(b"\xef\xbb\xbf" + TOY_RUN.encode())
    assert load_run(child, environment={}).title == "A toy"


def test_the_command_line_may_name_any_folder(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    run: Run = load_run(runs / "toy.toml", {"model.priors": str(elsewhere)}, {})
    assert run.priors == elsewhere


def test_lines_are_found_for_tables_dotted_and_quoted_keys(runs: Path) -> None:
    file = write(runs, 'a.b = 1\n["x y".z]\n"k.l" = [\n  1,\n]\n[[rows]]\nn = 2\n')
    _, lines = read_toml(file)
    assert lines[("a", "b")] == 1
    assert lines[("x y", "z")] == 2
    assert lines[("x y", "z", "k.l")] == 3
    assert lines[("rows", "n")] == 7


def test_all_problems_come_at_once(runs: Path) -> None:
    file = write(runs, TOY_RUN.replace("draws = 256", 'draws = 1\nsampler = "sobel"\nseed = "x"'))
    with pytest.raises(InputError) as caught:
        load_run(file, environment={})
    assert len(str(caught.value).splitlines()) == 3
