"""A state in numbers: every statistic with its Monte Carlo standard error, and what to say about the run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from mc.designs import design_of
from mc.settings import Settings
from mc.state import EnsembleState, FailedDraws, Failures
from mc.statistics.contract import Numbers
from mc.statistics.plan import Series, plan_series
from mc.study import Study

MOST_OUTSIDE = 0.005
"""Share of draws in the open outer bins above which the quantiles of a series are called uncertain."""


@dataclass(frozen=True)
class SeriesSummary:
    """One output or paired difference: `value`, `mcse` and `diagnostic` by name, arrays over `dims`, unit `unit`.

    `exact`: its quantiles are order statistics (`mc.exact`), not read from bins.

    Names: `mean`, `sd`, `quantile` (probability, ...), `exceedance/NAME`, `first` and `total` (driver, ...), shares of
    the variance, all three dimensionless; `at_mean` is f(E[X]).
    """

    name: str
    output: str
    kind: str
    unit: str
    long_name: str
    dims: tuple[str, ...]
    value: dict[str, Numbers]
    mcse: dict[str, Numbers]
    diagnostic: dict[str, Numbers]
    at_mean: Numbers
    exact: bool = False

    @property
    def is_difference(self) -> bool:
        """Whether this is the paired difference of the scenarios to the reference."""
        return self.name != self.output


@dataclass(frozen=True)
class Summary:
    """Results of a run over `done` draws, `valid` of them without failure; `warnings` in plain sentences."""

    study: str
    series: dict[str, SeriesSummary]
    probabilities: tuple[float, ...]
    draws: int
    done: int
    valid: int
    scramblings: int
    pilot_draws: int
    failures: Failures
    warnings: tuple[str, ...]

    @property
    def degrees_of_freedom(self) -> int:
        """Of every mcse: scramblings - 1."""
        return self.scramblings - 1

    def interval_factor(self, level: float = 0.95) -> float:
        """Factor on an mcse for a two-sided interval of this level (Student t, `degrees_of_freedom`)."""
        return float(stdtrit(self.degrees_of_freedom, 0.5 + level / 2))


def finish(study: Study, settings: Settings, state: EnsembleState) -> Summary:
    """Numbers of a state, which may be incomplete; FailedDraws when too many of its draws failed."""
    if state.failures.number > settings.allowed:
        raise FailedDraws(state.failures, state.done, settings.allowed)
    series = {item.name: _finish_series(item, state) for item in plan_series(study, settings)}
    return Summary(
        study=study.name,
        series=series,
        probabilities=settings.probabilities,
        draws=state.draws,
        done=state.done,
        valid=int(state.count.sum()),
        scramblings=settings.scramblings,
        pilot_draws=state.pilot.draws,
        failures=state.failures,
        warnings=tuple(_warnings(state, series)),
    )


def with_exact(summary: Summary, state: EnsembleState, quantiles: Mapping[str, Numbers]) -> Summary:
    """A summary with the exact quantiles of some series, whose errors no longer hold what bins add."""
    series = dict(summary.series)
    for name, exact in quantiles.items():
        item = series[name]
        sampled = np.sqrt(np.maximum(item.mcse["quantile"] ** 2 - item.diagnostic["resolution"] ** 2, 0.0))
        kept = {key: array for key, array in item.diagnostic.items() if key not in ("outside", "resolution")}
        series[name] = replace(
            item,
            value=item.value | {"quantile": exact},
            mcse=item.mcse | {"quantile": sampled},
            diagnostic=kept,
            exact=True,
        )
    return replace(summary, series=series, warnings=tuple(_warnings(state, series)))


def _finish_series(series: Series, state: EnsembleState) -> SeriesSummary:
    value: dict[str, Numbers] = {}
    mcse: dict[str, Numbers] = {}
    diagnostic: dict[str, Numbers] = {}
    for statistic in series.statistics:
        estimates = statistic.finish(
            state.statistics[series.name][statistic.key],
            state.pilot.constants[series.name][statistic.key],
            state.count,
        )
        for found, arrays in zip(
            (value, mcse, diagnostic), (estimates.value, estimates.mcse, estimates.diagnostic), strict=True
        ):
            found |= {name: array.reshape((*array.shape[:-1], *series.shape)) for name, array in arrays.items()}
    return SeriesSummary(
        name=series.name,
        output=series.output,
        kind=series.kind,
        unit=series.unit,
        long_name=series.long_name,
        dims=series.dims,
        value=value,
        mcse=mcse,
        diagnostic=diagnostic,
        at_mean=state.pilot.at_mean[series.name],
    )


def _warnings(state: EnsembleState, series: dict[str, SeriesSummary]) -> list[str]:
    found = []
    if not state.complete:
        found.append(f"{state.done} of {state.draws} draws were run")
    if state.failures.number:
        found.append(f"{state.failures.number} of {state.done} draws failed and are left out of every statistic")
    for name, item in series.items():
        found += _lost_designs(name, item, state)
        outside = item.diagnostic.get("outside")
        if outside is not None and (far := int((outside > MOST_OUTSIDE).sum())):
            found.append(
                f"{name}: {far} of {outside.size} elements have up to {np.max(outside):.1%} of their draws far beyond "
                "the pilot; their outer quantiles are uncertain"
            )
        sums = [array for key, array in item.diagnostic.items() if key.startswith("inexact")]
        if (inexact := int(np.any(sums, axis=0).sum())) > 0:
            found.append(
                f"{name}: the sums of {inexact} elements are too large to be exact in any order; they are right to "
                "rounding, but other blocks or devices may change their last digits"
            )
    return found


def _lost_designs(name: str, item: SeriesSummary, state: EnsembleState) -> list[str]:
    """On how many designs shares of the variance rest, where some have failed draws."""
    if "designs" not in item.diagnostic:
        return []
    whole, asked = int(item.diagnostic["designs"].flat[0]), state.done // design_of(len(item.value["first"]))
    return [f"{name}: shares of the variance rest on {whole} of {asked} designs"] if whole < asked else []
