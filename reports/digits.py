"""Numbers as people may quote them: no more digits than their Monte Carlo standard error justifies."""

import math

MOST_FIGURES = 4
"""Significant figures beyond which a number is harder to read and says nothing about the world."""

MINUS = "−"


def places(value: float, error: float = math.nan, most: int = MOST_FIGURES) -> int:
    """Decimal places to show (negative: tens, hundreds): that of the first figure of the error.

    At most `most` significant figures, and just as many without an error (not finite) or with an error of zero.
    """
    if value == 0 == error:
        return 0
    widest = most - 1 - _exponent(value) if value and math.isfinite(value) else most - 1
    if not math.isfinite(error) or error <= 0:
        return widest
    # An error of 0.96 rounds to 1, whose first figure stands one place further left.
    rounded = float(f"{error:.0e}")
    if not value:
        return -_exponent(rounded)
    return min(-_exponent(rounded), widest)


def number(value: float, decimals: int) -> str:
    """`1,834`, `−0.30`; 1,834 at -2 decimals is `1,800`; a dash for what is not a number."""
    if not math.isfinite(value):
        return "–"
    rounded = round(value, decimals) + 0.0
    # What rounds to nothing has no sign.
    text = f"{abs(rounded):,.{max(decimals, 0)}f}"
    return MINUS + text if rounded < 0 else text


def error_text(error: float, decimals: int) -> str:
    """The error at the same place: `3`, or `<0.1` where it does not reach the last figure shown."""
    if not math.isfinite(error):
        return ""
    if error == 0:
        return "0"
    unit = 10.0**-decimals
    shown = number(error, decimals)
    return shown if error >= unit / 2 else f"<{number(unit, decimals)}"


def plain(value: float, error: float = math.nan, most: int = MOST_FIGURES) -> str:
    """The number alone, rounded to what its error justifies."""
    return number(value, places(value, error, most))


def percent(share: float) -> str:
    """A share in whole percent; `<1` and `>99` for what is neither nothing nor all."""
    whole = round(100 * share)
    if whole == 0 and share > 0:
        return "<1"
    if whole == 100 and share < 1:
        return ">99"
    return str(whole)


def _exponent(value: float) -> int:
    """Power of ten of the first figure: 3 for 1,834, -2 for 0.045."""
    return math.floor(math.log10(abs(value)))
