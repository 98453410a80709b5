"""What does a stated accuracy cost? National CO2 of 2030 to 2060 and in all: mean to 0.1 %, 95 % point to 0.5 %.

Every entrant runs the benchmark model (`model/`) and delivers the same: means of all outputs, 95 % points of national
CO2. Its error is the root mean square, over seeds, of the distance to a very long run (`model/reference.json`), the
worst of the five judged numbers. N doubles until both errors are met; where that would take too long the fitted error
gives N, and the line says `extrapolated`. Start-up - imports, compilation, what a first call takes longer - stands
apart. Peers run in environments of their own; one that is absent is named with the reason.

    python benchmarks/time_to_accuracy.py [--quick] [--only ENTRANT ...] [--chain]
    python benchmarks/time_to_accuracy.py --reference      makes the long run anew
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from measuring import report
from peers.environments import Absent
from peers.process import Worker

MEAN, P95 = 1e-3, 5e-3
"""Relative errors that have to be met."""

ENTRANTS = {
    "ferrocast_sobol": "ferrocast",
    "ferrocast_plain": "ferrocast",
    "numpy_plain": "numpy",
    "numpy_sobol": "numpy",
    "numba_plain": "numba",
    "numba_sobol": "numba",
    "numpyro_predictive": "numpyro",
    "openturns_plain": "openturns",
    "openturns_sobol": "openturns",
    "chaospy_plain": "chaospy",
    "chaospy_latin": "chaospy",
    "chaospy_chaos": "chaospy",
    "monaco": "monaco",
    "qmcpy_net": "qmcpy",
}
"""Entrants and the peer that each belongs to."""

REFERENCE = Path(__file__).parent / "model" / "reference.json"
REFERENCE_DRAWS, REFERENCE_SEEDS = 2**17, 16
FEWEST, MOST = 256, 2**24
LEAST_SIZES = 3
REPEATS = 5

Numbers = np.ndarray


@dataclass(frozen=True)
class Effort:
    """Seeds per N, and the wall seconds that one entrant may take at one N."""

    seeds: int
    seconds: float


@dataclass
class Search:
    """Errors by N: the worst of the judged numbers, mean and 95 % point."""

    mean: dict[int, float] = field(default_factory=dict)
    p95: dict[int, float] = field(default_factory=dict)

    def draws_for(self, errors: dict[int, float], target: float) -> tuple[int, bool]:
        """First power of two that meets the target, and whether that had to be extrapolated.

        As 1 / sqrt(N) from the three largest sizes: so falls the error of independent draws; that of a Sobol' quantile
        falls a little faster.
        """
        for draws, error in errors.items():
            if error <= target:
                return draws, False
        level = statistics.median(error * math.sqrt(draws) for draws, error in list(errors.items())[-3:])
        return min(MOST, 2 ** math.ceil(2 * math.log2(level / target))), True


def reference() -> tuple[Numbers, Numbers]:
    """Mean and 95 % point of the judged numbers."""
    text = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return np.array(text["mean"]), np.array(text["p95"])


def make_reference() -> None:
    """The long run: many Sobol' sequences of SciPy through the NumPy model, none of ours."""
    with Worker("numpy") as worker:
        answers = [worker.ask("numpy_sobol", REFERENCE_DRAWS, 10**6 + seed) for seed in range(REFERENCE_SEEDS)]
    found: dict[str, Any] = {
        "what": "NumPy model, scrambled Sobol' of SciPy; mean over seeds, and its relative standard error",
        "draws": REFERENCE_DRAWS,
        "seeds": REFERENCE_SEEDS,
    }
    for name in ("mean", "p95"):
        values = np.array([answer[name] for answer in answers])
        centre = values.mean(axis=0)
        found[name] = centre.tolist()
        found[f"{name}_error"] = (values.std(axis=0, ddof=1) / math.sqrt(len(values)) / centre).tolist()
    REFERENCE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def search(ask: Callable[[int, int], dict[str, Any]], effort: Effort) -> Search:
    """Double N until both targets are met or the seconds are spent."""
    long_mean, long_p95 = reference()
    found, draws = Search(), FEWEST
    ask(draws, 1)
    while draws <= MOST:
        answers = [ask(draws, seed) for seed in range(1, effort.seeds + 1)]
        for name, errors, long in (("mean", found.mean, long_mean), ("p95", found.p95, long_p95)):
            off = np.array([answer[name] for answer in answers]) / long - 1
            errors[draws] = float(np.sqrt((off**2).mean(axis=0)).max())
        if min(found.mean.values()) <= MEAN and min(found.p95.values()) <= P95:
            return found
        late = 2 * sum(answer["wall_s"] for answer in answers) > effort.seconds
        if late and len(found.mean) >= LEAST_SIZES:
            return found
        draws *= 2
    return found


def timed(ask: Callable[[int, int], dict[str, Any]], draws: int, seconds: float) -> dict[str, Any]:
    """Median CPU and wall seconds at N, one seed again and again; the first call, apart, may compile."""
    first = ask(draws, 1)
    repeats = max(1, min(REPEATS, int(seconds / max(first["wall_s"], 1e-3))))
    again = [ask(draws, 1) for _ in range(repeats)]
    return {name: statistics.median(answer[name] for answer in again) for name in ("cpu_s", "wall_s")}


def measure(entrant: str, effort: Effort) -> dict[str, Any]:
    """Figures of one entrant."""
    with Worker(ENTRANTS[entrant]) as worker:
        first = worker.ask(entrant, FEWEST, 1)
        second = worker.ask(entrant, FEWEST, 1)

        def ask(draws: int, seed: int) -> dict[str, Any]:
            return worker.ask(entrant, draws, seed)

        found = search(ask, effort)
        mean, mean_fitted = found.draws_for(found.mean, MEAN)
        p95, p95_fitted = found.draws_for(found.p95, P95)
        draws = max(mean, p95)
        figures = {
            "draws_for_mean": mean,
            "draws_for_p95": p95,
            "draws": draws,
            "extrapolated": mean_fitted or p95_fitted,
            "mean_error": found.mean.get(draws),
            "p95_error": found.p95.get(draws),
        }
        largest = max(found.mean)
        at = min(draws, largest * 16)
        spent = timed(ask, at, effort.seconds)
        scaled = {name: value * draws / at for name, value in spent.items()}
        start = {
            f"startup_{name}": worker.hello[name] + max(0.0, first[name] - second[name]) for name in ("cpu_s", "wall_s")
        }
        return {**figures, **scaled, "time_scaled": at < draws, **start, "version": worker.hello["version"]}


def chain(draws: int) -> None:
    """Ours on the whole chain, market policy: what its own standard errors say of N, and the seconds of a draw."""
    import dataclasses
    import time

    from measuring import three_policies

    from mc.ensemble import run_ensemble
    from mc.pose import pilot_of
    from mc.settings import Settings
    from mc.summary import finish

    study = three_policies()
    place = study.coords["scenario"].index("market")
    first = study.coords["year"][0]
    years = [year - first for year in (2030, 2040, 2050, 2060)]
    names = ("co2_direct_power", "co2_cumulative")
    base = Settings(draws=draws, quantiles=names, probabilities=(0.95,), pilot=pilot_of(draws, 64))
    for sampler in ("sobol", "plain"):
        settings = dataclasses.replace(base, sampler=sampler)
        start = run_ensemble(study, settings, draws=(0, 0))
        begin = time.process_time(), time.perf_counter()
        series = finish(study, settings, run_ensemble(study, settings, state=start)).series
        spent = time.process_time() - begin[0], time.perf_counter() - begin[1]
        errors = {}
        for name, pick in (("mean", lambda found: found["mean"]), ("p95", lambda found: found["quantile"][0])):
            off = [np.abs(pick(series[item].mcse) / pick(series[item].value))[place] for item in names]
            errors[name] = float(max(*(off[0][year] for year in years), np.max(off[1])))
        needed = max((errors["mean"] / MEAN) ** 2, (errors["p95"] / P95) ** 2) * draws
        report(
            "time to accuracy: whole chain, three policies",
            entrant=f"ferrocast_{sampler}",
            measured_draws=draws,
            mean_error=errors["mean"],
            p95_error=errors["p95"],
            draws=2 ** math.ceil(math.log2(needed)),
            extrapolated="from its standard errors, as 1 / sqrt(N)",
            cpu_ms_per_draw=1e3 * spent[0] / draws,
            wall_ms_per_draw=1e3 * spent[1] / draws,
        )


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
    parser.add_argument("--quick", action="store_true", help="fewer seeds, and sooner to extrapolate")
    parser.add_argument("--only", nargs="+", choices=ENTRANTS, default=list(ENTRANTS))
    parser.add_argument("--chain", action="store_true", help="ours on the whole chain, and nothing else")
    parser.add_argument("--reference", action="store_true", help="make the long run anew, and nothing else")
    asked = parser.parse_args()
    if asked.reference:
        return make_reference()
    if asked.chain:
        return chain(512 if asked.quick else 2048)
    effort = Effort(6, 1.0) if asked.quick else Effort(16, 12.0)
    lines, absent = {}, {}
    for entrant in asked.only:
        try:
            lines[entrant] = measure(entrant, effort)
            report("time to accuracy", entrant=entrant, seeds=effort.seeds, **lines[entrant])
        except Absent as reason:
            absent[entrant] = str(reason)
            report("time to accuracy", entrant=entrant, absent=str(reason))
    return verdict(lines, absent)


if __name__ == "__main__":
    main()
