"""What does a stated accuracy cost? National CO2 of 2030 to 2060 and in all: mean to 0.1 %, 95 % point to 0.5 %.

Every entrant runs the benchmark model (`model/`) and delivers the same: means of all outputs, 95 % points of national
CO2. Its error is the root mean square, over seeds, of the distance to a very long run (`model/reference.json`), the
worst of the five judged numbers. N doubles until both errors are met; where that would take too long it is
extrapolated, and the line says so. N does not depend on the machine: `model/draws.json` keeps it, and a run measures
only the seconds. Start-up - imports, compilation without a cache, what else a first call takes longer - stands apart.
Peers run in environments of their own; one that is absent is named with the reason. `--quick` makes no environment.

    python benchmarks/time_to_accuracy.py [--quick] [--only ENTRANT ...]
    python benchmarks/time_to_accuracy.py --search       finds N anew: minutes
    python benchmarks/time_to_accuracy.py --reference    makes the long run anew
"""

import argparse
import functools
import json
import statistics
from pathlib import Path
from typing import Any

from measuring import report
from peers.accuracy import FEWEST, MEAN, P95, Effort, make_reference, needed
from peers.environments import Absent
from peers.process import Worker

ENTRANTS = {
    "ferrocast_sobol": ("ferrocast", "ferrocast_sobol"),
    "ferrocast_plain": ("ferrocast", "independent"),
    "numpy_plain": ("numpy", "independent"),
    "numpy_sobol": ("numpy", "scipy_sobol"),
    "numba_plain": ("numba", "independent"),
    "numba_sobol": ("numba", "scipy_sobol"),
    "numpyro_predictive": ("numpyro", "independent"),
    "openturns_plain": ("openturns", "independent"),
    "openturns_sobol": ("openturns", "openturns_sobol"),
    "chaospy_plain": ("chaospy", "independent"),
    "chaospy_latin": ("chaospy", "chaospy_latin"),
    "chaospy_chaos": ("chaospy", "chaospy_chaos"),
    "monaco": ("monaco", "scipy_sobol"),
    "qmcpy_net": ("qmcpy", "qmcpy_net"),
}
"""Entrants: the peer that each belongs to, and its design. Those of one design need the same N, whoever draws."""

SEARCHED = {"independent": "numba_plain", "scipy_sobol": "numba_sobol"}
"""Who finds N for a design that several share: the fastest. Other designs are named as their entrant."""

DRAWS = Path(__file__).parent / "model" / "draws.json"
"""N of every design, from the last search."""

EFFORT = Effort(16, 150.0)
LOOK = 4096
REPEATS = 5
SECONDS, QUICK_SECONDS = 8.0, 3.0
"""Wall seconds that the repeats of one entrant may take; too few of them, and what a call costs is scaled up with N."""


def search_all(designs: list[str]) -> None:
    """Find N and keep it; where a peer is absent, what was known stays."""
    known = json.loads(DRAWS.read_text(encoding="utf-8")) if DRAWS.exists() else {}
    for design in designs:
        entrant = SEARCHED.get(design, design)
        try:
            with Worker(ENTRANTS[entrant][0]) as worker:
                found = needed(functools.partial(worker.ask, entrant), EFFORT)
        except Absent as reason:
            report("draws for the accuracy", design=design, absent=str(reason))
            continue
        known[design] = found
        report("draws for the accuracy", design=design, **found)
        DRAWS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def timed(entrant: str, draws: int, seconds: float, *, make: bool) -> dict[str, Any]:
    """Median CPU and wall seconds at N, one seed again and again, and those of starting up."""
    with Worker(ENTRANTS[entrant][0], make=make, cold=True) as worker:
        small = [worker.ask(entrant, FEWEST, 1) for _ in range(2)]
        # A look at few draws first: where N takes longer than there is time, fewer are timed and scaled up.
        at = few = min(draws, LOOK)
        look = [worker.ask(entrant, few, 1) for _ in range(2)][1]["wall_s"]
        while at < draws and look * 2 * at / few <= seconds:
            at *= 2
        first = worker.ask(entrant, at, 1)
        repeats = max(1, min(REPEATS, int(seconds / max(first["wall_s"], 1e-3))))
        again = [worker.ask(entrant, at, 1) for _ in range(repeats)]
        found: dict[str, Any] = {"timed_draws": at}
        for name in ("cpu_s", "wall_s"):
            found[name] = statistics.median(answer[name] for answer in again) * draws / at
            found[f"startup_{name}"] = worker.hello[name] + max(0.0, small[0][name] - small[1][name])
        return {**found, "version": worker.hello["version"]}


def verdict(lines: dict[str, dict[str, Any]], absent: dict[str, str]) -> None:
    """Who is fastest, and every entrant's CPU and wall seconds over ours."""
    ours = lines.get("ferrocast_sobol")
    if not lines:
        report("time to accuracy: verdict", fastest_cpu=None, absent=absent)
        return
    over = {
        name: {what: float(f"{line[what] / ours[what]:.3g}") for what in ("cpu_s", "wall_s")}
        for name, line in (lines.items() if ours else ())
    }
    report(
        "time to accuracy: verdict",
        mean=MEAN,
        p95=P95,
        fastest_cpu=min(lines, key=lambda name: lines[name]["cpu_s"]),
        fastest_wall=min(lines, key=lambda name: lines[name]["wall_s"]),
        fastest_with_startup=min(lines, key=lambda name: lines[name]["wall_s"] + lines[name]["startup_wall_s"]),
        over_ferrocast_sobol=over,
        absent=absent,
    )


def main() -> None:
    """Print a line an entrant, then the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="fewer repeats; where N takes long, fewer draws, scaled up"
    )
    parser.add_argument("--only", nargs="+", choices=ENTRANTS, default=list(ENTRANTS))
    parser.add_argument("--search", action="store_true", help="find N anew and keep it, and nothing else")
    parser.add_argument("--reference", action="store_true", help="make the long run anew, and nothing else")
    asked = parser.parse_args()
    if asked.reference:
        return make_reference()
    if asked.search:
        return search_all(list(dict.fromkeys(ENTRANTS[entrant][1] for entrant in asked.only)))
    known = json.loads(DRAWS.read_text(encoding="utf-8"))
    lines, absent = {}, {}
    for entrant in asked.only:
        needs = known[ENTRANTS[entrant][1]]
        try:
            found = timed(entrant, needs["draws"], QUICK_SECONDS if asked.quick else SECONDS, make=not asked.quick)
        except Absent as reason:
            absent[entrant] = str(reason)
            report("time to accuracy", entrant=entrant, absent=str(reason))
            continue
        lines[entrant] = {**needs, **found}
        report("time to accuracy", entrant=entrant, **lines[entrant])
    return verdict(lines, absent)


if __name__ == "__main__":
    main()
