"""Two objectives of the transport of scrap by HiGHS: one held at a level, one end of the front, and true hinges.

Plans are (x_11, x_12, ..., y_11, y_12, ...). HiGHS takes tolerances as absolute, so it sees masses around a thousand
and each objective divided by its largest worth.
"""

import dataclasses
from typing import Any

import numpy as np
from reference.allocation import constraints
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, vstack

NIL = 1e-9


@dataclasses.dataclass(frozen=True)
class Programme:
    """Constraints of a problem without tiny or huge numbers; objectives by row, with what they were divided by."""

    gains: np.ndarray
    money: np.ndarray
    mass: float
    rows: Any
    supply: np.ndarray
    balances: Any
    upper: np.ndarray


def programme(supply: np.ndarray, limits: np.ndarray, worth: np.ndarray, freight: np.ndarray) -> Programme:
    """worth [objective, sink, segment], freight [objective, source, sink]."""
    mass = max(min(supply.sum(), limits.sum()), 1e-300) / 1e3
    money = np.maximum(np.abs(worth).max(axis=(1, 2)), 1e-300)
    rows, balances = constraints(*freight.shape[1:], limits.shape[1])
    open_arcs = np.isfinite(freight).all(axis=0)
    moved = np.where(open_arcs, freight, 0.0)
    gains = np.concatenate([-moved.reshape(len(moved), -1), worth.reshape(len(worth), -1)], axis=1) / money[:, None]
    upper = np.concatenate([np.where(open_arcs, np.inf, 0.0).ravel(), np.minimum(limits, supply.sum()).ravel() / mass])
    return Programme(gains, money, mass, rows, np.minimum(supply, limits.sum()) / mass, balances, upper)


def highs(gain: np.ndarray, p: Programme, **changes: Any) -> Any:
    parts = {
        "A_ub": p.rows,
        "b_ub": p.supply,
        "A_eq": p.balances,
        "b_eq": np.zeros(p.balances.shape[0]),
        "bounds": np.stack([np.zeros_like(p.upper), p.upper], axis=1),
    } | changes
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(-gain, **parts, method="highs", options=options)
    if found.status != 0:
        raise RuntimeError(found.message)
    return found


def highest(p: Programme, objective: int, other: int, level: float) -> float:
    """Most of one objective with no less than a level of another one."""
    rows = vstack([p.rows, csr_array(-p.gains[[other]])])
    limits = np.append(p.supply, -level / (p.mass * p.money[other]))
    return float(-highs(p.gains[objective], p, A_ub=rows, b_ub=limits).fun * p.mass * p.money[objective])


def end(p: Programme, objective: int, other: int) -> tuple[float, float]:
    """Best of one objective and, on the face of its best plans, the best of the other one.

    The face follows from the prices: what has a price must be used up, what only loses must stay out.
    """
    first = highs(p.gains[objective], p)
    reduced = first.lower.marginals + first.upper.marginals
    bounds = np.stack([np.zeros_like(p.upper), p.upper], axis=1)
    bounds[reduced > NIL, 1] = 0.0
    full = reduced < -NIL
    bounds[full, 0] = p.upper[full]
    tight = first.ineqlin.marginals < -NIL
    second = highs(
        p.gains[other],
        p,
        A_ub=p.rows[~tight],
        b_ub=p.supply[~tight],
        A_eq=vstack([p.balances, p.rows[tight]]),
        b_eq=np.concatenate([np.zeros(p.balances.shape[0]), p.supply[tight]]),
        bounds=bounds,
    )
    best, rest = -first.fun * p.mass * p.money[objective], -second.fun * p.mass * p.money[other]
    return float(best), float(rest)


def with_true_hinges(p: Programme, weights: np.ndarray, avoided: np.ndarray, need: np.ndarray, weight: float) -> float:
    """Most of sum weights f + weight sum_q h_q with h_q <= c_q, h_q <= sum_k b_qk y_qk, one variable h a sink."""
    sinks, segments = avoided.shape
    arcs = p.gains.shape[1] - avoided.size
    places = (np.repeat(np.arange(sinks), segments), arcs + np.arange(avoided.size))
    earned = csr_array((-avoided.ravel(), places), shape=(sinks, p.gains.shape[1]))
    gain = np.concatenate([(weights * p.money) @ p.gains, np.full(sinks, weight)])
    money = np.abs(gain[arcs:]).max()
    upper = np.concatenate([p.upper, np.maximum(need, 0.0) / p.mass])
    found = highs(
        gain / money,
        p,
        A_ub=vstack([hstack([p.rows, csr_array((len(p.supply), sinks))]), hstack([earned, np.eye(sinks)])]),
        b_ub=np.concatenate([p.supply, np.zeros(sinks)]),
        A_eq=hstack([p.balances, csr_array((sinks, sinks))]),
        bounds=np.stack([np.zeros_like(upper), upper], axis=1),
    )
    return float(-found.fun * p.mass * money)
