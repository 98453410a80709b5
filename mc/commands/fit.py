"""`ferrocast fit`: what statistics of the past say about the inputs."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mc.commands import Json, Quiet, Verbose, log, say, say_json, say_table, start_log
from mc.errors import InputError, Stopped
from mc.stop import Stop

if TYPE_CHECKING:
    from mc.posterior.nuts import Progress, Settings
    from mc.runfile import Run


def fit(
    file: Annotated[Path, typer.Argument(help="Run file (TOML).")],
    draws: Annotated[int, typer.Option(min=10, help="Draws of each chain.")] = 1000,
    warmup: Annotated[int, typer.Option(min=50, help="Steps of each chain that are thrown away.")] = 500,
    chains: Annotated[int, typer.Option(min=2, max=64, help="Chains.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the chains.")] = 1,
    target_accept: Annotated[float, typer.Option(min=0.5, max=0.99, help="Acceptance that the step aims at.")] = 0.8,
    device: Annotated[str | None, typer.Option(help="auto, cpu or gpu; FERROCAST_DEVICE.")] = None,
    priors: Annotated[str | None, typer.Option(help="Folder of priors; FERROCAST_PRIORS.")] = None,
    out: Annotated[str | None, typer.Option(help="File to write; default: NAME.posterior.nc beside the cube.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with chains that were stopped.")] = False,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Fit once without each series, and score what each fit says of it.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    r"""Condition the priors of a run on what was observed before its first year; write the posterior.

    Observations and their errors are the tables observed.csv and errors.csv of the metal; [posterior] of the run file
    switches rows off, down-weights or holds them out. Prints the path of the posterior, which ArviZ and xarray open,
    and which a run takes in place of its priors: [posterior] file = "NAME.posterior.nc".

    With --leave-one-out no posterior is written but a table, NAME.left_out.csv: of each series log score (more is
    better) and CRPS (less is better) under a fit to all others, and under the priors. Where chains of
    a fit have not met its scores are refused: go on with --resume and more --draws.

    \b
    Example:
      ferrocast fit runs/baseline.toml
      ferrocast fit runs/baseline.toml --draws 2000 --chains 8 --out mine.posterior.nc
      ferrocast fit runs/baseline.toml --leave-one-out
    """
    start_log(quiet, verbose)
    from mc.runfile import load_run

    given = {"ensemble.device": device, "model.priors": priors}
    run = load_run(file, {key: value for key, value in given.items() if value is not None})
    target = _target(run, out, leave_one_out)

    from mc.devices import prepare

    prepare(run.ensemble.device)
    from mc.posterior.nuts import Settings

    settings = Settings(chains, warmup, draws, seed, target_accept)
    with Stop() as stop:
        stop.asked = True
        try:
            if leave_one_out:
                _leave_out(run, settings, target, overwrite=overwrite, resume=resume, json=json, stop=stop)
            else:
                _fit(run, settings, target, overwrite=overwrite, resume=resume, json=json, stop=stop)
        except Stopped as error:
            error.exit_code = 128 + stop.signal
            raise


def _target(run: "Run", out: str | None, leave_one_out: bool) -> Path:
    from mc.fit import posterior_file
    from mc.leave_out import left_out_file

    default, suffix, form = (left_out_file, ".csv", "CSV") if leave_one_out else (posterior_file, ".nc", "NetCDF")
    target = Path(out).absolute() if out else default(run)
    if target.suffix != suffix:
        raise InputError(f"--out {out!r}: name a {form} file ({suffix})")
    return target


def _fit(run: "Run", settings: "Settings", out: Path, *, overwrite: bool, resume: bool, json: bool, stop: Stop) -> None:
    from mc.fit import make_posterior

    begin = time.perf_counter()
    found = make_posterior(run, settings, out, overwrite=overwrite, resume=resume, progress=_lines(), stop=stop)
    log.info("%.1f s in all", time.perf_counter() - begin)
    if json:
        say_json({"posterior": str(out), "rhat": found.rhat, "bulk_ess": found.bulk_ess,
                  "divergences": found.divergences})  # fmt: skip
    else:
        say(str(out))


def _leave_out(
    run: "Run", settings: "Settings", out: Path, *, overwrite: bool, resume: bool, json: bool, stop: Stop
) -> None:
    from mc.digits import plain
    from mc.leave_out import COLUMNS, make_left_out

    lines = make_left_out(run, settings, out, overwrite=overwrite, resume=resume, progress=_lines(), stop=stop)
    if json:
        say_json({"left_out": str(out), "series": lines})
        return
    rows = [[plain(cell, 3) if isinstance(cell, float) else str(cell) for cell in line.values()] for line in lines]
    say_table(COLUMNS, rows, numbers=len(COLUMNS) - 1)
    say(str(out))


def _lines() -> "Progress":
    """Progress as plain lines, one a chunk of steps."""

    def report(done: int, total: int, divergences: int) -> None:
        log.info("%d of %d steps of each chain, %d divergences", done, total, divergences)

    return report
