"""Environments of peers: one each, made by this file outside the repository; some break JAX or hold NumPy back.

`python benchmarks/peers/environments.py` makes them all and says which could not be made, and why.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = {
    "numpy": ("numpy", "scipy"),
    "numba": ("numba", "numpy", "scipy"),
    "numpyro": ("numpyro", "scipy"),
    "openturns": ("openturns", "numpy", "scipy"),
    "chaospy": ("chaospy",),
    "monaco": ("monaco",),
    "qmcpy": ("qmcpy",),
    "flodym": ("flodym",),
}
"""What each environment installs, by the name of the peer."""

INSTALL_SECONDS = 900


class Absent(Exception):
    """A peer that is not there, with the reason."""


def folder_of(name: str) -> Path:
    """Where the environment of a peer lies: in the user's cache, by Python and by what is installed."""
    from mc.devices import cache_folder

    cache = cache_folder("peers")
    if cache is None:
        raise Absent("FERROCAST_CACHE is off or its folder cannot be written, and environments need a place")
    python = f"python-{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(" ".join(PACKAGES[name]).encode()).hexdigest()[:8]
    return cache / f"{name}-{python}-{digest}"


def python_of(name: str, *, make: bool = True) -> Path:
    """The interpreter of a peer's environment, which is made where it is missing; Absent with the reason."""
    folder = folder_of(name)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / "ready"
    if ready.exists():
        return python
    if not make:
        raise Absent("its environment is not made: python benchmarks/peers/environments.py")
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES[name]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Absent(f"installing took more than {INSTALL_SECONDS} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise Absent(lines[-1] if lines else f"pip ended with {done.returncode}")
    ready.write_text("", encoding="utf-8")
    return python


def main() -> int:
    """Make every environment; 1 where one could not be made."""
    absent = 0
    for name in sys.argv[1:] or PACKAGES:
        try:
            print(f"{name}: {python_of(name)}", flush=True)
        except Absent as reason:
            absent += 1
            print(f"{name}: absent: {reason}", flush=True)
    return int(absent > 0)


if __name__ == "__main__":
    sys.exit(main())
