"""Tables from the user's cache: the same priors as from the folder, and none once a file has changed."""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

import mc.cached_tables
from mc.cache import entry, keep_entry, load_entry
from mc.cached_tables import read_cached_priors
from mc.inputs.schema import NOUNS, quantity
from mc.model.scenario import Scenario
from mc.pose import read_priors_of
from mc.runfile import load_run
from mc.tables import PriorsError, read_priors

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the priors, and a cache."""
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(ROOT / "priors", tmp_path / "priors"))


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch):
    """Lets nothing be read from tables from here on."""

    def refuse(*_):
        raise AssertionError("read")

    return lambda: monkeypatch.setattr(mc.cached_tables, "read_priors", refuse)


def test_the_second_run_reads_no_table_and_finds_the_same(folder: Path, no_reading) -> None:
    read = read_cached_priors(folder, "steel")
    no_reading()
    kept = read_cached_priors(folder, "steel")
    assert repr(kept.rows) == repr(read.rows) == repr(read_priors(folder).rows)
    assert (kept.digest, kept.axes, kept.sources, kept.nouns) == (read.digest, read.axes, read.sources, read.nouns)
    assert repr(kept.dependence) == repr(read.dependence)
    assert repr(kept.resolved) == repr(read.resolved)


def test_a_study_of_kept_tables_is_that_of_the_tables(folder: Path) -> None:
    from mc.model.chain import steel_study

    scenarios = (Scenario("one", "market"),)
    first, second = (steel_study(read_cached_priors(folder, "steel"), scenarios) for _ in range(2))
    assert first.inputs == second.inputs
    assert first.outputs == second.outputs
    assert first.correlations == second.correlations


@pytest.mark.parametrize("name", ["sources.bib", "axes.csv", "steel/routes.csv"])
def test_a_changed_file_is_read_again(name: str, folder: Path, no_reading) -> None:
    read_cached_priors(folder, "steel")
    file = folder / name
    file.write_bytes(file.read_bytes() + b"\n")
    no_reading()
    with pytest.raises(AssertionError, match="read"):
        read_cached_priors(folder, "steel")


def test_a_new_file_is_seen(folder: Path) -> None:
    read_cached_priors(folder, "steel")
    (folder / "unheard.csv").write_text("quantity\n")
    with pytest.raises(PriorsError, match="unheard"):
        read_cached_priors(folder, "steel")


def test_what_has_a_mistake_is_not_kept(folder: Path) -> None:
    file = folder / "steel/routes.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + text.splitlines()[-1] + "\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(PriorsError, match="duplicate row"):
            read_cached_priors(folder, "steel")


def test_tables_that_change_while_they_are_read_are_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def edited(*given):
        found = read_priors(*given)
        (folder / "sources.bib").write_text("", encoding="utf-8")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(mc.cached_tables, "read_priors", edited)
        read_cached_priors(folder, "steel")
    with pytest.raises(PriorsError, match=r"sources\.bib"):
        read_cached_priors(folder, "steel")


def test_replaced_rows_of_a_run_are_not_those_of_the_next(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    head = f'[model]\npriors = "{folder}"\n[scenarios.one]\npolicy = "market"\n'
    file.write_text(head + "[replace]\n'iron.eaf_share_national' = [0.08, 0.09, 0.1]\n", encoding="utf-8")
    changed = read_priors_of(load_run(file))
    file.write_text(head, encoding="utf-8")
    plain = read_priors_of(load_run(file))
    assert plain.digest == read_priors(folder).digest != changed.digest


def test_without_a_cache_tables_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch, no_reading) -> None:
    monkeypatch.setenv("FERROCAST_CACHE", "off")
    assert read_cached_priors(folder, "steel").rows
    no_reading()
    with pytest.raises(AssertionError, match="read"):
        read_cached_priors(folder, "steel")


def test_parts_of_a_name_do_not_run_into_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path))
    assert entry("things", ("ab", "c")) != entry("things", ("a", "bc"))
    assert entry("things", ("a",)) == entry("things", (b"a",))


def test_an_entry_holds_what_was_kept_until_it_is_harmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path))
    place = entry("things", ("a",))
    assert place is not None
    assert load_entry(place) is None
    keep_entry(place, {"a": 1})
    assert load_entry(place) == {"a": 1}
    place.write_bytes(place.read_bytes()[:-1])
    assert load_entry(place) is None


def test_a_name_that_is_no_text_and_a_file_that_is_no_table_are_no_matter(folder: Path, no_reading) -> None:
    read_cached_priors(folder, "steel")
    (folder / os.fsdecode(b"note\xff.txt")).write_text("mine")
    no_reading()
    assert read_cached_priors(folder, "steel").rows


def test_tables_are_checked_again_when_more_is_declared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_cached_priors(folder, "steel")
    extra = dataclasses.make_dataclass("Extra", [("number", float, quantity("1", meaning="a number"))])
    monkeypatch.setitem(NOUNS, "extra", extra)
    with pytest.raises(PriorsError, match="extra"):
        read_cached_priors(folder, "steel")
