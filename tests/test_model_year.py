"""Year by year: iron balance of every province, furnaces and their calendar, growth within limits."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.compiled import POLICIES, QUICK, basis_of, changed, draw, world_of

from mc.allocation.policies import RIVALS
from mc.inputs.nouns import Inputs
from mc.model import capacity, chain, iron, year
from mc.model.before import Before, before
from mc.model.world import FURNACES, HOT_METAL, World, places

DRAWS = (1, 2, 7)


@dataclasses.dataclass(frozen=True)
class Walk:
    """A draw followed year by year; states and results have leading axes year after the base year, scenario.

    What is one array a route, [..., province], is one array [..., province, route] here.
    """

    inputs: Inputs
    world: World
    ahead: Before
    states: year.State
    results: year.Result


def follow(inputs: Inputs, world: World, basis: Any) -> tuple[Before, year.State, year.Result]:
    ahead = before(inputs, world, basis)
    policies = tuple(RIVALS[name] for name in POLICIES)

    def step(states: year.State, force: Any) -> Any:
        states, results = year.step(inputs, world, ahead.drive, policies, states, force)
        return states, (states, results)

    first = chain.first_state(inputs, world, ahead)
    start = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(policies), *x.shape)), first)
    _, (states, results) = jax.lax.scan(step, start, year.years_of(inputs, world, ahead.drive))
    side_by_side = functools.partial(jnp.stack, axis=-1)
    states = dataclasses.replace(states, capacity=side_by_side(states.capacity))
    production, tapped = (jnp.moveaxis(made, 2, -1) for made in (results.production, results.hot_metal))
    hot = jnp.asarray(list(places(world, *HOT_METAL)))
    metal = jnp.zeros_like(production).at[..., hot].set(tapped)
    return ahead, states, dataclasses.replace(results, production=production, hot_metal=metal)


walking = jax.jit(follow, compiler_options=QUICK)


@functools.cache
def walk(index: int, ban: float = 9999.0) -> Walk:
    inputs = changed(
        draw(index),
        uptake__reline_ban_from=ban,
        uptake__early_retirement=0.02,
        uptake__capture_floor_2060=150.0,
        uptake__h2_dri_floor_2060=80.0,
    )
    world = world_of(inputs)
    with jax.enable_x64(True):
        found = walking(*jax.tree.map(lambda x: jnp.asarray(x, np.float64), (inputs, world, basis_of(inputs))))
        return Walk(inputs, world, *jax.tree.map(np.asarray, found))


def furnaces(world: World) -> np.ndarray:
    return np.array([float(kind in FURNACES) for kind in world.routes])


@pytest.mark.parametrize("ban", [9999.0, 2040.0])
@pytest.mark.parametrize("index", DRAWS)
def test_iron_charged_is_iron_tapped_in_every_province_and_year(index: int, ban: float) -> None:
    found = walk(index, ban)
    metal, results = found.inputs.iron, found.results
    electric = (results.production * found.world.kind["scrap"]).sum(axis=-1)
    direct = (results.production * found.world.kind["direct"]).sum(axis=-1)
    converter = results.production.sum(axis=-1) - electric - direct
    charged = metal.content_hot_metal * results.hot_metal.sum(axis=-1) + metal.content_scrap * results.scrap.sum(
        axis=-1
    )
    tapped = metal.content_steel * (converter / metal.yield_converter + electric / metal.yield_electric)
    np.testing.assert_allclose(charged, tapped, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("index", DRAWS)
def test_iron_balance_of_the_base_year_closes(index: int) -> None:
    found = walk(index)
    metal, start, output = found.inputs.iron, found.ahead.start, found.ahead.output[:, 0]
    charged = metal.content_hot_metal * start.hot_metal + metal.content_scrap * start.scrap
    converter = output - start.electric
    tapped = metal.content_steel * (converter / metal.yield_converter + start.electric / metal.yield_electric)
    np.testing.assert_allclose(charged, tapped, rtol=1e-10, atol=1e-10)
    assert start.hot_metal.sum() + metal.pig_iron_to_foundries == pytest.approx(float(metal.pig_iron_2020))


@pytest.mark.parametrize("index", DRAWS)
def test_furnaces_that_await_a_reline_add_to_capacity_every_year(index: int) -> None:
    """First fleet not yet due and what was renewed within a campaign, less early retirement, are all there is."""
    found = walk(index)
    campaign, years = float(found.inputs.uptake.campaign), np.arange(1, len(found.world.years))
    first, kept = found.ahead.drive.first_due, found.ahead.drive.years.kept
    by_route = (found.states.capacity * furnaces(found.world)).sum(axis=-1)
    for position, now in enumerate(years):
        waiting = first[now + 1 :].sum(axis=0)
        # What was renewed a fractional campaign ago is due partly this year and partly the next.
        weight = np.clip(campaign - (now - np.arange(1, now + 1)), 0.0, 1.0)
        renewed = np.einsum("c,csp->sp", weight, found.results.renewed[:now])
        expected = kept[position] * (waiting[None, :] + renewed)
        np.testing.assert_allclose(by_route[position], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("index", DRAWS)
def test_first_fleet_is_due_once_within_a_campaign(index: int) -> None:
    found = walk(index)
    first = found.ahead.drive.first_due
    fleet = np.maximum(found.inputs.uptake.blast_furnace_capacity_2020, found.ahead.start.hot_metal)
    np.testing.assert_allclose(first.sum(axis=0), fleet, rtol=1e-12)
    assert first[0].max() == 0
    assert first[int(np.ceil(found.inputs.uptake.campaign)) + 1 :].max() == 0


@pytest.mark.parametrize("ban", [9999.0, 2040.0])
@pytest.mark.parametrize("index", DRAWS)
def test_hot_metal_fits_capacity_and_routes_wait_for_their_year(index: int, ban: float) -> None:
    found = walk(index, ban)
    hot = np.asarray(found.world.kind["smelting"]) + furnaces(found.world)
    capacities = found.states.capacity
    assert (found.results.hot_metal <= capacities * hot + 1e-9).all()
    direct = np.asarray(found.world.kind["direct"]) > 0
    assert (found.results.production[..., direct] <= capacities[..., direct] + 1e-9).all()
    early = found.world.years[1:, None] < found.inputs.routes.available_year[None, :]
    new = np.asarray(found.world.kind["direct"] + found.world.kind["smelting"] + found.world.kind["retrofit"]) > 0
    assert np.abs(capacities[:, 0][np.broadcast_to((early & new)[:, None, :], capacities[:, 0].shape)]).max() == 0


@pytest.mark.parametrize("index", DRAWS)
def test_new_routes_stay_within_growth_seed_and_national_ceiling(index: int) -> None:
    found = walk(index)
    uptake, drive, capacities = found.inputs.uptake, found.ahead.drive, found.states.capacity
    first = np.stack(capacity.first_fleet(uptake, found.world, found.ahead.start), axis=-1)
    first = np.broadcast_to(first, capacities[0].shape)
    before_ = np.concatenate([first[None], capacities[:-1]])
    place = drive.years.output / drive.years.output.sum(axis=1, keepdims=True)
    new = np.asarray(found.world.kind["direct"] + found.world.kind["smelting"] + found.world.kind["retrofit"]) > 0
    limit = (1.0 + uptake.new_route_growth) * before_ + uptake.new_route_seed * place[:, None, :, None]
    assert (capacities <= limit + 1e-9)[..., new].all()
    ceiling = np.maximum(drive.years.ceiling[:, None, None, :] * place[:, None, :, None], before_)
    assert (capacities <= ceiling + 1e-9)[..., new].all()


@pytest.mark.parametrize("index", DRAWS)
def test_electric_steel_grows_no_faster_than_allowed(index: int) -> None:
    found = walk(index)
    uptake = found.inputs.uptake
    made = (found.results.production * found.world.kind["scrap"]).sum(axis=-1)
    highest = np.maximum.accumulate(np.concatenate([np.broadcast_to(found.ahead.start.electric, made[:1].shape), made]))
    limit = (1.0 + uptake.eaf_growth) * highest[:-1] + uptake.eaf_seed * found.ahead.drive.years.output[:, None, :]
    assert (made <= limit + 1e-9).all()


@pytest.mark.parametrize("index", DRAWS)
def test_scrap_charged_is_home_scrap_and_arrivals_within_what_furnaces_take(index: int) -> None:
    found = walk(index)
    metal, results, forces = found.inputs.iron, found.results, found.ahead.drive.years
    charged = results.scrap.sum(axis=-1)
    assert (charged <= forces.home[:, None, :] + results.shipments.arrivals + 1e-9).all()
    assert (results.shipments.arrivals <= charged + 1e-9).all()
    electric = (results.production * found.world.kind["scrap"]).sum(axis=-1)
    direct = (results.production * found.world.kind["direct"]).sum(axis=-1)
    converter = forces.output[:, None, :] - electric - direct
    in_converters = results.scrap[..., 0] + results.scrap[..., 2]
    assert (in_converters <= metal.converter_scrap_max * converter + 1e-9).all()
    for position, charge in enumerate(forces.charge):
        rate, _ = iron.electric_charge(metal, charge)
        np.testing.assert_allclose(results.scrap[position, ..., 1], float(rate) * electric[position], atol=1e-9)


def test_a_year_is_traced_for_its_verdict_only_where_policies_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    known, toll = walk(1), object()
    shared: Any = (known.inputs, known.world, known.ahead.drive)
    traced: list[Any] = []

    def years_of(*given: Any) -> Any:
        traced.append(given)
        raise StopIteration

    monkeypatch.setattr(year, "years_of", years_of)
    assert chain.no_verdict((), (*shared, None), known.states) is None
    assert not traced
    with pytest.raises(StopIteration):
        chain.no_verdict((), (*shared, toll), known.states)
    assert traced == [(*shared, toll)]
