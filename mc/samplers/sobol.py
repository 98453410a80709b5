"""Sobol' points with nested uniform (Owen) scrambling by hashing, made inside the graph.

Gray-code order: draw by draw the points are those of scipy.stats.qmc.Sobol before scrambling. Scrambling: a hash in
which every bit depends on itself and the lower bits only, applied to the reversed bits, permutes each subtree of the
binary digits at random (Laine and Karras 2011; constants of Vegdahl 2021; Burley 2020, J. Comput. Graph. Tech. 9(4)).
N = 2^m points of one scrambling put one point into each of N equal strata of every margin; doubling keeps the points.
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.samplers.contract import Column, HostTable, Words, counter_bits, keys, split_index
from mc.samplers.joe_kuo import BITS, direction_numbers


class Sobol:
    """Scrambled Sobol' for columns with a dimension, hashed plain numbers for the rest; extendable by doubling."""

    def __init__(self, seed: int, scramblings: int, draws: int | None = None) -> None:
        self.seed, self.scramblings, self.draws = seed, scramblings, draws

    def tables(self, columns: Iterable[Column]) -> dict[str, HostTable]:
        """Bit-reversed direction numbers (32, D), scrambling seeds (R, D), keys of the hashed columns (H, 2)."""
        columns = tuple(columns)
        placed = [column.dimension for column in columns if column.dimension is not None]
        hashed = [column.label for column in columns if column.dimension is None]
        numbers = direction_numbers(max(placed, default=-1) + 1)[placed]
        rows = [(self.seed, "sobol", r, dimension) for r in range(self.scramblings) for dimension in placed]
        return {
            "directions": reverse_words(numbers).T,
            "scrambling": keys(rows)[:, 0].reshape(self.scramblings, len(placed)),
            "keys": keys((self.seed, "plain", label) for label in hashed),
        }

    def bits(self, tables: dict[str, Array], index: Array) -> Array:
        """32 uniform bits per column: scrambled Sobol' columns first, then the hashed ones."""
        scrambling, point = split_index(index, self.scramblings)
        seeds = jax.lax.dynamic_index_in_dim(tables["scrambling"], scrambling, keepdims=False)
        scrambled = reverse_bits(owen_hash(reversed_points(tables["directions"], point), seeds))
        return jnp.concatenate([scrambled, counter_bits(tables["keys"], index)])

    def refuse_beyond(self, draws: int) -> None:
        """Any number of draws can follow, up to the 2^32 of the index."""


def reversed_points(directions: Array, point: Array) -> Array:
    """Unscrambled Sobol' point (uint32 scalar index) with its binary digits reversed: first digit in the lowest bit."""
    gray = point ^ (point >> np.uint32(1))
    chosen = -((gray >> jnp.arange(BITS, dtype=gray.dtype)) & np.uint32(1))  # all ones where the bit is set
    return jnp.bitwise_xor.reduce(directions & chosen[:, None], axis=0)


def owen_hash(x: Array, seed: Array) -> Array:
    """Hash in which no bit depends on a higher one: a nested uniform scrambling of reversed binary digits."""
    x = x ^ (x * np.uint32(0x3D20ADEA))
    x = (x + seed) * ((seed >> np.uint32(16)) | np.uint32(1))
    x = x ^ (x * np.uint32(0x05526C56))
    return x ^ (x * np.uint32(0x53A22864))


def reverse_bits(x: Array) -> Array:
    """Bits of a 32-bit word in reversed order."""
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF), (16, 0x0000FFFF)):
        x = ((x >> np.uint32(shift)) & np.uint32(mask)) | ((x & np.uint32(mask)) << np.uint32(shift))
    return x


def reverse_words(words: Words) -> Words:
    """Bits of 32-bit words in reversed order, on the host."""
    as_bits = np.unpackbits(words[..., None].astype(">u4").view(np.uint8), axis=-1)
    return np.packbits(as_bits[..., ::-1], axis=-1).view(">u4")[..., 0].astype(np.uint32)
