"""The compiled chain against the slow reference, every output of the register."""

import functools

import numpy as np
import pytest
from reference.chain import Reference
from reference.compiled import POLICIES, bound, changed, draw, outputs, world_of

from mc.outputs import OUTPUTS

DRAWS = (0, 1, 4, 9)
"""Both drivers of demand, all survival curves, closure with and without end uses at the ceiling."""
ROUNDING = (
    "scrap_policy_residual",
    "scrap_policy_violation",
    "scrap_closure_residual",
    "scrap_unused",
    "fault_mass_balance",
)
"""Differences of nearly equal numbers: compared in Mt, not relative to themselves."""


@functools.cache
def compiled(index: int) -> dict[str, np.ndarray]:
    return outputs(draw(index))


@functools.cache
def slow(index: int) -> Reference:
    return Reference(draw(index), world_of(draw(index)), bound().axes["carrier"])


def distance(name: str, values: np.ndarray, expected: np.ndarray) -> float:
    scale = 1.0 if name in ROUNDING else max(float(np.abs(expected).max()), 1e-9)
    return float(np.abs(values - expected).max()) / scale


def misses(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], policy: str, allowed: float
) -> dict[str, float]:
    gone = {}
    for output in OUTPUTS:
        values = found[output.name]
        if "scenario" in output.dims:
            values = values[POLICIES.index(policy)]
        assert values.shape == np.shape(expected[output.name]), output.name
        gap = distance(output.name, values, expected[output.name])
        if not gap <= allowed:
            gone[output.name] = gap
    return gone


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("index", DRAWS)
def test_every_output_equals_the_slow_reference(index: int, policy: str) -> None:
    assert misses(compiled(index), slow(index).outputs(policy), policy, 1e-9) == {}


def test_draws_compared_cover_the_structural_choices() -> None:
    structures = [draw(index).structure for index in DRAWS]
    assert {int(structure.demand_driver) for structure in structures} == {0, 1}
    assert len({int(structure.lifetime_family) for structure in structures}) >= 2


@pytest.mark.parametrize("family", [0, 1, 2])
def test_every_survival_curve_and_option_equals_the_slow_reference(family: int) -> None:
    inputs = changed(
        draw(5 + family),
        structure__lifetime_family=family,
        structure__demand_driver=0,
        structure__co2_storage=family % 2,
        structure__ssp=family,
        uptake__reline_ban_from=2045,
        uptake__capture_floor_2060=200.0,
        uptake__h2_dri_floor_2060=100.0,
        neutrality__sink_quota=20.0,
    )
    world = world_of(
        inputs, accounting=("key_enterprises", "ministry_statistics", "stack_monitoring")[family], on_site=False
    )
    reference = Reference(inputs, world, bound().axes["carrier"])
    policy = POLICIES[family]
    assert misses(outputs(inputs, world), reference.outputs(policy), policy, 1e-9) == {}


def test_register_names_every_output_once_with_its_shape() -> None:
    found, coords = compiled(0), {**bound().axes, "scenario": POLICIES}
    assert sorted(found) == sorted(output.name for output in OUTPUTS)
    for output in OUTPUTS:
        assert found[output.name].shape == tuple(len(coords[dim]) for dim in output.dims), output.name
