import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from toy_world import PROVINCES, TOY_RUN, YEARS, toy_study

import mc.cube.write
from mc import pose
from mc.cube import open_cube
from mc.cube.names import percentile_label
from mc.cube.state import state_of
from mc.cube.units import cf_unit, people_unit
from mc.disk import claim, require_room
from mc.errors import DiskError, InputError, RunFailed
from mc.reach import Reach, reach
from mc.run import make_cube
from mc.runfile import RunFile, load_run
from mc.study import Study
from mc.summary import finish

GROUPS = ("differences", "draws", "diagnostics", "inputs", "state")


def test_the_summary_is_seen_at_once_and_groups_open_by_themselves(toy_cube: Path) -> None:
    with xr.open_dataset(toy_cube) as summary:
        assert summary["co2"].dims == ("statistic", "scenario", "year")
    with xr.open_datatree(toy_cube, engine="netcdf4") as tree:
        assert set(GROUPS) == set(tree.children)
    assert open_cube(toy_cube, "differences")["province"].values.tolist() == list(PROVINCES)


def test_statistics_agree_with_the_closed_form(toy_cube: Path) -> None:
    """co2 = 6 (level + growth t) factor, level ~ U(10, 20), growth ~ U(0, 1)."""
    summary = open_cube(toy_cube)
    steps, factor = np.arange(3.0), np.array([1.0, 2.0])[:, None]
    exact = {
        "mean": 6 * (15 + 0.5 * steps) * factor,
        "sd": 6 * np.sqrt((100 + steps**2) / 12) * factor,
    }
    for statistic, truth in exact.items():
        found = summary["co2"].sel(statistic=statistic).values
        error = summary["co2_mcse"].sel(statistic=statistic).values
        assert (np.abs(found - truth) < 6 * error).all()
        assert (error < 0.01 * truth).all()
    np.testing.assert_allclose(summary["co2"].sel(statistic="at_mean_inputs"), exact["mean"], rtol=1e-6)
    np.testing.assert_allclose(summary["co2"].sel(statistic="p50", year=2020), [90, 180], rtol=0.02)
    np.testing.assert_allclose(summary["late"], [0.25, 0.25], atol=0.01)


def test_differences_are_paired(toy_cube: Path) -> None:
    summary, differences = open_cube(toy_cube), open_cube(toy_cube, "differences")
    assert differences.attrs["reference"] == "low"
    assert (differences["co2"].sel(scenario="low") == 0).all()
    paired = differences["co2"].sel(scenario="high", statistic="sd")
    # The scenarios differ by a factor of two on common draws: sd(2x - x) = sd(x), not sqrt(5) sd(x).
    np.testing.assert_allclose(paired, summary["co2"].sel(scenario="low", statistic="sd"), rtol=1e-5)


def test_only_statistics_that_were_not_asked_for_are_missing(toy_cube: Path) -> None:
    summary = open_cube(toy_cube)
    for name in ("co2", "co2_by_province", "peak_year"):
        held = summary[name].attrs["statistics"].split()
        missing = [str(label) for label in summary["statistic"].values if label not in held]
        assert bool(summary[name].sel(statistic=held).notnull().all())
        assert bool(summary[name].sel(statistic=missing).isnull().all())
    assert "p05" in summary["co2"].attrs["statistics"]
    assert "p05" not in summary["co2_by_province"].attrs["statistics"]


@pytest.mark.parametrize("group", ["", "differences", "draws", "diagnostics"])
def test_every_variable_says_what_it_is(toy_cube: Path, group: str) -> None:
    dataset = open_cube(toy_cube, group)
    for name, variable in dataset.variables.items():
        assert variable.attrs.get("long_name") or name == "year_bounds", name
        if variable.dtype.kind == "f":
            assert "units" in variable.attrs or name.startswith("input_"), name
    for name in ("co2", "co2_mcse", "co2_by_province"):
        if name in dataset:
            assert dataset[name].attrs["units"] == "Mt year-1"
            assert dataset[name].attrs["quantity"] == "CO2"
            assert dataset[name].attrs["cell_methods"].startswith("year: mean realization: ")


def test_results_name_their_errors(toy_cube: Path) -> None:
    summary = open_cube(toy_cube)
    for name in ("co2", "co2_by_province", "peak_year", "late"):
        errors = summary[summary[name].attrs["ancillary_variables"]]
        assert errors.dims == summary[name].dims
        assert "standard error" in errors.attrs["long_name"]
    assert summary["co2_mcse"].attrs["degrees_of_freedom"] == 15


def test_labels_are_text_in_every_language_and_years_have_bounds(toy_cube: Path) -> None:
    summary = open_cube(toy_cube)
    assert summary["name_zh"].values.tolist() == ["北京", "河北", "新疆"]
    assert summary["name_en"].dims == ("province",)
    assert summary["year_bounds"].values.tolist() == [[year, year + 1] for year in YEARS]
    assert summary["year"].attrs["bounds"] == "year_bounds"


def test_the_file_holds_what_every_reader_can_read(toy_cube: Path) -> None:
    with netCDF4.Dataset(toy_cube) as file:
        assert file.data_model == "NETCDF4"
        assert file.getncattr("Conventions") == "CF-1.12"
        for variable in file.variables.values():
            filters = variable.filters()
            assert not any(filters.get(name) for name in ("zstd", "bzip2", "blosc", "szip"))
            assert variable.dtype != str  # characters, not strings: CDO shows no strings
        assert file["co2_by_province"].filters()["complevel"] == 1
        assert file["co2_by_province"].filters()["shuffle"]


def test_origin_is_complete_and_repeats_the_run(toy_cube: Path) -> None:
    attributes = open_cube(toy_cube).attrs
    again = RunFile.model_validate_json(attributes["run"])
    assert again.ensemble.draws == attributes["draws"] == attributes["draws_valid"] == 256
    assert attributes["draws_failed"] == 0
    assert json.loads(attributes["run_origins"])["title"].endswith("toy.toml:1")
    assert json.loads(attributes["versions"]).keys() >= {"python", "jax", "numpy", "ferrocast"}
    for name in (
        "seed",
        "sampler",
        "scramblings",
        "block",
        "precision",
        "device",
        "wall_time_s",
        "history",
        "run_digest",
    ):
        assert name in attributes
    assert str(toy_cube.parent) not in str({k: v for k, v in attributes.items() if k != "run_origins"})


def test_kept_draws_are_those_of_the_function(toy_cube: Path) -> None:
    draws = open_cube(toy_cube, "draws")
    assert draws["draw"].values.tolist() == list(range(256))
    assert draws["draw"].attrs["standard_name"] == "realization"
    path = draws["input_macro_level"].values[:, None] + draws["input_macro_growth"].values[:, None] * np.arange(3)
    expected = path[:, None, None, :] * np.array([1, 2, 3.0])[:, None] * np.array([1, 2.0])[:, None, None]
    np.testing.assert_allclose(draws["co2_by_province"], expected, rtol=1e-5)
    np.testing.assert_allclose(
        draws["co2_by_province"].mean("draw"), open_cube(toy_cube)["co2_by_province"].sel(statistic="mean"), rtol=1e-5
    )


def test_the_state_in_a_cube_gives_the_same_numbers(toy_cube: Path) -> None:
    study = toy_study(("low", "high"))
    run = RunFile.model_validate_json(open_cube(toy_cube).attrs["run"])
    settings = pose.settings_of(run, study)
    again = finish(study, settings, state_of(open_cube(toy_cube, "state"), toy_cube)[1])
    found = open_cube(toy_cube)["co2"].sel(statistic=["p05", "p25", "p50", "p75", "p95"])
    np.testing.assert_array_equal(found, again.series["co2"].value["quantile"].astype(np.float32))


def test_inputs_say_what_they_reach(toy_cube: Path) -> None:
    inputs = open_cube(toy_cube, "inputs")
    reaches = inputs["reaches"].to_pandas()
    reaches.index, reaches.columns = inputs["output"].values, inputs["quantity"].values
    assert reaches.loc["co2"].to_dict() == {"macro.growth": 1, "macro.idle": 0, "macro.level": 1}
    assert reaches.loc["peak_year"].to_dict() == {"macro.growth": 1, "macro.idle": 0, "macro.level": 0}
    assert inputs["row_label"].values.tolist() == ["macro.growth", "macro.level", "macro.idle[a]", "macro.idle[b]"]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("1", ("1", "")),
        ("Mt year-1", ("Mt year-1", "")),
        ("MtCO2/year", ("Mt year-1", "CO2")),
        ("tCO2/MWh", ("t MW-1 h-1", "CO2")),
        ("t MWh-1", ("t MW-1 h-1", "")),
        ("TWh year-1", ("TW h year-1", "")),
        ("tCO2/t", ("t t-1", "CO2")),
        ("tce t-1", ("t t-1", "coal equivalent")),
        ("GCNY year-1", ("1e9 year-1", "CNY")),
        ("CNY t-1", ("t-1", "CNY")),
        ("USD/(t/year)", ("t-1 year", "USD")),
        ("million", ("1e6", "")),
        ("t/million", ("t 1e-6", "")),
        ("%", ("0.01", "")),
    ],
)
def test_units_become_those_of_udunits_and_a_quantity(unit: str, expected: tuple[str, str]) -> None:
    assert cf_unit(unit) == expected


def test_units_for_people() -> None:
    assert people_unit("Mt year-1") == "Mt/year"
    assert people_unit("year-1") == "1/year"
    assert people_unit("Gt km year-1") == "Gt km/year"


def test_percentiles_have_plain_names() -> None:
    assert [percentile_label(p) for p in (0.05, 0.5, 0.975, 0.001)] == ["p05", "p50", "p97.5", "p00.1"]


def test_a_write_that_fails_at_any_group_leaves_nothing(toy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing fails at group 1, 2, 3, ... until it passes; each time the old cube stays whole."""
    run = load_run(toy_folder / "runs" / "toy.toml", {"ensemble.draws": 32}, {})
    run.cube.parent.mkdir()
    run.cube.write_bytes(b"old")
    whole = mc.cube.write.declare
    for failing in range(1, 10):
        written: list[str] = []

        def declare(*arguments: Any) -> Any:
            written.append("group")  # noqa: B023 - called in this round only
            if len(written) == failing:  # noqa: B023
                raise RuntimeError("NetCDF: HDF error")
            return whole(*arguments)

        monkeypatch.setattr(mc.cube.write, "declare", declare)
        try:
            make_cube(run, overwrite=True)
        except DiskError as error:
            message = str(error)
        else:
            assert failing == len(written) + 1 > 3
            break
        assert str(run.cube) in message
        assert run.cube.read_bytes() == b"old"
        assert list(run.cube.parent.iterdir()) == [run.cube]
    assert open_cube(run.cube)["co2"].notnull().any()
    assert list(run.cube.parent.iterdir()) == [run.cube]


def test_a_disk_that_is_too_full_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=1_500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    require_room(tmp_path / "x.nc", 1_400_000)
    with pytest.raises(DiskError, match=r"x\.nc: needs 1\.6 MB, free on that disk: 1\.5 MB") as caught:
        require_room(tmp_path / "x.nc", 1_600_000)
    assert caught.value.exit_code == 74


def test_of_two_writers_the_second_is_told(tmp_path: Path) -> None:
    cube = tmp_path / "x.nc"
    with claim(cube), pytest.raises(InputError, match="another run is writing it"), claim(cube):
        pass
    with claim(cube) as part:
        assert part.parent == cube.parent
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_behind_is_swept(tmp_path: Path) -> None:
    (tmp_path / "x.nc.part").write_bytes(b"half a cube")
    (tmp_path / "x.nc.lock").write_bytes(b"")
    with claim(tmp_path / "x.nc") as part:
        assert part.read_bytes() == b""
    assert list(tmp_path.iterdir()) == []


def test_failed_draws_end_the_run_unless_it_allows_them(toy_folder: Path) -> None:
    """With hydrogen bought the toy's fault fires in every draw with growth above a half: half of them."""
    file = toy_folder / "runs" / "faulty.toml"
    file.write_text(TOY_RUN + '[options]\nhydrogen = "bought"\n', encoding="utf-8")
    with pytest.raises(RunFailed, match="too_hot"):
        make_cube(file)
    assert list(toy_folder.rglob("*.nc*")) == []
    cube = make_cube(load_run(file, {"ensemble.failed_share": 0.6}))
    assert open_cube(cube).attrs["draws_failed"] == 128
    assert "128 of 256 draws failed" in open_cube(cube).attrs["warnings"]
    diagnostics = open_cube(cube, "diagnostics")
    assert diagnostics["cause"].values.tolist() == ["too_hot"]
    assert diagnostics["failed"].values.tolist() == [128]
    assert diagnostics.sizes["failed_draw"] == 128
    assert float(open_cube(cube)["peak_year"].sel(statistic="mean", scenario="low")) == pytest.approx(2025, abs=0.1)


def test_the_reach_of_a_study_is_remembered_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mc.cube import inputs

    calls: list[str] = []

    def counted(study: Study) -> Reach:
        calls.append(study.name)
        return reach(study)

    monkeypatch.setattr(inputs, "reach", counted)
    monkeypatch.setenv("FERROCAST_CACHE", str(tmp_path))
    posed = pose.Posed(toy_study(("low", "high")))
    assert inputs.remembered_reach(posed) == inputs.remembered_reach(posed) == reach(posed.study)
    assert len(calls) == 1
    inputs.remembered_reach(dataclasses.replace(posed, variant="another"))
    assert len(calls) == 2
    for file in (tmp_path / "reach").rglob("?" * 64):
        file.write_bytes(file.read_bytes()[:-1])
    assert inputs.remembered_reach(posed) == reach(posed.study)
    assert len(calls) == 3


def test_a_device_without_memory_gets_smaller_blocks(toy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mc import ensemble

    tried: list[int] = []
    run_ensemble = ensemble.run_ensemble

    def short_of_memory(study: Study, settings: ensemble.Settings, **options: object) -> ensemble.EnsembleState:
        tried.append(settings.block)
        if settings.block > most:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 99 bytes")
        return run_ensemble(study, settings, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ensemble, "run_ensemble", short_of_memory)
    most = 32
    cube = make_cube(load_run(toy_folder / "runs" / "toy.toml", {"ensemble.block": 128}, {}))
    assert tried == [128, 64, 32]
    assert open_cube(cube).attrs["block"] == 32
    most = 0
    with pytest.raises(RunFailed, match="no memory for a block of 16 draws"):
        make_cube(load_run(toy_folder / "runs" / "toy.toml", {}, {}), overwrite=True)
