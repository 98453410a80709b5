"""Draw until it is accurate enough: goals in words, stages, and whether the promise holds."""

import dataclasses

import numpy as np
import pytest
from toy_world import toy_study

from mc.accuracy import Reached, draw_until, measure, parse_goal, stages
from mc.ensemble import Settings, run_ensemble
from mc.errors import InputError
from mc.state import EnsembleState
from mc.summary import finish

STUDY = toy_study(("low", "high"))
SETTINGS = Settings(draws=2**14, block=128, pilot=256, sampler="plain", differences=("co2",), reference="low")
MEAN_2040 = 6.0 * (15.0 + 0.5 * 2.0)
"""Of co2 in the scenario low: both inputs are uniform around 15 and 0.5."""


def test_a_goal_in_words() -> None:
    goal = parse_goal("1 %  on p50, p95 and mean of co2 in 2040", STUDY, SETTINGS)
    assert (goal.amount, goal.relative, goal.year) == (1.0, True, 2040)
    assert goal.statistics == ("p50", "p95", "mean")
    absolute = parse_goal("0.5 MtCO2/year on mean of difference/co2", STUDY, SETTINGS)
    assert (absolute.amount, absolute.relative, absolute.year, absolute.series) == (0.5, False, None, "difference/co2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("very accurate", "write AMOUNT UNIT on STATISTIC"),
        ("1 % on p50 of co3", "no output 'co3'; did you mean 'co2'"),
        ("1 % on p51 of co2", "co2 has no 'p51'; it has mean, sd, p05"),
        ("1 % on p50 of co2 in 2031", "year 2031 is not in 2020 to 2040"),
        ("1 % on p50 of peak_year in 2040", "peak_year has no years"),
        ("1 Gt on p50 of co2", "co2 is in MtCO2/year"),
        ("0 % on mean of co2", "'0' must be a number above 0"),
        ("nan % on mean of co2", "'nan' must be a number above 0"),
        ("one % on mean of co2", "'one' must be a number above 0"),
    ],
)
def test_a_goal_that_makes_no_sense_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_goal(text, STUDY, SETTINGS)


def test_outputs_without_quantiles_have_none_to_be_accurate() -> None:
    with pytest.raises(InputError, match=r"co2_by_province has no 'p50'; it has mean, sd$"):
        parse_goal("1 % on p50 of co2_by_province", STUDY, dataclasses.replace(SETTINGS, quantiles=("co2",)))


def test_stages_double_every_scrambling_and_end_at_the_cap() -> None:
    assert list(stages(dataclasses.replace(SETTINGS, draws=5000))) == [512, 1024, 2048, 4096, 5000]
    assert list(stages(dataclasses.replace(SETTINGS, draws=100))) == [100]


def run_until(text: str, settings: Settings) -> tuple[EnsembleState, tuple[Reached, ...], list[int]]:
    heard: list[int] = []

    def draw(number: int, state: EnsembleState | None) -> EnsembleState:
        return run_ensemble(STUDY, settings, draws=(0, number), state=state)

    goals = [parse_goal(text, STUDY, settings)]
    state, reached = draw_until(STUDY, settings, goals, draw, lambda number, _: heard.append(number))
    return state, reached, heard


def test_stops_at_the_first_stage_that_is_accurate_enough_with_the_numbers_of_a_run_of_that_length() -> None:
    state, reached, heard = run_until("1 % on mean of co2 in 2040", SETTINGS)
    assert heard[-1] == state.done == state.draws < SETTINGS.draws
    assert reached[0].met
    shorter = dataclasses.replace(SETTINGS, draws=heard[-1])
    whole = run_ensemble(STUDY, shorter)
    for series, statistics in whole.statistics.items():
        for key, arrays in statistics.items():
            for name, array in arrays.items():
                np.testing.assert_array_equal(state.statistics[series][key][name], array)
    assert finish(STUDY, shorter, state).warnings == ()
    before = run_ensemble(STUDY, dataclasses.replace(SETTINGS, draws=heard[-2])) if len(heard) > 1 else None
    if before is not None:
        assert not measure(reached[0].goal, finish(STUDY, shorter, before), STUDY).met


def test_a_goal_out_of_reach_ends_at_the_cap_and_says_how_far_it_is() -> None:
    state, reached, heard = run_until("0.0001 % on mean of co2", dataclasses.replace(SETTINGS, draws=2000))
    assert (heard[-1], state.done) == (2000, 2000)
    assert not reached[0].met
    assert "not reached" in str(reached[0])


def test_what_does_not_vary_is_reached_at_once() -> None:
    _, reached, heard = run_until("1 % on mean of residual", SETTINGS)
    assert heard == [512]
    assert reached[0].share == 0.0


def test_the_promise_holds_in_nineteen_of_twenty_runs() -> None:
    """The mean is 96; stopping on an estimated error costs a little of the 95 %."""
    tolerance = 0.4
    misses = 0
    for seed in range(100):
        settings = dataclasses.replace(SETTINGS, seed=seed, differences=(), quantiles=(), pilot=128, block=512)
        state, _, _ = run_until(f"{tolerance} MtCO2/year on mean of co2 in 2040", settings)
        found = finish(STUDY, settings, state).series["co2"].value["mean"][0, 2]
        misses += abs(found - MEAN_2040) > tolerance
    assert misses <= 12
