"""The NumPy port over a batch of draws, which benchmarks compare against, is the same model as the compiled chain."""

import jax
import numpy as np
import pytest
from reference.batch.chain import outputs as batch_outputs
from reference.compiled import POLICIES, bound, changed, draw, outputs, world_of

from mc.inputs.nouns import Inputs
from mc.outputs import OUTPUTS

IN_MEGATONNES = ("scrap_policy_residual", "scrap_policy_violation", "scrap_closure_residual", "scrap_unused")


def several() -> list[Inputs]:
    """Draws of every structure and both ends of policy."""
    plain = [draw(index) for index in range(6)]
    levers = {"uptake__capture_floor_2060": 200.0, "uptake__h2_dri_floor_2060": 100.0}
    pushed = changed(draw(6), structure__lifetime_family=1.0, structure__co2_storage=1.0, **levers)
    return [*plain, pushed, changed(draw(7), uptake__reline_ban_from=2040.0)]


@pytest.mark.parametrize("on_site", [True, False])
def test_batch_of_draws_equals_the_chain_one_by_one(on_site: bool) -> None:
    draws = several()
    world = world_of(draws[0], on_site=on_site)
    carriers = [str(label) for label in bound().axes["carrier"]]
    found = batch_outputs(jax.tree.map(lambda *leaves: np.stack(leaves), *draws), world, carriers, POLICIES)
    assert sorted(found) == sorted(output.name for output in OUTPUTS)
    missed = {}
    for index, inputs in enumerate(draws):
        expected = outputs(inputs, world)
        for name, values in expected.items():
            assert found[name][index].shape == values.shape, name
            scale = 1.0 if name in IN_MEGATONNES else max(float(np.abs(values).max()), 1e-9)
            gap = float(np.abs(found[name][index] - values).max()) / scale
            if not gap <= 1e-9:
                missed[index, name] = gap
    assert missed == {}
