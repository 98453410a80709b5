"""One compiled program that runs blocks of draws on a device and folds them into the statistics.

A block is `settings.block` consecutive draws; block b always runs draws b * block to (b + 1) * block - 1 in the same
places of the same program, and draws outside the wanted range are masked. So an output of draw i has the same bits
however a run is cut, and every statistic is a sum that is exact in any order.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.devices import compiler_options
from mc.draws import DrawPlan
from mc.identity import structure_of
from mc.memory import return_free_memory
from mc.programs import load_or_compile
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


class BlockProgram:
    """The program of one study and settings: traced once, compiled once for each device that runs it.

    `like` is an earlier program of the same structure, whose compiled form is used again.
    """

    def __init__(
        self,
        study: Study,
        settings: Settings,
        plan: DrawPlan,
        series: tuple[Series, ...],
        platform: str,
        like: BlockProgram | None = None,
    ) -> None:
        self.study, self.settings, self.plan, self.series = study, settings, plan, series
        self.dtype, self.data_tree = jnp.dtype(settings.precision), jax.tree.structure(study.data)
        self.chunk = math.gcd(CHUNK, settings.block) if platform == "cpu" else settings.block
        self.packs, self.causes = plan_packs(series), cause_names(study)
        self.compiled: Callable[..., dict[str, Any]]
        self.compiled = (
            like.compiled
            if like
            else jax.jit(self._run, donate_argnames="carry", compiler_options=compiler_options(platform))
        )
        self._on: dict[jax.Device, Callable[..., dict[str, Any]]] = like._on if like else {}
        self._lock = threading.Lock()  # two lanes of a device load its program once

    def on(self, device: jax.Device, arguments: tuple[Any, ...]) -> Callable[..., dict[str, Any]]:
        """The program for a device and arguments like these, from disk if it is there; call it within `precise`."""
        with self._lock:
            if device not in self._on:
                self._on[device] = load_or_compile(self.compiled, arguments, device, self._made_from())
                return_free_memory()
            return self._on[device]

    def _made_from(self) -> tuple[str, ...]:
        """What the program is traced from, in words; nothing for a study that cannot say what its function is."""
        study = self.study
        made_from = (study.name, study.variant, repr(structure_of(study, self.settings)), str(self.data_tree))
        return made_from if study.variant else ()

    def data(self) -> list[Numbers]:
        """The leaves of the study's data on the host, floating arrays in the precision of the chain.

        Without the classes of the study a kept program can be loaded before these are imported.
        """

        def cast(leaf: Any) -> Numbers:
            array = np.asarray(leaf)
            return array.astype(self.dtype) if np.issubdtype(array.dtype, np.floating) else array

        return [cast(leaf) for leaf in jax.tree.leaves(self.study.data)]

    def mean(self) -> dict[str, Numbers]:
        """Every input at its mean, in the precision of the chain."""
        return {name: np.asarray(value, self.dtype) for name, value in self.plan.mean_draw(self.dtype).items()}

    def empty_totals(self) -> dict[str, Any]:
        """Sums and counts before the first draw, on the host."""
        scramblings = self.settings.scramblings
        return {
            "count": np.zeros(scramblings, np.int32),
            "failed": np.zeros((), np.int32),
            "causes": np.zeros(len(self.causes), np.int32),
            "listed": np.zeros(LISTED_FAILURES, np.uint32),
            "listed_cause": np.zeros(LISTED_FAILURES, np.int32),
            "statistics": {
                pack.name: {statistic.key: statistic.init(pack.elements, scramblings) for statistic in pack.statistics}
                for pack in self.packs
            },
        }

    def empty_block(self) -> dict[str, Any]:
        """Room for the inputs, outputs and validity of one block, by what is declared."""
        size = self.settings.block
        shapes = {
            output.name: tuple(len(self.study.coords[dim]) for dim in output.dims) for output in self.study.outputs
        }
        return {
            "inputs": {name: np.zeros((size, *value.shape), self.dtype) for name, value in self.mean().items()},
            "outputs": {name: np.zeros((size, *shape), self.dtype) for name, shape in shapes.items()},
            "valid": np.zeros(size, np.bool_),
        }

    def _evaluated(
        self,
        data: Any,
        tables: Any,
        mean: dict[str, Array],
        span: dict[str, Array],
        first: Array,
        block: dict[str, Any],
    ) -> dict[str, Any]:
        """The inputs and outputs of the block that begins at draw `first`, in the chunks that hold draws asked for.

        The other chunks stay as they are in `block`: all of them if it is `held`. The mean draw stands in every place.
        """
        size, number = self.chunk, self.settings.block // self.chunk

        def one_chunk(at: Array, block: dict[str, Any]) -> dict[str, Any]:
            index = (first + at * size).astype(jnp.uint32) + jnp.arange(size, dtype=jnp.uint32)
            drawn = jax.vmap(lambda at: self.plan.draw(tables, at, self.dtype))(index)
            inputs = {name: jnp.where(span["at_mean"], mean[name][None], drawn[name]) for name in drawn}
            outputs = jax.vmap(self.study.function, in_axes=(None, 0))(data, inputs)
            _check_outputs(self.study, outputs)
            written: dict[str, Any] = jax.tree.map(
                lambda whole, part: jax.lax.dynamic_update_slice_in_dim(whole, part.astype(whole.dtype), at * size, 0),
                block,
                {"inputs": inputs, "outputs": outputs},
            )
            return written

        if number == 1:
            return one_chunk(jnp.int64(0), block)
        low, high = ((span[name].astype(jnp.int64) - first) for name in ("low", "high"))
        begin, end = jnp.clip(low // size, 0, number), jnp.clip(-(-high // size), 0, number)
        evaluated: dict[str, Any] = jax.lax.fori_loop(begin, jnp.where(span["held"], begin, end), one_chunk, block)
        return evaluated

    def _run(
        self,
        data: list[Array],
        tables: Any,
        mean: dict[str, Array],
        constants: Any,
        carry: dict[str, Any],
        span: dict[str, Array],
    ) -> dict[str, Any]:
        """Fold blocks `first` to `first + blocks - 1` in; of their draws only those in [low, high) count.

        `held`: the block in `carry` is the one that is asked for, and need not be evaluated; without `fold` draws are
        evaluated and checked, and no statistic changes; draws `at_mean` count nowhere.
        """
        size, whole = self.settings.block, jax.tree.unflatten(self.data_tree, data)

        def one_block(block: Array, carry: dict[str, Any]) -> dict[str, Any]:
            index = block * np.uint32(size) + jnp.arange(size, dtype=jnp.uint32)
            asked = (index >= span["low"]) & (index < span["high"]) & ~span["at_mean"]
            before = {name: carry["block"][name] for name in ("inputs", "outputs")}
            drawn = self._evaluated(whole, tables, mean, span, block.astype(jnp.int64) * size, before)
            # XLA would fuse the model into every statistic and compute it again and again: 5 x slower. It never fuses
            # across the border of a branch, so the statistics live in one that is always taken.
            totals, valid = jax.lax.cond(
                asked.any(),
                functools.partial(self._fold, constants, span["fold"]),
                lambda totals, _outputs, asked, _index: (totals, asked),
                carry["totals"],
                drawn["outputs"],
                asked,
                index,
            )
            return {"totals": totals, "block": drawn | {"valid": valid}}

        result: dict[str, Any] = jax.lax.fori_loop(span["first"], span["first"] + span["blocks"], one_block, carry)
        return result

    def _fold(
        self, constants: Any, fold: Array, totals: dict[str, Any], outputs: dict[str, Array], asked: Array, index: Array
    ) -> tuple[dict[str, Any], Array]:
        """Totals with a block folded in, and which of its draws were asked for and did not fail."""
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
            "statistics": jax.lax.cond(fold, updated, lambda statistics: statistics, totals["statistics"]),
        }
        return counted, valid


def cause_names(study: Study) -> tuple[str, ...]:
    """Why a draw can fail: an output that is not a number or infinite, or a fault output above zero."""
    numbers = [f"{output.name}: {what}" for what in ("not a number", "infinite") for output in study.outputs]
    return (*numbers, *(output.name for output in study.outputs if output.kind == "fault"))


def causes_of(study: Study, outputs: Mapping[str, Array]) -> Array:
    """Which causes hold, (draw, cause), in the order of `cause_names`; infinities of both signs are not a number."""
    # A sum is finite if and only if all of its terms are, once they are too small to overflow. As a product with a
    # vector: on a CPU, XLA takes 15 times as long to sum or to compare along the rows of an array.
    values = [outputs[output.name] for output in study.outputs]
    flat = [value.reshape(len(value), -1) for value in values]
    total = jnp.stack([value @ jnp.full(value.shape[1], TINY, value.dtype) for value in flat], axis=1)
    faults = [outputs[output.name][:, None] > 0 for output in study.outputs if output.kind == "fault"]
    return jnp.concatenate([jnp.isnan(total), jnp.isinf(total), *faults], axis=1)


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


def _check_outputs(study: Study, outputs: Mapping[str, Any]) -> None:
    declared = {output.name: tuple(len(study.coords[dim]) for dim in output.dims) for output in study.outputs}
    if missing := sorted(declared.keys() ^ outputs.keys()):
        raise ValueError(f"{study.name}: outputs declared but not returned, or the reverse: {', '.join(missing)}")
    for name, shape in declared.items():
        if outputs[name].shape[1:] != shape:
            raise ValueError(f"{study.name}: output {name} has shape {outputs[name].shape[1:]}, its dims say {shape}")
