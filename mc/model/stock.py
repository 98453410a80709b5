"""Steel in use: survival, cohorts of the past, stock and retirement.

A cohort enters in the middle of its year; S(a + 1/2) of it is left at the end of its a-th further year. With
s_a = S(a + 1/2) and r_a = s_(a-1) - s_a (s_(-1) = 1), stock[t] = sum_c inflow[c] s_(t-c) and
retired[t] = sum_c inflow[c] r_(t-c), so that stock[t] - stock[t-1] = inflow[t] - retired[t] exactly.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erfc, gammaln, ndtr

from mc.inputs.steel import Stock

LEAD = 1
"""Years before the base year over which net addition to stock is taken. One, so that inflow does not jump in the first
year: use grew fast before 2020, and the mean of the last three years would start lower than 2020 ended."""

WEIBULL_SHAPE_EXPONENT = -1.086
"""Weibull shape = cv ** -1.086 within 0.6 % for cv in 0.2-0.5 (Justus et al. 1978, J. Appl. Meteorol. 17:350)."""


def survival(stock: Stock, family: Array, ages: Array) -> Array:
    """Share of a cohort still in use at an age [end_use, age], ages > 0 in years.

    Weibull, lognormal and normal (cut at age 0) curves with the same mean and coefficient of variation; the draw's
    structural choice takes one. All three are computed so that gradients stay finite.
    """
    mean = (stock.lifetime_mean * stock.lifetime_common_factor)[:, None]
    cv = stock.lifetime_cv[:, None]
    age = ages[None, :]
    shape = cv**WEIBULL_SHAPE_EXPONENT
    log_scale = jnp.log(mean) - gammaln(1.0 + 1.0 / shape)
    weibull = jnp.exp(-jnp.exp(shape * (jnp.log(age) - log_scale)))
    variance = jnp.log1p(cv**2)
    lognormal = 0.5 * erfc((jnp.log(age) - jnp.log(mean) + 0.5 * variance) / jnp.sqrt(2.0 * variance))
    normal = ndtr((1.0 - age / mean) / cv) / ndtr(1.0 / cv)
    return jnp.where(family < 0.5, weibull, jnp.where(family < 1.5, lognormal, normal))


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
        [age, LEAD-year-before and model years, component]: kernel @ basis = stock (or retirement) from history.
        Components are fixed numbers, so the draw only supplies their coefficients: one product of matrices a draw.
    """
    past = series.shape[1]
    ages = past + horizon - 1
    basis = np.zeros((ages, horizon + 1, series.shape[0]))
    times = np.concatenate([[-LEAD], np.arange(horizon)])
    for column, time in enumerate(times):
        for cohort in range(past):
            age = time + past - 1 - cohort
            if age >= 0:
                basis[age, column, :] += series[:, cohort]
    return basis


def from_history(kernel: Array, basis: Array) -> Array:
    """Stock or retirement from all cohorts to the base year [end_use, year, component], first year = base - LEAD."""
    flat = basis.reshape(basis.shape[0], -1)
    return (kernel @ flat).reshape(kernel.shape[0], *basis.shape[1:])


def toeplitz(kernel: Array, size: int) -> Array:
    """Lower-triangular matrix T[t, c] = kernel[t - c] for t >= c [end_use, year, year]."""
    steps = np.arange(size)
    lag = steps[:, None] - steps[None, :]
    # A dot with a constant 0/1 tensor keeps XLA from fusing the survival curve into a gather and recomputing it.
    select = (lag[None, :, :] == steps[:, None, None]).astype(np.float32)
    chosen = jnp.asarray(select.reshape(size, -1), dtype=kernel.dtype)
    return (kernel[:, :size] @ chosen).reshape(kernel.shape[0], size, size)


def convolve(inflow: Array, kernel: Array) -> Array:
    """sum_c inflow[.., c] kernel[t - c] over the model years [province, end_use, year]."""
    return jnp.einsum("pgc,gtc->pgt", inflow, toeplitz(kernel, inflow.shape[-1]))


def inflow_for_stock(target: Array, from_past: Array, kernel: Array) -> tuple[Array, Array]:
    """Inflow that keeps the stock on its target, never below zero, year by year.

    Args:
        target: stock aimed at from the year after the base year on [province, end_use, year].
        from_past: what cohorts to the base year leave of it [province, end_use, year].
        kernel: share left s [end_use, age].

    Returns:
        Inflow and the shortfall by which the floor at zero leaves the stock above its target, same shape.
    """
    years = target.shape[-1]
    later = jnp.concatenate([kernel[:, 1:years], jnp.zeros_like(kernel[:, :1])], axis=1)[None, :, :]

    def step(left: Array, wanted: Array) -> tuple[Array, tuple[Array, Array]]:
        missing = wanted - left[..., 0]
        inflow = jnp.maximum(missing, 0.0) / kernel[:, 0][None, :]
        moved = jnp.concatenate([left[..., 1:], jnp.zeros_like(left[..., :1])], axis=-1)
        return moved + inflow[..., None] * later, (inflow, jnp.maximum(-missing, 0.0))

    _, (inflow, shortfall) = jax.lax.scan(step, from_past, jnp.moveaxis(target, -1, 0))
    return jnp.moveaxis(inflow, 0, -1), jnp.moveaxis(shortfall, 0, -1)
