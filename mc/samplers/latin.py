"""Latin hypercubes: R independent designs of draws / R points, so that their spread measures the error of a mean.

Every margin of every design has one point in each of its n equal strata (McKay, Beckman, Conover 1979). The order of
the strata is stored, 2 bytes a draw and column. A design is complete at its n only: it cannot be extended.
"""

from collections.abc import Iterable

import numpy as np
from jax import Array
from numpy.typing import NDArray

from mc.samplers.contract import Column, HostTable, Words, counter_bits, keys, split_index

MOST_POINTS = 2**16  # of one design: a place fits 16 bits, and the arithmetic 32


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

    def tables(self, columns: Iterable[Column]) -> dict[str, HostTable]:
        """Keys of the jitter (columns, 2) and of the permutations (R, columns, 2)."""
        labels = [column.label for column in columns]
        designs = [keys((self.seed, "latin", r, label) for label in labels) for r in range(self.scramblings)]
        return {
            "keys": keys((self.seed, "jitter", label) for label in labels),
            "order": np.array([random_orders(design, self.points) for design in designs]),
        }

    def bits(self, tables: dict[str, Array], index: Array) -> Array:
        """32 bits per column, uniform within the stratum of the draw; padded draws beyond the design repeat it."""
        scrambling, point = split_index(index, self.scramblings)
        place = (scrambling.astype(np.int32), (point % np.uint32(self.points)).astype(np.int32))
        stratum = tables["order"][place].astype(np.uint32)
        return within_stratum(stratum, counter_bits(tables["keys"], index), self.points)

    def refuse_beyond(self, draws: int) -> None:
        """Refuse more draws than the design has."""
        if draws > self.draws:
            raise ValueError(
                f"a Latin hypercube of {self.draws} draws cannot be extended to {draws}; start a new run, or use sobol"
            )


def random_orders(order_keys: Words, points: int) -> NDArray[np.uint16]:
    """Random order of 0..points-1 per row of keys, shape (points, rows): the ranks of hashed numbers."""
    hashed = counter_bits(order_keys, np.arange(points, dtype=np.uint32)[:, None])
    return np.argsort(hashed, axis=0, kind="stable").astype(np.uint16)


def within_stratum(stratum: Array, jitter: Array, count: int) -> Array:
    """32-bit word at `jitter` / 2^32 of the way through stratum number `stratum` of `count`, 1 <= count <= 2^16."""
    if count == 1:
        return jitter
    width, over = divmod(2**32, count)
    low = stratum * np.uint32(width) + (stratum * np.uint32(over) + np.uint32(count - 1)) // np.uint32(count)
    return low + _high_product(jitter, np.uint32(width))


def _high_product(a: Array, b: np.uint32) -> Array:
    """Upper 32 bits of the 64-bit product, without 64-bit integers."""
    half, low = np.uint32(16), np.uint32(0xFFFF)
    a_high, a_low = a >> half, a & low
    b_high, b_low = b >> half, b & low
    middle = a_high * b_low + (a_low * b_low >> half)
    return a_high * b_high + (middle >> half) + ((a_low * b_high + (middle & low)) >> half)
