"""How far is float32 from float64?

Largest difference of every national output over 256 draws and all years, relative to the output's largest value.
"""

import jax
import jax.numpy as jnp
import numpy as np
from measuring import report, three_policies

from mc.blocks import precise
from mc.devices import compiler_options
from mc.draws import plan_draws

DRAWS = 256


def main() -> None:
    """Print the outputs that differ most."""
    study = three_policies()
    plan = plan_draws(study.inputs, study.correlations)
    index = jnp.arange(DRAWS, dtype=jnp.uint32)
    found = {}
    with precise():
        # Both chains start from the draws of the float32 one, so that only the chain's own rounding counts.
        drawn = jax.jit(jax.vmap(lambda at: plan.draw(plan.tables, at, jnp.float32)))(index)
        for dtype in (jnp.float32, jnp.float64):
            data = jax.tree.map(lambda leaf, kind=dtype: jnp.asarray(leaf, dtype=kind), study.data)
            inputs = jax.tree.map(lambda leaf, kind=dtype: leaf.astype(kind), drawn)
            run = jax.jit(
                lambda draws, data=data: jax.vmap(lambda draw: study.function(data, draw))(draws),
                compiler_options=compiler_options(jax.default_backend()),
            )
            found[dtype.__name__] = jax.tree.map(np.asarray, run(inputs))
    single, double = found["float32"], found["float64"]
    national = [output.name for output in study.outputs if "province" not in output.dims and output.kind == "result"]
    worst = {}
    for name in national:
        scale = max(float(np.abs(double[name]).max()), float(np.finfo(np.float32).tiny))
        worst[name] = float(np.abs(single[name] - double[name]).max()) / scale
    ranked = sorted(worst.items(), key=lambda item: -item[1])
    report(
        "float32 against float64",
        draws=DRAWS,
        outputs=len(national),
        median=float(np.median(list(worst.values()))),
        worst={name: float(f"{value:.2g}") for name, value in ranked[:8]},
        within_5e_6=sum(value <= 5e-6 for value in worst.values()),
    )


if __name__ == "__main__":
    main()
