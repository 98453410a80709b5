"""Does memory grow with the number of draws? Peak resident memory of whole runs in processes of their own.

Every run has a seed of its own, so that none has been asked before: a program that is loaded ahead, while tables are
read, would make the peak of that run another one.
"""

import itertools
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

PROGRAM = """
import resource, sys
from mc.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def peak(file: str, draws: int, seed: int, folder: Path) -> float:
    """Peak resident memory of a run, MiB."""
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
        [sys.executable, "-c", PROGRAM, *command, "--quiet"], capture_output=True, text=True, check=True
    )
    found = re.search(r"peak (\d+)", done.stderr)
    assert found
    return int(found[1]) / MEBIBYTE


def main(file: str, sizes: tuple[int, ...]) -> None:
    """Print the peaks and their growth; sizes can be given on the command line."""
    with tempfile.TemporaryDirectory() as folder:
        # Compiling takes more memory than running: the first process fills the cache and does not count.
        seeds = itertools.count(int(time.time()) % 10**6)
        peak(file, sizes[0], next(seeds), Path(folder))
        peaks = {size: peak(file, size, next(seeds), Path(folder)) for size in sizes}
    first, last = peaks[sizes[0]], peaks[sizes[-1]]
    found = {f"peak_mib_{size}": value for size, value in peaks.items()}
    report("memory by draws", run=file, **found, growth=last / first - 1)


if __name__ == "__main__":
    if "--quick" in sys.argv:
        main(QUICK_RUN, QUICK_SIZES)
    else:
        main(RUN, tuple(int(size) for size in sys.argv[1:]) or SIZES)
