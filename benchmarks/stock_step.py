"""Is our stock product right, and how much faster than flodym's dynamic stock model? Same inflows, lifetimes, ages.

Inflow-driven: stock and retirement of the inflow. Stock-driven: the inflow that keeps a stock. Both are ours in one
(`mc.model.stock.turnover`). flodym gets the draws as one more dimension, in an environment of its own; CPU seconds a
draw after compilation, the survival curves included for both. flodym keeps stocks by cohort besides, we do not.
`--quick` takes it if its environment is there.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from measuring import alternate, report
from peers.environments import Absent, python_of

from mc.blocks import precise
from mc.model.stock import half_ages, kernels, turnover

DRAWS, YEARS, PROVINCES, USES = 16, 41, 28, 6
BENCHMARKS = Path(__file__).parent
Arrays = dict[str, np.ndarray]


def problem() -> Arrays:
    """Growing inflows (year, draw, province, use) and Weibull lifetimes (draw, use)."""
    rng = np.random.default_rng(1)
    level = rng.lognormal(1, 0.5, (1, DRAWS, PROVINCES, USES))
    growth = rng.uniform(1.0, 1.03, (1, DRAWS, PROVINCES, USES)) ** np.arange(YEARS)[:, None, None, None]
    scale = rng.uniform(12, 60, (DRAWS, USES))
    return {"inflow": level * growth, "scale": scale, "shape": rng.uniform(1.8, 3.5, (DRAWS, USES))}


def ours(given: Arrays, kind: type) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    """Compiled calls and their arguments, draws first, in one precision."""
    inputs = {
        "flow": jnp.asarray(np.transpose(given["inflow"], (1, 3, 0, 2)), kind),
        "target": jnp.asarray(np.transpose(given["target"], (1, 3, 0, 2)), kind),
        "scale": jnp.asarray(given["scale"], kind),
        "shape": jnp.asarray(given["shape"], kind),
    }

    def curves(one: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        ages = half_ages(YEARS, one["scale"])
        return kernels(jnp.exp(-((ages[None, :] / one["scale"][:, None]) ** one["shape"][:, None])))

    def inflow_driven(one: dict[str, jax.Array]) -> dict[str, jax.Array]:
        inflow, retired, _ = driven(one, one["flow"], jnp.zeros_like(one["flow"]), keeps_target=False)
        return {"stock": jnp.cumsum(inflow - retired, axis=1), "outflow": retired}

    def stock_driven(one: dict[str, jax.Array]) -> dict[str, jax.Array]:
        rise = jnp.diff(one["target"], axis=1, prepend=0.0)
        return {"inflow": driven(one, jnp.zeros_like(rise), rise, keeps_target=True)[0]}

    def driven(one: dict[str, jax.Array], flow: jax.Array, rise: jax.Array, keeps_target: bool) -> list[jax.Array]:
        """From nothing, one year before the first."""
        start = jnp.pad(flow, ((0, 0), (1, 0), (0, 0)))
        paths = turnover(rise, start, jnp.zeros_like(start), curves(one), jnp.asarray(keeps_target))
        return [path[:, 1:] for path in paths[:2]] + [paths[2]]

    return {"inflow_driven": jax.jit(jax.vmap(inflow_driven)), "stock_driven": jax.jit(jax.vmap(stock_driven))}, inputs


def by_hand(given: Arrays) -> np.ndarray:
    """Stock of the inflow (year, draw, province, use) in float64: the target of the other way round."""
    ages = np.arange(YEARS)[:, None, None] + 0.5
    left = np.exp(-((ages / given["scale"]) ** given["shape"]))
    return np.stack([np.einsum("cdpu,cdu->dpu", given["inflow"][: year + 1], left[year::-1]) for year in range(YEARS)])


def difference(found: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference over the largest value of its series (draw, use, year, province)."""
    theirs = np.transpose(theirs, (1, 3, 0, 2))
    return float(np.max(np.abs(found - theirs) / np.abs(theirs).max(axis=2, keepdims=True)))


def of_flodym(given: Arrays) -> tuple[Arrays, dict[str, float]]:
    """Flodym's answers and CPU seconds; Absent where it cannot be had."""
    python = python_of("flodym", make="--quick" not in sys.argv)
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("in.npz", "out.npz")]
        np.savez(files[0], **given)
        environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
        command = [str(python), "-m", "peers.with_flodym", *files]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=BENCHMARKS, check=False)
        if done.returncode:
            raise Absent(done.stderr.strip().splitlines()[-1])
        return dict(np.load(files[1])), json.loads(done.stdout)


def main() -> None:
    """Print a line a precision."""
    given = problem()
    given["target"] = by_hand(given)
    try:
        theirs, seconds = of_flodym(given)
    except Absent as reason:
        report("stock step against flodym", absent=str(reason))
        return
    for kind in (jnp.float32, jnp.float64):
        with precise():
            calls, inputs = ours(given, kind)
            begin = time.process_time()
            found = {name: np.asarray(value) for call in calls.values() for name, value in call(inputs).items()}
            compiling = time.process_time() - begin

            spent = alternate(
                {
                    name: lambda run=run, inputs=inputs: jax.block_until_ready(run(inputs))
                    for name, run in calls.items()
                },
                rounds=15,
            )
        report(
            "stock step against flodym",
            precision=kind.__name__,
            draws=DRAWS,
            provinces=PROVINCES,
            uses=USES,
            **{f"{name}_off": difference(value, theirs[name]) for name, value in found.items()},
            **{f"{name}_us_per_draw": 1e6 * value / DRAWS for name, value in spent.items()},
            **{f"flodym_{name}_us_per_draw": 1e6 * seconds[f"{name}_s"] / DRAWS for name in spent},
            **{f"{name}_over": seconds[f"{name}_s"] / value for name, value in spent.items()},
            compile_cpu_s=compiling,
        )


if __name__ == "__main__":
    main()
