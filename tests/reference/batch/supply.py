"""Metallics, scrap, power and hydrogen of a batch of draws."""

import dataclasses
from typing import Any

import numpy as np
from reference.batch.demand import Use
from reference.batch.paths import line, ramp, ratio


def hot_metal_charge(iron: Any, years: np.ndarray) -> np.ndarray:
    first = line(years, 2020.0, iron.hot_metal_charge_2020, 2035.0, iron.hot_metal_charge_2035)
    return first * (1.0 - ramp(years, 2035.0, iron.hot_metal_charge_end))


def electric_charge(iron: Any, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(scrap, hot metal) per t of electric steel, in the shape of the share, draws first."""

    def each(name: str) -> np.ndarray:
        value = np.asarray(getattr(iron, name))
        return value.reshape(-1, *(1,) * (share.ndim - 1))

    content = share * each("content_hot_metal") + (1.0 - share) * each("content_scrap")
    charge = each("content_steel") / each("yield_electric") / content
    return charge * (1.0 - share), charge * share


@dataclasses.dataclass
class Start:
    electric: np.ndarray
    converter_scrap: np.ndarray
    scrap: np.ndarray
    hot_metal: np.ndarray


def base_year(iron: Any, output: np.ndarray, share: np.ndarray) -> Start:
    raw = output * iron.eaf_share_2020
    scale = iron.eaf_share_national * output.sum(axis=1) / raw.sum(axis=1)
    electric = np.minimum(raw * scale[:, None], output)
    scrap_rate, hot_rate = electric_charge(iron, share)
    converter = output - electric
    hot_metal = iron.pig_iron_2020 - iron.pig_iron_to_foundries - hot_rate * electric.sum(axis=1)
    needed = iron.content_steel / iron.yield_converter
    total = converter.sum(axis=1)
    rate = ratio(np.maximum(needed * total - iron.content_hot_metal * hot_metal, 0.0) / iron.content_scrap, total)
    in_converters = rate[:, None] * converter
    per_steel = (needed - iron.content_scrap * rate) / iron.content_hot_metal
    return Start(
        electric=electric,
        converter_scrap=in_converters,
        scrap=in_converters + scrap_rate[:, None] * electric,
        hot_metal=per_steel[:, None] * converter + hot_rate[:, None] * electric,
    )


@dataclasses.dataclass
class Supply:
    home: np.ndarray
    prompt: np.ndarray
    obsolete: np.ndarray
    purchased: np.ndarray
    closure: np.ndarray
    residual: np.ndarray


def closure_factor(rates: np.ndarray, ceiling: np.ndarray, retired: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Newton from 0 on a concave sum of straight pieces: exact after one step a piece."""
    highest = ratio(ceiling[:, None], rates).max(axis=1)
    factor = np.zeros_like(wanted)
    for _ in range(rates.shape[1] + 2):
        raised = factor[:, None] * rates
        got = (np.minimum(raised, ceiling[:, None]) * retired).sum(axis=1)
        slope = ((raised < ceiling[:, None]) * rates * retired).sum(axis=1)
        further = np.where(slope > 0, factor + ratio(wanted - got, slope), highest)
        factor = np.where(got < wanted, np.clip(further, 0.0, highest), factor)
    return factor


def scrap_supply(inputs: Any, use: Use, made: np.ndarray, output: np.ndarray, needed: np.ndarray) -> Supply:
    demand, scrap, years = inputs.demand, inputs.scrap, use.years
    loss = 1.0 - demand.casting_rolling_yield
    home = output * (loss * scrap.home_recovery)[:, None, None]
    lost = (made * (1.0 - demand.fabrication_yield)[:, None, :, None]).sum(axis=2)
    prompt = scrap.prompt_recovery[:, None, None] * lost
    now = scrap.obsolete_recovery
    rise = scrap.recovery_rise[:, None] * np.maximum(scrap.recovery_target[:, None] - now, 0.0)
    rates = now[..., None] + rise[..., None] * ramp(years, years[0], scrap.recovery_target_year)[:, None, :]
    wanted = np.maximum(needed + scrap.to_foundries - home[:, :, 0].sum(axis=1) - prompt[:, :, 0].sum(axis=1), 0.0)
    factor = closure_factor(rates[..., 0], scrap.recovery_ceiling, use.retired[..., 0].sum(axis=1), wanted)
    fading = 1.0 + (factor - 1.0)[:, None] * (1.0 - ramp(years, years[0], years[0] + scrap.closure_fade))
    rates = np.minimum(rates * fading[:, None, :], scrap.recovery_ceiling[:, None, None])
    obsolete = np.einsum("bpgt,bgt->bpt", use.retired, rates)
    gathered = prompt + obsolete
    national = gathered.sum(axis=1)
    trade = np.where(years > years[0], scrap.net_import[:, None], 0.0) - scrap.to_foundries[:, None]
    purchased = gathered * ratio(np.maximum(national + trade, 0.0), national)[:, None, :]
    return Supply(home, prompt, obsolete, purchased, factor, wanted - obsolete[:, :, 0].sum(axis=1))


class Power:
    """Grid factor [draw, year, province], removal [draw, year], hydrogen [draw, year]."""

    def __init__(self, inputs: Any, years: np.ndarray) -> None:
        grid, hydrogen, time = inputs.grid, inputs.hydrogen, np.arange(len(years))
        measured = 0.5 * (
            grid.factor_2021 / grid.factor_national_2021[:, None]
            + grid.factor_2022 / grid.factor_national_2022[:, None]
        )
        resource = (1.0 - grid.nonfossil_share) / (1.0 - grid.nonfossil_share_national)[:, None]
        left = np.exp(-grid.ratio_relaxation[:, None] * time)[:, :, None]
        dry = np.exp(grid.hydro_year_sd[:, None, None] * grid.hydro_province[:, None, :] * grid.hydro_year[:, :, None])
        ratios = (resource[:, None, :] + (measured - resource)[:, None, :] * left) * dry
        self.factor = np.maximum(grid.factor_national, 0.0)[:, :, None] * ratios
        self.removal = np.minimum(grid.factor_national, 0.0)
        dedicated = line(years, 2025.0, hydrogen.dedicated_share_2025, 2060.0, hydrogen.dedicated_share_2060)
        self.electrolysis = (1.0 - dedicated) * hydrogen.electrolyser_use
        firmed = hydrogen.price_dedicated + hydrogen.firming_cost[:, None]
        self.price = 1000.0 * (dedicated * firmed + (1.0 - dedicated) * hydrogen.price_grid)
        exponent = -hydrogen.ramp_rate[:, None] * (years - hydrogen.ramp_mid[:, None])
        self.supply = hydrogen.supply_max[:, None] / (1.0 + np.exp(exponent))
