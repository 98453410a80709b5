"""Which block size suits this machine, and what share of its limits is reached? The chain of three policies.

Draws, model and no statistics; wall seconds on one device, all its cores. Limits: the float32 product of matrices and
the copy measured here; operations and bytes of a draw as XLA counts them.

    python benchmarks/block_size.py [SIZE ...]
"""

import sys
import time

import jax
import jax.numpy as jnp
from measuring import report, three_policies
from measuring.limits import best_seconds, copy_rate, gemm_rate, work_of

from mc.blocks import precise
from mc.devices import compiler_options, prepare
from mc.draws import plan_draws

SIZES, QUICK_SIZES = (16, 32, 64, 128, 256), (64,)
ROUNDS = 5


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print a line a size."""
    prepare()
    study = three_policies()
    plan = plan_draws(study.inputs, study.correlations)
    device = jax.local_devices()[0]
    gemm, copy = gemm_rate(device), copy_rate(device)
    with precise():
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), study.data)
        run = jax.jit(
            lambda index: jax.vmap(lambda at: study.function(data, plan.draw(plan.tables, at, jnp.float32)))(index),
            compiler_options=compiler_options(device.platform),
        )
        for size in sizes:
            index = jnp.arange(size, dtype=jnp.uint32)
            begin = time.perf_counter()
            compiled = run.lower(index).compile()
            compiling = time.perf_counter() - begin
            rate = size / best_seconds(lambda compiled=compiled, index=index: compiled(index), ROUNDS)
            work = work_of(compiled)
            report(
                "throughput by block size",
                block=size,
                policies=len(study.coords["scenario"]),
                draws_per_s=rate,
                compile_s=compiling,
                mflop_per_draw=work["flops"] / size / 1e6,
                kb_per_draw=work["bytes"] / size / 1e3,
                gemm_gflops=gemm / 1e9,
                copy_gb_per_s=copy / 1e9,
                share_of_gemm=rate * work["flops"] / size / gemm,
                share_of_copy=rate * work["bytes"] / size / copy,
            )


if __name__ == "__main__":
    main(QUICK_SIZES if "--quick" in sys.argv else tuple(int(size) for size in sys.argv[1:]) or SIZES)
