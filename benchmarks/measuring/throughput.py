"""Draws a second of whole runs on one device, statistics included, and what a draw asks of it."""

import time
from collections.abc import Iterable
from typing import Any

from measuring import report
from measuring.limits import work_of


def outputs_of(study: Any) -> tuple[str, ...]:
    """Outputs that get quantiles: those without provinces, as in a run."""
    return tuple(output.name for output in study.outputs if output.kind == "result" and "province" not in output.dims)


def settings_for(study: Any, block: int, draws: int) -> Any:
    """Settings of a run with blocks of this size."""
    from mc.settings import Settings

    return Settings(draws=draws, block=block, quantiles=outputs_of(study), pilot=block, failed_share=1.0)


def throughput(
    study: Any, name: str, device: Any, blocks: Iterable[int], seconds: float, limits: dict[str, float]
) -> dict[int, float]:
    """Draws a second of whole runs, statistics included, by block size."""
    from mc.devices import is_out_of_memory

    rates = {}
    for block in blocks:
        try:
            rates[block], first = rate_of(study, block, device, seconds)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            report("gpu: draws a second", study=name, block=block, refused="no memory for a block of this size")
            break
        work = work_per_draw(study, block, device)
        report(
            "gpu: draws a second",
            study=name,
            block=block,
            draws_per_s=rates[block],
            first_block_s=first,
            **{f"{what}_per_draw": value for what, value in work.items()},
            share_of_gemm=rates[block] * work["flops"] / limits["flops"],
            share_of_copy=rates[block] * work["bytes"] / limits["bytes"],
        )
    return rates


def rate_of(study: Any, block: int, device: Any, seconds: float) -> tuple[float, float]:
    """Draws a second after the pilot, and the seconds of the pilot, which compiles."""
    from mc.ensemble import run_ensemble

    begin = time.perf_counter()
    start = run_ensemble(study, settings_for(study, block, block), devices=[device], draws=(0, 0))
    first = time.perf_counter() - begin
    draws, rate = 4 * block, 0.0
    while True:
        begin = time.perf_counter()
        run_ensemble(study, settings_for(study, block, draws), devices=[device], state=start)
        spent = time.perf_counter() - begin
        rate = draws / spent
        if spent > seconds / 2 or draws >= 2**30:
            return rate, first
        draws = min(2**30, block * max(2 * draws // block, int(rate * seconds) // block))


def work_per_draw(study: Any, block: int, device: Any) -> dict[str, float]:
    """Operations and bytes of a draw of the model alone, as XLA counts them."""
    import jax
    import jax.numpy as jnp

    from mc.blocks import precise
    from mc.devices import compiler_options
    from mc.draws import plan_draws

    plan = plan_draws(study.inputs, study.correlations)
    with precise(), jax.default_device(device):
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), study.data)
        run = jax.jit(
            jax.vmap(lambda at: study.function(data, plan.draw(plan.tables, at, jnp.float32))),
            compiler_options=compiler_options(device.platform),
        )
        work = work_of(run.lower(jnp.arange(block, dtype=jnp.uint32)).compile())
    return {what: value / block for what, value in work.items()}
