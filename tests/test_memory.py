"""Freed memory goes back to the system."""

import os
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


@pytest.mark.skipif(memory._glibc() is None, reason="no glibc, whose allocator this is about")
@pytest.mark.parametrize("returned", [True, False])
def test_large_arrays_that_are_freed_are_resident_no_more(returned: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name and "GLIBC" not in name}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "returned" if returned else "kept"],
        capture_output=True,
        text=True,
        check=True,
        env=environment | {"PYTHONPATH": str(ROOT)},
    )
    most, left = map(float, done.stdout.split())
    assert most > 200  # MiB: 50 arrays of 4
    assert (left < 10) is returned


def test_what_the_user_has_set_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Library:
        def mallopt(self, *given: int) -> None:
            calls.append(given)

    monkeypatch.setattr(memory, "_glibc", Library)
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=1048576")
    memory.return_large_arrays()
    assert calls == []
    monkeypatch.delenv("GLIBC_TUNABLES")
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    memory.return_large_arrays()
    assert calls == [(memory.M_MMAP_THRESHOLD, memory.LARGE)]


def test_systems_without_glibc_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    memory._glibc.cache_clear()
    memory.return_large_arrays()
    memory.return_free_memory()
    memory._glibc.cache_clear()
