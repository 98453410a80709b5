"""The transport of scrap as a linear programme in its plainest form, solved by HiGHS."""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array


def constraints(sources: int, sinks: int, segments: int) -> tuple[csr_array, csr_array]:
    """Rows of supply and rows of balance over (x_11, x_12, ..., y_11, y_12, ...)."""
    arcs, uses = sources * sinks, sinks * segments
    supply = csr_array(
        (np.ones(arcs), (np.repeat(np.arange(sources), sinks), np.arange(arcs))), shape=(sources, arcs + uses)
    )
    places = np.concatenate([np.tile(np.arange(sinks), sources), np.repeat(np.arange(sinks), segments)])
    signs = np.concatenate([np.ones(arcs), -np.ones(uses)])
    return supply, csr_array((signs, (places, np.arange(arcs + uses))), shape=(sinks, arcs + uses))


def best(supply: np.ndarray, limits: np.ndarray, worth: np.ndarray, freight: np.ndarray) -> float:
    """Largest sum b y - sum t x. Infinite freight is an arc that may carry nothing."""
    return plan(supply, limits, worth, freight)[0]


def plan(
    supply: np.ndarray, limits: np.ndarray, worth: np.ndarray, freight: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """The same with flows [source, sink] and use [sink, segment] that reach it.

    HiGHS takes tolerances as absolute, so it sees masses around a thousand and worths around one, and no more supply
    or limits than the other side can take.
    """
    mass = min(supply.sum(), limits.sum()) / 1e3
    money = np.abs(worth).max()
    sources, sinks = freight.shape
    if mass == 0 or money == 0:
        return 0.0, np.zeros_like(freight), np.zeros_like(limits)
    rows, balances = constraints(sources, sinks, limits.shape[1])
    open_arcs = np.isfinite(freight)
    cost = np.concatenate([np.where(open_arcs, freight, 0.0).ravel(), -worth.ravel()]) / money
    upper = np.concatenate([np.where(open_arcs, np.inf, 0.0).ravel(), np.minimum(limits, supply.sum()).ravel() / mass])
    found = linprog(
        cost,
        A_ub=rows,
        b_ub=np.minimum(supply, limits.sum()) / mass,
        A_eq=balances,
        b_eq=np.zeros(sinks),
        bounds=np.stack([np.zeros_like(upper), upper], axis=1),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.status != 0:
        raise RuntimeError(found.message)
    flows, use = np.split(found.x * mass, [freight.size])
    return -float(found.fun) * mass * money, flows.reshape(freight.shape), use.reshape(limits.shape)
