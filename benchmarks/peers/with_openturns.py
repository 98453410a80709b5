"""OpenTURNS: its distributions and experiments, the NumPy model as its vectorised Python function."""

import numpy as np
import openturns as ot
from model.in_numpy import in_batches
from model.tables import ROWS, Row, constants

from peers.judged import Numbers, summarise

CONSTANTS = constants()


def distribution(row: Row) -> ot.Distribution:
    """One input."""
    if row.family == "uniform":
        return ot.Uniform(row.low, row.high)
    if row.family == "triangular":
        return ot.Triangular(row.low, row.mid, row.high)
    return ot.Normal(*row.normal) if row.family == "normal" else ot.LogNormal(*row.normal)


JOINT = ot.JointDistribution([distribution(row) for row in ROWS])
SHAPES = {
    name: value.shape[1:]
    for name, value in in_batches(CONSTANTS, {row.name: np.array([row.mid]) for row in ROWS}).items()
}


def evaluate(points: np.ndarray) -> np.ndarray:
    """All outputs side by side (draw, number)."""
    table = np.asarray(points)
    found = in_batches(CONSTANTS, {row.name: table[:, at] for at, row in enumerate(ROWS)})
    return np.concatenate([value.reshape(len(table), -1) for value in found.values()], axis=1)


FUNCTION = ot.PythonFunction(len(ROWS), sum(int(np.prod(shape)) for shape in SHAPES.values()), func_sample=evaluate)


def estimate(points: ot.Sample) -> tuple[Numbers, Numbers]:
    """What is judged, of the points."""
    table, at, outputs = np.asarray(FUNCTION(points)), 0, {}
    for name, shape in SHAPES.items():
        width = int(np.prod(shape))
        outputs[name] = table[:, at : at + width].reshape(-1, *shape)
        at += width
    return summarise(outputs)


def plain(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Independent draws."""
    ot.RandomGenerator.SetSeed(seed)
    return estimate(JOINT.getSample(draws))


def sobol(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Sobol' points, shifted at random."""
    ot.RandomGenerator.SetSeed(seed)
    experiment = ot.LowDiscrepancyExperiment(ot.SobolSequence(), JOINT, draws, True)
    experiment.setRandomize(True)
    return estimate(experiment.generate())


ESTIMATES = {"openturns_plain": plain, "openturns_sobol": sobol}
