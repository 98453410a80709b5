"""Measuring in turn: rivals alternate in one process, medians of CPU seconds, compile time apart."""

import contextlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mc.memory import equal_steps

ROOT = Path(__file__).parent.parent.parent


def alternate(rivals: dict[str, Callable[[], Any]], rounds: int = 7) -> dict[str, float]:
    """Median CPU seconds of each rival; they take turns, so that a machine that drifts drifts for all.

    What one call frees serves the next, of every rival, as in the blocks of a run.
    """
    spent: dict[str, list[float]] = {name: [] for name in rivals}
    with equal_steps():
        for call in rivals.values():
            call()
        for _ in range(rounds):
            for name, call in rivals.items():
                begin = time.process_time()
                call()
                spent[name].append(time.process_time() - begin)
    return {name: statistics.median(seconds) for name, seconds in spent.items()}


def on_one_core() -> None:
    """Keep this process on one core from here on, where the system can; threads that JAX starts later stay there too.

    With more, a loop of a few microseconds also pays for waking the others, which rivals of one thread do not.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    core = max(os.sched_getaffinity(0))
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.sched_setaffinity(int(thread.name), {core})


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import jax

    device = jax.devices()[0]
    return {
        "device": device.device_kind,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "jax": jax.__version__,
    }


def report(question: str, **figures: Any) -> None:
    """Print one JSON line."""
    rounded = {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in figures.items()}
    sys.stdout.write(json.dumps({"question": question, **rounded, "machine": machine()}) + "\n")
    sys.stdout.flush()


def three_policies() -> Any:
    """The study of runs/three_policies.toml: no optimiser."""
    import mc
    from mc.pose import pose

    return pose(mc.load_run(ROOT / "runs" / "three_policies.toml")).study
