"""How would each family of errors alone have forecast, beside all of them weighted, as fits use them?

A check, it chooses nothing: families are summed out in every fit (priors/steel/errors.csv). It once chose: the hindcast
took, series by series, the family with the best mean log score inside the data up to 2010, which made it test another
model than the one that people use. Fits to each origin, scores of the years after it: up to 2010 from 2004 to 2008, up
to 2020 from 2010. Priors are those of the hindcast; the electric share walks about its slope throughout. All fits of a
stage go through one program. One JSON line a stage, family and series, with the gain in log score on all
families weighted and whether it is beyond its error; scores of single numbers go to benchmarks/out/. `--quick`: two
families, one origin, few draws, to see that it runs.
"""

import csv
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measuring import ROOT, report
from numpy.typing import NDArray

from mc.devices import prepare
from mc.past import past_of
from mc.posterior.density import Target, make_target
from mc.posterior.drift import NORMAL
from mc.posterior.errors import MOVES
from mc.posterior.held_out import Score, scores_of
from mc.posterior.likelihood import make_likelihood
from mc.posterior.nuts import Settings
from mc.posterior.observed import NO_YEAR
from mc.posterior.paired import mean_difference
from mc.posterior.refits import Variant, variant_of
from mc.runfile import load_run

Floats = NDArray[np.float64]

OUT = Path(__file__).parent / "out"
"""Where scores of single numbers go."""
STAGES = {2010: (2004, 2005, 2006, 2007, 2008), 2020: (2010,)}
"""Origins by the last year that is scored."""
SETTINGS = Settings(chains=2, warmup=250, draws=400, chunk=25)
QUICK = Settings(chains=2, warmup=150, draws=200, chunk=25)
WEIGHTED = "weighted"
SCORES = ("log_score", "crps", "inside", "rhat")
"""What is kept of single numbers."""


@dataclass(frozen=True)
class Rival:
    """What is compared.

    Attributes:
        says: in words.
        family: of all errors that can be of it, the others walk; all families by their weights without.
        normal: whether errors are normal in place of Student's t.
    """

    says: str
    family: str = ""
    normal: bool = False


RIVALS = {
    WEIGHTED: Rival("all families by their weights, as in every fit"),
    "returns": Rival("errors return to their mean (AR(1), 0.7 a year)", "returns"),
    "walk": Rival("errors walk, without a slope", "walks"),
    "walk_normal": Rival("the same, errors normal in place of Student's t", "walks", normal=True),
    "slope": Rival("errors walk about a steady slope that is not known", "slopes"),
    "trend": Rival("the same, and the slopes walk too (local linear trend)", "trends"),
}


def target_of(last: int) -> Target:
    """The past up to a year under the priors of the hindcast."""
    past = past_of(load_run(ROOT / "runs" / "hindcast.toml"))
    rows = [row for row in past.rows if row.year != NO_YEAR and row.year <= last]
    return make_target(past.study, make_likelihood(past.study, rows, past.errors))


def variant(target: Target, rival: Rival, origin: int) -> Variant:
    """A rival fitted up to an origin."""
    likelihood = target.likelihood
    early = np.array([row.year <= origin for row in likelihood.rows])
    degrees = np.full_like(likelihood.degrees, NORMAL) if rival.normal else likelihood.degrees
    weights = alone(likelihood.log_weights, rival.family) if rival.family else likelihood.log_weights
    return variant_of(target, early, degrees=degrees, log_weights=weights)


def alone(log_weights: Floats, family: str) -> Floats:
    """All weight on one family, on walks where a group cannot be of it [family, group]."""
    kinds, undecided = list(MOVES), np.isfinite(log_weights).sum(axis=0) > 1
    able = np.isfinite(log_weights[kinds.index(family)])
    chosen = np.where(able, kinds.index(family), kinds.index("walks"))
    one = np.where(np.arange(len(kinds))[:, None] == chosen, 0.0, -np.inf)
    return np.where(undecided, one, log_weights)


def fit(
    last: int, names: list[str], origins: tuple[int, ...], settings: Settings
) -> dict[str, list[tuple[int, Score]]]:
    """Origins and scores of single numbers of each rival, from new fits of a stage."""
    target = target_of(last)
    jobs = list(itertools.product(names, origins))
    variants = [variant(target, RIVALS[name], origin) for name, origin in jobs]
    scored = [np.array([row.year > origin for row in target.likelihood.rows]) for _, origin in jobs]
    scores = scores_of(target, variants, scored, settings, progress=_progress)
    found: dict[str, list[tuple[int, Score]]] = {name: [] for name in names}
    for (name, origin), mine in zip(jobs, scores, strict=True):
        found[name] += [(origin, one) for one in mine]
    return found


def _progress(done: int, total: int, divergences: int) -> None:
    sys.stderr.write(f"{done} of {total} steps, {divergences} divergences\n")


def summary(found: dict[str, list[tuple[int, Score]]], last: int) -> list[dict[str, str | float]]:
    """Means of each rival and series, and what it gains in log score on all families weighted."""
    lines: list[dict[str, str | float]] = []
    for family, scores in found.items():
        for series in sorted({one.row.series for _, one in scores}):
            mine = [one for _, one in scores if one.row.series == series]
            loss = np.array([one.log_score for _, one in found[WEIGHTED] if one.row.series == series])
            loss = loss - np.array([one.log_score for one in mine])
            gap = mean_difference(loss, np.array([one.row.year for one in mine], dtype=np.float64))
            lines.append(
                {"until": last, "family": family, "says": RIVALS[family].says, "series": series, "numbers": len(mine),
                 "log_score": float(np.mean([one.log_score for one in mine])),
                 "crps_percent": 100 * float(np.mean([one.crps / one.row.value for one in mine])),
                 "inside": float(np.mean([one.inside for one in mine])), "rhat": max(one.rhat for one in mine),
                 "gain": -gap.mean, "gain_se": gap.se, "against_weighted": gap.verdict if family != WEIGHTED else ""}
            )  # fmt: skip
    return lines


def write(file: Path, found: dict[str, list[tuple[int, Score]]]) -> None:
    """Scores of single numbers."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["family", "origin", "series", "year", "observed", *SCORES])
        for family, scores in found.items():
            for origin, one in scores:
                values = [f"{float(getattr(one, name)):.5g}" for name in SCORES]
                writer.writerow([family, origin, one.row.series, one.row.year, f"{one.row.value:.6g}", *values])


def main() -> None:
    """Fit and write, then print a line a family and series."""
    prepare("cpu")
    OUT.mkdir(exist_ok=True)
    quick = "--quick" in sys.argv
    names = [WEIGHTED, "walk"] if quick else list(RIVALS)
    for last, origins in {2020: STAGES[2020]}.items() if quick else STAGES.items():
        found = fit(last, names, origins, QUICK if quick else SETTINGS)
        write(OUT / f"rolling_origins_{last}.csv", found)
        for line in summary(found, last):
            numbers = {name: None if value != value else value for name, value in line.items()}
            report("errors by rolling origin", **numbers)


if __name__ == "__main__":
    main()
