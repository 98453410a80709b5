"""Vectorised NumPy: independent draws by its generator, or scrambled Sobol' points of SciPy."""

import numpy as np
from model.in_numpy import in_batches
from model.tables import ROWS, at_random, constants, from_uniforms
from scipy.stats import qmc

from peers.judged import Numbers, summarise

CONSTANTS = constants()


def plain(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Independent draws."""
    return summarise(in_batches(CONSTANTS, at_random(np.random.default_rng(seed), draws)))


def sobol(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """One scrambled Sobol' sequence."""
    return summarise(in_batches(CONSTANTS, from_uniforms(sobol_points(draws, seed))))


def sobol_points(draws: int, seed: int) -> np.ndarray:
    """Points inside (0, 1), (draw, input)."""
    points = qmc.Sobol(len(ROWS), seed=seed).random(draws)
    return np.clip(points, 2.0**-33, 1 - 2.0**-33)


ESTIMATES = {"numpy_plain": plain, "numpy_sobol": sobol}
