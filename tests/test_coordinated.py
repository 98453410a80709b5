"""Coordinated policies that are bound: each limit holds, and costs; electric furnaces first."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mc.allocation.coordinated import FREE, Bounds, Coordinated
from mc.allocation.problem import CONVERTER_STEPS, ELECTRIC_STEPS, Allocation, Problem, Roads, Steps, value

SIZE = 6
REGION = np.kron(np.eye(2), np.ones((3, 3)))
"""Two regions of three provinces."""


def problem() -> Problem:
    """Scrap in the first region, room in the second; worth falls along the steps of each use."""
    random = np.random.default_rng(8)
    places = random.uniform(0.0, 2000.0, (SIZE, 2))
    haul = 100.0 + np.hypot(*(places[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
    steps = random.uniform(0.2, 1.0, (SIZE, CONVERTER_STEPS + ELECTRIC_STEPS)) * np.repeat([0.3, 1.0], 3)[:, None]
    worth = np.concatenate(
        [
            np.sort(random.uniform(low, high, (SIZE, count)), axis=1)[:, ::-1]
            for count, low, high in ((CONVERTER_STEPS, 1.8, 2.1), (ELECTRIC_STEPS, 1.2, 1.7))
        ],
        axis=1,
    )
    converter, electric = steps[:, :CONVERTER_STEPS].sum(axis=1), steps[:, CONVERTER_STEPS:].sum(axis=1)
    limits = np.stack([0.5 * converter, electric, 0.5 * converter], axis=1)
    zero = np.zeros(())
    roads = Roads(haul, np.array(5e-5), zero, zero, np.exp(-haul / 500.0), np.eye(SIZE), REGION)  # type: ignore[arg-type]
    supply = np.repeat([4.0, 1.0], 3)
    return Problem(supply, limits, roads, np.ones(SIZE), Steps(steps, worth))  # type: ignore[arg-type]


def answer(bounds: Bounds = FREE, *, electric_first: bool = False) -> tuple[Allocation, float]:
    """The allocation, and its value in the unbound problem."""
    with jax.enable_x64(True):
        posed: Any = jax.tree.map(lambda leaf: jnp.asarray(leaf, np.float64), problem())
        found = jax.jit(Coordinated(electric_first, bounds))(posed)
        return jax.tree.map(np.asarray, found), float(value(posed, found.flows))


def across(flows: np.ndarray, shut: np.ndarray) -> float:
    return float(flows[shut].sum())


HAUL = np.asarray(problem().roads.haul)
OWN = np.eye(SIZE, dtype=bool)
FAR = (HAUL > 900.0) & ~OWN
AWAY = REGION == 0


@pytest.mark.parametrize(
    ("bounds", "shut"), [(Bounds(reach=900.0), FAR), (Bounds(pools=True), AWAY), (Bounds(keep=1.0), ~OWN)]
)
def test_nothing_goes_where_it_must_not(bounds: Bounds, shut: np.ndarray) -> None:
    (free, best), (bound, reached) = answer(), answer(bounds)
    assert across(free.flows, shut) > 0.1, "the limit must bind for the test to mean anything"
    assert across(bound.flows, shut) == 0.0
    assert reached < best - 1e-3
    assert bound.info.gap <= 1e-8


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.8])
def test_a_province_exports_no_more_than_it_may(keep: float) -> None:
    supply = np.asarray(problem().supply)
    (free, best), (bound, reached) = answer(), answer(Bounds(keep=keep))
    exports = np.where(OWN, 0.0, bound.flows).sum(axis=1)
    assert (exports <= (1.0 - keep) * supply + 1e-9).all()
    assert (bound.flows.sum(axis=1) <= supply + 1e-9).all()
    assert (np.where(OWN, 0.0, free.flows).sum(axis=1) > (1.0 - keep) * supply).any() or keep < 0.5
    assert reached <= best + 1e-7


def test_electric_furnaces_first_means_most_electric_use_that_any_plan_has() -> None:
    (plan, best), (first, reached) = answer(), answer(electric_first=True)
    room = np.asarray(problem().limits)[:, 1].sum()
    total = np.asarray(problem().supply).sum()
    assert first.use[:, 1].sum() == pytest.approx(min(room, total), rel=1e-6)
    assert first.use[:, 1].sum() > plan.use[:, 1].sum()
    assert reached <= best + 1e-7
    assert not first.prices.source.any()


def test_use_adds_up_to_arrivals_and_fills_the_base_of_converters_first() -> None:
    plan, _ = answer()
    limits = np.asarray(problem().limits)
    np.testing.assert_allclose(plan.use.sum(axis=1), plan.flows.sum(axis=0), atol=1e-9)
    assert (plan.use <= limits + 1e-9).all()
    extra = plan.use[:, 2] > 1e-9
    np.testing.assert_allclose(plan.use[extra, 0], limits[extra, 0], atol=1e-9)


def test_asks_for_the_worth_of_scrap() -> None:
    with pytest.raises(ValueError, match="what scrap is worth"):
        Coordinated()(dataclasses.replace(problem(), steps=None))
