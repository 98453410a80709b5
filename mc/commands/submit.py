"""`ferrocast submit`: answer a run in parts, on Slurm or by several processes here."""

import os
import shlex
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mc.commands import Json, Quiet, Verbose, log, say, say_json, start_log
from mc.commands.run import watched
from mc.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mc.batch import Batch, Needs
    from mc.runfile import Run


class Executor(StrEnum):
    """What runs the parts."""

    slurm = "slurm"
    local = "local"


def submit(
    file: Annotated[Path, typer.Argument(help="Run file (TOML).")],
    tasks: Annotated[int, typer.Option(min=1, help="Parts that the draws are shared among.")],
    executor: Annotated[Executor, typer.Option(help="Slurm, or processes of this machine.")] = Executor.slurm,
    show: Annotated[bool, typer.Option("--print", help="Print the script for Slurm and submit nothing.")] = False,
    gpus: Annotated[int, typer.Option(min=0, help="GPUs a task.")] = 0,
    cpus: Annotated[int | None, typer.Option(min=1, help="Cores a task.")] = None,
    time: Annotated[str, typer.Option(help="Limit of each task, such as 2:00:00 or 1-12.")] = "",
    mem: Annotated[str, typer.Option(help="Memory of each task, such as 16G.")] = "",
    partition: Annotated[str, typer.Option(help="Partition of the cluster.")] = "",
    at_once: Annotated[int | None, typer.Option(min=1, help="The most tasks at a time.")] = None,
    sbatch: Annotated[list[str] | None, typer.Option(help="Also for Slurm: --sbatch=--account=x.")] = None,
    draws: Annotated[int | None, typer.Option(help="Draws; FERROCAST_DRAWS.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; FERROCAST_SEED.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or gpu; FERROCAST_DEVICE.")] = None,
    block: Annotated[int | None, typer.Option(help="Draws a block; FERROCAST_BLOCK.")] = None,
    priors: Annotated[str | None, typer.Option(help="Folder of priors; FERROCAST_PRIORS.")] = None,
    out: Annotated[str | None, typer.Option(help="Cube to write (.nc); FERROCAST_OUT.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cube, and states of another run.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    r"""Answer a run in parts, each a process of its own, and merge them: the same bits as from one process.

    On Slurm the parts are a job array; pre-empted tasks are queued again and go on from their state; a job behind them
    writes the cube, or names the draws that are missing. The same command again draws what is missing, and only that.
    Prints the numbers of the jobs (of the parts, of the merge); with --executor local, the path of the cube.

    \b
    Example:
      ferrocast submit runs/baseline.toml --tasks 32 --gpus 1 --time 2:00:00
      ferrocast submit runs/baseline.toml --tasks 32 --draws 1048576 --partition low --mem 8G --print
      ferrocast submit runs/baseline.toml --tasks 8 --at-once 2 --executor local
    """
    start_log(quiet, verbose)
    from mc.batch import Needs
    from mc.runfile import load_run

    needs = Needs(gpus, cpus, time, mem, partition, tuple(sbatch or ()), at_once)
    given = {
        "ensemble.draws": draws,
        "ensemble.seed": seed,
        "ensemble.device": device,
        "ensemble.block": block,
        "model.priors": priors,
        "output.cube": out,
    }
    if executor is Executor.slurm and not show:
        _require_slurm()
    run = load_run(file, {key: value for key, value in given.items() if value is not None})
    _answer(run, tasks, needs, json, executor=executor, show=show, overwrite=overwrite)


def _answer(
    run: "Run", tasks: int, needs: "Needs", as_json: bool, *, executor: Executor, show: bool, overwrite: bool
) -> None:
    """Plan the parts of a run; print, queue or draw them."""
    from mc.batch import plan
    from mc.devices import prepare
    from mc.parts import is_complete

    environment = dict(os.environ)
    prepare("cpu")  # not in the environment of the tasks: the GPUs are theirs
    if not (overwrite or show) and is_complete(run):
        _tell({"cube": str(run.cube)}, as_json)
        return
    typed = shlex.join(["ferrocast", *(word for word in sys.argv[1:] if word != "--print")])
    batch = plan(run, tasks, needs, overwrite=overwrite, command=typed, environment=environment)
    if kept := tasks - len(batch.missing):
        log.info("%d of %d parts are drawn already", kept, tasks)
    if show:
        from mc.slurm import script

        say(script(batch).rstrip())
    else:
        _tell(_queue(batch) if executor is Executor.slurm else _draw(batch), as_json)


def _queue(batch: "Batch") -> dict[str, str]:
    from mc.slurm import queue

    jobs = queue(batch)
    log.info("%d parts queued, then the merge into %s; logs: %s", len(batch.missing), batch.run.cube, batch.folder)
    log.info("how far: ferrocast status %s", shlex.quote(str(batch.folder.parent)))
    return jobs


def _draw(batch: "Batch") -> dict[str, str]:
    """Draw the missing parts of a batch on this machine, and merge them all."""
    from mc.parts import merge_parts
    from mc.processes import draw_here, shares_of

    shares = shares_of(batch)
    with watched(batch.run.ensemble.draws) as calls:
        draw_here(batch, shares, **calls)
    cube = merge_parts(batch.files, cube=batch.run.cube, priors=batch.run.priors, overwrite=batch.overwrite)
    return {"cube": str(cube)}


def _require_slurm() -> None:
    if shutil.which("sbatch") is None:
        raise InputError(
            "no sbatch on PATH: this machine has no Slurm. Draw the parts here with --executor local, or write the "
            "script with --print, for a machine that has it"
        )


def _tell(found: "Mapping[str, str]", as_json: bool) -> None:
    if as_json:
        say_json(found)
    else:
        say(" ".join(found.values()))
