"""Is the compiled chain faster than the same chain in vectorised NumPy? CPU seconds per draw, three policies, in turn.

The NumPy port is the second reference of the tests (tests/reference/batch), equal to the chain to 1e-9.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
from measuring import ROOT, alternate, report, three_policies

from mc.blocks import precise
from mc.devices import compiler_options
from mc.draws import plan_draws

BLOCK = 32
"""Draws at once, for both: the block of runs/three_policies.toml."""


def main() -> None:
    """Print microseconds of CPU time per draw of both, in both precisions; drawing the inputs is left out for all."""
    sys.path.insert(0, str(ROOT / "tests"))
    from reference.batch.chain import outputs as numpy_outputs

    study = three_policies()
    bound, policies = study.function.args[0], tuple(str(name) for name in study.coords["scenario"])
    plan = plan_draws(study.inputs, study.correlations)
    index = jnp.arange(BLOCK, dtype=jnp.uint32)
    rivals = {}
    with precise():
        for dtype in (jnp.float32, jnp.float64):
            name = dtype.__name__
            data = jax.tree.map(lambda leaf, kind=dtype: jnp.asarray(leaf, dtype=kind), study.data)
            drawn = jax.jit(jax.vmap(lambda at, kind=dtype: plan.draw(plan.tables, at, kind)))(index)
            # Data are arguments, as in a run: constants would be folded, which is work that NumPy has to do.
            run = jax.jit(
                jax.vmap(study.function, in_axes=(None, 0)), compiler_options=compiler_options(jax.default_backend())
            )

            def compiled(run=run, data=data, drawn=drawn) -> None:
                with precise():
                    jax.block_until_ready(run(data, drawn))

            assemble = jax.jit(jax.vmap(lambda draw, data=data: bound.assemble(data["tables"], draw)))
            inputs = jax.tree.map(np.asarray, assemble(drawn))
            world = jax.tree.map(np.asarray, data["world"])
            carriers = [str(label) for label in study.coords["carrier"]]

            def vectorised(inputs=inputs, world=world, carriers=carriers) -> None:
                numpy_outputs(inputs, world, carriers, policies)

            rivals |= {f"jax_{name}": compiled, f"numpy_{name}": vectorised}
    if "--quick" in sys.argv:  # what is shipped, and the reference
        rivals = {name: rivals[name] for name in ("jax_float32", "numpy_float64")}
    spent = alternate(rivals, rounds=5)
    over = {
        f"{name}_over": spent[f"numpy_{name}"] / spent[f"jax_{name}"]
        for name in ("float32", "float64")
        if {f"numpy_{name}", f"jax_{name}"} <= spent.keys()
    }
    report(
        "chain against vectorised NumPy",
        draws=BLOCK,
        policies=len(policies),
        **{f"{name}_us_per_draw": 1e6 * seconds / BLOCK for name, seconds in spent.items()},
        **over,
        shipped_over_reference=spent["numpy_float64"] / spent["jax_float32"],
    )


if __name__ == "__main__":
    main()
