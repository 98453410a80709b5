"""Where the numbers of a page come from, how far they may be trusted, and what the run warned about."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from digits import plain
from reading import Cube
from scipy.special import stdtrit

MEANS = (
    "E[f(X)] is the mean of the results. f(E[X]) is one result: the model run once with every input at its mean. "
    "Where the two differ, a single best-guess run misleads."
)


def error_note(cube: Cube) -> str:
    """What ± means and how many digits are shown."""
    groups, factor = int(cube.summary.attrs.get("scramblings", 0)), student(cube)
    return (
        f"± is the Monte Carlo standard error, from {groups} independent randomisations of the draws: it says how far "
        "the number may be from that of infinitely many draws, not how uncertain the world is (the percentiles say "
        f"that). For a 95 % interval multiply by {plain(factor, 0.01)}. No number shows more digits than its error "
        "justifies, nor more than four figures."
    )


def student(cube: Cube) -> float:
    """Factor on an error for a 95 % interval: Student's t, one degree of freedom less than there are scramblings."""
    groups = int(cube.summary.attrs.get("scramblings", 0))
    return float(stdtrit(groups - 1, 0.975)) if groups > 1 else float("nan")


def warnings(cube: Cube, shown: Collection[str] | None = None) -> list[str]:
    """What the run warned about; `shown` keeps warnings on these outputs and those on none."""
    lines = str(cube.summary.attrs.get("warnings", "")).splitlines()
    if shown is None:
        return lines
    others = {str(name) for group in (cube.summary, cube.diagnostics) for name in group.data_vars} - set(shown)
    return [line for line in lines if line.split(":")[0].removeprefix("difference/") not in others]


def provenance(cube: Cube, output: str) -> list[tuple[str, str]]:
    """Origin of the numbers, from the attributes of the cube; `output` is one that can be looked behind."""
    attributes = cube.summary.attrs
    failed = f"{count(attributes.get('draws_failed', 0))} failed"
    sampler = "{sampler}, {scramblings} scramblings, seed {seed}".format_map(attributes)
    rows = [
        ("Run", f"{attributes.get('title', '')} ({attributes.get('run_file', '')})"),
        ("Cube", cube.path.name),
        ("Draws", f"{count(attributes['draws'])}, of which {failed}"),
        ("Sampler", sampler),
        *made_by(attributes),
        ("Precision, block", f"{attributes.get('precision')}, {attributes.get('block')} draws"),
        ("Behind a number", f"ferrocast explain {cube.path.name} {output}"),
    ]
    return [(name, str(text)) for name, text in rows if text]


def made_by(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What made a file, when, from what and where; rows that the file does not know are left out."""
    versions = json.loads(attributes.get("versions", "{}"))
    rows = [
        ("Made by", attributes.get("source", "")),
        ("When", attributes.get("history", "").split(" ")[0]),
        ("Commit", attributes.get("commit", "")),
        ("Priors, SHA-256", attributes.get("priors_digest", "")),
        ("Run, SHA-256", attributes.get("run_digest", "")),
        ("Machine", f"{attributes.get('device')}; {attributes.get('platform')}"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]
    return [(name, str(text)) for name, text in rows if text]


def count(number: object) -> str:
    """A whole number with its thousands apart."""
    return f"{int(str(number)):,}"
