"""Everything one draw knows before the chain starts: one pytree per noun."""

import dataclasses

import jax

from mc.inputs.steel import Costs, Demand, Iron, Neutrality, Pollutants, Routes, Scrap, Stock, Uptake
from mc.inputs.world import Carriers, Distances, Freight, Grid, Hydrogen, Macro, Structure


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Inputs:
    """The inputs of one draw; each noun's fields are arrays over the axes that its declaration names."""

    structure: Structure
    macro: Macro
    grid: Grid
    hydrogen: Hydrogen
    carriers: Carriers
    freight: Freight
    distances: Distances
    demand: Demand
    stock: Stock
    scrap: Scrap
    iron: Iron
    routes: Routes
    uptake: Uptake
    pollutants: Pollutants
    costs: Costs
    neutrality: Neutrality
