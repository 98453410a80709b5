"""Scrap supply: closed on the base year, never more than retires, rising with recovery."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.scrap import closure_factor

from mc.inputs.steel import Scrap
from mc.model import scrap

YEARS = np.arange(2020.0, 2026.0)
USES = 3
LOST = np.array([[4.0, 5.0, 6.0, 6.0, 6.0, 6.0], [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]])
RETIRED = np.linspace(3.0, 40.0, USES * len(YEARS) * 2).reshape(USES, len(YEARS), 2)
HOME = np.full((2, len(YEARS)), 3.0)


def scrap_of(**values: Any) -> Scrap:
    fields = {
        "home_recovery": 0.9,
        "prompt_recovery": 0.95,
        "obsolete_recovery": [0.8, 0.6, 0.7],
        "recovery_rise": 0.5,
        "recovery_target": 0.95,
        "recovery_target_year": 2024.0,
        "recovery_ceiling": 0.97,
        "net_import": 2.0,
        "to_foundries": 3.0,
        "closure_fade": 4.0,
        "copper_home": 0.02,
        "copper_prompt": 0.06,
        "copper_obsolete": 0.3,
        "copper_tolerance_flat": 0.08,
        "copper_tolerance_long": 0.4,
        "flat_share": [0.2, 0.5, 0.8],
        **values,
    }
    return Scrap(**{name: np.asarray(value, np.float64) for name, value in fields.items()})  # type: ignore[arg-type]


supplied = jax.jit(scrap.supply)


def supply(needed: float, retired: np.ndarray = RETIRED, lost: np.ndarray = LOST, **values: Any) -> scrap.Supply:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        given = jax.tree.map(jnp.asarray, (scrap_of(**values), HOME, lost, retired, np.asarray(needed), YEARS))
        return jax.tree.map(np.asarray, supplied(*given))  # type: ignore[no-any-return]


RATE = st.floats(0.3, 0.95)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rates=st.lists(RATE, min_size=USES, max_size=USES), needed=st.floats(15.0, 160.0))
def test_base_year_closes_exactly_or_as_far_as_the_ceiling_allows(rates: list[float], needed: float) -> None:
    found = supply(needed, obsolete_recovery=rates)
    first = RETIRED[:, 0].sum(axis=1)
    wanted = max(needed + 3.0 - HOME[:, 0].sum() - 0.95 * LOST[:, 0].sum(), 0.0)
    assert float(found.closure) == pytest.approx(closure_factor(rates, 0.97, list(first), wanted), rel=1e-9)
    assert float(found.residual) == pytest.approx(max(wanted - 0.97 * first.sum(), 0.0), abs=1e-8)


@pytest.mark.parametrize("needed", [0.0, 5.0, 30.0, 1e4])
@pytest.mark.parametrize("rates", [[0.8, 0.6, 0.7], [0.0, 0.6, 0.7], [0.0, 0.0, 0.0]])
@pytest.mark.parametrize("life", ["something retires", "nothing retires"])
def test_supply_is_finite_whatever_is_wanted_and_recovered(needed: float, rates: list[float], life: str) -> None:
    found = supply(needed, RETIRED * (life == "something retires"), obsolete_recovery=rates, recovery_rise=0.0)
    for values in jax.tree.leaves(found):
        assert np.isfinite(values).all()


def test_no_scrap_at_all_is_no_supply() -> None:
    found = supply(20.0, RETIRED * 0, LOST * 0)
    assert np.isfinite(found.purchased).all()
    np.testing.assert_allclose(found.purchased, 0.0)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(needed=st.floats(5.0, 200.0), trade=st.floats(-100.0, 60.0))
def test_never_more_obsolete_scrap_than_ceiling_times_retired(needed: float, trade: float) -> None:
    found = supply(needed, net_import=trade)
    assert (found.obsolete <= 0.97 * RETIRED.sum(axis=0).T * (1 + 1e-12)).all()
    assert (found.purchased >= 0).all()
    national = (found.prompt + found.obsolete).sum(axis=0)
    np.testing.assert_allclose(found.purchased.sum(axis=0)[1:], np.maximum(national + trade - 3.0, 0.0)[1:])


def test_what_is_bought_in_the_base_year_is_what_steel_took_beyond_home_scrap() -> None:
    found = supply(40.0)
    assert float(found.residual) == pytest.approx(0.0, abs=1e-9)
    assert found.purchased[:, 0].sum() + HOME[:, 0].sum() == pytest.approx(40.0)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(needed=st.floats(10.0, 90.0), rates=st.lists(RATE, min_size=USES, max_size=USES), more=st.floats(0.0, 0.05))
def test_more_recovery_gives_at_least_as_much_scrap_once_the_closure_has_faded(
    needed: float, rates: list[float], more: float
) -> None:
    last = YEARS >= 2024
    low = supply(needed, obsolete_recovery=rates).obsolete[:, last]
    high = supply(needed, obsolete_recovery=[min(rate + more, 0.97) for rate in rates]).obsolete[:, last]
    assert (high >= low - 1e-9).all()
    target = supply(needed, obsolete_recovery=rates, recovery_target=0.99).obsolete[:, last]
    assert (target >= low - 1e-9).all()
