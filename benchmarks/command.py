"""How long does the whole command take? `ferrocast run` with 1,024 draws, with an empty cache, again, and anew.

Again is the same question: program, pilot and tables come from the cache. Another seed draws a pilot of its own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import ROOT, report

DRAWS = 1024


def seconds(cache: Path, folder: Path, arguments: list[str]) -> float:
    """Wall time of one command."""
    begin = time.perf_counter()
    environment = {**os.environ, "FERROCAST_CACHE": str(cache)}
    command = [sys.executable, "-m", "mc", *arguments]
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Print wall seconds: cold once, again and with another seed three times (medians), and --help."""
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name), Path(name) / "cache"
        run = [
            "run",
            str(ROOT / "runs" / "three_policies.toml"),
            "--draws",
            str(DRAWS),
            "--out",
            "cube.nc",
            "--overwrite",
        ]
        cold = seconds(cache, folder, run)
        rounds = 1 if "--quick" in sys.argv else 3
        warm = statistics.median(seconds(cache, folder, run) for _ in range(rounds))
        seeds = [[*run, "--seed", str(1000 + number)] for number in range(rounds)]
        other = statistics.median(seconds(cache, folder, arguments) for arguments in seeds)
        shown = statistics.median(seconds(cache, folder, ["--help"]) for _ in range(5))
    report("whole command", draws=DRAWS, policies=3, cold_s=cold, warm_s=warm, another_seed_s=other, help_s=shown)


if __name__ == "__main__":
    main()
