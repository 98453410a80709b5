"""Do more devices help, and are the bits the same? The benchmark model on 1, 2 and 4 forced devices of this CPU.

Each in a process of its own; no more can be won than the machine has cores. A run by itself uses one device and as
many threads as cores (`lanes`).
"""

import json
import os
import subprocess
import sys

from measuring import ROOT, report

DEVICES = (1, 2, 4)
DRAWS = 2**18

PROGRAM = """
import hashlib, json, sys, time
import jax
from mc.devices import lanes
from mc.ensemble import run_ensemble
from mc.settings import Settings
from mc.state_arrays import to_arrays
from model.study import study

draws, threads = int(sys.argv[1]), sys.argv[2] == "lanes"
study, settings = study(), Settings(draws=draws, block=1024, quantiles=("co2", "co2_cumulative"))
devices = lanes(jax.local_devices()) if threads else jax.local_devices()
start = run_ensemble(study, settings, draws=(0, 0), devices=devices)
spent = []
for _ in range(3):
    begin = time.perf_counter(), time.process_time()
    state = run_ensemble(study, settings, state=start, devices=devices)
    spent.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
arrays, _ = to_arrays(state)
digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays))).hexdigest()
wall, cpu = min(spent)
print(json.dumps({"wall_s": wall, "cpu_s": cpu, "digest": digest}))
"""


def run(devices: int, draws: int, how: str) -> dict[str, float | str]:
    """Seconds and digest of the state of one run."""
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "benchmarks"), str(ROOT)]),
    }
    command = [sys.executable, "-c", PROGRAM, str(draws), how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Print wall seconds by number of devices, and whether all states have the same bits."""
    draws = DRAWS // 4 if "--quick" in sys.argv else DRAWS
    runs = {str(devices): run(devices, draws, "devices") for devices in DEVICES}
    runs["threads"] = run(1, draws, "lanes")
    report(
        "scaling over devices",
        draws=draws,
        **{f"wall_s_{name}": found["wall_s"] for name, found in runs.items()},
        **{f"cpu_s_{name}": found["cpu_s"] for name, found in runs.items()},
        same_bits=len({found["digest"] for found in runs.values()}) == 1,
    )


if __name__ == "__main__":
    main()
