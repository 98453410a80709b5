"""Coordinated scrap in the chain: against HiGHS in the slow reference, against rivals, and when the solver fails."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference.chain import Reference
from reference.compiled import PRIORS, bound, draw, outputs, study, world_of

from mc.allocation import coordinated
from mc.allocation.coordinated import Bounds, Coordinated, policy_of
from mc.blocks import precise
from mc.draws import plan_draws
from mc.ensemble import FailedDraws, Settings, run_ensemble
from mc.model.chain import steel_study
from mc.model.scenario import Scenario
from mc.outputs import COORDINATION, OUTPUTS
from mc.tables import InputError, read_priors

POLICIES = ("autarky", "coordinated", "electric_first")
COMPARED = (
    "co2_direct_power_by_province",
    "co2_with_freight",
    "scrap_arrivals_by_province",
    "scrap_used_by_province",
    "production_by_route",
    "scrap_short_by_province",
    "cost",
)


@functools.cache
def compiled(index: int) -> dict[str, np.ndarray]:
    return outputs(draw(index), policies=POLICIES)


@pytest.mark.parametrize("policy", POLICIES[1:])
@pytest.mark.parametrize("index", [1, 4])
def test_chain_equals_the_slow_reference_with_highs(index: int, policy: str) -> None:
    """Plans may differ where they are equally good; in these draws the best one is unique."""
    expected = Reference(draw(index), world_of(draw(index)), bound().axes["carrier"]).outputs(policy)
    for name in COMPARED:
        found = compiled(index)[name][POLICIES.index(policy)]
        scale = max(float(np.abs(expected[name]).max()), 1.0)
        assert float(np.abs(found - expected[name]).max()) <= 1e-5 * scale, name


@pytest.mark.parametrize("index", [0, 1, 4, 9])
def test_best_plan_beats_every_rival_in_the_same_state(index: int) -> None:
    found = compiled(index)
    gain, booked = (found[name][POLICIES.index("coordinated")] for name in ("scrap_gain", "scrap_gain_booked"))
    assert (gain >= -1e-6).all()
    assert (booked >= -1.0).all(), "steps leave out less than 1 Mt"
    assert (gain[:, 1:].max(axis=1) > 0).all()
    assert (found["scrap_gain"][0, 0] == 0).all(), "autarky is its own rival"
    assert found["allocation_gap"].max() <= 1e-8
    assert found["scrap_policy_violation"].max() <= 1e-9
    assert found["fault_allocation"] == 0


def test_book_of_a_year_and_value_of_its_plan_agree_where_uses_are_full() -> None:
    """The gap is what steps leave out; in the years of plenty nothing is left out."""
    found = compiled(1)
    at = POLICIES.index("coordinated")
    value, gap = found["scrap_value"][at], found["scrap_booking_gap"][at]
    assert np.abs(gap[1:]).max() < 0.05 * value[1:].max()
    full = (found["scrap_short_by_province"][at].sum(axis=0) == 0) & (found["scrap_unused"][at] > 1.0)
    assert np.abs(gap[full]).max(initial=0.0) < 1e-6


def test_electric_furnaces_come_first_when_policy_wants_it() -> None:
    share = compiled(1)["eaf_share"]
    best, first = share[POLICIES.index("coordinated")], share[POLICIES.index("electric_first")]
    assert (first[1:11] > best[1:11]).all()


def test_flows_add_up_to_arrivals_and_links_to_flows() -> None:
    found, at = compiled(4), POLICIES.index("coordinated")
    flow = found["scrap_flow"][at]
    np.testing.assert_allclose(flow.sum(axis=0), found["scrap_arrivals_by_province"][at][:, 10::10], atol=1e-9)
    away = flow * (1.0 - np.eye(len(flow)))[:, :, None]
    np.testing.assert_array_equal(found["scrap_link"][at], (away >= 0.01).astype(float))


def test_register_of_a_coordinated_run_names_every_output_with_its_shape() -> None:
    found, register = compiled(1), (*OUTPUTS, *COORDINATION)
    coords = {**study().coords, "scenario": POLICIES}
    assert sorted(found) == sorted(output.name for output in register)
    for output in register:
        assert found[output.name].shape == tuple(len(coords[dim]) for dim in output.dims), output.name


def test_a_solver_that_fails_is_a_failed_draw_and_never_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinated, "policy_of", lambda *_: Coordinated(cap=2))
    monkeypatch.setattr("mc.model.chain.policy_of", lambda *_: Coordinated(cap=2))
    from reference.compiled import PRIORS

    from mc.tables import read_priors

    broken = steel_study(read_priors(PRIORS), (Scenario("coordinated", "coordinated"),), last_year=2022)
    with pytest.raises(FailedDraws, match="fault_allocation"):
        run_ensemble(broken, Settings(draws=32, block=16, quantiles=(), pilot=16))


@pytest.mark.parametrize(
    ("policy", "bounds", "said"),
    [
        ("market", Bounds(keep=0.5), "bind a coordinator"),
        ("best", Bounds(), "unknown policy 'best'"),
    ],
)
def test_refuses_policies_that_do_not_exist_and_bounds_that_bind_nobody(policy: str, bounds: Bounds, said: str) -> None:
    from reference.compiled import PRIORS

    from mc.tables import read_priors

    with pytest.raises(ValueError, match=said):
        policy_of(policy, bounds)
    with pytest.raises(InputError, match=f"scenario 'mine': .*{said}"):
        steel_study(read_priors(PRIORS), (Scenario("mine", policy, bounds),))


def test_the_chain_is_lowered_for_a_gpu_without_a_library_of_the_host() -> None:
    """No GPU is needed to see that every operation of the solver and the chain has a form for one."""
    plan = plan_draws(study().inputs, study().correlations, sampler="sobol", seed=1)
    policies = tuple(Scenario(name, name) for name in POLICIES)
    chain = steel_study(read_priors(PRIORS), policies)
    with precise():
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), chain.data)
        run = jax.jit(
            lambda tables, at: jax.vmap(lambda i: chain.function(data, plan.draw(tables, i, jnp.float32)))(at)
        )
        lowered = jax.export.export(run, platforms=["cuda"])(plan.tables, jnp.arange(16, dtype=jnp.uint32))
    assert "custom_call" not in lowered.mlir_module()
