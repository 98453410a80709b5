"""Cube and observations -> the same draws, weighted: read, bind, weigh, refuse or write."""

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mc.cube.write import write_cube
from mc.devices import prepare
from mc.disk import claim
from mc.errors import InputError
from mc.kept_past import learned_from, past_of_draws
from mc.provenance import commit, timestamp

if TYPE_CHECKING:
    from mc.posterior.errors import Errors
    from mc.posterior.kept import Bound, History, KeptDraws
    from mc.posterior.reweight import Reweighted
    from mc.tables.cells import Sheet

log = logging.getLogger("ferrocast")

ERRORS = "errors.csv"
"""Beside a table of observations: how its groups stray."""


def reweighted_file(cube: Path) -> Path:
    """Where re-weighted draws go by default: NAME.reweighted.nc beside the cube."""
    return cube.with_name(f"{cube.stem}.reweighted.nc")


def make_reweighted(
    cube: Path, observed: Path, out: Path, *, priors: Path | None = None, seed: int = 1, overwrite: bool = False
) -> "Reweighted":
    """Weigh the kept draws of a cube by observations and write prior beside posterior.

    `priors` are those of the run, for rows of years before it: the past is computed from the kept inputs.

    Raises:
        InputError: the cube or the table cannot be used.
        RunFailed: the draws cannot stand for the posterior (k-hat); nothing is written.
    """
    with claim(out, overwrite=overwrite) as part:
        prepare("auto")
        kept, bound, errors = read_observations(cube, observed, priors, seed)

        from mc.posterior.importance import refuse
        from mc.posterior.reweight import reweight
        from mc.posterior.reweighted_file import lay_out_reweighted

        _say_groups(kept, bound, errors)
        found = reweight(bound, errors, kept.counted, seed)
        _say(found)
        refuse(found.weights, found.sets)
        groups = lay_out_reweighted(kept, found, seed)
        groups["/"].attrs = _attributes(kept, found, observed, seed)
        write_cube(groups, part, out)
    return found


def read_observations(cube: Path, observed: Path, priors: Path | None, seed: int) -> "tuple[KeptDraws, Bound, Errors]":
    """Kept draws, rows bound to them, and the errors of the rows."""
    import dataclasses

    from mc.kept_rows import bind_rows, read_kept, selecting
    from mc.tables.cells import read_sheet
    from mc.tables.errors import PriorsError, Problem
    from mc.tables.observed import COLUMNS, OPTIONAL, Choice, chosen
    from mc.tables.straying import read_errors

    first: list[Problem] = []
    # Columns that choose an element are known once the cube is open; what else is wrong is said after that.
    wanted = [record["series"] for record in read_sheet(observed, ("series",), _header(observed), first).records]
    kept = read_kept(cube, wanted)
    problems: list[Problem] = []
    sheet = read_sheet(observed, COLUMNS, (*OPTIONAL, *selecting(kept)), problems)
    if problems:
        raise PriorsError(problems)
    bound = bind_rows(sheet, str(observed), kept, _history(kept, sheet, priors, seed))
    bound = dataclasses.replace(bound, rows=chosen(bound.rows, Choice()))
    beside = observed.with_name(ERRORS)
    return kept, bound, read_errors(beside) if beside.is_file() else {}


def _header(observed: Path) -> tuple[str, ...]:
    """Columns of a table as written, all of them allowed."""
    from mc.tables.cells import read_text

    lines = (read_text(observed, []) or "").splitlines()
    return tuple(cell.strip() for cell in lines[0].split(",")) if lines else ()


def _history(kept: "KeptDraws", sheet: "Sheet", priors: Path | None, seed: int) -> "History | None":
    """The past of the draws where a row asks for it."""
    from mc.kept_rows import first_year, in_the_past, of_history

    past = [record for record in sheet.records if in_the_past(record, kept) and record["role"] != "off"]
    if priors is None and not past:
        return None
    if not any(of_history(record, kept) for record in sheet.records):
        return None
    if priors is None:
        first = past[0]
        raise InputError(
            f"{first.path}:{first.line}: year {first['year']} lies before the run, which begins in {first_year(kept)}; "
            "to compute the past from the kept inputs, name the priors of the run: --priors FOLDER"
        )
    return past_of_draws(kept, priors, seed)


def _say_groups(kept: "KeptDraws", bound: "Bound", errors: "Errors") -> None:
    if source := learned_from(kept):
        log.warning("the draws come from the posterior %s: rows that it was fitted to would count twice", source)
    for group in dict.fromkeys(row.group for row in bound.rows):
        stray = ", ".join(errors.get(group, {})) or "independent errors of the given sd"
        log.info("%s: %d rows, %s", group, sum(row.group == group for row in bound.rows), stray)


def _say(found: "Reweighted") -> None:
    failed = int((~found.counted).sum())
    if failed:
        log.warning("%d of %d kept draws failed: weight 0", failed, len(found.counted))
    for name, one in (*found.sets.items(), ("all", found.weights)):
        log.info("%s: k-hat %.2f, %.0f effective draws of %d%s", name, one.khat, one.ess, one.draws,
                 "" if one.usable else f" - above {one.limit:.2f}, not usable")  # fmt: skip


def _attributes(kept: "KeptDraws", found: "Reweighted", observed: Path, seed: int) -> "dict[str, object]":
    from mc.posterior.reweighted_file import resampled_note

    origin = dict(kept.root.attrs)
    line = f"{timestamp()} ferrocast reweight {kept.cube.name} --observed {observed.name}"
    rows = [(row.label, row.value, row.sd, row.role, row.weight) for row in found.likelihood.rows]
    return origin | {
        "history": f"{line}\n{origin.get('history', '')}",
        "reweighted_commit": commit(),
        "reweighted_seed": seed,
        "observed_file": observed.name,
        "observed_digest": hashlib.sha256(observed.read_bytes()).hexdigest(),
        "observed_rows": json.dumps(rows),
        "khat": found.weights.khat,
        "ess": found.weights.ess,
        "draws_valid": found.weights.draws,
        "draws_failed": int((~found.counted).sum()),
        "note": resampled_note(found),
    }
