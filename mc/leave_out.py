"""Run file -> what fits without one series say of it: a small table beside the posterior."""

import csv
import io
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mc.devices import prepare
from mc.disk import claim, not_written
from mc.past import past_of
from mc.runfile import Run

if TYPE_CHECKING:
    from mc.posterior.density import Target
    from mc.posterior.held_out import Score
    from mc.posterior.nuts import Progress, Settings

log = logging.getLogger("ferrocast")

COLUMNS = (
    "series", "numbers", "log_score", "log_score_prior", "crps", "crps_prior", "inside", "inside_prior", "rhat",
    "divergences", "saturated", "log_score_gain", "log_score_gain_se", "verdict",
)  # fmt: skip
"""Means over the numbers of a series; `inside`: share of them in the 90 % band. Of its fit: R-hat of the worst latent,
and after warm-up divergences and trees that reached their bound. Last, what `held_out.compared` says."""
OF_FIT = ("rhat", "divergences", "saturated")
COMPARED = COLUMNS.index("log_score_gain")

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
    resume: bool = False,
    progress: "Progress | None" = None,
    stop: Callable[[], bool] | None = None,
) -> list[Line]:
    """Fit the past of a run once without each series, and write how well each was foretold.

    Chains are kept beside the table until it is whole.

    Raises:
        InputError: something in the run file or the tables cannot be used.
        RunFailed: a fit has no place to start, or its chains have not met: `resume` with more draws goes on.
        Stopped: `stop` answered True; `resume` goes on from there.
        DiskError: chains or table cannot be written.
    """
    with claim(out, overwrite=overwrite) as part:
        prepare(run.ensemble.device)
        past = past_of(run)

        from mc.posterior.density import make_target
        from mc.posterior.held_out import leave_one_out
        from mc.posterior.likelihood import make_likelihood

        begin = time.perf_counter()
        target = make_target(past.study, make_likelihood(past.study, past.rows, past.errors))
        files = chains_files(target, out)
        earlier = kept_chains(target, settings, past.digest, files, resume=resume)
        lines = lines_of(leave_one_out(target, settings, progress=progress, stop=stop, **earlier))
        _say(lines, time.perf_counter() - begin)
        text = as_csv(lines)
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(out)
        except OSError as error:
            raise not_written(out, error, len(text)) from None
        for file in files:
            file.unlink(missing_ok=True)
    return lines


def chains_files(target: "Target", out: Path) -> list[Path]:
    """Where the chains of each fit lie until the table is whole: one file a series."""
    from mc.posterior.held_out import series_of

    return [out.with_name(f"{out.stem}.{series}.chains.npz") for series in series_of(target)]


def kept_chains(
    target: "Target", settings: "Settings", digest: str, files: Sequence[Path], *, resume: bool
) -> dict[str, Any]:
    """Chains of the fits that were begun, and how they are saved, as `sample_variants` takes them."""
    from mc.posterior.chains_file import identity, load_chains, save_chains

    names = [identity(target, settings, f"{digest} {file.name}") for file in files]
    begun = [
        load_chains(file, target, settings, name) if resume and file.is_file() else None
        for file, name in zip(files, names, strict=True)
    ]
    return {"kept": begun, "save": lambda k, chains: save_chains(files[k], chains, names[k])}


def _say(lines: Sequence[Line], seconds: float) -> None:
    from mc.posterior.learned import WORST_RHAT

    worst = max(float(line["rhat"]) for line in lines)
    divergences, saturated = (sum(int(line[name]) for line in lines) for name in OF_FIT[1:])
    log.info("%d fits, R-hat %.3f or less, %d divergences and %d trees at their bound after warm-up; %.1f s",
             len(lines), worst, divergences, saturated, seconds)  # fmt: skip
    if worst > WORST_RHAT:
        log.warning("R-hat up to %.3f, above %g: scores are uncertain in a way that they do not say; raise --draws, or "
                    "--warmup", worst, WORST_RHAT)  # fmt: skip
    if divergences:
        log.warning("%d divergences: chains avoid a part of the posterior; raise --target-accept", divergences)


def lines_of(found: "Mapping[str, Sequence[Score]]") -> list[Line]:
    """One line a series, means over its numbers."""
    from mc.posterior.held_out import compared

    lines: list[Line] = []
    for series, scores in found.items():
        line: Line = {"series": series, "numbers": len(scores)}
        for name in COLUMNS[2:COMPARED]:
            each = [getattr(one, name) for one in scores]
            line[name] = each[0] if name in OF_FIT else float(np.mean(each))
        lines.append(line | compared(scores))
    return lines


def as_csv(lines: Sequence[Line]) -> str:
    """The table as text, five significant digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: f"{value:.5g}" if isinstance(value, float) else value for name, value in line.items()})
    return text.getvalue()
