"""The model over a batch of draws in vectorised NumPy, as one writes it who knows NumPy well."""

import numpy as np

from model.tables import PAST, START, WIDTH, YEARS, Draws, Floats

BATCH = 512
"""Draws at a time whose arrays stay in the cache of a core; 256 to 1,024 take the same time, 2,048 twice as long."""


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def convolve(inflow: Floats, kernel: Floats) -> Floats:
    """sum_c inflow[n, p, c] kernel[n, t - c], (draw, province, year)."""
    # A view of shifted kernels and one product of matrices a draw: 4 x as fast as a loop over cohorts.
    padded = np.concatenate([np.zeros((len(kernel), YEARS - 1)), kernel[:, :YEARS]], axis=1)
    shifted = np.lib.stride_tricks.sliding_window_view(padded, YEARS, axis=1)
    return np.matmul(inflow[:, :, ::-1], shifted.transpose(0, 2, 1))


def outputs(constants: dict[str, Floats], draws: Draws) -> dict[str, Floats]:
    """Outputs (draw, ...) of draws by name (draw,): steel in use Mt, scrap Mt/year, CO2 Mt/year and in all."""
    d = {name: value[:, None] for name, value in draws.items()}
    year, share = constants["year"], constants["year"] / (YEARS - 1)
    left = 1 - d["fall"] * logistic((year - d["fall_year"]) / d["fall_width"])
    lean = 1 + (d["tilt"] * constants["tilt"])[:, :, None] * share
    demand = constants["demand"][:, None] * lean * left[:, None, :]

    ages = np.arange(PAST + YEARS) + 0.5
    survival = np.exp(-((ages / d["life"]) ** d["shape"]))
    retiring = np.concatenate([1 - survival[:, :1], survival[:, :-1] - survival[:, 1:]], axis=1)
    past = d["past"][:, :, None]
    stock = past * (survival @ constants["leftover"]).reshape(demand.shape) + convolve(demand, survival)
    retired = past * (retiring @ constants["leftover"]).reshape(demand.shape) + convolve(demand, retiring)

    d = {name: value[:, :, None] for name, value in d.items()}
    scrap = d["recovery"] * retired + d["prompt"] * demand
    steel = demand * (1 + d["export"])
    furnace = np.minimum(scrap, steel * (START + (d["furnace_cap"] - START) * share))
    primary = steel - furnace
    hydrogen = primary * d["hydrogen_share"] * logistic((year - d["hydrogen_year"]) / WIDTH)
    blast = primary - hydrogen
    iron = blast - np.minimum(scrap - furnace, d["converter_cap"] * blast)

    power = constants["grid"][:, None] * np.exp(-d["grid_fall"] * year)
    direct = iron * d["blast_co2"] * (1 - d["blast_gain"] * share) * (1 - d["capture"] * share**2)
    co2 = direct + power * (d["furnace_power"] * furnace + d["hydrogen_power"] * hydrogen)
    national = co2.sum(axis=1)
    return {
        "co2": national,
        "co2_by_province": co2,
        "co2_cumulative": national.sum(axis=1),
        "stock": stock.sum(axis=1),
        "scrap": scrap.sum(axis=1),
    }


def in_batches(constants: dict[str, Floats], draws: Draws, size: int = BATCH) -> dict[str, Floats]:
    """Outputs of any number of draws, batch by batch."""
    count = len(next(iter(draws.values())))
    parts = [
        outputs(constants, {name: value[at : at + size] for name, value in draws.items()})
        for at in range(0, count, size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
