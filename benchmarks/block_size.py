"""Which block size suits this machine? CPU seconds per draw of the baseline chain by block size."""

import jax
import jax.numpy as jnp
from measuring import alternate, report, three_policies

from mc.blocks import precise
from mc.draws import plan_draws

SIZES = (16, 32, 64, 128)


def main() -> None:
    """Print microseconds of CPU time per draw for each size."""
    study = three_policies()
    plan = plan_draws(study.inputs, study.correlations)
    with precise():
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), study.data)
        run = jax.jit(
            lambda index: jax.vmap(lambda at: study.function(data, plan.draw(plan.tables, at, jnp.float32)))(index)
        )
        indices = {size: jnp.arange(size, dtype=jnp.uint32) for size in SIZES}

        def call(size: int) -> None:
            for _ in range(max(SIZES) // size):
                jax.block_until_ready(run(indices[size]))

        spent = alternate({str(size): lambda size=size: call(size) for size in SIZES}, rounds=5)
    per_draw = {f"us_per_draw_{size}": 1e6 * seconds / max(SIZES) for size, seconds in spent.items()}
    report("block size", policies=len(study.coords["scenario"]), **per_draw)


if __name__ == "__main__":
    main()
