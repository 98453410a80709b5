"""What must hold in any draw of the whole chain under any scrap policy."""

import functools
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.compiled import POLICIES, bound, changed, draw, outputs

DRAW = st.integers(0, 23)
SOME = settings(max_examples=10, deadline=None, derandomize=True)
NEVER_NEGATIVE = (
    "population",
    "income_by_province",
    "crude_steel_by_province",
    "steel_use_by_province",
    "steel_inflow",
    "steel_stock_by_province",
    "steel_retired",
    "scrap_home",
    "scrap_prompt",
    "scrap_obsolete_by_province",
    "scrap_supply_by_province",
    "scrap_purchasable",
    "production_by_route_by_province",
    "pig_iron",
    "scrap_used_by_province",
    "scrap_traded",
    "scrap_freight_work",
    "scrap_freight_co2",
    "scrap_freight_cost",
    "iron_ore_by_province",
    "hydrogen_by_province",
    "co2_scope1_by_province",
    "co2_captured_by_province",
    "pollutants_by_province",
    "cost",
    "stranded_capital",
    "unmet_production",
    "stock_shortfall",
    "scrap_closure_factor",
)


@functools.cache
def run(index: int) -> dict[str, np.ndarray]:
    return outputs(draw(index))


def changed_run(index: int, **values: Any) -> dict[str, np.ndarray]:
    return outputs(changed(draw(index), **values))


@SOME
@given(index=DRAW)
def test_steel_by_route_adds_to_output(index: int) -> None:
    found = run(index)
    made = found["production_by_route_by_province"].sum(axis=1)
    output = np.broadcast_to(found["crude_steel_by_province"], made.shape)
    np.testing.assert_allclose(made.sum(axis=1), output.sum(axis=1) - found["unmet_production"], rtol=1e-12)
    np.testing.assert_allclose(made, output, atol=1e-9)
    np.testing.assert_allclose(found["crude_steel"], found["crude_steel_by_province"].sum(axis=0), rtol=1e-12)


@SOME
@given(index=DRAW)
def test_steel_in_use_changes_by_inflow_less_retirement(index: int) -> None:
    found = run(index)
    np.testing.assert_allclose(
        np.diff(found["steel_stock"]), (found["steel_inflow"] - found["steel_retired"])[1:], atol=1e-8
    )


@SOME
@given(index=DRAW)
def test_scrap_used_never_exceeds_supply_after_the_base_year(index: int) -> None:
    found = run(index)
    assert (found["scrap_unused"][:, 1:] >= -1e-9).all()
    assert (found["scrap_arrivals"][:, 1:] <= found["scrap_purchasable"][1:] + 1e-9).all()
    assert (found["scrap_policy_violation"] <= 1e-9).all()


@SOME
@given(index=DRAW)
def test_nothing_is_negative_that_must_not_be(index: int) -> None:
    found = run(index)
    for name in NEVER_NEGATIVE:
        assert found[name].min() >= -1e-9, name
    assert (found["scrap_arrivals_by_province"][..., 1:] >= -1e-9).all()
    assert found["co2_grid_removal"].max() <= 1e-12 or draw(index).routes.electricity.min() < 0


@SOME
@given(index=DRAW)
def test_scopes_partition_the_total(index: int) -> None:
    found = run(index)
    for end in ("", "_by_province"):
        parts = [found[f"co2_{name}{end}"] for name in ("scope1", "scope2", "grid_removal")]
        np.testing.assert_allclose(sum(parts), found[f"co2_direct_power{end}"], atol=1e-9)
        whole = found[f"co2_direct_power{end}"] + found[f"co2_scope3{end}"]
        np.testing.assert_allclose(whole, found[f"co2_total{end}"], atol=1e-9)


@SOME
@given(index=DRAW)
def test_nation_is_the_sum_of_its_provinces(index: int) -> None:
    found = run(index)
    for name, values in found.items():
        national = name.removesuffix("_by_province")
        if name == national or national not in found or national in ("eaf_share", "grid_factor", "iron_ore"):
            continue
        np.testing.assert_allclose(values.sum(axis=-2), found[national], rtol=1e-9, atol=1e-9, err_msg=name)


@SOME
@given(index=DRAW)
def test_energy_and_direct_co2_share_one_carbon(index: int) -> None:
    """Fuels times their factors, calcined flux and electrodes are what is emitted or captured."""
    inputs, found, carriers = draw(index), run(index), bound().axes["carrier"]
    burnt = np.einsum("e,sept->spt", inputs.carriers.emission_factor, found["energy_by_carrier_by_province"])
    released = found["co2_scope1_by_province"] + found["co2_captured_by_province"]
    assert inputs.carriers.emission_factor[[carriers.index(name) for name in ("hydrogen", "electricity")]].max() == 0
    assert (burnt <= released + 1e-9).all()
    share = burnt.sum(axis=1) / released.sum(axis=1)
    assert (share[:, 0] > 0.85).all()


@SOME
@given(index=DRAW, factor=st.floats(0.2, 0.95))
def test_cleaner_grid_lowers_power_co2_where_power_is_bought(index: int, factor: float) -> None:
    national = draw(index).grid.factor_national
    before, after = (
        run(index),
        changed_run(index, grid__factor_national=np.where(national > 0, national * factor, national)),
    )
    # Dispatch does not read the grid under these policies, so that the same power is bought.
    np.testing.assert_allclose(
        before["electricity_by_province"], after["electricity_by_province"], rtol=1e-9, atol=1e-9
    )
    bought = before["electricity_by_province"] > 0
    assert (after["co2_scope2_by_province"] <= before["co2_scope2_by_province"] + 1e-12)[bought].all()
    np.testing.assert_allclose(before["co2_scope1"], after["co2_scope1"], rtol=1e-12)


@SOME
@given(index=DRAW, more=st.floats(0.3, 1.0))
def test_more_recovery_gives_at_least_as_much_scrap_later(index: int, more: float) -> None:
    now = draw(index).scrap.recovery_rise
    before, after = run(index), changed_run(index, scrap__recovery_rise=now + more * (1.0 - now))
    assert (after["scrap_obsolete"] >= before["scrap_obsolete"] - 1e-9).all()
    assert (after["scrap_used"] >= before["scrap_used"] - 1e-6)[1:, 1].all()


@SOME
@given(index=DRAW)
def test_scenarios_share_the_base_year(index: int) -> None:
    found = run(index)
    for name in ("co2_direct_power_by_province", "production_by_route_by_province", "cost", "scrap_used"):
        np.testing.assert_allclose(found[name][0, ..., 0], found[name][1, ..., 0], rtol=1e-12)
        np.testing.assert_allclose(found[name][0, ..., 0], found[name][2, ..., 0], rtol=1e-12)


@SOME
@given(index=DRAW)
def test_market_and_pool_place_all_scrap_that_can_be_used(index: int) -> None:
    """What is short of it is the unfinished scaling of the market, and it must be small."""
    found = run(index)
    market, pool = POLICIES.index("market"), POLICIES.index("pro_rata")
    assert np.abs(found["scrap_policy_residual"][pool]).max() < 1e-12
    assert found["scrap_policy_residual"][market].max() < 3e-3


def reordered(values: Any, order: np.ndarray) -> Any:
    """Inputs with provinces in another order: every axis of that length is one of provinces."""

    def one(x: np.ndarray) -> np.ndarray:
        for axis, length in enumerate(x.shape):
            if length == len(order):
                x = np.take(x, order, axis=axis)
        return x

    return jax.tree.map(one, values)


def test_provinces_in_another_order_give_outputs_in_that_order() -> None:
    provinces = len(bound().axes["province"])
    assert [name for name, labels in bound().axes.items() if len(labels) == provinces] == ["province", "destination"]
    order = np.random.default_rng(1).permutation(provinces)
    straight, moved = run(2), outputs(reordered(draw(2), order))
    for name, values in straight.items():
        if name in ("scrap_policy_residual", "scrap_policy_violation", "scrap_closure_residual", "scrap_unused"):
            continue
        expected = np.take(values, order, axis=-2) if name.endswith("_by_province") else values
        np.testing.assert_allclose(moved[name], expected, rtol=1e-7, atol=1e-7, err_msg=name)


def test_ban_on_relines_leaves_no_new_furnace_and_shows_what_is_missing() -> None:
    found = changed_run(2, uptake__reline_ban_from=2030.0)
    assert found["unmet_production"][:, -1].max() > 0
    made = found["production_by_route"].sum(axis=1)
    np.testing.assert_allclose(made + found["unmet_production"], np.broadcast_to(found["crude_steel"], made.shape))
    # Idle furnaces may run again, so iron can rise from year to year; but never above what relines would have allowed.
    assert (found["blast_furnace_iron"] <= run(2)["blast_furnace_iron"] + 1e-6).all()
    assert found["blast_furnace_iron"][:, 30:].max() < 0.8 * run(2)["blast_furnace_iron"][:, 10].min()


@pytest.mark.parametrize(("quantity", "value"), [("costs__carbon_price", 0.0), ("freight__road_cost", 0.0)])
def test_prices_that_move_no_choice_move_cost_only(quantity: str, value: float) -> None:
    after = changed_run(3, **{quantity: value, "uptake__choice_scale": 1e12})
    flat = changed_run(3, uptake__choice_scale=1e12)
    np.testing.assert_allclose(after["co2_total"], flat["co2_total"], rtol=1e-9)
    assert (after["cost"][:, 1:] < flat["cost"][:, 1:]).all()
