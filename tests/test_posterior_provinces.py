"""Observations of elements: provinces stray side by side, each on a track of its own, with one spread for all."""

import dataclasses
import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from posterior_study import normal
from scipy import stats

from mc.blocks import precise
from mc.draws import plan_draws
from mc.errors import InputError
from mc.fit import describe
from mc.inputs.history import HISTORY_NOUNS
from mc.model.history import RECENT_YEAR, history_study
from mc.posterior.calibration import simulate
from mc.posterior.density import make_target
from mc.posterior.likelihood import make_likelihood
from mc.posterior.nuts import Chains
from mc.posterior.observed import Observation
from mc.study import Input, Output, Prior, Study
from mc.tables import read_priors
from mc.tables.errors import PriorsError
from mc.tables.observed import read_observed

ROOT = Path(__file__).parents[1]
LANDS = ("north", "south", "west")
YEARS = (2016, 2017, 2018)
ERRORS = {"land": {"drift": Prior("lognormal", 0.1, 0.2, 0.4), "start": Prior("fixed", 2014.0, 2014.0, 2014.0)}}


def lands(data, draw):
    growth = jnp.exp(draw["growth"] * data["since"])
    return {"made": draw["level"][:, None] * growth[None, :], "total": draw["level"].sum() * growth}


def study():
    inputs = (
        Input("level", (normal(2.0, 0.5),) * 3, (3,), tuple(f"level[{land}]" for land in LANDS)),
        Input("growth", (normal(0.0, 0.1),)),
    )
    outputs = (Output("made", "Mt year-1", ("land", "year"), "By land"), Output("total", "Mt year-1", ("year",), "All"))
    data = {"since": np.arange(3, dtype=np.float64)}
    return Study("lands", inputs, outputs, {"land": LANDS, "year": YEARS}, data, lands)


def observations():
    random = np.random.default_rng(3)
    every = [(land, year) for year in YEARS for land in LANDS if (land, year) != ("west", 2017)]
    return tuple(
        Observation("made", year, float(np.exp(0.5 + 0.2 * random.standard_normal())), True, 0.05, "land",
                    element=(land,), line=k)
        for k, (land, year) in enumerate(every)
    )  # fmt: skip


VALUES = {"level": np.array([1.5, 2.0, 2.5]), "growth": 0.03, "error.land.drift": 0.15}


def test_each_element_walks_alone_from_the_start_with_the_spread_of_all():
    rows = observations()
    bound = make_likelihood(study(), rows, ERRORS)
    assert [item.name for item in bound.parameters] == ["error.land.drift"]
    with precise():
        values = jax.tree.map(jnp.asarray, VALUES)
        found = float(bound.log_likelihood(lands(study().data, values), values))
    expected = 0.0
    for k, land in enumerate(LANDS):
        mine = [row for row in rows if row.element == (land,)]
        steps = np.array([row.year - 2014.0 for row in mine])
        law = 0.15**2 * np.minimum.outer(steps, steps) + 0.05**2 * np.eye(len(mine))
        centre = [np.log(VALUES["level"][k]) + 0.03 * (row.year - 2016) for row in mine]
        seen = np.log([row.value for row in mine])
        expected += stats.multivariate_normal(centre, law).logpdf(seen) - seen.sum()
    assert found == pytest.approx(expected, rel=1e-10)


def test_simulated_elements_walk_from_the_start_too():
    bound = make_likelihood(study(), observations(), ERRORS)
    random = np.random.default_rng(1)
    drawn = np.log([simulate(bound, np.ones(len(bound.rows)), VALUES, random) for _ in range(4000)])
    first = [k for k, row in enumerate(bound.rows) if row.year == 2016]
    assert drawn[:, first].std(axis=0) == pytest.approx(np.sqrt(2 * 0.15**2 + 0.05**2), rel=0.05)
    assert np.abs(np.corrcoef(drawn[:, first].T) - np.eye(3)).max() < 0.06


def test_a_walk_cannot_start_after_its_first_number():
    late = {"land": ERRORS["land"] | {"start": Prior("fixed", 2017.0, 2017.0, 2017.0)}}
    with pytest.raises(InputError, match="made north 2016 land: lies before 2017, where the errors of its group start"):
        make_likelihood(study(), observations(), late)


HEADER = "series,land,year,value,unit,error,sd,group,role,weight,source\n"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("made,nroth,2016,1,Mt/year,normal,1,s,fit,1,x", r":2: land 'nroth' of made; did you mean 'north'"),
        ("made,,2016,1,Mt/year,normal,1,s,fit,1,x", r":2: land '' of made"),
        ("total,north,2016,1,Mt/year,normal,1,s,fit,1,x", r":2: total has no axis land; leave land empty"),
        ("made,north,2015,1,Mt/year,normal,1,s,fit,1,x", r":2: year '2015' of made; known years are 2016 to 2018"),
        (
            "made,north,2016,1,Mt/year,normal,1,s,fit,1,x\n" * 2,
            r":3: made north 2016 s of x stands in .*csv:2 too, and would count twice",
        ),
    ],
)
def test_a_row_names_its_element(tmp_path, row, said):
    file = tmp_path / "observed.csv"
    file.write_text(f"{HEADER}{row}\n", encoding="utf-8")
    with pytest.raises(PriorsError, match=said):
        read_observed(file, study())
    file.write_text(f"{HEADER}made,south,2017,1,kt/year,normal,1,s,fit,1,x\n", encoding="utf-8")
    (row,) = read_observed(file, study())
    bound = make_likelihood(study(), (row,), {})
    modelled = {"made": jnp.arange(9.0).reshape(3, 3), "total": jnp.zeros(3)}
    assert bound.expected(modelled, {}).tolist() == [4.0]


def test_groups_of_a_file_name_the_element_and_every_cell_of_two_axes():
    bound = make_likelihood(
        study(),
        [dataclasses.replace(row, role="hold_out") if row.year == 2018 else row for row in observations()],
        ERRORS,
    )
    target = make_target(study(), bound)
    u = np.random.default_rng(1).standard_normal((2, 60, target.size))
    groups = describe(target, Chains((), 60, None, u, {"diverging": np.zeros((2, 60), bool)}), 1)
    observed = groups["observed_data"]["made"]
    assert observed["made_land"].values.tolist() == ["north", "north", "south", "south", "west"]
    by_hand = {row.element[0] + str(row.year): row.value for row in observations()}
    for value, land, year in zip(
        observed.values, observed["made_land"].values, observed["made_year"].values, strict=True
    ):
        assert value == by_hand[f"{land}{year}"]
    learned = groups["learned"]
    modelled = groups["modelled"]["made"].sel(land="south", year=2018)
    assert float(learned["posterior_mean"].sel(quantity="made[south,2018]")) == pytest.approx(float(modelled.mean()))
    assert np.isnan(groups["hindcast"]["crps"].sel(series="made", forecast="trend"))


@functools.cache
def past():
    found = history_study(read_priors(ROOT / "priors", "steel", HISTORY_NOUNS))
    plan = plan_draws(found.inputs, found.correlations)
    with precise():
        data = jax.tree.map(np.asarray, found.data)
        draws = jax.jit(jax.vmap(lambda i: plan.draw(plan.tables, i, jnp.float64)))(np.arange(16, dtype=np.uint32))
    return found, data, draws


def shares_of(draws):
    found, data, _ = past()
    with precise():
        run = jax.jit(jax.vmap(lambda d: found.function(data, d)["crude_steel_share_by_province"]))
        return np.asarray(run(draws))


def test_shares_of_the_past_relocate_by_the_relation_of_the_chain():
    found, _, draws = past()
    shares = shares_of(draws)
    assert found.coords[RECENT_YEAR] == tuple(range(2015, 2021))
    assert shares.sum(axis=1) == pytest.approx(np.ones((16, 6)))
    known = found.function.args[0].data["known"]
    start = known["history.crude_steel_start"] / known["history.crude_steel_start"].sum()
    assert shares[:, :, 0] == pytest.approx(np.broadcast_to(start, (16, 31)))
    # By hand: use moves from early to late shares, its makers' part and clean power pull with equal weight.
    k = 3
    use = known["demand.use_share_2020"] * np.exp(
        np.asarray(draws["demand.use_share_sd"][k]) * np.asarray(draws["demand.use_share_noise"][k]))  # fmt: skip
    use = use / use.sum()
    late = 18 / 20
    wanted = np.where(start > 0, (1 - late) * known["demand.stock_share_2000"] + late * use, 0.0)
    clean = np.where(start > 0, known["grid.nonfossil_share"] / known["grid.nonfossil_share"].sum(), 0.0)
    pull = 0.5 * wanted / wanted.sum() + 0.5 * clean / clean.sum()
    way = float(draws["demand.relocation_fraction"][k]) * -np.expm1(-3 * float(draws["demand.relocation_rate"][k]))
    assert shares[k, :, 3] == pytest.approx(start + way * (pull - start), rel=1e-5)


def test_without_relocation_shares_stay():
    _, _, draws = past()
    still = shares_of(draws | {"demand.relocation_rate": np.zeros(16)})
    assert np.ptp(still, axis=2).max() < 1e-12


def test_power_scaling_takes_several_series():
    import arviz_stats

    rows = (*observations(), Observation("total", 2016, 6.0, False, 1.0, "total"))
    target = make_target(study(), make_likelihood(study(), rows, ERRORS))
    u = np.random.default_rng(1).standard_normal((2, 60, target.size))
    groups = describe(target, Chains((), 60, None, u, {"diverging": np.zeros((2, 60), bool)}), 1)
    table = arviz_stats.psense_summary(xr.DataTree.from_dict(groups), var_names=["growth"])
    assert np.isfinite(table[["prior", "likelihood"]].astype(float).to_numpy()).all()
