"""Scrap policies: never more than there is or can be used; the right split, by hand and by a converged oracle."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.policies import Market, gravity

from mc.allocation.policies import RIVALS
from mc.allocation.problem import Allocation, Problem, Roads, fill

SIZE = 5
MASS = st.one_of(st.just(0.0), st.floats(1e-3, 80.0))
MASSES = st.lists(MASS, min_size=SIZE, max_size=SIZE)


def problem_of(supply: Any, room: Any, seed: int = 1, reach: float = 500.0, plants: Any = None) -> Problem:
    """Provinces scattered over a square of 2,000 km; rooms are split unevenly over the three segments."""
    places = np.random.default_rng(seed).uniform(0.0, 2000.0, (len(supply), 2))
    haul = np.hypot(*(places[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(haul, 100.0)
    makes = np.ones(len(supply)) if plants is None else np.asarray(plants, float)
    nearest = np.zeros_like(haul)
    for i in range(len(supply)):
        j = i if makes[i] else min(np.flatnonzero(makes), key=lambda j: haul[i, j])
        nearest[i, j] = 1.0
    limits = np.asarray(room)[:, None] * np.array([0.2, 0.7, 0.1])[None, :]
    zero = np.zeros(())
    roads = Roads(haul, zero, zero, zero, np.exp(-haul / reach), nearest, np.ones_like(haul))  # type: ignore[arg-type]
    return Problem(np.asarray(supply, float), limits, roads, makes)  # type: ignore[arg-type]


ANSWERS = {name: jax.jit(policy) for name, policy in RIVALS.items()}


def answer(policy: str, problem: Problem, dtype: Any = np.float64) -> Allocation:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        found = ANSWERS[policy](jax.tree.map(lambda x: jnp.asarray(x, dtype), problem))
        return jax.tree.map(np.asarray, found)  # type: ignore[no-any-return]


@pytest.mark.parametrize("policy", sorted(RIVALS))
@settings(max_examples=40, deadline=None, derandomize=True)
@given(supply=MASSES, room=MASSES, seed=st.integers(0, 99), reach=st.floats(150.0, 900.0))
def test_never_ships_more_than_there_is_nor_more_than_can_be_used(
    policy: str, supply: list[float], room: list[float], seed: int, reach: float
) -> None:
    problem = problem_of(supply, room, seed, reach)
    for dtype, slack in ((np.float64, 1e-12), (np.float32, 1e-5)):
        found = answer(policy, problem, dtype)
        assert np.isfinite(found.flows).all()
        assert (found.flows >= 0).all()
        assert (found.flows.sum(axis=1) <= np.asarray(supply) + slack * 80).all()
        assert (found.flows.sum(axis=0) <= np.asarray(room) + slack * 80).all()
        np.testing.assert_allclose(found.flows.sum(axis=0), found.flows.sum(axis=0), rtol=1e-6, atol=1e-6)
        assert found.info.violation <= slack * 80


def test_autarky_by_hand() -> None:
    # Third province makes no steel and lies nearest to the second: 10 + 6 Mt meet room for 8 there, half stays unused.
    problem = problem_of([5.0, 10.0, 6.0], [7.0, 8.0, 0.0], plants=[1, 1, 0])
    nearest = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    roads = dataclasses.replace(problem.roads, nearest=nearest)  # type: ignore[arg-type]
    found = answer("autarky", dataclasses.replace(problem, roads=roads))
    np.testing.assert_allclose(found.flows, [[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 3.0, 0.0]])
    assert found.info.residual == 0


def test_pro_rata_by_hand() -> None:
    # Short: 12 Mt for room of 24, so everybody gets half of what it can use, from all in proportion to their supply.
    found = answer("pro_rata", problem_of([9.0, 3.0], [8.0, 16.0]))
    np.testing.assert_allclose(found.flows, [[3.0, 6.0], [1.0, 2.0]])
    # Plenty: rooms of 4 and 2 are filled, three quarters and one quarter of it from the two sources.
    found = answer("pro_rata", problem_of([9.0, 3.0], [4.0, 2.0]))
    np.testing.assert_allclose(found.flows, [[3.0, 1.5], [1.0, 0.5]])


def test_market_by_hand_for_two_equal_provinces() -> None:
    # Equal supplies and rooms that balance: x_own / x_away = pull_own / pull_away = e, rows sum to 6.
    problem = problem_of([6.0, 6.0], [6.0, 6.0])
    pull = np.exp(-np.array([[1.0, 2.0], [2.0, 1.0]]))
    away = 6.0 / (1.0 + np.e)
    found = answer("market", with_pull(problem, pull))
    np.testing.assert_allclose(found.flows, [[6.0 - away, away], [away, 6.0 - away]], rtol=1e-12)


def with_pull(problem: Problem, pull: np.ndarray) -> Problem:
    roads = problem.roads
    changed = Roads(roads.haul, roads.co2, roads.cost, roads.loading, pull, roads.nearest, roads.region)  # type: ignore[arg-type]
    return Problem(problem.supply, problem.limits, changed, problem.memory)


def converged(problem: Problem, reach: float) -> np.ndarray:
    room = np.asarray(problem.limits).sum(axis=1)
    haul = np.asarray(problem.roads.haul)
    market = Market(haul, haul, haul, [], reach, np.asarray(problem.memory))
    return gravity(np.asarray(problem.supply), room, market, steps=3000)


@pytest.mark.parametrize("balance", [0.5, 0.9, 0.99, 1.01, 1.1, 2.0])
def test_market_settles_on_the_converged_scaling_within_a_few_years(balance: float) -> None:
    reach, random = 400.0, np.random.default_rng(3)
    supply, room = random.uniform(1.0, 40.0, 8), random.uniform(1.0, 60.0, 8)
    room *= supply.sum() / balance / room.sum()
    problem = problem_of(supply, room, 5, reach)
    expected = converged(problem, reach)
    for _ in range(6):
        found = answer("market", problem)
        problem = Problem(problem.supply, problem.limits, problem.roads, found.memory)
    assert abs(float(found.info.residual)) < 2e-3
    np.testing.assert_allclose(found.flows, expected, atol=3e-3 * room.max())


def test_market_keeps_up_when_shortage_turns_into_surplus() -> None:
    reach, random = 400.0, np.random.default_rng(4)
    supply, room = random.uniform(1.0, 40.0, 8), random.uniform(1.0, 60.0, 8)
    room *= supply.sum() / room.sum()
    problem, residuals = problem_of(supply, room, 5, reach), []
    for balance in (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1.005, 1.02, 1.05, 1.1, 1.0, 0.9):
        limits = np.asarray(problem_of(supply, room / balance, 5, reach).limits)
        problem = Problem(problem.supply, limits, problem.roads, problem.memory)  # type: ignore[arg-type]
        found = answer("market", problem)
        problem = Problem(problem.supply, problem.limits, problem.roads, found.memory)
        residuals.append(float(found.info.residual))
    assert max(residuals) < 5e-3, residuals


@pytest.mark.parametrize("policy", sorted(RIVALS))
def test_provinces_in_another_order_get_the_same(policy: str) -> None:
    random = np.random.default_rng(6)
    problem = problem_of(random.uniform(1.0, 40.0, 6), random.uniform(1.0, 60.0, 6), plants=[1, 1, 0, 1, 1, 1])
    order = random.permutation(6)
    roads = problem.roads
    matrix = [np.asarray(getattr(roads, name))[np.ix_(order, order)] for name in ("haul", "pull", "nearest")]
    moved = Roads(matrix[0], roads.co2, roads.cost, roads.loading, matrix[1], matrix[2], roads.region)  # type: ignore[arg-type]
    limits, supply = np.asarray(problem.limits)[order], np.asarray(problem.supply)[order]
    again = Problem(supply, limits, moved, np.asarray(problem.memory)[order])  # type: ignore[arg-type]
    straight = np.asarray(answer(policy, problem).flows)[np.ix_(order, order)]
    np.testing.assert_allclose(answer(policy, again).flows, straight, rtol=1e-12, atol=1e-14)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(amount=st.floats(0.0, 50.0), limits=st.lists(MASS, min_size=3, max_size=3))
def test_segments_fill_in_their_order(amount: float, limits: list[float]) -> None:
    with jax.enable_x64(True):
        filled = np.asarray(fill(jnp.asarray([amount]), jnp.asarray([limits])))[0]
    assert filled.sum() == pytest.approx(min(amount, sum(limits)), abs=1e-12)
    for first in range(2):
        assert filled[first] == pytest.approx(limits[first], abs=1e-12) or filled[first + 1 :].sum() < 1e-12
