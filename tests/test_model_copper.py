"""Copper as a limit on scrap: against the slow reference, by hand, and where it does not bind."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from reference.chain import Reference
from reference.compiled import bound, changed, draw, outputs, world_of

from mc.inputs.steel import Scrap
from mc.model import copper
from mc.model.scrap import Supply

POLICIES = ("market", "coordinated")
COMPARED = ("co2_with_freight", "scrap_arrivals_by_province", "production_by_route", "scrap_short_by_province", "cost")
TIGHT = {"scrap__copper_tolerance_flat": 0.06, "scrap__copper_tolerance_long": 0.15}
"""So little that the limit binds from the 2030s on, %."""


@functools.cache
def limited(index: int, tight: bool) -> dict[str, np.ndarray]:
    inputs = changed(draw(index), **TIGHT) if tight else draw(index)
    return outputs(inputs, world_of(inputs, limits_copper=True), policies=POLICIES)


@functools.cache
def reference(index: int, tight: bool) -> Reference:
    inputs = changed(draw(index), **TIGHT) if tight else draw(index)
    return Reference(inputs, world_of(inputs, limits_copper=True), bound().axes["carrier"])


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("index", "tight"), [(1, False), (1, True), (4, True)])
def test_chain_equals_the_slow_reference(index: int, tight: bool, policy: str) -> None:
    expected = reference(index, tight).outputs(policy)
    for name in COMPARED:
        found = limited(index, tight)[name][POLICIES.index(policy)]
        scale = max(float(np.abs(expected[name]).max()), 1.0)
        assert float(np.abs(found - expected[name]).max()) <= 1e-5 * scale, name


def test_limit_binds_where_steel_bears_little_and_never_breaks() -> None:
    free = outputs(draw(4), policies=POLICIES)["scrap_arrivals_by_province"]
    bound_by = limited(4, True)["scrap_arrivals_by_province"]
    slow = reference(4, True)
    charged, home = limited(4, True)["scrap_used_by_province"], slow.supply.home
    scrap = slow.inputs.scrap
    blend = (scrap.copper_prompt * slow.supply.prompt.sum(0) + scrap.copper_obsolete * slow.supply.obsolete.sum(0)) / (
        slow.supply.prompt.sum(0) + slow.supply.obsolete.sum(0)
    )
    brought = scrap.copper_home * np.minimum(home, charged[0]) + blend * bound_by
    most = TIGHT["scrap__copper_tolerance_long"] * slow.output
    assert (brought[:, :, 1:] <= most[None, :, 1:] + 1e-6).all(), "long products bear most, so no mix bears more"
    assert (bound_by[:, :, -1].sum(axis=1) < free[:, :, -1].sum(axis=1) - 1.0).all()


def test_steel_that_bears_any_copper_is_not_limited() -> None:
    inputs = changed(draw(4), scrap__copper_tolerance_flat=1e3, scrap__copper_tolerance_long=1e3)
    found = outputs(inputs, world_of(inputs, limits_copper=True), policies=POLICIES)
    for name, expected in outputs(draw(4), policies=POLICIES).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-6, err_msg=name)


def test_room_by_hand() -> None:
    """Half flat at 0.1 %, half long at 0.3 %: 10 Mt bear 0.02 Mt; 2 Mt of home scrap bring 0.0004 Mt, at 0.2 % a tonne
    of the blend of 1 t at 0.1 % and 3 t at 0.233 %."""
    scrap = object.__new__(Scrap)
    for name, value in {
        "copper_home": 0.02,
        "copper_prompt": 0.1,
        "copper_obsolete": 0.7 / 3,
        "copper_tolerance_flat": 0.1,
        "copper_tolerance_long": 0.3,
        "flat_share": jnp.array([0.0, 1.0]),
    }.items():
        object.__setattr__(scrap, name, jnp.asarray(value))
    one = jnp.ones((1, 1))
    supply = Supply(2 * one, one, 3 * one, 4 * one, jnp.ones(()), jnp.zeros(()))
    found = copper.room(scrap, supply, jnp.full((2, 1, 1), 5.0), 10 * one)
    assert float(found[0, 0]) == pytest.approx((0.2 * 10 - 0.02 * 2) / 0.2, rel=1e-6)
