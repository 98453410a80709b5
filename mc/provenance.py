"""Where a cube comes from: what was asked, of which tables, answered by which code on which machine."""

import functools
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mc
from mc.runfile import Run, RunFile
from mc.runfile.load import leaves

if TYPE_CHECKING:
    import jax

    from mc.pose import Posed
    from mc.tables.rows import Row

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
    return _digest(run, {"title": True, "output": True, "ensemble": {"device"}})


def program_digest(run: RunFile) -> str:
    """SHA-256 of what a guess at the compiled programs of a run goes by: other draws need no others."""
    numbers = {"device", "draws", "seed", "until", "failed_share"}
    return _digest(run, {"title": True, "output": True, "replace": True, "keep": {"state"}, "ensemble": numbers})


def _digest(run: RunFile, but: Any) -> str:
    settings = run.model_dump(mode="json", exclude=but)
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


NOT_FACTS: Any = {
    "title": True,
    "output": True,
    "replace": True,  # the rows of the priors hold it
    "model": {"priors"},  # what lies in that folder counts
    "ensemble": {"device", "draws", "until"},
    "statistics": {"exact"},  # a matter of further passes, but for the quantiles that it asks for, which are settings
    "keep": {"state"},
}


def facts(run: Run, posed: "Posed") -> tuple[dict[str, str], dict[str, str]]:
    """All that decides the numbers of a run, in words by name, and where each is stated.

    A saved state is refused by a run of other facts, and the ones that differ are named.
    """
    said = {".".join(path): str(value) for path, value in leaves(run.model_dump(mode="json", exclude=NOT_FACTS))}
    places = {name: place for name in said if (place := run.origins.get(name, "default")) != "default"}
    said["code"] = f"{mc.__version__} ({code_digest()[:12]})"
    if run.sensitivity.drivers:
        said["order of drivers"] = ", ".join(run.sensitivity.drivers)
    if posed.priors is None:
        pairs = (pair for item in posed.study.inputs for pair in zip(item.labels, item.priors, strict=True))
        return said | {label: repr(prior) for label, prior in pairs}, places
    for row in posed.priors.rows:
        said[row.label] = _row_text(row)
        places[row.label] = f"{posed.priors.folder / row.table}:{row.line}"
    for link in posed.priors.dependence:
        name = f"{link.kind} {link.first} - {link.second}"
        said[name] = f"{link.value} {link.dimension}"
        places[name] = f"{posed.priors.folder / link.table}:{link.line}"
    for name, axis in posed.priors.axes.items():
        labels = hashlib.sha256(repr((axis.labels, axis.groups)).encode()).hexdigest()
        said[f"axis {name}"] = f"{len(axis.labels)} labels ({labels[:12]})"
    return said, places


def _row_text(row: "Row") -> str:
    """What a row says of its number: `normal 0.9 0.95 0.99 t t-1 dimension 12`."""
    named = {"minimum": row.minimum, "maximum": row.maximum, "dimension": row.dimension, "option": row.option}
    cells = [
        row.family,
        row.low,
        row.mid,
        row.high,
        row.unit,
        *(f"{key} {cell}" for key, cell in named.items() if cell),
    ]
    return " ".join(text for cell in cells if "nan" not in (text := str(cell)))


def question(run: Run) -> dict[str, Any]:
    """All that `run_of` needs to make the same run in another process."""
    places = {name: str(getattr(run, name)) for name in ("file", "priors", "cube")}
    return places | {"origins": dict(run.origins), "run": run.model_dump_json()}


def run_of(asked: Mapping[str, Any]) -> Run:
    """The run that gave `question`."""
    settings = RunFile.model_validate_json(asked["run"])
    fields: dict[str, Any] = {name: getattr(settings, name) for name in RunFile.model_fields}
    places: dict[str, Any] = {name: Path(asked[name]) for name in ("file", "priors", "cube")}
    return Run(**fields, **places, origins=asked["origins"])


@functools.cache
def code_digest() -> str:
    """SHA-256 of the code that numbers come from: all of the package but its commands and the layout of cubes."""
    package = Path(mc.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        if file.relative_to(package).parts[0] not in ("commands", "cube"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


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
