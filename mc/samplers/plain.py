"""Plain Monte Carlo: counter-based random numbers keyed by seed and label."""

from collections.abc import Iterable

from jax import Array

from mc.samplers.contract import Column, HostTable, counter_bits, keys


class Plain:
    """Independent draws; error of a mean falls as N^-1/2."""

    def __init__(self, seed: int, scramblings: int, draws: int | None = None) -> None:
        self.seed, self.scramblings, self.draws = seed, scramblings, draws

    def tables(self, columns: Iterable[Column]) -> dict[str, HostTable]:
        """Two 32-bit keys per column."""
        return {"keys": keys((self.seed, "plain", column.label) for column in columns)}

    def bits(self, tables: dict[str, Array], index: Array) -> Array:
        """32 uniform bits per column."""
        return counter_bits(tables["keys"], index)

    def refuse_beyond(self, draws: int) -> None:
        """Any number of draws can follow, up to the 2^32 of the index."""
