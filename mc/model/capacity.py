"""Capacity: the fleet of the base year, and what holds new capacity back.

Capacity is kept by province and route: Mt of hot metal a year for routes that charge converters, Mt of steel for the
others.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.nouns import Inputs
from mc.inputs.steel import Uptake
from mc.model.grid import HydrogenPath
from mc.model.intensity import LAST_YEAR, Flows, makes_hot_metal
from mc.model.iron import BaseYear
from mc.model.paths import ramp, ratio
from mc.model.world import Fleet, World


def first_fleet(uptake: Uptake, world: World, start: BaseYear) -> Fleet:
    """Capacity of the base year by route [province]: average blast furnaces and electric furnaces only.

    Utilisation above one is normal in the tracked data, so the limit is what was tracked or what was produced,
    whichever is more. Electric furnaces count with their output: how far idle ones could have run is not known, so they
    grow from there.
    """
    iron = jnp.maximum(uptake.blast_furnace_capacity_2020, start.hot_metal)
    first = {"base": iron, "scrap": start.electric}
    return tuple(first.get(kind, jnp.zeros_like(iron)) for kind in world.routes)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Bounds:
    """What holds new capacity back, all national Mt a year [year, route] except as said.

    Attributes:
        ceiling: capacity that fuel, hydrogen and CO2 storage allow; 0 before a route is available.
        available: 1 from the first commercial year of a route on.
        floor: capacity that policy asks for.
    """

    ceiling: Array
    available: Array
    floor: Array


def shared_ceiling(resource: Array, use: Array, caps: Array) -> Array:
    """Capacity by route under a shared resource [year, route]: split by what each route could take of it at most.

    Args:
        resource: Mt a year [year].
        use: Mt of the resource per Mt of capacity [route].
        caps: national cap of each route otherwise [route].
    """
    appetite = use * caps
    split = ratio(appetite, jnp.broadcast_to(appetite.sum(), appetite.shape))
    allowed = ratio(
        resource[:, None] * split[None, :], jnp.broadcast_to(use[None, :], (resource.shape[0], use.shape[0]))
    )
    return jnp.where(use[None, :] > 0, allowed, jnp.inf)


def captured_per_steel(flows: tuple[Flows, Flows], hot_metal: Array) -> Array:
    """CO2 captured per t of steel by each route, t/t [route]."""
    return flows[0].captured * hot_metal + flows[1].captured


def bounds(
    inputs: Inputs, world: World, flows: tuple[Flows, Flows], hydrogen: HydrogenPath, hot_metal: Array
) -> Bounds:
    """Ceilings, availability and floors of all routes and years, in the unit of capacity.

    Args:
        inputs: inputs.
        world: constants.
        flows: per t of hot metal and of steel.
        hydrogen: supply path.
        hot_metal: hot metal per t of converter steel, t/t.
    """
    uptake, years = inputs.uptake, world.years
    output = jnp.minimum(uptake.national_cap, 2.0 * inputs.demand.crude_steel_2020.sum())
    storage = jnp.take(uptake.co2_storage, inputs.structure.co2_storage.astype(jnp.int32), axis=0)
    captured = captured_per_steel(flows, hot_metal)
    by_hydrogen = shared_ceiling(hydrogen.supply, flows[1].hydrogen * 1e-3, output)
    by_storage = shared_ceiling(storage, captured, output)
    available = (years[:, None] >= inputs.routes.available_year[None, :]).astype(years.dtype)
    ceiling = jnp.minimum(jnp.minimum(by_hydrogen, by_storage), uptake.national_cap[None, :])
    rise = ramp(years, years[0], LAST_YEAR)[:, None]
    pure = world.kind["direct"] * (inputs.routes.hydrogen > 0).astype(years.dtype)
    capturing = world.kind["retrofit"] * (captured > 0).astype(years.dtype)
    floor = rise * (uptake.h2_dri_floor_2060 * pure + ratio(uptake.capture_floor_2060 * capturing, captured))[None, :]
    unit = 1.0 + (hot_metal - 1.0) * makes_hot_metal(world)
    return Bounds(ceiling * available * unit[None, :], available, floor * available * unit[None, :])
