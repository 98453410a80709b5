"""Does memory grow with the number of draws? Peak resident memory of whole runs in processes of their own.

And what does it save to keep between blocks what they free: the largest run once more with an allocator that is told
to give all large arrays back, CPU seconds and those that the system takes.

Every run has a seed of its own, so that none has been asked before: a program that is loaded ahead, while tables are
read, would make the peak of that run another one.
"""

import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import ROOT, report

RUN, QUICK_RUN = "three_policies.toml", "smoke.toml"
SIZES = (1024, 4096, 16384, 65536)
QUICK_SIZES = (4096, 16384)
"""Of a run of one policy, from where on the pilot, which holds evaluated blocks, is as large as in longer runs."""
MEBIBYTE = 1024.0
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Environment in which the allocator keeps no large array."""

PROGRAM = """
import resource, sys
from mc.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
used = resource.getrusage(resource.RUSAGE_SELF)
print("peak", used.ru_maxrss, used.ru_utime + used.ru_stime, used.ru_stime, file=sys.stderr)
"""


def used(file: str, draws: int, seed: int, folder: Path, environment: dict[str, str]) -> tuple[float, float, float]:
    """Peak resident memory of a run, MiB, its CPU seconds, and those of the system."""
    command = [
        "run",
        str(ROOT / "runs" / file),
        "--draws",
        str(draws),
        "--seed",
        str(seed),
        "--out",
        str(folder / f"{draws}.nc"),
        "--overwrite",
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command, "--quiet"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    found = re.search(r"peak (\S+) (\S+) (\S+)", done.stderr)
    assert found
    return float(found[1]) / MEBIBYTE, float(found[2]), float(found[3])


def main(file: str, sizes: tuple[int, ...]) -> None:
    """Print the peaks and their growth; sizes can be given on the command line."""
    with tempfile.TemporaryDirectory() as folder:
        # Compiling takes more memory than running: the first process fills the cache and does not count.
        seeds = itertools.count(int(time.time()) % 10**6)
        used(file, sizes[0], next(seeds), Path(folder), {})
        each = {size: used(file, size, next(seeds), Path(folder), {}) for size in sizes}
        back = used(file, sizes[-1], next(seeds), Path(folder), GIVEN_BACK)
    peaks = {size: peak for size, (peak, _, _) in each.items()}
    first, last, kept = peaks[sizes[0]], peaks[sizes[-1]], each[sizes[-1]]
    found = {f"peak_mib_{size}": value for size, value in peaks.items()}
    report("memory by draws", run=file, **found, growth=last / first - 1)
    report(
        "memory that blocks keep",
        run=file,
        draws=sizes[-1],
        cpu_s=kept[1],
        system_s=kept[2],
        given_back_cpu_s=back[1],
        given_back_system_s=back[2],
    )


if __name__ == "__main__":
    if "--quick" in sys.argv:
        main(QUICK_RUN, QUICK_SIZES)
    else:
        main(RUN, tuple(int(size) for size in sys.argv[1:]) or SIZES)
