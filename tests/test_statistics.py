import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mc.blocks import precise
from mc.draws import plan_draws
from mc.statistics import STATISTICS, PilotView, scramblings
from mc.statistics.bins import BINS, _sizes, bin_of, fit_bins, host_bin_of, value_at
from mc.statistics.exceedance import Exceedance
from mc.statistics.moments import Moments
from mc.statistics.narrowing import Narrowing
from mc.statistics.quantiles import Quantiles
from mc.statistics.variance_shares import VarianceShares
from mc.study import Input, Prior

R = 16
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)


@functools.cache
def compiled_update(statistic):
    return jax.jit(statistic.update)


def pilot_of(values, draws=1024):
    first = values[:draws]
    wide = first.astype(np.float64)
    return PilotView(len(first), wide.mean(axis=0), wide.std(axis=0), wide.std(axis=0).max() or 1.0, first)


def on_device(constants):
    return {name: value for name, value in constants.items() if not name.startswith("_")}


def folded(statistic, values, constants, mask=None, block=512, state=None):
    """State of `values` (draw, element), draw i in scrambling i % R, folded in block by block."""
    mask = np.ones(len(values), bool) if mask is None else mask
    state = statistic.init(values.shape[1], R) if state is None else state
    with precise(), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        for start in range(0, len(values), block):
            part, chosen = values[start : start + block], mask[start : start + block]
            rows = -len(part) % block
            part = np.concatenate([part, np.full((rows, values.shape[1]), np.nan, values.dtype)])
            chosen = np.concatenate([chosen, np.zeros(rows, bool)])
            state = compiled_update(statistic)(
                state, part.reshape(-1, R, values.shape[1]), chosen.reshape(-1, R), on_device(constants)
            )
    return {name: np.asarray(array) for name, array in state.items()}


def counts(mask):
    return np.array([mask[r::R].sum() for r in range(R)])


def estimated(statistic, values, mask=None):
    mask = np.ones(len(values), bool) if mask is None else mask
    constants = statistic.prepare(pilot_of(values[mask]))
    state = folded(statistic, values, constants, mask)
    return statistic.finish(state, constants, counts(mask))


def shapes(draws, seed=0):
    """Columns of very different shape, as the chain has them."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(draws, 12))
    columns = {
        "normal": z[:, 0],
        "cv_0.002": 500 * (1 + 0.002 * z[:, 1]),
        "lognormal": np.exp(z[:, 2]),
        "heavy": np.exp(2 * z[:, 3]),
        "student_3": rng.standard_t(3, size=draws),
        "uniform": rng.uniform(-1, 1, draws),
        "two_peaks": np.where(z[:, 4] > 0.3, 100 + z[:, 5], z[:, 6]),
        "tiny": 1e-12 * z[:, 7],
        "skewed_left": -rng.gamma(0.5, 3.0, draws),
        "shifted": 1e6 + 30 * z[:, 8],
    }
    return list(columns), np.stack(list(columns.values()), axis=1).astype(np.float32)


def rank_error(values, quantile, probability):
    """Distance of the probability from [F(q-), F(q)]: zero inside the jump of a repeated value."""
    below, upto = (values < quantile).mean(axis=0), (values <= quantile).mean(axis=0)
    return np.maximum(np.maximum(below - probability, probability - upto), 0.0)


def test_registry_names_every_statistic_by_its_key():
    classes = (Moments, Quantiles, Exceedance, Narrowing, VarianceShares)
    assert tuple(STATISTICS.values()) == classes
    instances = (
        Moments(),
        Quantiles(PROBABILITIES),
        Exceedance("over", "y", above=1.0),
        Narrowing(),
        VarianceShares(3),
    )
    assert [one.key.split("/")[0] for one in instances] == list(STATISTICS)


def test_moments_match_float64_numpy_on_every_shape():
    names, values = shapes(8192)
    for name, column in zip(names, values.T, strict=True):
        result = estimated(Moments(), column[:, None])
        wide = column.astype(np.float64)
        sd = wide.std(ddof=1)
        assert abs(result.value["mean"][0] - wide.mean()) < 7e-7 * sd, name
        assert result.value["sd"][0] == pytest.approx(sd, rel=2e-6), name
        assert not result.diagnostic["inexact"].any()


def test_moments_of_unlike_elements_are_right_to_a_quantum_of_the_largest():
    _, values = shapes(8192)
    result = estimated(Moments(), values)
    wide = values.astype(np.float64)
    sd = wide.std(axis=0, ddof=1)
    quantum = 2.0**-26 * sd.max()
    assert (np.abs(result.value["mean"] - wide.mean(axis=0)) <= 7e-7 * sd + quantum).all()
    assert (np.abs(result.value["sd"] - sd) <= 2e-6 * sd + quantum).all()


def test_sums_of_what_all_but_stood_still_in_the_pilot_are_exact_in_any_order():
    """A province that hardly ever has a route: rounding in the pilot, later a share of what its neighbours have."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(16384, 2)).astype(np.float32)
    values[:, 1] = np.where(rng.uniform(size=16384) < 0.004, 1e-9, 0.0)
    values[1024:, 1] += np.where(rng.uniform(size=15360) < 0.01, rng.uniform(1, 3, 15360), 0.0)
    constants = Moments().prepare(pilot_of(values))
    places = R * rng.permutation(len(values) // R)[:, None] + np.arange(R)
    ahead, behind = (folded(Moments(), values[rows], constants) for rows in (slice(None), places.ravel()))
    assert all((ahead[name] == behind[name]).all() for name in ahead)
    result = Moments().finish(ahead, constants, counts(np.ones(len(values), bool)))
    assert not result.diagnostic["inexact"].any()
    np.testing.assert_allclose(result.value["sd"], values.std(axis=0, ddof=1, dtype=np.float64), rtol=2e-6)


def test_shifted_moments_hold_where_plain_float32_sums_fail():
    rng = np.random.default_rng(3)
    values = (500 * (1 + 0.002 * rng.normal(size=(65536, 1)))).astype(np.float32)
    exact = values.astype(np.float64).std(ddof=1)
    plain = np.cumsum(values**2, dtype=np.float32)[-1] / len(values) - np.cumsum(values, dtype=np.float32)[-1] ** 2 / (
        len(values) ** 2
    )
    assert abs(plain / exact**2 - 1) > 0.1
    assert estimated(Moments(), values).value["sd"][0] == pytest.approx(exact, rel=2e-6)


def test_moments_of_what_the_pilot_never_saw():
    values = np.zeros((4096, 3), np.float32)
    values[2000::500, 1] = 7.5
    values[:, 2] = np.random.default_rng(0).normal(size=4096)
    result = estimated(Moments(), values)
    np.testing.assert_allclose(result.value["mean"], values.mean(axis=0, dtype=np.float64), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(result.value["sd"], values.std(axis=0, ddof=1, dtype=np.float64), rtol=1e-6)
    assert result.value["sd"][0] == 0
    assert result.mcse["sd"][0] == 0


def test_sums_too_large_to_be_exact_are_reported():
    values = np.zeros((2048, 1), np.float32)
    values[:1024, 0] = 1e-3 * np.random.default_rng(0).normal(size=1024)
    values[1500] = 1e9
    assert estimated(Moments(), values).diagnostic["inexact"].all()


@pytest.mark.parametrize("statistic", [Moments(), Quantiles(PROBABILITIES), Exceedance("over", "y", above=0.5)])
class TestEveryStatistic:
    def test_any_split_and_order_gives_the_same_bits(self, statistic):
        _, values = shapes(4096)
        constants = statistic.prepare(pilot_of(values))
        whole = folded(statistic, values, constants)
        order = np.random.default_rng(1).permutation(4096 // R)
        shuffled = values.reshape(-1, R, values.shape[1])[order].reshape(values.shape)
        first = folded(statistic, shuffled[:1536], constants, block=512)
        second = folded(statistic, shuffled[1536:], constants, block=64)
        for merged in (statistic.merge(first, second), statistic.merge(second, first)):
            for name, array in whole.items():
                assert merged[name].tobytes() == array.tobytes(), name

    def test_draws_outside_the_mask_leave_no_trace(self, statistic):
        _, values = shapes(2048)
        constants = statistic.prepare(pilot_of(values))
        mask = np.random.default_rng(2).random(2048) > 0.2
        spoilt = np.where(mask[:, None], values, np.float32(np.nan))
        spoilt[np.flatnonzero(~mask)[::2]] = np.inf
        zeroed = np.where(mask[:, None], values, np.float32(1.0))
        for name, array in folded(statistic, spoilt, constants, mask).items():
            assert array.tobytes() == folded(statistic, zeroed, constants, mask)[name].tobytes(), name

    def test_many_points_at_once_give_the_bits_of_one_by_one(self, statistic, monkeypatch):
        _, values = shapes(1024)
        constants = statistic.prepare(pilot_of(values))
        one_by_one = folded(statistic, values, constants, block=256)
        monkeypatch.setattr(scramblings, "UNROLLED_POINTS", 0)
        jax.clear_caches()
        compiled_update.cache_clear()
        for name, array in folded(statistic, values, constants, block=256).items():
            assert array.tobytes() == one_by_one[name].tobytes(), name
        compiled_update.cache_clear()

    def test_both_precisions_agree(self, statistic):
        _, values = shapes(2048)
        narrow, wide = estimated(statistic, values), estimated(statistic, values.astype(np.float64))
        for name, value in narrow.value.items():
            spread = 1.0 if name.startswith("exceedance") else values.std(axis=0)
            np.testing.assert_allclose((value - wide.value[name]) / spread, 0, atol=2.5e-3)

    def test_arrays_have_their_elements_where_the_statistic_says(self, statistic):
        _, values = shapes(256)
        state, constants = statistic.init(values.shape[1], R), statistic.prepare(pilot_of(values))
        for name, array in (state | on_device(constants)).items():
            assert array.shape[statistic.element_axis(name)] == values.shape[1]


def test_histogram_equals_the_obvious_count():
    _, values = shapes(4096)
    statistic = Quantiles(PROBABILITIES)
    constants = statistic.prepare(pilot_of(values))
    state = folded(statistic, values, constants)
    obvious = np.zeros((values.shape[1], BINS), np.int32)
    with precise():
        chosen = np.asarray(jax.jit(bin_of)(jnp.asarray(values.T), on_device(constants))).T
    for draw in chosen:
        for element, at in enumerate(draw):
            obvious[element, at] += 1
    np.testing.assert_array_equal(state["histogram"], obvious)
    below = (values[None] < constants["level"][:, None]).reshape(len(PROBABILITIES), -1, R, values.shape[1]).sum(axis=1)
    np.testing.assert_array_equal(state["below"], below)


def test_values_lie_between_the_edges_of_their_bin():
    _, values = shapes(2048)
    fixed = fit_bins(np.sort(values[:1024].T, axis=1), PROBABILITIES)
    with precise():
        chosen = np.asarray(
            bin_of(jnp.asarray(values.T), {name: jnp.asarray(array) for name, array in fixed.items()})
        ).T
    inner = (chosen > 0) & (chosen < BINS - 1)
    assert inner.mean() > 0.99
    for draw, at, inside in zip(values, chosen, inner, strict=True):
        low, high = value_at(at, fixed), value_at(at + 1, fixed)
        slack = 1e-5 * (high - low) + 1e-6 * np.abs(draw)
        assert ((draw >= low - slack) | ~inside).all()
        assert ((draw <= high + slack) | ~inside).all()


def test_values_on_a_knot_fall_above_it_whatever_the_rounding():
    rng = np.random.default_rng(8)
    sample = np.sort(rng.normal(rng.normal(0, 100, (2000, 1)), rng.lognormal(0, 3, (2000, 1)), (2000, 600)), axis=1)
    fixed = fit_bins(sample.astype(np.float32), PROBABILITIES)
    distinct = (np.diff(fixed["knot"], axis=0) > 0).all(axis=0)
    first = np.concatenate([[1], 1 + np.cumsum(_sizes(len(fixed["slope"])))])[1:-1]
    with precise():
        chosen = np.asarray(jax.jit(bin_of)(jnp.asarray(fixed["knot"][1:-1].T), jax.tree.map(jnp.asarray, fixed)))
    assert distinct.mean() > 0.9
    assert (chosen[distinct] == first[None]).all()
    assert (host_bin_of(fixed["knot"][1:-1].T, fixed)[distinct] == first[None]).all()


def test_rank_error_of_quantiles_at_p99():
    probabilities = (0.01, *PROBABILITIES, 0.99)
    errors = []
    for seed in range(8):
        _, values = shapes(16384, seed)
        result = estimated(Quantiles(probabilities), values)
        errors += [rank_error(values, q, p) for q, p in zip(result.value["quantile"], probabilities, strict=True)]
        assert result.diagnostic["outside"].max() < 0.005
    assert np.quantile(np.concatenate(errors), 0.99) <= 0.001


def test_a_short_run_has_the_quantiles_of_its_draws():
    _, values = shapes(1024, 5)
    result = estimated(Quantiles(PROBABILITIES), values)
    for q, p in zip(result.value["quantile"], PROBABILITIES, strict=True):
        assert rank_error(values, q, p).max() <= 0.002


def test_repeated_values_come_out_exactly():
    rng = np.random.default_rng(4)
    values = np.stack(
        [
            np.full(4096, 3.7),
            np.where(rng.random(4096) < 0.6, 0.0, rng.gamma(2.0, 3.0, 4096)),
            np.minimum(rng.normal(10, 2, 4096), 11.0),
            2020.0 + rng.integers(0, 41, 4096),
            np.zeros(4096),
        ],
        axis=1,
    ).astype(np.float32)
    result = estimated(Quantiles(PROBABILITIES), values)
    quantile, mcse = result.value["quantile"], result.mcse["quantile"]
    assert (quantile[:, 0] == np.float32(3.7)).all()
    assert (quantile[:3, 1] == 0).all()
    assert quantile[3, 1] > 0
    assert (quantile[3:, 2] == 11).all()
    assert (quantile[:, 3] == np.quantile(values[:, 3], PROBABILITIES)).all()
    assert (quantile[:, 4] == 0).all()
    assert (mcse[:, [0, 4]] == 0).all()


def test_a_drift_away_from_the_pilot_is_seen_outside():
    rng = np.random.default_rng(6)
    values = rng.normal(size=(8192, 1)).astype(np.float32)
    values[4096:] += 1e4
    assert estimated(Quantiles(PROBABILITIES), values).diagnostic["outside"][0] > 0.4


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"above": 0.5}, lambda x: x > np.float32(0.5)),
        ({"below": -0.25}, lambda x: x < np.float32(-0.25)),
        ({"above": -1.0, "below": 1.0}, lambda x: (x > -1) & (x < 1)),
    ],
)
def test_exceedance_counts_exactly(bounds, expected):
    _, values = shapes(2048)
    statistic = Exceedance("named", "y", **bounds)
    result = estimated(statistic, values)
    np.testing.assert_array_equal(result.value["exceedance/named"], expected(values).mean(axis=0))
    per_scrambling = expected(values).reshape(-1, R, values.shape[1]).mean(axis=0)
    np.testing.assert_allclose(
        result.mcse["exceedance/named"], per_scrambling.std(axis=0, ddof=1) / math.sqrt(R), rtol=1e-12, atol=1e-15
    )


def test_reaching_a_threshold_is_not_passing_it():
    values = np.repeat(np.float32([0.0, 0.5, 1.0]), R)[:, None]
    assert estimated(Exceedance("x", "y", above=0.5), values).value["exceedance/x"][0] == pytest.approx(1 / 3)
    assert estimated(Exceedance("x", "y", below=0.5), values).value["exceedance/x"][0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("bounds", [{}, {"above": math.nan}, {"above": 2.0, "below": 1.0}])
def test_exceedance_refuses_thresholds_without_meaning(bounds):
    with pytest.raises(ValueError, match="named"):
        Exceedance("named", "y", **bounds)


def test_error_of_a_ratio_is_that_of_the_mean_for_equal_counts():
    sums = np.random.default_rng(7).normal(size=(R, 5))
    count = np.full(R, 64)
    expected = (sums / 64).std(axis=0, ddof=1) / math.sqrt(R)
    np.testing.assert_allclose(scramblings.ratio_error(sums, count), expected, rtol=1e-12)


def test_error_of_a_ratio_needs_two_scramblings_with_draws():
    count = np.array([5] + [0] * (R - 1))
    assert np.isnan(scramblings.ratio_error(np.ones((R, 2)), count)).all()
    count[3] = 5
    assert np.isfinite(scramblings.ratio_error(np.ones((R, 2)), count)).all()


WEIGHTS = np.array([0.8, 0.5, math.sqrt(1 - 0.64 - 0.25)], np.float32)
TRUTH = {"mean": 0.0, "sd": 1.0, "quantile": stats.norm.ppf([[0.05], [0.5], [0.95]])}


def replicated_runs(sampler, runs, draws):
    """Independent runs side by side as elements, each of R scramblings: a sum of normal variables of variance 1."""
    point = Prior("normal", *map(float, stats.norm.ppf([0.05, 0.5, 0.95])))
    inputs = (Input("z", (point,) * 3, (3,), dimensions=(0, 1, 2)),)
    plan = plan_draws(inputs, sampler=sampler, seed=5, scramblings=R * runs)

    @jax.jit
    def one_point(tables, point):
        index = point * np.uint32(R * runs) + jnp.arange(R * runs, dtype=jnp.uint32)
        return jax.vmap(lambda at: plan.draw(tables, at, jnp.float32)["z"])(index) @ jnp.asarray(WEIGHTS)

    with precise():
        points = [np.asarray(one_point(plan.tables, np.uint32(point))) for point in range(draws // R)]
    return np.stack(points).reshape(-1, runs, R).transpose(0, 2, 1).reshape(draws, runs)


def coverage(values, truth):
    """Share of nominal 95 % intervals (Student t, R - 1) that hold the truth, per statistic."""
    factor = stats.t.ppf(0.975, R - 1)
    quantiles, moments = Quantiles((0.05, 0.5, 0.95)), Moments()
    found = {}
    for statistic in (moments, quantiles):
        result = estimated(statistic, values)
        for name, value in result.value.items():
            inside = np.abs(value - truth[name]) <= factor * result.mcse[name]
            for label, row in zip(
                ("p05", "p50", "p95") if name == "quantile" else (name,), np.atleast_2d(inside), strict=True
            ):
                found[label] = row.mean()
    return found


@pytest.mark.parametrize("sampler", ["sobol", "plain"])
def test_intervals_cover_in_a_thousand_runs(sampler):
    values = replicated_runs(sampler, 1000, 1024)
    found = coverage(values, TRUTH)
    assert all(0.935 <= share <= 0.965 for share in found.values()), found


def test_error_of_a_scrambled_run_is_not_that_of_independent_draws():
    values = replicated_runs("sobol", 100, 1024)
    result = estimated(Moments(), values)
    true_error = np.sqrt((result.value["mean"] ** 2).mean())
    assert np.sqrt((result.mcse["mean"] ** 2).mean()) == pytest.approx(true_error, rel=0.3)
    assert true_error < 0.2 / math.sqrt(1024)


@pytest.mark.slow
@pytest.mark.parametrize("draws", [4096, 16384])
def test_intervals_cover_in_long_runs(draws):
    found = coverage(replicated_runs("sobol", 1000, draws), TRUTH)
    assert all(0.93 <= share <= 0.97 for share in found.values()), found


def test_repeated_values_are_found_among_elements_that_vary_and_that_do_not() -> None:
    """Zero in half of the draws, 7 in all, 3 in half, 9 in all."""
    some = np.random.default_rng(2).uniform(10.0, 20.0, 64)
    half = np.arange(64) < 32
    columns = (np.where(half, 0.0, some), np.full(64, 7.0), np.where(half, 3.0, some), np.full(64, 9.0))
    values = np.stack(columns, axis=1)
    statistic = Quantiles((0.25, 0.75))
    fixed = statistic.prepare(pilot_of(values))
    assert (np.diff(fixed["_atom_key"]) > 0).all()
    assert fixed["_atom_value"].tolist() == [0.0, 7.0, 3.0, 9.0]
    low, high = estimated(statistic, values).value["quantile"]
    assert low.tolist() == [0.0, 7.0, 3.0, 9.0]
    assert (high[[0, 2]] > 10.0).all()
    assert (high[[1, 3]] == [7.0, 9.0]).all()


def test_an_empty_state_holds_one_number_throughout() -> None:
    """It is made on the device from that number (`mc.blocks`)."""
    every = (Moments(), Quantiles(PROBABILITIES), Exceedance("high", "y", above=0.5), Narrowing(), VarianceShares(2))
    assert {type(one) for one in every} == set(STATISTICS.values())
    for statistic in every:
        for array in statistic.init(3, R).values():
            assert (array == array.flat[0]).all()
