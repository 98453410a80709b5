"""What a plan for scrap is judged by: several linear objectives of one problem, and weighted sums of them."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.transport import Transport


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Objectives:
    """One problem and its objectives, all to be maximised: sum_jk worth_ojk y_jk - sum_ij freight_oij x_ij.

    Attributes:
        supply: scrap on offer, Mt [source].
        limits: what a segment can take, Mt [sink, segment].
        worth: benefit of a tonne used, in the unit of its objective per t [objective, sink, segment].
        freight: burden >= 0 of a tonne moved, in the same unit; an arc infinite in one is closed in all
            [objective, source, sink].
        names: of the objectives, say co2, cost, pollutants.
    """

    supply: Array
    limits: Array
    worth: Array
    freight: Array
    names: tuple[str, ...] = dataclasses.field(metadata={"static": True})


def index_of(objectives: Objectives, name: str) -> int:
    """Place of an objective; ValueError with the names there are."""
    if name not in objectives.names:
        raise ValueError(f"no objective '{name}'; there are {', '.join(objectives.names)}")
    return objectives.names.index(name)


def in_double(objectives: Objectives) -> Objectives:
    """The objectives in float64."""
    double: Objectives = jax.tree.map(lambda leaf: jnp.asarray(leaf).astype(jnp.float64), objectives)
    return double


def weighted(objectives: Objectives, weights: Array) -> Transport:
    """The problem whose value is the weighted sum of the objectives; weights >= 0 [objective].

    Weights may put the segments of a sink into another order; the solver sorts them anew for each problem.
    """
    # An infinite freight times a weight of zero is not a number.
    finite = jnp.where(jnp.isfinite(objectives.freight), objectives.freight, 0.0)
    freight = jnp.where(closed(objectives), jnp.inf, jnp.tensordot(weights, finite, axes=1))
    worth = jnp.tensordot(weights, objectives.worth, axes=1)
    return Transport(objectives.supply, objectives.limits, worth, freight)


def closed(objectives: Objectives) -> Array:
    """Arcs that are infinite in any objective [source, sink]."""
    return ~jnp.isfinite(objectives.freight).all(axis=0)


def values_of(objectives: Objectives, flows: Array, use: Array) -> Array:
    """Objectives of a plan that keeps off closed arcs [objective]."""
    freight = jnp.where(closed(objectives)[None], 0.0, objectives.freight)
    return (objectives.worth * use[None]).sum(axis=(1, 2)) - (freight * flows[None]).sum(axis=(1, 2))


def sizes(objectives: Objectives) -> Array:
    """Largest worth or, where nothing is worth anything, freight of each objective; one where both are nil [objective].

    Weights over these are of one order whatever the units.
    """
    finite = jnp.where(jnp.isfinite(objectives.freight), objectives.freight, 0.0)
    worth = jnp.max(jnp.abs(jnp.where(objectives.limits[None] > 0.0, objectives.worth, 0.0)), axis=(1, 2), initial=0.0)
    freight = jnp.max(finite, axis=(1, 2), initial=0.0)
    return jnp.where(worth > 0.0, worth, jnp.where(freight > 0.0, freight, 1.0))
