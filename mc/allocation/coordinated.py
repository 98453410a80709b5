"""Coordinated scrap policies: the best plan of a year with its certificate, and variants that bind it."""

import dataclasses
import math

import jax.numpy as jnp
from jax import Array

from mc.allocation.policies import RIVALS, Policy
from mc.allocation.problem import CONVERTER_STEPS, Allocation, Info, Problem, ScrapPrices, add_up, left_over
from mc.allocation.solve import CAP, solve
from mc.allocation.transport import Plan, Transport


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What a scenario forbids the coordinator.

    Attributes:
        keep: share of its scrap that a province keeps for itself, or leaves unused, 0 to 1.
        reach: longest haul to another province, km.
        pools: whether scrap stays within its region, `Roads.region`.
    """

    keep: float = 0.0
    reach: float = math.inf
    pools: bool = False


FREE = Bounds()
"""Nothing is forbidden."""


@dataclasses.dataclass(frozen=True)
class Coordinated:
    """Policy that avoids most CO2, freight counted: a linear programme a year, solved in float64 and certified.

    Attributes:
        electric_first: fill electric furnaces before converters take more, as policy wants it, although a tonne of
            scrap avoids more in a converter; among such plans the best.
        bounds: what is forbidden.
        cap: most iterations of the solver.
    """

    electric_first: bool = False
    bounds: Bounds = FREE
    cap: int = CAP

    def __call__(self, problem: Problem) -> Allocation:
        """The plan of a year."""
        posed = transport(problem, self.electric_first, self.bounds)
        return allocation_of(problem, solve(posed, self.cap), priced=not self.electric_first)


POLICIES = (*RIVALS, "coordinated", "electric_first")
"""Names of all scrap policies."""


def policy_of(name: str, bounds: Bounds) -> Policy:
    """The policy of a name.

    Raises:
        ValueError: there is none of this name, or it takes no bounds.
    """
    if name not in POLICIES:
        raise ValueError(f"unknown policy {name!r}; expected one of {', '.join(POLICIES)}")
    if name not in RIVALS:
        return Coordinated(electric_first=name == "electric_first", bounds=bounds)
    if bounds != FREE:
        raise ValueError(f"keep, reach_km and pools bind a coordinator; policy {name!r} has none")
    return RIVALS[name]


def transport(problem: Problem, electric_first: bool = False, bounds: Bounds = FREE) -> Transport:
    """The linear programme of a year, float64.

    A province that must keep a share has two sources, one bound to its own furnaces: further rows [2 x province].
    """
    double = jnp.float64
    supply, limits, worth = (
        leaf.astype(double) for leaf in (problem.supply, problem.priced.size, problem.priced.worth)
    )
    freight = problem.roads.haul.astype(double) * problem.roads.co2.astype(double)
    if electric_first:
        electric = jnp.arange(worth.shape[1]) >= CONVERTER_STEPS
        worth = worth + electric[None, :].astype(double) * rank(worth, freight)
    own = jnp.eye(len(supply), dtype=jnp.bool_)
    open_ = own | (problem.roads.haul <= bounds.reach)
    if bounds.pools:
        open_ &= problem.roads.region > 0
    freight = jnp.where(open_, freight, jnp.inf)
    if bounds.keep > 0.0:
        supply = jnp.concatenate([(1.0 - bounds.keep) * supply, bounds.keep * supply])
        freight = jnp.concatenate([freight, jnp.where(own, freight, jnp.inf)])
    return Transport(supply, limits, worth, freight)


def rank(worth: Array, freight: Array) -> Array:
    """Bonus per tonne that puts one segment before all others: no other worth and no freight outweighs it []."""
    return 2.0 * (jnp.abs(worth).max() + freight.max())


def allocation_of(problem: Problem, plan: Plan, priced: bool) -> Allocation:
    """A plan in the precision of the chain; sources that were split are one again, at the price of the free part.

    A sink that nobody can reach is priced at the highest worth. Without `priced` there are no prices: those of a plan
    that ranks its segments are not t CO2 per t.
    """
    dtype, size = problem.supply.dtype, len(problem.supply)
    flows = plan.flows.reshape(-1, size, plan.flows.shape[1]).sum(axis=0)
    placeable = jnp.minimum(problem.supply.sum(), problem.limits.sum())
    info = Info(
        residual=left_over(problem, placeable - flows.sum().astype(dtype)),
        violation=plan.violation.astype(dtype),
        gap=plan.gap.astype(dtype),
        iterations=plan.iterations.astype(dtype),
    )
    delivered = jnp.minimum(plan.delivered, problem.priced.worth.max().astype(jnp.float64))
    none = jnp.zeros_like(problem.supply)
    prices = (plan.price[:size].astype(dtype), delivered.astype(dtype)) if priced else (none, none)
    use = by_segment(problem, plan.use.astype(dtype))
    flows = flows.astype(dtype)
    return Allocation(flows, add_up(flows, problem.roads), use, problem.memory, ScrapPrices(*prices), info)


def by_segment(problem: Problem, use: Array) -> Array:
    """Use by step -> use by segment; converters fill their base before more [destination, segment]."""
    converter = use[:, :CONVERTER_STEPS].sum(axis=1)
    base = jnp.minimum(converter, problem.limits[:, 0])
    return jnp.stack([base, use[:, CONVERTER_STEPS:].sum(axis=1), converter - base], axis=1)
