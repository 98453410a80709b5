"""How many draws an entrant needs: errors over seeds against a long run, N doubling until the targets are met."""

import json
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from peers.process import Worker

MEAN, P95 = 1e-3, 5e-3
"""Relative errors that have to be met."""

REFERENCE = Path(__file__).parent.parent / "model" / "reference.json"
REFERENCE_DRAWS, REFERENCE_SEEDS = 2**17, 16
FEWEST, MOST = 256, 2**24
LEAST_SIZES = 3

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


def needed(ask: Callable[[int, int], dict[str, Any]], effort: Effort) -> dict[str, Any]:
    """Draws that meet each target, whether that had to be extrapolated, and the errors measured there."""
    found = search(ask, effort)
    mean, mean_fitted = found.draws_for(found.mean, MEAN)
    p95, p95_fitted = found.draws_for(found.p95, P95)
    draws = max(mean, p95)
    return {
        "draws_for_mean": mean,
        "draws_for_p95": p95,
        "draws": draws,
        "extrapolated": mean_fitted or p95_fitted,
        "mean_error": found.mean.get(draws),
        "p95_error": found.p95.get(draws),
        "seeds": effort.seeds,
    }
