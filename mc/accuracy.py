"""Accuracy on demand: draw until the Monte Carlo error of named numbers is small enough, or the draws run out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mc.axes import YEAR
from mc.cube.names import MEAN, SD, percentile_label
from mc.cube.units import people_unit
from mc.designs import rounded_up
from mc.errors import InputError
from mc.runfile.load import suggestion
from mc.settings import Settings
from mc.state import EnsembleState
from mc.statistics.contract import Numbers
from mc.statistics.plan import Series, plan_series
from mc.study import Study
from mc.summary import SeriesSummary, Summary, finish

SHAPE = "AMOUNT UNIT on STATISTIC and STATISTIC of OUTPUT in YEAR"
EXAMPLE = "1 % on p50 and p95 of co2_total in 2050"

_GOAL = re.compile(r"(?P<amount>\S+) (?P<unit>.+?) on (?P<statistics>.+?) of (?P<series>\S+)(?: in (?P<year>\S+))?")

LEVEL = 0.95
"""Confidence of the interval whose half width a goal limits."""

FIRST_POINTS = 32
"""Points of each scrambling before an error is looked at for the first time; never fewer draws than the pilot's."""


@dataclass(frozen=True)
class Goal:
    """What half the 95 % interval of the Monte Carlo error may be, in every scenario and place of an output.

    Attributes:
        text: as it was written.
        amount: the half width, in the unit of the output, or per cent of each value.
        relative: whether it is per cent.
        statistics: mean, sd or percentiles such as p95.
        series: output, or difference/output.
        year: one year; None for all.
    """

    text: str
    amount: float
    relative: bool
    statistics: tuple[str, ...]
    series: str
    year: int | None = None


@dataclass(frozen=True)
class Reached:
    """How far a goal is: `share` is the largest half width over what is allowed; met at 1 or less, NaN never."""

    goal: Goal
    share: float

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.share <= 1.0

    def __str__(self) -> str:
        """In words, for a log and a cube."""
        if self.met:
            return f"{self.goal.text}: reached, {self.share:.0%} of what is allowed"
        return f"{self.goal.text}: not reached, {self.share:.3g} times what is allowed"


def parse_goal(text: str, study: Study, settings: Settings) -> Goal:
    """A goal from its words; InputError says which part is wrong and what there is."""
    found = _GOAL.fullmatch(" ".join(text.split()))
    if found is None:
        raise InputError(f"until = {text!r}: write {SHAPE}, such as {EXAMPLE!r}")
    known = {item.name: item for item in plan_series(study, settings)}
    name = found["series"]
    if name not in known:
        raise InputError(f"until = {text!r}: no output {name!r}{suggestion(name, known)}")
    statistics = tuple(re.split(r",\s*| and ", found["statistics"]))
    _check_statistics(text, statistics, known[name], settings)
    year = _year(text, found["year"], known[name], study)
    unit, own = found["unit"], known[name].unit
    if unit not in ("%", own, people_unit(own)):
        raise InputError(f"until = {text!r}: {name} is in {people_unit(own)}; write that, or % of the value")
    return Goal(text, _amount(text, found["amount"]), unit == "%" != own, statistics, name, year)


def measure(goal: Goal, summary: Summary, study: Study) -> Reached:
    """How far a goal is in the numbers so far. A value known exactly is reached, whatever it is."""
    item, factor = summary.series[goal.series], summary.interval_factor(LEVEL)
    worst = 0.0
    for statistic in goal.statistics:
        value, error = (_at(goal, item, numbers, statistic, summary, study) for numbers in (item.value, item.mcse))
        allowed = np.abs(value) * goal.amount / 100.0 if goal.relative else np.full(value.shape, goal.amount)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(error == 0.0, 0.0, factor * error / allowed)
        worst = max(worst, float(share.max()), key=lambda number: (math.isnan(number), number))
    return Reached(goal, worst)


def stages(settings: Settings) -> Iterator[int]:
    """Numbers of draws at which errors are looked at: whole doublings of every scrambling, up to `settings.draws`."""
    draws = rounded_up(FIRST_POINTS * settings.scramblings, settings.step)
    while draws < settings.pilot:
        draws *= 2
    while draws < settings.draws:
        yield draws
        draws *= 2
    yield settings.draws


def draw_until(
    study: Study,
    settings: Settings,
    goals: Sequence[Goal],
    draw: Callable[[int, EnsembleState | None], EnsembleState],
    say: Callable[[int, Sequence[Reached]], None],
    state: EnsembleState | None = None,
) -> tuple[EnsembleState, tuple[Reached, ...]]:
    """The first state, in doublings of the draws, that reaches all goals, or that of all draws; and how far each is.

    `draw(n, state)` adds the draws up to n to a state; `say` hears of every stage. A state that was stopped on the way
    comes back as it is. Errors are estimates themselves (16 scramblings know them to 18 %): a run may stop a doubling
    early or late.
    """
    reached: tuple[Reached, ...] = ()
    for number in stages(settings):
        if state is not None and state.done >= number and number < settings.draws:
            continue
        state = draw(number, state)
        if state.done < number:
            break
        summary = finish(study, settings, state)
        reached = tuple(measure(goal, summary, study) for goal in goals)
        say(number, reached)
        if all(one.met for one in reached):
            return replace(state, draws=number), reached
    assert state is not None
    return state, reached


def _check_statistics(text: str, statistics: tuple[str, ...], series: Series, settings: Settings) -> None:
    has_quantiles = any(item.key == "quantiles" for item in series.statistics)
    known = (MEAN, SD, *(percentile_label(p) for p in settings.probabilities if has_quantiles))
    for name in statistics:
        if name not in known:
            raise InputError(f"until = {text!r}: {series.name} has no {name!r}; it has {', '.join(known)}")


def _year(text: str, year: str | None, series: Series, study: Study) -> int | None:
    if year is None:
        return None
    labels = [str(label) for label in study.coords[YEAR]] if YEAR in series.dims else []
    if not labels:
        raise InputError(f"until = {text!r}: {series.name} has no years; leave out 'in {year}'")
    if year not in labels:
        raise InputError(f"until = {text!r}: year {year} is not in {labels[0]} to {labels[-1]}")
    return int(year)


def _amount(text: str, amount: str) -> float:
    try:
        found = float(amount)
    except ValueError:
        found = math.nan
    if not (math.isfinite(found) and found > 0.0):
        raise InputError(f"until = {text!r}: {amount!r} must be a number above 0")
    return found


def _at(
    goal: Goal, item: SeriesSummary, numbers: dict[str, Numbers], statistic: str, summary: Summary, study: Study
) -> Numbers:
    """One statistic of the series in the year of the goal."""
    if statistic in (MEAN, SD):
        values = numbers[statistic]
    else:
        values = numbers["quantile"][[percentile_label(p) for p in summary.probabilities].index(statistic)]
    if goal.year is None:
        return np.asarray(values)
    return np.asarray(np.take(values, study.coords[YEAR].index(goal.year), axis=item.dims.index(YEAR)))
