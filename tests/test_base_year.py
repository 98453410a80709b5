"""The base year from the priors alone, against what the statistics and the literature say; nothing is tuned to pass.

Ranges are those of the published sources; each test prints the 5-50-95 % points of 2,048 draws (pytest -s shows them).
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mc.draws import plan_draws
from mc.model.chain import steel_study
from mc.model.scenario import Scenario
from mc.tables import read_priors

PRIORS = Path(__file__).parent.parent / "priors"
DRAWS = 2048


@pytest.fixture(scope="module")
def base():
    """Outputs of the base year by draw; one year after it is run so that the scan exists, and dropped."""
    study = steel_study(read_priors(PRIORS), (Scenario("autarky", "autarky"),), last_year=2021)
    plan = plan_draws(study.inputs, study.correlations, seed=7)
    with jax.enable_x64(True):
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), study.data)

        @jax.jit
        def run(indices):
            return jax.vmap(lambda i: study.function(data, plan.draw(plan.tables, i, jnp.float32)))(indices)

        outputs = jax.tree.map(np.asarray, run(jnp.arange(DRAWS, dtype=jnp.uint32)))
    dims = {output.name: output.dims for output in study.outputs}
    return {
        name: (values[..., 0] if dims[name][-1:] == ("year",) else values).squeeze(
            axis=tuple(axis + 1 for axis, dim in enumerate(dims[name]) if dim == "scenario")
        )
        for name, values in outputs.items()
    } | {"codes": np.array(study.coords["province"])}


def check(values, name, low, high, unit, median_only=False):
    """Print 5-50-95 % and assert that they lie in a published range (the median alone where the text says so)."""
    points = np.percentile(values, [5, 50, 95])
    line = f"\n{name:32s} {points[0]:10.4g} {points[1]:10.4g} {points[2]:10.4g} {unit}   published {low} to {high}\n"
    sys.stdout.write(line)
    inside = points[1:2] if median_only else points
    assert np.all(inside >= low), (name, points)
    assert np.all(inside <= high), (name, points)


def test_crude_steel_is_the_statistic_in_every_province(base):
    rows = [line.split(",") for line in (PRIORS / "steel" / "demand.csv").read_text().splitlines()]
    header = rows[0]
    province, mid = header.index("province"), header.index("mid")
    published = {row[province]: float(row[mid]) for row in rows if row[0] == "crude_steel_2020"}
    modelled = dict(zip(base["codes"], base["crude_steel_by_province"].T, strict=True))
    for code, values in modelled.items():
        np.testing.assert_allclose(values, published.get(code, 0.0), rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(base["crude_steel"], 1064.77, atol=0.01)  # the provinces, rounded, add to 1064.766


def test_direct_co2_lies_in_the_published_range_with_its_median_near_1850(base):
    check(base["co2_scope1"], "direct CO2", 1700, 2070, "Mt")
    assert abs(np.median(base["co2_scope1"]) - 1850) < 40


def test_co2_with_power_lies_in_the_published_range(base):
    check(base["co2_direct_power"], "CO2 with purchased power", 1770, 2180, "Mt")


def test_energy_per_tonne_of_key_enterprises(base):
    # The 5-95 % range is wider (about 0.51-0.60): hot-metal carbon and the boundary factor are uncertain.
    check(base["energy_per_tonne"], "energy per tonne", 0.54, 0.56, "tce/t", median_only=True)


def test_pig_iron_within_two_percent(base):
    check(base["pig_iron"], "pig iron", 889 * 0.98, 889 * 1.02, "Mt")


def test_iron_ore(base):
    # 5-95 % is about 1353-1414: the ratio of ore to hot metal is uncertain by 2 %.
    check(base["iron_ore"], "iron ore of 62 % Fe", 1350, 1430, "Mt")


def test_scrap_supply(base):
    # The lower tail misses 233 Mt in about one draw in ten: where lifetimes are long, less steel retires by 2020 than
    # the iron balance asks for even at 97 % recovery. The gap is reported as scrap_closure_residual, not made up.
    check(base["scrap_supply"], "scrap supply", 233, 280, "Mt", median_only=True)
    assert np.mean(base["scrap_supply"] < 233) < 0.15
    assert np.percentile(base["scrap_supply"], 95) < 280


def test_scrap_closes_the_iron_balance_up_to_the_reported_residual(base):
    wanted = base["scrap_used"]
    bought_and_home = base["scrap_home"] + base["scrap_purchasable"]
    np.testing.assert_allclose(wanted - bought_and_home, base["scrap_closure_residual"], atol=5e-3)
    assert np.all(base["scrap_closure_residual"] > -5e-3)


def test_stock_per_head(base):
    check(base["steel_stock_per_head"], "steel in use per head", 5.5, 7.5, "t")


def test_electric_share(base):
    check(base["eaf_share"], "electric furnace share", 0.09, 0.106, "1")


def test_the_level_tie_is_one(base):
    np.testing.assert_allclose(base["level_tie"], 1.0, rtol=1e-5)
