"""People and income by province."""

import jax.numpy as jnp
from jax import Array

from mc.inputs.world import Macro
from mc.model.paths import shares


def pathway(table: Array, option: Array) -> Array:
    """The rows of the pathway that this draw takes; option is its index as a float."""
    return jnp.take(table, option.astype(jnp.int32), axis=0)


def population(macro: Macro, ssp: Array) -> Array:
    """People [year, province], million: the pathway's shape by province on the national path of the draw.

    Source: Chen et al. 2020 (Sci. Data 7:83) for the shape; the national path is a prior of its own because the
    pathways' sums and the census disagree after 2020.
    """
    return shares(pathway(macro.population_ssp, ssp).T) * macro.population_national[:, None]


def gross_product(macro: Macro) -> Array:
    """National GDP over that of the first year [year]: growth path plus a persistent yearly deviation."""
    growth = macro.gdp_growth + macro.gdp_noise_sd * macro.gdp_noise
    factor = jnp.concatenate([jnp.ones_like(growth[:1]), 1.0 + growth[1:]])
    return jnp.cumprod(factor)


def income(macro: Macro, ssp: Array, people: Array) -> Array:
    """GDP per head [year, province], kCNY of 2020.

    Provincial shares follow the pathway; a provincial deviation grows in step with time to its full log size in the
    last year and is normalised so that the nation's product stays on its path.
    """
    table = pathway(macro.gdp_ssp, ssp).T
    time = jnp.linspace(0.0, 1.0, table.shape[0], dtype=table.dtype)
    shape = table * jnp.exp(time[:, None] * macro.gdp_province_deviation[None, :])
    return shares(shape) * (table[0].sum() * gross_product(macro))[:, None] / people
