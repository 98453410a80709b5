"""What do the statistics cost beside the model? Draws of the baseline (--quick: of three policies) with and without."""

import dataclasses
import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
from measuring import ROOT, alternate, report

import mc
from mc.blocks import precise
from mc.devices import compiler_options
from mc.draws import plan_draws
from mc.ensemble import run_ensemble
from mc.pose import pose, settings_of

BLOCKS, QUICK_BLOCKS = 16, 4


def main() -> None:
    """Print CPU seconds per draw of the model alone and of the whole pipeline."""
    run = mc.load_run(ROOT / "runs" / ("three_policies.toml" if "--quick" in sys.argv else "baseline.toml"))
    study = pose(run).study
    blocks = QUICK_BLOCKS if "--quick" in sys.argv else BLOCKS
    settings = dataclasses.replace(settings_of(run, study), draws=blocks * run.ensemble.block)
    plan = plan_draws(study.inputs, study.correlations, seed=settings.seed)
    block, dtype = settings.block, jnp.dtype(settings.precision)
    with precise():
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=dtype), study.data)

        @functools.partial(jax.jit, compiler_options=compiler_options(jax.default_backend()))
        def outputs(index):
            return jax.vmap(lambda at: study.function(data, plan.draw(plan.tables, at, dtype)))(index)

        indices = [jnp.arange(block, dtype=jnp.uint32) + np.uint32(block * number) for number in range(blocks)]

    def model() -> None:
        with precise():
            for index in indices:
                jax.block_until_ready(outputs(index))

    pilot = run_ensemble(study, settings, draws=(0, 0), devices=jax.devices()[:1])
    rounds = alternate({"model": model}, rounds=3)
    # A run that resumes from its pilot: compilation and pilot are behind it; the first call compiles.
    whole = alternate(
        {
            "model": model,
            "pipeline": lambda: run_ensemble(study, settings, state=pilot, devices=jax.devices()[:1]),
        },
        rounds=3,
    )
    draws = blocks * block
    report(
        "statistics beside the model",
        run=run.file.name,
        draws=draws,
        model_us_per_draw=1e6 * min(rounds["model"], whole["model"]) / draws,
        pipeline_us_per_draw=1e6 * whole["pipeline"] / draws,
        pipeline_over_model=whole["pipeline"] / whole["model"],
    )


if __name__ == "__main__":
    main()
