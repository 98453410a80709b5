"""NumPyro: `Predictive` of the JAX model, compiled, in batches of one size so that it compiles once."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from jax import Array
from model.in_jax import outputs
from model.tables import ROWS, Row, constants
from numpyro import distributions as dist
from numpyro.infer import Predictive

from peers.judged import Numbers, summarise

BATCH = 1024
CONSTANTS = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), constants())


def sample(row: Row) -> Array:
    """One input; NumPyro has no triangular distribution, so a uniform number goes through its quantile."""
    if row.family == "uniform":
        return numpyro.sample(row.name, dist.Uniform(row.low, row.high))
    if row.family == "normal":
        return numpyro.sample(row.name, dist.Normal(*row.normal))
    if row.family == "lognormal":
        return numpyro.sample(row.name, dist.LogNormal(*row.normal))
    u, width = numpyro.sample(row.name, dist.Uniform()), row.high - row.low
    left = row.low + jnp.sqrt(u * width * (row.mid - row.low))
    return jnp.where(u * width < row.mid - row.low, left, row.high - jnp.sqrt((1 - u) * width * (row.high - row.mid)))


def model() -> None:
    """Twenty samples, five outputs."""
    for name, value in outputs(CONSTANTS, {row.name: sample(row) for row in ROWS}).items():
        numpyro.deterministic(name, value)


NAMES = ("co2", "co2_by_province", "co2_cumulative", "stock", "scrap")
RUN = jax.jit(lambda key: Predictive(model, num_samples=BATCH, parallel=True, return_sites=NAMES)(key))


def predictive(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Independent draws."""
    keys = jax.random.split(jax.random.key(seed), -(-draws // BATCH))
    parts = [jax.tree.map(np.asarray, RUN(key)) for key in keys]
    return summarise({name: np.concatenate([part[name] for part in parts])[:draws] for name in NAMES})


ESTIMATES = {"numpyro_predictive": predictive}
