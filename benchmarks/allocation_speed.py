"""Who solves the yearly transport of scrap fastest, and how exactly? Ours in batches against three peers, in turn.

HiGHS is called once a problem through SciPy, and once more as one model whose numbers are exchanged (highspy), which
starts from the last basis. POT's network simplex sees every segment as a sink, with a dummy source and a dummy sink.
CPU seconds after compilation; the peers solve the first PEERS problems, so that a round stays short. All run on one
core, because the peers do and because threads that XLA starts for small arrays wait more than they work; `--all-cores`
lets them. Only ours proves its answer, has slopes, and runs on a GPU; the line names the fastest all the same.
`--quick` takes a quarter of the problems.
"""

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from measuring import ROOT, alternate, report

from mc.allocation.solve import solve
from mc.allocation.transport import Transport
from mc.blocks import precise

PROBLEMS, PEERS = 256, 64
BATCHES = (16, 64, 256)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Solver = Callable[[], np.ndarray]


def ours(problems: Arrays, batch: int) -> Callable[[], list[Any]]:
    """Plans of all problems in batches of one size, left on the device."""
    run = jax.jit(jax.vmap(solve))
    with precise():
        parts = [
            Transport(*(jnp.asarray(part[at : at + batch]) for part in problems))
            for at in range(0, len(problems[0]), batch)
        ]

    def call() -> list[Any]:
        with precise():
            return [jax.block_until_ready(run(part)) for part in parts]

    return call


def compile_seconds(problems: Arrays, batch: int) -> float:
    """CPU seconds to compile a batch, tracing included."""
    with precise():
        begin = time.process_time()
        jax.jit(jax.vmap(solve)).lower(Transport(*(jnp.asarray(part[:batch]) for part in problems))).compile()
    return time.process_time() - begin


def highs_by_call(problems: Arrays) -> Solver:
    """One call of scipy.optimize.linprog a problem."""
    from reference.allocation import best

    return lambda: np.array([best(*problem) for problem in zip(*problems, strict=True)])


def highs_reused(problems: Arrays) -> Solver:
    """One highspy model; costs and bounds are exchanged, and the last basis is where the next problem starts."""
    import highspy
    from reference.allocation import constraints

    supply, limits, worth, freight = problems
    rows = constraints(supply.shape[1], *limits.shape[1:])
    sources, columns = supply.shape[1], rows[0].shape[1]
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    index = np.arange(columns, dtype=np.int32)
    lower = np.zeros(columns)
    model.addVars(columns, lower, np.full(columns, np.inf))
    for matrix in rows:
        for n in range(matrix.shape[0]):
            span = slice(matrix.indptr[n], matrix.indptr[n + 1])
            used = matrix.indices[span].astype(np.int32)
            model.addRow(0.0, 0.0, len(used), used, matrix.data[span])
    low = np.full(sources, -np.inf)

    def call() -> np.ndarray:
        values = []
        for s, u, b, t in zip(supply, limits, worth, freight, strict=True):
            model.changeColsCost(columns, index, np.concatenate([t.ravel(), -b.ravel()]))
            model.changeColsBounds(columns, index, lower, np.concatenate([np.full(t.size, np.inf), u.ravel()]))
            model.changeRowsBounds(sources, index[:sources], low, s)
            model.run()
            values.append(-model.getInfo().objective_function_value)
        return np.array(values)

    return call


def network_simplex(problems: Arrays) -> Solver:
    """POT: sinks are segments, costs freight less worth; the dummies take what stays and give what is missing."""
    import ot

    def one(supply: np.ndarray, limits: np.ndarray, worth: np.ndarray, freight: np.ndarray) -> float:
        cost = np.zeros((supply.size + 1, limits.size + 1))
        cost[:-1, :-1] = (freight[:, :, None] - worth[None]).reshape(supply.size, -1)
        have, want = np.append(supply, limits.sum()), np.append(limits.ravel(), supply.sum())
        flows = ot.emd(have, want, cost, numItermax=10**7, center_dual=False, check_marginals=False)
        return -float((flows * cost).sum())

    return lambda: np.array([one(*problem) for problem in zip(*problems, strict=True)])


PEERS_BY_NAME: dict[str, tuple[str, Callable[[Arrays], Solver]]] = {
    "highs_by_call": ("scipy", highs_by_call),
    "highs_reused": ("highspy", highs_reused),
    "network_simplex": ("ot", network_simplex),
}


def main() -> None:
    """Print problems per CPU second of each, and how far their values are from that of HiGHS by call."""
    if "--all-cores" not in sys.argv and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # JAX has not started yet, and counts cores as it does.
    sys.path.insert(0, str(ROOT / "tests"))
    from transports import steel

    quick = "--quick" in sys.argv
    number, fewer = (PROBLEMS // 4, PEERS // 4) if quick else (PROBLEMS, PEERS)
    problems = steel(np.random.default_rng(1), number)
    few: Arrays = tuple(part[:fewer] for part in problems)  # type: ignore[assignment]
    missing = [module for module, _ in PEERS_BY_NAME.values() if importlib.util.find_spec(module) is None]
    peers = {name: build(few) for name, (module, build) in PEERS_BY_NAME.items() if module not in missing}
    batches = {f"ours_by_{batch}": ours(problems, batch) for batch in BATCHES if batch <= number}
    compiling = compile_seconds(problems, 64)
    spent = alternate({**batches, **peers}, rounds=3 if quick else 7)
    rates = {name: (number if name in batches else fewer) / seconds for name, seconds in spent.items()}
    plans = jax.tree.map(lambda *leaves: np.concatenate(leaves), *batches["ours_by_64"]())
    exact = peers["highs_by_call"]()
    values = {"ours": plans.value[:fewer]} | {name: peer() for name, peer in peers.items() if name != "highs_by_call"}
    report(
        "transport of scrap: ours against HiGHS and network simplex",
        problems=number,
        peers_solve=fewer,
        missing=missing,
        **{f"{name}_per_cpu_second": rate for name, rate in rates.items()},
        fastest=max(rates, key=lambda name: rates[name]),
        **{f"{name}_off_highs_by_call": float((np.abs(found / exact - 1)).max()) for name, found in values.items()},
        ours_proven_gap_median=float(np.median(plans.gap)),
        ours_proven_gap_max=float(plans.gap.max()),
        ours_iterations_mean=float(plans.iterations.mean()),
        ours_iterations_max=int(plans.iterations.max()),
        ours_compile_cpu_seconds=compiling,
    )


if __name__ == "__main__":
    main()
