"""One observation: a number in the unit of the output it is compared with."""

from dataclasses import dataclass
from typing import Final

NO_YEAR: Final = 0


@dataclass(frozen=True)
class Observation:
    """One number that an output should have met.

    Attributes:
        series: name of the output.
        year: label on the axis of time, the last of the output; `NO_YEAR` for a scalar one.
        value: in the unit of the output.
        relative: whether errors are those of the logarithm.
        sd: standard deviation of the measurement, of the logarithm or in the unit of the output.
        group: what strays together: one study, one statistical coverage.
        role: "fit", "hold_out" (scored only) or "off".
        weight: share of the information that is used, 0 < weight <= 1: the variance is divided by it.
        boundary: what the number covers.
        source: key of the bibliography.
        note: remarks.
        line: of the table.
        element: labels on the other axes of the output, such as a province.
    """

    series: str
    year: int
    value: float
    relative: bool
    sd: float
    group: str
    role: str = "fit"
    weight: float = 1.0
    boundary: str = ""
    source: str = ""
    note: str = ""
    line: int = 0
    element: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Series, element, year and group, such as "steel_stock_per_head 2010 stock_top_down"."""
        parts = (self.series, *self.element, self.year or "", self.group)
        return " ".join(str(part) for part in parts if part)
