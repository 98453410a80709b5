"""monaco: one case a draw through its three functions, scrambled Sobol' points, its default."""

import numpy as np
from model.in_numpy import outputs
from model.tables import ROWS, Row, constants
from monaco import Sim
from scipy import stats

from peers.judged import Numbers, summarise

CONSTANTS = constants()
NAMES = ("co2", "co2_by_province", "co2_cumulative", "stock", "scrap")


def distribution(row: Row) -> tuple[object, dict[str, float]]:
    """One input as SciPy's distribution and its arguments."""
    if row.family == "uniform":
        return stats.uniform, {"loc": row.low, "scale": row.high - row.low}
    if row.family == "triangular":
        width = row.high - row.low
        return stats.triang, {"c": (row.mid - row.low) / width, "loc": row.low, "scale": width}
    mean, sd = row.normal
    if row.family == "normal":
        return stats.norm, {"loc": mean, "scale": sd}
    return stats.lognorm, {"s": sd, "scale": float(np.exp(mean))}


def preprocess(case: object) -> tuple[dict[str, np.ndarray]]:
    """Inputs of a case."""
    return ({row.name: np.array([case.invals[row.name].val]) for row in ROWS},)


def run(draw: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray]]:
    """Outputs of a case."""
    return ({name: value[0] for name, value in outputs(CONSTANTS, draw).items()},)


def postprocess(case: object, found: dict[str, np.ndarray]) -> None:
    """Hand the outputs over."""
    for name in NAMES:
        case.addOutVal(name=name, val=found[name])


def default(draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """A simulation with monaco's defaults."""
    functions = {"preprocess": preprocess, "run": run, "postprocess": postprocess}
    sim = Sim(name="benchmark", ndraws=draws, fcns=functions, seed=seed, verbose=False)
    for row in ROWS:
        kind, arguments = distribution(row)
        sim.addInVar(name=row.name, dist=kind, distkwargs=arguments)
    sim.runSim()
    return summarise({name: np.array(list(sim.outvars[name].vals)) for name in NAMES})


ESTIMATES = {"monaco": default}
