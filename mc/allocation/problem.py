"""The seam between chain and scrap policy: one year's supplies, limits and worth in, arrivals and flows out."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SEGMENTS = ("converter_base", "electric", "converter_extra")
"""Uses of scrap in a province, in the order in which steelworks fill them: cooling of converters, electric furnaces,
more scrap in converters."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Roads:
    """How scrap can move in a draw; the same in all years.

    Attributes:
        haul: distance scrap is moved, own-province haul on the diagonal, km [province, destination].
        co2: freight emissions, t CO2 per t km [].
        cost: freight cost that grows with distance, CNY per t km [].
        loading: freight cost that does not, CNY per t [].
        pull: gravity of the market, exp(-distance / d0) [province, destination].
        nearest: where scrap goes under autarky, 0/1 [province, destination].
    """

    haul: Array
    co2: Array
    cost: Array
    loading: Array
    pull: Array
    nearest: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Problem:
    """One year of one draw.

    Attributes:
        supply: purchased scrap on offer, Mt [province].
        limits: what each segment can still take, Mt [destination, segment].
        worth: CO2 that a tonne of scrap avoids in a segment, t/t [destination, segment].
        roads: freight.
        memory: what the policy remembers of the year before (market: column scaling) [destination].
    """

    supply: Array
    limits: Array
    worth: Array
    roads: Roads
    memory: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Info:
    """How well the policy solved its problem.

    Attributes:
        residual: scrap that the policy meant to place and did not, over supply [].
        violation: largest breach of a supply or a limit, Mt [].
    """

    residual: Array
    violation: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Allocation:
    """Answer of a policy.

    Attributes:
        arrivals: purchased scrap that arrives, Mt [destination].
        flows: who ships to whom, Mt [province, destination].
        memory: what to remember for the next year [destination].
        info: quality of the answer.
    """

    arrivals: Array
    flows: Array
    memory: Array
    info: Info


def answer(problem: Problem, flows: Array, memory: Array, placeable: Array) -> Allocation:
    """Arrivals and quality of given flows; `placeable` is the scrap that the policy meant to place, Mt."""
    arrivals = flows.sum(axis=0)
    total = jnp.maximum(problem.supply.sum(), float(np.finfo(flows.dtype).tiny))
    over_supply = (flows.sum(axis=1) - problem.supply).max()
    over_limit = (arrivals - problem.limits.sum(axis=1)).max()
    violation = jnp.maximum(jnp.maximum(over_supply, over_limit), 0.0)
    return Allocation(arrivals, flows, memory, Info((placeable - arrivals.sum()) / total, violation))


def fill(amount: Array, limits: Array) -> Array:
    """Put an amount into the segments in their order, each to its limit [destination, segment]."""
    before = jnp.cumsum(limits, axis=1) - limits
    return jnp.clip(amount[:, None] - before, 0.0, limits)
