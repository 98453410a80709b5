"""Carbon and iron per tonne: what burns is what is emitted or captured; grid and charge at the years of the tables."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.compiled import bound, changed, draw, world_of

from mc.model import grid, intensity, iron
from mc.model.paths import fade, logistic, ramp, ratio, shares

YEARS = np.arange(2020.0, 2061.0)


def exact(tree: Any) -> Any:
    return jax.tree.map(lambda x: jnp.asarray(x, np.float64), tree)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(share=st.floats(0.0, 0.95), heat=st.floats(0.0, 6.0), factor=st.floats(0.0, 0.1))
def test_capture_takes_its_share_of_all_that_passes_it(share: float, heat: float, factor: float) -> None:
    """Followed round by round: the heat of capture emits, of which a share is captured, which needs heat again."""
    with jax.enable_x64(True):
        inputs = changed(draw(0), routes__capture_share=share, routes__capture_heated=1.0, routes__capture_heat=heat)
        emission = np.full(len(bound().axes["carrier"]), factor)
        found = intensity.capture(exact(inputs.routes), jnp.asarray(emission))
    passing, captured = 1.0, 0.0
    for _ in range(300):
        captured = share * passing
        passing = 1.0 + captured * heat * factor
    np.testing.assert_allclose(found.captured, captured, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.left, passing - captured, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.heat, captured * heat, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("index", range(6))
def test_carbon_of_hot_metal_is_in_its_fuels_and_flux(index: int) -> None:
    inputs, world = draw(index), world_of(draw(index))
    with jax.enable_x64(True):
        flows = intensity.per_hot_metal(exact(inputs), exact(world))
    hot = np.asarray(world.kind["base"] + world.kind["best"] + world.kind["retrofit"] + world.kind["smelting"]) > 0
    np.testing.assert_allclose(inputs.routes.carbon_share[hot].sum(axis=1), 1.0, atol=1e-9)
    burnt = np.asarray(flows.fuel) @ inputs.carriers.emission_factor
    flux = inputs.routes.hot_metal_co2 * inputs.routes.carbon_ratio * inputs.routes.hot_metal_flux_share
    np.testing.assert_allclose(
        (burnt + flux)[hot], np.asarray(flows.direct + flows.captured)[hot], rtol=1e-9, atol=1e-12
    )
    assert np.asarray(flows.direct)[~hot].max() == 0
    assert np.abs(np.asarray(flows.fuel)[~hot]).max() == 0


@pytest.mark.parametrize("index", range(6))
def test_rows_of_a_route_do_not_contain_one_another(index: int) -> None:
    """Carbon-free carriers have rows of their own; electricity is no fuel; one of pellets and hot metal brings iron."""
    inputs, world, carriers = draw(index), world_of(draw(index)), bound().axes["carrier"]
    for name in ("hydrogen", "electricity"):
        assert inputs.routes.fuel[:, carriers.index(name)].max() == 0
        assert inputs.routes.carbon_share[:, carriers.index(name)].max() == 0
    hot = np.asarray(world.kind["base"] + world.kind["best"] + world.kind["retrofit"] + world.kind["smelting"]) > 0
    assert inputs.routes.ore[hot].max() == 0
    assert inputs.routes.ore[np.asarray(world.kind["scrap"]) > 0].max() == 0


@settings(max_examples=50, deadline=None, derandomize=True)
@given(share=st.floats(0.0, 0.9), rate=st.floats(0.0, 0.5), index=st.integers(0, 5))
def test_charges_bring_the_iron_that_is_tapped(share: float, rate: float, index: int) -> None:
    metal = draw(index).iron
    with jax.enable_x64(True):
        scrap, hot_metal = map(float, iron.electric_charge(exact(metal), jnp.asarray(share)))
        converter = float(iron.converter_hot_metal(exact(metal), jnp.asarray(rate)))
    electric = scrap * metal.content_scrap + hot_metal * metal.content_hot_metal
    assert electric * metal.yield_electric == pytest.approx(float(metal.content_steel))
    assert hot_metal == pytest.approx(share * (scrap + hot_metal))
    blown = converter * metal.content_hot_metal + rate * metal.content_scrap
    assert blown * metal.yield_converter == pytest.approx(float(metal.content_steel))


def test_hot_metal_charge_meets_the_years_of_the_table() -> None:
    metal = draw(3).iron
    with jax.enable_x64(True):
        path = dict(zip(YEARS, np.asarray(iron.hot_metal_charge(exact(metal), jnp.asarray(YEARS))), strict=True))
    assert path[2020] == pytest.approx(float(metal.hot_metal_charge_2020))
    assert path[2035] == pytest.approx(float(metal.hot_metal_charge_2035))
    assert path[float(np.ceil(metal.hot_metal_charge_end))] == 0
    assert path[2030] == pytest.approx(float(metal.hot_metal_charge_2020 / 3 + 2 * metal.hot_metal_charge_2035 / 3))


def test_a_negative_grid_rewards_no_province_more_than_another() -> None:
    path = np.linspace(0.5, -0.2, len(YEARS))
    power = changed(draw(1), grid__factor_national=path).grid
    with jax.enable_x64(True):
        factor, removal = map(np.asarray, grid.factors(exact(power), jnp.asarray(YEARS)))
    assert factor.min() >= 0
    assert factor[:, path < 0].max() == 0
    np.testing.assert_allclose(removal, np.broadcast_to(np.minimum(path, 0.0), removal.shape))


def test_provincial_factors_start_at_the_measured_and_end_at_the_resource() -> None:
    power = changed(draw(1), grid__hydro_year_sd=0.0, grid__ratio_relaxation=1.0).grid
    with jax.enable_x64(True):
        ratios = np.asarray(grid.provincial_ratio(exact(power), jnp.asarray(YEARS)))
    early = (power.factor_2021 / power.factor_national_2021 + power.factor_2022 / power.factor_national_2022) / 2
    np.testing.assert_allclose(ratios[:, 0], early)
    late = (1 - power.nonfossil_share) / (1 - power.nonfossil_share_national)
    np.testing.assert_allclose(ratios[:, -1], late, atol=1e-12)


def test_hydrogen_of_dedicated_renewables_takes_no_grid_power() -> None:
    supply = changed(draw(1), hydrogen__dedicated_share_2025=1.0, hydrogen__dedicated_share_2060=1.0).hydrogen
    with jax.enable_x64(True):
        path = grid.hydrogen_path(exact(supply), jnp.asarray(YEARS))
    assert np.abs(np.asarray(path.power)).max() == 0
    np.testing.assert_allclose(path.price, 1000.0 * (supply.price_dedicated + supply.firming_cost))


def test_shapes_in_time() -> None:
    with jax.enable_x64(True):
        years = jnp.asarray(YEARS)
        np.testing.assert_allclose(ramp(years, 2030.0, 2040.0)[jnp.asarray([0, 10, 15, 20, 40])], [0, 0, 0.5, 1, 1])
        np.testing.assert_allclose(fade(years, jnp.asarray(20.0))[jnp.asarray([0, 5, 20, 40])], [1, 0.75, 0, 0])
        half = float(logistic(jnp.asarray(2040.0), jnp.asarray(2040.0), jnp.asarray(0.3)))
        assert half == 0.5
        np.testing.assert_allclose(ratio(jnp.asarray([1.0, 0.0, 6.0]), jnp.asarray([0.0, 0.0, 3.0])), [0.0, 0.0, 2.0])
        np.testing.assert_allclose(shares(jnp.asarray([1.0, 3.0])), [0.25, 0.75])
        slopes = jax.grad(lambda x: ratio(jnp.asarray([1.0, 1.0]), x).sum())(jnp.asarray([0.0, 2.0]))
        np.testing.assert_allclose(slopes, [0.0, -0.25])


def test_every_noun_of_a_draw_is_finite() -> None:
    for noun in dataclasses.fields(draw(0)):
        for field in dataclasses.fields(getattr(draw(0), noun.name)):
            assert np.isfinite(getattr(getattr(draw(0), noun.name), field.name)).all(), f"{noun.name}.{field.name}"
