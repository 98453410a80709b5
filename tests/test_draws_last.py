"""Draws in the last axis: the same numbers as one by one, whatever is mapped, nested or differentiated."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from mc.model.draws_last import draws_last
from mc.model.paths import most, product, ratio, settled, total

Shared = dict[str, Array]
SEEN: list[tuple[int, ...]] = []


def walk(shared: Shared, carried: Array) -> tuple[Array, Array]:
    """Three years; arrays [province] and further axes, `slot` a whole number."""
    SEEN.append(carried.shape)

    def step(state: Array, pull: Array) -> tuple[Array, Array]:
        state = ratio(product(state, shared["matrix"]), jnp.broadcast_to(total(state), state.shape)) * pull[None]
        return state + shared["kind"], state

    last, path = jax.lax.scan(step, carried, shared["pull"])
    return last, path[shared["slot"]]


def arguments(draws: int) -> tuple[Shared, Array]:
    random = np.random.default_rng(3)
    shared = {
        "matrix": jnp.asarray(random.uniform(0.1, 1.0, (draws, 4, 4)), jnp.float32),
        "pull": jnp.asarray(random.uniform(0.5, 2.0, (draws, 3)), jnp.float32),
        "kind": jnp.asarray([0.0, 1.0, 0.0, 1.0], jnp.float32),
        "slot": jnp.asarray(2),
    }
    return shared, jnp.asarray(random.uniform(1.0, 2.0, (draws, 4)), jnp.float32)


AXES = {"matrix": 0, "pull": 0, "kind": None, "slot": None}


def one_by_one(shared: Shared, carried: Array, function: Any) -> Any:
    found = [
        function({name: leaf if AXES[name] is None else leaf[draw] for name, leaf in shared.items()}, carried[draw])
        for draw in range(len(carried))
    ]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *found)


def assert_same(found: Any, expected: Any) -> None:
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7), found, expected)


def test_mapped_over_draws_sees_them_last_and_gives_the_same() -> None:
    shared, carried = arguments(6)
    SEEN.clear()
    found = jax.vmap(draws_last(walk), in_axes=(AXES, 0))(shared, carried)
    assert (4, 6) in SEEN
    assert_same(found, one_by_one(shared, carried, walk))


def test_what_is_carried_may_be_the_same_in_all_draws() -> None:
    shared, carried = arguments(5)
    alike = jnp.broadcast_to(carried[:1], carried.shape)
    found = jax.vmap(draws_last(walk), in_axes=(AXES, None))(shared, carried[0])
    assert_same(found, one_by_one(shared, alike, walk))


@pytest.mark.parametrize("outer", [2, 3])
def test_mapped_twice(outer: int) -> None:
    shared, carried = arguments(outer * 2)
    cut = {
        name: leaf if AXES[name] is None else leaf.reshape(outer, 2, *leaf.shape[1:]) for name, leaf in shared.items()
    }
    twice = jax.vmap(jax.vmap(draws_last(walk), in_axes=(AXES, 0)), in_axes=(AXES, 0))
    found = twice(cut, carried.reshape(outer, 2, -1))
    assert_same(jax.tree.map(lambda leaf: leaf.reshape(outer * 2, -1), found), one_by_one(shared, carried, walk))


def test_whole_numbers_that_differ_by_draw_are_refused() -> None:
    shared, carried = arguments(3)
    slots = jnp.asarray([0, 1, 2])
    with pytest.raises(TypeError, match=r"draws_last: int32\[3\] differs by draw"):
        jax.vmap(draws_last(walk), in_axes=(AXES | {"slot": 0}, 0))(shared | {"slot": slots}, carried)


def test_gradient_is_that_of_the_function() -> None:
    shared, carried = arguments(4)

    def slope(function: Any) -> Any:
        return jax.grad(lambda one, state: sum(leaf.sum() for leaf in function(one, state)), argnums=1)

    found = jax.vmap(slope(draws_last(walk)), in_axes=(AXES, 0))(shared, carried)
    assert_same(found, one_by_one(shared, carried, slope(walk)))


def test_sums_term_by_term() -> None:
    values = jnp.asarray(np.random.default_rng(4).normal(size=(5, 4, 3)), jnp.float32)
    np.testing.assert_allclose(total(values), values.sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(total(values, 1), values.sum(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(most(values), values.max(axis=0))
    np.testing.assert_allclose(product(values[:, 0], values), jnp.einsum("il,ijl->jl", values[:, 0], values), rtol=1e-5)


def test_settled_changes_no_bit_and_no_slope() -> None:
    odd = jnp.asarray([0.0, -0.0, 1e-30, -3.7, 1e30, jnp.inf, -jnp.inf, jnp.nan], jnp.float32)
    np.testing.assert_array_equal(np.asarray(settled(odd)).view(np.uint32)[:-1], np.asarray(odd).view(np.uint32)[:-1])
    assert np.isnan(settled(odd)[-1])
    assert jax.grad(lambda x: settled(x).sum())(odd[:5]).tolist() == [1.0] * 5
