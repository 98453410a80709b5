"""Interior point method for the transport problem: Mehrotra's predictor and corrector on one sink x sink matrix.

Each positive variable has a positive partner: flow x and z = t + p - q; unused supply w and its price p; use y and
`below`, unused limit and `above`, with above - below = b - q. The products of partners add up to the duality gap and go
to zero together. Steps are relative to their variable, so partners' steps add up to (wanted / present product) - 1.
Mehrotra 1992 (SIAM J. Optim. 2:575).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.scaled import Scaled, positive_or_one

LEAST_LEFT, MOST_LEFT, MOST_LEFT_CAREFUL = 5e-4, 1e-2, 0.2
"""Least and most that is left of the way to the boundary, the relative gap between. Leaving least from the start takes
half as many more steps at worst, and a batch waits for its worst: steps of a province that differ by 1e-4 in worth make
iterates stick to the boundary. A careful one sticks elsewhere."""

REGULARISATION = 1e-15
"""Relative, on the diagonal: keeps the factor of a degenerate problem finite."""


class Side(NamedTuple):
    """Values of one side, primal or dual; those that take no part are one, and their steps zero.

    Attributes:
        arcs: x or z [source, sink].
        sources: w or p [source].
        bounds: (y, unused limit) or (below, above) [2, segment, sink].
    """

    arcs: Array
    sources: Array
    bounds: Array


class Factor(NamedTuple):
    """What predictor and corrector share: 1 / (x z), x / z, its row sums with w / p, segments' weights, R and d."""

    inverse: Array
    ratio: Array
    rows: Array
    weight: Array
    lower: Array
    pivots: Array


def start(problem: Scaled) -> tuple[Side, Side]:
    """Strictly feasible on both sides: delivered prices half way up, more flow where z is small, 5 % of all left over.

    The largest net worth is one, so a price of 0.75 leaves z at 0.25 or more.
    """
    room = problem.limits.sum(axis=0)
    q = 0.5 * jnp.max(problem.worth, axis=0)
    z = problem.freight + (0.75 - q)[None, :]
    x = problem.arcs * room[None, :] / z
    x = x * (problem.supply / positive_or_one(x.sum(axis=1)))[:, None]
    x = x * (0.95 * jnp.minimum(1.0, room / positive_or_one(x.sum(axis=0))))[None, :]
    y = problem.limits * (x.sum(axis=0) / positive_or_one(room))[None, :]
    spread = problem.worth - q[None, :]
    primal = Side(x, problem.supply - x.sum(axis=1), jnp.stack([y, problem.limits - y]))
    dual = Side(z, jnp.full_like(problem.supply, 0.75), jnp.maximum(jnp.stack([-spread, spread]), 0.0) + 0.25)
    return elsewhere_one(problem, primal), elsewhere_one(problem, dual)


def elsewhere_one(problem: Scaled, side: Side) -> Side:
    """One in the place of all that takes no part."""
    return Side(
        jnp.where(problem.arcs > 0.0, side.arcs, 1.0),
        jnp.where(problem.sources > 0.0, side.sources, 1.0),
        jnp.where(problem.segments[None] > 0.0, side.bounds, 1.0),
    )


def duality_gap(problem: Scaled, primal: Side, dual: Side) -> Array:
    """Sum of the products."""
    arcs = (problem.arcs * primal.arcs * dual.arcs).sum()
    sources = (problem.sources * primal.sources * dual.sources).sum()
    return arcs + sources + (problem.segments[None] * primal.bounds * dual.bounds).sum()


def dual_value(problem: Scaled, sources: Array, above: Array) -> Array:
    """Dual objective, s p + u above."""
    return (problem.supply * sources).sum() + (problem.limits * above).sum()


def leak(problem: Scaled, primal: Side, dual: Side) -> Array:
    """What it could cost at most to mend supplies and balances, to first order: breaches at the going prices.

    Breaches are added up without their signs; with them, those of provinces that trade with no others cancel.
    """
    flows = problem.arcs * primal.arcs
    supplies = problem.supply - problem.sources * primal.sources - flows.sum(axis=1)
    balances = flows.sum(axis=0) - (problem.segments * primal.bounds[0]).sum(axis=0)
    return (jnp.abs(supplies) * dual.sources).sum() + (jnp.abs(balances) * problem.worth.max(axis=0)).sum()


def factorise(problem: Scaled, primal: Side, dual: Side) -> Factor:
    """Eliminate all but the delivered prices; what is left is diagonally dominant, so its diagonal is a sum.

    A difference there would lose all digits of sinks that share nearly all their sources.
    """
    inverse = 1.0 / (primal.arcs * dual.arcs)
    ratio = problem.arcs * primal.arcs * primal.arcs * inverse
    idle = primal.sources / dual.sources
    rows = ratio.sum(axis=1) + idle
    weight = problem.segments / (dual.bounds / primal.bounds).sum(axis=0)
    part = ratio / rows[:, None]
    apart = jnp.where(jnp.eye(ratio.shape[1], dtype=bool), 0.0, part.T @ ratio)
    excess = idle @ part + weight.sum(axis=0) + (1.0 - problem.sinks)
    excess += REGULARISATION * (excess + apart.sum(axis=0))
    return Factor(inverse, ratio, rows, weight, *eliminated(apart, excess))


def eliminated(apart: Array, excess: Array) -> tuple[Array, Array]:
    """R below its diagonal of ones, and d, of inverse(M) = R^T R / d, where M has -apart off its diagonal.

    Rows of M sum to `excess` >= 0, so elimination needs no subtraction: a pivot is the sum of its row's excess and of
    what is left of it, and keeps all digits however close to singular M is (Grassmann, Taksar and Heyman 1985, Oper.
    Res. 33:1107). LAPACK's Cholesky takes a quarter of the time on one core, but in batches it waits for threads of the
    pool that it runs on: two programs at once on a CPU of two cores hang (jaxlib 0.10.2).
    """
    order = jnp.arange(excess.shape[0])

    def sweep(at: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        left, excess, pivots = state
        here, later = order == at, order > at
        row = jax.lax.dynamic_index_in_dim(left, at, 0, keepdims=False)
        column = jax.lax.dynamic_index_in_dim(left, at, 1, keepdims=False)
        own = jax.lax.dynamic_index_in_dim(excess, at, 0, keepdims=False)
        pivot = own + jnp.where(later, row, 0.0).sum()
        factor = jnp.where(later, column / pivot, 0.0)
        rest = jnp.where(later[:, None] & here[None, :], 0.0, left)
        swept = rest + factor[:, None] * jnp.where(here, 1.0, row)[None, :]
        return swept, excess + factor * own, jnp.where(here, pivot, pivots)

    first = (apart, excess, jnp.ones_like(excess))
    swept, _, pivots = jax.lax.fori_loop(0, excess.shape[0], sweep, first)
    return jnp.where(order[:, None] > order[None, :], swept, 0.0), pivots


def newton(problem: Scaled, primal: Side, dual: Side, factor: Factor, aim: Side) -> tuple[Side, Side]:
    """Relative steps that bring products to `aim`, relative to what they are, and supplies and balances to hold."""
    inflow = primal.arcs * aim.arcs
    below, above = dual.bounds * (1.0 - aim.bounds)
    spread = above - below
    use = (problem.segments * primal.bounds[0] + factor.weight * spread).sum(axis=0)
    known = (inflow.sum(axis=1) + primal.sources * aim.sources - problem.supply) / factor.rows
    dq = delivered_step(factor, use - inflow.sum(axis=0) + known @ factor.ratio)
    dp = known + (factor.ratio @ dq) / factor.rows
    dy = factor.weight * (spread - dq[None, :])
    z = problem.arcs * (dp[:, None] - dq[None, :]) * (primal.arcs * factor.inverse)
    p = dp / dual.sources
    bounds = jnp.stack([dy, -dy]) / primal.bounds
    ahead = Side(aim.arcs - problem.arcs - z, aim.sources - problem.sources - p, bounds)
    return ahead, Side(z, p, aim.bounds - problem.segments[None] - bounds)


def delivered_step(factor: Factor, wanted: Array) -> Array:
    """Step of the delivered prices: R^T R / d times what is wanted."""
    forward = (wanted + factor.lower @ wanted) / factor.pivots
    return forward + forward @ factor.lower


def length(step: Side, share: Array) -> Array:
    """Step that goes a share of the way to where a variable of a side would be zero, at most one."""
    worst = jnp.minimum(jnp.minimum(step.arcs.min(), step.sources.min()), step.bounds.min())
    return share / jnp.maximum(-worst, share)


def correction(problem: Scaled, primal: Side, dual: Side, factor: Factor, affine: Side, centre: Array) -> Side:
    """Aim at `centre` in all products, less the second-order term of the affine step.

    Partners' affine steps add up to -1, so the product of the two is -e (1 + e) of either.
    """
    return Side(
        problem.arcs * (centre * factor.inverse + affine.arcs * (1.0 + affine.arcs)),
        problem.sources * (centre / (primal.sources * dual.sources) + affine.sources * (1.0 + affine.sources)),
        problem.segments[None] * (centre / (primal.bounds * dual.bounds) + affine.bounds * (1.0 + affine.bounds)),
    )


def move(side: Side, step: Side, size: Array) -> Side:
    """Go a share of a relative step."""
    return Side(*(value * (1.0 + size * change) for value, change in zip(side, step, strict=True)))


def iterate(problem: Scaled, primal: Side, dual: Side, gap: Array, settle: Array, careful: Array) -> tuple[Side, Side]:
    """One predictor and one corrector from a point with the given duality gap; `careful` keeps off the boundary.

    To `settle` is to leave the products as they are and mend supplies and balances alone. Prices of provinces that
    trade with no others can take long steps together, whose rounding, times x / z, leaks into balances; a step that
    only mends is short and leaks next to nothing.
    """
    factor = factorise(problem, primal, dual)
    nothing = Side(*(jnp.zeros_like(value) for value in primal))
    ahead, beside = newton(problem, primal, dual, factor, nothing)
    most = jnp.where(careful, MOST_LEFT_CAREFUL, MOST_LEFT)
    share = 1.0 - jnp.clip(gap / dual_value(problem, dual.sources, dual.bounds[1]), LEAST_LEFT, most)
    forward, upward = length(ahead, share), length(beside, share)
    # Steps of feasible points are orthogonal, so the gap after the affine step follows from the dual objective alone.
    rise = dual_value(problem, dual.sources * beside.sources, dual.bounds[1] * beside.bounds[1])
    left = jnp.clip(1.0 - forward + (upward - forward) * rise / gap, 0.0, 1.0)
    pairs = problem.arcs.sum() + problem.sources.sum() + 2.0 * problem.segments.sum()
    aim = correction(problem, primal, dual, factor, beside, gap / pairs * left**3)
    same = Side(problem.arcs, problem.sources, jnp.broadcast_to(problem.segments, aim.bounds.shape))
    aim = jax.tree.map(lambda alike, better: jnp.where(settle, alike, better), same, aim)
    ahead, beside = newton(problem, primal, dual, factor, aim)
    return move(primal, ahead, length(ahead, share)), move(dual, beside, length(beside, share))
