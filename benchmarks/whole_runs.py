"""How long do the runs of the README take? Each command with nothing cached, wall seconds; minutes in all.

`--quick` runs the shortest of them, with few draws; `python benchmarks/whole_runs.py 64` all with so many draws, to see
that they work.
"""

import sys
import tempfile
from pathlib import Path

from command import seconds
from measuring import ROOT, report

RUNS = (
    ("run", "baseline.toml"),
    ("run", "three_policies.toml"),
    ("pareto", "baseline.toml"),
    ("run", "drivers.toml"),
)
QUICK_RUNS, QUICK_DRAWS = (("run", "three_policies.toml"),), "1024"


def main() -> None:
    """Print wall seconds of each."""
    quick = "--quick" in sys.argv
    asked = QUICK_DRAWS if quick else sys.argv[1] if len(sys.argv) > 1 else None
    draws = ["--draws", asked] if asked else []
    for command, file in QUICK_RUNS if quick else RUNS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            arguments = [command, str(ROOT / "runs" / file), *draws, "--out", "cube.nc"]
            report(
                "whole run",
                command=command,
                file=file,
                draws=asked,
                cold_s=seconds(folder / "cache", folder, arguments),
            )


if __name__ == "__main__":
    main()
