"""Units of the model -> units that NetCDF readers know (UDUNITS), and the quantity where the unit names a substance."""

import re

NAMED = {
    "tCO2": ("t", "CO2"),
    "gCO2": ("g", "CO2"),
    "tce": ("t", "coal equivalent"),
    "CNY": ("", "CNY"),
    "USD": ("", "USD"),
    "Wh": ("W h", ""),
    "person": ("", "person"),
    "persons": ("", "person"),
    "capita": ("", "person"),
    "million": ("1e6", ""),
    "billion": ("1e9", ""),
    "percent": ("0.01", ""),
    "%": ("0.01", ""),
}
"""Unit of the model: unit of UDUNITS, and what it is a quantity of."""

PREFIXES = {"k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}

_TERM = re.compile(rf"([{''.join(PREFIXES)}]?)({'|'.join(sorted(NAMED, key=len, reverse=True))})")


def cf_unit(unit: str) -> tuple[str, str]:
    """`MtCO2/year` -> (`Mt year-1`, `CO2`); `CNY/t` -> (`t-1`, `CNY`); what is already plain stays as it is."""
    terms: list[str] = []
    quantities: list[str] = []
    for name, power in _terms(unit):
        text, quantity = _plain(name)
        if quantity and quantity not in quantities:
            quantities.append(quantity if power == 1 else f"per {quantity}")
        for part in text.split():
            # A bare number has no exponent in UDUNITS: its inverse is written out.
            number = re.fullmatch(r"1e(\d+)", part)
            if number and power == -1:
                terms.append(f"1e-{number[1]}")
            elif part:
                terms.append(part if power == 1 else f"{part}{power}")
    return " ".join(terms) or "1", " ".join(quantities)


def people_unit(unit: str) -> str:
    """`Mt year-1` -> `Mt/year`, `t MWh-1` -> `t/MWh`: the unit with slashes, as people write it."""
    terms = [(name, power) for name, power in _terms(unit) if name != "1"]
    above = " ".join(name for name, power in terms if power == 1) or "1"
    below = "".join(f"/{name}" for name, power in terms if power == -1)
    return above + below


def _plain(name: str) -> tuple[str, str]:
    match = _TERM.fullmatch(name)
    if match is None:
        return ("" if name == "1" else name), ""
    prefix, base = match.groups()
    unit, quantity = NAMED[base]
    if prefix and not unit:
        return f"1e{PREFIXES[prefix]}", quantity
    return f"{prefix}{unit}", quantity


def _terms(unit: str) -> list[tuple[str, int]]:
    """`USD/(t/year)` -> [(USD, 1), (t, -1), (year, 1)]."""
    terms: list[tuple[str, int]] = []
    signs, sign = [1], 1
    for token in re.findall(r"[()/*]|[^()/*\s]+", unit):
        if token == "(":
            signs.append(sign)
        elif token == ")":
            signs.pop()
            sign = signs[-1]
        elif token in "/*":
            sign = signs[-1] * (-1 if token == "/" else 1)
        else:
            inverse = re.fullmatch(r"(\D+)-1", token)
            terms.append((inverse[1], -sign) if inverse else (token, sign))
            sign = signs[-1]
    return terms
