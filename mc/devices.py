"""Get JAX ready before it starts: the cache of compiled programs, the device that is asked for."""

import functools
import hashlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jax

CACHE_LIMIT = 2 * 1024**3
"""Bytes that compiled programs may take; the least recently used ones go first."""

UNSET = (None, "", -1, 1.0)
"""What the options that are set here hold in a JAX that nobody has configured."""


def prepare(device: str = "auto") -> None:
    """Set JAX up for a run: its platform, the cache of compiled programs; what the user has set is left alone.

    Only what JAX reads at its start is set, so this must come before the first computation; later it changes nothing.
    """
    if device == "cpu":
        _prefer("JAX_PLATFORMS", "jax_platforms", "cpu")
    if folder := cache_folder():
        _prefer("JAX_COMPILATION_CACHE_DIR", "jax_compilation_cache_dir", str(folder))
        _prefer("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "jax_persistent_cache_min_compile_time_secs", 0.1)
        _prefer("JAX_COMPILATION_CACHE_MAX_SIZE", "jax_compilation_cache_max_size", CACHE_LIMIT)


def find_devices(device: str) -> "list[jax.Device]":
    """The devices of a run: `auto` takes what JAX prefers, a GPU before the CPU."""
    import jax

    try:
        return list(jax.local_devices() if device == "auto" else jax.local_devices(backend=device))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"device = {device!r}: JAX finds none here ({reason}); `ferrocast doctor` says what is missing"
        ) from None


def lanes(devices: "Sequence[jax.Device]") -> "list[jax.Device]":
    """What works on a run: every device, and a CPU that is alone once for each core."""
    alone = len(devices) == 1 and devices[0].platform == "cpu"
    return list(devices) * (usable_cores() if alone else 1)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device has refused memory; JAX has no error of its own for that."""
    return "RESOURCE_EXHAUSTED" in str(error) or "out of memory" in str(error).lower()


def usable_cores() -> int:
    """Cores that this process may run on: a scheduler may have given it fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


CPU_OPTIONS: "dict[str, bool | int | str]" = {
    # The older code generator compiles hundreds of small loops in half the time (6.5 against 11.7 CPU seconds for the
    # chain of three policies, jax 0.10.2); its draws take an eighth longer, which some 40,000 of them would make up.
    "xla_cpu_use_fusion_emitters": False,
    # The library of kernels for matrix products only: its sums over short axes were slow. The chain, which no longer
    # sums that way, shows no difference.
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT",
    # Less is done to each loop: a third less to compile, and draws are a tenth faster.
    "xla_backend_optimization_level": 1,
}
"""Options to compile a chain with on a CPU, where this XLA knows them; measured by benchmarks/compiler_options.py."""


@functools.cache
def compiler_options(platform: str) -> "dict[str, bool | int | str]":
    """Options to compile a chain with: those of a CPU that this XLA knows."""
    if platform != "cpu":
        return {}
    if _are_known(CPU_OPTIONS):
        return dict(CPU_OPTIONS)
    return {name: value for name, value in CPU_OPTIONS.items() if _are_known({name: value})}


def _are_known(options: "dict[str, bool | int | str]") -> bool:
    import jax

    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except RuntimeError:  # an option that this XLA does not know
        return False
    return True


def cache_folder(kind: str = "compiled") -> Path | None:
    """Folder of compiled programs (or what else is kept); None where FERROCAST_CACHE is `off` or it cannot be made.

    A sub-folder per version and kind of processor: programs compiled for another one may stop with an illegal
    instruction, which happens where machines of a cluster share a home.
    """
    named = os.environ.get("FERROCAST_CACHE", "")
    if named.lower() in ("off", "0", "no"):
        return None
    try:
        folder = (Path(named).expanduser() if named else _user_cache()) / kind / _machine()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no room, no right, no home
        return None
    return folder if os.access(folder, os.W_OK) else None


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "ferrocast" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ferrocast"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ferrocast"


def _machine() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = platform.processor()
    features = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), text)
    digest = hashlib.sha256(features.encode()).hexdigest()[:8]
    return f"jax-{version('jax')}-jaxlib-{version('jaxlib')}-{platform.machine()}-{digest}"


def _prefer(variable: str, option: str, value: Any) -> None:
    """Set an option of JAX through its environment variable, or in JAX itself where that is already imported."""
    if variable in os.environ:
        return
    if "jax" not in sys.modules:
        os.environ[variable] = str(value)
        return
    import jax

    update: Any = jax.config.update
    try:
        if getattr(jax.config, option) in UNSET:
            update(option, value)
    except (AttributeError, RuntimeError):  # an older JAX lacks the option, or its devices have already started
        return
