"""Shapes in time that several relations share."""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

Tree = TypeVar("Tree")


def ramp(years: Array, start: Array | float, end: Array | float) -> Array:
    """0 up to `start`, 1 from `end`, straight in between [year]."""
    return jnp.clip((years - start) / (end - start), 0.0, 1.0)


def fade(years: Array, length: Array) -> Array:
    """1 in the first year, straight to 0 over `length` years [year]."""
    return 1.0 - ramp(years, years[0], years[0] + length)


def logistic(years: Array, middle: Array, rate: Array) -> Array:
    """Logistic ramp with half its way at `middle` [year]."""
    return 1.0 / (1.0 + jnp.exp(-rate * (years - middle)))


def ratio(numerator: Array, denominator: Array) -> Array:
    """Quotient that is 0 where the denominator is 0; its gradient is finite there too. Shapes are equal or scalar.

    The division comes last: see `settled`.
    """
    zero = denominator == 0
    return jnp.where(zero, 0.0, numerator) / jnp.where(zero, 1.0, denominator)


def folded(values: Array, axis: int, join: Callable[[Array, Array], Array]) -> Array:
    """What `join` makes of all terms along an axis, in rows of terms first and then along one row.

    XLA's own sums over an axis that is not the last take no vectors on a CPU; term by term it takes them, but what
    names every term is slow to compile. Two levels of about the square root name few, and stay one loop.
    """
    size = values.shape[axis]
    rows = max(1, math.isqrt(size))
    width = size // rows

    def part(of: Array, first: int, last: int) -> Array:
        return jax.lax.slice_in_dim(of, first, last, axis=axis)

    row = functools.reduce(join, [part(values, width * at, width * (at + 1)) for at in range(rows)])
    terms = [part(row, at, at + 1) for at in range(width)] + [
        part(values, at, at + 1) for at in range(rows * width, size)
    ]
    return jnp.squeeze(functools.reduce(join, terms), axis)


def total(values: Array, axis: int = 0) -> Array:
    """Sum over an axis."""
    return folded(values, axis, jnp.add)


def most(values: Array) -> Array:
    """Largest along the first axis."""
    return folded(values, 0, jnp.maximum)


def product(vector: Array, matrix: Array) -> Array:
    """Product vector @ matrix; further axes of both, say draws, are no part of it."""
    return total(vector[:, None] * matrix)


def settled(values: Array) -> Array:
    """The same values bit for bit, of any shape, worked out once for all that use them; NaN stays NaN.

    XLA works out again in each loop what several loops read, unless it ends in what it holds for dear: a division, here
    by 1, which it cannot know because of NaN. Its slope is 1.
    """
    return values / jnp.where(values == values, 1.0, values)


def sum_at(values: Sequence[Array] | Array, at: Iterable[int]) -> Array:
    """Sum of some of several arrays of one shape, or of some rows of one array; 0 of none."""
    return functools.reduce(jnp.add, [values[place] for place in at] or [jnp.zeros_like(values[0])])


def in_precision(tree: Tree, dtype: DTypeLike) -> Tree:
    """All numbers of a pytree in another precision; whole numbers stay."""
    changed: Tree = jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree)
    return changed


def shares(weights: Array) -> Array:
    """Weights over their sum along the last axis."""
    return weights / weights.sum(axis=-1, keepdims=True)
