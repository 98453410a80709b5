import ast
import html.parser
import importlib
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from synthetic_cube import COORDINATED_RULES, COORDS, NO_PLANTS, RUN, SCENARIOS, synthetic_cube

REPORTS = Path(__file__).parents[1] / "reports"
VOID = {"meta", "link", "img", "source", "br", "input"}


def report_module(name: str) -> ModuleType:
    """A script of reports/, which are run with their own folder on the path."""
    if str(REPORTS) not in sys.path:
        sys.path.insert(0, str(REPORTS))
    return importlib.import_module(name)


digits, figures, tiles = report_module("digits"), report_module("figures"), report_module("tiles")
reading, build, emissions, peak = (report_module(name) for name in ("reading", "build", "emissions", "peak"))


class Document(html.parser.HTMLParser):
    """Elements of a page: tags in order, balanced or not, tables as rows of texts, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.open and any(tag in ("td", "th") for tag in self.open):
            self.tables[-1][-1][-1] += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def cube_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_cube(tmp_path_factory.mktemp("cube") / "synthetic.nc")


@pytest.fixture(scope="module")
def folder(cube_file: Path) -> Path:
    """What `python reports/build.py CUBE --out FOLDER` writes."""
    out = cube_file.parent / "out"
    assert build.main([str(cube_file), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def page(folder: Path) -> Document:
    document = Document((folder / "emissions.html").read_text(encoding="utf-8"))
    assert document.open == []
    return document


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without pictures: those take most of the time."""
    image = report_module("page").Image(b"", b"", b"")
    monkeypatch.setattr(figures, "render", lambda _: image)


def test_a_page_needs_no_network(folder: Path, page: Document) -> None:
    text = (folder / "emissions.html").read_text(encoding="utf-8")
    assert "http" not in text
    addresses = [attributes.get(key) for _, attributes in page.tags for key in ("src", "srcset", "href")]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses if address)
    assert not page.of("script")
    assert "url(" not in text


def test_every_figure_has_words_and_numbers(page: Document) -> None:
    images = page.of("img")
    assert len(images) == len(emissions.FIGURES)
    assert all(len(image["alt"] or "") > 60 for image in images)
    tags = [tag for tag, _ in page.tags]
    for at in (index for index, tag in enumerate(tags) if tag == "figure"):
        following = tags[at : next((n for n in range(at + 1, len(tags)) if tags[n] == "figure"), len(tags))]
        assert "figcaption" in following
        assert "table" in following[following.index("details") :]


def test_every_figure_is_a_png_too(folder: Path) -> None:
    files = sorted(folder.glob("emissions-*.png"))
    assert len(files) == len(emissions.FIGURES)
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_figures_are_the_same_in_every_build(cube_file: Path) -> None:
    cube = reading.read_cube(cube_file)
    build_peak = report_module("trajectories").year_of_peak
    assert build_peak(cube).image == build_peak(cube).image


def test_text_of_the_run_file_is_escaped(folder: Path, page: Document) -> None:
    assert 'Synthetic <steel> & "scrap"' in page.text
    assert "<steel>" not in (folder / "emissions.html").read_text(encoding="utf-8")


def test_the_footer_says_where_numbers_come_from(page: Document) -> None:
    for words in ("seed 4711", "sobol", "16 scramblings", "128, of which 3 failed", "0123456789abcdef" * 4, "c0ffee",
                  "ferrocast 9.9.9", "3 of 128 draws failed"):  # fmt: skip
        assert words in page.text, words


def number_in(text: str) -> tuple[float, float]:
    """Value and error of `1,834 ± 3`."""
    value, _, error = text.replace("−", "-").replace(",", "").partition(" ± ")
    return float(value), float(error or "nan")


def last_place(value: float, error: float) -> float:
    """What one unit of the last figure is worth: the first figure of the error, or the fourth of the value."""
    first_of_error = 10.0 ** np.floor(np.log10(float(f"{error:.0e}")))
    return max(first_of_error, 10.0 ** (np.floor(np.log10(abs(value))) - 3))


def test_headline_numbers_are_those_of_the_cube(page: Document, cube_file: Path) -> None:
    summary = xr.load_dataset(cube_file)
    found = summary["co2_direct_power"].sel(scenario="autarky")
    errors = summary["co2_direct_power_mcse"].sel(scenario="autarky")
    columns = ["E[f(X)], mean", "f(E[X]), at mean inputs", "5 %", "median", "95 %"]
    table = next(table for table in page.tables if table[0] == ["Year", *columns])
    rows = {row[0]: row[1:] for row in table[2:7]}
    assert list(rows) == ["2020", "2030", "2040", "2050", "2060"]
    for year, texts in rows.items():
        for statistic, text in zip(("mean", "at_mean_inputs", "p05", "p50", "p95"), texts, strict=True):
            truth = float(found.sel(statistic=statistic, year=int(year)))
            error = float(errors.sel(statistic=statistic, year=int(year)))
            value, shown_error = number_in(text)
            assert ("±" in text) == (statistic != "at_mean_inputs")
            if statistic != "at_mean_inputs":
                place = last_place(truth, error)
            assert abs(value - truth) <= 0.501 * place
            assert np.isnan(error) or abs(shown_error - error) <= 0.501 * place


def test_paired_differences_have_errors(page: Document, cube_file: Path) -> None:
    differences = xr.load_dataset(cube_file, group="differences")
    table = next(table for table in page.tables if "mean difference" in table[0])
    row = next(row for row in table if row[0] == "market, 2060")
    truth = float(differences["co2_direct_power"].sel(statistic="mean", scenario="market", year=2060))
    value, error = number_in(row[1])
    assert value < 0
    assert abs(value - truth) <= 0.5 * error


def test_probabilities_that_a_run_asks_for(page: Document, cube_file: Path) -> None:
    summary, differences = xr.load_dataset(cube_file), xr.load_dataset(cube_file, group="differences")
    table = next(table for table in page.tables if table[1:] and table[1][0].endswith("below 300 Mt/year"))
    assert table[0] == ["Year", "autarky", "market", "pro rata"]
    rows = {row[0]: row[1:] for row in table[2:6]}
    assert list(rows) == ["2030", "2040", "2050", "2060"]
    for text, truth in zip(rows["2050"], summary["little_co2"].sel(year=2050).values, strict=True):
        assert number_in(text)[0] == pytest.approx(100 * truth, abs=max(0.5, number_in(text)[1]))
    assert table[6][0].endswith("difference to autarky, above −100 Mt")
    assert table[7][:2] == ["2030", "–"]
    truth = 100 * float(differences["hardly_less_co2"].sel(scenario="market", year=2030))
    assert 5 < truth < 95
    assert number_in(table[7][2])[0] == pytest.approx(truth, abs=number_in(table[7][2])[1])


@pytest.mark.parametrize(("share", "text"), [(0.0, "no draw"), (1.0, "all draws"), (0.999, "99.9")])
def test_what_no_draw_does_is_not_called_impossible(share: float, text: str) -> None:
    cell = report_module("tables").share_cell(share, 0.0005)
    assert (cell if isinstance(cell, str) else cell.text) == text


def test_the_probability_of_a_peak_is_that_of_the_run(cube_file: Path) -> None:
    summary = xr.load_dataset(cube_file)
    found = peak.peak_year(reading.read_cube(cube_file))
    assert found.years == [2020, 2024, 2030]
    for scenario in SCENARIOS:
        values = found.probability.sel(scenario=scenario).values
        expected = [
            float(summary["peak_by_2020"].sel(scenario=scenario)),
            float(summary["peak_by_2024"].sel(scenario=scenario)),
            1 - float(summary["peak_after_2030"].sel(scenario=scenario)),
        ]
        assert values == pytest.approx(expected)
        classes = found.classes(scenario, 2020)
        assert [name for name, _ in classes] == ["2020", "2021–2024", "2025–2030", "after 2030"]
        assert sum(share for _, share in classes) == pytest.approx(1.0)


def test_kept_draws_give_the_same_peak_year_by_year(tmp_path: Path, cube_file: Path) -> None:
    thresholds = peak.peak_year(reading.read_cube(cube_file))
    kept = peak.peak_year(reading.read_cube(synthetic_cube(tmp_path / "kept.nc", keep_draws=True)))
    assert kept.years == list(COORDS["year"])
    common = kept.probability.sel(year=slice(0, None))[:, [0, 4, 10]]
    assert common.values == pytest.approx(thresholds.probability.values)
    # 16 groups of 8 draws: their spread estimates that of a mean of 128 independent draws.
    assert kept.error[:, 0].values == pytest.approx(thresholds.error[:, 0].values, rel=0.6)


def test_errors_of_kept_draws_come_from_scramblings() -> None:
    index = np.arange(128)
    late = (index % 16 >= 12).astype(float)
    draws = xr.Dataset(
        {"co2_peak_year": (("draw", "scenario"), 2020.0 + late[:, None]), "valid": ("draw", np.ones(128, np.int8))},
        {"draw": index, "scenario": ["autarky"]},
    )
    summary = xr.Dataset(coords={"year": [2020, 2021], "scenario": ["autarky"]}, attrs={"scramblings": 16})
    found = peak.peak_year(reading.Cube(Path("cube.nc"), summary, xr.Dataset(), draws))
    assert found.probability.values == pytest.approx(np.array([[0.75, 1.0]]))
    # Four of sixteen scramblings hold all late draws: sd of twelve ones and four zeros, over the root of sixteen.
    assert found.error.values == pytest.approx(np.array([[np.std([1.0] * 12 + [0.0] * 4, ddof=1) / 4, 0.0]]))


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    ("without", "said"),
    [
        (("exceedance",), "No distribution of the year of the peak"),
        (("energy_by_carrier", "hydrogen"), "the cube holds no energy_by_carrier"),
        (("co2_direct_power_by_province",), "the cube holds no co2_direct_power_by_province"),
    ],
)
def test_what_a_cube_lacks_is_said(tmp_path: Path, without: tuple[str, ...], said: str) -> None:
    cube = synthetic_cube(tmp_path / "cube.nc", without=without)
    assert build.main([str(cube), "--out", str(tmp_path)]) == 0
    page = Document((tmp_path / "emissions.html").read_text(encoding="utf-8"))
    assert said in page.text
    assert len(page.of("figure")) == len(emissions.FIGURES) - 1


def test_a_run_of_one_scenario_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_bytes", lambda *_: b"")
    cube = synthetic_cube(tmp_path / "cube.nc", ("autarky",))
    assert build.main([str(cube), "--out", str(tmp_path)]) == 0
    page = Document((tmp_path / "emissions.html").read_text(encoding="utf-8"))
    assert "No paired differences" in page.text
    assert "other scenarios" not in page.text


def test_provinces_without_plants_are_grey(cube_file: Path) -> None:
    found = report_module("province_maps")._maps(reading.read_cube(cube_file))
    assert [item.colors for item in found] == ["cividis", "cividis", "cividis", "cividis"]
    for item in found:
        assert set(item.provinces) - set(item.values) == set(NO_PLANTS)
        assert set(item.texts) == set(item.values)


def test_changes_of_both_signs_diverge_about_zero(cube_file: Path) -> None:
    make = report_module("province_maps")._tile_map
    found = make(reading.read_cube(cube_file), ["CN-HE", "CN-TJ"], "", "%", {"CN-HE": -5.0, "CN-TJ": 2.0})
    assert found.colors == "RdBu_r"
    assert found.limits == (-5.0, 5.0)


def test_every_province_has_a_tile_of_its_own() -> None:
    places = tiles.layout(COORDS["province"])
    assert len(places) == 31
    assert len(set(places.values())) == 31
    assert len(tiles.LAYOUT.replace(".", "").split()) == 31


def test_unknown_provinces_get_a_tile_below() -> None:
    places = tiles.layout(["CN-HE", "ironland", "steelland"])
    assert places["ironland"] != places["steelland"]
    assert places["ironland"][1] > max(row for _, row in tiles.layout(COORDS["province"]).values())


def test_chinese_names_only_with_a_font_for_them(cube_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cube, provinces = reading.read_cube(cube_file), report_module("province_maps")
    for fonts, expected in (((), set()), (("Some CJK font",), {"河北"})):
        monkeypatch.setattr(figures, "installed", lambda _, fonts=fonts: fonts)
        assert set(provinces._maps(cube)[0].names.values()) == expected


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_digits_end_where_the_error_begins(value: float, error: float) -> None:
    places = digits.places(value, error)
    text = digits.number(value, places)
    shown = float(text.replace(",", "").replace("−", "-"))
    assert abs(shown - value) <= 0.5000001 * 10.0**-places
    assert len(re.sub(r"[^0-9]", "", text).strip("0")) <= digits.MOST_FIGURES + 1
    # The last place shown is not finer than the first figure of the error.
    assert 10.0**-places >= 0.999 * 10.0 ** np.floor(np.log10(float(f"{error:.0e}")))


@pytest.mark.parametrize(
    ("value", "error", "text", "error_text"),
    [
        (1913.5, 4.6, "1,914", "5"),
        (1310.2, 9.6, "1,310", "10"),
        (256.032, 0.0753, "256.0", "0.1"),
        (256.032, 0.0004, "256.0", "<0.1"),
        (-0.3, 2.0, "0", "2"),
        (1064.77, 0.0, "1,065", "0"),
        (0.0, 0.03, "0.00", "0.03"),
        (0.0, 0.0, "0", "0"),
        (-82.04, 0.8, "−82.0", "0.8"),
        (float("nan"), 1.0, "–", "1"),
        (201.4, float("nan"), "201.4", ""),
    ],
)
def test_numbers_as_people_write_them(value: float, error: float, text: str, error_text: str) -> None:
    places = digits.places(value, error)
    assert digits.number(value, places) == text
    assert digits.error_text(error, places) == error_text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0"), (0.004, "<1"), (0.348, "35"), (0.996, ">99"), (1.0, "100"), (0.01, "1")]
)
def test_shares_are_never_rounded_to_certainty(share: float, text: str) -> None:
    assert digits.percent(share) == text


@given(st.lists(st.floats(0, 200), min_size=1, max_size=12))
def test_labels_never_overlap_and_keep_their_order(wanted: list[float]) -> None:
    wanted = sorted(wanted)
    placed = figures.spread(wanted, 8.0, 3.0, 200.0)
    assert all(after - before >= 8.0 - 1e-6 for before, after in pairwise(placed))
    assert placed[0] >= 3.0 - 1e-9
    if all(after - before >= 8.0 for before, after in pairwise(wanted)) and wanted[0] >= 3.0:
        assert placed == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([10.0, 30.0, 120.0], [10.0, 30.0, 120.0]),
        ([50.0, 50.0, 50.0], [42.0, 50.0, 58.0]),
        ([3.0, 3.0], [3.0, 11.0]),
        ([199.0, 199.0], [192.0, 200.0]),
    ],
)
def test_labels_stay_as_near_as_they_can(wanted: list[float], placed: list[float]) -> None:
    assert figures.spread(wanted, 8.0, 3.0, 200.0) == pytest.approx(placed)


def test_layers_stack_to_their_sum() -> None:
    up, down = np.array([1.0, 2.0]), np.array([-0.5, -0.25])
    layers = [figures.Layer("a", up, "k"), figures.Layer("b", down, "k"), figures.Layer("c", 2 * up, "k")]
    edges = figures._edges(layers)
    assert edges[2][1] == pytest.approx(3 * up)
    assert edges[1][0] == pytest.approx(0.0)
    assert edges[1][1] == pytest.approx(down)


def run_build(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(REPORTS / "build.py"), *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_a_cube_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    words = tmp_path / "words.nc"
    words.write_text("no cube", encoding="utf-8")
    done = run_build(words, "--out", tmp_path)
    assert done.returncode == 2
    assert "not a cube that can be read" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("without", "said"), [(None, "no such cube"), (("co2_direct_power",), "has no output co2_direct_power")]
)
def test_bad_input_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], without: tuple[str, ...] | None, said: str
) -> None:
    cube = tmp_path / "cube.nc"
    if without is not None:
        synthetic_cube(cube, ("autarky",), without)
    assert build.main([str(cube), "--out", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_a_study_without_scenarios_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xr.Dataset({"y": ("statistic", [1.0])}).to_netcdf(tmp_path / "ishigami.nc")
    assert build.main([str(tmp_path / "ishigami.nc")]) == 2
    assert "has no scenario or year" in capsys.readouterr().err


def test_several_pages_get_an_index(
    cube_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page_of = report_module("page").Page
    made: dict[str, Any] = {
        name: lambda _, name=name: page_of(name, f"Title of {name}", "", (), (), (), (), (), (), ())
        for name in ("first", "second")
    }
    monkeypatch.setattr(build, "pages", lambda: made)
    assert build.main([str(cube_file), "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / f"{name}.html") for name in ("first", "second", "index")]
    index = Document((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert [link["href"] for link in index.of("a")] == ["first.html", "second.html"]


def test_scripts_with_a_page_are_found() -> None:
    assert list(build.pages()) == ["drivers", "emissions", "hindcast", "provinces", "scrap_flows"]


def test_reports_read_cubes_only() -> None:
    for path in REPORTS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in ("mc", "jax")], path


def test_the_synthetic_run_names_outputs_of_the_register() -> None:
    from mc.outputs import OUTPUTS

    assert set(re.findall(r'output = "(?:difference/)?(\w+)"', RUN + COORDINATED_RULES)) <= {
        output.name for output in OUTPUTS
    }


@pytest.mark.slow
def test_the_page_of_a_real_run(tmp_path: Path) -> None:
    from mc import load_run, make_cube

    file = REPORTS.parent / "runs" / "smoke.toml"
    cube = make_cube(load_run(file, {"ensemble.draws": 64, "output.cube": str(tmp_path / "smoke.nc")}))
    done = run_build(cube, "--out", tmp_path)
    assert done.returncode == 0
    assert done.stderr.strip().endswith("the run has no scenario with the policy `coordinated`")
    assert "the cube holds no" not in Document((tmp_path / "provinces.html").read_text(encoding="utf-8")).text
    page = Document((tmp_path / "emissions.html").read_text(encoding="utf-8"))
    assert len(page.of("figure")) == len(emissions.FIGURES) - 1
    assert "the cube holds no" not in page.text
