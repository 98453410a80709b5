"""A study refuses, in words, what cannot be run."""

import math
from dataclasses import replace

import pytest

from mc.study import Correlation, Input, Output, Prior, Study

ONE = Prior("uniform", 0.0, 0.5, 1.0)
SHARE = Prior("dirichlet", 0.1, 0.3, 0.5)


def test_labels_and_dimensions_have_defaults():
    assert Input("a", (ONE,)).labels == ("a",)
    assert Input("a", (ONE,) * 2, (2,)).labels == ("a[0]", "a[1]")
    assert Input("a", (ONE,) * 4, (2, 2)).labels == ("a[0,0]", "a[0,1]", "a[1,0]", "a[1,1]")
    assert Input("a", (ONE,) * 2, (2,)).dimensions == (None, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("normal", 2.0, 1.0, 3.0), "low <= mid <= high"),
        (("normal", math.nan, 1.0, 3.0), "finite"),
        (("normal", 0.0, 1.0, math.inf), "finite"),
        (("normal", 0.0, 1.0, 2.0, 0.0), "truncnormal only"),
        (("truncnormal", 0.0, 1.0, 2.0, 3.0, 1.0), "not below"),
        (("choice", 0.0, 0.0, 1.0), "needs them"),
        (("normal", 0.0, 1.0, 2.0, -math.inf, math.inf, (1.0,)), "weights belong to choice"),
        (("choice", 0.0, 0.0, 1.0, -math.inf, math.inf, (0.5, 0.6)), "sum to 1"),
        (("choice", 0.0, 0.0, 1.0, -math.inf, math.inf, (1.5, -0.5)), "sum to 1"),
    ],
)
def test_prior_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Prior(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "name"),
        ({"shape": (3,)}, "2 priors for 3"),
        ({"labels": ("x",)}, "1 labels"),
        ({"labels": ("x", "x")}, "more than once"),
        ({"dimensions": (1,)}, "1 dimensions"),
        ({"dimensions": (1, -1)}, "0 or more"),
        ({"shared": 1.0}, r"\[0, 1\)"),
        ({"shared_dimension": 3}, "shared_dimension"),
        ({"persistence": 1.1}, r"\[0, 1\]"),
        ({"persistence": "a"}, "itself"),
        ({"persistence": 0.5, "shared": 0.5}, "only one"),
        ({"priors": (SHARE, ONE)}, "all elements or for none"),
        ({"priors": (SHARE, SHARE), "shared": 0.5}, "only one"),
    ],
)
def test_input_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Input(**{"name": "a", "priors": (ONE, ONE), "shape": (2,), **arguments})


def test_a_lone_share_is_refused():
    with pytest.raises(ValueError, match="at least two"):
        Input("a", (SHARE,))


@pytest.mark.parametrize(("pair", "value"), [(("a", "b"), 1.0), (("a", "b"), -1.5), (("a", "a"), 0.5)])
def test_correlation_refuses(pair, value):
    with pytest.raises(ValueError, match="correlation"):
        Correlation(*pair, value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"kind": "guess"}, "kind"), ({"kind": "fault"}, "scalar"), ({"dims": ("year", "year")}, "more than once")],
)
def test_output_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Output(**{"name": "x", "unit": "t", "dims": ("year",), "long_name": "x", **arguments})


def _study() -> Study:
    return Study(
        "s",
        (Input("a", (ONE,), dimensions=(0,)), Input("b", (ONE,) * 2, (2,), dimensions=(1, None))),
        (Output("x", "t", ("year",), "x"),),
        {"year": (2020, 2021)},
        {},
        lambda _, draw: {"x": draw["b"]},
        (Correlation("a", "b[1]", 0.5),),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outputs": ()}, "at least one output"),
        ({"coords": {}}, "no coords"),
        ({"outputs": (Output("x", "t", (), "x"),) * 2}, "output used more than once"),
        ({"inputs": (Input("a", (ONE,)),) * 2}, "input used more than once"),
        ({"inputs": (Input("a", (ONE,)), Input("b", (ONE,), labels=("a",)))}, "label used more than once"),
        ({"inputs": (Input("a", (ONE,), dimensions=(3,)), Input("b", (ONE,), dimensions=(3,)))}, "dimension used more"),
        ({"correlations": (Correlation("a", "c", 0.1),)}, "'c'"),
        ({"inputs": (Input("a", (ONE,) * 2, (2,), persistence="c"),), "correlations": ()}, "which is no input"),
    ],
)
def test_study_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(_study(), **changes)


def test_persistence_must_name_a_scalar():
    vector = Input("r", (ONE,) * 2, (2,))
    with pytest.raises(ValueError, match="not a plain scalar"):
        replace(_study(), inputs=(vector, Input("p", (ONE,) * 2, (2,), persistence="r")), correlations=())
