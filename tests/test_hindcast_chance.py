"""What chance makes of a hindcast: coverage by a forecast's own draws, differences of scores and their errors."""

import numpy as np
import pytest
from scipy import stats

from mc.posterior.coverage import NARROW, coverage_of, inside, on_edge
from mc.posterior.hindcast import trend_forecast
from mc.posterior.paired import mean_difference

YEARS = np.arange(2011.0, 2021.0)


def autoregression(random, persistence, shape):
    """Stationary, of unit variance [draw, year]."""
    found = random.standard_normal(shape)
    for at in range(1, shape[1]):
        found[:, at] = persistence * found[:, at - 1] + np.sqrt(1 - persistence**2) * found[:, at]
    return found


def scored(draws, truth):
    """Of series [draw, year] and what was reported of each [year]."""
    pairs = zip(draws, truth, strict=True)
    return coverage_of({f"s{k}": inside(mine, one) for k, (mine, one) in enumerate(pairs)})


def test_chances_of_a_forecast_that_is_right_are_those_of_its_truths():
    """P(chance <= c) = c at every chance c that can be: uniform but for ties."""
    random = np.random.default_rng(1)
    draws, truths = (autoregression(random, 0.8, (count, 10)) for count in (1000, 800))
    found = np.array([float(scored([draws], [one])["coverage_chance"][0]) for one in truths])
    assert len(np.unique(found)) > 5
    for level in np.unique(found):
        error = np.sqrt(level * (1 - level) * (1 / 800 + 1 / 1000))
        assert (found <= level).mean() == pytest.approx(level, abs=4 * error + 1 / 1000)


def test_years_drawn_by_themselves_would_call_a_right_forecast_too_sure():
    random = np.random.default_rng(2)
    draws, truths = (autoregression(random, 0.9, (count, 10)) for count in (2000, 400))
    apart = np.stack([random.permutation(column) for column in draws.T], axis=1)
    wrong, right = (
        np.mean([float(scored([said], [one])["pooled_chance"]) < 0.05 for one in truths]) for said in (apart, draws)
    )
    assert wrong > 0.12
    assert right < 0.08


def test_a_forecast_that_is_too_narrow_is_over_confident_and_its_power_is_how_often():
    random = np.random.default_rng(3)
    draws = [autoregression(random, 0.5, (1500, 10)) for _ in range(3)]
    truths = [[one[0] for one in (autoregression(random, 0.5, (1, 10)) for _ in range(3))] for _ in range(300)]
    right, narrow = ([scored(draws, [times * one for one in truth]) for truth in truths] for times in (1.0, NARROW))
    assert np.mean([float(one["over_confident"]) for one in right]) < 0.1  # one of two chances is under 0.05
    share, power = np.mean([float(one["over_confident"]) for one in narrow]), float(narrow[0]["power"])
    assert 0.2 < power < 0.8
    assert share == pytest.approx(power, abs=4 * np.sqrt(power * (1 - power) / 300))
    assert float(narrow[0]["power"]) == float(right[0]["power"])
    far = scored(draws[:1], [np.full(10, 5.0)])
    assert float(far["over_confident"]) == 1
    assert float(far["lowest_chance"]) < 0.01


def test_all_numbers_inside_are_no_wonder_and_short_series_are_not_judged():
    draws = autoregression(np.random.default_rng(4), 0.5, (1000, 3))
    found = coverage_of({"short": inside(draws, np.zeros(3))})
    assert float(found["coverage_chance"][0]) == 1
    assert float(found["pooled_chance"]) == 1
    assert np.isnan(found["lowest_chance"])
    assert float(found["over_confident"]) == 0
    low, high = found["pooled_expected"].values
    assert 0 <= low < high == 1


def test_a_number_is_on_the_edge_where_its_rank_is_within_its_error():
    draws = np.arange(1000.0)[:, None] + np.zeros(4)
    assert on_edge(draws, np.array([500.0, 55.0, 945.0, 980.0])).tolist() == [False, True, True, False]


@pytest.mark.parametrize(("persistence", "least", "often"), [(0.0, 0.88, 0.92), (0.5, 0.83, 0.9), (0.8, 0.7, 0.8)])
def test_the_interval_of_a_mean_of_years_that_hang_together_holds_it(persistence, least, often):
    """Against brute force; as if years were independent it would hold it in 66 and 40 % of cases."""
    truths = autoregression(np.random.default_rng(5), persistence, (4000, 10))
    found = [mean_difference(one, YEARS) for one in truths]
    inside_share = np.mean([one.low < 0 < one.high for one in found])
    assert least < inside_share < often
    if not persistence:
        squared = np.mean([one.se**2 for one in found])
        assert squared == pytest.approx(truths.mean(axis=1).var(), rel=0.1)


def test_the_error_of_long_series_is_that_of_the_long_run():
    truths = autoregression(np.random.default_rng(6), 0.5, (400, 2000))
    squared = np.mean([mean_difference(one, np.arange(2000.0)).se ** 2 for one in truths])
    assert squared == pytest.approx(3.0 / 2000, rel=0.1)  # (1 + 0.5) / (1 - 0.5) over the number of years


def test_verdicts():
    noise = np.random.default_rng(7).standard_normal(10)
    assert mean_difference(np.zeros(10), YEARS).verdict == "level"
    assert mean_difference(noise, YEARS).verdict == "level"
    assert mean_difference(noise - 10, YEARS).verdict == "better"
    assert mean_difference(noise + 10, YEARS).verdict == "worse"
    few = mean_difference(noise[:8], np.repeat([2018.0, 2019.0, 2020.0, 2020.0], 2))
    assert few.verdict == ""
    assert np.isnan(few.low)
    assert few.mean == pytest.approx(noise[:8].mean())


def test_numbers_of_one_year_count_as_one():
    noise = np.random.default_rng(8).standard_normal(10)
    once, thrice = mean_difference(noise, YEARS), mean_difference(np.repeat(noise, 3), np.repeat(YEARS, 3))
    assert thrice.se == pytest.approx(once.se)
    shuffled = np.random.default_rng(9).permutation(10)
    assert mean_difference(noise[shuffled], YEARS[shuffled]).se == pytest.approx(once.se)


def test_a_trend_foretells_years_under_one_line():
    random = np.random.default_rng(10)
    past = np.arange(2000.0, 2008.0)
    values = 3.0 + 0.5 * (past - 2000) + np.tile([0.2, -0.2], 4)
    ahead = np.array([2012.0, 2030.0])
    draws = np.concatenate([trend_forecast(past, values, ahead, False, random) for _ in range(10)])
    fit = stats.linregress(past, values)
    left = values - fit.intercept - fit.slope * past
    lever = 1 / 8 + (ahead - past.mean()) ** 2 / ((past - past.mean()) ** 2).sum()
    scale = np.sqrt((left**2).sum() / 6 * (1 + lever))
    for at in range(2):
        law = stats.t(6, fit.intercept + fit.slope * ahead[at], scale[at])
        assert np.quantile(draws[:, at], [0.05, 0.5, 0.95]) == pytest.approx(law.ppf([0.05, 0.5, 0.95]), abs=0.05)
    cross = 1 / 8 + np.prod(ahead - past.mean()) / ((past - past.mean()) ** 2).sum()
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(cross / np.sqrt(np.prod(1 + lever)), abs=0.03)
