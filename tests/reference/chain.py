"""The slow reference of the steel chain: one draw, one policy, float64, plain loops.

Written from the equations of the model and the docstrings of the nouns, as an oracle for the compiled chain. `outputs`
returns the register without the scenario axis.
"""

from typing import Any

import numpy as np
from reference.accounts import accounts, pollution
from reference.building import Builder
from reference.cohorts import Cohorts
from reference.coordination import Coordinator
from reference.demand import crude_steel, fabricated, fill_by_income, fill_by_stock, output_by_province
from reference.metallics import base_year, hot_metal_charge
from reference.people import income, population
from reference.policies import POLICIES
from reference.power import Power
from reference.prices import Prices
from reference.register import National, policy_outputs, shared_outputs
from reference.scrap import copper_room, supply
from reference.technology import Technology
from reference.transition import Story, transition


class Reference:
    """Everything of a draw that no policy changes; `world` holds the constants of the chain.

    Args:
        inputs: `mc.inputs.nouns.Inputs` of float64 numpy arrays.
        world: `mc.model.world.World` of numpy arrays.
        carriers: labels of the carriers, in order.
    """

    def __init__(self, inputs: Any, world: Any, carriers: tuple[Any, ...]) -> None:
        self.inputs, self.world, self.carriers = inputs, world, list(carriers)
        self.years, history = [int(year) for year in world.years], [int(year) for year in world.history]
        provinces, ssp = len(world.makes_steel), int(inputs.structure.ssp)
        self.people = population(inputs.macro, ssp, provinces, len(self.years))
        self.income = income(inputs.macro, ssp, self.people)
        self.cohorts = Cohorts(inputs, self.years, history, provinces)
        fill = fill_by_stock if int(inputs.structure.demand_driver) == 0 else fill_by_income
        self.shortfall = fill(inputs, self.cohorts, self.people, self.income)
        self.made = fabricated(inputs.demand, self.cohorts)
        self.national, self.tie = crude_steel(inputs.demand, self.made, self.years)
        self.output, self.stretch = output_by_province(
            inputs.demand, inputs.grid.nonfossil_share, self.national, self.made
        )
        self.start = base_year(inputs.iron, self.output[:, 0], hot_metal_charge(inputs.iron, self.years[0]))
        charged = (self.start.converter_scrap + self.start.electric_scrap).sum()
        self.supply = supply(inputs, self.cohorts, self.made, self.output, charged)
        kind = [next(name for name, mask in world.kind.items() if mask[r]) for r in range(len(world.kind["base"]))]
        self.technology = Technology(inputs, kind, self.years)
        self.power = Power(inputs, self.years, provinces)
        self.prices = Prices(inputs, self.technology, self.power, self.carriers)
        table = [[self.prices.levelised(r, t) for t in range(len(self.years))] for r in self.technology.routes]
        self.builder = Builder(inputs, self.technology, self.power, lambda r, t: table[r][t])

    def story(self, policy: str) -> Story:
        nearest = [int(np.argmax(row)) for row in self.world.nearest]
        on_site, coordinator = bool(self.world.hydrogen_on_site), None
        if policy not in POLICIES:
            first = policy == "electric_first"
            coordinator = Coordinator(self.inputs, self.technology, self.power, on_site, first)
        world = (self.supply, self.output, self.start, nearest)
        room = copper_room(self.inputs, self.supply, self.made, self.output) if self.world.limits_copper else None
        return transition(self.inputs, self.technology, self.builder, *world, policy, coordinator, room)

    def outputs(self, policy: str) -> dict[str, np.ndarray]:
        """The register of outputs for one policy, national and provincial."""
        story, inputs = self.story(policy), self.inputs
        on_site = bool(self.world.hydrogen_on_site)
        books = accounts(inputs, self.technology, self.power, self.prices, story, on_site)
        books.pollutants = pollution(inputs, self.technology, story, int(np.argmax(self.world.accounting)))
        sums = National(inputs, self.world, self.technology, self.carriers, self.supply)
        reline = self.prices.reline(self.technology.kind.index("base"))
        return shared_outputs(self) | policy_outputs(sums, story, books, on_site, reline)
