"""Runs every benchmark and makes one table and one figure of them.

    python benchmarks/run_all.py [--quick] [--only NAME ...]

The gates come first, met or not, then a table a question (markdown, on stdout); JSON lines and the figure go to
benchmarks/out/. A script that fails is named, the others go on, and the exit code is 1. `--quick` runs those that
measure the gates, with small sizes, within 5 minutes; with `--only` those named, with small sizes too. It fetches
nothing: peers whose environments are not made (`python benchmarks/peers/environments.py`) are named as absent.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measuring.facts import facts
from measuring.gates import verdicts
from measuring.pictures import draw
from measuring.tables import markdown

HERE = Path(__file__).parent
OUT = HERE / "out"

QUICK: dict[str, tuple[str, ...]] = {
    "vectorised_parts": (),
    "chain_against_numpy": (),
    "statistics_cost": (),
    "precision": (),
    "command": (),
    "time_to_accuracy": ("--only", "ferrocast_sobol", "ferrocast_plain", "numba_sobol", "numba_plain"),
    "variance_shares": (),
    "memory": (),
}
"""Scripts of a quick run, which measure the gates, and what they are told besides `--quick`."""

QUICK_SECONDS = 290.0


def scripts() -> list[str]:
    """Names of all benchmarks: every file here that can be run, but this one."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem != Path(__file__).stem)


def calls(*, quick: bool, only: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Script and arguments of every call, in order."""
    if quick:
        return [(name, ("--quick", *QUICK.get(name, ()))) for name in (only or QUICK)]
    return [(name, ()) for name in (only or scripts())]


def run(name: str, arguments: tuple[str, ...], seconds: float | None) -> tuple[list[dict[str, Any]], str]:
    """JSON lines of one call, and why it failed (empty where it did not)."""
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    # In a session of its own, so that what it starts can be stopped with it and does not hold the pipe open.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said, _ = process.communicate(timeout=seconds)
    except BaseException as late:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        if not isinstance(late, subprocess.TimeoutExpired):
            raise
        return lines_of(said), f"stopped after {seconds:.0f} s"
    return lines_of(said), "" if process.returncode == 0 else f"ended with {process.returncode}"


def lines_of(text: str) -> list[dict[str, Any]]:
    """Those lines of the output that are a JSON object with a question."""
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(value, dict) and "question" in value:
            found.append(value)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run, write, print; 1 where a script failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, within 5 minutes")
    parser.add_argument("--only", nargs="+", choices=scripts(), default=[], metavar="NAME", help=", ".join(scripts()))
    asked = parser.parse_args(arguments)
    begin = time.monotonic()
    machine = facts()
    results: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    for name, options in calls(quick=asked.quick, only=asked.only):
        left = QUICK_SECONDS - (time.monotonic() - begin) if asked.quick else None
        if left is not None and left < 1:
            failures[name] = "not begun: no time left"
            continue
        started = time.monotonic()
        found, failed = run(name, options, left)
        results += [{"script": name, **line} for line in found]
        if failed:
            failures[name] = failed
        took = time.monotonic() - started
        print(f"{' '.join([name, *options])}: {failed or 'done'}, {took:.0f} s", file=sys.stderr, flush=True)
    results = [*verdicts(results), *results]
    OUT.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in [{"question": "machine", **machine}, *results])
    (OUT / "results.jsonl").write_text(text, encoding="utf-8")
    pictured = draw(results, machine, OUT / "results.png")
    print(markdown(results, machine, failures))
    print(f"\nLines: {OUT / 'results.jsonl'}" + (f"; figure: {OUT / 'results.png'}" if pictured else "; no figure"))
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
