"""The front of two objectives: HiGHS at every level, hand-made fronts, the nasty corners; and the neutrality hinge."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import front as oracle
from transports import FAMILIES, SEGMENTS, SINKS, SOURCES

from mc.allocation.exact import epsilon_constraint
from mc.allocation.front import Front, front
from mc.allocation.indicators import hypervolume, knee, normalised, staircase
from mc.allocation.neutrality import hinge_error, hinge_of, split, with_hinge
from mc.allocation.objectives import Objectives, values_of, weighted
from mc.allocation.solve import solve

PAIR = ("co2", "cost")
SHARES = np.linspace(0.0, 1.0, 9)
BATCH = 5
COUNT = 17
NASTY = ("steel", "plain", "tied", "zeros", "balanced", "caps", "equal", "forbidden", "negative", "lopsided")


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def objectives_of(family: str, size: int, seed: int = 7) -> Objectives:
    """A family of transports as CO2, with a cost in CNY of its own: scrap worth 300 +- 60 a tonne, other freight."""
    random = np.random.default_rng(seed)
    supply, limits, worth, freight = FAMILIES[family](random, size)
    if family in ("tied", "balanced"):
        cost, haul = random.integers(1, 4, worth.shape) * 0.5, random.integers(0, 4, freight.shape) * 0.25
    else:
        # Arcs that are forbidden by a price of 1e6 would drown the others in HiGHS.
        freight = np.where(freight >= 1e6, np.inf, freight)
        usual = np.where(np.isfinite(freight), freight, 0.0).max()
        cost = random.uniform(0.0, 300.0, (size, 1, 1)) + random.normal(0.0, 60.0, worth.shape)
        haul = freight / usual * random.uniform(200.0, 800.0, (size, 1, 1)) * random.uniform(0.7, 1.3, freight.shape)
    return Objectives(supply, limits, np.stack([worth, cost], axis=1), np.stack([freight, haul], axis=1), PAIR)  # type: ignore[arg-type]


def both(objectives: Objectives, shares: jax.Array) -> tuple[Front, Front]:
    found = front(objectives, PAIR, COUNT)
    levels = found.nadir[0] + (found.ideal[0] - found.nadir[0]) * shares
    return found, epsilon_constraint(objectives, PAIR, levels, found)


# One compiled program serves all tests: small problems are padded to its shape.
BOTH = jax.jit(jax.vmap(both, in_axes=(0, None)))
SOLVE = jax.jit(lambda objectives, weights: solve(weighted(objectives, weights)))


@functools.cache
def fronts(family: str) -> tuple[Objectives, Front, Front]:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        objectives = objectives_of(family, BATCH)
        found = BOTH(jax.tree.map(jnp.asarray, objectives), jnp.asarray(SHARES))
        supported, exact = jax.tree.map(np.asarray, found)
    return objectives, supported, exact


def small(supply: Any, limits: Any, worth: Any, freight: Any, names: tuple[str, ...] = PAIR) -> Objectives:
    return Objectives(*(jnp.asarray(part, jnp.float64) for part in (supply, limits, worth, freight)), names)


def one(problem: Objectives, shares: np.ndarray = SHARES) -> tuple[Front, Front]:
    """The fronts of one problem of any size, which is padded with sources, sinks and segments of nothing."""
    far = [(0, SOURCES - problem.freight.shape[1]), (0, SINKS - problem.freight.shape[2])]
    more = [(0, 0), far[1], (0, SEGMENTS - problem.limits.shape[1])]
    padded = Objectives(
        jnp.pad(problem.supply, far[:1]),
        jnp.pad(problem.limits, more[1:]),
        jnp.pad(problem.worth, more),
        jnp.pad(problem.freight, [(0, 0), *far]),
        PAIR,
    )
    found = BOTH(jax.tree.map(lambda part: jnp.stack([part] * BATCH), padded), jnp.asarray(shares))
    return jax.tree.map(lambda leaf: leaf[0], found)  # type: ignore[no-any-return]


def scale_of(found: Front, number: int) -> np.ndarray:
    """Of the two objectives, the larger of ideal and nadir."""
    return np.maximum(np.maximum(np.abs(found.ideal[number]), np.abs(found.nadir[number])), 1e-300)


def programme_of(objectives: Objectives, number: int) -> oracle.Programme:
    parts = (objectives.supply, objectives.limits, objectives.worth, objectives.freight)
    return oracle.programme(*(np.asarray(part)[number] for part in parts))


@pytest.mark.parametrize("family", NASTY)
def test_exact_points_are_those_of_highs(family: str) -> None:
    objectives, _, exact = fronts(family)
    for number in range(len(exact.values)):
        programme, size = programme_of(objectives, number), scale_of(exact, number)
        for place in range(1, len(SHARES) - 1):
            first, second = exact.values[number, place]
            best = oracle.highest(programme, 1, 0, first)
            assert abs(best - second) <= 1e-9 * size[1]
            assert exact.gap[number, place] >= -1e-12


@pytest.mark.parametrize("family", NASTY)
def test_exact_points_prove_themselves_and_keep_their_level(family: str) -> None:
    objectives, _, exact = fronts(family)
    assert (exact.gap[:, 1:-1] <= 1e-9).all()
    levels = exact.nadir[:, :1] + (exact.ideal - exact.nadir)[:, :1] * SHARES
    for number in range(len(exact.values)):
        np.testing.assert_allclose(exact.values[number, :, 0], levels[number], atol=1e-12 * scale_of(exact, number)[0])
    check_plans(objectives, exact)


def check_plans(objectives: Objectives, found: Front) -> None:
    """Plans can be carried out and are worth what the front says, by NumPy's own count."""
    for leaf in jax.tree.leaves(found):
        assert np.isfinite(leaf).all()
    room = np.maximum(np.asarray(objectives.supply).sum(axis=1), 1.0)[:, None, None] * 1e-12
    assert (found.flows >= 0).all()
    assert (found.use >= 0).all()
    assert (found.flows.sum(axis=3) <= np.asarray(objectives.supply)[:, None] + room).all()
    assert (found.use <= np.asarray(objectives.limits)[:, None] + room[..., None]).all()
    assert (np.abs(found.flows.sum(axis=2) - found.use.sum(axis=3)) <= room).all()
    freight = np.where(np.isfinite(objectives.freight), objectives.freight, 0.0)
    assert (found.flows.sum(axis=1)[~np.isfinite(objectives.freight).all(axis=1)] == 0).all()
    worth = np.einsum("nojk,npjk->npo", objectives.worth, found.use)
    for number, value in enumerate(worth - np.einsum("noij,npij->npo", freight, found.flows)):
        np.testing.assert_allclose(found.values[number] - value, 0.0, atol=1e-12 * scale_of(found, number).max())


@pytest.mark.parametrize("family", NASTY)
def test_ends_are_the_best_in_one_objective_and_then_in_the_other(family: str) -> None:
    objectives, supported, _ = fronts(family)
    for number in range(len(supported.values)):
        programme, size = programme_of(objectives, number), scale_of(supported, number)
        for objective in (0, 1):
            best, rest = oracle.end(programme, objective, 1 - objective)
            assert abs(supported.ideal[number, objective] - best) <= 1e-9 * size[objective]
            assert abs(supported.nadir[number, 1 - objective] - rest) <= 1e-8 * size[1 - objective]


@pytest.mark.parametrize("family", NASTY)
def test_front_is_concave_falls_and_lies_between_nadir_and_ideal(family: str) -> None:
    objectives, supported, exact = fronts(family)
    check_plans(objectives, supported)
    assert (np.abs(supported.gap) <= 1e-9).all()
    for found in (supported, exact):
        for number, values in enumerate(found.values):
            slack = 1e-9 * scale_of(found, number)
            order = values if found is supported else values[::-1]
            first, second = np.diff(order, axis=0).T
            assert (first <= slack[0]).all()
            assert (second >= -slack[1]).all()
            # Concave: the front turns to one side only, seen in units of the slack.
            first, second = first / slack[0], second / slack[1]
            turn = first[:-1] * second[1:] - first[1:] * second[:-1]
            assert (turn >= -(np.abs(first[:-1]) + np.abs(first[1:]) + np.abs(second[:-1]) + np.abs(second[1:]))).all()
            assert (values >= found.nadir[number] - slack).all()
            assert (values <= found.ideal[number] + slack).all()
    # No supported point is above the line that the bound of any other one draws.
    reached = np.einsum("npo,nqo->npq", supported.weights, supported.values)
    assert (reached <= (supported.bound + 1e-12 * np.abs(reached).max(axis=2))[:, :, None]).all()


def test_two_provinces_by_hand() -> None:
    # One source of 10 Mt. The first sink takes 6 at 2 t CO2 and 10 CNY a tonne, the second 8 at 1 t and 40 CNY. Best
    # in CO2: 6 and 4, worth 16 and 220; best in cost: 2 and 8, worth 12 and 340; the front is the line between.
    problem = small([10.0], [[6.0], [8.0]], [[[2.0], [1.0]], [[10.0], [40.0]]], np.zeros((2, 1, 2)))
    # Shares of the range of CO2, which ends at 12 and 16.
    supported, exact = one(problem, np.array([21.75, 1.0, 0.25, 0.0, -4.25, 0.5, 0.5, 0.5, 0.5]))
    np.testing.assert_allclose(supported.ideal, [16.0, 340.0], rtol=1e-12)
    np.testing.assert_allclose(supported.nadir, [12.0, 220.0], rtol=1e-12)
    np.testing.assert_allclose(supported.values @ jnp.array([30.0, 1.0]), 700.0, rtol=1e-11)
    np.testing.assert_allclose(hypervolume(supported), 0.5, rtol=1e-9)
    np.testing.assert_allclose(exact.values[:5, 1], [220.0, 220.0, 310.0, 340.0, 340.0], rtol=1e-11)
    np.testing.assert_allclose(exact.use[2, :2, 0], [3.0, 7.0], rtol=1e-11)


def test_weights_may_reorder_the_segments_of_a_sink() -> None:
    # 5 Mt for segments of 4 and 4: CO2 prefers the first, cost the second; weights of 1 and 1 / 20 the second.
    problem = small([5.0], [[4.0, 4.0]], [[[2.0, 1.0]], [[0.0, 30.0]]], np.zeros((2, 1, 1)))
    for weights, use in (([1.0, 0.0], [4.0, 1.0]), ([0.0, 1.0], [0.0, 4.0]), ([1.0, 0.05], [1.0, 4.0])):
        plan = SOLVE(problem, jnp.array(weights))
        np.testing.assert_allclose(plan.use[0], use, atol=1e-8)


def test_an_arc_closed_in_one_objective_is_closed_in_all_weights() -> None:
    freight = [[[0.0, jnp.inf]], [[1.0, 1.0]]]
    problem = small([5.0], [[4.0], [4.0]], [[[2.0], [2.0]], [[3.0], [9.0]]], freight)
    plan = SOLVE(problem, jnp.array([0.0, 1.0]))
    np.testing.assert_allclose(plan.flows, [[4.0, 0.0]], atol=1e-8)
    np.testing.assert_allclose(values_of(problem, plan.flows, plan.use), [8.0, 8.0], rtol=1e-8)


def test_unknown_objective_is_named() -> None:
    problem = objectives_of("plain", 1)
    with pytest.raises(ValueError, match="no objective 'sulphur'; there are co2, cost"):
        front(jax.tree.map(lambda part: part[0], problem), ("co2", "sulphur"))


def one_steel(**changes: Any) -> Objectives:
    objectives = jax.tree.map(lambda part: jnp.asarray(part[0]), objectives_of("steel", 1))
    return dataclasses.replace(objectives, **changes)


def test_equal_objectives_have_a_front_of_one_point() -> None:
    problem = one_steel()
    equal = one_steel(worth=problem.worth[:1].repeat(2, axis=0), freight=problem.freight[:1].repeat(2, axis=0))
    supported, exact = one(equal)
    for found in (supported, exact):
        np.testing.assert_allclose(found.values / found.ideal[None], 1.0, rtol=1e-9)
        assert hypervolume(found) == 0.0
        assert knee(found).distance == 0.0
    np.testing.assert_array_equal(normalised(supported, supported.values), 0.0)


def test_opposed_objectives_without_freight_trade_one_for_one() -> None:
    # What CO2 gains, cost loses: every plan is on the front, from all to nothing.
    problem = one_steel()
    opposed = one_steel(worth=problem.worth[:1] * jnp.array([1.0, -1.0])[:, None, None], freight=problem.freight * 0.0)
    supported, exact = one(opposed)
    for found in (supported, exact):
        np.testing.assert_allclose(found.values.sum(axis=1), 0.0, atol=1e-8 * float(found.ideal[0]))
    np.testing.assert_allclose(supported.nadir, [0.0, -float(supported.ideal[0])], atol=1e-8)


@pytest.mark.parametrize("nothing", ["supply", "limits", "worth"])
def test_nothing_to_allocate_is_finite(nothing: str) -> None:
    empty = one_steel(**{nothing: getattr(one_steel(), nothing) * 0.0})
    for found in one(empty):
        for leaf in jax.tree.leaves((found, knee(found), hypervolume(found))):
            assert np.isfinite(leaf).all()
        np.testing.assert_array_equal(found.values, 0.0)


def test_single_precision_comes_in_and_double_goes_out() -> None:
    rounded = jax.tree.map(lambda part: part.astype(jnp.float32), one_steel())
    found = jax.eval_shape(both, rounded, jnp.asarray(SHARES))
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype(jnp.float64)}


def test_units_do_not_matter() -> None:
    problem, unit = one_steel(), jnp.array([1e-9, 1e6])[:, None, None]
    other = dataclasses.replace(problem, worth=problem.worth * unit, freight=problem.freight * unit)
    plain, scaled = one(problem)[1], one(other)[1]
    np.testing.assert_allclose(scaled.values / jnp.array([[1e-9, 1e6]]), plain.values, rtol=1e-7)


def drawn(values: Any) -> Front:
    """A front of given points, the first best in the first objective, the last in the second."""
    points = jnp.asarray(values, jnp.float64)
    empty = jnp.zeros((len(values), 1, 1))
    ideal, nadir = jnp.array([points[0, 0], points[-1, 1]]), jnp.array([points[-1, 0], points[0, 1]])
    return Front(points, points, empty[:, 0, 0], empty[:, 0, 0], empty, empty, ideal, nadir)


def test_hypervolume_by_hand() -> None:
    # Of a box of 4 by 10: all, half, and the corner at three quarters in both, whose area is 0.75.
    assert hypervolume(drawn([[7.0, 5.0], [7.0, 15.0], [3.0, 15.0]])) == pytest.approx(1.0)
    assert hypervolume(drawn([[7.0, 5.0], [3.0, 15.0]])) == pytest.approx(0.5)
    assert hypervolume(drawn([[7.0, 5.0], [6.0, 12.5], [3.0, 15.0]])) == pytest.approx(0.75)
    # An inner part alone: below its first point a rectangle.
    ends = drawn([[4.0, 0.0], [0.0, 4.0]])
    inner = dataclasses.replace(ends, values=jnp.array([[3.0, 1.0], [1.0, 3.0]]))
    assert hypervolume(inner) == pytest.approx((3 * 1 + 2 * 2) / 16)


def test_staircase_by_hand() -> None:
    # Steps of 3 x 1, 2 x 1 and 1 x 1; a dominated, an equal and an outside point add nothing, nor does the order.
    points = [[1.0, 3.0], [3.0, 1.0], [2.0, 2.0], [1.0, 1.5], [2.0, 2.0], [-1.0, 9.0]]
    for order in (points, points[::-1]):
        assert staircase(jnp.array(order), jnp.zeros(2)) == pytest.approx(6.0)
    assert staircase(jnp.array(points), jnp.array([1.0, 0.0])) == pytest.approx(3.0)


def test_staircase_of_many_points_comes_up_to_the_lines_between_them() -> None:
    found = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), fronts("steel")[1])
    shares = np.linspace(0.0, 1.0, 4001)
    first, second = np.asarray(normalised(found, found.values)).T
    dense = np.stack([shares, np.interp(shares, first[::-1], second[::-1])], axis=1)
    assert float(staircase(jnp.asarray(dense), jnp.zeros(2))) == pytest.approx(float(hypervolume(found)), abs=1e-3)


def test_knee_by_hand() -> None:
    # Normalised: (1, 0), (3/4, 3/4), (1/4, 15/16), (0, 1); the second is 0.5 / sqrt(2) away from the chord.
    found = knee(drawn([[7.0, 5.0], [6.0, 12.5], [4.0, 14.375], [3.0, 15.0]]))
    assert int(found.at) == 1
    np.testing.assert_array_equal(found.values, [6.0, 12.5])
    assert float(found.distance) == pytest.approx(0.5 / np.sqrt(2.0))


def test_knee_is_best_for_equal_normalised_weights() -> None:
    _, supported, exact = fronts("steel")
    for number in range(len(supported.values)):
        whole = jax.tree.map(lambda leaf, number=number: jnp.asarray(leaf[number]), supported)
        fine = jax.tree.map(lambda leaf, number=number: jnp.asarray(leaf[number]), exact)
        assert int(knee(whole).at) == COUNT // 2
        assert (normalised(whole, fine.values).sum(axis=1) - 1.0).max() <= knee(whole).distance * 2.0**0.5 + 1e-9


def test_exact_points_are_on_the_lines_of_a_fine_front_or_above() -> None:
    _, supported, exact = fronts("steel")
    for number in range(len(supported.values)):
        whole = jax.tree.map(lambda leaf, number=number: jnp.asarray(leaf[number]), supported)
        first, second = exact.values[number].T
        falling, rising = np.asarray(whole.values).T
        below = np.interp(first, falling[::-1], rising[::-1])
        assert (second >= below - 1e-9 * np.abs(second)).all()
        assert (second - below <= 2e-2 * float(whole.ideal[1] - whole.nadir[1])).all()


def test_split_by_hand() -> None:
    # Avoids 2 t in 3 Mt, then 1 t in 4 Mt; a need of 8 is met half way through the second.
    limits, origin, counted = split(jnp.array([[4.0, 3.0]]), jnp.array([[1.0, 2.0]]), jnp.array([8.0]))
    np.testing.assert_allclose(limits, [[2.0, 3.0, 2.0]])
    np.testing.assert_array_equal(origin, [[0, 1, 0]])
    np.testing.assert_allclose(counted, [[1.0, 2.0, 0.0]])
    for need, counts in (
        (0.0, [0.0, 0.0]),
        (-3.0, [0.0, 0.0]),
        (6.0, [0.0, 2.0]),
        (10.0, [1.0, 2.0]),
        (99.0, [1.0, 2.0]),
    ):
        limits, _, counted = split(jnp.array([[4.0, 3.0]]), jnp.array([[1.0, 2.0]]), jnp.array([need]))
        np.testing.assert_allclose(limits, [[4.0, 3.0, 0.0]])
        np.testing.assert_allclose(counted[:, :2], [counts])


@functools.cache
def needs(size: int) -> np.ndarray:
    """Most provinces can become neutral, some need nothing, some cannot."""
    objectives = objectives_of("steel", size)
    most = (np.asarray(objectives.worth)[:, 0] * np.asarray(objectives.limits)).sum(axis=2)
    return most * np.random.default_rng(9).uniform(-0.2, 1.2, (size, SINKS))


@pytest.mark.parametrize("weight", [0.3, 3.0])
def test_hinge_is_that_of_highs_where_segments_fill_by_co2(weight: float) -> None:
    objectives, need = objectives_of("steel", 6), needs(6)
    for number in range(6):
        one = jax.tree.map(lambda part, number=number: jnp.asarray(part[number]), objectives)
        # Cost that orders segments as CO2 does, with freight and levels by province of its own.
        cost = one.worth[0] * 100.0 + one.worth[1].mean(axis=1, keepdims=True)
        one = dataclasses.replace(one, worth=jnp.stack([one.worth[0], cost]))
        hinged = with_hinge(one, jnp.asarray(need[number]))
        assert hinged.names == ("co2", "cost", "neutrality")
        weights = np.array([1.0, 0.002])
        plan = SOLVE(hinged, jnp.array([*weights, weight]))
        programme = oracle.programme(*(np.asarray(part) for part in (one.supply, one.limits, one.worth, one.freight)))
        best = oracle.with_true_hinges(programme, weights, np.asarray(one.worth[0]), need[number], weight)
        assert float(plan.value) == pytest.approx(best, rel=1e-8)
        true = hinge_of(hinged.worth[0], plan.use, jnp.asarray(need[number]))
        assert float(values_of(hinged, plan.flows, plan.use)[2]) == pytest.approx(float(true), rel=1e-7)


def test_hinge_errs_on_the_safe_side_by_no_more_than_it_says() -> None:
    # Cost of any order: the split may hide what is attained, never claim more.
    objectives, need, hidden = objectives_of("steel", 12), needs(12), 0.0
    for number in range(12):
        one = jax.tree.map(lambda part, number=number: jnp.asarray(part[number]), objectives)
        hinged, weight = with_hinge(one, jnp.asarray(need[number])), 0.5
        weights = np.array([0.1, 0.01])
        plan = SOLVE(hinged, jnp.array([*weights, weight]))
        programme = oracle.programme(*(np.asarray(part) for part in (one.supply, one.limits, one.worth, one.freight)))
        best = oracle.with_true_hinges(programme, weights, np.asarray(one.worth[0]), need[number], weight)
        error = weight * float(hinge_error(one.limits, one.worth[0], jnp.asarray(need[number])))
        assert float(plan.value) <= best * (1.0 + 1e-8)
        assert best <= float(plan.value) * (1.0 + 1e-8) + error
        true = float(hinge_of(hinged.worth[0], plan.use, jnp.asarray(need[number])))
        assert float(values_of(hinged, plan.flows, plan.use)[2]) <= true * (1.0 + 1e-9)
        hidden = max(hidden, (best - float(plan.value)) / best)
    assert hidden > 1e-6
