from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from mc.reach import reach
from mc.study import Input, Output, Prior, Study

UNIFORM = Prior("uniform", 0.0, 0.5, 1.0)
Draw = dict[str, Array]


def study_of(function: Callable[[Any, Draw], dict[str, Array]], *outputs: str) -> Study:
    return Study(
        name="traced",
        inputs=tuple(Input(name, (UNIFORM,)) for name in "abcd"),
        outputs=tuple(Output(name, "1", (), name) for name in outputs),
        coords={},
        data={"k": np.ones(3), "m": np.ones(())},
        function=function,
    )


def scan_moves_along(data: Any, draw: Draw) -> dict[str, Array]:
    def step(carry: tuple[Array, Array, Array], _: Array) -> tuple[tuple[Array, Array, Array], Array]:
        x, y, z = carry
        return (y, z, z * draw["d"]), x

    _, path = jax.lax.scan(step, (draw["a"], draw["b"], draw["c"]), data["k"])
    return {"path": path.sum(), "last": draw["c"] * jnp.float32(2)}


def while_counts(_: Any, draw: Draw) -> dict[str, Array]:
    end = jax.lax.while_loop(lambda s: s[0] < draw["a"], lambda s: (s[0] + draw["b"], s[1] + 1), (draw["b"], draw["c"]))
    return {"count": end[0], "other": end[1]}


def branches(_: Any, draw: Draw) -> dict[str, Array]:
    picked = jax.lax.cond(draw["a"] > 0.5, lambda b, _: b, lambda b, c: b + c, draw["b"], draw["c"])
    return {"picked": picked}


def nested(data: Any, draw: Draw) -> dict[str, Array]:
    @jax.jit
    def swap(x: Array, y: Array) -> tuple[Array, Array]:
        return y * data["m"], x

    first, second = swap(draw["a"], draw["b"])
    return {"first": first, "second": second, "none": jnp.float32(1) * jnp.ones((), first.dtype)}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (scan_moves_along, {"path": "abcd", "last": "c"}),
        (while_counts, {"count": "ab", "other": "abc"}),
        (branches, {"picked": "abc"}),
        (nested, {"first": "b", "second": "a", "none": ""}),
    ],
)
def test_exactly_the_inputs_that_can_reach_an_output_are_named(function: Any, expected: dict[str, str]) -> None:
    found = reach(study_of(function, *expected))
    assert {name: "".join(sorted(found.inputs[name])) for name in expected} == expected


def test_leaves_of_the_data_are_named_by_their_path() -> None:
    assert reach(study_of(nested, "first", "second", "none")).data == {
        "first": frozenset({"['m']"}),
        "second": frozenset(),
        "none": frozenset(),
    }


def test_no_reach_is_missed_where_a_derivative_is_not_zero() -> None:
    def function(_: Any, draw: Draw) -> dict[str, Array]:
        mixed = jnp.stack([draw["a"], draw["b"]]) @ jnp.asarray([[1.0, 0.0], [0.5, 2.0]], draw["a"].dtype)
        return {"x": mixed[0] * draw["c"], "y": jnp.where(draw["d"] > 0, mixed[1], draw["c"])}

    study = study_of(function, "x", "y")
    found = reach(study)
    point = {name: jnp.float32(0.3) for name in "abcd"}
    data = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), study.data)
    slopes = jax.jacobian(lambda draw: function(data, draw))(point)
    for output, by_input in slopes.items():
        assert {name for name, slope in by_input.items() if slope != 0} <= found.inputs[output]


def test_values_laid_side_by_side_and_taken_apart_keep_their_sources() -> None:
    index = np.array([3, 0, 1, 1], np.int32)

    def function(data: Any, draw: Draw) -> dict[str, Array]:
        pool = jnp.concatenate([data["k"], draw["a"][None], draw["b"][None], draw["c"][None]])
        taken = pool.at[index].get(mode="promise_in_bounds", wrap_negative_indices=False).reshape(2, 2)
        later = jnp.stack([draw["d"] * taken[0, 0], draw["c"]])[:1].sum()
        return {"drawn": taken[0, 0], "known": taken[0, 1] * taken[1].sum(), "product": later, "whole": pool.sum()}

    found = reach(study_of(function, "drawn", "known", "product", "whole")).inputs
    assert {name: "".join(sorted(found[name])) for name in found} == {
        "drawn": "a",
        "known": "",
        "product": "ad",
        "whole": "abc",
    }


def test_an_index_that_a_draw_decides_takes_every_source() -> None:
    def function(_: Any, draw: Draw) -> dict[str, Array]:
        pool = jnp.stack([draw["a"], draw["b"]])
        return {"picked": pool[jnp.round(draw["c"]).astype(jnp.int32)]}

    assert reach(study_of(function, "picked")).inputs == {"picked": frozenset("abc")}
