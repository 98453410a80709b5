"""What a sampler is: uniform bits for every column of one draw, a pure function of (seed, index, column)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from numpy.typing import NDArray

Words = NDArray[np.uint32]
HostTable = NDArray[np.unsignedinteger[Any]]

Word = TypeVar("Word", Array, Words)

INNER = "inner "

# The smallest and largest uniform of 23 bits; nothing downstream ever sees 0 or 1.
LEAST = 2.0**-24
MOST = 1 - 2.0**-24


@dataclass(frozen=True)
class Column:
    """One independent source of uniform numbers: its label, and its Sobol' dimension if it has one."""

    label: str
    dimension: int | None = None


class Sampler(Protocol):
    """Draw i is point i // scramblings of scrambling i % scramblings, under every sampler.

    Columns with a dimension come before those without.
    """

    scramblings: int

    def __init__(self, seed: int, scramblings: int, draws: int | None) -> None:
        """Remember the seed; `draws` is the size of the design, where the sampler has one."""

    def tables(self, columns: Iterable[Column]) -> dict[str, HostTable]:
        """Arrays that the executable takes as arguments."""

    def bits(self, tables: dict[str, Array], index: Array) -> Array:
        """32 uniform bits per column of draw `index` (uint32 scalar), in the order of the columns."""

    def refuse_beyond(self, draws: int) -> None:
        """Raise ValueError where the design cannot give this many draws."""


def to_uniform(bits: Array, dtype: DTypeLike) -> Array:
    """Uniform number in [2^-24, 1 - 2^-24] from the upper 23 of 32 bits, the same in float32 and float64.

    With 24 bits the largest would round to 1.0 in float32, and its normal score would be infinite.
    """
    return ((bits >> np.uint32(9)).astype(dtype) + 0.5) * 2.0**-23


def key(*parts: str | int) -> int:
    """64-bit key of a tuple of names and numbers, the same on every machine and version."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def keys(rows: Iterable[tuple[str | int, ...]]) -> Words:
    """Two 32-bit keys per row, shape (rows, 2)."""
    values = np.array([key(*row) for row in rows], np.uint64)
    return np.stack([values >> np.uint64(32), values & np.uint64(0xFFFFFFFF)], axis=-1).astype(np.uint32)


def mix(x: Word) -> Word:
    """Bijective 32-bit mixer "lowbias32" (Wellons, revised constants); avalanche bias below 0.11 on the ideal 0."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0xD35A2D97)
    return x ^ (x >> np.uint32(15))


def counter_bits(column_keys: Word, index: Word) -> Word:
    """Counter-based random bits, in the graph or on the host: two keyed rounds of the mixer on the index.

    Keys (columns, 2), result (columns,).
    """
    return mix(mix(index ^ column_keys[:, 0]) + column_keys[:, 1])


def nested(tables: Mapping[str, HostTable]) -> dict[str, HostTable]:
    """Tables of an inner sampler among those of the one around it."""
    return {f"{INNER}{name}": table for name, table in tables.items()}


def inner_of(tables: Mapping[str, Array]) -> dict[str, Array]:
    """The tables of the inner sampler."""
    return {name.removeprefix(INNER): table for name, table in tables.items() if name.startswith(INNER)}


def split_index(index: Array, scramblings: int) -> tuple[Array, Array]:
    """Remainder and quotient: of a draw, its scrambling and its point."""
    count = jnp.full_like(index, scramblings)
    return jax.lax.rem(index, count), jax.lax.div(index, count)
