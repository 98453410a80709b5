"""What does a first block cost? Import, study, and pilot with and without a filled compilation cache.

Each in a process of its own; the pilot is one block, so what it takes is tracing and compiling (or loading). `--quick`
leaves the chain out.
"""

import json
import os
import subprocess
import sys
import tempfile

from measuring import ROOT, report

PROGRAM = """
import json, sys, time
begin = time.perf_counter(), time.process_time()
spent = {}
def lap(name):
    global begin
    now = time.perf_counter(), time.process_time()
    spent[f"{name}_wall_s"], spent[f"{name}_cpu_s"] = (b - a for a, b in zip(begin, now))
    begin = now
from mc.devices import prepare
prepare()
from mc.ensemble import run_ensemble
from mc.settings import Settings
lap("import")
if sys.argv[1] == "benchmark model":
    from model.study import study
    study = study()
else:
    from measuring import three_policies
    study = three_policies()
lap("study")
settings = Settings(draws=64, pilot=64, quantiles=())
run_ensemble(study, settings, draws=(0, 0))
lap("first_block")
run_ensemble(study, settings, draws=(0, 0))
lap("second_block")
print(json.dumps(spent))
"""


def spent(what: str, cache: str) -> dict[str, float]:
    """Seconds of each step."""
    path = os.pathsep.join([str(ROOT / "benchmarks"), str(ROOT)])
    environment = {**os.environ, "FERROCAST_CACHE": cache, "PYTHONPATH": path}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-c", PROGRAM, what]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Print a line a study and state of the cache."""
    for what in ("benchmark model", "chain of three policies")[: 1 if "--quick" in sys.argv else 2]:
        with tempfile.TemporaryDirectory() as cache:
            for state in ("cold", "warm"):
                report("start-up", study=what, cache=state, **spent(what, cache))


if __name__ == "__main__":
    main()
