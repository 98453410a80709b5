"""How many draws a block should hold: measured on the device, and remembered for the chain."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mc.devices import cache_folder, is_out_of_memory, lanes
from mc.errors import RunFailed
from mc.remembered import recall, remember

if TYPE_CHECKING:
    import jax

    from mc.settings import Settings
    from mc.study import Study

log = logging.getLogger("ferrocast")

UNTUNED = {"cpu": 64, "gpu": 4096}
"""Draws a block where nothing was measured: what the steel chain likes on two cores; a guess for a GPU."""

FIRST = {"cpu": 16, "gpu": 512}
"""Smallest block that is tried, draws."""

SECONDS = 3.0
"""Work by which a size is judged, once it is compiled."""

GROWTH = 16.0
"""Most by which one timed piece of work is longer than that before."""

MOST_DRAWS = 2**30

LARGEST = 65_536
"""Largest block that is tried, draws: what a run file may state."""

WORSE = 0.9
"""The search ends with a size that is slower than this share of the best one."""

FILE = "block_sizes.json"


def block_for(study: "Study", settings: "Settings", devices: "Sequence[jax.Device]") -> int:
    """The block that was measured best for this chain on this device, else the usual one; whole rounds of scramblings.

    Settings are those of the run with any block.
    """
    found = _remembered().get(_key(study, settings, devices), UNTUNED.get(devices[0].platform, UNTUNED["gpu"]))
    return max(found // settings.step, 1) * settings.step


def tune(
    study: "Study",
    settings: "Settings",
    devices: "Sequence[jax.Device]",
    say: Callable[[int, float], None],
    seconds: float = SECONDS,
) -> int:
    """Draws a block at which the whole pipeline is fastest, remembered for `block_for`.

    Sizes double from a small one until one is clearly slower, or the device has no memory for it; `say` hears of each
    with its draws per second. RunFailed where not even the smallest fits.
    """
    speeds: dict[int, float] = {}
    for block in _sizes(settings, devices):
        try:
            speeds[block] = _speed(study, replace(settings, block=block), devices, seconds)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            break
        say(block, speeds[block])
        if speeds[block] < WORSE * max(speeds.values()):
            break
    if not speeds:
        raise RunFailed("no memory for the smallest block; take a device with more, or fewer quantiles by province")
    best = max(speeds, key=lambda block: speeds[block])
    _remember(_key(study, settings, devices), best)
    return best


def _sizes(settings: "Settings", devices: "Sequence[jax.Device]") -> Iterator[int]:
    block = max(FIRST.get(devices[0].platform, FIRST["gpu"]), settings.step)
    block -= block % settings.step
    while block <= LARGEST:
        yield block
        block *= 2


def _speed(study: "Study", settings: "Settings", devices: "Sequence[jax.Device]", seconds: float) -> float:
    """Draws per second of all lanes together, compiled before."""
    from mc.ensemble import run_ensemble
    from mc.identity import FIXED_DESIGNS

    workers = lanes(devices)
    most = MOST_DRAWS - MOST_DRAWS % settings.step
    # A fixed design holds no more draws than it was made for.
    sampler = "sobol" if settings.sampler in FIXED_DESIGNS else settings.sampler
    settings = replace(settings, sampler=sampler, draws=most, pilot=settings.block, keep=(), failed_share=1.0)
    state = run_ensemble(study, settings, devices=workers, draws=(0, 0))
    done, step, spent = 0, settings.block * len(workers), 0.0
    while True:
        began = time.perf_counter()
        state = run_ensemble(study, settings, devices=workers, draws=(done, done + step), state=state)
        spent, done = max(time.perf_counter() - began, 1e-6), done + step
        longer = int(step * min(2.0 * seconds / spent, GROWTH)) // settings.block * settings.block
        if spent >= seconds or done + longer > most:
            return step / spent
        step = max(step, longer)


def _key(study: "Study", settings: "Settings", devices: "Sequence[jax.Device]") -> str:
    """A device and a chain, in a word: what is computed and summarised, not from which numbers."""
    from mc.statistics.plan import plan_series

    series = [(item.name, item.shape, [one.key for one in item.statistics]) for item in plan_series(study, settings)]
    text = repr((study.name, series, settings.precision, settings.step, settings.sampler))
    return f"{devices[0].device_kind} x {len(devices)}: {study.name} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _file() -> Path | None:
    folder = cache_folder("block_sizes")
    return folder / FILE if folder else None


def _remembered() -> dict[str, int]:
    """What was measured here; nothing where the file is missing or damaged."""
    return {key: size for key, size in recall(_file()).items() if isinstance(size, int) and 0 < size <= LARGEST}


def _remember(key: str, block: int) -> None:
    file = _file()
    if file is None:
        log.warning("nowhere to remember it: FERROCAST_CACHE is off or cannot be written; state block = %d", block)
        return
    try:
        remember(file, _remembered() | {key: block})
    except OSError as error:
        log.warning("not remembered (%s); state block = %d", error, block)
