"""Memory that is no longer needed goes back to the system: the allocator of glibc would keep most of it.

It serves large arrays from the system, one by one, until one of them is freed; from then on arrays of that size come
from its own heap, whose holes fit nothing and stay. A run of three policies held 1.5 GB
where 0.7 were in use. Other systems return what is freed by themselves.
"""

import ctypes
import functools
import os
import sys

M_MMAP_THRESHOLD = -3
"""Number of the option in <malloc.h>."""

LARGE = 2**17
"""Bytes from which an array is given back as soon as it is freed: the allocator's own value before it raises it."""


def return_large_arrays() -> None:
    """Let every large array of this process, NumPy's and XLA's, go back to the system when it is freed."""
    if (glibc := _glibc()) is not None and not _is_chosen():
        glibc.mallopt(M_MMAP_THRESHOLD, LARGE)


def return_free_memory() -> None:
    """Give back what is free in the heap: making or loading a program leaves several hundred MB of small pieces."""
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """The C library of the process where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def _is_chosen() -> bool:
    """Whether the user has set the option."""
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    return "MALLOC_MMAP_THRESHOLD_" in os.environ or "glibc.malloc.mmap_threshold" in tunables
