import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mc.cube import open_cube

Command = Callable[..., tuple[int, str, str]]


def test_parts_are_drawn_checked_and_merged(toy_folder: Path, command: Command) -> None:
    file, out = toy_folder / "runs" / "toy.toml", toy_folder / "runs" / "out"
    for number in (1, 2):
        code, said, err = command("run", file, "--part", f"{number}/2", "--json", "--save-every", 0)
        assert code == 0, err
        assert json.loads(said)["state"] == str(out / f"toy.part-{number}-of-2.state")
    states = sorted(out.glob("*.state"))
    code, said, _ = command("status", out, "--outputs", "--json")
    first = json.loads(said)[0]
    assert code == 0
    assert (first["state"], first["draws"], first["failed"]) == ("finished", "128 of 128", 0)
    assert 0 < first["outputs"]["co2"] < 0.02
    assert first["outputs"]["residual"] is None
    code, said, err = command("merge", *states)
    assert (code, said) == (0, f"{out / 'toy.nc'}\n"), err
    assert open_cube(out / "toy.nc").attrs["parts"] == 2
    code, said, _ = command("verify", out, "--json")
    assert code == 0
    assert [(item["file"], item["whole"]) for item in json.loads(said)] == [
        (str(path), True) for path in (out / "toy.nc", *states)
    ]


def test_a_damaged_file_is_named_and_the_exit_code_says_so(toy_folder: Path, command: Command) -> None:
    file, out = toy_folder / "runs" / "toy.toml", toy_folder / "runs" / "out"
    for part in ("1/2", "2/2"):
        command("run", file, "--part", part, "--quiet")
    broken = out / "toy.part-2-of-2.state"
    broken.write_bytes(broken.read_bytes().replace(b"metadata", b"metaData"))
    code, said, err = command("verify", out)
    assert code == 1
    assert "toy.part-1-of-2.state   whole" in said
    assert err == f"1 of 2 files damaged: {broken}\n"
    code, said, _ = command("status", broken)
    assert code == 0
    assert "is damaged: its content is not what was sealed" in said
    code, said, err = command("merge", *sorted(out.glob("*.state")))
    assert (code, said) == (2, "")
    assert err.startswith(f"{broken}: is damaged")


def test_a_run_is_resumed_and_extended(toy_folder: Path, command: Command) -> None:
    file, cube = toy_folder / "runs" / "toy.toml", toy_folder / "runs" / "out" / "toy.nc"
    assert command("run", file, "--resume", "--keep-state")[0] == 0
    code, said, err = command("run", file, "--resume", "--keep-state")
    assert (code, said) == (0, f"{cube}\n")
    assert "complete already" in err
    code, said, err = command("run", file, "--extend", 512)
    assert (code, said) == (0, f"{cube}\n"), err
    assert open_cube(cube).attrs["draws"] == 512
    code, said, _ = command("status", cube)
    assert "512 of 512" in said
    code, _, err = command("run", file, "--extend", 300)
    assert code == 2
    assert "holds draws up to 512, the run asks for 300" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "RUN", "--part", "3"], "--part '3': write which part of how many, such as 3/32"),
        (["run", "RUN", "--part", "0/4"], "--part '0/4'"),
        (["run", "RUN", "--part", "5/4"], "--part '5/4'"),
        (["run", "RUN", "--part", "1/9"], "the run has 4 blocks of 64 draws; at most 4 parts"),
        (["run", "RUN", "--part", "1/2", "--extend", "512"], "--extend goes with neither --draws nor --part"),
        (["run", "RUN", "--extend", "512"], "no such cube"),
        (["run", "RUN", "--save-every", "-1"], "command line --save-every: output.save_every = -1.0"),
        (["merge", "FOLDER/none.state"], "none.state: no such state file"),
        (["merge", "RUN"], "has no seal at its end"),
        (["status", "FOLDER/none.state"], "no such file"),
        (["verify", "FOLDER/priors"], "holds no cube (.nc) and no state (.state)"),
    ],
)
def test_bad_questions_are_answered_in_words(
    toy_folder: Path, command: Command, arguments: list[str], said: str
) -> None:
    places = {"RUN": str(toy_folder / "runs" / "toy.toml")}
    named = [places.get(word, word).replace("FOLDER", str(toy_folder)) for word in arguments]
    code, out, err = command(*named)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert list(toy_folder.rglob("*.nc*")) == []
