"""Compiled programs that draw the inputs of a block, evaluate them and fold the outputs into the statistics.

A block is `settings.block` consecutive draws; block b always holds draws b * block to (b + 1) * block - 1 in the same
places of the same programs, and draws outside the wanted range are masked. So an output of draw i has the same bits
however a run is cut, and every statistic is a sum that is exact in any order.

Three of them, because XLA would fuse draws and model into all that reads them and work them out again and again; and
because they compile at the same time.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.devices import compiler_options
from mc.draws import DrawPlan
from mc.identity import structure_of
from mc.memory import return_free_memory
from mc.programs import Programs, load_or_compile
from mc.settings import Settings
from mc.state import LISTED_FAILURES
from mc.statistics.contract import Numbers
from mc.statistics.plan import Pack, Series, plan_packs
from mc.study import Study

CHUNK = 32
"""Draws of a block that the function is mapped over at once on a CPU: their arrays stay in the cache of a core."""

TINY = 2.0**-40
"""Factor that keeps the sum of an output's elements, up to 2^40 of them, from overflowing."""


@contextlib.contextmanager
def precise() -> Iterator[None]:
    """64-bit accumulators, and products in the precision of their arguments (no TF32 on a GPU)."""
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        yield


class BlockPrograms:
    """The programs of one study and settings: traced once, compiled once for each device that runs them.

    `like` are earlier ones of the same structure, whose compiled forms are used again.
    """

    def __init__(
        self,
        study: Study,
        settings: Settings,
        plan: DrawPlan,
        series: tuple[Series, ...],
        platform: str,
        like: BlockPrograms | None = None,
    ) -> None:
        self.study, self.settings, self.plan, self.series = study, settings, plan, series
        self.dtype, self.data_tree = jnp.dtype(settings.precision), jax.tree.structure(study.data)
        self.chunk = math.gcd(CHUNK, settings.block) if platform == "cpu" else settings.block
        self.packs, self.causes = plan_packs(series), cause_names(study)
        options = compiler_options(platform)
        self.jitted: dict[str, Any] = (
            like.jitted
            if like
            else {
                "evaluate": jax.jit(self._evaluate, donate_argnames="outputs", compiler_options=options),
                "draw": jax.jit(self._draw, compiler_options=options),
                "fold": jax.jit(self._fold, donate_argnames="totals", compiler_options=options),
                "no_outputs": jax.jit(self._no_outputs, keep_unused=True, compiler_options=options),
                "no_sums": jax.jit(self._no_sums, keep_unused=True, compiler_options=options),
            }
        )
        self._on: dict[jax.Device, Programs] = like._on if like else {}
        self._lock = threading.Lock()  # two lanes of a device load its programs once

    def on(self, device: jax.Device, arguments: Mapping[str, tuple[Any, ...]]) -> Programs:
        """The programs for a device and arguments like these, from disk if they are there; call within `precise`."""
        with self._lock:
            if device not in self._on:
                self._on[device] = load_or_compile(self.jitted, arguments, device, self._made_from())
                return_free_memory()
            return self._on[device]

    def _made_from(self) -> tuple[str, ...]:
        """What the programs are traced from, in words; nothing for a study that cannot say what its function is."""
        study = self.study
        made_from = (study.name, study.variant, repr(structure_of(study, self.settings)), str(self.data_tree))
        return made_from if study.variant else ()

    def data(self) -> list[Numbers]:
        """The leaves of the study's data on the host, floating arrays in the precision of the chain.

        Without the classes of the study kept programs can be loaded before these are imported.
        """

        def cast(leaf: Any) -> Numbers:
            array = np.asarray(leaf)
            return array.astype(self.dtype) if np.issubdtype(array.dtype, np.floating) else array

        return [cast(leaf) for leaf in jax.tree.leaves(self.study.data)]

    def mean(self) -> dict[str, Numbers]:
        """Every input at its mean, in the precision of the chain."""
        return {name: np.asarray(value, self.dtype) for name, value in self.plan.mean_draw(self.dtype).items()}

    def no_counts(self) -> dict[str, Numbers]:
        """Counts before the first draw, on the host."""
        return {
            "count": np.zeros(self.settings.scramblings, np.int32),
            "failed": np.zeros((), np.int32),
            "causes": np.zeros(len(self.causes), np.int32),
            "listed": np.zeros(LISTED_FAILURES, np.uint32),
            "listed_cause": np.zeros(LISTED_FAILURES, np.int32),
        }

    def no_sums(self) -> dict[str, Any]:
        """The statistics of every pack before the first draw, on the host."""
        scramblings = self.settings.scramblings
        return {
            pack.name: {statistic.key: statistic.init(pack.elements, scramblings) for statistic in pack.statistics}
            for pack in self.packs
        }

    def no_outputs(self) -> dict[str, Numbers]:
        """Room for the outputs of one block by what is declared, on the host."""
        shapes = _shapes(self.study)
        return {name: np.zeros((self.settings.block, *shape), self.dtype) for name, shape in shapes.items()}

    def at_mean(self) -> dict[str, Numbers]:
        """Inputs of one block with the mean draw in every place."""
        size = self.settings.block
        return {name: np.broadcast_to(value, (size, *value.shape)) for name, value in self.mean().items()}

    def _no_outputs(self, _: Array) -> dict[str, Array]:
        """`no_outputs` on the device of an array."""
        return _made_there(self.no_outputs())

    def _no_sums(self, _: Array) -> dict[str, Any]:
        """`no_sums` on the device of an array."""
        return _made_there(self.no_sums())

    def _draw(self, tables: Any, first: Array) -> dict[str, Array]:
        """The inputs of the block that begins at draw `first`."""
        index = first + jnp.arange(self.settings.block, dtype=jnp.uint32)
        drawn: dict[str, Array] = jax.vmap(lambda at: self.plan.draw(tables, at, self.dtype))(index)
        return drawn

    def _evaluate(
        self, data: list[Array], inputs: dict[str, Array], outputs: dict[str, Array], low: Array, high: Array
    ) -> dict[str, Array]:
        """The outputs of a block, in the chunks that hold its draws `low` to `high` - 1, counted from its first.

        The other chunks stay as they are in `outputs`.
        """
        size, whole = self.chunk, jax.tree.unflatten(self.data_tree, data)
        if size == self.settings.block:
            return self._function(whole, inputs)

        def one_chunk(at: Array, outputs: dict[str, Array]) -> dict[str, Array]:
            def evaluated(part: dict[str, Array]) -> dict[str, Array]:
                return self._function(whole, part)

            def nothing(_: dict[str, Array]) -> dict[str, Array]:
                return {name: jnp.zeros((size, *value.shape[1:]), self.dtype) for name, value in outputs.items()}

            part = {name: jax.lax.dynamic_slice_in_dim(value, at * size, size) for name, value in inputs.items()}
            # XLA would fuse the model into the writing of every output and compute it again for each. It never fuses
            # across the border of a branch, so the model lives in one that is always taken.
            found = jax.lax.cond(low < high, evaluated, nothing, part)
            return {
                name: jax.lax.dynamic_update_slice_in_dim(value, found[name], at * size, 0)
                for name, value in outputs.items()
            }

        evaluated: dict[str, Array] = jax.lax.fori_loop(low // size, -(-high // size), one_chunk, outputs)
        return evaluated

    def _function(self, data: Any, inputs: dict[str, Array]) -> dict[str, Array]:
        """The function of the study, mapped over draws."""
        outputs = jax.vmap(self.study.function, in_axes=(None, 0))(data, inputs)
        _check_outputs(self.study, outputs)
        return {name: value.astype(self.dtype) for name, value in outputs.items()}

    def _fold(
        self, constants: Any, totals: dict[str, Any], outputs: dict[str, Array], span: dict[str, Array]
    ) -> tuple[dict[str, Any], Array]:
        """Totals with the block that begins at draw `first` folded in, and which of its draws count.

        Those count that lie in [low, high) and did not fail; without `fold` failures are counted and nothing else.
        """
        index = span["first"] + jnp.arange(self.settings.block, dtype=jnp.uint32)
        asked = (index >= span["low"]) & (index < span["high"])
        found = causes_of(self.study, outputs) & asked[:, None]
        valid = asked & ~found.any(axis=1)
        mask = valid.reshape(-1, self.settings.scramblings)

        def updated(statistics: dict[str, Any]) -> dict[str, Any]:
            return {
                pack.name: _update(pack, statistics[pack.name], outputs, mask, constants[pack.name])
                for pack in self.packs
            }

        counted = _count_failures(totals, found, index) | {
            "count": totals["count"] + mask.sum(axis=0, dtype=jnp.int32),
            "statistics": jax.lax.cond(span["fold"], updated, lambda statistics: statistics, totals["statistics"]),
        }
        return counted, valid


def _made_there(empty: Mapping[str, Any]) -> dict[str, Any]:
    """What holds one number throughout, made where it is needed instead of brought there."""

    def full(one: Numbers) -> Array:
        return jnp.full(one.shape, one.flat[0] if one.size else 0, one.dtype)

    made: dict[str, Any] = jax.tree.map(full, dict(empty))
    return made


def cause_names(study: Study) -> tuple[str, ...]:
    """Why a draw can fail: an output that is not a number or infinite, or a fault output above zero."""
    numbers = [f"{output.name}: {what}" for what in ("not a number", "infinite") for output in study.outputs]
    return (*numbers, *(output.name for output in study.outputs if output.kind == "fault"))


def causes_of(study: Study, outputs: Mapping[str, Array]) -> Array:
    """Which causes hold, (draw, cause), in the order of `cause_names`; an output with NaN is not also infinite."""
    # A sum is finite if and only if all of its terms are, once they are too small to overflow. As a product with a
    # vector: on a CPU, XLA takes many times as long to sum or to compare along the rows of an array.
    values = [outputs[output.name] for output in study.outputs]
    flat = [value.reshape(len(value), -1) for value in values]
    total = _totals(flat)
    # Infinities of both signs add up to NaN too, but not without their signs.
    total = jax.lax.cond(jnp.isnan(total).any(), lambda: _totals([jnp.abs(value) for value in flat]), lambda: total)
    faults = [outputs[output.name][:, None] > 0 for output in study.outputs if output.kind == "fault"]
    return jnp.concatenate([jnp.isnan(total), jnp.isinf(total), *faults], axis=1)


def _totals(values: Sequence[Array]) -> Array:
    """Scaled sums of the elements (draw, element) of every output, (draw, output)."""
    return jnp.stack([value @ jnp.full(value.shape[1], TINY, value.dtype) for value in values], axis=1)


def _update(
    pack: Pack, state: dict[str, Any], outputs: Mapping[str, Array], mask: Array, constants: dict[str, Any]
) -> dict[str, Any]:
    values = pack.values(outputs).reshape(*mask.shape, pack.elements)
    return {
        statistic.key: statistic.update(state[statistic.key], values, mask, constants[statistic.key])
        for statistic in pack.statistics
    }


def _count_failures(totals: dict[str, Any], found: Array, index: Array) -> dict[str, Any]:
    failed = found.any(axis=1)
    place = totals["failed"] + jnp.cumsum(failed, dtype=jnp.int32) - 1
    place = jnp.where(failed, place, LISTED_FAILURES)
    return totals | {
        "failed": totals["failed"] + failed.sum(dtype=jnp.int32),
        "causes": totals["causes"] + found.sum(axis=0, dtype=jnp.int32),
        "listed": totals["listed"].at[place].set(index, mode="drop"),
        "listed_cause": totals["listed_cause"].at[place].set(jnp.argmax(found, axis=1).astype(jnp.int32), mode="drop"),
    }


def _shapes(study: Study) -> dict[str, tuple[int, ...]]:
    """Shape of each output of a draw, as declared."""
    return {output.name: tuple(len(study.coords[dim]) for dim in output.dims) for output in study.outputs}


def _check_outputs(study: Study, outputs: Mapping[str, Any]) -> None:
    declared = _shapes(study)
    if missing := sorted(declared.keys() ^ outputs.keys()):
        raise ValueError(f"{study.name}: outputs declared but not returned, or the reverse: {', '.join(missing)}")
    for name, shape in declared.items():
        if outputs[name].shape[1:] != shape:
            raise ValueError(f"{study.name}: output {name} has shape {outputs[name].shape[1:]}, its dims say {shape}")
