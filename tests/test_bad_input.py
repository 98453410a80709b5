import os
from collections.abc import Callable
from pathlib import Path

import pytest
from toy_world import TOY_RUN

from mc.__main__ import main

Answer = tuple[int, str]


@pytest.fixture
def answer(toy_folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Exit code and message of a command, run in the toy project."""

    def run(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert not captured.out
        assert [str(path) for path in toy_folder.rglob("*.nc*")] == []
        return int(left.value.code or 0), captured.err

    return run


def changed(folder: Path, old: str, new: str) -> Path:
    assert old in TOY_RUN
    file = folder / "runs" / "bad.toml"
    file.write_text(TOY_RUN.replace(old, new), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("draws = 256", "drwas = 256", ["bad.toml:10", "ensemble.drwas = 256", "did you mean 'draws'"]),
        ("[ensemble]", "[ensembel]", ["bad.toml:9", "ensembel", "did you mean 'ensemble'"]),
        ('title = "A toy"', 'titel = "A toy"', ["bad.toml:1", "did you mean 'title'"]),
        ('policy = "autarky"', 'polcy = "autarky"', ["scenarios.low.polcy", "did you mean 'policy'"]),
        ('policy = "autarky"', "", ["bad.toml:5", "scenarios.low.policy is missing"]),
        ("draws = 256", "draws = 0", ["bad.toml:10", "draws = 0", "greater than or equal to 2"]),
        ("draws = 256", "draws = -5", ["draws = -5"]),
        ("draws = 256", "draws = 1_000_000_000_000", ["draws = 1000000000000", "less than or equal to 1073741824"]),
        ("draws = 256", "draws = 20", ["draws = 20", "32 or more"]),
        ("draws = 256", 'draws = "256"', ["bad.toml:10", "draws = '256'", "whole number"]),
        ("draws = 256", "draws = 256.5", ["draws = 256.5", "whole number"]),
        ("draws = 256", "draws = true", ["draws = True", "whole number"]),
        ("draws = 256", "draws = 256\nblock = 40", ["block = 40", "multiple of scramblings = 16"]),
        ("draws = 256", 'draws = 256\nsampler = "sobel"', ["bad.toml:11", "sobel", "did you mean 'sobol'"]),
        ("draws = 256", 'draws = 256\nprecision = "float16"', ["must be one of float32, float64"]),
        ("draws = 256", "draws = 256\nfailed_share = nan", ["bad.toml:11", "ensemble.failed_share = nan", "finite"]),
        ("above = 2035.0", "above = inf", ["bad.toml:16", "exceedance.late.above = inf", "finite"]),
        ("above = 2035.0", "above = 1e400", ["above = inf", "finite"]),
        ("above = 2035.0", "above = 1.0\nbelow = 2.0", ["exceedance.late", "exactly one of above and below"]),
        ('reference = "low"', 'reference = "lwo"', ["reference = 'lwo'", "low, high"]),
        ('reference = "low"', "", ["differences need statistics.reference"]),
        ('differences = ["co2*"]', 'differences = "co2*"', ["bad.toml:12", "a list"]),
        ("[exceedance.late]", '[exceedance."../late"]', ["bad.toml:14", "letters, digits"]),
        ("[scenarios.low]", f'[scenarios."{"x" * 65}"]', ["bad.toml:5", "at most 64"]),
        ('title = "A toy"', 'title = "A toy"\ntitle = "B"', ["bad.toml", "not valid TOML", "line 2"]),
        ('metal = "toy"', 'metal = "../toy"', ["bad.toml:4", "letters, digits"]),
        ('metal = "toy"', 'metal = "tyo"', ["bad.toml:4", "no model of 'tyo'", "did you mean 'toy'"]),
        ('differences = ["co2*"]', 'differences = ["cost"]', ["bad.toml:12", "no output 'cost'", "co2"]),
        ('output = "peak_year"', 'output = "peak_yaer"', ["bad.toml:15", "did you mean 'peak_year'"]),
        ("[exceedance.late]", "[exceedance.co2]", ["an output has this name"]),
    ],
)
def test_a_bad_run_file_is_answered_with_place_value_and_remedy(
    toy_folder: Path, answer: Callable[..., Answer], old: str, new: str, words: list[str]
) -> None:
    code, message = answer("run", changed(toy_folder, old, new))
    assert code == 2
    for word in words:
        assert word in message
    assert len(message.splitlines()) <= 2


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('[scenarios.low]\npolicy = "autarchy"', ["bad.toml:5", "policy = 'autarchy'", "did you mean 'autarky'"]),
        ('[options]\ncopper = "none"', ["bad.toml:5", "copper = 'none'", "unlimited, limited"]),
        ('[options]\nhydrogen = "offsite"', ["bad.toml:5", "hydrogen = 'offsite'", "on_site, bought"]),
        ('[options]\naccounting = "stacks"', ["bad.toml:5", "accounting = 'stacks'", "stack_monitoring"]),
        (
            '[replace]\n"scrap.promt_recovery" = [0.9, 0.95, 0.99]',
            ["bad.toml:5", "did you mean 'scrap.prompt_recovery'"],
        ),
        ('[replace]\n"scrap.prompt_recovery" = [0.99, 0.95, 0.9]', ["bad.toml:5", "scrap.prompt_recovery"]),
        ('[replace]\n"scrap.prompt_recovery" = [0.9, 0.95]', ["bad.toml:5", "replace.scrap.prompt_recovery"]),
        ('[model]\nmetal = "steal"', ["bad.toml:4", "no model of 'steal'", "did you mean 'steel'"]),
    ],
)
def test_a_word_that_the_steel_model_does_not_know(
    toy_folder: Path, answer: Callable[..., Answer], section: str, words: list[str]
) -> None:
    text = '[model]\npriors = "."\nmetal = "steel"\n' + section + "\n"
    text = text if "[scenarios" in section else text + '[scenarios.low]\npolicy = "autarky"\n'
    text = text.replace('metal = "steel"\n[model]\n', "\n")
    file = toy_folder / "runs" / "bad.toml"
    file.write_text(text, encoding="utf-8")
    code, message = answer("run", file, "--priors", Path(__file__).parents[1] / "priors")
    assert code == 2
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("../nowhere", ["bad.toml:3", "nowhere", "is no folder", "ferrocast init"]),
        ("../../../outside", ["bad.toml:3", "out of reach", "--priors"]),
        ("/", ["bad.toml:3", "out of reach"]),
        ("/etc", ["bad.toml:3", "/etc is out of reach"]),
        ("x" * 300, ["bad.toml:3"]),
        ("a\\u0000b", ["bad.toml:3", "not a usable path"]),
    ],
)
def test_a_folder_of_priors_that_is_missing_or_out_of_reach(
    toy_folder: Path, answer: Callable[..., Answer], named: str, words: list[str]
) -> None:
    code, message = answer("run", changed(toy_folder, 'priors = "../priors"', f'priors = "{named}"'))
    assert code == 2
    assert [word for word in words if word not in message] == []


def test_a_link_does_not_widen_the_reach(toy_folder: Path, answer: Callable[..., Answer]) -> None:
    (toy_folder / "linked").symlink_to("/etc")
    code, message = answer("run", changed(toy_folder, '"../priors"', '"../linked"'))
    assert code == 2
    assert "/etc is out of reach" in message


@pytest.mark.parametrize("named", ["../x.nc", "/tmp/x.nc", "a/../../x.nc", "..", "x\\u0000.nc", "x" * 256])
def test_a_run_file_writes_under_its_own_folder_only(
    toy_folder: Path, answer: Callable[..., Answer], named: str
) -> None:
    code, message = answer("run", changed(toy_folder, "[ensemble]", f'[output]\ncube = "{named}"\n[ensemble]'))
    assert code == 2
    assert "bad.toml:10" in message
    assert list(toy_folder.parent.glob("x.nc")) == []


HOSTILE = {
    "dotted": ".".join(["a"] * 50_000) + " = 1",
    "long line": "a = '" + "x" * 50_000 + "'",
    "large": "# x\n" * 40_000,
    "deep list": "a = " + "[" * 400 + "]" * 400,
    "deep table": "\n".join("[" + ".".join(f"t{i}" for i in range(depth)) + "]" for depth in range(1, 40)),
    "many keys": "\n".join(f"k{i} = 1" for i in range(3_000)),
    "huge number": "a = " + "9" * 900,
    "nothing": "",
    "date": "title = 1979-05-27",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused(toy_folder: Path, answer: Callable[..., Answer], name: str) -> None:
    file = toy_folder / "runs" / "bad.toml"
    file.write_text(HOSTILE[name], encoding="utf-8")
    code, message = answer("run", file)
    assert code == 2
    assert "bad.toml" in message
    assert len(message) < 5_000


@pytest.mark.parametrize("content", ["A".encode("utf-16"), b"title = '\xff'", b"\x00\x01\x02", bytes(range(256))])
def test_files_that_are_not_text(toy_folder: Path, answer: Callable[..., Answer], content: bytes) -> None:
    file = toy_folder / "runs" / "bad.toml"
    file.write_bytes(content)
    code, message = answer("run", file)
    assert code == 2
    assert "bad.toml" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('like = "nope.toml"', ["bad.toml:1", "nope.toml does not exist"]),
        ('like = "bad.toml"', ["bad.toml:1", "in a circle"]),
        ('like = "../../../etc/passwd"', ["bad.toml:1", "out of reach"]),
        ("like = 5", ["bad.toml:1", "in quotes"]),
    ],
)
def test_a_base_that_cannot_be_used(
    toy_folder: Path, answer: Callable[..., Answer], text: str, words: list[str]
) -> None:
    file = toy_folder / "runs" / "bad.toml"
    file.write_text(text, encoding="utf-8")
    code, message = answer("run", file)
    assert code == 2
    assert [word for word in words if word not in message] == []


def test_a_run_file_that_does_not_exist_gets_a_suggestion(toy_folder: Path, answer: Callable[..., Answer]) -> None:
    code, message = answer("run", toy_folder / "runs" / "tyo.toml")
    assert code == 2
    assert "did you mean 'toy.toml'" in message


def test_a_folder_is_no_run_file(toy_folder: Path, answer: Callable[..., Answer]) -> None:
    code, message = answer("run", toy_folder)
    assert code == 2
    assert "is a folder" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--draws", "0"], ["command line --draws", "draws = 0"]),
        (["--draws", "1000000000000"], ["command line --draws"]),
        (["--draws", "many"], ["--draws", "integer"]),
        (["--precision", "float16"], ["command line --precision", "float32, float64"]),
        (["--device", "tpu"], ["command line --device", "auto, cpu, gpu"]),
        (["--priors", "/nowhere/at/all"], ["command line --priors", "is no folder"]),
        (["--out", "x" * 300 + ".nc"], ["command line --out", "not a usable file name"]),
        (["--out", "x" * 300 + "/x.nc"], ["cannot be written"]),
        (["--nonsense"], ["No such option"]),
    ],
)
def test_bad_options(toy_folder: Path, answer: Callable[..., Answer], arguments: list[str], words: list[str]) -> None:
    code, message = answer("run", toy_folder / "runs" / "toy.toml", *arguments)
    assert code == 2
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("value", ["lots", "1e6", "9" * 50])
def test_a_bad_variable_is_named(
    toy_folder: Path, answer: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("FERROCAST_DRAWS", value)
    code, message = answer("run", toy_folder / "runs" / "toy.toml")
    assert code == 2
    assert "environment FERROCAST_DRAWS" in message


def test_an_output_that_exists_is_kept(toy_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = toy_folder / "old.nc"
    old.write_bytes(b"precious")
    with pytest.raises(SystemExit) as left:
        main(["run", str(toy_folder / "runs" / "toy.toml"), "--out", str(old)])
    assert left.value.code == 2
    assert "--overwrite" in capsys.readouterr().err
    assert old.read_bytes() == b"precious"


def test_an_output_that_cannot_be_written(toy_folder: Path, answer: Callable[..., Answer]) -> None:
    (toy_folder / "file").write_text("not a folder", encoding="utf-8")
    for out in (toy_folder / "file" / "x.nc", toy_folder, Path("/proc/nowhere/x.nc")):
        code, message = answer("run", toy_folder / "runs" / "toy.toml", "--out", out)
        assert code == 2
        assert str(out) in message
        assert "--out" in message


def test_a_device_is_not_replaced(toy_folder: Path, answer: Callable[..., Answer]) -> None:
    pipe = toy_folder / "pipe"
    os.mkfifo(pipe)
    code, message = answer("run", toy_folder / "runs" / "toy.toml", "--out", pipe, "--overwrite")
    assert code == 2
    assert "is a device or a pipe" in message
    assert pipe.is_fifo()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(toy_folder: Path, answer: Callable[..., Answer]) -> None:
    locked = toy_folder / "locked"
    locked.mkdir(mode=0o500)
    code, message = answer("run", toy_folder / "runs" / "toy.toml", "--out", locked / "x.nc")
    assert code == 2
    assert "ermission" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nowhere.nc"], ["nowhere.nc", "no such cube", "ferrocast run"]),
        (["explain", "nowhere.nc", "co2"], ["nowhere.nc", "no such cube"]),
        (["show", "x" * 300], ["no such cube"]),
        (["run", "x" * 300], ["no such run file"]),
        (["show", "."], ["is a folder"]),
        (["check", "nowhere"], ["nowhere"]),
        (["frobnicate"], ["No such command"]),
    ],
)
def test_bad_arguments(answer: Callable[..., Answer], arguments: list[str], words: list[str]) -> None:
    code, message = answer(*arguments)
    assert code == 2
    assert [word for word in words if word not in message] == []


def test_a_file_that_is_no_cube(toy_folder: Path, answer: Callable[..., Answer]) -> None:
    for content in (b"", b"not a cube", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, b"CDF\x01" + b"\xff" * 50):
        (toy_folder / "x.cube").write_bytes(content)
        code, message = answer("show", toy_folder / "x.cube")
        assert code == 2
        assert "x.cube" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "co3"], ["'co3'", "did you mean 'co2'"]),
        (["--scenario", "lwo"], ["low, high"]),
        (["--year", "1999"], ["2020 to 2040"]),
        (["--year", "soon"], ["2025:2035"]),
        (["--province", "Hebie"], ["did you mean 'hebei'"]),
        (["--output", "co2", "--province", "CN-HE"], ["co2 has no axis province"]),
    ],
)
def test_a_part_that_a_cube_does_not_have(
    answer: Callable[..., Answer], toy_cube: Path, arguments: list[str], words: list[str]
) -> None:
    code, message = answer("show", toy_cube, "--quiet", *arguments)
    assert code == 2
    assert [word for word in words if word not in message] == []


def test_an_output_that_cannot_be_explained(answer: Callable[..., Answer], toy_cube: Path) -> None:
    code, message = answer("explain", toy_cube, "co22", "--quiet")
    assert code == 2
    assert "did you mean 'co2'" in message
