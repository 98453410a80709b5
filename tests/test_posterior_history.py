"""The past of steel from the real tables: it is the chain's own past, and its whole density has a slope."""

import functools
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mc.blocks import precise
from mc.draws import plan_draws
from mc.inputs.history import HISTORY_NOUNS
from mc.model import demand, intensity, stock
from mc.model.history import electric_share, history_study, past_basis
from mc.tables import read_priors

ROOT = Path(__file__).parents[1]


@functools.cache
def past():
    study = history_study(read_priors(ROOT / "priors", "steel", HISTORY_NOUNS))
    plan = plan_draws(study.inputs, study.correlations)
    with precise():
        data = jax.tree.map(
            lambda x: np.asarray(x, np.float64) if np.asarray(x).dtype.kind == "f" else np.asarray(x), study.data
        )
        draws = jax.jit(jax.vmap(lambda i: plan.draw(plan.tables, i, jnp.float64)))(np.arange(64, dtype=np.uint32))
        outputs = jax.jit(jax.vmap(study.function, in_axes=(None, 0)))(data, draws)
        return study, data, draws, {name: np.asarray(value) for name, value in outputs.items()}


def test_every_draw_of_the_past_is_finite_and_positive():
    study, _, _, outputs = past()
    assert set(outputs) == {output.name for output in study.outputs}
    for name, values in outputs.items():
        assert np.isfinite(values).all(), name
        # Three provinces make no steel.
        assert (values >= 0 if name == "crude_steel_share_by_province" else values > 0).all(), name


def test_stock_of_the_base_year_is_that_of_the_chain():
    study, data, draws, outputs = past()
    assemble = study.function.args[0].assemble
    series = demand.history_series(
        {name: study.function.args[0].data["known"][f"demand.{name}"] for name in demand.HISTORY_CONSTANTS},
        np.asarray(study.coords["history"]),
    )
    basis = stock.history_basis(series, 1)

    def chain(draw):
        now = assemble(data["tables"], draw).chain
        ages = stock.half_ages(basis.shape[0], data["world"].years)
        curves = stock.kernels(stock.survival(now.stock, now.structure.lifetime_family, ages))
        return demand.past(now.demand, *curves, basis).stock[:, 1].sum()

    with precise():
        expected = np.asarray(jax.jit(jax.vmap(chain))(draws))
    people = study.function.args[0].data["known"]["history.population"][-1]
    # Shares by province are rounded to six digits in the table.
    assert outputs["steel_stock_per_head"][:, -1] * people == pytest.approx(expected, rel=1e-5)


def test_carbon_and_energy_of_the_past_are_those_of_two_routes_and_their_hot_metal():
    """Converter steel, electric steel, and all hot metal, whose carbon was higher in earlier years."""
    study, data, draws, outputs = past()
    world, years, draw = data["world"], np.asarray(study.coords["year"]), {name: x[3] for name, x in draws.items()}
    with precise():
        given = study.function.args[0].assemble(data["tables"], draw)
        now = given.chain
        of_steel, of_metal = intensity.per_steel(now, world), intensity.per_hot_metal(now, world)
        of_steel, of_metal, now, history = jax.tree.map(np.asarray, (of_steel, of_metal, now, given.history))
    base, scrap = (world.routes.index(kind) for kind in ("base", "scrap"))
    crude = now.demand.crude_steel_history[-len(years) :]
    electric = outputs["eaf_share"][3] * crude
    metal = outputs["pig_iron"][3] - now.iron.pig_iron_to_foundries
    carbon = (1.0 - history.efficiency_rate) ** (years - years[-1])
    assert carbon[0] > 1.02

    def summed(steel, hot):
        return steel[base] * (crude - electric) + steel[scrap] * electric + hot[base] * metal * carbon

    np.testing.assert_allclose(outputs["co2_scope1"][3], summed(of_steel.direct, of_metal.direct), rtol=1e-9)
    power = summed(of_steel.electricity, of_metal.electricity)
    power = power + now.routes.electricity_per_hot_metal * now.iron.hot_metal_charge_2020 * electric
    energy = summed(of_steel.fuel.sum(axis=1), of_metal.fuel.sum(axis=1)) + power * 3.6
    expected = energy / crude * now.routes.energy_boundary / 29.3076
    np.testing.assert_allclose(outputs["energy_per_tonne"][3], expected, rtol=1e-9)


def test_stocks_of_past_years_by_a_plain_loop_over_cohorts():
    series = np.random.default_rng(1).uniform(1, 5, (2, 12))
    kernel = np.exp(-np.arange(12) / 6.0)
    found = np.asarray(stock.from_history(jnp.asarray(kernel[None, :], jnp.float32), past_basis(series, 4)))
    for k, year in enumerate(range(8, 12)):
        for component in range(2):
            left = sum(series[component, cohort] * kernel[year - cohort] for cohort in range(year + 1))
            assert found[0, component, k] == pytest.approx(left, rel=1e-6)


def test_iron_closes_in_every_year():
    study, data, draws, outputs = past()
    assemble = study.function.args[0].assemble
    for k in range(8):
        with precise():
            now = assemble(data["tables"], jax.tree.map(lambda x, k=k: x[k], draws)).chain
            crude = np.asarray(now.demand.crude_steel_history)[-21:]
            iron = {name: float(getattr(now.iron, name)) for name in (
                "content_hot_metal", "content_scrap", "content_steel", "yield_converter", "yield_electric",
                "pig_iron_to_foundries")}  # fmt: skip
        electric = outputs["eaf_share"][k] * crude
        tapped = iron["content_steel"] * (
            (crude - electric) / iron["yield_converter"] + electric / iron["yield_electric"]
        )
        charged = iron["content_scrap"] * outputs["scrap_used"][k] + iron["content_hot_metal"] * (
            outputs["pig_iron"][k] - iron["pig_iron_to_foundries"]
        )
        assert charged == pytest.approx(tapped, rel=1e-9)


def test_the_electric_share_walks_back_about_its_slope():
    years = np.arange(2000, 2021)

    def logs(scores):
        then = SimpleNamespace(eaf_slope_sd=0.03, eaf_change_sd=0.1, eaf_change=scores)
        given = SimpleNamespace(history=then, chain=SimpleNamespace(iron=SimpleNamespace(eaf_share_national=0.1)))
        return jnp.log(electric_share(given, SimpleNamespace(years=years)) / 0.1)

    # Linear in the scores, so that its slopes give the covariance: a walk and a slope, both from 0 in the base year.
    with precise():
        jacobian = np.asarray(jax.jacobian(logs)(jnp.zeros(30)))
        assert logs(jnp.ones(30)) == pytest.approx(jacobian.sum(axis=1), abs=1e-12)
    ago = 2020 - years
    expected = 0.1**2 * np.minimum.outer(ago, ago) + 0.03**2 * np.outer(ago, ago)
    assert jacobian @ jacobian.T == pytest.approx(expected, abs=1e-12)


@pytest.mark.slow
def test_slope_of_the_density_of_steel_against_differences():
    from mc.past import past_of
    from mc.posterior.density import make_target
    from mc.posterior.likelihood import make_likelihood
    from mc.runfile import load_run

    found = past_of(load_run(ROOT / "runs" / "smoke.toml"))
    target = make_target(found.study, make_likelihood(found.study, found.rows, found.errors))
    assert [item.name for item in target.choices] == ["structure.lifetime_family"]
    assert not any(label.startswith(("uptake", "costs", "macro", "pollutants")) for label in target.labels)
    with precise():
        both = jax.jit(jax.value_and_grad(target.log_density))
        u = 0.5 * np.random.default_rng(1).standard_normal(target.size)
        slope = np.asarray(both(u)[1])
        step = 1e-5
        around = [float(both(u + step * e)[0] - both(u - step * e)[0]) / (2 * step) for e in np.eye(target.size)]
    assert np.isfinite(slope).all()
    assert np.allclose(slope, around, rtol=1e-6, atol=1e-6)
