"""Does another device give what the CPU gives?"""

from dataclasses import replace
from typing import Any

from measuring import report
from measuring.throughput import outputs_of, settings_for

SAME = 1e-4
"""Quantiles of CPU and GPU may differ by this share of the largest value of their output."""

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)


def check(study: Any, name: str, device: Any, draws: int) -> bool:
    """Compare this device with the CPU, draw by draw and quantile by quantile."""
    import jax
    import numpy as np

    from mc.ensemble import run_ensemble

    cpu = jax.local_devices(backend="cpu")[0]
    same_bits, off_inputs = compare_draws(study, cpu, device, draws)
    keep = outputs_of(study)
    settings = replace(settings_for(study, min(64, draws), draws), keep=keep)
    states = [run_ensemble(study, settings, devices=[one]) for one in (cpu, device)]
    # From the draws themselves: a value that crosses the edge of a bin moves a histogram's quantile by more than that.
    off = {}
    for output in keep:
        pair = [np.quantile(state.kept.outputs[output], PROBABILITIES, axis=0) for state in states]
        off[output] = float(np.max(np.abs(pair[0] - pair[1])) / max(np.max(np.abs(pair[0])), 1e-30))
    worst = max(off, key=lambda output: off[output])
    report(
        "gpu: equal to the CPU",
        study=name,
        draws=draws,
        bits_equal=same_bits,
        inputs_off=off_inputs,
        quantiles_off=off[worst],
        worst_output=worst,
        beyond_tolerance=sorted(output for output, value in off.items() if value > SAME),
        passed=same_bits and off[worst] <= SAME,
    )
    return same_bits and off[worst] <= SAME


def compare_draws(study: Any, cpu: Any, device: Any, draws: int) -> tuple[bool, float]:
    """Whether the random bits are the same, and the largest relative difference of the inputs made of them."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from mc.blocks import precise
    from mc.draws import plan_draws

    plan = plan_draws(study.inputs, study.correlations)
    index = np.arange(draws, dtype=np.uint32)
    results = []
    for one in (cpu, device):
        with precise(), jax.default_device(one):
            tables = jax.device_put(plan.tables, one)
            both = jax.jit(
                jax.vmap(
                    lambda at, tables=tables: (
                        plan.sampler.bits(tables["sampler"], at),
                        plan.draw(tables, at, jnp.float32),
                    )
                )
            )
            results.append(jax.tree.map(np.asarray, both(jax.device_put(index, one))))
    (bits, inputs), (other_bits, other_inputs) = results
    scale = {key: np.maximum(np.abs(value).max(), 1e-30) for key, value in inputs.items()}
    off = max(float(np.max(np.abs(other_inputs[key] - value) / scale[key])) for key, value in inputs.items())
    return bool(np.array_equal(bits, other_bits)), off
