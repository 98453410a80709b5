"""Which family of errors forecasts best inside the data up to 2010? Fits to each origin, scores of the years after it.

Stated before any score was seen: origins 2004 to 2008, numbers up to 2010 and no later one, priors of the hindcast; of
each series the family with the best mean log score wins, years weighted by how far ahead they lie, since the hindcast
asks for ten. CRPS and coverage are printed beside it and decide nothing. Scores of 2011 to 2020 from a fit to 2010,
made after the choice, stand in the table too, for readers to see what another choice would have given. All fits of a
stage go side by side through one program (minutes on two cores). Means are written to `rolling_origins.csv`, which the
page `hindcast` prints; `--quick` only prints what it holds.
"""

import csv
import itertools
import sys
import tomllib
from pathlib import Path

import numpy as np
from measuring import ROOT, report

from mc.devices import prepare
from mc.past import past_of
from mc.posterior.density import Target, make_target
from mc.posterior.drift import NORMAL
from mc.posterior.held_out import scores_of
from mc.posterior.likelihood import make_likelihood
from mc.posterior.nuts import Settings
from mc.posterior.observed import NO_YEAR
from mc.posterior.refits import Variant, variant_of
from mc.runfile import load_run
from mc.study import Prior

HERE = Path(__file__).parent
FILE = HERE / "rolling_origins.csv"
OUT = HERE / "out"
"""Where scores of single numbers go."""
STAGES = {2010: (2004, 2005, 2006, 2007, 2008), 2020: (2010,)}
"""Origins by the last year that is scored: the first stage chooses, the second shows what the choice was worth."""
SETTINGS = Settings(chains=2, warmup=250, draws=400, chunk=25)
SWITCHED = ("persistence", "slope", "bend")
"""Parameters of errors that a family fixes."""
MEANS = ("log_score", "relative_crps", "inside", "rhat")


def families() -> dict[str, dict[str, object]]:
    """The families by name, in the order of the file."""
    return tomllib.loads((HERE / "error_families.toml").read_text(encoding="utf-8"))


def target_of(held: dict[str, float], last: int) -> Target:
    """The past up to a year under the priors of the hindcast; what families switch is there to be switched."""
    past = past_of(load_run(ROOT / "runs" / "hindcast.toml"))
    rows = [row for row in past.rows if row.year != NO_YEAR and row.year <= last]
    errors = {group: dict(parameters) for group, parameters in past.errors.items()}
    for name in held:
        prefix, _, rest = name.partition(".")
        group, _, parameter = rest.rpartition(".")
        if prefix == "error" and parameter in SWITCHED:
            errors[group][parameter] = Prior("fixed", 0.5, 0.5, 0.5)
    return make_target(past.study, make_likelihood(past.study, rows, errors))


def variant(target: Target, family: dict[str, object], names: list[str], origin: int) -> Variant:
    """A family fitted up to an origin."""
    fixed: dict[str, float] = family["fixed"]  # type: ignore[assignment]
    likelihood = target.likelihood
    degrees = [fixed.get(f"error.{g}.degrees", d) for g, d in zip(likelihood.groups, likelihood.degrees, strict=True)]
    held = {name: fixed.get(name, 1.0 if name.endswith("persistence") else 0.0) for name in names}
    # Not a number: drawn from its prior.
    held = {name: np.nan if value == "drawn" else value for name, value in held.items()}
    early = np.array([row.year <= origin for row in likelihood.rows])
    return variant_of(target, early, held, np.minimum(np.array(degrees, float), NORMAL))


def fit(last: int) -> list[dict[str, str]]:
    """Scores of single numbers, from new fits of a stage."""
    found = families()
    names = sorted({name for one in found.values() for name in one["fixed"] if not name.endswith("degrees")})  # type: ignore[attr-defined]
    target = target_of(dict.fromkeys(names, 0.0), last)
    jobs = list(itertools.product(found, STAGES[last]))
    variants = [variant(target, found[family], names, origin) for family, origin in jobs]
    scored = [np.array([row.year > origin for row in target.likelihood.rows]) for _, origin in jobs]
    scores = scores_of(target, variants, scored, SETTINGS, progress=_progress)
    return [
        {"family": family, "origin": str(origin), "series": one.row.series, "year": str(one.row.year),
         "observed": f"{one.row.value:.6g}", "log_score": f"{one.log_score:.4f}", "crps": f"{one.crps:.5g}",
         "relative_crps": f"{one.crps / one.row.value:.5f}", "inside": str(int(one.inside)), "rhat": f"{one.rhat:.3f}"}
        for (family, origin), mine in zip(jobs, scores, strict=True)
        for one in mine
    ]  # fmt: skip


def _progress(done: int, total: int, divergences: int) -> None:
    sys.stderr.write(f"{done} of {total} steps, {divergences} divergences\n")


def summary(rows: list[dict[str, str]], last: int) -> list[dict[str, str]]:
    """Means of each family and series."""
    found = []
    for (family, about), series in itertools.product(families().items(), sorted({row["series"] for row in rows})):
        mine = [row for row in rows if (row["family"], row["series"]) == (family, series)]
        ahead = np.array([int(row["year"]) - int(row["origin"]) for row in mine])
        column = {name: np.array([float(row[name]) for row in mine]) for name in MEANS}
        found.append(
            {"until": str(last), "family": family, "says": str(about["says"]), "series": series,
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
    for last in () if "--quick" in sys.argv else STAGES:
        rows = fit(last)
        write(OUT / f"rolling_origins_{last}.csv", rows)
        old = [line for line in (read(FILE) if FILE.is_file() else []) if line["until"] != str(last)]
        write(FILE, sorted(old + summary(rows, last), key=lambda line: line["until"]))
    for line in read(FILE):
        numbers = {name: float(line[name]) for name in ("numbers", "log_score", "crps_percent", "inside", "rhat")}
        report("errors by rolling origin", until=line["until"], family=line["family"], series=line["series"], **numbers)


if __name__ == "__main__":
    main()
