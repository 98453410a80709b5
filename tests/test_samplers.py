"""Every sampler against every property; scrambled Sobol' against scipy, its nets, and its order of convergence."""

import itertools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats
from scipy.stats import qmc

from mc.samplers import SAMPLERS, Column, sampler_of, to_uniform
from mc.samplers.contract import LEAST, MOST, counter_bits, keys
from mc.samplers.joe_kuo import direction_numbers
from mc.samplers.latin import random_orders
from mc.samplers.sobol import reverse_bits, reversed_points

PLACED = 5
COLUMNS = tuple(Column(f"s{k}", k) for k in range(PLACED)) + tuple(Column(f"h{k}") for k in range(3))
SCRAMBLINGS = 4
DRAWS = 1024


def _bits(name, draws=DRAWS, seed=1, columns=COLUMNS, scramblings=SCRAMBLINGS, first=0, design=DRAWS):
    sampler = sampler_of(name, seed, scramblings, design)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        tables = jax.tree.map(jnp.asarray, sampler.tables(columns))
        index = jnp.arange(first, first + draws, dtype=jnp.uint32)
        return np.asarray(jax.jit(jax.vmap(sampler.bits, (None, 0)))(tables, index))


def _uniform(bits):
    return np.asarray(to_uniform(jnp.asarray(bits), jnp.float32), np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniforms_never_reach_0_or_1(dtype):
    bits = np.array([0, 511, 512, 2**31, 2**32 - 512, 2**32 - 1], np.uint32)
    with jax.enable_x64(dtype is np.float64):
        u = np.asarray(to_uniform(jnp.asarray(bits), dtype))
        assert np.all(np.isfinite(jax.scipy.special.ndtri(jnp.asarray(u))))
    assert u.dtype == dtype
    assert (u[0], u[-1]) == (LEAST, MOST)
    assert 0 < u[0] == u[1] < u[2] < u[3] < u[4] == u[5] < 1


@pytest.mark.parametrize("name", SAMPLERS)
def test_margins_are_uniform(name):
    u = _uniform(_bits(name))
    for column in u.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_are_reproducible_and_follow_the_seed(name):
    bits = _bits(name, 64)
    np.testing.assert_array_equal(bits, _bits(name, 64))
    assert np.all((bits != _bits(name, 64, seed=2)).mean(0) > 0.9)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("batch", [1, 7, 33])
def test_draws_do_not_depend_on_the_batch(name, batch):
    whole = _bits(name, 66)
    parts = [_bits(name, min(batch, 66 - first), first=first) for first in (0, batch, 66 - batch)]
    for first, part in zip((0, batch, 66 - batch), parts, strict=True):
        np.testing.assert_array_equal(part, whole[first : first + len(part)])


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_added_column_leaves_the_others(name):
    columns = (COLUMNS[0], Column("new", 77), *COLUMNS[1:PLACED], Column("new too"), *COLUMNS[PLACED:])
    kept = [k for k, column in enumerate(columns) if column in COLUMNS]
    np.testing.assert_array_equal(_bits(name, 64, columns=columns)[:, kept], _bits(name, 64))


@pytest.mark.parametrize("name", SAMPLERS)
def test_columns_of_one_kind_alone_are_enough(name):
    assert _bits(name, 8, columns=COLUMNS[:PLACED]).shape == (8, PLACED)
    assert _bits(name, 8, columns=COLUMNS[PLACED:]).shape == (8, len(COLUMNS) - PLACED)


@pytest.mark.parametrize("name", ["sobol", "latin"])
@pytest.mark.parametrize("points", [16, 64, 1024])
def test_every_stratum_of_every_margin_has_one_point(name, points):
    draws = points * SCRAMBLINGS
    u = _uniform(_bits(name, draws, design=draws))[:, :PLACED]
    for r in range(SCRAMBLINGS):
        strata = np.floor(u[r::SCRAMBLINGS] * points)
        np.testing.assert_array_equal(np.sort(strata, axis=0), np.tile(np.arange(points)[:, None], PLACED))


def _slope(name):
    """Order of the error of a mean of a smooth function of four uniforms, from 16 to 2,048 points."""
    scramblings, sizes = 32, 2 ** np.arange(4, 12)
    bits = _bits(name, scramblings * int(sizes[-1]), columns=COLUMNS[:4], scramblings=scramblings, design=None)
    value = np.prod(1 + 0.5 * (_uniform(bits) ** 2 - 1 / 3), axis=1).reshape(-1, scramblings)
    error = [np.sqrt(np.mean((value[:size].mean(0) - 1.0) ** 2)) for size in sizes]
    return np.polyfit(np.log(sizes), np.log(error), 1)[0]


def test_order_of_convergence():
    assert _slope("sobol") < -0.9
    assert -0.62 < _slope("plain") < -0.38


def test_unscrambled_sobol_is_that_of_scipy():
    dimensions, points = 512, 256
    table = jnp.asarray(np.asarray(direction_numbers(dimensions)).T)
    mirrored = reverse_bits(table)
    for first in (0, 2**16 - 8):
        index = jnp.arange(first, first + points, dtype=jnp.uint32)
        ours = reverse_bits(jax.vmap(reversed_points, (None, 0))(mirrored, index))
        engine = qmc.Sobol(dimensions, scramble=False, bits=32)
        theirs = (engine.fast_forward(first) if first else engine).random(points)
        np.testing.assert_array_equal(np.asarray(ours) / 2**32, theirs)


def test_scrambling_keeps_the_net():
    """Dimensions 0 and 1 are a (0, m, 2)-net: every box of area 1 / N has one point, whatever its sides."""
    depth = 6
    u = _uniform(_bits("sobol", 2**depth * SCRAMBLINGS))
    for r, a in itertools.product(range(SCRAMBLINGS), range(depth + 1)):
        boxes = np.floor(u[r::SCRAMBLINGS, :2] * 2.0 ** np.array([a, depth - a]))
        assert len({tuple(box) for box in boxes}) == 2**depth


def test_scrambling_is_unbiased():
    """Mean over 4,096 scramblings of 4 points each; unscrambled, this mean is 20 % low."""
    replicates, points = 4096, 4
    bits = _bits("sobol", replicates * points, columns=COLUMNS[:3], scramblings=replicates)
    u = _uniform(bits).reshape(points, replicates, 3)
    value = np.prod(3 * u**2, axis=-1)
    estimates = value.mean(0)
    assert abs(estimates.mean() - 1) < 4 * estimates.std() / np.sqrt(replicates)
    for point in u:  # each point alone is uniform in the cube
        assert abs(np.prod(3 * point**2, axis=-1).mean() - 1) < 4 * value.std() / np.sqrt(replicates)
        for column in point.T:
            assert stats.kstest(column, "uniform").pvalue > 1e-4
        cells = Counter(map(tuple, np.floor(point * 4).astype(int)))
        assert stats.chisquare([cells[cell] for cell in itertools.product(range(4), repeat=3)]).pvalue > 1e-4


def test_scramblings_are_independent():
    """Points with one number share their digits up to the flips; what must not go together is the estimates."""
    replicates, points = 4096, 8
    bits = _bits("sobol", replicates * points, columns=COLUMNS[:2], scramblings=replicates)
    value = np.prod(_uniform(bits).reshape(points, replicates, 2) ** 2, axis=-1).mean(0)
    for lag in (1, 2, 16):
        assert abs(np.corrcoef(value[:-lag], value[lag:])[0, 1]) < 4 / np.sqrt(replicates)


def test_hashed_numbers_are_independent_of_column_and_index():
    draws, columns = 4096, 256
    table = jnp.asarray(keys((1, f"x[{k}]") for k in range(columns)))
    bits = np.asarray(jax.vmap(counter_bits, (None, 0))(table, jnp.arange(draws, dtype=jnp.uint32)))
    score = special.ndtri(_uniform(bits))
    score = (score - score.mean(0)) / score.std(0)
    for lag in (0, 1, 16):
        correlation = score[: draws - lag].T @ score[lag:] / draws
        if lag == 0:
            correlation = correlation[np.triu_indices(columns, 1)]
        assert np.abs(correlation).max() * np.sqrt(draws) < 5.8
        assert np.mean(correlation**2) * draws == pytest.approx(1, abs=0.04)
    for shift in (0, 12, 24):
        counts = np.stack([np.bincount((column >> shift) & 255, minlength=256) for column in bits.T])
        assert stats.kstest(((counts - 16) ** 2 / 16).sum(1), stats.chi2(255).cdf).pvalue > 1e-3


@pytest.mark.parametrize("count", [3, 4])
def test_orders_of_a_latin_hypercube_are_equally_likely(count):
    seen = Counter(map(tuple, random_orders(keys((7, k) for k in range(24_000)), count).T))
    assert set(seen) == set(itertools.permutations(range(count)))
    assert stats.chisquare(list(seen.values())).pvalue > 1e-3


@pytest.mark.parametrize("points", [5, 48, 1000])
def test_latin_strata_of_any_number(points):
    draws = points * SCRAMBLINGS
    bits = _bits("latin", draws, design=draws).astype(np.uint64)
    u = _uniform(bits.astype(np.uint32))
    for r in range(SCRAMBLINGS):
        strata = (bits[r::SCRAMBLINGS] * np.uint64(points)) >> np.uint64(32)
        np.testing.assert_array_equal(np.sort(strata, axis=0), np.tile(np.arange(points)[:, None], len(COLUMNS)))
    assert np.abs(np.corrcoef(u.T) - np.eye(len(COLUMNS))).max() < 5 / np.sqrt(draws)


def test_latin_refuses_what_is_not_its_design():
    sampler_of("latin", 1, 4, 64).refuse_beyond(64)
    with pytest.raises(ValueError, match="cannot be extended to 65"):
        sampler_of("latin", 1, 4, 64).refuse_beyond(65)
    with pytest.raises(ValueError, match="state the number"):
        sampler_of("latin", 1, 4, None)
    with pytest.raises(ValueError, match="multiple of its 16"):
        sampler_of("latin", 1, 16, 100)
    with pytest.raises(ValueError, match="at most"):
        sampler_of("latin", 1, 1, 2**20)


def test_names_and_numbers_are_checked():
    with pytest.raises(ValueError, match="unknown sampler 'halton'"):
        sampler_of("halton", 1, 16, None)
    with pytest.raises(ValueError, match="at least 1"):
        sampler_of("plain", 1, 0, None)
    with pytest.raises(ValueError, match="dimensions"):
        direction_numbers(30_000)
