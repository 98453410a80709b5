"""Income, stocks and demand of a batch of draws."""

from typing import Any

import numpy as np
from reference.batch.paths import line, ramp, ratio, shares
from scipy.special import erfc, gammaln, ndtr


def population(macro: Any, ssp: np.ndarray) -> np.ndarray:
    table = macro.population_ssp[np.arange(len(ssp)), ssp]
    return np.asarray(shares(table, axis=1) * macro.population_national[:, None, :])


def income(macro: Any, ssp: np.ndarray, people: np.ndarray) -> np.ndarray:
    table = macro.gdp_ssp[np.arange(len(ssp)), ssp]
    time = np.linspace(0.0, 1.0, table.shape[2])
    shape = shares(table * np.exp(macro.gdp_province_deviation[:, :, None] * time), axis=1)
    growth = 1.0 + macro.gdp_growth + macro.gdp_noise_sd[:, None] * macro.gdp_noise
    growth[:, 0] = 1.0
    product = table[:, :, 0].sum(axis=1)[:, None] * np.cumprod(growth, axis=1)
    return np.asarray(shape * product[:, None, :] / people)


def survival(stock: Any, family: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """Share left [draw, end use, age]."""
    mean = (stock.lifetime_mean * stock.lifetime_common_factor[:, None])[..., None]
    cv = stock.lifetime_cv[..., None]
    left = np.empty((*mean.shape[:2], len(ages)))
    for option in np.unique(family):
        here = family == option
        m, v = mean[here], cv[here]
        if option == 0:
            shape = v**-1.086
            left[here] = np.exp(-((ages / m * np.exp(gammaln(1.0 + 1.0 / shape))) ** shape))
        elif option == 1:
            variance = np.log1p(v**2)
            left[here] = 0.5 * erfc((np.log(ages / m) + 0.5 * variance) / np.sqrt(2.0 * variance))
        else:
            left[here] = ndtr((1.0 - ages / m) / v) / ndtr(1.0 / v)
    return left


class Use:
    """Steel in use [draw, province, end use, year], from history and the driver of each draw."""

    def __init__(self, inputs: Any, years: np.ndarray, history: np.ndarray) -> None:
        self.inputs, self.years, self.history = inputs, years, history
        demand, ssp = inputs.demand, inputs.structure.ssp.astype(int)
        self.people = population(inputs.macro, ssp)
        self.income = income(inputs.macro, ssp, self.people)
        self.left = survival(inputs.stock, inputs.structure.lifetime_family, np.arange(len(history) + len(years)) + 0.5)
        self.share = shares(demand.use_share_2020 * np.exp(demand.use_share_sd[:, None] * demand.use_share_noise))
        self.past()
        self.future()

    def past(self) -> None:
        """What cohorts up to the base year leave, from the year before it on."""
        demand, history = self.inputs.demand, self.history
        use = demand.apparent_use_history * demand.casting_rolling_yield[:, None]
        only = (history >= demand.net_import_first_year[:, None]) & (history <= demand.net_import_last_year[:, None])
        use = np.where(only, use / (1.0 - demand.net_import_share[:, None]), use)
        use = np.where(history <= demand.history_bias_last_year[:, None], use * demand.history_bias[:, None], use)
        exported = demand.indirect_net_export_2020[:, None] * demand.indirect_split / use[:, -1:]
        goods = demand.fabrication_yield * np.maximum(demand.share_of_use - exported, 0.0)
        moved = ramp(history, demand.use_share_change_year, history[-1])
        split = np.stack([demand.stock_share_2000, self.share], axis=1)
        parts = use[:, None, :] * np.stack([1.0 - moved, moved], axis=1)
        gone = np.concatenate([np.ones_like(self.left[..., :1]), self.left[..., :-1]], axis=-1) - self.left
        size, columns = len(history), len(self.years) + 1
        stock, retired = np.zeros((*goods.shape, 2, columns)), np.zeros((*goods.shape, 2, columns))
        for column in range(columns):
            ages = column - 1 + size - 1 - np.arange(size)
            seen = ages >= 0
            stock[..., column] = self.left[:, :, ages[seen]] @ np.swapaxes(parts[:, :, seen], 1, 2)
            retired[..., column] = gone[:, :, ages[seen]] @ np.swapaxes(parts[:, :, seen], 1, 2)
        self.old = np.einsum("bgwt,bwp->bpgt", stock * goods[..., None, None], split, optimize=True)
        self.old_retired = np.einsum("bgwt,bwp->bpgt", retired * goods[..., None, None], split, optimize=True)
        self.gone = gone
        self.first = self.share[:, :, None] * (goods * use[:, -1:])[:, None, :]

    def target(self) -> np.ndarray:
        demand, people = self.inputs.demand, self.people
        time = np.arange(len(self.years))
        now = self.old[..., 1] / people[:, :, :1]
        added = (self.old[..., 1] - self.old[..., 0]) / people[:, :, :1]
        national = self.old[..., 1].sum(axis=1) / people[:, :, 0].sum(axis=1)[:, None]
        full = (demand.saturation_ratio * national)[:, None, :]
        start = np.clip(now, 1e-3 * full, demand.near_saturation[:, None, None] * full)
        richer = (self.income / self.income[:, :, :1]) ** -demand.logistic_steepness[:, None, None]
        curve = full[..., None] / (1.0 + (full / start - 1.0)[..., None] * richer[:, :, None, :])
        rate = demand.offset_rate[:, None, None]
        slope = added - (curve[..., 1] - curve[..., 0]) + rate * (now - start)
        fading = np.exp(-demand.offset_rate[:, None] * time)[:, None, None, :]
        per_head = curve + ((now - start)[..., None] + slope[..., None] * time) * fading
        return np.asarray(np.maximum(per_head, 0.0) * people[:, :, None, :])

    def by_income(self) -> np.ndarray:
        demand, time = self.inputs.demand, np.arange(len(self.years))
        growth = np.exp(demand.intensity_income[:, None, None] * (1.0 / self.income[:, :, :1] - 1.0 / self.income))
        saving = (1.0 - demand.material_saving[:, None, None]) ** time
        factor = growth * saving * self.people / self.people[:, :, :1]
        return np.asarray(self.first[..., None] * factor[:, :, None, :])

    def future(self) -> None:
        """Year by year: inflow by the driver, what it leaves of stock later, what retires."""
        by_stock = self.inputs.structure.demand_driver == 0
        self.stock, self.retired = self.old[..., 1:].copy(), self.old_retired[..., 1:].copy()
        self.inflow = self.by_income()
        self.shortfall = np.zeros((len(by_stock), len(self.years)))
        target, last = self.target(), len(self.years)
        self.inflow[..., 0] = self.first
        for t in range(1, last):
            missing = target[by_stock, :, :, t] - self.stock[by_stock, :, :, t]
            self.inflow[by_stock, :, :, t] = np.maximum(missing, 0.0) / self.left[by_stock, None, :, 0]
            self.shortfall[by_stock, t] = np.maximum(-missing, 0.0).sum(axis=(1, 2))
            entering = self.inflow[..., t, None]
            self.stock[..., t:] += entering * self.left[:, None, :, : last - t]
            self.retired[..., t:] += entering * self.gone[:, None, :, : last - t]


def fabricated(demand: Any, use: Use) -> np.ndarray:
    one = np.ones_like(demand.indirect_left_2060)
    left = line(use.years, use.years[0], one, 2060.0, demand.indirect_left_2060)
    exported = (demand.indirect_net_export_2020[:, None] * demand.indirect_split)[:, None, :, None]
    abroad = use.share[:, :, None, None] * exported * left[:, None, None, :]
    return np.asarray(use.inflow / demand.fabrication_yield[:, None, :, None] + abroad)


def crude_steel(demand: Any, made: np.ndarray, years: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    trade = line(years, years[0], demand.direct_net_export_2020, 2030.0, demand.direct_net_export_2030)
    national = made.sum(axis=(1, 2)) / demand.casting_rolling_yield[:, None] + trade
    tie = demand.crude_steel_2020.sum(axis=1) / national[:, 0]
    fading = 1.0 - ramp(years, years[0], years[0] + demand.level_tie_fade)
    return national * (1.0 + (tie - 1.0)[:, None] * fading), tie


def output_by_province(
    demand: Any, nonfossil: np.ndarray, national: np.ndarray, made: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    base, time = demand.crude_steel_2020, np.arange(national.shape[1])
    makes = base > 0
    wanted = shares(made.sum(axis=2) * makes[:, :, None], axis=1)
    weight = demand.relocation_demand_weight[:, None, None]
    pull = weight * wanted + (1.0 - weight) * shares(nonfossil * makes)[:, :, None]
    moved = demand.relocation_fraction[:, None] * (1.0 - np.exp(-demand.relocation_rate[:, None] * time))
    start = shares(base)[:, :, None]
    planned = (start + moved[:, None, :] * (pull - start)) * national[:, None, :]
    regulated = np.maximum(1.0, ratio(base, demand.capacity_2020))
    limit = np.maximum(
        demand.utilisation_max[:, None] * demand.capacity_2020 * regulated, demand.output_margin[:, None] * base
    )
    stretch = np.maximum(1.0, national / (demand.capacity_fill * limit.sum(axis=1))[:, None])
    ceiling = limit[:, :, None] * stretch[:, None, :]
    kept = np.minimum(planned, ceiling)
    room = ceiling - kept
    excess = (planned - kept).sum(axis=1)
    return kept + room * ratio(excess, room.sum(axis=1))[:, None, :], stretch
