"""When emissions peak: the distribution of a year, from whatever the cube holds of it."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from reading import MCSE, SCENARIO, Cube

PEAK = "co2_peak_year"


@dataclass(frozen=True)
class PeakYear:
    """P(peak <= year) for some rising years, by scenario, with Monte Carlo standard errors (scenario, year)."""

    years: list[int]
    probability: xr.DataArray
    error: xr.DataArray

    def classes(self, scenario: str, first_year: int) -> list[tuple[str, float]]:
        """Name and probability of each class of years between those of `years`, and of what comes after the last."""
        reached = [0.0, *(float(p) for p in self.probability.sel({SCENARIO: scenario}).values), 1.0]
        begins = [first_year, *(year + 1 for year in self.years)]
        names = [str(end) if begin == end else f"{begin}–{end}" for begin, end in zip(begins, self.years, strict=False)]
        return list(zip([*names, f"after {self.years[-1]}"], np.diff(reached), strict=True))


def peak_year(cube: Cube) -> PeakYear | None:
    """From kept draws, else from the thresholds that the run file puts on the year of the peak; None without either."""
    return _from_draws(cube) or _from_thresholds(cube)


def _from_thresholds(cube: Cube) -> PeakYear | None:
    """Exact counts: P(peak < 2030.5) is that of a peak in 2030 or before, P(peak > 2030.5) that of a later one."""
    found: dict[int, tuple[xr.DataArray, xr.DataArray]] = {}
    for name, item in (cube.run.get("exceedance") or {}).items():
        if item["output"] != PEAK or not cube.has(name, name + MCSE):
            continue
        probability, error = cube.summary[name], cube.summary[name + MCSE]
        if item.get("below") is not None:
            found[math.ceil(item["below"]) - 1] = (probability, error)
        else:
            found[math.floor(item["above"])] = (1 - probability, error)
    if not found:
        return None
    years = sorted(found)
    both = [xr.concat([found[year][part] for year in years], "year", coords="minimal") for part in (0, 1)]
    return PeakYear(years, *(item.transpose(SCENARIO, "year") for item in both))


def _from_draws(cube: Cube) -> PeakYear | None:
    """Shares of the kept draws, errors from the independent scramblings: draw i belongs to number i modulo R."""
    if PEAK not in cube.draws:
        return None
    kept = cube.draws.isel(draw=np.flatnonzero(cube.draws["valid"].values == 1))
    years = [int(year) for year in cube.years]
    reached = (kept[PEAK] <= xr.DataArray(years, dims="year")).astype(np.float64)
    groups = int(cube.summary.attrs["scramblings"])
    each = reached.groupby(xr.DataArray(kept["draw"].values % groups, dims="draw", name="scrambling")).mean()
    error = each.std("scrambling", ddof=1) / math.sqrt(groups)
    return PeakYear(years, reached.mean("draw").transpose(SCENARIO, "year"), error.transpose(SCENARIO, "year"))
