"""What is the same in every draw: years, who makes steel, kinds of routes, the plant nearest to each source."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jax import Array

KINDS = ("base", "best", "retrofit", "smelting", "scrap", "direct")
"""Kinds of steel routes, the column `group` of the axis table: average and best blast furnaces, retrofitted ones,
smelting reduction, scrap in electric furnaces, and routes with iron of their own (direct reduction, electrolysis)."""

FURNACES = ("base", "best", "retrofit")
"""Kinds of routes whose iron comes from a blast furnace."""
HOT_METAL = (*FURNACES, "smelting")
"""Kinds of routes that charge converters with hot metal of their own."""
MELTS_OWN_IRON = ("direct",)
"""Kinds of routes that melt iron of their own in electric furnaces."""

Fleet = tuple[Array, ...]
"""One array [province] for each route."""

NAMED_CARRIERS = ("natural_gas", "coke_oven_gas", "hydrogen", "electricity")
"""Carriers with relations of their own: a price tied to another's, or no carbon and no GJ in the fuel tables."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class World:
    """Constants of the chain.

    Attributes:
        years: model years [year], the first is the base year.
        history: years of history up to the base year [history].
        makes_steel: 1 where a province made steel in the base year [province].
        nearest: 1 where scrap of a province goes under autarky [province, destination].
        region: 1 where two provinces lie in the same region [province, destination].
        accounting: one-hot of the accounting family [accounting].
        carrier: one-hot of a carrier that a relation names, by label [carrier].
        hydrogen_on_site: 1 where electrolysis is booked as purchased power.
        routes: kind of each route, in their order, cleanest first; fixed when the chain is traced.
        limits_copper: whether copper limits the use of scrap; fixed when the chain is traced.
    """

    years: Array
    history: Array
    makes_steel: Array
    nearest: Array
    region: Array
    accounting: Array
    carrier: dict[str, Array]
    hydrogen_on_site: Array
    routes: tuple[str, ...] = dataclasses.field(metadata={"static": True})
    limits_copper: bool = dataclasses.field(metadata={"static": True})

    @property
    def kind(self) -> dict[str, Array]:
        """1 where a route is of the kind, by kind [route]."""
        dtype = self.years.dtype
        return {kind: np.array([one == kind for one in self.routes], dtype) for kind in KINDS}  # type: ignore[misc]


def places(world: World, *kinds: str) -> tuple[int, ...]:
    """Places of the routes of some kinds on the route axis."""
    return tuple(place for place, kind in enumerate(world.routes) if kind in kinds)


def nearest_plant(distance: np.ndarray, makes_steel: np.ndarray) -> np.ndarray:
    """Own province where it makes steel, else the nearest that does, as a 0/1 matrix [province, destination]."""
    reach = np.where(makes_steel[None, :] > 0, distance, np.inf)
    np.fill_diagonal(reach, np.where(makes_steel > 0, -1.0, np.inf))
    chosen = np.zeros_like(distance)
    chosen[np.arange(len(distance)), reach.argmin(axis=1)] = 1.0
    return chosen


def one_hot(labels: tuple[Any, ...], label: str) -> np.ndarray:
    """1 where the label stands.

    Raises:
        ValueError: the axis has no such label.
    """
    if label not in labels:
        msg = f"axes.csv: label {label!r} is missing; found {', '.join(map(str, labels))}"
        raise ValueError(msg)
    return np.array([float(item == label) for item in labels])


def make_world(
    axes: dict[str, tuple[Any, ...]],
    route_groups: tuple[str, ...],
    regions: tuple[str, ...],
    crude_steel: np.ndarray,
    distance: np.ndarray,
    accounting: str,
    hydrogen_on_site: bool,
    limits_copper: bool = False,
) -> World:
    """Build the constants from the axes and two tables (host, float64).

    Raises:
        ValueError: a route is of a kind that the chain does not know, or a label is missing.
    """
    if unknown := sorted(set(route_groups) - set(KINDS)):
        msg = f"axes.csv: unknown route group {unknown[0]!r}; expected one of {', '.join(KINDS)}"
        raise ValueError(msg)
    makes_steel = (crude_steel > 0).astype(np.float64)
    return World(
        years=np.asarray(axes["year"], dtype=np.float64),  # type: ignore[arg-type]
        history=np.asarray(axes["history"], dtype=np.float64),  # type: ignore[arg-type]
        makes_steel=makes_steel,  # type: ignore[arg-type]
        nearest=nearest_plant(distance, makes_steel),  # type: ignore[arg-type]
        region=np.array([[float(one == other) for other in regions] for one in regions]),  # type: ignore[arg-type]
        accounting=one_hot(axes["accounting"], accounting),  # type: ignore[arg-type]
        carrier={label: one_hot(axes["carrier"], label) for label in NAMED_CARRIERS},  # type: ignore[misc]
        hydrogen_on_site=np.float64(hydrogen_on_site),  # type: ignore[arg-type]
        routes=route_groups,
        limits_copper=limits_copper,
    )
