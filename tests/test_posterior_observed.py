"""Tables of observations and of errors: every mistake with its line; what a run switches off or holds out."""

import pytest
from posterior_study import linear_study

from mc.errors import InputError
from mc.past import read_tables
from mc.posterior.errors import family_weights
from mc.study import Output
from mc.tables.errors import PriorsError
from mc.tables.observed import Choice, chosen, plain_unit, read_observed
from mc.tables.straying import read_errors, replaced

HEADER = "series,year,value,unit,error,sd,group,role,weight,source\n"
GOOD = "line,2001,1200,kt/year,normal,300,survey,fit,1,nbs\nline,2003,1.4,Mt/year,lognormal,0.1,count,fit,,camu\n"
SOURCES = ("nbs", "camu")


def written(tmp_path, text, name="observed.csv"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_rows_come_in_the_unit_of_their_output(tmp_path):
    first, second = read_observed(written(tmp_path, HEADER + GOOD), linear_study(), SOURCES)
    assert (first.value, first.sd, first.relative, first.weight) == (pytest.approx(1.2), pytest.approx(0.3), False, 1.0)
    assert (second.value, second.sd, second.relative, second.role) == (1.4, 0.1, True, "fit")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("lines,2001,1,Mt/year,normal,1,s,fit,1,nbs", r":2: unknown series 'lines'; did you mean 'line'"),
        ("line,1999,1,Mt/year,normal,1,s,fit,1,nbs", r":2: year '1999' of line; known years are 2000 to 2009"),
        ("line,2001,1,Mt/year,normal,-1,s,fit,1,nbs", r":2: sd '-1'; give a standard deviation above 0"),
        ("line,2001,1,GJ/t,normal,1,s,fit,1,nbs", r":2: .*GJ/t.* of line"),
        ("line,2001,-1,Mt/year,lognormal,0.1,s,fit,1,nbs", r":2: value -1 under a lognormal error"),
        ("line,2001,1,Mt/year,lognormal,5,s,fit,1,nbs", r":2: sd 5 of a logarithm; .*0.05 is 5 %"),
        ("line,2001,1,Mt/year,norml,1,s,fit,1,nbs", r":2: error 'norml'; did you mean 'normal'"),
        ("line,2001,1,Mt/year,normal,1,s,fits,1,nbs", r":2: role 'fits'; did you mean 'fit'"),
        ("line,2001,1,Mt/year,normal,1,s,fit,0,nbs", r":2: weight '0'"),
        ("line,2001,1,Mt/year,normal,1,,fit,1,nbs", r":2: group ''"),
        ("line,2001,1,Mt/year,normal,1,s,fit,1,nobody", r":2: source 'nobody' is not in sources.bib"),
        ("line,2001,,Mt/year,normal,1,s,fit,1,nbs", r":2: no value"),
        ("line,2001,1,Mt/year,normal,1,s,fit,1", r":2: 9 cells under 10 columns"),
        ("", r":1: no observation"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, row, said):
    with pytest.raises(PriorsError, match=said):
        read_observed(written(tmp_path, f"{HEADER}{row}\n"), linear_study(), SOURCES)


def test_all_mistakes_come_at_once_and_an_empty_file_is_said(tmp_path):
    text = HEADER + "lines,2001,1,Mt/year,normal,1,s,fit,1,nbs\nline,1999,1,Mt/year,normal,-1,s,fit,1,nbs\n" + GOOD * 2
    with pytest.raises(PriorsError) as caught:
        read_observed(written(tmp_path, text), linear_study(), SOURCES)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 3, 6, 7]
    with pytest.raises(PriorsError, match="empty file"):
        read_observed(written(tmp_path, ""), linear_study(), SOURCES)


def test_a_run_switches_off_weighs_and_holds_out(tmp_path):
    rows = read_observed(written(tmp_path, HEADER + GOOD), linear_study(), SOURCES)
    assert [row.group for row in chosen(rows, Choice(off=("nbs",)))] == ["count"]
    assert [row.role for row in chosen(rows, Choice(hold_out_after=2002))] == ["fit", "hold_out"]
    assert [row.role for row in chosen(rows, Choice(hold_out=("survey",)))] == ["hold_out", "fit"]
    assert [row.weight for row in chosen(rows, Choice(weights={"count": 0.5}))] == [1.0, 0.5]
    assert [row.group for row in chosen(rows, Choice(regroup={"count": "survey"}))] == ["survey", "survey"]
    with pytest.raises(InputError, match=r"posterior.off: .*'survy'; did you mean 'survey'"):
        chosen(rows, Choice(off=("survy",)))
    with pytest.raises(InputError, match="no observation is left to fit"):
        chosen(rows, Choice(off=("line",)))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("s,bias,lognormal,0.5,1,2,expert,nbs\ns,bias,fixed,,1,,expert,nbs", ":3: bias of s stands twice"),
        ("s,drfit,lognormal,0.5,1,2,expert,nbs", "unknown parameter 'drfit'; did you mean 'drift'"),
        ("s,degrees,lognormal,4,5,6,expert,nbs", "degrees of freedom must be fixed"),
        ("s,drift,normal,-1,0,1,expert,nbs", "a drift is never negative"),
        ("s,persistence,uniform,0,,1,expert,nbs", "2: "),
        ("s,bias,lognormal,2,1,0.5,expert,nbs", "points must satisfy low <= mid <= high"),
        ("s,walks,uniform,0,0.5,1,expert,nbs", "the weight of a family must be fixed"),
        ("s,drift,fixed,,1,,expert,nbs\n*,returns,fixed,,1,,expert,nbs", ":2: s: no family of its error has both"),
        ("s,persistence,fixed,,0.7,,expert,nbs\ns,slope,fixed,,0.1,,expert,nbs", ":3: s: a persistence beside a slope"),
    ],
)
def test_mistakes_of_errors(tmp_path, row, said):
    text = f"group,parameter,family,low,mid,high,kind,source\n{row}\n"
    with pytest.raises(PriorsError, match=said):
        read_errors(written(tmp_path, text, "errors.csv"), SOURCES)


def test_weights_of_families_for_every_group_that_moves(tmp_path):
    text = ("group,parameter,family,low,mid,high,kind,source\n*,walks,fixed,,0.5,,expert,nbs\n"
            "*,returns,fixed,,0.5,,expert,nbs\nstill,bias,fixed,,1,,expert,nbs\nplain,drift,fixed,,1,,expert,nbs\n"
            "own,drift,fixed,,1,,expert,nbs\nown,persistence,fixed,,0.7,,expert,nbs\n"
            "own,walks,fixed,,1.5,,expert,nbs\n")  # fmt: skip
    found = read_errors(written(tmp_path, text, "errors.csv"), SOURCES)
    assert {group: family_weights(parameters) for group, parameters in found.items()} == {
        "still": (), "plain": (0, 1, 0, 0), "own": (0.25, 0.75, 0, 0)}  # fmt: skip


def test_points_of_a_run_stand_in_for_those_of_the_table(tmp_path):
    text = "group,parameter,family,low,mid,high,kind,source\ns,drift,lognormal,0.1,0.2,0.4,expert,nbs\n"
    before = read_errors(written(tmp_path, text, "errors.csv"), SOURCES)
    after = replaced(before, "error.s.drift", 0.2, 0.3, 0.6)
    assert (after["s"]["drift"].family, after["s"]["drift"].mid) == ("lognormal", 0.3)
    assert replaced(before, "error.s.slope", 0.1, 0.1, 0.1)["s"]["slope"].family == "fixed"
    assert before["s"].keys() == {"drift"}
    for name, said in (
        ("error.t.drift", "no group 't' of errors; known are: s"),
        ("error.s.drfit", "unknown parameter 'drfit' of errors; did you mean 'drift'"),
        ("error.s.degrees", "degrees of s: degrees of freedom must be fixed"),
    ):
        with pytest.raises(InputError, match=said):
            replaced(before, name, 3.0, 4.0, 5.0)


def test_both_tables_are_read_and_all_is_said_at_once(tmp_path):
    written(tmp_path, HEADER + "lines,2001,1,Mt/year,normal,1,s,fit,1,nbs\n")
    written(tmp_path, "group,parameter,family,low,mid,high,kind,source\ns,drfit,fixed,,1,,expert,nbs\n", "errors.csv")
    with pytest.raises(PriorsError) as caught:
        read_tables(tmp_path, ("observed.csv",), linear_study(), SOURCES)
    assert [(problem.path.rpartition("/")[2], problem.line) for problem in caught.value.problems] == [
        ("errors.csv", 2), ("observed.csv", 2)]  # fmt: skip


def test_a_name_that_would_change_nothing_is_refused(tmp_path):
    text = HEADER + GOOD + "line,2005,1,Mt/year,normal,1,old,off,1,past\n"
    rows = read_observed(written(tmp_path, text), linear_study())
    wrong = Choice(
        hold_out=("old",), weights={"past": 0.5}, regroup={"line": "survey", "camu": "survey", "old": "cuont"}
    )
    with pytest.raises(InputError) as caught:
        chosen(rows, wrong, ("errors_only",))
    assert str(caught.value).splitlines() == [
        "posterior.hold_out: all observations of 'old' are off in their table; give them role fit",
        "posterior.weights: all observations of 'past' are off in their table; give them role fit",
        "posterior.regroup: 'line' is no group of observations; its groups are: count, old, survey",
        "posterior.regroup: 'camu' is no group of observations; its groups are: count",
        "posterior.regroup.old: 'cuont' is no group of observations or errors; did you mean 'count'?",
    ]
    moved = chosen(rows, Choice(regroup={"count": "errors_only"}), ("errors_only",))
    assert [row.group for row in moved] == ["survey", "errors_only"]


def test_a_number_of_two_tables_counts_once(tmp_path):
    written(tmp_path, "group,parameter,family,low,mid,high,kind,source\n", "errors.csv")
    written(tmp_path, HEADER + GOOD)
    written(tmp_path, HEADER + GOOD.replace(",1200,", ",1250,").replace("count", "other"), "more.csv")
    with pytest.raises(PriorsError) as caught:
        read_tables(tmp_path, ("observed.csv", "more.csv"), linear_study(), SOURCES)
    assert str(caught.value) == (
        f"{tmp_path}/more.csv:2: line 2001 survey of nbs stands in {tmp_path}/observed.csv:2 too, "
        "and would count twice; keep one"
    )
    with pytest.raises(
        PriorsError, match=r"observed.csv: is named twice in posterior.observed; name it once"
    ) as caught:
        read_tables(tmp_path, ("observed.csv", "./observed.csv"), linear_study(), SOURCES)
    assert len(caught.value.problems) == 1


def test_units_of_the_register_in_the_words_of_tables():
    units = {"Mt year-1": "Mt/year", "tce t-1": "tce/t", "1": "1", "t": "t", "Gt km year-1": "Gt*km/year"}
    assert {unit: plain_unit(Output("x", unit, (), "").unit) for unit in units} == units
