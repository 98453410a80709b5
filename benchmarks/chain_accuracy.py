"""What does the same accuracy cost on the whole chain? Ours, three policies, CO2 of the market policy.

A run's own standard errors (16 scramblings) say of how many draws the mean is good to 0.1 % and the 95 % point to
0.5 %; N is extrapolated as 1 / sqrt(N), which flatters no Sobol' run. Statistics included, compilation apart.
"""

import dataclasses
import math
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import report, three_policies
from peers.accuracy import MEAN, P95

from mc.devices import prepare
from mc.ensemble import run_ensemble
from mc.pose import pilot_of
from mc.settings import Settings
from mc.summary import finish

YEARS = (2030, 2040, 2050, 2060)
OUTPUTS = ("co2_direct_power", "co2_cumulative")
BLOCK = 64


def worst(series: dict[str, Any], pick: Callable[[dict[str, Any]], np.ndarray], years: list[int]) -> float:
    """Largest relative standard error of the judged numbers."""
    yearly, whole = (series[name] for name in OUTPUTS)
    off = pick(yearly.mcse)[years] / pick(yearly.value)[years]
    return float(max(off.max(), pick(whole.mcse)[-1] / pick(whole.value)[-1]))


def main(draws: int) -> None:
    """Print a line a sampler."""
    prepare()
    study = three_policies()
    place = study.coords["scenario"].index("market")
    first = study.coords["year"][0]
    years = [year - first for year in YEARS]
    base = Settings(draws=draws, quantiles=OUTPUTS, probabilities=(0.95,), pilot=pilot_of(draws, BLOCK))
    for sampler in ("sobol", "plain"):
        settings = dataclasses.replace(base, sampler=sampler)
        start = run_ensemble(study, settings, draws=(0, 0))
        begin = time.process_time(), time.perf_counter()
        series = finish(study, settings, run_ensemble(study, settings, state=start)).series
        spent = time.process_time() - begin[0], time.perf_counter() - begin[1]
        errors = {
            "mean": worst(series, lambda found: found["mean"][place], years),
            "p95": worst(series, lambda found: found["quantile"][0][place], years),
        }
        needed = max((errors["mean"] / MEAN) ** 2, (errors["p95"] / P95) ** 2) * draws
        report(
            "time to accuracy, whole chain",
            entrant=f"ferrocast_{sampler}",
            measured_draws=draws,
            mean_error=errors["mean"],
            p95_error=errors["p95"],
            draws=2 ** math.ceil(math.log2(needed)),
            extrapolated="from its standard errors, as 1 / sqrt(N)",
            cpu_ms_per_draw=1e3 * spent[0] / draws,
            wall_ms_per_draw=1e3 * spent[1] / draws,
        )


if __name__ == "__main__":
    main(512 if "--quick" in sys.argv else 2048)
