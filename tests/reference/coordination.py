"""Coordination of scrap by hand: what each step of use saves in each province, then HiGHS."""

from typing import Any

import numpy as np
from reference.allocation import plan
from reference.metallics import hot_metal_charge
from reference.paths import pour, quotient
from reference.power import Power
from reference.running import Ran, run
from reference.technology import Technology

CONVERTER_STEPS, ELECTRIC_STEPS = 2, 8
LEAST_ROOM = 1e-4


class Coordinator:
    """Knows what a year's work emits, directly and through power, removals of the grid left out."""

    def __init__(self, inputs: Any, technology: Technology, power: Power, on_site: bool, electric_first: bool) -> None:
        self.inputs, self.technology, self.power = inputs, technology, power
        self.on_site, self.electric_first = on_site, electric_first

    def emitted(self, ran: Ran, q: int, t: int) -> float:
        """Mt CO2 of a province."""
        technology, total, bought = self.technology, 0.0, 0.0
        for r in technology.routes:
            for amount, tonne in (
                (ran.hot_metal[r], technology.metal(r, t)),
                (ran.production[r], technology.steel(r, t)),
            ):
                total += amount * tonne.emitted
                bought += amount * tonne.power
                if self.on_site:
                    bought += amount * tonne.hydrogen * self.power.electrolysis[t]
        share = hot_metal_charge(self.inputs.iron, technology.years[t])
        bought += self.inputs.routes.electricity_per_hot_metal * share * ran.production[technology.kind.index("scrap")]
        return float(total + bought * self.power.factor[q, t])

    def steps(
        self, capacity: np.ndarray, home: np.ndarray, limits: Any, output: float, q: int, t: int, share: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Size and worth of the steps of a province, converters' before those of electric furnaces."""
        base, electric, extra = (limit - used for limit, used in zip(limits, home, strict=True))
        orders = (
            [("converter", at) for at in range(CONVERTER_STEPS)],
            [("electric", at) for at in range(ELECTRIC_STEPS)],
        )
        order = orders[1] + orders[0] if self.electric_first else orders[0] + orders[1]
        filled = {"converter": 0.0, "electric": 0.0}
        sizes = {"converter": (base + extra) / CONVERTER_STEPS, "electric": electric / ELECTRIC_STEPS}
        size, worth = {}, {}

        def now() -> float:
            in_base = min(filled["converter"], base)
            added = np.array([in_base, filled["electric"], filled["converter"] - in_base])
            return self.emitted(run(self.inputs, self.technology, capacity, home + added, output, t, share), q, t)

        before = now()
        for use, at in order:
            filled[use] += sizes[use]
            after = now()
            size[use, at] = sizes[use]
            worth[use, at] = quotient(before - after, sizes[use]) if sizes[use] > LEAST_ROOM else 0.0
            before = after
        steps = orders[0] + orders[1]
        return np.array([size[step] for step in steps]), np.array([worth[step] for step in steps])


def coordinate(
    supply: np.ndarray, size: np.ndarray, worth: np.ndarray, freight: np.ndarray, limits: np.ndarray, bonus: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Flows, and what arrivals are used for in converters' base, electric furnaces and more in converters."""
    if bonus:
        worth = worth.copy()
        worth[:, CONVERTER_STEPS:] += 2.0 * (np.abs(worth).max() + freight.max())
    _, flows, use = plan(supply, size, worth, freight)
    parts = np.zeros((len(size), 3))
    for q in range(len(size)):
        converter = use[q, :CONVERTER_STEPS].sum()
        parts[q, 0], parts[q, 2] = pour(converter, [limits[q, 0], converter])
        parts[q, 1] = use[q, CONVERTER_STEPS:].sum()
    return flows, parts
