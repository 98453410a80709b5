"""What becomes of freed memory: between the steps of a run it goes back to the system, within its blocks it is kept.

The allocator of glibc serves large arrays from the system, one by one, until one of them is freed; from then on arrays
of that size come from its own heap, whose holes fit nothing and stay: a run of three policies held 1.5 GB where 0.7
were in use. So they are given back while programs are made and the pilot is read. Blocks are another matter: each asks
for the same arrays as the one before, and the system clears every page of what it hands out, which took a sixth of the
CPU seconds of 8,192 draws (benchmarks/memory.py). Systems without glibc do as they do.
"""

import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Iterator

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of the options in <malloc.h>."""

LARGE = 2**17
"""Bytes from which an array is given back as soon as it is freed, and free memory at the end of the heap is: the
allocator's own values before it raises them."""

NEVER = 2**31 - 1
"""Bytes that no array of a block comes to, nor what is free between two of them."""


def return_large_arrays() -> None:
    """Let every large array of this process, NumPy's and XLA's, go back to the system when it is freed."""
    _choose("mmap_threshold", M_MMAP_THRESHOLD, LARGE)
    _choose("trim_threshold", M_TRIM_THRESHOLD, LARGE)


@contextlib.contextmanager
def equal_steps() -> Iterator[None]:
    """Keep what is freed within, for the next step to use; give it back at the end."""
    _keep_large_arrays()
    try:
        yield
    finally:
        return_large_arrays()
        return_free_memory()


@contextlib.contextmanager
def between_steps() -> Iterator[None]:
    """Within `equal_steps`, return large arrays for a while: what is rare would leave holes that no step fills."""
    return_large_arrays()
    try:
        yield
    finally:
        _keep_large_arrays()


def _keep_large_arrays() -> None:
    _choose("mmap_threshold", M_MMAP_THRESHOLD, NEVER)
    _choose("trim_threshold", M_TRIM_THRESHOLD, NEVER)


def return_free_memory() -> None:
    """Give back what is free in the heap: making or loading a program leaves several hundred MB of small pieces."""
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)


def _choose(name: str, option: int, value: int) -> None:
    """Set an option of the allocator, unless the user has."""
    if (glibc := _glibc()) is not None and not _is_chosen(name):
        glibc.mallopt(option, value)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """The C library of the process where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def _is_chosen(name: str) -> bool:
    """Whether the environment sets the option."""
    variables = {f"MALLOC_{name.upper()}", f"MALLOC_{name.upper()}_"}
    return not variables.isdisjoint(os.environ) or f"glibc.malloc.{name}" in os.environ.get("GLIBC_TUNABLES", "")
