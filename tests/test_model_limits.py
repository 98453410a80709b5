"""The chain at its limits: no demand, no scrap, one province, one furnace kind; finite, and right where one can see."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.compiled import basis_of, bound, changed, draw, outputs, whole, world_of

from mc.inputs.nouns import Inputs

FADING = {
    "demand__material_saving": 1.0,
    "demand__direct_net_export_2030": 0.0,
    "demand__indirect_left_2060": 0.0,
    "structure__demand_driver": 1.0,
}
NO_RECOVERY = {
    "scrap__obsolete_recovery": 0.0,
    "scrap__prompt_recovery": 0.0,
    "scrap__home_recovery": 0.0,
    "scrap__recovery_target": 0.0,
}
LIMITS: dict[str, dict[str, Any]] = {
    "demand fades to nothing": FADING,
    "nothing is recovered": NO_RECOVERY,
    "one end use is not recovered": {"scrap__obsolete_recovery": [0.0, 0.7, 0.8, 0.8, 0.7]},
    "nothing retires": {"stock__lifetime_mean": 1e6, "stock__lifetime_common_factor": 1e3},
    "pig iron covers all": {"iron__pig_iron_2020": 1060.0},
    "no electric furnaces": {"iron__eaf_share_national": 0.0, "iron__eaf_share_2020": 0.0},
    "electric furnaces only": {"iron__eaf_share_national": 1.0, "iron__eaf_share_2020": 1.0},
    "output never grew": {"demand__crude_steel_history": 1000.0},
    "all scrap is exported": {"scrap__net_import": -2000.0},
    "no hydrogen": {"hydrogen__supply_max": 0.0},
    "no storage": {"uptake__co2_storage": 0.0},
    "no new furnaces": {"uptake__reline_ban_from": 2021.0},
    "no seed": {"uptake__eaf_seed": 0.0, "uptake__new_route_seed": 0.0},
    "cost alone decides": {"uptake__choice_scale": 30.0},
}


def only(province: int, total: float) -> np.ndarray:
    values = np.zeros(len(bound().axes["province"]))
    values[province] = total
    return values


def one_province(index: int = 2) -> Inputs:
    return changed(
        draw(index),
        structure__demand_driver=1.0,
        demand__crude_steel_2020=only(2, 1064.77),
        demand__use_share_2020=only(2, 1.0),
        demand__stock_share_2000=only(2, 1.0),
        demand__capacity_2020=only(2, 1100.0),
        uptake__blast_furnace_capacity_2020=only(2, 900.0),
        iron__eaf_share_2020=only(2, 0.1),
    )


def assert_finite(found: dict[str, np.ndarray]) -> None:
    assert [name for name, values in found.items() if not np.isfinite(values).all()] == []
    assert float(found["fault_mass_balance"]) == 0.0


@pytest.mark.parametrize("limit", LIMITS)
def test_outputs_stay_finite_and_steel_is_made_or_missed(limit: str) -> None:
    found = outputs(changed(draw(2), **LIMITS[limit]))
    assert_finite(found)
    made = found["production_by_route"].sum(axis=1) + found["unmet_production"]
    np.testing.assert_allclose(made, np.broadcast_to(found["crude_steel"], made.shape), rtol=1e-9, atol=1e-9)


def test_output_of_no_demand_is_nothing() -> None:
    found = outputs(changed(draw(2), **FADING))
    for name in ("crude_steel", "co2_scope1", "scrap_used", "cost", "electricity"):
        np.testing.assert_allclose(found[name][..., -1], 0.0, atol=1e-9)


def test_one_province_is_the_nation() -> None:
    found = outputs(one_province())
    assert_finite(found)
    for name in ("co2_total", "cost", "scrap_used", "crude_steel"):
        np.testing.assert_allclose(found[f"{name}_by_province"][..., 2, :], found[name], rtol=1e-12)
    for name in ("co2_total", "scrap_used", "scrap_arrivals"):
        np.testing.assert_allclose(found[name][0], found[name][1], rtol=1e-6, err_msg=f"{name}: autarky, market")
        np.testing.assert_allclose(found[name][1], found[name][2], rtol=1e-6, err_msg=f"{name}: market, pool")
    np.testing.assert_allclose(found["scrap_traded"], 0.0, atol=1e-9)


def test_nothing_retires_of_goods_that_last_for_ever() -> None:
    found = outputs(changed(draw(2), **LIMITS["nothing retires"]))
    np.testing.assert_allclose(found["steel_retired"], 0.0, atol=1e-6)
    np.testing.assert_allclose(found["scrap_obsolete"], 0.0, atol=1e-6)
    np.testing.assert_allclose(np.diff(found["steel_stock"]), found["steel_inflow"][1:], rtol=1e-6)


def test_without_scrap_every_tonne_comes_from_iron() -> None:
    found = outputs(changed(draw(2), **NO_RECOVERY))
    np.testing.assert_allclose(found["scrap_used"][:, 1:], 0.0, atol=1e-9)
    np.testing.assert_allclose(found["eaf_share"][:, 1:], 0.0, atol=1e-9)


def national_sum(inputs: Inputs, world: Any, basis: Any) -> jax.Array:
    found = whole(inputs, world, basis)
    names = ("co2_total", "cost", "scrap_used", "crude_steel", "co2_captured", "eaf_share", "steel_stock")
    return sum((found[name].mean() for name in names), start=jnp.zeros(()))


def arguments(inputs: Inputs) -> Any:
    return jax.tree.map(lambda x: jnp.asarray(x, np.float64), (inputs, world_of(inputs), basis_of(inputs)))


@pytest.mark.slow
def test_gradients_are_finite_at_the_limits_and_equal_differences() -> None:
    slope, value = jax.jit(jax.grad(national_sum)), jax.jit(national_sum)
    cases = {"plain": draw(2), "one province": one_province()}
    cases |= {name: changed(draw(2), **values) for name, values in LIMITS.items()}
    with jax.enable_x64(True):
        for name, inputs in cases.items():
            paths = jax.tree_util.tree_flatten_with_path(slope(*arguments(inputs)))[0]
            bad = [jax.tree_util.keystr(path) for path, leaf in paths if not np.isfinite(np.asarray(leaf)).all()]
            # (1 - m)^0 has no slope at m = 1, which is beyond the valid range and only makes the zero.
            assert set(bad) <= ({".demand.material_saving"} if name == "demand fades to nothing" else set()), name
        found = slope(*arguments(draw(2)))
        for key in ("scrap__prompt_recovery", "routes__hot_metal_co2", "costs__scrap_price", "freight__road_cost"):
            noun, quantity = key.split("__")
            here = float(getattr(getattr(draw(2), noun), quantity))
            ends = [changed(draw(2), **{key: here * (1.0 + step)}) for step in (-1e-6, 1e-6)]
            low, high = (float(value(*arguments(end))) for end in ends)
            assert float(getattr(getattr(found, noun), quantity)) == pytest.approx(
                (high - low) / (2e-6 * here), rel=1e-3
            )
