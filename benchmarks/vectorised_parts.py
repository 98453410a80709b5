"""How fast are the parts of the chain that need no loop over years (stock, energy, emissions), and what bounds them?

Three policies; the years are walked once, beforehand, for every rival. CPU seconds a draw on one core, in turn, against
the same parts in vectorised NumPy (tests/reference/batch, equal to the chain to 1e-9), all draws at once and draw by
draw. As in a run, outputs go to memory that is there. (A loop compiled by numba stands in `time_to_accuracy`.)

Shares of two rooflines: arithmetic of the traced program over a product of matrices on this machine, bytes of arguments
and results over a copy within memory that is there. XLA makes a loop of each relation, and between two loops the arrays
of 32 draws leave the cache of a core. Work left out lowers the share of arithmetic and the time alike.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import partial_eval
from measuring import ROOT, alternate, on_one_core, report, three_policies
from measuring.chain_parts import Once, books, stock, without_years, years_of
from measuring.kept import Kept
from measuring.limits import COPIED, SIZE, operations

from mc.blocks import precise
from mc.devices import compiler_options
from mc.draws import plan_draws

DRAWS = 32


def parts_of(study: Any) -> tuple[dict[str, tuple[Any, tuple[Any, ...]]], Any]:
    """Function of one draw and its arguments (draw, ...) by part; and the inputs in float64, for NumPy."""
    plan = plan_draws(study.inputs, study.correlations)
    data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), study.data)
    index = jnp.arange(DRAWS, dtype=jnp.uint32)
    bound = study.function.args[0]
    drawn = each(lambda at: plan.draw(plan.tables, at, jnp.float32))(index)
    inputs = each(lambda draw: bound.assemble(data["tables"], draw))(drawn)
    years = each(functools.partial(years_of, study, data))(drawn)
    parts: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "stock": (functools.partial(stock, data), (inputs,)),
        "books": (functools.partial(books, study, data), (drawn, years)),
        "all": (functools.partial(without_years, study, data), (drawn, years)),
    }
    return parts, jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), inputs)


def each(function: Any) -> Any:
    """A function of one draw as a compiled one of many."""
    return jax.jit(jax.vmap(function), compiler_options=compiler_options(jax.default_backend()))


def needed(jaxpr: Any) -> Any:
    """A traced program without what no result needs, which a compiler leaves out."""
    return partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))[0]


def in_numpy(study: Any) -> Callable[[Any, Once], Any]:
    """The chain in NumPy, as a function of inputs and of the loop over years."""
    sys.path.insert(0, str(ROOT / "tests"))
    from reference.batch import chain as batch

    world = jax.tree.map(np.asarray, study.data["world"])
    carriers, policies = ([str(label) for label in study.coords[dim]] for dim in ("carrier", "scenario"))

    def outputs(inputs: Any, walker: Once) -> Any:
        with mock.patch.object(batch, "Years", walker):
            return batch.outputs(inputs, world, carriers, tuple(policies))

    return outputs


def main() -> None:
    """Print a line a part, and what all of them gain over NumPy."""
    on_one_core()
    study = three_policies()
    numpy = in_numpy(study)
    from reference.batch.years import Years

    with precise():
        parts, inputs = parts_of(study)
        compiled = {name: Kept(jax.vmap(function), given) for name, (function, given) in parts.items()}
        work = {
            name: operations(needed(jax.make_jaxpr(function)(*jax.tree.map(lambda leaf: leaf[0], given)).jaxpr))
            for name, (function, given) in parts.items()
        }
        moved = {
            name: sum(leaf.nbytes for leaf in jax.tree.leaves((given, compiled[name](*given)))) / DRAWS
            for name, (_, given) in parts.items()
        }
    one, together, alone = jax.tree.map(lambda leaf: leaf[:1], inputs), Once(Years), Once(Years)
    matrix, long = jnp.ones((SIZE, SIZE), jnp.float32), jnp.ones(COPIED, jnp.float32)
    with precise():
        product, copy = Kept(lambda x: x @ x, (matrix,)), Kept(lambda x: -x, (long,))

    def run(function: Any, *arguments: Any) -> None:
        with precise():
            jax.block_until_ready(function(*arguments))

    spent = alternate(
        {
            **{name: functools.partial(run, compiled[name], *given) for name, (_, given) in parts.items()},
            "numpy": lambda: numpy(inputs, together),
            "numpy_one": lambda: numpy(one, alone),
            "product": lambda: run(product, matrix),
            "copy": lambda: run(copy, long),
        },
        rounds=9,
    )
    flops, bandwidth = 2.0 * SIZE**3 / spent["product"], 2.0 * long.nbytes / spent["copy"]
    for name in parts:
        seconds = spent[name] / DRAWS
        report(
            "parts of the chain without a loop over years",
            part=name,
            us_per_draw=1e6 * seconds,
            mflop_per_draw=work[name] / 1e6,
            kilobytes_per_draw=moved[name] / 1e3,
            share_of_arithmetic=work[name] / seconds / flops,
            share_of_copy=moved[name] / seconds / bandwidth,
        )
    report(
        "parts without a loop against NumPy",
        draws=DRAWS,
        numpy_us_per_draw=1e6 * spent["numpy"] / DRAWS,
        numpy_one_by_one_us_per_draw=1e6 * spent["numpy_one"],
        numpy_over=spent["numpy"] / spent["all"],
        numpy_one_by_one_over=spent["numpy_one"] * DRAWS / spent["all"],
    )


if __name__ == "__main__":
    main()
