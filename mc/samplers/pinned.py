"""A sampler some of whose columns take rows of a table: draws of a posterior in place of those of the prior."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import ndtr

from mc.errors import InputError
from mc.samplers.contract import Column, HostTable, Sampler, inner_of, nested
from mc.study import Pinned

SHIFT = 9
"""Bits below the 23 that make a uniform number (`contract.to_uniform`)."""


class PinnedSampler:
    """Draw i takes row i % M of the pinned columns, rows shuffled by the seed; the others are the inner sampler's.

    Scores go through the same 23-bit uniform numbers as any other draw. M is cut to a multiple of the scramblings, so
    that each scrambling has rows of its own and standard errors hold.
    """

    def __init__(self, inner: Sampler, pinned: Pinned, seed: int) -> None:
        self.inner, self.pinned, self.seed = inner, pinned, seed
        self.scramblings = inner.scramblings

    def tables(self, columns: Iterable[Column]) -> dict[str, HostTable]:
        """Those of the inner sampler, the rows as bits, and the columns they stand in.

        InputError where a pinned column does not exist or rows are too few.
        """
        columns = tuple(columns)
        place = {column.label: k for k, column in enumerate(columns)}
        missing = [label for label in self.pinned.labels if label not in place]
        if missing:
            raise InputError(f"no input has the column {missing[0]!r}, which was learned: fit these priors anew")
        scores = np.asarray(self.pinned.scores, np.float64)
        rows = len(scores) - len(scores) % self.scramblings
        if not rows:
            raise InputError(f"{len(scores)} learned draws for {self.scramblings} scramblings; fit with more draws")
        order = np.random.default_rng((self.seed, len(scores))).permutation(len(scores))[:rows]
        words = np.clip(np.floor(ndtr(scores[order]) * 2.0**23), 0, 2**23 - 1).astype(np.uint32)
        at = np.array([place[label] for label in self.pinned.labels], np.uint32)
        return nested(self.inner.tables(columns)) | {"pinned bits": words << np.uint32(SHIFT), "pinned columns": at}

    def bits(self, tables: dict[str, Array], index: Array) -> Array:
        """32 bits per column of draw `index`."""
        rows = jnp.asarray(tables["pinned bits"])
        row = jax.lax.rem(jnp.asarray(index, jnp.uint32), jnp.full((), rows.shape[0], jnp.uint32))
        return self.inner.bits(inner_of(tables), index).at[tables["pinned columns"]].set(rows[row])

    def refuse_beyond(self, draws: int) -> None:
        """As the inner sampler."""
        self.inner.refuse_beyond(draws)
