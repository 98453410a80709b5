"""The transport problem in units of order one, without what cannot take part in a best plan."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.transport import Transport

NOTHING = 1e-14
"""Supplies and limits below this share of the mass are left out."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Scaled:
    """A problem in units of order one; what takes no part is zero.

    Sinks come last, also in limits and worth: long rows are what a CPU is fast at.

    Attributes:
        supply: over the mass [source].
        limits: over the mass [segment, sink].
        worth: less the cheapest freight to the sink, over the money [segment, sink].
        freight: the same [source, sink].
        sources, sinks, arcs, segments: 1 where it takes part, else 0, shaped as supply, room, freight and limits.
        mass: the smaller of total supply and total limit, Mt [].
        money: the largest worth net of freight, in the unit of worth [].
    """

    supply: Array
    limits: Array
    worth: Array
    freight: Array
    sources: Array
    sinks: Array
    arcs: Array
    segments: Array
    mass: Array
    money: Array


def positive_or_one(value: Array) -> Array:
    """A divisor for what may be zero."""
    return jnp.where(value > 0.0, value, 1.0)


def scale(problem: Transport) -> Scaled:
    """Scale a problem whose supplies and limits are attainable; arcs that can only lose take no part."""
    mass = positive_or_one(jnp.minimum(problem.supply.sum(), problem.limits.sum()))
    supply, limits, worth = problem.supply / mass, problem.limits.T / mass, problem.worth.T
    best = jnp.max(jnp.where(limits > NOTHING, worth, -jnp.inf), axis=0)
    arcs = (supply[:, None] > NOTHING) & (best[None, :] > problem.freight)
    cheapest = jnp.min(jnp.where(arcs, problem.freight, jnp.inf), axis=0)
    segments = (limits > NOTHING) & (worth > cheapest[None, :])
    sinks, sources = arcs.any(axis=0), arcs.any(axis=1)
    base = jnp.where(sinks, cheapest, 0.0)
    money = positive_or_one(jnp.max(jnp.where(sinks, best - base, 0.0)))
    return Scaled(
        supply=jnp.where(sources, supply, 0.0),
        limits=jnp.where(segments, limits, 0.0),
        worth=jnp.where(segments, worth - base[None, :], 0.0) / money,
        freight=jnp.where(arcs, problem.freight - base[None, :], 0.0) / money,
        sources=sources.astype(jnp.float64),
        sinks=sinks.astype(jnp.float64),
        arcs=arcs.astype(jnp.float64),
        segments=segments.astype(jnp.float64),
        mass=mass,
        money=money,
    )
