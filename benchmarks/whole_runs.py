"""How long do the runs of the README take? Each command with nothing cached, wall seconds; minutes in all.

`python benchmarks/whole_runs.py 64` runs them with so many draws, to see that they work.
"""

import sys
import tempfile
from pathlib import Path

from command import seconds
from measuring import ROOT, report

RUNS = (("run", "baseline.toml"), ("run", "three_policies.toml"), ("pareto", "baseline.toml"))


def main() -> None:
    """Print wall seconds of each."""
    draws = ["--draws", sys.argv[1]] if len(sys.argv) > 1 else []
    for command, file in RUNS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            arguments = [command, str(ROOT / "runs" / file), *draws, "--out", "cube.nc"]
            report("whole run", command=command, file=file, cold_s=seconds(folder / "cache", folder, arguments))


if __name__ == "__main__":
    main()
