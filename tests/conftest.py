import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Test modules are imported by path, so the world that several of them share needs to be found.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def toy_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with empty priors and one run file, runs/toy.toml, of the toy model, which is made known."""
    from toy_world import TOY_RUN, toy_model

    from mc import pose

    for variable in ("FERROCAST_DRAWS", "FERROCAST_SEED", "FERROCAST_OUT", "FERROCAST_PRIORS", "FERROCAST_QUIET"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("FERROCAST_CACHE", "off")
    monkeypatch.setitem(pose.MODELS, "toy", toy_model)
    for name in ("priors", "runs"):
        (tmp_path / name).mkdir()
    (tmp_path / "runs" / "toy.toml").write_text(TOY_RUN, encoding="utf-8")
    return tmp_path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Exit code, stdout and stderr of a command."""
    from mc.__main__ import main

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def toy_cube(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube of the toy model with everything a cube can hold; read only."""
    from toy_world import TOY_RUN, toy_model

    from mc import pose
    from mc.run import make_cube

    folder = tmp_path_factory.mktemp("toy")
    for name in ("priors", "runs"):
        (folder / name).mkdir()
    file = folder / "runs" / "toy.toml"
    file.write_text(TOY_RUN + '[keep]\noutputs = ["co2_by_province"]\nstate = true\n', encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERROCAST_CACHE", "off")
        patch.setitem(pose.MODELS, "toy", toy_model)
        return make_cube(file)


@pytest.fixture(scope="session")
def line_cube(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4,096 kept draws of the line, line.nc, and none.nc without draws beside it; read only."""
    from line_world import make_line_cube

    return make_line_cube(tmp_path_factory.mktemp("line"))
