"""Units at the edge: what a row of a table may be written in, and the factor to the unit the model computes in.

Inside the engine numbers are plain floats in declared units; nothing here is called once the tables are read. The
registry is our own short list: pint's default one reads `kt` as knots. CO2 counts as mass, so tCO2/t is a pure number;
CNY and USD are two dimensions, because the rate between them is an input.
"""

import functools
import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pint

DEFINITIONS: Final = """
milli- = 1e-3 = m-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
peta- = 1e15 = P-
gram = [mass] = g
tonne = 1e6 gram = t = tonnes
gram_CO2 = gram = gCO2
tonne_CO2 = tonne = tCO2
metre = [length] = m
litre = 1e-3 metre ** 3 = L
year = [time] = yr = a = years
hour = year / 8760 = h = hours
joule = [energy] = J
watt_hour = 3600 joule = Wh
watt = watt_hour / hour = W
gram_coal_equivalent = 29307.6 joule = gce
tonne_coal_equivalent = 1e6 gram_coal_equivalent = tce
yuan = [yuan] = CNY
dollar = [dollar] = USD
percent = 0.01
thousand = 1e3
million = 1e6
billion = 1e9
trillion = 1e12
person = 1 = _ = persons = people
"""
"""The units a row may use. A coal-equivalent tonne is 29.3076 GJ (7,000 kcal/kg, GB/T 2589); a year has 8,760 hours."""

EXAMPLES: Final = "Mt, tCO2, GJ/t, MWh/t, tce, km, year, CNY, USD/(t/year), 1e8 CNY, million, %, 1"

# Pint never evaluates code, but 9**9**9 would occupy it for ever: exponents are up to 3 and never chained.
_SAFE = re.compile(
    r"""(?:[A-Za-z0-9_./()% ]
    | (?<!\*)\*(?!\*)                                             # times
    | (?<=\de)[+-](?=\d)                                          # 1e-3
    | (?:\^|\*\*)\ ?-?[1-3](?! [0-9.eE] | \)*\ ?\^ | \)*\ ?\*\*)  # squared
    ){1,60}""",
    re.VERBOSE,
)


class UnitError(ValueError):
    """A unit that cannot be read or has the wrong dimension; `remedy` says what to write instead."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


@functools.lru_cache(maxsize=1)
def registry() -> "pint.UnitRegistry[float]":
    """The units of `DEFINITIONS`, made on first use (pint takes half a second to import)."""
    import pint

    made: pint.UnitRegistry[float] = pint.UnitRegistry(None)
    made.load_definitions(DEFINITIONS.strip().splitlines())
    return made


@functools.lru_cache(maxsize=4096)
def factor(unit: str, declared: str) -> float:
    """What a value in `unit` is multiplied by to be in the `declared` unit; `UnitError` where no number does that."""
    if unit == declared:
        return 1.0
    written, wanted = quantity_of(unit, declared), quantity_of(declared, declared)
    if written.dimensionality != wanted.dimensionality:
        raise UnitError(
            f"unit {unit!r} has the wrong dimension", f"expected {declared} or a unit of the same dimension"
        )
    ratio = float((written / wanted).to_base_units().magnitude)
    if not 0 < ratio < math.inf:
        raise UnitError(f"unit {unit!r} has no usable size", f"expected {declared}")
    # Powers of ten that pint multiplied up carry rounding in the last digit.
    return float(f"{ratio:.15g}")


def quantity_of(unit: str, declared: str) -> "pint.Quantity[float]":
    """Read a unit, with a factor where it has one ("1e8 CNY"); `declared` is named in the remedy."""
    expected = f"expected {declared}"
    if not unit:
        raise UnitError("no unit", f"{expected}; write 1 for a pure number")
    if not _SAFE.fullmatch(unit):
        raise UnitError(f"unit {unit!r} cannot be read", f"{expected}; write units like {EXAMPLES}")
    try:
        read: pint.Quantity[float] = registry().Quantity(registry().parse_expression(unit))
        read.to_base_units()
    except Exception as error:  # pint lets through whatever its tokenizer raises
        raise UnitError(f"unknown unit {unit!r}", f"{expected}; write units like {EXAMPLES}") from error
    return read
