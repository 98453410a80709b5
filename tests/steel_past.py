"""The past of steel from the real tables, whole or reduced to a few inputs and groups of observations."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from mc.draws import plan_draws
from mc.past import Past, past_of
from mc.posterior.density import Target, make_target
from mc.posterior.likelihood import make_likelihood
from mc.runfile import load_run
from mc.study import Input, Prior

ROOT = Path(__file__).parents[1]
FREE = (
    "demand.history_bias",
    "demand.casting_rolling_yield",
    "stock.lifetime_common_factor",
    "scrap.home_recovery",
    "scrap.prompt_recovery",
    "scrap.to_foundries",
    "iron.yield_converter",
    "iron.pig_iron_to_foundries",
    "iron.eaf_share_national",
    "routes.hot_metal_co2",
    "routes.energy_boundary",
    "history.induction_share",
    "history.efficiency_rate",
)
GROUPS = ("pig_iron", "stock_bottom_up", "key_enterprises", "co2_inventory")
"""Of the reduced past: 13 inputs and 5 parameters of errors, of every kind of row."""


@functools.cache
def past() -> Past:
    """All of it."""
    return past_of(load_run(ROOT / "runs" / "smoke.toml"))


def _fixed(item: Input, means: np.ndarray) -> Input:
    priors = tuple(Prior("fixed", value, value, value) for value in means.ravel().tolist())
    return Input(item.name, priors, item.shape, item.labels)


def reduced_past() -> Past:
    """Only `FREE` inputs are uncertain, only `GROUPS` observed; the likeliest family of lifetimes."""
    whole = past()
    means = plan_draws(whole.study.inputs, whole.study.correlations).mean_draw(np.float64)
    inputs = tuple(item if item.name in FREE else _fixed(item, means[item.name]) for item in whole.study.inputs)
    pairs = tuple(pair for pair in whole.study.correlations if {pair.first, pair.second} <= set(FREE))
    rows = tuple(row for row in whole.rows if row.group in GROUPS)
    study = dataclasses.replace(whole.study, inputs=inputs, correlations=pairs)
    return dataclasses.replace(whole, study=study, rows=rows)


def target_of(seen: Past) -> Target:
    """The posterior of a past."""
    return make_target(seen.study, make_likelihood(seen.study, seen.rows, seen.errors))
