"""What runs in a year: worth of scrap against the emissions it really saves, filling in order, bans."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.compiled import basis_of, changed, draw, world_of

from mc.model import dispatch
from mc.model.before import Before, before


@pytest.fixture(scope="module")
def known() -> tuple[Any, Any, Before]:
    inputs = changed(draw(1), routes__capture_electricity=0.2)
    world = world_of(inputs)
    with jax.enable_x64(True):
        arguments = jax.tree.map(lambda x: jnp.asarray(x, np.float64), (inputs, world, basis_of(inputs)))
        quick = {"xla_backend_optimization_level": "0", "xla_llvm_disable_expensive_passes": True}
        return arguments[0], arguments[1], jax.jit(before, compiler_options=quick)(*arguments)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(amount=st.floats(0.0, 100.0), sizes=st.lists(st.floats(0.0, 30.0), min_size=4, max_size=4))
def test_waterfall_fills_the_cleanest_first(amount: float, sizes: list[float]) -> None:
    with jax.enable_x64(True):
        filled = np.asarray(dispatch.waterfall(jnp.asarray([amount]), jnp.asarray([sizes])))[0]
    left = amount
    for got, size in zip(filled, sizes, strict=True):
        assert got == pytest.approx(min(left, size), abs=1e-12)
        left -= min(left, size)


def emitted(known: tuple[Any, Any, Before], capacity: jax.Array, scrap: jax.Array, force: Any) -> np.ndarray:
    """Direct and power CO2 of a year, Mt [province], from what runs."""
    inputs, world, ahead = known
    ran = dispatch.dispatch(inputs, world, capacity, scrap, force)
    metal, steel = ahead.drive.per_metal, ahead.drive.per_steel
    direct = ran.hot_metal @ (metal.direct * force.carbon) + ran.production @ steel.direct
    power = ran.hot_metal @ (metal.electricity * force.carbon)
    power = power + ran.production @ (steel.electricity + steel.electricity_change * force.rise)
    melted = (ran.production * world.kind["scrap"][None, :]).sum(axis=1)
    power = power + inputs.routes.electricity_per_hot_metal * force.charge * melted
    return np.asarray(direct + power * force.grid)


@pytest.mark.parametrize("segment", [0, 1, 2])
@pytest.mark.parametrize("route", ["base", "best", "retrofit"])
def test_worth_of_scrap_is_the_co2_that_one_more_tonne_saves(
    known: tuple[Any, Any, Before], segment: int, route: str
) -> None:
    """With one kind of furnace in a province the displaced route is that one, and worth must be exact."""
    inputs, world, ahead = known
    with jax.enable_x64(True):
        force = jax.tree.map(lambda path: path[20], ahead.drive.years)
        one = int(np.argmax(np.asarray(world.kind[route])))
        capacity = jnp.zeros((force.output.shape[0], len(world.kind["base"]))).at[:, one].set(1000.0)
        limits = dispatch.scrap_limits(inputs, 0.4 * force.output, 0.6 * force.output, force.charge)
        scrap = 0.5 * limits
        step = 1e-4 * jnp.zeros_like(scrap).at[:, segment].set(1.0)
        saved = emitted(known, capacity, scrap, force) - emitted(known, capacity, scrap + step, force)
        worth = np.asarray(dispatch.scrap_worth(inputs, world, ahead.drive, capacity, force))[:, segment]
    makes = np.asarray(force.output) > 0
    np.testing.assert_allclose((saved / 1e-4)[makes], worth[makes], rtol=1e-6)


def test_ban_takes_from_converters_first_and_keeps_the_iron_balance(known: tuple[Any, Any, Before]) -> None:
    inputs, world, ahead = known
    metal = inputs.iron
    with jax.enable_x64(True):
        force = jax.tree.map(lambda path: path[20], ahead.drive.years)
        banned = jax.tree.map(jnp.asarray, changed(inputs, uptake__reline_ban_from=2000.0))
        limits = dispatch.scrap_limits(inputs, 0.4 * force.output, 0.6 * force.output, force.charge)
        for size in (0.0, 0.05, 0.3, 2.0):
            capacity = size * force.output[:, None] * world.kind["base"][None, :]
            ran = dispatch.dispatch(banned, world, capacity, limits, force)
            made, missed = ran.production.sum(axis=1), ran.unmet
            np.testing.assert_allclose(made + missed, force.output, atol=1e-9)
            assert float((ran.hot_metal.sum(axis=1) - capacity.sum(axis=1)).max()) <= 1e-9
            assert float(jnp.abs(ran.added).max()) == 0.0
            electric = (ran.production * world.kind["scrap"][None, :]).sum(axis=1)
            charged = metal.content_hot_metal * ran.hot_metal.sum(axis=1) + metal.content_scrap * ran.scrap.sum(axis=1)
            tapped = (made - electric) / metal.yield_converter + electric / metal.yield_electric
            np.testing.assert_allclose(charged, metal.content_steel * tapped, atol=1e-9)
