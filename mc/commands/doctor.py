"""`ferrocast doctor`: what this machine offers, and what is missing."""

import contextlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from mc.commands import Json, say, say_json

PLUGINS = {"jax-cuda12-plugin": "cuda12", "jax-cuda13-plugin": "cuda13"}
CUDA_13_DRIVER = 580
"""First NVIDIA driver that runs CUDA 13."""


def doctor(json: Json = False) -> None:
    r"""Show versions, devices, precision and caches, and what a GPU would need.

    \b
    Example:
      ferrocast doctor
      ferrocast doctor --json
    """
    findings = _findings()
    if json:
        say_json(findings)
        return
    for topic, content in findings.items():
        if isinstance(content, dict):
            content = ", ".join(f"{name} {value}" for name, value in content.items())
        elif isinstance(content, list):
            content = f"\n{'':14}".join(content) or "none"
        say(f"{topic + ':':14}{content}")


def _findings() -> dict[str, Any]:
    from mc.devices import cache_folder, prepare, usable_cores

    prepare()
    from mc.provenance import device_text, versions

    folder = cache_folder()  # of one kind, for this JAX and processor
    root = folder.parents[1] if folder else None
    cached = list(_sizes(root.glob(f"*/{folder.name}/*"))) if folder and root else []
    devices, advice = _devices()
    return {
        "versions": versions(),
        "machine": f"{platform.platform()}, {usable_cores()} usable cores",
        "devices": device_text(devices) or "none",
        "memory": [f"{device}: {limit / 1e9:.0f} GB" for device in devices if (limit := _memory(device))],
        "precision": "float32 for the chain (float64 on request), float64 for sums",
        "cache": f"{root}: {len(cached)} files, {sum(cached) / 1e6:.1f} MB" if root else "off",
        "environment": [f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.startswith("FERROCAST_")],
        "advice": advice or ["nothing is missing"],
    }


def _sizes(files: Iterable[Path]) -> Iterator[int]:
    """Bytes of each; another process may take one away meanwhile."""
    for file in files:
        with contextlib.suppress(OSError):
            yield file.stat().st_size


def _devices() -> tuple[list[Any], list[str]]:
    """What JAX sees, and what to do where a GPU is there and JAX does not see it."""
    import jax

    try:
        devices = list(jax.local_devices())
    except RuntimeError as error:
        return [], [f"JAX does not start: {str(error).splitlines()[0]}; look at JAX_PLATFORMS"]
    if any(device.platform != "cpu" for device in devices):
        return devices, []
    driver = _driver()
    if driver is None:
        return devices, ["no NVIDIA driver here (nvidia-smi): runs use the CPU"]
    installed = [extra for name, extra in PLUGINS.items() if name in _installed()]
    if os.environ.get("JAX_PLATFORMS") == "cpu":
        return devices, [f"NVIDIA driver {driver} is here, but JAX_PLATFORMS=cpu hides it"]
    if not installed:
        major = int(driver.split(".")[0]) if driver.split(".")[0].isdecimal() else 0
        extra = "cuda13" if major >= CUDA_13_DRIVER else "cuda12"
        return devices, [f"NVIDIA driver {driver} is here; install JAX for it: pip install 'ferrocast[{extra}]'"]
    return devices, [f"NVIDIA driver {driver} and {installed[0]} are here, but JAX finds no GPU: do they fit together?"]


def _driver() -> str | None:
    """Version of the NVIDIA driver, None where there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout.strip() else None


def _installed() -> set[str]:
    return {(item.metadata["Name"] or "").lower().replace("_", "-") for item in distributions()}


def _memory(device: Any) -> int:
    statistics = device.memory_stats() if hasattr(device, "memory_stats") else None
    return int((statistics or {}).get("bytes_limit", 0))
