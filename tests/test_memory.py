"""Freed memory goes back to the system, but for that of equal steps until their end."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mc import memory

ROOT = Path(__file__).parents[1]

PROGRAM = """
import sys
import numpy as np
from mc import memory

def resident():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * 4096 / 2**20

if "returned" in sys.argv:
    memory.return_large_arrays()
del (first := [np.ones(2**19)])[:]  # the first large array that is freed: from here on the heap serves such ones
before = resident()
large, small = [], []
for _ in range(50):
    large.append(np.ones(2**19))
    small.append(np.ones(2**13))  # what stays keeps the holes apart
most = resident()
large.clear()
print(most - before, resident() - before)
"""


STEPS = """
import resource
import sys
import numpy as np
from mc import memory

def cleared():
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(2**17), np.ones(2**18)  # NumPy asks for huge pages from 4 MiB on
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begin

memory.return_large_arrays()
outside = cleared()
with memory.equal_steps():
    within = cleared()
    with memory.between_steps():
        between = cleared()
    again = cleared()
print(outside, within, between, again, cleared())
"""

with_glibc = pytest.mark.skipif(memory._glibc() is None, reason="no glibc, whose allocator this is about")


def answers(program: str, *arguments: str) -> list[float]:
    """Numbers that a program prints in a process whose allocator nobody has set."""
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name and "GLIBC" not in name}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment | {"PYTHONPATH": str(ROOT)},
    )
    return [float(word) for word in done.stdout.split()]


@with_glibc
def test_pages_of_equal_steps_are_cleared_once() -> None:
    outside, within, between, again, after = answers(STEPS)
    each = 3 * 2**20 / resource.getpagesize()
    assert min(outside, between, after) > 19 * each
    assert max(within, again) < 2 * each


@with_glibc
@pytest.mark.parametrize("returned", [True, False])
def test_large_arrays_that_are_freed_are_resident_no_more(returned: bool) -> None:
    most, left = answers(PROGRAM, "returned" if returned else "kept")
    assert most > 200  # MiB: 50 arrays of 4
    assert (left < 10) is returned


def test_what_the_user_has_set_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Library:
        def mallopt(self, *given: int) -> None:
            calls.append(given)

    monkeypatch.setattr(memory, "_glibc", Library)
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=1048576")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    memory.return_large_arrays()
    assert calls == [(memory.M_TRIM_THRESHOLD, memory.LARGE)]
    calls.clear()
    monkeypatch.delenv("GLIBC_TUNABLES")
    for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    memory.return_large_arrays()
    assert calls == [(memory.M_MMAP_THRESHOLD, memory.LARGE), (memory.M_TRIM_THRESHOLD, memory.LARGE)]


def test_systems_without_glibc_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: pytest.fail("looks for a C library"))
    memory._glibc.cache_clear()
    try:
        assert memory._glibc() is None
        with memory.equal_steps(), memory.between_steps():
            memory.return_free_memory()
    finally:
        memory._glibc.cache_clear()
