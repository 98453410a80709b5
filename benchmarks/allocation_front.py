"""How good is the front of CO2 and cost, and what does it cost? Ours against NSGA-II and NSGA-III of pymoo, in turn.

The peers search (i) shares of each source's scrap by sink, 20,000 plans from a start in which a source has few sinks,
and (ii) one number a sink, 6,000 plans: how much cost counts beside CO2 there, from which a greedy rule makes a plan,
best net saving first. (ii) starts with the greedy plans for as many even weights as ours solves.
CPU seconds on one core, after compilation. Area is that between our nadir and ideal: ours under the lines between its
points, as mixtures of plans are plans; the peers' once as steps and once with mixtures of their plans granted to them.
`--quick` takes one problem of the five.
"""

import functools
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from measuring import ROOT, report

from mc.allocation.exact import epsilon_constraint
from mc.allocation.front import Front, front
from mc.allocation.indicators import hypervolume, staircase
from mc.allocation.objectives import Objectives
from mc.blocks import precise

PROBLEMS, POPULATION = 5, 100
POINTS, LEVELS, REPEATS = 33, 17, 7
PAIR = ("co2", "cost")
Evaluate = Callable[[np.ndarray], np.ndarray]


def problems() -> list[Objectives]:
    """Steel-like problems with a cost: scrap saves 300 +- 100 CNY/t, freight costs up to 200 to 800 CNY/t."""
    from transports import steel

    random = np.random.default_rng(11)
    supply, limits, worth, freight = steel(random, PROBLEMS)
    cost = random.normal(300.0, 100.0, (*worth.shape[:2], 1)) + random.normal(0.0, 40.0, worth.shape)
    haul = freight / freight.max() * random.uniform(200.0, 800.0, (PROBLEMS, 1, 1))
    haul *= random.uniform(0.7, 1.3, freight.shape)
    worths, freights = np.stack([worth, cost], axis=1), np.stack([freight, haul], axis=1)
    return [Objectives(*parts, PAIR) for parts in zip(supply, limits, worths, freights, strict=True)]


def by_shares(problem: Objectives) -> tuple[np.ndarray, Evaluate]:
    """Genes: the share of each source that goes to each sink. Cut to supplies and rooms; use in order of net worth."""
    supply, limits, worth, freight = (np.asarray(part) for part in jax.tree.leaves(problem))
    sources, sinks = freight.shape[1:]
    order = np.argsort(-(worth / np.abs(worth).max(axis=(1, 2), keepdims=True)).sum(axis=0), axis=1)
    filled = np.take_along_axis(limits, order, axis=1)
    before = np.cumsum(filled, axis=1) - filled
    paid = np.take_along_axis(worth, order[None], axis=2)

    def evaluate(genes: np.ndarray) -> np.ndarray:
        flows = genes.reshape(-1, sources, sinks)
        flows = flows * (supply / np.maximum(flows.sum(axis=2), 1.0))[:, :, None]
        arrivals = flows.sum(axis=1)
        flows = flows * np.minimum(1.0, limits.sum(axis=1) / np.maximum(arrivals, 1e-300))[:, None, :]
        use = np.clip(flows.sum(axis=1)[:, :, None] - before, 0.0, filled)
        gained = use.reshape(len(use), -1) @ paid.reshape(2, -1).T
        return gained - flows.reshape(len(use), -1) @ freight.reshape(2, -1).T

    first = np.random.default_rng(5).dirichlet(np.full(sinks, 0.3), (POPULATION, sources))
    return first.reshape(POPULATION, -1), evaluate


def by_greed(problem: Objectives) -> tuple[np.ndarray, Evaluate]:
    """Genes: the weight of cost in each sink. The best net saving is served first, until nothing saves any more.

    A round serves one arc in every plan of the population; it empties a source or fills a segment. Whole rows and
    columns of net savings change then, and nothing else does.
    """
    supply, limits, worth, freight = (np.asarray(part) for part in jax.tree.leaves(problem))
    scale = np.abs(worth).max(axis=(1, 2))
    sinks = freight.shape[2]

    def evaluate(genes: np.ndarray) -> np.ndarray:
        size = len(genes)
        weights = np.stack([1.0 - genes, genes]) / scale[:, None, None]
        segments = np.einsum("onj,ojk->njk", weights, worth)
        order = np.argsort(-segments, axis=2)
        segments = np.concatenate([np.take_along_axis(segments, order, axis=2), np.full((size, sinks, 1), -np.inf)], 2)
        room = np.take_along_axis(np.broadcast_to(limits, (size, *limits.shape)), order, axis=2)
        paid = np.take_along_axis(np.broadcast_to(worth, (size, *worth.shape)), order[:, None], axis=3)
        hauling = np.einsum("onj,oij->nij", weights, freight)
        saving = segments[:, None, :, 0] - hauling
        left = np.tile(supply, (size, 1))
        at, values = np.zeros((size, sinks), int), np.zeros((size, 2))
        who = np.arange(size)
        while len(who):
            best = saving.reshape(size, -1)[who].argmax(axis=1)
            i, j = np.divmod(best, sinks)
            gains = saving[who, i, j] > 0.0
            who, i, j = who[gains], i[gains], j[gains]
            k = at[who, j]
            moved = np.minimum(left[who, i], room[who, j, k])
            values[who] += moved[:, None] * (paid[who, :, j, k] - freight[:, i, j].T)
            left[who, i] -= moved
            room[who, j, k] -= moved
            empty, full = left[who, i] <= 0.0, room[who, j, k] <= 0.0
            n, j = who[full], j[full]
            at[n, j] += 1
            open_ = np.isfinite(saving[n, :, j])
            saving[n, :, j] = np.where(open_, segments[n, j, at[n, j]][:, None] - hauling[n, :, j], -np.inf)
            saving[who[empty], i[empty]] = -np.inf
        return values

    first = np.random.default_rng(5).uniform(size=(POPULATION, sinks))
    first[:POINTS] = np.linspace(0.0, 1.0, POINTS)[:, None]
    return first, evaluate


def evolved(algorithm: str, first: np.ndarray, evaluate: Evaluate, evaluations: int, seed: int) -> np.ndarray:
    """Values of the last set of plans that pymoo finds not dominated [plan, 2]."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.moo.nsga3 import NSGA3
    from pymoo.core.problem import Problem
    from pymoo.optimize import minimize
    from pymoo.util.ref_dirs import get_reference_directions

    class Plans(Problem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=first.shape[1], n_obj=2, xl=0.0, xu=1.0)

        def _evaluate(self, genes: np.ndarray, out: dict[str, Any], *_: Any, **__: Any) -> None:
            out["F"] = -evaluate(genes)

    if algorithm == "nsga2":
        search = NSGA2(pop_size=POPULATION, sampling=first)
    else:
        directions = get_reference_directions("das-dennis", 2, n_partitions=POPULATION - 1)
        search = NSGA3(directions, pop_size=POPULATION, sampling=first)
    return -np.atleast_2d(minimize(Plans(), search, ("n_eval", evaluations), seed=seed).F)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and the answer."""
    begin = time.process_time()
    found = call()
    return time.process_time() - begin, found


def ours() -> dict[str, Callable[[Objectives], Front]]:
    """33 weights, and 17 exact points at even levels of CO2, found from nothing."""

    def exact(problem: Objectives) -> Front:
        coarse = front(problem, PAIR, 9)
        levels = jnp.linspace(coarse.nadir[0], coarse.ideal[0], LEVELS)[::-1]
        return epsilon_constraint(problem, PAIR, levels, coarse)

    def ready(run: Callable[[Objectives], Front]) -> Callable[[Objectives], Front]:
        return lambda problem: jax.block_until_ready(run(problem))

    return {"weights": ready(jax.jit(lambda problem: front(problem, PAIR, POINTS))), "exact": ready(jax.jit(exact))}


def peers(problem: Objectives, seed: int) -> dict[str, Callable[[], np.ndarray]]:
    """Four searches of one problem."""
    found = {}
    for coding, decoder, evaluations in (("shares", by_shares, 20_000), ("greedy", by_greed, 6_000)):
        first, evaluate = decoder(problem)
        for algorithm in ("nsga2", "nsga3"):
            found[f"{algorithm}_{coding}"] = functools.partial(evolved, algorithm, first, evaluate, evaluations, seed)
    return found


def area(values: np.ndarray, known: Front, mixtures: bool) -> float:
    """Share of the box between nadir and ideal that plans dominate, or that mixtures of them do."""
    shares = (values - np.asarray(known.nadir)) / np.asarray(known.ideal - known.nadir)
    if not mixtures:
        return float(staircase(jnp.asarray(shares), jnp.zeros(2)))
    # Plans outside the box take part in mixtures where they are, and are cut off only then.
    corners = shares[hull(shares)]
    across = np.linspace(0.0, max(corners[:, 0].max(), 0.0), 20_001)
    height = np.maximum(np.interp(across, *corners.T), 0.0)
    return float((0.5 * (height[1:] + height[:-1]) * np.diff(across)).sum())


def hull(points: np.ndarray) -> list[int]:
    """Upper concave hull by a rising first coordinate, from the highest point on."""
    corners: list[int] = []
    for n in np.lexsort((points[:, 1], points[:, 0])):
        if points[n, 0] < points[points[:, 1].argmax(), 0]:
            continue
        while len(corners) > 1 and turns_left(*points[[*corners[-2:], n]]):
            corners.pop()
        corners.append(int(n))
    return corners


def turns_left(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> bool:
    """Whether b is below the line from a to c, or on it."""
    return bool((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0] >= 0.0)


def measure(given: list[Objectives]) -> tuple[dict[str, list[float]], dict[str, list[dict[str, float]]]]:
    """CPU seconds by rival and problem, and how good each front is."""
    runs, spent, found = ours(), {}, {}
    present = importlib.util.find_spec("pymoo") is not None
    for number, host in enumerate(given):
        problem = jax.tree.map(jnp.asarray, host)
        if not number:
            for run in runs.values():
                run(problem)
        rivals: dict[str, Callable[[], Any]] = {name: lambda run=run, p=problem: run(p) for name, run in runs.items()}
        rivals |= peers(host, number) if present else {}
        answers = {}
        for name, call in rivals.items():
            # Ours takes hundredths of a second: the median of several calls.
            tries = [timed(call) for _ in range(REPEATS if name in runs else 1)]
            answers[name] = tries[0][1]
            spent.setdefault(name, []).append(float(np.median([seconds for seconds, _ in tries])))
        known = answers["weights"]
        for name, answer in answers.items():
            found.setdefault(name, []).append(quality(answer, known))
    return spent, found


def quality(answer: Any, known: Front) -> dict[str, float]:
    """Areas over that of our 33 points, and how far the best plans in CO2 and in cost are from the best there is."""
    values = np.asarray(answer.values if isinstance(answer, Front) else answer)
    whole = float(hypervolume(known))
    short = 1.0 - values.max(axis=0) / np.asarray(known.ideal)
    return {
        "area": (float(hypervolume(answer)) if isinstance(answer, Front) else area(values, known, False)) / whole,
        "area_with_mixtures": area(values, known, True) / whole,
        "co2_gap": float(short[0]),
        "cost_gap": float(short[1]),
        "proven_gap_max": float(np.abs(answer.gap).max()) if isinstance(answer, Front) else float("nan"),
    }


def main() -> None:
    """Print one line a rival: medians over problems, with the worst and best area."""
    if "--all-cores" not in sys.argv and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # JAX has not started yet, and counts cores as it does.
    sys.path.insert(0, str(ROOT / "tests"))
    warnings.filterwarnings("ignore", module="pymoo")
    given = problems()[: 1 if "--quick" in sys.argv else None]
    with precise():
        spent, found = measure(given)
    if len(spent) == 2:
        report("front of CO2 and cost: pymoo is not installed, so there is no peer", problems=len(given))
    base = float(np.median(spent["weights"]))
    for name, seconds in spent.items():
        table = {key: np.array([each[key] for each in found[name]]) for key in found[name][0]}
        own = name in ("weights", "exact")
        report(
            f"front of CO2 and cost: {'ours, ' if own else ''}{name}",
            problems=len(given),
            cpu_seconds=float(np.median(seconds)),
            over_ours=float(np.median(seconds)) / base,
            **{key: float(np.median(column)) for key, column in table.items() if not np.isnan(column).any()},
            area_worst=float(table["area"].min()),
            area_best=float(table["area"].max()),
            area_with_mixtures_worst=float(table["area_with_mixtures"].min()),
            area_with_mixtures_best=float(table["area_with_mixtures"].max()),
            wins=[] if own else [key for key, won in wins(table, float(np.median(seconds)), base).items() if won],
        )


def wins(table: dict[str, np.ndarray], seconds: float, base: float) -> dict[str, bool]:
    """Where a peer is ahead of our 33 weights in any problem."""
    return {
        "cpu_seconds": seconds < base,
        "area": bool((table["area"] > 1.0).any()),
        "area_with_mixtures": bool((table["area_with_mixtures"] > 1.0).any()),
        "co2_gap": bool((table["co2_gap"] < -1e-12).any()),
        "cost_gap": bool((table["cost_gap"] < -1e-12).any()),
    }


if __name__ == "__main__":
    main()
