"""Run file -> what fits without one series say of it: a small table beside the posterior."""

import csv
import io
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mc.devices import prepare
from mc.disk import claim
from mc.past import past_of
from mc.runfile import Run

if TYPE_CHECKING:
    from mc.posterior.held_out import Score
    from mc.posterior.nuts import Progress, Settings

log = logging.getLogger("ferrocast")

COLUMNS = (
    "series", "numbers", "log_score", "log_score_prior", "crps", "crps_prior", "inside", "inside_prior", "rhat",
)  # fmt: skip
"""Means over the numbers of a series; `inside`: share of them in the 90 % band; `rhat`: worst latent of the fit."""

Line = dict[str, str | int | float]


def left_out_file(run: Run) -> Path:
    """Where the table of a run goes by default: NAME.left_out.csv beside its cube."""
    return run.cube.with_name(f"{run.cube.stem}.left_out.csv")


def make_left_out(
    run: Run,
    settings: "Settings",
    out: Path,
    *,
    overwrite: bool = False,
    progress: "Progress | None" = None,
    stop: Callable[[], bool] | None = None,
) -> list[Line]:
    """Fit the past of a run once without each series, side by side, and write how well each was foretold.

    Raises:
        InputError: something in the run file or the tables cannot be used.
        RunFailed: a fit has no place to start.
        Stopped: `stop` answered True; nothing is kept.
    """
    with claim(out, overwrite=overwrite) as part:
        prepare(run.ensemble.device)
        past = past_of(run)

        from mc.posterior.density import make_target
        from mc.posterior.held_out import leave_one_out
        from mc.posterior.learned import WORST_RHAT
        from mc.posterior.likelihood import make_likelihood

        begin = time.perf_counter()
        target = make_target(past.study, make_likelihood(past.study, past.rows, past.errors))
        lines = lines_of(leave_one_out(target, settings, progress=progress, stop=stop))
        worst = max(float(line["rhat"]) for line in lines)
        log.info("%d fits, R-hat %.3f or less; %.1f s", len(lines), worst, time.perf_counter() - begin)
        if worst > WORST_RHAT:
            log.warning("R-hat above %g: good enough to compare series; for more, raise --draws", WORST_RHAT)
        part.write_text(as_csv(lines), encoding="utf-8")
        part.replace(out)
    return lines


def lines_of(found: "Mapping[str, Sequence[Score]]") -> list[Line]:
    """One line a series, means over its numbers."""

    def mean(scores: "Sequence[Score]", name: str) -> float:
        return float(np.mean([getattr(one, name) for one in scores]))

    return [
        {"series": series, "numbers": len(scores), **{name: mean(scores, name) for name in COLUMNS[2:]}}
        for series, scores in found.items()
    ]


def as_csv(lines: Sequence[Line]) -> str:
    """The table as text, five significant digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: f"{value:.5g}" if isinstance(value, float) else value for name, value in line.items()})
    return text.getvalue()
