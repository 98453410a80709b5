"""Designs that tell drivers apart: a draw, an independent one, and mixtures of both ("pick and freeze").

Sobol' (1993), Saltelli et al. (2010, Comput. Phys. Commun. 181, 259-270).
"""

from collections.abc import Iterable, Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.designs import FIRST_MIXED, B, design_of
from mc.samplers.contract import Column, HostTable, Sampler, inner_of, nested, split_index


class PickFreeze:
    """Points of each scrambling come in designs (`mc.designs`): A, B, and their mixtures M and N for each driver.

    A and B are the halves of ONE sequence of twice the columns, so they are independent; two ranges of the points of
    one sequence are not, and give wrong shares (Ishigami 0, .88, .22 instead of .314, .442, 0). A of design d is the
    draw that the inner sampler makes of its point d. Every draw of a design has the distribution of any other draw.

    Args:
        inner: makes the bits of both halves; a fixed design of it holds as many draws as there are designs.
        driver: number of the driver of every column, by label; the others belong to none.
        drivers: how many there are.
    """

    def __init__(self, inner: Sampler, driver: Mapping[str, int], drivers: int) -> None:
        self.inner, self.driver, self.drivers = inner, driver, drivers
        self.design, self.scramblings = design_of(drivers), inner.scramblings

    def tables(self, columns: Iterable[Column]) -> dict[str, HostTable]:
        """Those of the inner sampler over both halves, and the driver of the columns with and without a dimension."""
        columns = tuple(columns)
        placed = [column for column in columns if column.dimension is not None]
        hashed = [column for column in columns if column.dimension is None]
        # A power of two, so that adding an input seldom moves the second half.
        offset = 1 << max((column.dimension or 0 for column in placed), default=0).bit_length()
        halves = [*placed, *(_second(column, offset) for column in placed), *hashed, *(_second(c, 0) for c in hashed)]
        tables = nested(self.inner.tables(halves))
        nobody = self.drivers
        for name, part in (("placed", placed), ("hashed", hashed)):
            tables[f"driver {name}"] = np.array([self.driver.get(column.label, nobody) for column in part], np.uint32)
        return tables

    def bits(self, tables: dict[str, Array], index: Array) -> Array:
        """32 bits per column: of A, or of B where the place in the design says so."""
        scrambling, point = split_index(index, self.scramblings)
        place, base = split_index(point, self.design)
        both = self.inner.bits(inner_of(tables), base * jnp.full_like(index, self.scramblings) + scrambling)
        driver = jnp.concatenate([jnp.asarray(tables[f"driver {name}"]) for name in ("placed", "hashed")])
        count = tables["driver placed"].shape[0]
        a_placed, b_placed, a_hashed, b_hashed = jnp.split(both, (count, 2 * count, count + len(driver)))
        second = self._from_second(place, driver)
        return jnp.where(second, jnp.concatenate([b_placed, b_hashed]), jnp.concatenate([a_placed, a_hashed]))

    def _from_second(self, place: Array, driver: Array) -> Array:
        """Which columns are those of B at a place of a design: all of B, of M the driver's, of N all but these."""
        mixed, number = place >= np.uint32(FIRST_MIXED), place - np.uint32(FIRST_MIXED)
        like_b = (place == np.uint32(B)) | (mixed & (number >= np.uint32(self.drivers)))
        swapped = mixed & (split_index(number, self.drivers)[0] == driver)
        return like_b ^ swapped

    def refuse_beyond(self, draws: int) -> None:
        """As the inner sampler, of which a draw makes a design."""
        self.inner.refuse_beyond(-(-draws // self.design))


def _second(column: Column, offset: int) -> Column:
    """The column of the second half."""
    dimension = None if column.dimension is None else column.dimension + offset
    return Column(f"second half {column.label}", dimension)
