import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from synthetic_cube import COORDINATED, COORDS, NO_PLANTS, synthetic_cube
from test_pages import Document, build, figures, number_in, reading, report_module, run_build

flows, gains, neutrality = (report_module(name) for name in ("flows", "gains", "neutrality"))
NEW_PAGES = ("scrap_flows", "provinces")


@pytest.fixture(scope="module")
def cube_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_cube(tmp_path_factory.mktemp("coordinated") / "synthetic.nc", COORDINATED)


@pytest.fixture(scope="module")
def cube(cube_file: Path) -> "reading.Cube":
    return reading.read_cube(cube_file)


@pytest.fixture(scope="module")
def folder(cube_file: Path) -> Path:
    out = cube_file.parent / "out"
    asked = [word for name in NEW_PAGES for word in ("--page", name)]
    assert build.main([str(cube_file), "--out", str(out), *asked]) == 0
    return out


@pytest.fixture(scope="module")
def documents(folder: Path) -> dict[str, Document]:
    return {name: Document((folder / f"{name}.html").read_text(encoding="utf-8")) for name in NEW_PAGES}


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    image = report_module("page").Image(b"", b"", b"")
    monkeypatch.setattr(figures, "render", lambda _: image)


def made(tmp_path: Path, scenarios: tuple[str, ...], without: tuple[str, ...] = ()) -> dict[str, Document]:
    """Pages of a cube, but for `emissions`."""
    file = synthetic_cube(tmp_path / "cube.nc", scenarios, without)
    assert build.main([str(file), "--out", str(tmp_path)]) == 0
    found = [name for name in NEW_PAGES if (tmp_path / f"{name}.html").is_file()]
    return {name: Document((tmp_path / f"{name}.html").read_text(encoding="utf-8")) for name in found}


@pytest.mark.parametrize("name", NEW_PAGES)
def test_pages_are_whole_and_need_no_network(folder: Path, documents: dict[str, Document], name: str) -> None:
    page = documents[name]
    assert page.open == []
    # The namespace of a drawing is a name, and no page goes there.
    text = (folder / f"{name}.html").read_text(encoding="utf-8")
    assert "http" not in text
    assert not page.of("script")
    addresses = [attributes.get(key) for _, attributes in page.tags for key in ("src", "srcset", "href")]
    assert all(address.startswith("data:") for address in addresses if address)


@pytest.mark.parametrize(("name", "many"), [("scrap_flows", 6), ("provinces", 3)])
def test_figures_have_words_numbers_and_files(
    folder: Path, documents: dict[str, Document], name: str, many: int
) -> None:
    page = documents[name]
    assert len(page.of("figure")) == many
    assert all(len(image["alt"] or "") > 15 for image in page.of("img"))
    assert len(list(folder.glob(f"{name}-*.png"))) == many
    tags = [tag for tag, _ in page.tags]
    assert tags.count("figcaption") == many
    assert tags.count("details") >= many


def test_gains_are_those_of_the_cube(documents: dict[str, Document], cube_file: Path) -> None:
    same = xr.load_dataset(cube_file)["scrap_gain"].sel(scenario="coordinated")
    own = xr.load_dataset(cube_file, group="differences")["co2_with_freight"]
    table = next(table for table in documents["scrap_flows"].tables if table[0][1:] == ["own paths", "same state"])
    heads = [row[0] for row in table]
    for rival in ("autarky", "market", "pro_rata"):
        at = heads.index(f"Against {rival.replace('_', ' ')}")
        row = next(row for row in table[at:] if row[0] == "2040")
        truths = [own.sel(scenario=rival, year=2040, statistic=key) for key in ("mean", "p05", "p50", "p95")]
        truths += [same.sel(rival=rival, year=2040, statistic=key) for key in ("mean", "p05", "p50", "p95")]
        for text, truth in zip(row[1:], truths, strict=True):
            value, error = number_in(text)
            assert abs(value - float(truth)) <= 0.51 * error
            assert error > 0


def test_what_is_better_than_coordination_is_said(documents: dict[str, Document]) -> None:
    assert "pro rata in 100 % of the draws in 2020" in documents["scrap_flows"].text
    assert "autarky in no draw in any year" in documents["scrap_flows"].text
    assert "this difference can be negative" in documents["scrap_flows"].text


def test_flows_add_up() -> None:
    mean = np.array([[5.0, 1.0], [3.0, 2.0], [4.0, 0.0]])
    nothing = np.zeros_like(mean)
    found = flows.Flows(2030, ["a", "b", "c"], ["a", "b"], mean, nothing, nothing, nothing)
    assert found.traded == 8.0
    assert found.largest() == [(2, 0), (1, 0), (0, 1)]
    assert found.share(1) == 0.5
    assert found.net() == {"a": 6.0, "b": -2.0, "c": -4.0}


def test_links_on_the_map_are_the_largest(documents: dict[str, Document], cube_file: Path) -> None:
    found = xr.load_dataset(cube_file)["scrap_flow"].sel(statistic="mean", scenario="coordinated", flow_year=2060)
    between = found.values * (1 - np.eye(31))
    table = next(table for table in documents["scrap_flows"].tables if table[0][0] == "From and to")
    assert len(table) == 1 + flows.ARCS
    tables = [table for table in documents["scrap_flows"].tables if table[0][0] == "From and to"]
    largest = number_in(tables[-1][1][1])
    assert abs(largest[0] - between.max()) <= 0.51 * largest[1]
    share = np.sort(between, axis=None)[-flows.ARCS :].sum() / between.sum()
    assert f"{flows.ARCS} links carry {round(100 * share)} % of that" in documents["scrap_flows"].text


def test_the_solver_is_judged_after_the_base_year(documents: dict[str, Document], cube_file: Path) -> None:
    found = xr.load_dataset(cube_file, group="diagnostics")["allocation_iterations"]
    steps = found.sel(statistic="mean", scenario="coordinated").values[1:]
    assert f"takes {steps.mean():.1f} iterations on average and {steps.max():.1f} in the worst year" in (
        documents["scrap_flows"].text
    )


def province_rows(page: Document) -> dict[str, list[str]]:
    table = next(table for table in page.tables if table[0] and table[0][-1].startswith("Scrap that arrives"))
    return {row[0]: row[1:] for row in table if len(row) > 10}


def test_every_province_that_makes_steel_has_a_row(documents: dict[str, Document], cube_file: Path) -> None:
    rows = province_rows(documents["provinces"])
    names = [name for name in rows if name != "Province"]
    assert names == [f"Province {code[3:]} 河北" for code in COORDS["province"] if code not in NO_PLANTS]
    summary = xr.load_dataset(cube_file).sel(statistic="mean", province="CN-HE")
    row = rows["Province HE 河北"]
    heads = rows["Province"]
    assert heads == ["2020", "2060", "2020", "path", "2060", "0 %", "10 %", "SO₂", "NOx", "PM", "2030", "2060",
                     "2030", "2060", "2030", "2060"]  # fmt: skip
    of = summary.sel(scenario="coordinated")
    assert number_in(row[0])[0] == pytest.approx(float(summary["crude_steel_by_province"].sel(year=2020)), rel=0.05)
    assert number_in(row[4])[0] == pytest.approx(float(of["co2_direct_power_by_province"].sel(year=2060)), rel=0.05)
    short = float(of["scrap_short_by_province"].sel(year=2030))
    assert 0 < short < 1
    error = float(xr.load_dataset(cube_file)["scrap_short_by_province_mcse"]
                  .sel(statistic="mean", province="CN-HE", scenario="coordinated", year=2030))  # fmt: skip
    assert abs(number_in(row[10])[0] - 100 * short) <= 100 * error
    assert row[11] == "all"


def test_other_policies_are_folded_away(documents: dict[str, Document]) -> None:
    for words in ("autarky", "market", "pro rata"):
        assert f"The same under {words}" in documents["provinces"].text
    assert "The same under coordinated" not in documents["provinces"].text


def test_counts_are_those_of_the_cube(documents: dict[str, Document], cube_file: Path) -> None:
    found = xr.load_dataset(cube_file)["neutral_count"].sel(statistic="mean", threshold="10%", year=2060)
    table = next(table for table in documents["provinces"].tables if table[0] == ["Year", "coordinated", "autarky",
                 "market", "pro rata"])  # fmt: skip
    row = [row for row in table if row[0] == "2060"][-1]
    for text, scenario in zip(row[1:], ("coordinated", "autarky", "market", "pro_rata"), strict=True):
        value, error = number_in(text)
        assert abs(value - float(found.sel(scenario=scenario))) <= 0.51 * error


def test_provinces_that_need_scrap_are_named(documents: dict[str, Document], cube: "reading.Cube") -> None:
    table = next(table for table in documents["provinces"].tables if table[0][0] == "Policy")
    rows = {row[0]: row[1:] for row in table if len(row) > 1}
    assert rows["coordinated"][-1] == "all 28"
    assert rows["coordinated"][0] == "none"
    assert sum(row[0] == "coordinated" for row in table) == 2
    assert sum(row[0] == "market" for row in table) == 1
    makers = neutrality.steel_provinces(cube)
    assert neutrality._names(cube, makers[1:], makers) == "all 28 but Province TJ"
    assert neutrality._names(cube, makers[:2], makers) == "2: Province TJ, Province HE"


@pytest.mark.usefixtures("no_drawing")
def test_no_coordinated_scenario_no_page_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages = made(tmp_path, ("autarky", "market"))
    assert list(pages) == ["provinces"]
    said = "no page `scrap_flows`: the run has no scenario with the policy `coordinated`"
    assert said in capsys.readouterr().err
    assert said in Document((tmp_path / "index.html").read_text(encoding="utf-8")).text
    assert "Dear scrap" not in pages["provinces"].text
    assert "Short and dear" not in pages["provinces"].text
    assert "the cube holds no" not in pages["provinces"].text


def test_a_page_asked_for_by_name_must_be_there(tmp_path: Path) -> None:
    done = run_build(synthetic_cube(tmp_path / "cube.nc"), "--page", "scrap_flows", "--out", tmp_path)
    assert done.returncode == 2
    assert "has no scenario with the policy `coordinated`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("scenario", ["autarky", "coordinated"])
def test_a_run_of_one_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenario: str) -> None:
    monkeypatch.setattr(figures, "_bytes", lambda *_: b"")
    pages = made(tmp_path, (scenario,))
    assert "The same under" not in pages["provinces"].text
    assert "side by side" not in pages["provinces"].text
    assert ("scrap_flows" in pages) == (scenario == "coordinated")
    if scenario == "coordinated":
        assert "own paths are not shown" in pages["scrap_flows"].text
        assert "No figure of gain summed: the run holds no paired differences" in pages["scrap_flows"].text
        assert len(pages["scrap_flows"].of("figure")) == 4


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("without", "page", "many", "said"),
    [
        (("scrap_link",), "scrap_flows", 4, "No figure of matrix: the cube holds no scrap_link."),
        (("scrap_gain",), "scrap_flows", 5, "No figure of gain: the cube holds no scrap_gain."),
        (("exceedance",), "scrap_flows", 5, "No figure of chance: the run file asks for no probability"),
        (("neutral_count",), "provinces", 1, "No figure of the number of neutral provinces: the cube holds no"),
        (("scrap_dear_by_province",), "provinces", 3, "No columns of scrap_dear_by_province in the table"),
        (("neutral_by_province",), "provinces", 3, "No columns of neutral_by_province in the table"),
    ],
)
def test_what_a_cube_lacks_is_said(tmp_path: Path, without: tuple[str, ...], page: str, many: int, said: str) -> None:
    pages = made(tmp_path, COORDINATED, without)
    assert len(pages[page].of("figure")) == many
    assert said in pages[page].text


def test_a_gain_against_another_reference_is_no_gain_of_coordination(cube_file: Path) -> None:
    cube = reading.read_cube(cube_file)
    assert gains.is_paired(cube, "co2_with_freight")
    cube.differences.attrs["reference"] = "autarky"
    assert not gains.is_paired(cube, "co2_with_freight")


@pytest.mark.parametrize(("share", "text"), [(0.0, "none"), (1.0, "all"), (0.348, "35"), (0.996, "99.6")])
def test_shares_in_a_table(share: float, text: str) -> None:
    assert report_module("page").Share(share, 0.003 if share > 0.9 else 0.01).text == text


def test_a_sparkline_holds_every_year_and_zero() -> None:
    draw = report_module("sparklines")
    mean = np.linspace(5.0, -1.0, 41)
    root = ET.fromstring(draw.sparkline(mean, mean - 1.0, mean + 1.0))
    line, band = root.find("{*}polyline"), root.find("{*}polygon")
    assert line is not None
    assert band is not None
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert len(heights) == 41
    assert heights == sorted(heights)
    assert len(band.attrib["points"].split()) == 82
    edges = [float(point.split(",")[1]) for point in band.attrib["points"].split()]
    assert min(edges) == draw.EDGE
    assert max(edges) == draw.HEIGHT - draw.EDGE
