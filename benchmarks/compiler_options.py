"""What does each compiler option of a CPU buy? The chain of three policies, compiled without one of them at a time.

CPU seconds to compile, once each, and of a draw, in turn. `--quick`: all options against none.
"""

import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
from measuring import alternate, report, three_policies

from mc.blocks import precise
from mc.devices import compiler_options
from mc.draws import plan_draws

DRAWS = 32


def choices(quick: bool) -> dict[str, dict[str, Any]]:
    """Options by what is compared."""
    every = compiler_options("cpu")
    without = {f"without {left}": {name: every[name] for name in every if name != left} for left in every}
    return {"all": every, "none": {}} | ({} if quick else without)


def main(quick: bool) -> None:
    """Print a line for each choice of options."""
    study = three_policies()
    plan = plan_draws(study.inputs, study.correlations)
    compiled, compiling = {}, {}
    with precise():
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), study.data)
        index = jnp.arange(DRAWS, dtype=jnp.uint32)
        drawn = jax.jit(jax.vmap(lambda at: plan.draw(plan.tables, at, jnp.float32)))(index)
        lowered = jax.jit(jax.vmap(study.function, in_axes=(None, 0))).lower(data, drawn)
        for name, options in choices(quick).items():
            begin = time.process_time()
            compiled[name] = lowered.compile(compiler_options=options)
            compiling[name] = time.process_time() - begin
        spent = alternate({
            name: lambda program=program: jax.block_until_ready(program(data, drawn))
            for name, program in compiled.items()
        })  # fmt: skip
    for name, seconds in spent.items():
        report("compiler options", options=name, compile_cpu_s=compiling[name], us_per_draw=1e6 * seconds / DRAWS)


if __name__ == "__main__":
    main("--quick" in sys.argv)
