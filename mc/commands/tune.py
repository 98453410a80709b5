"""`ferrocast tune`: measure how many draws a block should hold on this device."""

from pathlib import Path
from typing import Annotated

import typer

from mc.commands import Json, Quiet, Verbose, log, say, say_json, say_table, start_log


def tune(
    file: Annotated[Path, typer.Argument(help="Run file (TOML).")],
    device: Annotated[str | None, typer.Option(help="auto, cpu or gpu; FERROCAST_DEVICE.")] = None,
    priors: Annotated[str | None, typer.Option(help="Folder of priors; FERROCAST_PRIORS.")] = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="Work by which each size is judged.")] = 3.0,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    r"""Find the block size at which a run is fastest on this device, and remember it.

    Sizes double until one is clearly slower or memory runs out; each is compiled first. Runs of the same chain that
    state no block use what was found. Another block size changes results by rounding only, about 1e-6.

    \b
    Example:
      ferrocast tune runs/baseline.toml
      ferrocast tune runs/baseline.toml --device gpu --seconds 10
    """
    start_log(quiet, verbose)
    from mc.block_size import tune as measure
    from mc.devices import find_devices, prepare
    from mc.pose import pose, settings_of
    from mc.runfile import load_run

    given = {"ensemble.device": device, "model.priors": priors}
    run = load_run(file, {key: value for key, value in given.items() if value is not None})
    prepare(run.ensemble.device)
    posed = pose(run)
    speeds: list[tuple[int, float]] = []

    def hear(block: int, speed: float) -> None:
        speeds.append((block, speed))
        log.info("blocks of %d: %.0f draws/s", block, speed)

    devices = find_devices(run.ensemble.device)
    best = measure(posed.study, settings_of(run, posed.study), devices, hear, seconds)
    if json:
        say_json({"block": best, "device": devices[0].device_kind, "draws_per_second": dict(speeds)})
        return
    say_table(("block", "draws/s"), [(str(block), f"{speed:.0f}") for block, speed in speeds], numbers=2)
    say(f"block = {best}")
