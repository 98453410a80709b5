"""Compiled programs kept on disk: a second run of the same program neither traces nor compiles it.

JAX's own cache is keyed by what tracing and lowering make of a program, which takes seconds; this one is keyed by what
the program is made from: the source of this package, the study and the settings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from mc.ahead import take
from mc.cache import entry, keep_entry, load_entry

Programs = dict[str, Callable[..., Any]]
"""Programs that belong together, by name."""


def load_or_compile(
    programs: Programs, arguments: Mapping[str, tuple[Any, ...]], device: jax.Device, made_from: Iterable[str]
) -> Programs:
    """`programs` (jitted, of dicts, lists and tuples of arrays) compiled for their `arguments` on `device`.

    `made_from` is all that they are traced from besides the source of this package and the shapes of `arguments`; with
    nothing in it they are not kept, and returned as they are. They compile at the same time: name the longest first.
    """
    place = _entry((*made_from,), arguments, device)
    if place is None:
        return programs
    known = take(place, device) or load(place, device)
    if known is not None:
        return known
    with _afresh(), ThreadPoolExecutor(len(programs)) as pool:
        begun = {}
        for name, program in programs.items():
            jitted: Any = program
            begun[name] = pool.submit(jitted.lower(*arguments[name]).compile)
        compiled: Programs = {name: future.result() for name, future in begun.items()}
    _keep(place, compiled)
    return compiled


@contextlib.contextmanager
def _afresh() -> Iterator[None]:
    """Compile without JAX's own cache: a program that comes from there cannot be written again.

    On a CPU its copy lacks code: it loads, and every run of it ends in "Function ... not found".
    """
    config: Any = jax.config
    enabled = config.jax_enable_compilation_cache
    config.update("jax_enable_compilation_cache", False)
    reset_cache()
    try:
        yield
    finally:
        config.update("jax_enable_compilation_cache", enabled)
        reset_cache()


def _entry(made_from: tuple[str, ...], arguments: Mapping[str, tuple[Any, ...]], device: jax.Device) -> Path | None:
    """File of programs; None where programs are not kept."""
    if not made_from:
        return None
    leaves, tree = jax.tree.flatten(dict(arguments))
    shapes = [f"{leaf.dtype}{leaf.shape}" for leaf in leaves]
    return entry("programs", (device.platform, device.device_kind, str(tree), *shapes, *made_from))


def load(place: Path, device: jax.Device) -> Programs | None:
    """The programs of an entry; None where it is missing, damaged or not the user's own."""
    from jax.experimental.serialize_executable import deserialize_and_load

    packed = load_entry(place)
    try:
        return {
            name: deserialize_and_load(program, taken, given, backend=device.client, execution_devices=[device])
            for name, (program, taken, given) in packed.items()
        }
    except Exception:  # whatever is wrong with an entry, the programs can be compiled
        return None


def _keep(place: Path, compiled: Mapping[str, Any]) -> None:
    """Write an entry; a failure is no loss."""
    from jax.experimental.serialize_executable import serialize

    with contextlib.suppress(Exception):
        keep_entry(place, {name: serialize(program) for name, program in compiled.items()})
