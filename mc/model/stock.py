"""Steel in use: survival, cohorts of the past, stock and retirement.

A cohort enters in the middle of its year; S(a + 1/2) of it is left at the end of its a-th further year. With
s_a = S(a + 1/2) and r_a = s_(a-1) - s_a (s_(-1) = 1), stock[t] = sum_c inflow[c] s_(t-c) and
retired[t] = sum_c inflow[c] r_(t-c), so that stock[t] - stock[t-1] = inflow[t] - retired[t] exactly.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erfc, gammaln, ndtr

from mc.inputs.steel import Stock
from mc.model.paths import settled

LEAD = 1
"""Years before the base year over which net addition to stock is taken. One, so that inflow does not jump in the first
year: use grew fast before 2020, and the mean of the last three years would start lower than 2020 ended."""

BLOCK = 10
"""Years taken one by one before a product of matrices carries what they brought to all later years."""

WEIBULL_SHAPE_EXPONENT = -1.086
"""Weibull shape = cv ** -1.086 within 0.6 % for cv in 0.2-0.5 (Justus et al. 1978, J. Appl. Meteorol. 17:350)."""


def survival(stock: Stock, family: Array, ages: Array) -> Array:
    """Share of a cohort still in use at an age [end_use, age], ages > 0 in years.

    Weibull, lognormal and normal (cut at age 0) curves with the same mean and coefficient of variation; the draw's
    structural choice takes one. The other two are computed as well, so that gradients stay finite; lognormal and normal
    are one normal distribution, of the logarithm of age and of age.
    """
    mean = (stock.lifetime_mean * stock.lifetime_common_factor)[:, None]
    cv = stock.lifetime_cv[:, None]
    age = ages[None, :]
    shape = cv**WEIBULL_SHAPE_EXPONENT
    log_scale = jnp.log(mean) - gammaln(1.0 + 1.0 / shape)
    weibull = jnp.exp(-jnp.exp(shape * (jnp.log(age) - log_scale)))
    variance = jnp.log1p(cv**2)
    in_logs = (jnp.log(age) - jnp.log(mean) + 0.5 * variance) / jnp.sqrt(variance)
    is_log = family < 1.5
    beyond = 0.5 * erfc(jnp.where(is_log, in_logs, (age / mean - 1.0) / cv) * math.sqrt(0.5))
    return jnp.where(family < 0.5, weibull, beyond / jnp.where(is_log, 1.0, ndtr(1.0 / cv)))


def half_ages(count: int, like: Array) -> Array:
    """Ages 1/2, 3/2, ... [age]."""
    return jnp.arange(count, dtype=like.dtype) + 0.5


def kernels(surviving: Array) -> tuple[Array, Array]:
    """(s, r): share left and share retired in each further year [end_use, age]."""
    before = jnp.concatenate([jnp.ones_like(surviving[:, :1]), surviving[:, :-1]], axis=1)
    return surviving, before - surviving


def history_basis(series: np.ndarray, horizon: int) -> np.ndarray:
    """Constant Toeplitz matrix that turns an age kernel into what the past leaves in each model year.

    Args:
        series: yearly inflow of each component of history [component, history], the last year is the base year.
        horizon: number of model years.

    Returns:
        [age, component, LEAD-year-before and model years]: kernel @ basis = stock (or retirement) from history.
        Components are fixed numbers and the draw supplies their coefficients only: one product of matrices a kernel.
    """
    past = series.shape[1]
    ages = past + horizon - 1
    basis = np.zeros((ages, series.shape[0], horizon + 1))
    times = np.concatenate([[-LEAD], np.arange(horizon)])
    for column, time in enumerate(times):
        for cohort in range(past):
            age = time + past - 1 - cohort
            if age >= 0:
                basis[age, :, column] += series[:, cohort]
    return basis


def from_history(kernel: Array, basis: Array) -> Array:
    """Stock or retirement from all cohorts to the base year [end_use, component, year], first year = base - LEAD."""
    flat = basis.reshape(basis.shape[0], -1)
    return (kernel @ flat).reshape(kernel.shape[0], *basis.shape[1:])


def longer(values: Array, size: int) -> Array:
    """The values with zeros behind along the second axis, or cut there, to make a size."""
    missing = [(0, 0), (0, max(0, size - values.shape[1])), *[(0, 0)] * (values.ndim - 2)]
    return jnp.pad(values[:, :size], missing)


def owed_later(retiring: Array, blocks: int) -> Array:
    """Share of what entered in each year before the last block that retires in a year of it [end_use, year, year].

    Its last columns are what any block owes to those right before it, however many there are.
    """
    late_first = jnp.flip(retiring[:, 1 : BLOCK * blocks + 1], 1)
    return jnp.stack([late_first[:, BLOCK - row : BLOCK * blocks - row] for row in range(BLOCK)], axis=1)


def turnover(
    rise: Array, given: Array, due: Array, curves: tuple[Array, Array], keeps_target: Array
) -> tuple[Array, Array, Array]:
    """Inflow and retirement year by year, where the stock is to keep to a target or the inflow is given.

    What enters replaces what retires and adds what the target rises by, but is never below zero. It hangs on all
    earlier years, so years are taken one by one, in blocks: what a block owes to earlier ones is one product of
    matrices. The matrix of shares retired is triangular, and its zeros are left out block by block.

    Args:
        rise: what the target rises by in each year after the base year [end_use, year, province].
        given: inflow, the base year's first, where it does not follow from a target [end_use, 1 + year, province].
        due: what retires of cohorts to the base year, same shape.
        curves: share left s and share retired r by age [end_use, age].
        keeps_target: whether inflow follows from the target [].

    Returns:
        Inflow and retirement, same shape, and how far the floor at zero leaves all stocks above their targets
        [1 + year].
    """
    years = rise.shape[1]
    blocks = -(-years // BLOCK)
    rise, given, due = longer(rise, BLOCK * blocks), longer(given, BLOCK * blocks + 1), longer(due, BLOCK * blocks + 1)
    # Settled, or the survival curve would be worked out again for each row of the matrix.
    left, retiring = curves[0], settled(longer(curves[1], BLOCK * blocks + 1))
    owed = owed_later(retiring, blocks)
    at_once, first_year, later = left[:, :1], retiring[:, :1], longer(retiring[:, 1:BLOCK], BLOCK)[..., None]

    def step(carry: tuple[Array, Array], year: Array) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
        retires, above = carry
        missing = jax.lax.dynamic_index_in_dim(rise, year - 1, 1, keepdims=False) - above + retires[:, 0]
        enters = jax.lax.dynamic_index_in_dim(given, year, 1, keepdims=False)
        inflow = jnp.where(keeps_target, jnp.maximum(missing, 0.0) / at_once, enters)
        above = jnp.maximum(-missing, 0.0)
        retired = retires[:, 0] + first_year * inflow
        retires = jnp.concatenate([retires[:, 1:], jnp.zeros_like(retires[:, :1])], axis=1) + inflow[:, None] * later
        return (retires, above), (inflow, retired, above.sum())

    above = jnp.zeros_like(due[:, 0])
    found: list[tuple[Array, ...]] = []
    for first in range(1, BLOCK * blocks, BLOCK):
        retires = due[:, first : first + BLOCK]
        if found:
            earlier = jnp.concatenate([inflow for inflow, *_ in found], axis=1)
            retires = retires + jnp.einsum("gjc,gcp->gjp", owed[:, :, 1 - first :], earlier)
        (_, above), (inflow, retired, over) = jax.lax.scan(step, (retires, above), jnp.arange(first, first + BLOCK))
        found.append((jnp.moveaxis(inflow, 0, 1), jnp.moveaxis(retired, 0, 1), over[None]))
    before = given[:, :1], due[:, :1], jnp.zeros_like(due[:1, :1, 0])
    inflow, retired, shortfall = (
        jnp.concatenate(path, axis=1)[:, : years + 1] for path in zip(before, *found, strict=True)
    )
    return inflow, retired, jnp.where(keeps_target, shortfall[0], 0.0)
