"""chaospy: its joint distribution sampled, and its polynomial chaos of order 2 fitted to Sobol' points."""

import chaospy as cp
import numpy as np
from model.in_numpy import in_batches
from model.tables import JUDGED, ROWS, Row, constants

from peers.judged import Numbers, summarise

CONSTANTS = constants()


def distribution(row: Row) -> cp.Distribution:
    """One input."""
    if row.family == "uniform":
        return cp.Uniform(row.low, row.high)
    if row.family == "triangular":
        return cp.Triangle(row.low, row.mid, row.high)
    return cp.Normal(*row.normal) if row.family == "normal" else cp.LogNormal(*row.normal)


JOINT = cp.J(*(distribution(row) for row in ROWS))
ORDER = 2
SURROGATE_DRAWS = 2**16


def evaluate(points: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs of points (input, draw)."""
    return in_batches(CONSTANTS, {row.name: points[at] for at, row in enumerate(ROWS)})


def plain(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Independent draws."""
    return summarise(evaluate(JOINT.sample(draws, rule="random", seed=seed)))


def latin(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """A Latin hypercube."""
    return summarise(evaluate(JOINT.sample(draws, rule="latin_hypercube", seed=seed)))


def chaos(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """A polynomial of what is judged alone, fitted to a Latin hypercube; its 95 % point by cheap draws of it."""
    points = JOINT.sample(draws, rule="latin_hypercube", seed=seed)
    found = evaluate(points)
    judged = np.concatenate([found["co2"][:, list(JUDGED)], found["co2_cumulative"][:, None]], axis=1)
    polynomial = cp.fit_regression(cp.generate_expansion(ORDER, JOINT), points, judged)
    cheap = polynomial(*JOINT.sample(SURROGATE_DRAWS, rule="random", seed=seed + 1))
    return list(map(float, cp.E(polynomial, JOINT))), list(map(float, np.quantile(cheap, 0.95, axis=1)))


ESTIMATES = {"chaospy_plain": plain, "chaospy_latin": latin, "chaospy_chaos": chaos}
