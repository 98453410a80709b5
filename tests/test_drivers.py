"""Shares of the variance: analytic answers, a plain oracle, designs that are what they say, and honest errors."""

import dataclasses
import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mc.accuracy import stages
from mc.block_size import block_for, tune
from mc.designs import A, B, design_of, mixtures, step_of
from mc.draws import plan_draws
from mc.driver_patterns import drivers_of
from mc.drivers import Driver, numbers_by_input
from mc.ensemble import Settings, merge, run_ensemble
from mc.errors import InputError
from mc.samplers import SAMPLERS
from mc.statistics.variance_shares import VarianceShares
from mc.study import Correlation, Input, Output, Pinned, Prior, Study
from mc.summary import finish

UNIT = Prior("uniform", 0.0, 0.5, 1.0)
ANGLE = Prior("uniform", -math.pi, 0.0, math.pi)
SCORE = Prior("normal", -1.6448536, 0.0, 1.6448536)
FIXED = Prior("fixed", 2.0, 2.0, 2.0)

WEIGHTS = np.array([0.0, 1.0, 4.5, 9.0])
"""Of Sobol' g-function: the smaller, the more its input matters."""


def ishigami(data, draw):
    first, second, third = (draw[f"x.{k}"] for k in (1, 2, 3))
    return {"y": jnp.sin(first) + data["a"] * jnp.sin(second) ** 2 + data["b"] * third**4 * jnp.sin(first)}


ISHIGAMI = Study(
    name="ishigami",
    inputs=tuple(Input(f"x.{k}", (ANGLE,), dimensions=(k - 1,)) for k in (1, 2, 3)),
    outputs=(Output("y", "1", (), "Ishigami"),),
    coords={},
    data={"a": np.float64(7.0), "b": np.float64(0.1)},
    function=ishigami,
)
ISHIGAMI_FIRST, ISHIGAMI_TOTAL = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)
"""Ishigami and Homma (1990); Saltelli et al., Global Sensitivity Analysis: The Primer, p. 179."""


def g_function(data, draw):
    ratios = [(jnp.abs(4 * draw[f"g.{k}"] - 2) + data["a"][k]) / (1 + data["a"][k]) for k in range(len(WEIGHTS))]
    product = functools.reduce(jnp.multiply, ratios)
    cases = [product, 1e6 + product, 1e-5 * product, ratios[0]]
    return {"y": jnp.stack(cases), "still": jnp.full(2, 7.0, product.dtype)}


G_FUNCTION = Study(
    name="g",
    inputs=tuple(Input(f"g.{k}", (UNIT,), dimensions=(k,)) for k in range(len(WEIGHTS))),
    outputs=(Output("y", "1", ("case",), "The g-function of Sobol'"), Output("still", "1", ("pair",), "Two sevens")),
    coords={"case": ("as it is", "on a mountain", "in a shadow", "of one input"), "pair": (0, 1)},
    data={"a": WEIGHTS},
    function=g_function,
)


def g_shares(groups):
    """Closed first-order and total shares of groups of inputs: V = prod (1 + v_k) - 1, v_k = 1 / (3 (1 + a_k)^2)."""
    part = 1 / (3 * (1 + WEIGHTS) ** 2)
    whole = np.prod(1 + part) - 1
    closed = [np.prod(1 + part[list(group)]) - 1 for group in groups]
    others = [np.prod(1 + np.delete(part, list(group))) - 1 for group in groups]
    return np.array(closed) / whole, 1 - np.array(others) / whole


def settings_for(study, patterns, designs=1024, **more):
    drivers = drivers_of(patterns, study.inputs)
    step = step_of(16, len(drivers))
    more = {"draws": designs * design_of(len(drivers)), "block": 2 * step, "variance_shares": ("y",)} | more
    return Settings(drivers=drivers, **more)


EACH = {f"x{k}": (f"x.{k}",) for k in (1, 2, 3)}


def shares(study, settings, **more):
    """First and total, and their errors, of output y."""
    item = finish(study, settings, run_ensemble(study, settings, **more)).series["y"]
    return [np.stack([numbers["first"], numbers["total"]]) for numbers in (item.value, item.mcse)]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_ishigami(sampler, precision):
    """Two ranges of the points of one sequence in place of its halves would give 0, .88, .22."""
    value, error = shares(ISHIGAMI, settings_for(ISHIGAMI, EACH, sampler=sampler, precision=precision))
    truth = np.array([ISHIGAMI_FIRST, ISHIGAMI_TOTAL])
    assert (error > 0).all()
    assert (error < 0.06).all()
    # Student's t with 15 degrees of freedom: six numbers stay within four errors all but once in 150 times.
    assert (np.abs(value - truth) < 4 * error).all()


def test_scrambled_nets_know_shares_better_than_plain_draws():
    errors = {name: shares(ISHIGAMI, settings_for(ISHIGAMI, EACH, 4096, sampler=name))[1] for name in SAMPLERS}
    assert errors["sobol"].mean() < 0.75 * errors["plain"].mean()


def test_groups_of_inputs_share_as_one():
    groups = ((0,), (1, 3), (2,))
    patterns = {f"d{k}": tuple(f"g.{at}" for at in group) for k, group in enumerate(groups)}
    value, error = shares(G_FUNCTION, settings_for(G_FUNCTION, patterns, 4096, precision="float64"))
    truth = np.stack(g_shares(groups))
    assert (np.abs(value[..., 0] - truth) < 4 * error[..., 0]).all()
    # Neither a shift nor a scale changes a share, beside a series whatever is small in it.
    np.testing.assert_allclose(value[..., 1], value[..., 0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(value[..., 2], value[..., 0], rtol=1e-3, atol=1e-4)
    # What one input alone decides is all its own.
    np.testing.assert_allclose(value[..., 3], [[1, 0, 0], [1, 0, 0]], atol=1e-6)


def test_what_does_not_vary_has_no_shares():
    settings = settings_for(G_FUNCTION, {"all": ("*",)}, 64, variance_shares=("still", "y"), precision="float64")
    item = finish(G_FUNCTION, settings, run_ensemble(G_FUNCTION, settings)).series
    assert np.isnan(item["still"].value["first"]).all()
    assert np.isnan(item["still"].mcse["total"]).all()
    np.testing.assert_allclose(item["y"].value["first"], 1.0, atol=1e-6)  # the only driver drives all
    np.testing.assert_allclose(item["y"].value["total"], 1.0, atol=1e-6)


def by_the_book(values, drivers, groups=16):
    """The estimators of Azzini, Mara and Rosati (2021) over draws in order, in float64, one design after the other."""
    length = design_of(drivers)
    designs = values.astype(np.float64).reshape(-1, length, groups)
    first, total = np.zeros(drivers), np.zeros(drivers)
    for k in range(drivers):
        over = under_first = under_total = 0.0
        for design in designs:
            for r in range(groups):
                a, b, m, n = design[A, r], design[B, r], design[2 + k, r], design[2 + drivers + k, r]
                under_first += 2 * (b - n) * (m - a)
                under_total += (a - m) ** 2 + (b - n) ** 2
                over += (a - b) ** 2 + (m - n) ** 2
        first[k], total[k] = under_first / over, under_total / over
    return first, total


def test_streamed_shares_are_those_of_the_draws_kept_one_by_one():
    settings = settings_for(ISHIGAMI, EACH, 128, keep=("y",))
    state = run_ensemble(ISHIGAMI, settings)
    item = finish(ISHIGAMI, settings, state).series["y"]
    first, total = by_the_book(state.kept.outputs["y"], 3)
    np.testing.assert_allclose(item.value["first"], first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(item.value["total"], total, rtol=1e-5, atol=1e-6)
    # The moments are over all draws: each has the distribution of any other.
    assert item.value["mean"] == pytest.approx(state.kept.outputs["y"].mean(), rel=1e-4)


def test_errors_are_those_of_repeated_runs():
    found = [shares(ISHIGAMI, settings_for(ISHIGAMI, EACH, 256, seed=seed)) for seed in range(1, 41)]
    value, error = (np.stack(part) for part in zip(*found, strict=True))
    ratio = value.std(axis=0, ddof=1) / np.sqrt((error**2).mean(axis=0))
    assert ((ratio > 0.7) & (ratio < 1.4)).all(), ratio
    truth = np.array([ISHIGAMI_FIRST, ISHIGAMI_TOTAL])
    assert (np.abs(value.mean(axis=0) - truth) < 4 * value.std(axis=0) / math.sqrt(len(value)) + 0.01).all()


STATES = settings_for(ISHIGAMI, EACH, 256)


def same(first, second):
    one, other = (state.statistics["y"]["variance_shares"] for state in (first, second))
    return all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_the_same_bits_however_a_run_is_cut():
    whole = run_ensemble(ISHIGAMI, STATES)
    block, draws = STATES.block, STATES.draws
    pilot = run_ensemble(ISHIGAMI, STATES, draws=(0, 0))
    edges = (0, block, 3 * block, draws)
    parts = [run_ensemble(ISHIGAMI, STATES, draws=(low, high), state=pilot) for low, high in itertools.pairwise(edges)]
    for order in ((0, 1, 2), (2, 0, 1)):
        assert same(functools.reduce(merge, [parts[k] for k in order]), whole)
    later = run_ensemble(ISHIGAMI, dataclasses.replace(STATES, draws=2 * draws), state=whole)
    assert same(later, run_ensemble(ISHIGAMI, dataclasses.replace(STATES, draws=2 * draws), state=pilot))


def test_a_design_with_a_failed_draw_is_left_out_and_no_other():
    def function(data, draw):
        return ishigami(data, draw) | {"broken": draw["x.1"] - data["limit"]}

    faulty = dataclasses.replace(
        ISHIGAMI,
        outputs=(*ISHIGAMI.outputs, Output("broken", "1", (), "too large", "fault")),
        data=ISHIGAMI.data | {"limit": np.float64(3.0)},
        function=function,
    )
    settings = settings_for(faulty, EACH, 256, keep=("y",), failed_share=0.1)
    state = run_ensemble(faulty, settings)
    assert state.failures.number > 50
    length = design_of(3)
    whole = state.kept.valid.reshape(-1, length, 16).all(axis=1)
    values = state.kept.outputs["y"].reshape(-1, length, 16)
    alone = np.where(whole[:, None], values, 0.0)  # all differences of a design of zeros are zero
    first, _ = by_the_book(alone.reshape(-1), 3)
    summary = finish(faulty, settings, state)
    np.testing.assert_allclose(summary.series["y"].value["first"], first, atol=1e-6)
    assert f"y: shares of the variance rest on {whole.sum()} of 256 designs" in summary.warnings


# The designs themselves, with every structure that inputs can have.

YEARS = 5
INPUTS = (
    Input("a.plain", (UNIT,), dimensions=(0,)),
    Input("a.still", (FIXED,)),
    Input("b.two", (UNIT, SCORE), (2,), dimensions=(1, None)),
    Input("c.together", (SCORE,) * 3, (3,), shared=0.5, shared_dimension=3),
    Input("c.first", (SCORE,), dimensions=(4,)),
    Input("c.second", (UNIT,)),
    Input("d.rho", (Prior("beta", 0.2, 0.4, 0.7),), dimensions=(5,)),
    Input("e.walk", (SCORE,) * YEARS, (YEARS,), dimensions=(6, 7, *(None,) * (YEARS - 2)), persistence="d.rho"),
    Input("e.level", (UNIT,) * 3, (3,), dimensions=(8, None, None), persistence=1.0),
)
CORRELATIONS = (Correlation("c.first", "c.second", 0.6),)
PATTERNS = {"a": ("a.*",), "b": ("b.*",), "c": ("c.*",), "d": ("d.*",), "rest": ("*",)}
DRIVERS = drivers_of(PATTERNS, INPUTS)


def drawn(plan, draws):
    tables = jax.tree.map(jnp.asarray, plan.tables)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        index = jnp.arange(draws, dtype=jnp.uint32)
        return jax.tree.map(np.asarray, jax.jit(jax.vmap(plan.draw, (None, 0)))(tables, index))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_design_holds_two_independent_draws_and_their_mixtures(sampler):
    designs, length = 1024, design_of(len(DRIVERS))
    plan = plan_draws(INPUTS, CORRELATIONS, sampler, seed=3, draws=designs * length, drivers=DRIVERS)
    found = {name: v.reshape(-1, length, 16, *v.shape[1:]) for name, v in drawn(plan, designs * length).items()}
    alone = drawn(plan_draws(INPUTS, CORRELATIONS, sampler, seed=3, draws=designs), designs)
    number = {name: k for k, driver in enumerate(DRIVERS) for name in driver.inputs}
    for item in INPUTS:
        values = np.moveaxis(found[item.name], 1, 0)
        a, b = values[A], values[B]
        # A is the draw that there would be without drivers; B is another.
        np.testing.assert_array_equal(a.reshape(-1, *item.shape), alone[item.name])
        if item.name == "a.still":
            assert (values == 2.0).all()
            continue
        pair = np.stack([a.reshape(designs, -1), b.reshape(designs, -1)])
        for element in range(pair.shape[2]):
            assert abs(np.corrcoef(pair[:, :, element])[0, 1]) < 0.12
        for k, (m, n) in enumerate(zip(*mixtures(values, len(DRIVERS)), strict=True)):
            if item.name == "e.walk" and DRIVERS[k].name == "d":
                assert (m != a).any()  # the persistence of the path has moved, and its steps have not
                continue
            mine = k == number[item.name]
            if item.name == "e.walk" and mine:
                assert (m != a).all()  # the steps of B with the persistence of A
                continue
            np.testing.assert_array_equal(m, b if mine else a)
            np.testing.assert_array_equal(n, a if mine else b)


def test_an_input_more_moves_no_other():
    more = (*INPUTS, Input("f.new", (UNIT,), dimensions=(9,)))
    drivers = drivers_of(PATTERNS | {"f": ("f.*",)}, more)
    before, after = (
        drawn(plan_draws(inputs, CORRELATIONS, seed=3, drivers=given), design_of(len(given)) * 16)
        for inputs, given in ((INPUTS, DRIVERS), (more, drivers))
    )
    for place in (A, B):
        rows = slice(16 * place, 16 * (place + 1))
        for item in INPUTS:
            np.testing.assert_array_equal(before[item.name][rows], after[item.name][rows])


def test_blocks_hold_whole_designs(monkeypatch):
    monkeypatch.setattr("mc.block_size.LARGEST", 256)  # one size to try besides the least
    settings = settings_for(ISHIGAMI, EACH)
    assert settings.step == 16 * 8
    for changed in ({"block": 64}, {"draws": 64}, {"draws": 129 * 16}):
        with pytest.raises(ValueError, match="multiples of 128"):
            dataclasses.replace(settings, **changed)
    assert block_for(ISHIGAMI, settings, jax.devices("cpu")) % settings.step == 0
    tried = {}
    tune(ISHIGAMI, settings, jax.devices("cpu"), tried.__setitem__, seconds=0.01)
    assert min(tried) == settings.step
    tune(ISHIGAMI, dataclasses.replace(settings, sampler="latin"), jax.devices("cpu"), tried.__setitem__, 0.01)
    with pytest.raises(ValueError, match="need drivers"):
        Settings(variance_shares=("y",))
    with pytest.raises(ValueError, match="no series fits 'z'"):
        run_ensemble(ISHIGAMI, dataclasses.replace(settings, variance_shares=("z",)))


def test_of_two_patterns_the_one_that_says_more_takes_an_input():
    names = ("costs.ore", "costs.carbon_price", "grid.factor", "grid.still", "fuel.price[coal]", "fuel.price[gas]")
    inputs = [Input(name, (FIXED if name == "grid.still" else UNIT,)) for name in names]
    patterns = {
        "rest": ("*",),
        "costs": ("costs.*", "costs.o?e", "costs.o?e"),
        "carbon": ("costs.carbon*", "grid.still"),
        "coal": ("fuel.*[coal]",),
    }
    assert drivers_of(patterns, inputs) == (
        Driver("rest", ("grid.factor", "fuel.price[gas]")),
        Driver("costs", ("costs.ore",)),
        Driver("carbon", ("costs.carbon_price",)),
        Driver("coal", ("fuel.price[coal]",)),
    )
    assert drivers_of(dict(reversed(patterns.items())), inputs) == drivers_of(patterns, inputs)[::-1]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"a": ("a.*",), "b": ("b.*",)}, r"in no driver: c.together, c.first, c.second, d.rho, e.walk and 1 more"),
        ({"x": ("*",), "y": ("*",)}, "a.plain fits drivers x and y alike"),
        (PATTERNS | {"none": ("a.still",)}, "no input that varies is left for a.still"),
        (PATTERNS | {"slip": ("a.*", "a.plian")}, "no input 'a.plian'; did you mean 'a.plain'"),
        (PATTERNS | {"twice": ("?.plain*",), "again": ("a.plai?*", "a?plain")}, "fits drivers twice and again alike"),
    ],
)
def test_drivers_that_cannot_be(patterns, message):
    with pytest.raises(ValueError, match=message):
        drivers_of(patterns, INPUTS)


def test_an_input_that_varies_in_part_belongs_to_a_driver():
    assert drivers_of({"all": ("*",)}, [Input("half", (FIXED, UNIT), (2,))]) == (Driver("all", ("half",)),)


def test_what_is_correlated_belongs_together_unless_it_stands_still():
    apart = drivers_of(PATTERNS | {"apart": ("c.first",)}, INPUTS)
    with pytest.raises(ValueError, match=r"drivers apart and c: c.first and c.second are correlated; put c.first and"):
        numbers_by_input(apart, INPUTS, CORRELATIONS)
    still = [Input("x", (UNIT,)), Input("y", (FIXED,))]
    assert numbers_by_input((Driver("x", ("x",)),), still, [Correlation("x", "y", 0.5)]) == {"x": 0}


def test_what_was_learned_together_has_no_shares():
    pinned = Pinned(("a.plain",), np.zeros((64, 1)), {}, "digest")
    with pytest.raises(ValueError, match="learned together"):
        plan_draws(INPUTS, CORRELATIONS, pinned=pinned, drivers=DRIVERS)


def test_a_latin_design_is_refused_beyond_its_designs():
    length = design_of(len(DRIVERS))
    plan = plan_draws(INPUTS, CORRELATIONS, "latin", draws=32 * length, drivers=DRIVERS)
    plan.refuse_beyond(32 * length)
    with pytest.raises(ValueError, match="of 32 draws cannot be extended to 33"):
        plan.refuse_beyond(32 * length + 1)


def test_an_error_is_that_of_a_ratio_of_means():
    """Two scramblings, by hand: 1/2 and 3/2, pooled 1, deviations -1/2 and 1/2 of a mean of 1."""
    statistic = VarianceShares(1)
    whole = np.full((1, 2, 1), 2.0)
    state = {"first": np.array([[[1.0], [3.0]]]), "total": whole, "variance": whole, "designs": np.ones((2, 1), int)}
    found = statistic.finish(state, {}, np.ones(2))
    assert (found.value["first"].item(), found.mcse["first"].item()) == (1.0, 0.5)
    assert (found.value["total"].item(), found.mcse["total"].item()) == (1.0, 0.0)
    one = {name: np.where(np.array([[1], [0]]) > 0, array, 0) for name, array in state.items()}
    lost = statistic.finish(one, {}, np.ones(2))
    assert (lost.value["first"].item(), lost.diagnostic["designs"].item()) == (0.5, 1)
    assert np.isnan(lost.mcse["first"]).all()  # of one scrambling nothing is known


def test_sums_too_large_to_be_exact_are_told():
    settings = settings_for(ISHIGAMI, EACH, 64)
    state = run_ensemble(ISHIGAMI, settings)
    state.statistics["y"]["variance_shares"]["total"][:] = 2.0**53
    summary = finish(ISHIGAMI, settings, state)
    assert any("too large to be exact" in warning for warning in summary.warnings)


def test_draws_that_cut_a_design_are_refused():
    with pytest.raises(InputError, match="cut a design in two: take multiples of 128"):
        run_ensemble(ISHIGAMI, STATES, draws=(0, 64))


def test_accuracy_is_looked_at_after_whole_designs():
    settings = settings_for(ISHIGAMI, EACH, 1024, pilot=16)
    found = list(stages(settings))
    assert found[-1] == settings.draws
    assert all(number % settings.step == 0 for number in found)


@pytest.mark.parametrize(
    ("drivers", "message"),
    [
        ((*DRIVERS, Driver("again", ("a.plain",))), "a.plain is in drivers a and again"),
        ((*DRIVERS, Driver("odd", ("z",))), "z, which is no input"),
        (DRIVERS[1:], "a.plain varies and is in no driver"),
    ],
)
def test_drivers_that_do_not_fit_the_inputs(drivers, message):
    with pytest.raises(ValueError, match=message):
        plan_draws(INPUTS, CORRELATIONS, drivers=drivers)
