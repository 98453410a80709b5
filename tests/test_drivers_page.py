"""The page of drivers: the shares of the cube and nothing else, drawn and told."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from synthetic_cube import COORDINATED, synthetic_cube
from test_pages import Document, build, reading, report_module, run_build

drivers = report_module("drivers")

NAMES = ["demand_level", "lifetimes", "grid"]
YEARS = np.arange(2020, 2061)
FIRST = np.array([[0.5], [0.2], [0.1]]) * np.ones(len(YEARS))
TOTAL = FIRST + np.array([[0.2], [0.15], [0.0]])


def with_shares(file: Path) -> Path:
    """Two outputs with shares: CO2 under every scenario, nothing in the base year, and the gain of coordination."""
    shares = np.stack([FIRST, TOTAL])[:, :, None].repeat(len(COORDINATED), axis=2)
    shares[..., 0] = np.nan
    long_name = "share of each driver in the variance of CO2 of scopes 1 and 2"
    variables = {"inputs": ("driver", ["demand.a demand.b", "stock.mean", "grid.factor"])}
    for name, more in (
        ("co2_direct_power", ""),
        ("difference_co2_with_freight", ", difference to scenario coordinated"),
    ):
        dims = ("statistic", "driver", "scenario", "year")
        variables[name] = (dims, shares, {"long_name": long_name + more})
        variables[f"{name}_mcse"] = (dims, 0.004 + 0 * shares, {"long_name": long_name})
    coords = {"statistic": ["first", "total"], "driver": NAMES, "scenario": list(COORDINATED), "year": YEARS}
    xr.Dataset(variables, coords).to_netcdf(file, mode="a", group="variance_shares", engine="netcdf4")
    return file


@pytest.fixture(scope="module")
def cube_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_shares(synthetic_cube(tmp_path_factory.mktemp("drivers") / "synthetic.nc", COORDINATED))


@pytest.fixture(scope="module")
def document(cube_file: Path) -> Document:
    assert build.main([str(cube_file), "--out", str(cube_file.parent), "--page", "drivers"]) == 0
    return Document((cube_file.parent / "drivers.html").read_text(encoding="utf-8"))


def test_the_page_is_whole_and_needs_no_network(document: Document, cube_file: Path) -> None:
    assert document.open == []
    assert "http" not in (cube_file.parent / "drivers.html").read_text(encoding="utf-8")
    assert all(image["alt"] for image in document.of("img"))
    assert {file.name for file in cube_file.parent.glob("*.png")} == {"drivers-paths.png", "drivers-years.png"}


def test_it_says_what_the_cube_holds(document: Document) -> None:
    text = document.text
    assert "in 2030 demand level 50 %, lifetimes 20 %, grid 10 %, and 20 % arises only where drivers meet" in text
    assert "CO₂ of scopes 1 and 2: autarky − coordinated" in text
    table = next(rows for rows in document.tables if rows[0] and "2060" in rows[0])
    row = next(cells for cells in table if cells[0] == "lifetimes")
    assert [cell.strip() for cell in row[1:3]] == ["–", "–"]  # nothing varies in the base year
    assert [cell.split() for cell in row[-2:]] == [["20.0", "±", "0.4"], ["35.0", "±", "0.4"]]
    assert any("demand.a, demand.b" in cells for rows in document.tables for cells in rows)


def test_layers_fill_the_whole_and_estimates_below_zero_are_drawn_as_zero(cube_file: Path) -> None:
    cube = reading.read_cube(cube_file)
    item = drivers._paths(cube)[0]
    below = drivers.Shares(
        item.name, item.title, {"first": FIRST - np.array([[0.0], [0.0], [0.15]]), "total": TOTAL}, item.error
    )
    for one in (item, below):
        layers = drivers._layers(NAMES, one, drivers._colors(NAMES, [one]))
        total = sum(layer.values for layer in layers)
        np.testing.assert_allclose(total[1:], 1.0)
        assert all((layer.values[1:] >= 0).all() for layer in layers)


def test_first_comes_what_people_ask_for_first(cube_file: Path) -> None:
    cube = reading.read_cube(cube_file)
    cube.variance_shares["a_first"] = cube.variance_shares["co2_direct_power"]
    cube.variance_shares["a_first_mcse"] = cube.variance_shares["co2_direct_power_mcse"]
    assert [item.name for item in drivers._paths(cube)] == [
        "co2_direct_power", "difference_co2_with_freight", "a_first"
    ]  # fmt: skip


def test_a_cube_without_drivers_has_no_such_page(tmp_path: Path) -> None:
    file = synthetic_cube(tmp_path / "plain.nc")
    done = run_build(file, "--out", tmp_path, "--page", "drivers")
    assert done.returncode == 2
    assert "the run names none ([sensitivity] of runs/drivers.toml)" in done.stderr
