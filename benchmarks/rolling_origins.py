"""How would each family of errors alone have forecast, beside all of them weighted, as fits use them?

A check, it chooses nothing: families are summed out in every fit (priors/steel/errors.csv). It once chose: the hindcast
took, series by series, the family with the best mean log score inside the data up to 2010, which made it test another
model than the one that people use. Fits to each origin, scores of the years after it: up to 2010 from 2004 to 2008, up
to 2020 from 2010; years are weighted by how far ahead they lie. Priors are those of the hindcast. All fits of a stage
go side by side through one program. Means are written to `rolling_origins.csv`, which the page `hindcast` prints; names
of rivals as arguments fit these alone, `--quick` only prints what the table holds.
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
from mc.posterior.held_out import scores_of
from mc.posterior.likelihood import make_likelihood
from mc.posterior.nuts import Settings
from mc.posterior.observed import NO_YEAR
from mc.posterior.refits import Variant, variant_of
from mc.runfile import load_run

Floats = NDArray[np.float64]

HERE = Path(__file__).parent
FILE = HERE / "rolling_origins.csv"
OUT = HERE / "out"
"""Where scores of single numbers go."""
STAGES = {2010: (2004, 2005, 2006, 2007, 2008), 2020: (2010,)}
"""Origins by the last year that is scored."""
SETTINGS = Settings(chains=2, warmup=250, draws=400, chunk=25)
MEANS = ("log_score", "relative_crps", "inside", "rhat")


@dataclass(frozen=True)
class Rival:
    """What is compared.

    Attributes:
        says: in words.
        family: of all errors that can be of it, the others walk; all families by their weights without.
        slope: whether the electric share walks about a slope.
        normal: whether errors are normal in place of Student's t.
    """

    says: str
    family: str = ""
    slope: bool = True
    normal: bool = False


RIVALS = {
    "weighted": Rival("all families by their weights, as in every fit"),
    "returns": Rival(
        "errors return to their mean (AR(1), 0.7 a year); the electric share walks", "returns", slope=False
    ),
    "walk": Rival("errors and the electric share walk, without a slope", "walks", slope=False),
    "walk_normal": Rival("the same, errors normal in place of Student's t", "walks", slope=False, normal=True),
    "slope": Rival("errors and the electric share walk about a steady slope that is not known", "slopes"),
    "trend": Rival("the same, and slopes of errors walk too (local linear trend)", "trends"),
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
    held = {"history.eaf_slope_sd": np.float64(np.nan if rival.slope else 0.0)}
    degrees = np.full_like(likelihood.degrees, NORMAL) if rival.normal else likelihood.degrees
    weights = alone(likelihood.log_weights, rival.family) if rival.family else likelihood.log_weights
    return variant_of(target, early, held=held, degrees=degrees, log_weights=weights)


def alone(log_weights: Floats, family: str) -> Floats:
    """All weight on one family, on walks where a group cannot be of it [family, group]."""
    kinds, undecided = list(MOVES), np.isfinite(log_weights).sum(axis=0) > 1
    able = np.isfinite(log_weights[kinds.index(family)])
    chosen = np.where(able, kinds.index(family), kinds.index("walks"))
    one = np.where(np.arange(len(kinds))[:, None] == chosen, 0.0, -np.inf)
    return np.where(undecided, one, log_weights)


def fit(last: int, names: list[str]) -> list[dict[str, str]]:
    """Scores of single numbers, from new fits of a stage."""
    target = target_of(last)
    jobs = list(itertools.product(names, STAGES[last]))
    variants = [variant(target, RIVALS[name], origin) for name, origin in jobs]
    scored = [np.array([row.year > origin for row in target.likelihood.rows]) for _, origin in jobs]
    scores = scores_of(target, variants, scored, SETTINGS, progress=_progress)
    return [
        {"family": name, "origin": str(origin), "series": one.row.series, "year": str(one.row.year),
         "observed": f"{one.row.value:.6g}", "log_score": f"{one.log_score:.4f}", "crps": f"{one.crps:.5g}",
         "relative_crps": f"{one.crps / one.row.value:.5f}", "inside": str(int(one.inside)), "rhat": f"{one.rhat:.3f}"}
        for (name, origin), mine in zip(jobs, scores, strict=True)
        for one in mine
    ]  # fmt: skip


def _progress(done: int, total: int, divergences: int) -> None:
    sys.stderr.write(f"{done} of {total} steps, {divergences} divergences\n")


def summary(rows: list[dict[str, str]], last: int) -> list[dict[str, str]]:
    """Means of each rival and series."""
    found = []
    names = dict.fromkeys(row["family"] for row in rows)
    for family, series in itertools.product(names, sorted({row["series"] for row in rows})):
        mine = [row for row in rows if (row["family"], row["series"]) == (family, series)]
        ahead = np.array([int(row["year"]) - int(row["origin"]) for row in mine])
        column = {name: np.array([float(row[name]) for row in mine]) for name in MEANS}
        found.append(
            {"until": str(last), "family": family, "says": RIVALS[family].says, "series": series,
             "numbers": str(len(mine)), "log_score": f"{np.average(column['log_score'], weights=ahead):.3f}",
             "crps_percent": f"{100 * np.average(column['relative_crps'], weights=ahead):.2f}",
             "inside": f"{column['inside'].mean():.3f}", "rhat": f"{column['rhat'].max():.3f}"}
        )  # fmt: skip
    return found


def write(file: Path, rows: list[dict[str, str]]) -> None:
    """A table, whole or not at all."""
    part = file.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(file)


def read(file: Path) -> list[dict[str, str]]:
    """A table."""
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def main() -> None:
    """Fit and write, then print a line a family and series."""
    prepare("cpu")
    OUT.mkdir(exist_ok=True)
    names = [name for name in sys.argv[1:] if name in RIVALS] or list(RIVALS)
    for last in () if "--quick" in sys.argv else STAGES:
        rows = fit(last, names)
        write(OUT / f"rolling_origins_{last}.csv", rows)
        old = read(FILE) if FILE.is_file() else []
        new = [line for line in old if line["until"] != str(last) or line["family"] not in names] + summary(rows, last)
        write(FILE, sorted(new, key=lambda line: (line["until"], list(RIVALS).index(line["family"]))))
    for line in read(FILE):
        numbers = {name: float(line[name]) for name in ("numbers", "log_score", "crps_percent", "inside", "rhat")}
        report("errors by rolling origin", until=line["until"], family=line["family"], series=line["series"], **numbers)


if __name__ == "__main__":
    main()
