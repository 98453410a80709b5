"""Compiled programs kept on disk: a second run of the same program neither traces nor compiles it.

JAX's own cache is keyed by what tracing and lowering make of a program, which takes seconds; this one is keyed by what
the program is made from: the source of this package, the study and the settings.

Loading a program unpickles it, so that whoever can write an entry can run code. The folder is the user's own (0700),
below a folder per version of JAX and kind of processor, and one that belongs to somebody else is not read.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from mc.ahead import take
from mc.devices import cache_folder

MOST_KEPT = 32
"""Programs that stay on disk, a few MB each; the least recently used ones go first."""

DIGEST_BYTES = hashlib.sha256().digest_size


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
    folder = cache_folder("programs")
    if not made_from or folder is None or not _is_private(folder):
        return None
    leaves, tree = jax.tree.flatten(dict(arguments))
    shapes = [f"{leaf.dtype}{leaf.shape}" for leaf in leaves]
    flags = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(("XLA_", "JAX_")))
    parts = (_source(), device.platform, device.device_kind, str(tree), *shapes, *flags, *made_from)
    return folder / hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _is_private(folder: Path) -> bool:
    """Whether the folder is the user's and nobody else's; makes it so."""
    try:
        folder.chmod(0o700)
        return not hasattr(os, "geteuid") or folder.stat().st_uid == os.geteuid()
    except OSError:
        return False


@functools.cache
def _source() -> str:
    """Digest of the source of this package."""
    root, digest = Path(__file__).parent, hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def load(place: Path, device: jax.Device) -> Programs | None:
    """The programs of an entry; None where it is missing, damaged or not the user's own."""
    from jax.experimental.serialize_executable import deserialize_and_load

    try:
        if not _is_private(place.parent):
            return None
        content = place.read_bytes()
        if hashlib.sha256(content[DIGEST_BYTES:]).digest() != content[:DIGEST_BYTES]:
            return None
        programs: Programs = {
            name: deserialize_and_load(packed, taken, given, backend=device.client, execution_devices=[device])
            for name, (packed, taken, given) in pickle.loads(content[DIGEST_BYTES:]).items()
        }
        os.utime(place)
    except Exception:  # whatever is wrong with an entry, the programs can be compiled
        return None
    return programs


def _keep(place: Path, compiled: Mapping[str, Any]) -> None:
    """Write an entry under a name of its own, then rename it; drop the oldest. A failure is no loss."""
    from jax.experimental.serialize_executable import serialize

    with contextlib.suppress(Exception):
        packed = pickle.dumps({name: serialize(program) for name, program in compiled.items()})
        handle, name = tempfile.mkstemp(dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(packed).digest() + packed)
            Path(name).replace(place)
        finally:
            Path(name).unlink(missing_ok=True)
        kept = sorted(place.parent.iterdir(), key=lambda file: file.stat().st_mtime)
        for old in kept[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
