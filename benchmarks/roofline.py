"""How near is the whole chain, its years included, to the machine: arithmetic to products of matrices, bytes to a copy?

Arithmetic is counted in the traced program of one draw (a sum, a product, a comparison each count as one, an
exponential too; a loop as often as it runs), bytes are those that any program must move: inputs and outputs, once.
Products of matrices and copies are timed on this machine, in turn with the chain, all in CPU seconds.
"""

from typing import Any

import jax
import jax.numpy as jnp
from measuring import alternate, report, three_policies
from measuring.kept import Kept
from measuring.limits import COPIED, SIZE, operations

from mc.blocks import precise
from mc.draws import plan_draws

BLOCK = 32


def main() -> None:
    """Print arithmetic and bytes a draw, the peaks, and the shares of each that the chain reaches."""
    study = three_policies()
    plan = plan_draws(study.inputs, study.correlations)
    with precise():
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), study.data)
        one = {name: jnp.asarray(value) for name, value in plan.mean_draw(jnp.float32).items()}
        work = operations(jax.make_jaxpr(study.function)(data, one).jaxpr)
        index = jnp.arange(BLOCK, dtype=jnp.uint32)
        drawn = jax.jit(jax.vmap(lambda at: plan.draw(plan.tables, at, jnp.float32)))(index)
        many = jax.vmap(lambda draw: study.function(data, draw))
        chain = Kept(many, (drawn,))
        matrix, long = jnp.ones((SIZE, SIZE), jnp.float32), jnp.ones(COPIED, jnp.float32)
        product, copy = Kept(lambda x: x @ x, (matrix,)), Kept(lambda x: -x, (long,))
        moved = sum(leaf.nbytes for leaf in jax.tree.leaves((drawn, chain(drawn)))) / BLOCK

        def run(function: Any, argument: Any) -> Any:
            with precise():
                return jax.block_until_ready(function(argument))

        spent = alternate(
            {
                "chain": lambda: run(chain, drawn),
                "product": lambda: run(product, matrix),
                "copy": lambda: run(copy, long),
            },
            rounds=9,
        )
    seconds = spent["chain"] / BLOCK
    flops, bandwidth = 2.0 * SIZE**3 / spent["product"], 2.0 * long.nbytes / spent["copy"]
    report(
        "share of the roofline",
        block=BLOCK,
        chain_us_per_draw=1e6 * seconds,
        mflop_per_draw=work / 1e6,
        kilobytes_per_draw=moved / 1e3,
        peak_gflops_a_core=flops / 1e9,
        copy_gigabytes_per_second_a_core=bandwidth / 1e9,
        share_of_arithmetic=work / seconds / flops,
        share_of_copy=moved / seconds / bandwidth,
    )


if __name__ == "__main__":
    main()
