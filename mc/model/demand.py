"""Demand for steel: goods entering use, finished steel behind them, crude steel, output by province.

Chain of quantities: inflow = steel entering use in goods; finished steel behind it = inflow / fabrication yield;
fabricated in the country = that + indirect net exports; crude steel = fabricated / casting-and-rolling yield + direct
net exports.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike

from mc.inputs.steel import Demand
from mc.model import stock
from mc.model.paths import fade, in_precision, ramp, ratio, settled, shares, total

DIRECT_EXPORT_YEAR = 2030.0
"""Year of the quantity `direct_net_export_2030`."""
INDIRECT_EXPORT_YEAR = 2060.0
"""Year of the quantity `indirect_left_2060`."""


HISTORY_CONSTANTS = (
    "apparent_use_history",
    "net_import_first_year",
    "net_import_last_year",
    "history_bias_last_year",
    "use_share_change_year",
)
"""Quantities that must be fixed because the constant matrices of history are built from them."""


def late_weight(known: Mapping[str, np.ndarray], history: np.ndarray) -> np.ndarray:
    """How far provincial shares of use had moved from those of early cohorts to those of the base year [history]."""
    years, change = np.asarray(history), known["use_share_change_year"]
    return np.asarray(np.clip((years - change) / (years[-1] - change), 0.0, 1.0))


def history_series(known: Mapping[str, np.ndarray], history: np.ndarray) -> np.ndarray:
    """Fixed yearly series behind the history of use, crude equivalent Mt [component, history].

    Three periods by how use is known - (a) reported while small mills went unreported, (b) the same with output only,
    so that net imports are to be added, (c) reported in full - each twice: weighted by how far provincial shares
    still stood at those of early cohorts, and by how far they had moved to those of the base year.
    """
    years, moved = np.asarray(history), late_weight(known, history)
    output_only = (years >= known["net_import_first_year"]) & (years <= known["net_import_last_year"])
    biased = years <= known["history_bias_last_year"]
    periods = np.stack([biased & ~output_only, biased & output_only, ~biased]).astype(np.float64)
    series = periods * np.asarray(known["apparent_use_history"])[None, :]
    return np.concatenate([series * (1.0 - moved)[None, :], series * moved[None, :]])


def history_coefficients(demand: Demand) -> Array:
    """True finished use over the reported crude-equivalent use, by period [period]."""
    bias = demand.history_bias
    periods = jnp.stack([bias, bias / (1.0 - demand.net_import_share), jnp.ones_like(bias)])
    return periods * demand.casting_rolling_yield


def use_shares(demand: Demand) -> Array:
    """Share of each province in steel use of the base year [province]; a noisy proxy, so its log deviates per draw."""
    return shares(demand.use_share_2020 * jnp.exp(demand.use_share_sd * demand.use_share_noise))


def goods_per_use(demand: Demand) -> Array:
    """Inflow in goods per finished steel used, base year's trade in goods held as a share of use [end_use]."""
    use = demand.apparent_use_history[-1] * demand.casting_rolling_yield
    exported = demand.indirect_net_export_2020 * demand.indirect_split / use
    return demand.fabrication_yield * jnp.maximum(demand.share_of_use - exported, 0.0)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Past:
    """What cohorts up to the base year leave, Mt.

    Attributes:
        stock: still in use `stock.LEAD` years before the base year, and in it [end_use, 2, province].
        retired: retired in each model year [end_use, year, province].
        inflow: entering use in the base year [end_use, province].
        share: share of provinces in use of the base year [province].
    """

    stock: Array
    retired: Array
    inflow: Array
    share: Array


def national_past(demand: Demand, kernel: Array, basis: Array) -> Array:
    """What history leaves of an age kernel, Mt [end_use, weight, year]; weights split a year between provinces."""
    coefficients = history_coefficients(demand)
    found = stock.from_history(kernel, basis).reshape(kernel.shape[0], 2, coefficients.shape[0], -1)
    return total(found * coefficients[None, None, :, None], 2) * goods_per_use(demand)[:, None, None]


def past(demand: Demand, kernel: Array, retiring: Array, basis: Array) -> Past:
    """Stock and retirement of history by province and end use; provincial shares move from early to late ones."""
    share = use_shares(demand)

    def split(national: Array) -> Array:
        early, late = national[:, 0, :, None], national[:, 1, :, None]
        return early * demand.stock_share_2000[None, None, :] + late * share[None, None, :]

    in_use = split(national_past(demand, kernel, basis[..., :2]))
    retired = split(national_past(demand, retiring, basis[..., 1:]))
    use = demand.apparent_use_history[-1] * history_coefficients(demand)[-1]
    return Past(in_use, retired, (goods_per_use(demand) * use)[:, None] * share[None, :], share)


def stock_target(demand: Demand, history: Past, people: Array, earned: Array, time: Array) -> Array:
    """Stock in use aimed at, Mt [end_use, year, province]: a logistic in log income that keeps 2020's level and slope.

    K*(y) = Ksat / (1 + x (y_2020 / y)^s), x = Ksat / K_2020 - 1; Ksat per head is a ratio to the nation's own stock per
    head in the draw. The level and slope of the base year are met by an offset that fades:
    k = K* + [d0 + (v0 - v*0 + w d0) t] exp(-w t). A province at or above near_saturation x Ksat starts its curve there
    and sheds the rest with the offset.
    """
    per_head = history.stock / people[None, :1]
    then, now = per_head[:, 0], per_head[:, 1]
    national = history.stock[:, 1].sum(axis=1) / people[0].sum()
    saturated = (demand.saturation_ratio * national)[:, None]
    start = jnp.clip(now, 1e-3 * saturated, demand.near_saturation * saturated)
    gap = saturated / start - 1.0
    relative = jnp.exp(-demand.logistic_steepness * jnp.log(earned / earned[:1]))
    curve = saturated[:, None] / (1.0 + gap[:, None] * relative[None])
    rise = (curve[:, 1] - curve[:, 0]) / (time[1] - time[0])
    offset = now - start
    slope = (now - then) / stock.LEAD - rise + demand.offset_rate * offset
    fading = jnp.exp(-demand.offset_rate * time)[None, :, None]
    wanted = curve + (offset[:, None] + slope[:, None] * time[None, :, None]) * fading
    return jnp.maximum(wanted, 0.0) * people[None]


def inflow_by_income(demand: Demand, history: Past, people: Array, earned: Array, time: Array) -> Array:
    """Inflow when use per head follows income, Mt [end_use, year, province].

    Use per head = A exp(-B / income) (1 - m)^t, tied to the base year. exp(-B / income) only rises, so the yearly
    material saving m carries all saturation (van Vuuren et al. 1999, Ecol. Econ. for the inverted U it stands for).
    """
    growth = jnp.exp(demand.intensity_income * (1.0 / earned[:1] - 1.0 / earned))
    saving = (1.0 - demand.material_saving) ** time
    factor = growth * saving[:, None] * people / people[:1]
    return history.inflow[:, None] * factor[None]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Use:
    """Steel in use in the model years, Mt or Mt/year.

    Attributes:
        inflow: what enters use [end_use, year, province].
        retired: what leaves it, same shape.
        shortfall: how far the floor of inflow at zero leaves all stocks above their targets [year].
        first: stock of the base year [end_use, province].
    """

    inflow: Array
    retired: Array
    shortfall: Array
    first: Array

    def stock_by_end_use(self) -> Array:
        """Steel in use, Mt [end_use, year]."""
        return stock_since(self.first.sum(axis=1), (self.inflow - self.retired).sum(axis=2).T).T

    def stock_by_province(self) -> Array:
        """Steel in use, Mt [year, province]."""
        return stock_since(self.first.sum(axis=0), total(self.inflow - self.retired))


def stock_since(first: Array, added: Array) -> Array:
    """Stock from that of the base year and what each year adds [year, ...], the base year's left out."""
    return jnp.cumsum(jnp.concatenate([first[None], added[1:]]), axis=0)


def steel_in_use(
    demand: Demand,
    driver: Array,
    history: Past,
    curves: tuple[Array, Array],
    macro: tuple[Array, ...],
    dtype: DTypeLike,
) -> Use:
    """Inflow by the driver of the draw (0 stock, 1 income), and the retirement that follows from it.

    Args:
        demand: inputs.
        driver: structural choice.
        history: what the past leaves.
        curves: share left and share retired by age.
        macro: people [year, province], income [year, province], years since the base year [year].
        dtype: precision of the recursion over years; what it starts from and what follows from it keep theirs.
    """
    # Settled, or every year of the target would be worked out for both of its differences.
    rise = jnp.diff(settled(stock_target(demand, history, *macro)), axis=1)
    by_income = inflow_by_income(demand, history, *macro)
    paths = in_precision((rise, by_income, history.retired, curves), dtype)
    inflow, retired, shortfall = in_precision(stock.turnover(*paths, driver < 0.5), rise.dtype)
    return Use(inflow, retired, shortfall, history.stock[:, 1])


def fabricated(demand: Demand, use: Use, share: Array, years: Array) -> Array:
    """Finished steel fabricated, Mt/year [end_use, year, province]; goods are made in the province that uses steel."""
    left = 1.0 - (1.0 - demand.indirect_left_2060) * ramp(years, years[0], INDIRECT_EXPORT_YEAR)
    exported = demand.indirect_net_export_2020 * demand.indirect_split
    abroad = exported[:, None, None] * left[None, :, None] * share[None, None, :]
    return use.inflow / demand.fabrication_yield[:, None, None] + abroad


def crude_steel(demand: Demand, made: Array, years: Array) -> tuple[Array, Array]:
    """National crude steel output, Mt/year [year], and the tie to base-year output that fades [1]."""
    change = demand.direct_net_export_2030 - demand.direct_net_export_2020
    trade = demand.direct_net_export_2020 + change * ramp(years, years[0], DIRECT_EXPORT_YEAR)
    national = total(made).sum(axis=1) / demand.casting_rolling_yield + trade
    tie = demand.crude_steel_2020.sum() / national[0]
    return national * (1.0 + (tie - 1.0) * fade(years, demand.level_tie_fade)), tie


def relocated(demand: Demand, base: Array, wanted: Array, clean: Array, time: Array) -> Array:
    """Shares of provinces in crude steel before any limit [province, year]: they relax towards demand and clean power.

    Args:
        demand: inputs.
        base: crude steel at time 0 [province]; who makes none then makes none later.
        wanted: weight of demand [province, year].
        clean: weight of clean power [province].
        time: years since the shares of `base` [year].
    """
    makes = (base > 0).astype(base.dtype)
    wanted = wanted * makes[:, None]
    pull = demand.relocation_demand_weight * ratio(wanted, jnp.broadcast_to(wanted.sum(axis=0), wanted.shape))
    pull = pull + (1.0 - demand.relocation_demand_weight) * shares(clean * makes)[:, None]
    moved = demand.relocation_fraction * (1.0 - jnp.exp(-demand.relocation_rate * time))
    start = shares(base)[:, None]
    return start + moved[None, :] * (pull - start)


def output_by_province(demand: Demand, national: Array, made: Array, clean: Array, time: Array) -> tuple[Array, Array]:
    """Crude steel by province, Mt/year [province, year], and how far capacity had to be stretched [year].

    Shares of the base year relax towards demand and clean power. Output above a province's limit goes to the others in
    proportion to their room, which one pass settles because limits are stretched to hold national output.

    Args:
        demand: inputs.
        national: crude steel [year].
        made: finished steel fabricated [end_use, year, province].
        clean: weight of clean power [province].
        time: years since the base year [year].
    """
    base = demand.crude_steel_2020
    planned = relocated(demand, base, total(made).T, clean, time) * national[None, :]
    regulated = jnp.maximum(1.0, ratio(base, demand.capacity_2020))
    limit = jnp.maximum(demand.utilisation_max * demand.capacity_2020 * regulated, demand.output_margin * base)
    stretch = jnp.maximum(1.0, national / (demand.capacity_fill * limit.sum()))
    ceiling = limit[:, None] * stretch[None, :]
    kept = jnp.minimum(planned, ceiling)
    room = ceiling - kept
    excess = (planned - kept).sum(axis=0)
    return kept + room * ratio(excess, room.sum(axis=0))[None, :], stretch
