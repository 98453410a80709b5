"""Numbers as they may be printed: no more digits than their standard error justifies."""

import math

FLOAT32_DIGITS = 6
"""Significant digits where no error is known."""


def with_error(value: float, error: float) -> tuple[str, str]:
    """A number and its error as text: 1853.27 with 0.83 -> (1853.3, 0.8); an error that starts with 1 keeps two."""
    if not math.isfinite(value):
        return "-", ""
    if not (math.isfinite(error) and error > 0):
        return plain(value), ""
    decimals = min(_decimals(error), _most_decimals(value))
    return _fixed(value, decimals), _fixed(error, decimals)


def plain(value: float, digits: int = FLOAT32_DIGITS) -> str:
    """A number with at most so many significant digits, as people write it."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.{digits}g}" if value == 0 or 1e-4 <= abs(value) < 1e9 else f"{value:.{digits - 1}e}"


def _decimals(error: float) -> int:
    """Decimals that keep one significant digit of an error, two where the first is 1; negative: tens, hundreds."""
    exponent = math.floor(math.log10(error))
    leading = round(error / 10**exponent, 1)
    if leading >= 9.5:
        return -exponent  # 0.096 is 0.10: two digits of an error whose first is 1
    return -exponent + (1 if leading < 2 else 0)


def _most_decimals(value: float) -> int:
    """A number in single precision has no more digits than this, however small its error."""
    return FLOAT32_DIGITS if value == 0 else FLOAT32_DIGITS - math.floor(math.log10(abs(value)))


def _fixed(value: float, decimals: int) -> str:
    text = f"{round(value, decimals):.{max(decimals, 0)}f}"
    return text.removeprefix("-") if float(text) == 0 else text
