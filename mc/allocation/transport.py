"""The yearly transport problem and its certified answer: plain arrays, one problem each."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Transport:
    """Which source serves which sink, and what for: max sum b y - sum t x over x >= 0 and 0 <= y <= u.

    Sources ship no more than they have, sum_j x_ij <= s_i, and sinks use what arrives, sum_i x_ij = sum_k y_jk. Any
    number of sources, sinks and segments. Worth may be negative and in any order within a sink; freight above every
    worth of a sink, or infinite, forbids the arc.

    Attributes:
        supply: s >= 0, scrap on offer, Mt [source].
        limits: u >= 0, what a segment can take, Mt [sink, segment].
        worth: b, what a tonne is worth in a segment, say t CO2 avoided per t [sink, segment].
        freight: t >= 0, what it takes to move a tonne, in the unit of worth [source, sink].
    """

    supply: Array
    limits: Array
    worth: Array
    freight: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Plan:
    """A plan that can be carried out, prices, and the proof how far from the best the plan can be; float64.

    Attributes:
        flows: x, who ships to whom, Mt [source, sink].
        use: y, what the arrivals are used for, Mt [sink, segment].
        price: p >= 0, what one more tonne of supply is worth [source].
        delivered: q_j = min_i (t_ij + p_i), what one more tonne costs where it arrives [sink].
        value: sum b y - sum t x, in the unit of worth times Mt [].
        bound: no plan can be worth more [].
        gap: (bound - value) / value; where that is next to nothing, see `certificate.relative_gap` [].
        violation: largest breach of a supply, a limit or a balance, Mt [].
        iterations: steps of the interior point method [].
        converged: whether the gap is proven to be no more than `certificate.PROVEN` [].
    """

    flows: Array
    use: Array
    price: Array
    delivered: Array
    value: Array
    bound: Array
    gap: Array
    violation: Array
    iterations: Array
    converged: Array


def in_double(problem: Transport) -> Transport:
    """The problem in float64; ValueError where JAX would not keep it so."""
    if jax.dtypes.canonicalize_dtype(jnp.float64) != jnp.float64:
        raise ValueError("the allocation needs 64-bit numbers: call it within `with jax.enable_x64(True)`")
    double: Transport = jax.tree.map(lambda leaf: jnp.asarray(leaf).astype(jnp.float64), problem)
    return double


def attainable(problem: Transport) -> Transport:
    """The problem with supplies and limits cut to twice what the other side can take or give: the same plans.

    Twice, so that a supply or limit that does not bind still does not, and its price stays zero.
    """
    supply = jnp.minimum(problem.supply, 2.0 * problem.limits.sum())
    limits = jnp.minimum(problem.limits, 2.0 * supply.sum())
    return dataclasses.replace(problem, supply=supply, limits=limits)
