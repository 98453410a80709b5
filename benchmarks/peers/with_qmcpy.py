"""QMCPy: its scrambled digital net (Sobol'), the NumPy model."""

import numpy as np
import qmcpy
from model.in_numpy import in_batches
from model.tables import ROWS, constants, from_uniforms

from peers.judged import Numbers, summarise

CONSTANTS = constants()


def points(draws: int, seed: int) -> np.ndarray:
    """Nested uniform (Owen) scrambling would take 20 x as long: its default, a linear matrix scrambling and a shift."""
    return qmcpy.DigitalNetB2(len(ROWS), seed=seed).gen_samples(draws)


def net(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """One scrambled net."""
    return summarise(in_batches(CONSTANTS, from_uniforms(points(draws, seed))))


ESTIMATES = {"qmcpy_net": net}
