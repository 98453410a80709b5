"""Is a GPU right, how fast is it, and what should be tuned? For a machine with an NVIDIA GPU and Python 3.11 to 3.13.

1. CPU = GPU: bits of the draws the same, quantiles within 1e-4 relative (over their largest value).
2. Draws a second by block size: benchmark model, three policies, coordinated baseline; statistics included.
3. Problems a second of `mc.allocation.solve`, in batches.
4. Shares of what the device could do at most: a float32 product of matrices and a copy, measured here.

Needs neither netCDF4 nor arviz; what else is missing is named, and the rest goes on. Without a GPU it says so in one
line and ends with 0. `--cpu` exercises everything on the CPU with small sizes: its figures mean nothing.

    PYTHONPATH=. python benchmarks/gpu.py [--quick] [--cpu] [--only check draws plans]
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from measuring import ROOT, report
from measuring.equality import check
from measuring.limits import best_seconds, copy_rate, gemm_rate
from measuring.throughput import throughput

SECONDS = 3.0
"""Wall seconds that one measurement aims at."""

GPU_BLOCKS = (64, 256, 1024, 4096, 16384)
GPU_BATCHES = (1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    blocks: tuple[int, ...]
    batches: tuple[int, ...]
    check_draws: int
    studies: tuple[str, ...]
    seconds: float = SECONDS


FULL = Sizes(GPU_BLOCKS, GPU_BATCHES, 1024, ("benchmark model", "three_policies.toml", "baseline.toml"))
QUICK = replace(FULL, blocks=(256, 4096), batches=(1_000, 10_000), seconds=1.0)
TINY = Sizes((16, 64), (16, 64), 64, ("benchmark model",), 0.05)


def study_of(name: str) -> Any:
    """A study by name: of a run file, or the benchmark model; ImportError where a package is missing."""
    if name == "benchmark model":
        from model.study import study

        return study()
    import mc
    from mc.pose import pose

    return pose(mc.load_run(ROOT / "runs" / name)).study


def studies(names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Those that can be had; the others are named with the package that they lack."""
    for name in names:
        try:
            yield name, study_of(name)
        except ImportError as error:
            report("gpu: study left out", study=name, reason=str(error))


def plans(device: Any, sizes: Sizes) -> dict[int, float]:
    """Problems a second of the yearly plan for scrap, proven, by batch."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from mc.allocation.solve import solve
    from mc.allocation.transport import Transport
    from mc.blocks import precise
    from mc.devices import is_out_of_memory

    sys.path.insert(0, str(ROOT / "tests"))
    from transports import steel

    few = steel(np.random.default_rng(1), min(2_000, max(sizes.batches)))
    run = jax.jit(jax.vmap(solve))
    rates = {}
    for batch in sizes.batches:
        with precise(), jax.default_device(device):
            problems = Transport(*(jnp.asarray(np.resize(part, (batch, *part.shape[1:]))) for part in few))
            begin = time.perf_counter()
            try:
                found = jax.block_until_ready(run(problems))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                report("gpu: plans a second", batch=batch, refused="no memory for a batch of this size")
                break
            first = time.perf_counter() - begin
            rates[batch] = batch / best_seconds(lambda problems=problems: run(problems).value, 3)
            gap, iterations = np.asarray(found.gap), np.asarray(found.iterations)
        report(
            "gpu: plans a second",
            batch=batch,
            plans_per_s=rates[batch],
            first_s=first,
            worst_gap=float(gap.max()),
            most_iterations=int(iterations.max()),
        )
    return rates


def advice(best: dict[str, dict[int, float]], batches: dict[int, float], limits: dict[str, float]) -> None:
    """What to tune, in sentences."""
    said = []
    for name, rates in best.items():
        if not rates:
            continue
        block = max(rates, key=lambda size: rates[size])
        said.append(f"{name}: block = {block} gives {rates[block]:,.0f} draws/s")
        if block == max(rates) and len(rates) > 1:
            said.append(f"{name}: still faster at the largest block tried; try {4 * block}")
        slowest = rates[min(rates)]
        if len(rates) > 1 and rates[block] > 3 * slowest:
            said.append(f"{name}: {rates[block] / slowest:.1f} x between blocks: small blocks wait for launches")
    model, chain = best.get("three_policies.toml"), best.get("baseline.toml")
    if model and chain:
        ratio = max(model.values()) / max(chain.values())
        said.append(f"the plan for scrap makes a draw {ratio:.1f} x as dear: above 3, tune the solver before the chain")
    if batches:
        at = max(batches, key=lambda size: batches[size])
        said.append(f"plans: batches of {at:,} give {batches[at]:,.0f} a second (aim on one H200: 50,000)")
    report("gpu: what to tune", advice=said, gemm_tflops=limits["flops"] / 1e12, copy_gb_per_s=limits["bytes"] / 1e9)


def find(cpu: bool) -> Any:
    """The device to measure, or None; the CPU beside it, for the comparison."""
    import jax

    try:
        return jax.local_devices(backend="cpu" if cpu else "gpu")[0]
    except RuntimeError:
        return None


def measure(device: Any, sizes: Sizes, only: list[str]) -> bool:
    """Everything asked for; whether the checks passed."""
    small = sizes is TINY
    limits = {
        "flops": gemm_rate(device, 256 if small else None),
        "bytes": copy_rate(device, 2**20 if small else None),
    }
    passed: list[bool] = []
    best: dict[str, dict[int, float]] = {}
    for name, study in studies(sizes.studies):
        if "check" in only:
            passed.append(check(study, name, device, sizes.check_draws))
        if "draws" in only:
            best[name] = throughput(study, name, device, sizes.blocks, sizes.seconds, limits)
    advice(best, plans(device, sizes) if "plans" in only else {}, limits)
    return all(passed)


def main(arguments: list[str] | None = None) -> int:
    """0 where all is well or no GPU is there, 1 where CPU and GPU differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer sizes")
    parser.add_argument("--cpu", action="store_true", help="exercise the script on the CPU with small sizes")
    steps = ["check", "draws", "plans"]
    parser.add_argument("--only", nargs="+", choices=steps, default=steps)
    asked = parser.parse_args(arguments)
    from mc.devices import prepare

    prepare("cpu" if asked.cpu else "auto")
    device = find(asked.cpu)
    if device is None:
        report("gpu", device=None, said="no GPU that JAX can see: nothing measured (--cpu exercises the script)")
        return 0
    return 0 if measure(device, TINY if asked.cpu else QUICK if asked.quick else FULL, asked.only) else 1


if __name__ == "__main__":
    sys.exit(main())
