import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache

import mc.cache
from mc import ensemble
from mc.ensemble import FailedDraws, Settings, run_ensemble
from mc.study import Input, Output, Prior, Study

SETTINGS = Settings(draws=64, block=32, pilot=32)


def study(function=lambda data, draw: {"y": data["slope"] * jnp.exp(draw["x"])}, variant="exp") -> Study:
    return Study(
        name="toy",
        inputs=(Input("x", (Prior("normal", -1.6, 0.0, 1.6),)),),
        outputs=(Output("y", "1", (), "Exponential of a normal variable"),),
        coords={},
        data={"slope": np.asarray(2.0)},
        function=function,
        variant=variant,
    )


def sums(of: Study) -> bytes:
    """Sums of a run in what is, as far as programs go, a new process."""
    ensemble._PROGRAMS.clear()
    jax.clear_caches()
    return run_ensemble(of, SETTINGS).statistics["y"]["moments"]["sum"].tobytes()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path))
    found = mc.cache.cache_folder("programs")
    assert found is not None
    return found


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def refuse(data, draw):  # noqa: ARG001
    raise AssertionError("traced")


def test_a_program_is_loaded_without_tracing_and_gives_the_same_bits(folder: Path) -> None:
    compiled = sums(study())
    assert len(entries(folder)) == 1
    assert sums(study(refuse)) == compiled


def test_another_variant_setting_or_source_is_another_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sums(study())
    other = study(lambda data, draw: {"y": data["slope"] * draw["x"]}, "line")
    assert sums(other) != first
    with pytest.raises(AssertionError, match="traced"):
        sums(dataclasses.replace(study(refuse), outputs=(Output("y", "t", (), "Another unit"),)))
    monkeypatch.setattr(mc.cache, "_source", lambda: "edited")
    with pytest.raises(AssertionError, match="traced"):
        sums(study(refuse))
    assert len(entries(folder)) == 2


@pytest.mark.usefixtures("folder")
def test_a_changed_table_needs_no_other_program() -> None:
    assert sums(study()) != sums(dataclasses.replace(study(refuse), data={"slope": np.asarray(3.0)}))


def test_without_a_variant_nothing_is_kept(folder: Path) -> None:
    sums(study(variant=""))
    assert not entries(folder)


@pytest.mark.parametrize("harm", [lambda content: content[:-9], lambda _: b"", lambda content: content[::-1]])
def test_a_broken_entry_is_made_anew(folder: Path, harm: Callable[[bytes], bytes]) -> None:
    compiled = sums(study())
    entry = entries(folder)[0]
    whole = entry.read_bytes()
    entry.write_bytes(harm(whole))
    assert sums(study()) == compiled
    anew = entry.read_bytes()
    assert abs(len(anew) - len(whole)) < 0.01 * len(whole), "names inside a program differ by a digit"
    assert sums(study(refuse)) == compiled


def test_programs_are_private_and_those_of_others_are_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums(study())
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(mc.cache.os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(AssertionError, match="traced"):
        sums(study(refuse))


def test_the_oldest_programs_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mc.cache, "MOST_KEPT", 1)
    sums(study())
    sums(study(variant="another"))
    assert len(entries(folder)) == 1


def test_a_program_that_jax_remembers_can_be_kept_and_loaded(folder: Path, tmp_path: Path) -> None:
    options = {
        "jax_compilation_cache_dir": str(tmp_path / "jax"),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in options}
    for name, value in options.items():
        jax.config.update(name, value)
    reset_cache()
    try:
        first = sums(study())
        assert len(entries(folder)) == 1
        entries(folder)[0].unlink()
        assert sums(study()) == first
        assert sums(study(refuse)) == first
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        reset_cache()


def no_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets no pilot be drawn from here on."""

    def refuse(*_, **__):
        raise AssertionError("pilot")

    monkeypatch.setattr(ensemble, "run_pilot", refuse)


@pytest.mark.usefixtures("folder")
def test_a_question_that_was_asked_before_draws_no_pilot_and_gives_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = sums(study())
    no_pilot(monkeypatch)
    assert sums(study()) == first
    longer = run_ensemble(study(), dataclasses.replace(SETTINGS, draws=128))
    assert longer.done == 128


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("changed", "settings"),
    [
        (study(variant="another"), SETTINGS),
        (dataclasses.replace(study(), data={"slope": np.asarray(3.0)}), SETTINGS),
        (study(), dataclasses.replace(SETTINGS, seed=7)),
        (study(), dataclasses.replace(SETTINGS, pilot=64)),
        (study(), dataclasses.replace(SETTINGS, precision="float64")),
    ],
)
def test_another_question_has_another_pilot(
    changed: Study, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums(study())
    no_pilot(monkeypatch)
    with pytest.raises(AssertionError, match="pilot"):
        run_ensemble(changed, settings)


def test_a_harmed_pilot_is_drawn_again(folder: Path) -> None:
    first = sums(study())
    for file in folder.parents[1].glob("pilots/*/*"):
        file.write_bytes(file.read_bytes()[:-1])
    assert sums(study()) == first


@pytest.mark.usefixtures("folder")
def test_a_pilot_that_fails_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = study(lambda data, draw: {"y": data["slope"] * jnp.log(draw["x"] - 99.0)}, "fails")
    for _ in range(2):
        with pytest.raises(FailedDraws):
            run_ensemble(failing, SETTINGS)
    no_pilot(monkeypatch)
    with pytest.raises(AssertionError, match="pilot"):
        run_ensemble(failing, SETTINGS)


def test_a_state_with_nothing_left_to_draw_needs_no_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_ensemble(study(), SETTINGS)
    ensemble._PROGRAMS.clear()
    for entry in entries(folder):
        entry.unlink()
    monkeypatch.setattr("mc.blocks.load_or_compile", refuse)
    again = run_ensemble(study(), SETTINGS, state=done)
    assert again.done == done.done
    assert again.statistics["y"]["moments"]["sum"].tobytes() == done.statistics["y"]["moments"]["sum"].tobytes()
