"""What the engine is to reach, and whether it does: every gate, also those that are missed or were not measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Line = dict[str, Any]
Lines = Sequence[Line]

PARTS = "parts of the chain without a loop over years"


@dataclass(frozen=True)
class Gate:
    """A bound on one figure, at least or at most; `aim` is what is hoped for; `binds` says what stands in the way."""

    what: str
    script: str
    gate: float
    aim: float | None
    read: Callable[[Lines], float | None]
    binds: str
    at_most: bool = False
    percent: bool = False

    def reached(self, value: float, bound: float | None) -> bool:
        """Whether a figure is within a bound."""
        return bound is not None and (value <= bound if self.at_most else value >= bound)


def figure(question: str, name: str, **where: Any) -> Callable[[Lines], float | None]:
    """Reader of a figure: the first line of that question which has it, with these other values."""

    def read(lines: Lines) -> float | None:
        for line in lines:
            asked = line["question"] == question and all(line.get(key) == value for key, value in where.items())
            if asked and name in line:
                return float(line[name])
        return None

    return read


def over_numba(lines: Lines) -> float | None:
    """CPU seconds of numba over ours, on the model that both have, for the same plain draws."""
    ours, theirs = (
        figure("time to accuracy", "cpu_s", entrant=f"{one}_plain")(lines) for one in ("ferrocast", "numba")
    )
    return theirs / ours if ours and theirs else None


def share_of_products(lines: Lines) -> float | None:
    """Arithmetic of stock, energy and emissions over what products of matrices reach in the same time."""
    parts = [line for line in lines if line["question"] == PARTS and line["part"] in ("stock", "books")]
    at_peak = sum(line["share_of_arithmetic"] * line["us_per_draw"] for line in parts)
    return at_peak / sum(line["us_per_draw"] for line in parts) if parts else None


def worst_rounding(lines: Lines) -> float | None:
    """Largest difference of an output between the precisions."""
    found = [max(line["worst"].values()) for line in lines if line["question"] == "float32 against float64"]
    return found[0] if found else None


LOOPS = "a loop a relation: between two of them 32 draws leave the cache of a core"

GATES = (
    Gate(
        "chain over its vectorised NumPy reference, CPU", "chain_against_numpy", 5.0, 10.0,
        figure("chain against vectorised NumPy", "shipped_over_reference"),
        "the loop over years, half of a draw: short chains of small operations",
    ),
    Gate(
        "parts without that loop over NumPy, draw by draw", "vectorised_parts", 15.0, 30.0,
        figure("parts without a loop against NumPy", "numpy_one_by_one_over"), LOOPS,
    ),
    Gate(
        "parts without that loop over vectorised NumPy", "vectorised_parts", 2.5, 4.0,
        figure("parts without a loop against NumPy", "numpy_over"), LOOPS,
    ),
    Gate(
        "benchmark model over numba, plain draws", "time_to_accuracy", 2.0, 5.0, over_numba,
        "numba keeps a draw in the cache from end to end; ours goes from inputs to outputs to statistics by blocks",
    ),
    Gate(
        "stock, energy, emissions: share of products of matrices", "vectorised_parts", 0.30, 0.55,
        share_of_products, LOOPS, percent=True,
    ),
    Gate(
        "model and statistics over the model", "statistics_cost", 2.5, 1.4,
        figure("statistics beside the model", "pipeline_over_model"), "histograms of many series", at_most=True,
    ),
    Gate(
        "memory, growth with draws", "memory", 0.05, 0.0, figure("memory by draws", "growth"),
        "a longer run has a larger pilot, which holds more", at_most=True, percent=True,
    ),
    Gate(
        "whole command, nothing cached, s", "command", 20.0, 10.0, figure("whole command", "cold_s"),
        "compilation", at_most=True,
    ),
    Gate(
        "whole command, warm cache, s", "command", 4.0, 2.0, figure("whole command", "warm_s"),
        "imports and loading the program, before the draws themselves", at_most=True,
    ),
    Gate(
        "float32 from float64, over the largest value", "precision", 5e-6, None, worst_rounding,
        "differences of large numbers", at_most=True,
    ),
    Gate(
        "variance shares over SALib's defaults, CPU", "variance_shares", 50.0, 200.0,
        figure("variance shares against SALib", "salib_over"), "the model and the sums of every driver",
    ),
)  # fmt: skip


def verdicts(lines: Lines) -> list[Line]:
    """A line a gate: measured, gate, aim, verdict, and why where it is not met."""
    return [_verdict(gate, lines) for gate in GATES]


def _verdict(gate: Gate, lines: Lines) -> Line:
    value = gate.read(lines)
    if value is None:
        said, why = "not measured", gate.binds if not gate.script else f"`{gate.script}` was not run, or failed"
    elif gate.reached(value, gate.gate):
        said, why = "met, and the aim" if gate.reached(value, gate.aim) else "met", ""
    else:
        said, why = "**missed**", gate.binds
    sign = "at most " if gate.at_most else ""
    shown = {name: _shown(bound, gate) for name, bound in (("gate", gate.gate), ("aim", gate.aim))}
    return {
        "script": "run_all",
        "question": "gates",
        "figure": gate.what,
        "measured": _shown(value, gate),
        "gate": sign + shown["gate"],
        "aim": sign + shown["aim"] if gate.aim is not None else "",
        "verdict": said,
        "why": why,
    }


def _shown(value: float | None, gate: Gate) -> str:
    if value is None:
        return ""
    return f"{100 * value:.3g} %" if gate.percent else f"{value:.3g}"
