import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from posterior_study import groups_without_sampling
from scipy.stats import spearmanr
from synthetic_cube import COORDINATED, synthetic_cube
from test_pages import Document, build, reading, report_module

notebook = report_module("notebook")
Tables = list[list[list[str]]]


@pytest.fixture(scope="module")
def cube_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_cube(tmp_path_factory.mktemp("notebook") / "cube.nc", COORDINATED, keep_draws=True)


@pytest.fixture(scope="module")
def first_look(cube_file: Path) -> "notebook.Notebook":
    return notebook.run_notebook(notebook.notebooks()["first_look"], reading.read_cube(cube_file))


@pytest.fixture(scope="module")
def document(first_look: "notebook.Notebook", cube_file: Path) -> Document:
    return Document(notebook.write_notebook(first_look, cube_file.parent).read_text(encoding="utf-8"))


def table_with(document: Document, corner: str) -> list[list[str]]:
    """The cells of the table whose first cell is this."""
    return next(table for table in document.tables if table[0][0].strip() == corner)


def script(folder: Path, *cells: str) -> Path:
    """A notebook of these cells."""
    path = folder / "mine.py"
    path.write_text("\n\n".join(cells) + "\n", encoding="utf-8")
    return path


def test_five_questions_have_five_figures_in_words(first_look: "notebook.Notebook") -> None:
    kinds = [part.kind for part in first_look.parts]
    assert kinds.count("image") == 5
    assert all(len(part.alt) > 60 for part in first_look.parts if part.kind == "image")
    assert sum(part.content.count("<h2>") for part in first_look.parts if part.kind == "words") == 5
    assert [part.content for part in first_look.parts if part.kind == "warning"] == []
    assert not [part.content for part in first_look.parts if " at 0x" in part.content]


def test_a_page_of_a_notebook_needs_no_network(first_look: "notebook.Notebook", document: Document) -> None:
    assert document.open == []
    assert not document.of("script")
    addresses = [attributes.get(key) for _, attributes in document.tags for key in ("src", "srcset", "href")]
    assert all(address.startswith(("data:", "#")) for address in addresses if address)
    text = "".join(part.content for part in first_look.parts if part.kind != "image")
    assert not [word for word in ("http", "url(", "@import") if word in text]


def test_percentiles_are_those_of_the_cube(document: Document, cube_file: Path) -> None:
    co2 = xr.load_dataset(cube_file)["co2_direct_power"].sel(scenario="coordinated", statistic=["p05", "p50", "p95"])
    expected = [str(round(float(value))) for year in (2030, 2040, 2050, 2060) for value in co2.sel(year=year)]
    rows = table_with(document, "year")
    assert rows[2] == ["coordinated", *expected]
    assert [row[0] for row in rows[2:]] == ["coordinated", "autarky", "market", "pro_rata"]


def test_a_target_is_kept_from_the_year_on_that_the_draws_say(document: Document, cube_file: Path) -> None:
    draws = xr.load_dataset(cube_file, group="draws")["co2_direct_power"].sel(scenario="coordinated")
    expected = []
    for target in (1000, 500, 100):
        share = (draws < target).mean("draw").values
        late = [int(np.flatnonzero(share < level)[-1]) if (share < level).any() else -1 for level in (0.1, 0.5, 0.9)]
        expected += [str(2021 + at) if at < 40 else "–" for at in late]
    assert table_with(document, "Mt")[2] == ["coordinated", *expected]


def test_the_input_that_drives_all_comes_first(document: Document, cube_file: Path) -> None:
    draws = xr.load_dataset(cube_file, group="draws").sel(scenario="coordinated", year=[2035, 2060])
    expected = [spearmanr(draws["input_world_driver"], co2).statistic for co2 in draws["co2_direct_power"].values.T]
    rows = next(table for table in document.tables if table[0][1:] == ["2035", "2060"])
    assert rows[1] == ["world.driver", *(f"{rho:.2f}" for rho in expected)]
    assert all(abs(float(cell)) < 0.4 for row in rows[2:] for cell in row[1:] if cell != "–")


def test_provinces_gain_as_in_the_draws(document: Document, cube_file: Path) -> None:
    co2 = xr.load_dataset(cube_file, group="draws")["co2_with_freight_by_province"].sel(year=2060)
    gain = co2.sel(scenario="market") - co2.sel(scenario="coordinated")
    rows = next(table for table in document.tables if table[1][0] == "All provinces")
    assert float(rows[1][1]) == pytest.approx(float(gain.sum("province").mean()), rel=0.01)
    assert len(rows) - 2 == int((gain != 0).any("draw").sum())
    medians = gain.median("draw")
    assert rows[2][0].startswith(str(gain["name_en"][int(medians.argmax("province"))].item()))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("wrong = 1 / 0", "'wrong = 1 / 0' failed: ZeroDivisionError: division by zero"),
        ("import os\nos._exit(3)", "Kernel died"),
    ],
)
def test_a_notebook_that_fails_makes_no_page(
    cell: str,
    said: str,
    cube_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = script(tmp_path, "# %%\nprint('fine')", f"# %%\n{cell}")
    monkeypatch.setattr(build, "notebooks", lambda: {"mine": path})
    monkeypatch.setattr(build, "pages", lambda: {})
    assert build.main([str(cube_file), "--out", str(tmp_path / "out"), "--notebook", "mine"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{path}: ")
    assert said in told
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()


def test_a_notebook_lies_among_the_pages(
    cube_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = (
        "# %% [markdown]\n# # My <title>\n#\n# Some *words*.",
        "# %%\nimport os, sys\nprint(os.environ['FERROCAST_CUBE'], '<b>')\nprint('careful', file=sys.stderr)\n6 * 7",
    )
    path = script(tmp_path, *cells)
    monkeypatch.setattr(build, "notebooks", lambda: {"mine": path})
    page = report_module("page").Page("one", "One", "", (), (), (), (), (), (), ())
    monkeypatch.setattr(build, "pages", lambda: {"one": lambda _: page})
    assert build.main([str(cube_file), "--out", str(tmp_path), "--notebook", "mine"]) == 0
    written = [str(tmp_path / f"{name}.html") for name in ("one", "mine", "index")]
    assert capsys.readouterr().out.split() == written
    document = Document(Path(written[1]).read_text(encoding="utf-8"))
    assert document.of("title") == [{}]
    for said in ("My <title>", f"{cube_file} <b>", "careful", "42", "Some words ."):
        assert said in document.text
    assert len(document.of("h1")) == 1
    index = Document(Path(written[2]).read_text(encoding="utf-8"))
    assert [link["href"] for link in index.of("a")] == ["one.html", "mine.html"]


def test_a_figure_without_words_is_refused(cube_file: Path, tmp_path: Path) -> None:
    drawing = "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')"
    with pytest.raises(notebook.NotebookError, match="draws: give it"):
        notebook.run_notebook(script(tmp_path, f"# %%\n{drawing}"), reading.read_cube(cube_file))


def test_missing_packages_are_named(cube_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nbclient", None)
    with pytest.raises(reading.CubeError, match=r"pip install 'ferrocast\[notebook\]'"):
        notebook.run_notebook(script(tmp_path, "# %%\n1"), reading.read_cube(cube_file))


@pytest.mark.slow
def test_the_notebook_of_a_real_run(tmp_path: Path) -> None:
    from mc import load_run, make_cube

    file = notebook.FOLDER.parents[1] / "runs" / "first_look.toml"
    cube = make_cube(load_run(file, {"ensemble.draws": 64, "output.cube": str(tmp_path / "first_look.nc")}))
    found = notebook.run_notebook(notebook.notebooks()["first_look"], reading.read_cube(cube))
    kinds = [part.kind for part in found.parts]
    assert kinds.count("image") == 5
    assert "warning" not in kinds


@pytest.fixture(scope="module")
def fitted_cube(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube with a posterior beside it, and the runs from both beliefs; the posterior's driver lies higher by 1."""
    pytest.importorskip("arviz_plots")
    folder = tmp_path_factory.mktemp("posterior")
    values = 1.3 + 0.15 * np.arange(10) + 0.1 * np.random.default_rng(1).standard_normal(10)
    xr.DataTree.from_dict(groups_without_sampling(values, 9999)).to_netcdf(folder / "cube.posterior.nc")
    cube = synthetic_cube(folder / "cube.nc", ("autarky",), keep_draws=True)
    synthetic_cube(folder / "cube.from_prior.nc", ("autarky",), keep_draws=True)
    with xr.open_datatree(cube, engine="netcdf4") as opened:
        tree = opened.load()
    tree["draws/input_world_driver"] = tree["draws/input_world_driver"] + 1.0
    tree["draws/input_world_driver"].attrs = {"long_name": "world.driver", "elements": "world.driver"}
    tree.to_netcdf(folder / "cube.from_posterior.nc", engine="netcdf4")
    return cube


def test_a_posterior_is_inspected_in_seven_figures(fitted_cube: Path) -> None:
    found = notebook.run_notebook(notebook.notebooks()["posterior"], reading.read_cube(fitted_cube))
    kinds = [part.kind for part in found.parts]
    assert kinds.count("image") == 7
    assert all(len(part.alt) > 60 for part in found.parts if part.kind == "image")
    assert [part.content for part in found.parts if part.kind == "warning"] == []
    assert not [part.content for part in found.parts if " at 0x" in part.content]
    assert not [part.content for part in found.parts if part.content.startswith("Text(")]
    learned = xr.load_dataset(fitted_cube.with_name("cube.posterior.nc"), group="learned")
    document = Document(notebook.write_notebook(found, fitted_cube.parent).read_text(encoding="utf-8"))
    rows = {row[0]: row for table in document.tables for row in table if len(row) == 8}
    assert float(rows["slope"][5]) == pytest.approx(float(learned["ratio"].sel(quantity="slope")), rel=1e-3)
    assert rows["co2_direct_power"][5] == "1"  # both runs of the fixture have the same draws
    powers = next(table for table in document.tables if table[0][1:] == ["prior", "likelihood", "diagnosis"])
    assert {"level", "slope"} <= {row[0] for row in powers}
    assert float(rows["line[2009]"][7]) == pytest.approx(float(learned["shift"].sel(quantity="line[2009]")), rel=1e-3)
