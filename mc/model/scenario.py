"""What a run may choose: scrap policies side by side, and switches of accounting."""

import dataclasses

from mc.allocation.coordinated import FREE, Bounds


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One policy world; all scenarios of a run share their draws.

    Attributes:
        name: label on the scenario axis.
        policy: how purchased scrap is shared between provinces, one of `mc.allocation.coordinated.POLICIES`.
        bounds: what a coordinated policy is forbidden.
    """

    name: str
    policy: str
    bounds: Bounds = FREE


@dataclasses.dataclass(frozen=True)
class Options:
    """Switches that apply to all scenarios.

    Attributes:
        accounting: pollutant accounting family, a label of the axis `accounting`; families differ 3-8 times and are
            never mixed.
        hydrogen: "on_site" books electrolysis as purchased power (scope 2), "bought" as upstream (scope 3).
        copper: "limited" keeps the copper of the scrap that a province charges within what its steel bears, "unlimited"
            lets it charge any.
    """

    accounting: str = "stack_monitoring"
    hydrogen: str = "on_site"
    copper: str = "unlimited"
