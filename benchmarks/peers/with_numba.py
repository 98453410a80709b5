"""Numba: the model once more as loops over one draw, compiled, draws spread over the cores."""

import numba
import numpy as np
from model.tables import PAST, PROVINCES, ROWS, START, WIDTH, YEARS, Draws, at_random, constants, from_uniforms

from peers.judged import Numbers, summarise
from peers.with_numpy import sobol_points

CONSTANTS = constants()
TABLES = (
    CONSTANTS["demand"],
    CONSTANTS["tilt"],
    CONSTANTS["grid"],
    np.ascontiguousarray(CONSTANTS["leftover"].T),
)
COUNT = len(PROVINCES)
(FALL, FALL_YEAR, FALL_WIDTH, TILT, EXPORT, LIFE, SHAPE, OLD, RECOVERY, PROMPT) = range(10)
(FURNACE, CONVERTER, HYDROGEN, HYDROGEN_YEAR, BLAST, GAIN, CAPTURE, POWER, HYDROGEN_POWER, GRID) = range(10, 20)


@numba.njit(fastmath=True)
def one(d, demand_2020, tilt, grid, leftover, co2, stock_now, scrap_now):
    """One draw: fills CO2 (province, year), stock and scrap (year,)."""
    ages = PAST + YEARS
    survival, retiring = np.empty(ages), np.empty(ages)
    before = 1.0
    for age in range(ages):
        survival[age] = np.exp(-(((age + 0.5) / d[LIFE]) ** d[SHAPE]))
        retiring[age] = before - survival[age]
        before = survival[age]
    demand = np.empty(YEARS)
    for province in range(COUNT):
        for year in range(YEARS):
            share = year / (YEARS - 1)
            left = 1 - d[FALL] / (1 + np.exp(-(year - d[FALL_YEAR]) / d[FALL_WIDTH]))
            demand[year] = demand_2020[province] * (1 + d[TILT] * tilt[province] * share) * left
            stock, retired = 0.0, 0.0
            row = leftover[province * YEARS + year]
            for age in range(ages):
                stock += survival[age] * row[age]
                retired += retiring[age] * row[age]
            stock, retired = stock * d[OLD], retired * d[OLD]
            for cohort in range(year + 1):
                stock += demand[cohort] * survival[year - cohort]
                retired += demand[cohort] * retiring[year - cohort]
            scrap = d[RECOVERY] * retired + d[PROMPT] * demand[year]
            steel = demand[year] * (1 + d[EXPORT])
            furnace = min(scrap, steel * (START + (d[FURNACE] - START) * share))
            primary = steel - furnace
            hydrogen = primary * d[HYDROGEN] / (1 + np.exp(-(year - d[HYDROGEN_YEAR]) / WIDTH))
            blast = primary - hydrogen
            iron = blast - min(scrap - furnace, d[CONVERTER] * blast)
            power = grid[province] * np.exp(-d[GRID] * year)
            direct = iron * d[BLAST] * (1 - d[GAIN] * share) * (1 - d[CAPTURE] * share * share)
            co2[province, year] = direct + power * (d[POWER] * furnace + d[HYDROGEN_POWER] * hydrogen)
            stock_now[year] += stock
            scrap_now[year] += scrap


@numba.njit(parallel=True)
def loop(draws, demand, tilt, grid, leftover, co2, stock, scrap):
    """All draws (draw, input)."""
    for n in numba.prange(len(draws)):
        one(draws[n], demand, tilt, grid, leftover, co2[n], stock[n], scrap[n])


def outputs(draws: Draws) -> dict[str, np.ndarray]:
    """Outputs (draw, ...) of draws by name."""
    table = np.stack([draws[row.name] for row in ROWS], axis=1)
    count = len(table)
    co2 = np.empty((count, COUNT, YEARS))
    stock, scrap = np.zeros((count, YEARS)), np.zeros((count, YEARS))
    loop(table, *TABLES, co2, stock, scrap)
    national = co2.sum(axis=1)
    cumulative = national.sum(axis=1)
    return {"co2": national, "co2_by_province": co2, "co2_cumulative": cumulative, "stock": stock, "scrap": scrap}


def plain(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Independent draws."""
    return summarise(outputs(at_random(np.random.default_rng(seed), draws)))


def sobol(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """One scrambled Sobol' sequence of SciPy."""
    return summarise(outputs(from_uniforms(sobol_points(draws, seed))))


ESTIMATES = {"numba_plain": plain, "numba_sobol": sobol}
