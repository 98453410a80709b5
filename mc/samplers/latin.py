"""Latin hypercubes: R independent designs of draws / R points, so that their spread measures the error of a mean.

Every margin of every design has one point in each of its n equal strata (McKay, Beckman, Conover 1979). The order of
the strata is a keyed permutation computed by index, never stored. A design is complete at its n only: it cannot be
extended.
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.samplers.contract import Column, Words, counter_bits, keys, split_index

ROUNDS = 4
MOST_POINTS = 2**16  # of one design, so that the arithmetic stays within 32 bits


class Latin:
    """A fixed design of `draws` points in all, refused beyond."""

    def __init__(self, seed: int, scramblings: int, draws: int | None = None) -> None:
        if draws is None:
            raise ValueError("a Latin hypercube is a fixed design: state the number of draws")
        if draws <= 0 or draws % scramblings:
            raise ValueError(f"a Latin hypercube needs a multiple of its {scramblings} designs, not {draws} draws")
        self.seed, self.scramblings, self.draws = seed, scramblings, draws
        self.points = draws // scramblings
        if self.points > MOST_POINTS:
            raise ValueError(f"a Latin hypercube has at most {MOST_POINTS} points a design, not {self.points}")

    def tables(self, columns: Iterable[Column]) -> dict[str, Words]:
        """Keys of the jitter (columns, 2) and of the permutations (R, columns, 2)."""
        labels = [column.label for column in columns]
        rows = [(self.seed, "latin", r, label) for r in range(self.scramblings) for label in labels]
        return {
            "keys": keys((self.seed, "jitter", label) for label in labels),
            "order": keys(rows).reshape(self.scramblings, len(labels), 2),
        }

    def bits(self, tables: dict[str, Array], index: Array) -> Array:
        """32 bits per column, uniform within the stratum of the draw; padded draws beyond the design repeat it."""
        scrambling, point = split_index(index, self.scramblings)
        order = jax.lax.dynamic_index_in_dim(tables["order"], scrambling, keepdims=False)
        stratum = permute(point % np.uint32(self.points), self.points, order)
        return within_stratum(stratum, counter_bits(tables["keys"], index), self.points)

    def refuse_beyond(self, draws: int) -> None:
        """Refuse more draws than the design has."""
        if draws > self.draws:
            raise ValueError(
                f"a Latin hypercube of {self.draws} draws cannot be extended to {draws}; start a new run, or use sobol"
            )


def permute(point: Array, count: int, order: Array) -> Array:
    """Place of a point in the random order of 0..count-1, per column; by walking cycles of a keyed bijection."""
    width = max((count - 1).bit_length(), 1)
    start = _scatter(jnp.broadcast_to(point, order.shape[:1]), width, order)
    return jax.lax.while_loop(
        lambda place: jnp.any(place >= np.uint32(count)),
        lambda place: jnp.where(place >= np.uint32(count), _scatter(place, width, order), place),
        start,
    )


def _scatter(x: Array, width: int, order: Array) -> Array:
    """Keyed bijection of `width` bits: odd multiplications and shifts to the right, each invertible."""
    mask = np.uint32((1 << width) - 1)
    shift = np.uint32((width + 1) // 2)
    for turn in range(ROUNDS):
        # Fresh keys every round: a permutation of few points has more orders than one key can reach.
        salt = counter_bits(order, jnp.full((), 2 * turn, x.dtype))
        factor = counter_bits(order, jnp.full((), 2 * turn + 1, x.dtype)) | np.uint32(1)
        x = ((x + salt) * factor) & mask
        x = x ^ (x >> shift)
    return x


def within_stratum(stratum: Array, jitter: Array, count: int) -> Array:
    """32-bit word at `jitter` / 2^32 of the way through stratum number `stratum` of `count`, 1 <= count <= 2^16."""
    if count == 1:
        return jitter
    width, over = divmod(2**32, count)
    low = stratum * np.uint32(width) + stratum * np.uint32(over) // np.uint32(count)
    return low + _high_product(jitter, np.uint32(width))


def _high_product(a: Array, b: np.uint32) -> Array:
    """Upper 32 bits of the 64-bit product, without 64-bit integers."""
    half, low = np.uint32(16), np.uint32(0xFFFF)
    a_high, a_low = a >> half, a & low
    b_high, b_low = b >> half, b & low
    middle = a_high * b_low + (a_low * b_low >> half)
    return a_high * b_high + (middle >> half) + ((a_low * b_high + (middle & low)) >> half)
