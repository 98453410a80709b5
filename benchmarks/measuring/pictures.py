"""The figure of a run of all benchmarks: time to accuracy, and errors of samplers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OURS, THEIRS, START = "#0072B2", "#999999", "#E69F00"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

Line = Mapping[str, Any]


def draw(results: Sequence[Line], machine: Line, path: Path) -> bool:
    """Write the figure; False where there is nothing to show."""
    times = [line for line in results if line["question"] == "time to accuracy" and "wall_s" in line]
    errors = [line for line in results if line["question"] == "sampler error by N" and "mean" in line]
    panels = [(show, lines) for show, lines in ((show_times, times), (show_errors, errors)) if lines]
    if not panels:
        return False
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(panels), figsize=(7 * len(panels), 5), squeeze=False, layout="constrained")
    for (show, lines), axis in zip(panels, axes[0], strict=True):
        show(lines, axis)
    kept = ("processor", "cores", "memory_gib", "load_before", "python", "jax")
    figure.supxlabel(", ".join(f"{name} {machine[name]}" for name in kept if name in machine), fontsize=7)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return True


def show_times(lines: Sequence[Line], axis: Any) -> None:
    """Wall seconds of each entrant, start-up beside it, the fastest on top."""
    ordered = sorted(lines, key=lambda line: line["wall_s"], reverse=True)
    for place, line in enumerate(ordered):
        ours = line["entrant"].startswith("ferrocast")
        axis.barh(place + 0.2, line["wall_s"], 0.4, color=OURS if ours else THEIRS)
        axis.barh(place - 0.2, line["startup_wall_s"], 0.4, color=START)
        mark = "*" if line["extrapolated"] else ""
        axis.annotate(
            f"{line['wall_s']:.2g} s, N = {line['draws']:,}{mark}",
            (line["wall_s"], place + 0.2),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    axis.set_yticks(range(len(ordered)), [line["entrant"] for line in ordered])
    axis.set_xscale("log")
    axis.set_xlim(0.03, 10 * ordered[0]["wall_s"])
    axis.set_xlabel("wall seconds; orange: start-up and compilation, once (* N extrapolated)")
    axis.set_title("Mean to 0.1 %, 95 % point to 0.5 %, benchmark model", fontsize=10)


def show_errors(lines: Sequence[Line], axis: Any) -> None:
    """Relative error of the mean (solid) and of the 95 % point (dashed) by N."""
    for line, colour in zip(lines, COLOURS * len(lines), strict=False):
        axis.loglog(line["draws"], line["mean"], "o-", color=colour, ms=3, lw=1.2, label=line["sampler"])
        axis.loglog(line["draws"], line["p95"], "o--", color=colour, ms=3, lw=0.8)
    axis.set_xlabel("draws N")
    axis.set_ylabel("relative error of CO2 in 2060; dashed: of its 95 % point")
    axis.set_title("Error by sampler", fontsize=10)
    axis.legend(fontsize=7)
