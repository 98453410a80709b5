import contextlib
import math
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from table_world import DEPENDENCE, FILES, NOUNS, TEXTS, WORLD, write

from mc.errors import InputError
from mc.tables import Priors, PriorsError, read_priors
from mc.tables.dependence import paths, read_dependence


@pytest.fixture
def priors(tmp_path: Path) -> Priors:
    return read_priors(write(tmp_path), nouns=NOUNS)


def complaints(folder: Path, **texts: str) -> list[str]:
    with pytest.raises(PriorsError) as caught:
        read_priors(write(folder, **texts), nouns=NOUNS)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_rows_come_in_the_declared_unit(priors: Priors) -> None:
    rate = priors.find("world.rate")
    assert (rate.low, rate.mid, rate.high) == pytest.approx((0.01, 0.02, 0.04), rel=1e-12)
    assert rate.unit == "%/year"
    assert priors.find("world.income[CN-HE]").mid == pytest.approx(4.0)


def test_a_row_knows_its_place_and_origin(priors: Priors) -> None:
    row = priors.find("world.price[coal,2030]")
    assert (row.table, row.line, row.index) == ("steel/world.csv", 12, (("carrier", "coal"), ("year", "2030")))
    assert (row.family, row.kind, row.source, row.dimension) == ("triangular", "expert", "book", None)
    assert priors.find("world.storage[high]").option == "high"
    assert "nested" in priors.sources["book"]


def test_a_star_speaks_for_every_label_without_its_own_row(priors: Priors) -> None:
    rows = priors.select("world.noise")
    assert len(rows) == 6
    assert [row.label for row in rows if row.family == "truncnormal"] == ["world.noise[CN-HE,furnace]"]


def test_the_common_axes_and_those_of_the_metal_add_up(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "steel" / "axes.csv").write_text("axis,label\nroute,plasma\n", encoding="utf-8")
    axes = read_priors(folder, nouns=NOUNS).axes
    assert axes["route"].labels == ("furnace", "best", "electric", "plasma")
    assert axes["province"].groups == ("north", "east")


def test_the_digest_follows_the_beliefs_not_their_place(tmp_path: Path) -> None:
    def digest(name: str, **texts: str) -> str:
        return read_priors(write(tmp_path / name, **texts), nouns=NOUNS).digest

    header, *rest = WORLD.splitlines()
    moved = "\n".join([header, "", *rest[5:7], *rest[:5], *rest[7:]]) + "\n"
    assert digest("a") == digest("b", world=moved)
    assert digest("a") != digest("c", world=WORLD.replace("pert,1,2,4", "pert,1,2,4.0001"))
    assert digest("a") != digest("d", dependence=DEPENDENCE.replace("0.3,paper", "0.31,paper"))


# What is changed in a good folder -> the one complaint that must come, wholly.
MISTAKES: list[tuple[str, str, str, str]] = [
    ("world", "%/year", "%/yeer", ":2: unknown unit '%/yeer' of rate; expected 1/year; write units like"),
    ("world", "%/year", "GJ", ":2: unit 'GJ' has the wrong dimension of rate; expected 1/year"),
    ("world", "%/year", "", ":2: no unit of rate; expected 1/year"),
    ("world", "%/year", "9**9**9", ":2: unit '9**9**9' cannot be read of rate; expected"),
    ("world", "option,,,,,b", "opton,,,,,b", ":16: unknown quantity 'opton' of world; did you mean 'option'?"),
    ("world", "pert,1,2,4", "perd,1,2,4", ":2: unknown family 'perd' of rate; did you mean 'pert'?"),
    ("world", "pert,1,2,4", "pert,2.5,2,4", ":2: world.rate: low 0.025 is above mid 0.02; order them"),
    ("world", "pert,1,2,4", "pert,1,5,4", ":2: world.rate: mid 0.05 is above high 0.04; order them"),
    ("world", "uniform,10,,12", "uniform,12,,10", ":10: world.output[2020]: low 12 is above high 10"),
    ("world", "pert,1,2,4", 'pert,1,"2,0",4', ":2: mid '2,0' is not a number; write it like"),
    ("world", "pert,1,2,4", "pert,1,nan,4", ":2: mid 'nan' is not a number"),
    ("world", "pert,1,2,4", "pert,1,2,1e400", ":2: high '1e400' is not a number"),
    ("world", "pert,1,2,4", "pert,1,,4", ":2: world.rate: family pert without mid; it needs low, mid, high"),
    ("world", "fixed,,40,", "fixed,30,40,", ":3: world.income[CN-HE]: family fixed with low; leave them"),
    ("world", "pert,1,2,4", "pert,1,2,400", ":2: world.rate: high 4 1/year (written in %/year) is outside the "
     "valid range 0 to 1 1/year; check"),
    ("world", "pert,1,2,4", "pert,-1,2,4", ":2: world.rate: low -0.01 1/year (written in"),
    ("world", "pert,1,2,4", "lognormal,10,30,90", ":2: world.rate: the highest draw in 1000 of this lognormal"),
    ("world", "pert,1,2,4,,", "pert,1,2,4,0,", ":2: world.rate: minimum or maximum with family pert"),
    ("world", "beta,0.5,0.7,0.8", "beta,0,0.7,0.8", ":6: world.mix[furnace,coal]: beta: "),
    ("world", "expert,book,,0", "expert,,,0", ":2: missing source; name a key of sources.bib"),
    ("world", "expert,book,,0", "expert,boook,,0", ":2: source 'boook' is not in sources.bib; did you mean"),
    ("world", "expert,book,,0", "export,book,,0", ":2: kind 'export' of evidence; did you mean 'expert'?"),
    ("world", "book,,0\n", "book,,256\n", ":2: dimension '256' is out of range; give a whole number from 0"),
    ("world", "book,,0\n", "book,,-1\n", ":2: dimension '-1' is out of range"),
    ("world", "book,,0\n", "book,,1\n", ":4: world.share[CN-HE]: dimension 1 is taken by world.rate; take one "
     "that is free, such as 0"),
    ("world", "measured,book,,\nshare", "measured,book,,30\nshare", ":3: dimension 30 of a fixed value"),
    ("world", "USD/t,expert,book,,\nprice", "USD/t,expert,book,,30\nprice", ":12: dimension 30 of an anchor"),
    ("world", "expert,book,,\nstorage,,,,,low", "expert,book,,31\nstorage,,,,,low", ":16: dimension 31 of a "
     "further option"),
    ("world", "derived,book,,\nnoise,CN-HE", "derived,book,,31\nnoise,CN-HE", ":19: dimension 31 of every"),
    ("world", "0.3,0.4,0.5", "0.3,0.41,0.5", ":5: world.share[*]: shares add to 1.01; make mid"),
    ("world", ",0.75,", ",0.7,", ":16: world.option: weights of the options add to 0.95; make mid"),
    ("world", "storage,,,,,high", "storage,,,,,huge", ":17: options low, huge are not the axis storage; write"),
    ("world", ",,,,b,choice", ",,,,,choice", ":16: choice without an option; name an option"),
    ("world", "income,CN-HE", "income,CN-HB", ":3: unknown province 'CN-HB'; did you mean 'CN-HE'?"),
    ("world", "income,CN-HE", "income,Jiangsu", ":3: unknown province 'Jiangsu'; did you mean 'CN-JS'?"),
    ("world", "income,CN-HE", "income,河北", ":3: unknown province '河北'; did you mean 'CN-HE'?"),
    ("world", "income,CN-HE", "income,", ":3: income needs a province; write a label of province"),
    ("world", "rate,,", "rate,CN-HE,", ":2: province 'CN-HE': rate has no such axis; leave the cell empty"),
    ("world", "coal,2030", "coal,203O", ":12: year '203O' of price is not a year; write it like 2020"),
    ("world", "coal,2030", "coal,2020", ":12: duplicate row of world.price[coal,2020], first in"),
    ("world", ",2019,", ",2021,", ":8: world.output: no row for 2019; give one row a year from 2018 on"),
    ("world", "persistence,,,,,,uniform,0.8,,0.95,,,1,expert,book,,5\n", "", "dependence.csv:2: correlation names "
     "'world.persistence', which is no uncertain element"),
    ("world", "rate,,,,,,pert,1,2,4,,,%/year,expert,book,,0", "rate,,,,,,pert,1", ":2: 8 cells under 17"),
    ("world", "quantity,province", "quantity,provinze", ":1: unknown column 'provinze'; did you mean 'prov"),
    ("world", "quantity,province", "quantity,quantity", ":1: column 'quantity' stands twice"),
    ("world", ",note,dimension", ",dimension", ":1: header lacks note; add the columns"),
    ("world", "expert,book,,0", 'expert,book,"x"y,0', ":2: not readable as CSV"),
    ("world", "fixed,,100,", "uniform,90,100,110", ":11: world.price[coal]: families triangular, uniform in"),
    ("world", "triangular,100,120,180", "lognormal,8,40,200", ":12: midway between 2020 and 2030: "
     "world.price[coal,2030]: lognormal: cannot meet"),
    ("axes", "carrier,coal", "carier,coal", ":7: unknown axis 'carier'; did you mean 'carrier'?"),
    ("axes", "route,best,,,best,furnace", "route,best,,,best,furnance", ":5: like 'furnance' of route 'best'; did"),
    ("axes", "best,,,best,furnace", "best,,,best,best", ":5: like 'best' of route 'best'; let no chain"),
    ("axes", "storage,low", "carrier,gas,,,,,\nstorage,low", ":9: label 'gas' of carrier stands twice"),
    ("axes", "storage,low", 'carrier,"g,s",,,,,\nstorage,low', ":9: label 'g,s' of carrier; use letters"),
    ("sources", "@article{paper", "@misc{book, a = {b}}\n@article{paper", ":2: key 'book' stands twice, first in"),
    ("sources", "year = {2020}}", "year = {2020}", ":1: entry 'book' is never closed"),
    ("dependence", "correlation,", "corelation,", ":2: unknown kind 'corelation' of dependence; did you mean"),
    ("dependence", "world.rate,", "world.rat,", ":2: correlation names 'world.rat', which is no uncertain"),
    ("dependence", "0.5,book", "1.5,book", ":2: correlation 1.5; give a value between -1 and 1"),
    ("dependence", "0.5,book", ",book", ":2: correlation without a value; give"),
    ("dependence", "0.5,book", "0.5,boook", ":2: source 'boook' is not in sources.bib; did you mean 'book'?"),
    ("dependence", "shared,world.noise", "shared,world.rate", ":3: shared names 'world.rate', which has one"),
    ("dependence", "shared,world.noise", "shared,world.nois", ":3: shared names 'world.nois', which has no"),
    ("dependence", "0.3,paper", "1,paper", ":3: shared correlation 1; give a value from 0 to below 1"),
    ("dependence", "paper,,9", "paper,,8", "steel/world.csv:20: world.noise[CN-HE,furnace]: dimension 8 is taken by"),
    ("dependence", "path,world.price[gas],,1", "path,world.price[gaz],,1", ":5: path names 'world.price[gaz]', "
     "which is no uncertain quantity of years; did you mean 'world.price[gas]'?"),
    ("dependence", "[gas],,1,", "[gas],,1.5,", ":5: yearly persistence 1.5; give a value from 0 to 1"),
    ("dependence", "[gas],,1,", "[gas],world.rate,1,", ":5: path with both or neither of second and value"),
    ("dependence", "price,world.persistence", "price,world.persist", ":4: path takes its persistence from"),
    ("dependence", "path,world.price,world.persistence,,book,,10\n", "", "steel/world.csv:12: "
     "world.price[coal]: uncertain years without a path row; add path,world.price,..."),
]  # fmt: skip


@pytest.mark.parametrize(("table", "old", "new", "complaint"), MISTAKES, ids=[case[3][:60] for case in MISTAKES])
def test_a_mistake_is_named_with_its_line_and_remedy_and_nothing_else(
    tmp_path: Path, table: str, old: str, new: str, complaint: str
) -> None:
    good = TEXTS[table]
    assert old in good
    complaint = f"{FILES[table]}{complaint}" if complaint.startswith(":") else complaint
    said = complaints(tmp_path, **{table: good.replace(old, new, 1)})
    assert any(line.startswith(complaint) for line in said), said
    assert len(said) == 1 or "persistence" in old, said


def test_all_mistakes_come_at_once_by_file_and_line(tmp_path: Path) -> None:
    world = (
        WORLD.replace("pert,1,2,4", "pert,9,2,4").replace("0.3,0.4,0.5", "0.3,0.3,0.5").replace("coal,2030", "coal,x")
    )
    said = complaints(tmp_path, world=world, dependence=DEPENDENCE.replace("[gas],,1", "[gas],,2"))
    places = [line.split(": ")[0] for line in said]
    assert places == ["dependence.csv:5", "steel/world.csv:2", "steel/world.csv:5", "steel/world.csv:12"]


def test_a_missing_row_is_named_once_with_what_it_is(tmp_path: Path) -> None:
    lines = [line for line in WORLD.splitlines() if not line.startswith(("noise", "persistence"))]
    dependence = DEPENDENCE.splitlines()
    said = complaints(tmp_path, world="\n".join(lines), dependence="\n".join([dependence[0], *dependence[3:]]))
    assert said == [
        "steel/world.csv:1: no row for world.noise[CN-HE,furnace], world.noise[CN-HE,best], "
        "world.noise[CN-HE,electric], world.noise[CN-JS,furnace] and 2 more; add the rows (score of the bias; 1)",
        "steel/world.csv:1: no row for world.persistence; add the rows (yearly persistence; 1)",
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xef\xbb\xbf" + WORLD.encode(), ":1: byte order mark before the header; save as UTF-8 without a BOM"),
        (WORLD.replace("pert", "p\xe9rt").encode("latin-1"), ":2: byte 0xe9 is not UTF-8; save the file as UTF-8 text"),
        (WORLD.replace("pert", "p\x00rt").encode(), ":2: control character '\\x00'; a table is plain text"),
        (b"\x7fELF\x02\x01\x01\x00", ":1: control character '\\x7f'"),
        (b"", ":1: empty file; begin with the header"),
        (b"x" * 8_000_001, ":1: file of 8000001 bytes; a table has at most 8000000"),
        (WORLD.replace(",", ";").encode(), ":1: columns separated by ';'; separate them by commas"),
    ],
    ids=["bom", "latin", "nul", "binary", "empty", "large", "semicolons"],
)  # fmt: skip
def test_a_file_that_is_no_table_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    folder = write(tmp_path)
    (folder / FILES["world"]).write_bytes(content)
    with pytest.raises(PriorsError) as caught:
        read_priors(folder, nouns=NOUNS)
    said = [str(problem) for problem in caught.value.problems]
    assert said[0].startswith(f"{folder / FILES['world']}{complaint}")
    assert len(said) == 1, said


def test_missing_files_folders_and_tables_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / FILES["world"]).rename(folder / "steel" / "worlds.csv")
    (folder / FILES["sources"]).unlink()
    (folder / FILES["dependence"]).unlink()
    with pytest.raises(PriorsError) as caught:
        read_priors(folder, nouns=NOUNS)
    assert [str(problem).removeprefix(str(folder)).split(";")[0] for problem in caught.value.problems] == [
        ": missing table world.csv",
        "/sources.bib:1: no such file",
        "/steel/worlds.csv:1: table 'worlds' belongs to no noun",
    ]
    with pytest.raises(PriorsError, match=r"no folder for metal 'steal'; did you mean 'steel'"):
        read_priors(folder, "steal", NOUNS)
    with pytest.raises(PriorsError, match=r"no folder for metal '\.\./steel'"):
        read_priors(folder / "steel", "../steel", NOUNS)
    with pytest.raises(PriorsError, match="no such folder"):
        read_priors(folder / "nowhere", nouns=NOUNS)


def test_a_matrix_that_is_no_correlation_names_the_pair_and_what_it_may_be(tmp_path: Path) -> None:
    trio = ["world.rate", "world.persistence", "world.mix[furnace,coal]"]
    pairs = [(trio[0], trio[1], 0.9), (trio[1], trio[2], 0.9), (trio[0], trio[2], -0.5)]
    rows = "".join(f'correlation,"{a}","{b}",{value},book,,\n' for a, b, value in pairs)
    (said,) = complaints(tmp_path, dependence=DEPENDENCE + rows.split("\n", 1)[1])
    assert said.startswith("dependence.csv:6: correlation 0.9 of world.persistence with world.mix[furnace,coal]: the")
    # The third correlation of a trio with 0.5 and -0.5 lies between -1 and -0.25 + 0.75.
    assert said.endswith("with the others as they stand it may be 0.49")
    met = DEPENDENCE + rows.split("\n", 1)[1].replace("0.9", "0.49")
    assert read_priors(write(tmp_path, dependence=met), nouns=NOUNS)


def test_a_matrix_is_checked_with_the_factor_that_elements_share(tmp_path: Path) -> None:
    pair = 'correlation,"world.noise[CN-HE,best]","world.noise[CN-JS,best]",-0.9,book,,\n'
    (said,) = complaints(tmp_path, dependence=DEPENDENCE + pair)
    assert said.startswith(
        "dependence.csv:6: correlation -0.9 of world.noise[CN-HE,best] with world.noise[CN-JS,best]: the"
    )


def test_two_statements_of_one_dependence_are_refused(tmp_path: Path) -> None:
    again = "correlation,world.persistence,world.rate,0.4,book,,\nshared,world.noise,,0.2,book,,\n"
    said = complaints(tmp_path, dependence=DEPENDENCE + again)
    assert [line.split(",")[0] for line in said] == [
        "dependence.csv:6: duplicate correlation of world.persistence",
        "dependence.csv:7: duplicate shared of world.noise",
    ]


def test_a_path_row_gives_its_quantities_consecutive_dimensions(tmp_path: Path) -> None:
    common = "\n".join(line for line in DEPENDENCE.splitlines() if "[gas]" not in line)
    elements = read_priors(write(tmp_path, dependence=common), nouns=NOUNS).resolved["world.price"]
    row = read_dependence([("dependence.csv", tmp_path / "dependence.csv")], [])[-1]
    taken = {key: dimensions for key, (_, dimensions) in paths(elements, [row]).items()}
    assert taken == {("coal",): (10, 11, 12, 13), ("gas",): (14, 15, 16, 17)}
    (said,) = complaints(tmp_path, dependence=common, world=WORLD.replace("book,,0\n", "book,,17\n"))
    assert said.startswith(
        "steel/world.csv:2: world.rate: dimension 17 is taken by path world.price[gas]; take one that is"
    )


def test_find_suggests(priors: Priors) -> None:
    with pytest.raises(InputError, match=r"no row for 'world.rat'; did you mean 'world.rate'\?"):
        priors.find("world.rat")
    with pytest.raises(InputError, match=r"it takes the value of world.mix\[furnace,coal\]"):
        priors.find("world.mix[best,coal]")
    with pytest.raises(InputError, match=r"it has the default 0.0"):
        priors.find("world.mix[electric,coal]")
    with pytest.raises(InputError, match=r"world.noise has 6 rows; name one of them"):
        priors.find("world.noise")


def test_replace_keeps_family_and_source_and_marks_the_row(priors: Priors) -> None:
    changed = priors.replace("world.rate", 0.02, 0.03, 0.05)
    row, old = changed.find("world.rate"), priors.find("world.rate")
    assert (row.family, row.low, row.mid, row.high) == ("pert", 0.02, 0.03, 0.05)
    assert (row.source, row.kind, row.note, row.unit, row.dimension) == ("book", "expert", "replaced", "1/year", 0)
    assert old.mid == pytest.approx(0.02)
    assert changed.digest != priors.digest


def test_replace_makes_a_known_value_uncertain_and_an_uncertain_one_known(priors: Priors) -> None:
    assert priors.replace("world.income[CN-HE]", 3, 4, 6).find("world.income[CN-HE]").family == "pert"
    known = priors.replace("world.rate", 0.02, 0.02, 0.02).find("world.rate")
    assert (known.family, known.dimension) == ("fixed", None)


def test_replace_scales_the_other_shares_and_weights(priors: Priors) -> None:
    shares = priors.replace("world.share[CN-HE]", 0.7, 0.8, 0.9)
    other = shares.find("world.share[CN-JS]")
    assert (other.low, other.mid, other.high) == pytest.approx((0.15, 0.2, 0.25))
    only = priors.replace("world.storage[high]", 1, 1, 1)
    assert [row.mid for row in only.select("world.storage")] == [0.0, 1.0]
    assert only.find("world.storage[high]").family == "choice"


def test_replace_of_a_quantity_changes_every_row(priors: Priors) -> None:
    assert {row.mid for row in priors.replace("world.noise", -2, 0.5, 2).select("world.noise")} == {0.5}


@pytest.mark.parametrize(
    ("name", "points", "complaint"),
    [
        ("world.rat", (0, 0, 0), "did you mean 'world.rate'"),
        ("world.rate", (0.03, 0.02, 0.05), "replace world.rate: world.rate: low 0.03 is above mid 0.02"),
        ("world.rate", (0.03, 2, 5), "mid 2 is outside the valid range"),
        ("world.rate", (math.nan, 0.02, 0.05), "family pert without low"),
        ("world.storage[high]", (0.2, 1.5, 2), "outside the valid range 0 to 1"),
    ],
)
def test_replace_is_checked(priors: Priors, name: str, points: tuple[float, float, float], complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        priors.replace(name, *points)
    assert complaint in str(caught.value)


@hypothesis.settings(max_examples=80, deadline=None)
@hypothesis.given(data=st.data())
def test_whatever_stands_in_a_table_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(TEXTS)))
    text = TEXTS[name].encode()
    start = data.draw(st.integers(0, len(text)))
    junk = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b",", b"\n", b'"', b"{", b"1e999", b"-", b"^9", b"*"]))
    )
    folder = write(tmp_path_factory.mktemp("fuzz"))
    (folder / FILES[name]).write_bytes(text[:start] + junk + text[start + data.draw(st.integers(0, 6)) :])
    with contextlib.suppress(PriorsError):
        assert read_priors(folder, nouns=NOUNS).rows
