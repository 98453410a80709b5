"""Names inside a cube, shared by those who write it and those who read it."""

from typing import Final

STATISTIC: Final = "statistic"
MEAN: Final = "mean"
SD: Final = "sd"
AT_MEAN: Final = "at_mean_inputs"
"""f(E[X]): the model run once, every input at its mean."""

FIRST: Final = "first"
TOTAL: Final = "total"
"""Shares of the variance: of a driver alone, and with all that it interacts with."""

BELIEF: Final = "belief"
PRIOR: Final = "prior"
POSTERIOR: Final = "posterior"
"""Before and after observations were taken into account."""

MCSE: Final = "_mcse"
"""Suffix of the variable with the Monte Carlo standard errors of another."""

DIFFERENCES: Final = "differences"
VARIANCE_SHARES: Final = "variance_shares"
DRAWS: Final = "draws"
DIAGNOSTICS: Final = "diagnostics"
INPUTS: Final = "inputs"
STATE: Final = "state"

DISPLAY_UNIT: Final = "display_unit"
"""Attribute with the unit as people write it (MtCO2/year); `units` is what UDUNITS knows."""


def percentile_label(probability: float) -> str:
    """0.05 -> p05, 0.5 -> p50, 0.975 -> p97.5."""
    percent = f"{probability * 100:.6g}"
    whole, dot, rest = percent.partition(".")
    return f"p{whole.zfill(2)}{dot}{rest}"
