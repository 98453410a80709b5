"""The model of one draw in JAX; needs JAX alone."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from model.tables import PAST, START, WIDTH, YEARS

LENGTH = 2 * YEARS - 1
"""Of a Fourier transform in which the last cohort does not come round to the first."""

_ANGLE = 2 * np.pi / LENGTH * np.outer(np.arange(YEARS), np.arange(YEARS))
WAVES = np.concatenate([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)
"""Cosines and sines of every frequency, (year, 2 frequency)."""

WEIGHTS = np.tile(np.where(np.arange(YEARS) == 0, 1, 2) / LENGTH, 2)
"""Of cosines and sines on the way back."""


def convolve(inflow: Array, kernel: Array) -> Array:
    """sum_c inflow[p, c] kernel[t - c], (province, year), to rounding of its largest value."""
    # As products with constants, which all draws share, not with a matrix that each draw lays out for its own kernel.
    waves, back = (jnp.asarray(one, kernel.dtype) for one in (WAVES, (WAVES * WEIGHTS).T))
    a, b = jnp.split(inflow @ waves, 2, axis=1)
    c, d = jnp.split((kernel[:YEARS] @ waves)[None], 2, axis=1)
    return jnp.concatenate([a * c - b * d, a * d + b * c], axis=1) @ back


def outputs(constants: dict[str, Array], draw: dict[str, Array]) -> dict[str, Array]:
    """Outputs of one draw of scalars by name: steel in use Mt, scrap Mt/year, CO2 Mt/year and in all."""
    d, year = draw, constants["year"]
    share = year / (YEARS - 1)
    left = 1 - d["fall"] * jax.nn.sigmoid((year - d["fall_year"]) / d["fall_width"])
    lean = 1 + (d["tilt"] * constants["tilt"])[:, None] * share[None]
    demand = constants["demand"][:, None] * lean * left[None]

    ages = jnp.arange(PAST + YEARS, dtype=year.dtype) + 0.5
    survival = jnp.exp(-((ages / d["life"]) ** d["shape"]))
    retiring = jnp.concatenate([1 - survival[:1], survival[:-1] - survival[1:]])
    stock = d["past"] * (survival @ constants["leftover"]).reshape(demand.shape) + convolve(demand, survival)
    retired = d["past"] * (retiring @ constants["leftover"]).reshape(demand.shape) + convolve(demand, retiring)

    scrap = d["recovery"] * retired + d["prompt"] * demand
    steel = demand * (1 + d["export"])
    furnace = jnp.minimum(scrap, steel * (START + (d["furnace_cap"] - START) * share)[None])
    primary = steel - furnace
    hydrogen = primary * (d["hydrogen_share"] * jax.nn.sigmoid((year - d["hydrogen_year"]) / WIDTH))[None]
    blast = primary - hydrogen
    iron = blast - jnp.minimum(scrap - furnace, d["converter_cap"] * blast)

    power = constants["grid"][:, None] * jnp.exp(-d["grid_fall"] * year)[None]
    intensity = d["blast_co2"] * (1 - d["blast_gain"] * share) * (1 - d["capture"] * share**2)
    co2 = iron * intensity[None] + power * (d["furnace_power"] * furnace + d["hydrogen_power"] * hydrogen)
    national = co2.sum(axis=0)
    return {
        "co2": national,
        "co2_by_province": co2,
        "co2_cumulative": national.sum(),
        "stock": stock.sum(axis=0),
        "scrap": scrap.sum(axis=0),
    }
