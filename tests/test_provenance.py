import subprocess
from pathlib import Path

import pytest
from toy_world import TOY_RUN

from mc.provenance import commit, program_digest, run_digest, timestamp
from mc.runfile import Run, load_run


def read(toy_folder: Path, old: str = "", new: str = "") -> Run:
    file = toy_folder / "runs" / "changed.toml"
    file.write_text(TOY_RUN.replace(old, new), encoding="utf-8")
    return load_run(file, environment={})


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('title = "A toy"', 'title = "B"', True),
        ("draws = 256", 'draws = 256\ndevice = "cpu"', True),
        ("draws = 256", "draws = 256\nseed = 2", False),
        ('policy = "market"', 'policy = "pro_rata"', False),
        ("above = 2035.0", "above = 2034.0", False),
    ],
)
def test_the_digest_of_a_run_is_that_of_its_numbers(toy_folder: Path, old: str, new: str, same: bool) -> None:
    assert (run_digest(read(toy_folder)) == run_digest(read(toy_folder, old, new))) is same


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("draws = 256", "draws = 512\nseed = 2", True),
        ('policy = "market"', 'policy = "pro_rata"', False),
        ("draws = 256", 'draws = 256\nprecision = "float64"', False),
    ],
)
def test_other_draws_need_no_other_program(toy_folder: Path, old: str, new: str, same: bool) -> None:
    assert (program_digest(read(toy_folder)) == program_digest(read(toy_folder, old, new))) is same


def test_a_time_can_be_given_for_files_that_are_the_same_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert timestamp() == "1970-01-01T00:00:00Z"


def test_the_commit_of_a_checkout_says_whether_files_have_changed(tmp_path: Path) -> None:
    package = tmp_path / "mc"
    package.mkdir()
    assert commit(package) == ""
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    (package / "a.py").write_text("1", encoding="utf-8")
    git("init")
    git("add", ".")
    git("commit", "-m", "x")
    head = git("rev-parse", "HEAD")
    assert commit(package) == head
    (package / "a.py").write_text("2", encoding="utf-8")
    assert commit(package) == f"{head}+changes"
