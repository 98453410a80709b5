"""Where a cube comes from: what was asked, of which tables, answered by which code on which machine."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mc
from mc.runfile import Run, RunFile

if TYPE_CHECKING:
    import jax

PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "xarray", "netCDF4", "pydantic", "pint")
"""Distributions whose versions can change a number or the way it is written."""


def provenance(run: Run, priors_digest: str, devices: "Sequence[jax.Device]") -> dict[str, Any]:
    """Attributes of the root of a cube, but for what is known only after the run."""
    settings = run.model_dump(mode="json")
    return {
        "title": run.title or run.file.stem,
        "source": f"ferrocast {mc.__version__}, Monte Carlo ensemble of model {run.model.metal!r}",
        "history": f"{timestamp()} ferrocast run {run.file.name}",
        "run_file": run.file.name,
        "run": json.dumps(settings, ensure_ascii=False),
        "run_digest": run_digest(run),
        "run_origins": json.dumps(dict(run.origins), ensure_ascii=False),
        "priors_digest": priors_digest,
        "commit": commit(),
        "seed": run.ensemble.seed,
        "sampler": run.ensemble.sampler,
        "scramblings": run.ensemble.scramblings,
        "draws": run.ensemble.draws,
        "block": run.ensemble.block,
        "precision": run.ensemble.precision,
        "versions": json.dumps(versions()),
        "device": device_text(devices),
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def run_digest(run: RunFile) -> str:
    """SHA-256 of what decides the numbers of a run: all but its title, device and destination."""
    settings = run.model_dump(mode="json", exclude={"title": True, "output": True, "ensemble": {"device"}})
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def timestamp() -> str:
    """Now, UTC, ISO 8601; SOURCE_DATE_EPOCH (reproducible builds) goes first."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    return (
        {"python": platform.python_version()}
        | {"ferrocast": mc.__version__}
        | {name: version_of(name) for name in PACKAGES}
    )


def version_of(distribution: str) -> str:
    """Version of an installed distribution, or `not installed`."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def device_text(devices: "Sequence[jax.Device]") -> str:
    """`2 x cpu` or `1 x NVIDIA H100 80GB HBM3 (gpu)`: kinds of devices and how many."""
    kinds: dict[str, int] = {}
    for device in devices:
        kind = (
            device.device_kind if device.device_kind == device.platform else f"{device.device_kind} ({device.platform})"
        )
        kinds[kind] = kinds.get(kind, 0) + 1
    return ", ".join(f"{count} x {kind}" for kind, count in kinds.items())


def commit(package: Path = Path(__file__).parent) -> str:
    """Commit of the source checkout, with `+changes` where tracked files differ; empty for an installed copy."""
    if not (package.parent / ".git").exists():
        return ""
    head = _git(package.parent, "rev-parse", "HEAD")
    changed = head and _git(package.parent, "status", "--porcelain", "--untracked-files=no")
    return head + ("+changes" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # fixed program and arguments
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
