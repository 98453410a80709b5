"""What runs in a year: worth of scrap against the emissions it really saves, filling in order, bans."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.compiled import basis_of, changed, draw, world_of

from mc.allocation.problem import CONVERTER_STEPS
from mc.model import dispatch
from mc.model.before import Before, before
from mc.model.emissions import year_flows
from mc.model.world import HOT_METAL, places
from mc.model.worth import co2_toll, scrap_worth


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
        filled = np.asarray(dispatch.waterfall(jnp.asarray([amount]), [jnp.asarray([size]) for size in sizes]))[:, 0]
    left = amount
    for got, size in zip(filled, sizes, strict=True):
        assert got == pytest.approx(min(left, size), abs=1e-12)
        left -= min(left, size)


def emitted(known: tuple[Any, Any, Before], capacity: jax.Array, scrap: jax.Array, force: Any) -> np.ndarray:
    """Direct and power CO2 of a year, Mt [province], from what runs."""
    inputs, world, ahead = known
    ran = dispatch.dispatch(inputs, world, tuple(capacity.T), scrap, force)
    hot, made = jnp.stack(ran.hot_metal, axis=1), jnp.stack(ran.production, axis=1)
    steel, charging = ahead.drive.per_steel, jnp.asarray(places(world, *HOT_METAL))
    metal = jax.tree.map(lambda flow: flow[charging], ahead.drive.per_metal)
    direct = hot @ (metal.direct * force.carbon) + made @ steel.direct
    power = hot @ (metal.electricity * force.carbon)
    power = power + made @ (steel.electricity + steel.electricity_change * force.rise)
    melted = (made * world.kind["scrap"][None, :]).sum(axis=1)
    power = power + inputs.routes.electricity_per_hot_metal * force.charge * melted
    hydrogen = made @ (steel.hydrogen + steel.hydrogen_change * force.rise) / 1000.0
    power = power + hydrogen * ahead.setting.hydrogen.power[force.slot] * world.hydrogen_on_site
    return np.asarray(direct + power * force.grid)


def toll_of(known: tuple[Any, Any, Before]) -> Any:
    inputs, world, ahead = known
    return co2_toll(inputs, world, ahead.setting, year_flows(inputs, world, ahead.drive, ahead.setting))


def worth_of(known: tuple[Any, Any, Before], capacity: jax.Array, on_site: jax.Array, first: float) -> Any:
    """Steps of the year at place 20, with what the uses can take and the year."""
    inputs, world, ahead = known
    force, toll = jax.tree.map(lambda path: path[20], ahead.drive.years), toll_of(known)
    limits = dispatch.scrap_limits(inputs, 0.4 * force.output, 0.6 * force.output, force.charge)
    # Forces start a year after the base year, tolls with it.
    year = force, jax.tree.map(lambda path: path[21], toll)
    return scrap_worth(inputs, world, year, (tuple(capacity.T), on_site, limits), jnp.asarray(first)), limits, force


@pytest.mark.parametrize("segment", [0, 1, 2])
@pytest.mark.parametrize("route", ["base", "best", "retrofit"])
def test_worth_of_scrap_is_the_co2_that_one_more_tonne_saves(
    known: tuple[Any, Any, Before], segment: int, route: str
) -> None:
    """With one kind of furnace in a province the displaced route is that one, and worth must be exact."""
    world = known[1]
    with jax.enable_x64(True):
        one = int(np.argmax(np.asarray(world.kind[route])))
        size = known[2].drive.years.output.shape[1], len(world.kind["base"])
        capacity = jnp.zeros(size).at[:, one].set(1000.0)
        steps, limits, force = worth_of(known, capacity, jnp.zeros((size[0], 3)), 0.0)
        scrap = 0.5 * limits
        more = 1e-4 * jnp.zeros_like(scrap).at[:, segment].set(1.0)
        saved = emitted(known, capacity, scrap, force) - emitted(known, capacity, scrap + more, force)
    makes = np.asarray(force.output) > 0
    step = CONVERTER_STEPS if segment == 1 else 0
    np.testing.assert_allclose((saved / 1e-4)[makes], np.asarray(steps.worth)[makes, step], rtol=1e-6)


@pytest.mark.parametrize("first", [0.0, 1.0])
def test_worth_of_all_steps_is_what_full_use_saves(known: tuple[Any, Any, Before], first: float) -> None:
    """Whatever furnaces stand in a province, and on either path."""
    world = known[1]
    random = np.random.default_rng(3)
    with jax.enable_x64(True):
        size = known[2].drive.years.output.shape[1], len(world.kind["base"])
        capacity = jnp.asarray(random.uniform(0.0, 10.0, size) * random.integers(0, 2, size))
        home = jnp.asarray(random.uniform(0.0, 1.0, (size[0], 1)))
        limits = worth_of(known, capacity, jnp.zeros((size[0], 3)), first)[1]
        on_site = jnp.minimum(home * limits, limits)
        steps, limits, force = worth_of(known, capacity, on_site, first)
        saved = emitted(known, capacity, on_site, force) - emitted(known, capacity, limits, force)
    total = (np.asarray(steps.size) * np.asarray(steps.worth)).sum(axis=1)
    np.testing.assert_allclose(total, saved, atol=1e-9)
    np.testing.assert_allclose(np.asarray(steps.size).sum(axis=1), np.asarray(limits - on_site).sum(axis=1), atol=1e-12)


def test_scrap_is_worth_nothing_where_there_is_no_room(known: tuple[Any, Any, Before]) -> None:
    with jax.enable_x64(True):
        size = known[2].drive.years.output.shape[1], len(known[1].kind["base"])
        capacity = jnp.full(size, 5.0)
        limits = worth_of(known, capacity, jnp.zeros((size[0], 3)), 0.0)[1]
        steps = worth_of(known, capacity, limits, 0.0)[0]
    assert not np.asarray(steps.size).any()
    assert not np.asarray(steps.worth).any()


def test_ban_takes_from_converters_first_and_keeps_the_iron_balance(known: tuple[Any, Any, Before]) -> None:
    inputs, world, ahead = known
    metal = inputs.iron
    with jax.enable_x64(True):
        force = jax.tree.map(lambda path: path[20], ahead.drive.years)
        banned = jax.tree.map(jnp.asarray, changed(inputs, uptake__reline_ban_from=2000.0))
        limits = dispatch.scrap_limits(inputs, 0.4 * force.output, 0.6 * force.output, force.charge)
        for size in (0.0, 0.05, 0.3, 2.0):
            capacity = size * force.output[:, None] * world.kind["base"][None, :]
            ran = dispatch.dispatch(banned, world, tuple(capacity.T), limits, force)
            made, missed, hot = sum(ran.production), ran.unmet, sum(ran.hot_metal)
            np.testing.assert_allclose(made + missed, force.output, atol=1e-9)
            assert float((hot - capacity.sum(axis=1)).max()) <= 1e-9
            assert float(jnp.abs(ran.added).max()) == 0.0
            electric = sum(ran.production[route] for route in places(world, "scrap"))
            charged = metal.content_hot_metal * hot + metal.content_scrap * ran.scrap.sum(axis=1)
            tapped = (made - electric) / metal.yield_converter + electric / metal.yield_electric
            np.testing.assert_allclose(charged, metal.content_steel * tapped, atol=1e-9)
