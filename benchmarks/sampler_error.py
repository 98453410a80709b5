"""How does the error fall with N? Mean and 95 % point of national CO2 of 2060, benchmark model, by sampler.

Ours (plain, latin, sobol', the model in float64, 16 scramblings and one alone), scrambled Sobol' of SciPy and of QMCPy.
Root mean square over seeds of the relative distance to `model/reference.json`, and the slope on a log-log scale.
`--quick` takes few seeds, and peers whose environments are there.
"""

import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from measuring import report
from model.in_numpy import in_batches
from model.tables import JUDGED, ROWS, constants, from_uniforms
from peers.accuracy import reference
from peers.environments import Absent
from peers.process import Worker

from mc.blocks import precise
from mc.samplers import SAMPLERS, Column, to_uniform

SIZES = (64, 256, 1024, 4096)
SCRAMBLINGS = 16
LAST = len(JUDGED) - 1
COLUMNS = [Column(row.name, at) for at, row in enumerate(ROWS)]


def ours(sampler: str, scramblings: int) -> Callable[[int, int], tuple[float, float]]:
    """Mean and 95 % point under one of our samplers."""

    def points(draws: int, seed: int) -> np.ndarray:
        maker = SAMPLERS[sampler](seed, scramblings, draws)
        with precise():
            tables = jax.tree.map(jnp.asarray, maker.tables(COLUMNS))
            bits = jax.jit(jax.vmap(lambda at: maker.bits(tables, at)))(jnp.arange(draws, dtype=jnp.uint32))
            return np.asarray(to_uniform(bits, jnp.float64))

    def estimate(draws: int, seed: int) -> tuple[float, float]:
        co2 = in_batches(constants(), from_uniforms(points(draws, seed)))["co2"][:, JUDGED[LAST]]
        return float(co2.mean()), float(np.quantile(co2, 0.95))

    return estimate


def error_by_size(estimate: Callable[[int, int], tuple[float, float]], seeds: int) -> np.ndarray:
    """Relative error (size, [mean, 95 % point])."""
    truth = np.array([values[LAST] for values in reference()])
    found = [[estimate(draws, seed) for seed in range(1, seeds + 1)] for draws in SIZES]
    return np.sqrt(((np.array(found) / truth - 1) ** 2).mean(axis=1))


def show(name: str, errors: np.ndarray, seeds: int) -> None:
    """Print one sampler."""
    slopes = np.polyfit(np.log2(SIZES), np.log2(errors), 1)[0]
    columns = {"mean": 0, "p95": 1}
    lists = {what: [float(f"{error:.3g}") for error in errors[:, at]] for what, at in columns.items()}
    slope = {f"{what}_slope": float(slopes[at]) for what, at in columns.items()}
    report("sampler error by N", sampler=name, seeds=seeds, draws=list(SIZES), **lists, **slope)


def main() -> None:
    """Print a line a sampler."""
    quick = "--quick" in sys.argv
    seeds = 4 if quick else 32
    for name, sampler, scramblings in (
        ("plain", "plain", SCRAMBLINGS),
        ("latin", "latin", SCRAMBLINGS),
        ("sobol", "sobol", SCRAMBLINGS),
        ("sobol, one scrambling", "sobol", 1),
    ):
        show(name, error_by_size(ours(sampler, scramblings), seeds), seeds)
    for peer, entrant in (("numpy", "numpy_sobol"), ("qmcpy", "qmcpy_net")):
        try:
            with Worker(peer, make=not quick) as worker:

                def estimate(draws: int, seed: int, ask=worker.ask, entrant=entrant) -> tuple[float, float]:
                    answer = ask(entrant, draws, seed)
                    return answer["mean"][LAST], answer["p95"][LAST]

                show(f"{entrant} (peer)", error_by_size(estimate, seeds), seeds)
        except Absent as reason:
            report("sampler error by N", sampler=entrant, absent=str(reason))


if __name__ == "__main__":
    main()
