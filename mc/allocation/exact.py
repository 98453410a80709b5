"""Exact points of a front: the most of the second objective where the first keeps a given level, with proof."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.front import Front, Point, best_for, front
from mc.allocation.objectives import Objectives, in_double
from mc.allocation.scaled import positive_or_one

COARSE = 9
"""Points of the front in whose brackets exact points are sought, where none is given."""

STEPS = 14
"""Chords that an exact point may take; most need three to six."""

EXACT = 1e-12
"""Certified gap, over the size of the second objective, at which an exact point is left alone."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Search:
    """What is known about the front at one level.

    Attributes:
        high: a best plan with no less than the level of the first objective.
        low: one with no more.
        weights: those whose bound leaves least room at the level [2].
        bound: that bound [].
        steps: plans sought so far [].
        todo: whether to go on [].
    """

    high: Point
    low: Point
    weights: Array
    bound: Array
    steps: Array
    todo: Array


def epsilon_constraint(
    objectives: Objectives, pair: tuple[str, str], levels: Array, coarse: Front | None = None
) -> Front:
    """The largest second objective of plans whose first is at least the level, exact; one point a level [level].

    A coarse front of the pair, if none is given one of nine points, brackets each level. For the weights that value
    both ends of the bracket alike there is a better plan, which takes the place of one end, or proof that there is
    none: then the line between the ends is the front. This is Newton's method on the dual, which is piecewise linear.
    Levels below the nadir give the end that is best in the second objective; above the ideal no plan is: they give the
    end that is best in the first.
    """
    objectives = in_double(objectives)
    coarse = front(objectives, pair, COARSE) if coarse is None else coarse
    within = jnp.clip(levels.astype(jnp.float64), coarse.nadir[0], coarse.ideal[0])
    found = jax.vmap(lambda level: at_level(objectives, pair, coarse, level))(within)
    return dataclasses.replace(found, ideal=coarse.ideal, nadir=coarse.nadir)


def at_level(objectives: Objectives, pair: tuple[str, str], coarse: Front, level: Array) -> Front:
    """The exact point of one level between nadir and ideal of the first objective."""
    size = positive_or_one(jnp.maximum(jnp.abs(coarse.ideal[1]), jnp.abs(coarse.nadir[1])))

    def step(state: Search) -> Search:
        new = best_for(objectives, pair, chord(state.high, state.low))
        rise = (new.weights * (new.values - state.high.values)).sum()
        above = new.values[0] >= level
        high = one_of(above & (rise > 0.0), new, state.high)
        low = one_of(~above & (rise > 0.0), new, state.low)
        tighter = ceiling(new.weights, new.bound, level) < ceiling(state.weights, state.bound, level)
        weights, bound = one_of(tighter, (new.weights, new.bound), (state.weights, state.bound))
        left = ceiling(weights, bound, level) - mixture(high, low, level).values[1]
        todo = (left > EXACT * size) & (rise > 0.0) & (state.steps + 1 < STEPS)
        return Search(high, low, weights, bound, state.steps + 1, todo)

    end = jax.lax.while_loop(lambda state: state.todo, step, bracket(coarse, level))
    mixed = mixture(end.high, end.low, level)
    gap = (ceiling(end.weights, end.bound, level) - mixed.values[1]) / size
    return Front(mixed.values, end.weights, end.bound, gap, mixed.flows, mixed.use, coarse.ideal, coarse.nadir)


def bracket(coarse: Front, level: Array) -> Search:
    """The neighbours on a front between which a level lies, and the tightest bound there."""
    points = Point(coarse.values, coarse.weights, coarse.bound, coarse.flows, coarse.use)
    last = coarse.values.shape[0] - 1
    upper = last - jnp.argmax(coarse.values[::-1, 0] >= level)
    tightest = jnp.argmin(jax.vmap(ceiling, in_axes=(0, 0, None))(coarse.weights, coarse.bound, level))
    high, low = (jax.tree.map(lambda leaf, at=at: leaf[at], points) for at in (upper, jnp.minimum(upper + 1, last)))
    none = jnp.zeros((), jnp.int32)
    return Search(high, low, coarse.weights[tightest], coarse.bound[tightest], none, jnp.array(True))


def ceiling(weights: Array, bound: Array, level: Array) -> Array:
    """Most that a plan can have of the second objective with no less than the level of the first []."""
    return jnp.where(weights[1] > 0.0, (bound - weights[0] * level) / positive_or_one(weights[1]), jnp.inf)


def chord(high: Point, low: Point) -> Array:
    """Weights for which two plans are worth the same; where they are the same, those of the first [2]."""
    weights = jnp.maximum(jnp.stack([low.values[1] - high.values[1], high.values[0] - low.values[0]]), 0.0)
    return jnp.where((weights > 0.0).any(), weights, high.weights)


def one_of(first: Array, one: Any, other: Any) -> Any:
    """One of two pytrees."""
    return jax.tree.map(lambda a, b: jnp.where(first, a, b), one, other)


def mixture(high: Point, low: Point, level: Array) -> Point:
    """The mixture of two plans whose first objective is at the level; it lies on the line between them."""
    share = jnp.clip((level - low.values[0]) / positive_or_one(high.values[0] - low.values[0]), 0.0, 1.0)
    mixed: Point = jax.tree.map(lambda a, b: share * a + (1.0 - share) * b, high, low)
    return mixed
