"""Chosen years of the coordinated path: fronts, prices that support the plan, what instruments leave behind."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.compiled import PRIORS, QUICK

from mc.allocation.coordinated import transport
from mc.allocation.objectives import Objectives, weighted
from mc.allocation.policies import RIVALS
from mc.allocation.problem import Problem, Roads, Steps, value
from mc.allocation.solve import solve
from mc.draws import plan_draws
from mc.model.instruments import INSTRUMENTS, LEAST_CARBON_PRICE, LEVERS, slopes, support
from mc.model.tradeoffs import OBJECTIVES, SHARES, Question, tradeoff_study
from mc.tables import InputError, read_priors

YEARS = (2030, 2060)

LEVELS = (0.0, 150.0, 1e6)
"""CO2 to avoid, Mt: what any plan does, what some draws can do, and more than there is."""


@functools.cache
def answers(pair: tuple[str, str] = ("co2", "cost")) -> dict[str, np.ndarray]:
    """Outputs of the first four draws."""
    asked = tradeoff_study(read_priors(PRIORS), Question(YEARS, pair, points=9, levels=LEVELS))
    plan = plan_draws(asked.inputs, asked.correlations, sampler="sobol", seed=1)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, np.float64), asked.data)
        run = jax.jit(
            lambda tables, index: jax.vmap(lambda at: asked.function(data, plan.draw(tables, at, jnp.float64)))(index),
            compiler_options=QUICK,
        )
        return {name: np.asarray(value) for name, value in run(plan.tables, jnp.arange(4, dtype=jnp.uint32)).items()}


def test_fronts_fall_in_one_objective_as_they_rise_in_the_other() -> None:
    found = answers()
    first, second = found["front_first"], found["front_second"]
    scale = np.abs(second).max()
    assert (np.diff(first, axis=-1) <= 1e-9 * np.abs(first).max()).all()
    assert (np.diff(second, axis=-1) >= -1e-9 * scale).all()
    np.testing.assert_allclose(first[..., 0], found["front_ideal"][..., 0], rtol=1e-9)
    np.testing.assert_allclose(second[..., -1], found["front_ideal"][..., 1], rtol=1e-9)
    assert (found["front_gap"] <= 1e-8).all()
    assert not found["fault_front"].any()


def test_exact_points_are_no_worse_than_mixtures_of_the_front_and_no_better_than_its_end() -> None:
    found = answers()
    shape = found["front_ideal"].shape[:-1]
    for at in np.ndindex(*shape):
        first, second = found["front_first"][at], found["front_second"][at]
        ideal, nadir = found["front_ideal"][at], found["front_nadir"][at]
        own = ideal[0] - np.array(SHARES) * (ideal[0] - nadir[0])
        exact = nadir[1] + found["front_gained_share"][at] * (ideal[1] - nadir[1])
        slack = 1e-8 * np.abs(ideal[1])
        for level, best in zip((*own, LEVELS[1]), (*exact, found["front_at_level"][at][1]), strict=True):
            assert best >= np.interp(np.clip(level, nadir[0], ideal[0]), first[::-1], second[::-1]) - slack
            assert best <= ideal[1] + slack
        np.testing.assert_allclose(found["front_at_level"][at][[0, 2]], [ideal[1], nadir[1]], rtol=1e-6)
        np.testing.assert_array_equal(found["front_in_reach"][at], [1.0, float(ideal[0] >= LEVELS[1]), 0.0])


def test_the_stand_in_for_neutrality_hides_no_more_than_it_says() -> None:
    found = answers(("co2", "neutrality"))
    assert "hinge_error" not in answers()
    assert (found["hinge_hidden"] >= 0.0).all()
    assert (found["hinge_hidden"] <= found["hinge_error"] + 1e-6).all()
    assert not found["fault_front"].any()


def test_no_instrument_does_better_than_the_best_plan_and_a_higher_carbon_price_does_no_worse() -> None:
    forgone = answers()["co2_forgone"]
    prices = [at for at, name in enumerate(INSTRUMENTS) if name.startswith("carbon_price")]
    # Plans are proven to 1e-8 of some 1,000 Mt.
    assert (forgone >= -1e-5).all()
    assert (np.diff(forgone[..., prices], axis=-1) <= 1e-5).all()
    assert (
        forgone[..., INSTRUMENTS.index("autarky")] >= forgone[..., INSTRUMENTS.index("regional_pools")] - 1e-6
    ).all()


def small() -> Problem:
    """Three sources and three works of two converter and four electric steps; the third works makes nothing."""
    random = np.random.default_rng(5)
    haul = np.array([[100.0, 700.0, 1500.0], [700.0, 100.0, 900.0], [1500.0, 900.0, 100.0]])
    size = random.uniform(0.5, 3.0, (3, 6)) * np.array([[1.0], [1.0], [0.0]])
    worth = np.sort(random.uniform(0.5, 2.0, (3, 6)), axis=1)[:, ::-1].copy()
    roads = Roads(haul, np.array(3e-5), np.array(0.2), np.array(20.0), haul, haul, np.ones_like(haul))  # type: ignore[arg-type]
    return Problem(np.array([4.0, 3.0, 2.0]), size, roads, np.ones(3), Steps(size, worth))  # type: ignore[arg-type]


def test_price_takers_choose_the_plan_under_its_prices_and_premiums() -> None:
    """With scrap, freight and use priced as the support says, nobody gains by another plan, and no budget is needed."""
    carbon, random = 150.0, np.random.default_rng(6)
    with jax.enable_x64(True):
        problem: Any = jax.tree.map(lambda leaf: jnp.asarray(leaf, np.float64), small())
        own = jnp.asarray(random.uniform(800.0, 2000.0, (3, 6)))
        plan = solve(transport(problem))
        price, premium = (np.asarray(part) for part in support(problem, plan, own, jnp.asarray(carbon)))
        flows, use = np.asarray(plan.flows), np.asarray(plan.use)
    arrivals = flows.sum(axis=0)
    assert abs((arrivals * premium).sum()) <= 1e-6 * arrivals.sum()
    freight = carbon * np.asarray(small().roads.haul) * 3e-5
    delivered = price[:, None] + freight
    for j in np.flatnonzero(arrivals > 1e-9):
        cheapest = delivered[:, j].min()
        np.testing.assert_allclose(delivered[flows[:, j] > 1e-6, j], cheapest, rtol=1e-6)
        least = float(np.asarray(own)[j][use[j] > 1e-5].min())
        assert least + premium[j] == pytest.approx(cheapest, rel=1e-6)


def test_a_market_without_a_carbon_price_picks_the_cheapest_plan() -> None:
    with jax.enable_x64(True):
        one: Any = jax.tree.map(lambda leaf: jnp.asarray(leaf, np.float64), small())
        objectives = Objectives(
            one.supply,
            one.steps.size,
            jnp.stack([one.steps.worth, 2.0 - one.steps.worth]),
            jnp.zeros((2, 3, 3)),
            ("co2", "cost"),
        )
        cheap = solve(weighted(objectives, jnp.asarray([LEAST_CARBON_PRICE * 1e-3, 1.0])))
        alone = solve(weighted(objectives, jnp.asarray([0.0, 1.0])))
    reached = (np.asarray(objectives.worth)[1] * np.asarray(cheap.use)).sum()
    assert reached == pytest.approx(float(alone.value), rel=1e-6)


def test_slopes_of_the_gain_are_its_differences() -> None:
    with jax.enable_x64(True):
        problem: Any = jax.tree.map(lambda leaf: jnp.asarray(leaf, np.float64), small())
        problem = dataclasses.replace(problem, limits=problem.limits[:, :3] + problem.limits[:, 3:])
        found = np.asarray(slopes(problem))

        def gains(supply: float, freight: float) -> np.ndarray:
            roads = dataclasses.replace(problem.roads, co2=problem.roads.co2 * freight)
            moved = dataclasses.replace(problem, supply=problem.supply * supply, roads=roads)
            best = float(solve(transport(moved)).value)
            return np.array([best - float(value(moved, rival(moved).flows)) for rival in RIVALS.values()])

        step = 1e-5
        by_supply = (gains(1 + step, 1) - gains(1 - step, 1)) / (2 * step) / 100
        by_freight = (gains(1, 1 + step) - gains(1, 1 - step)) / (2 * step) / 100
    np.testing.assert_allclose(found[LEVERS.index("supply")], by_supply, atol=1e-6)
    np.testing.assert_allclose(found[LEVERS.index("freight")], by_freight, atol=1e-6)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (Question((2020,)), "year 2020 is not on the path"),
        (Question((2061,)), "year 2061 is not on the path"),
        (Question((2030,), ("co2", "jobs")), "unknown objective 'jobs'"),
        (Question((2030,), ("co2", "co2")), "needs two objectives"),
    ],
)
def test_refuses_years_off_the_path_and_objectives_that_do_not_exist(question: Question, said: str) -> None:
    with pytest.raises(InputError, match=said):
        tradeoff_study(read_priors(PRIORS), question)


def test_every_objective_has_a_unit() -> None:
    assert set(OBJECTIVES) == {"co2", "cost", "pollutants", "neutrality"}
