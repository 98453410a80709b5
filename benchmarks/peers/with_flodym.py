"""flodym's dynamic stock models on the arrays of a file; run by `stock_step`, not by `worker`.

python -m peers.with_flodym IN.npz OUT.npz
"""

import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
from flodym import Dimension, DimensionSet, FlodymArray, InflowDrivenDSM, StockArray, StockDrivenDSM, WeibullLifetime

ROUNDS = 5


def dimensions(shape: tuple[int, ...]) -> DimensionSet:
    """Time first, then draw, province and end use."""
    names = ("time", "draw", "province", "use")
    return DimensionSet(
        dim_list=[
            Dimension(name=name, letter=name[0], items=list(range(size)), dtype=int)
            for name, size in zip(names, shape, strict=True)
        ]
    )


def lifetime(dims: DimensionSet, scale: np.ndarray, shape: np.ndarray) -> WeibullLifetime:
    """Curves by draw and end use."""
    some = dims["d", "u"]
    return WeibullLifetime(
        dims=dims,
        time_letter="t",
        weibull_shape=FlodymArray(dims=some, values=shape),
        weibull_scale=FlodymArray(dims=some, values=scale),
    )


def inflow_driven(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Stock and outflow of the inflow."""
    dims = dimensions(given["inflow"].shape)
    model = InflowDrivenDSM(
        dims=dims,
        time_letter="t",
        inflow=StockArray(dims=dims, values=given["inflow"]),
        lifetime_model=lifetime(dims, given["scale"], given["shape"]),
    )
    model.compute()
    return {"stock": model.stock.values, "outflow": model.outflow.values}


def stock_driven(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Inflow that keeps the stock."""
    dims = dimensions(given["target"].shape)
    model = StockDrivenDSM(
        dims=dims,
        time_letter="t",
        stock=StockArray(dims=dims, values=given["target"]),
        lifetime_model=lifetime(dims, given["scale"], given["shape"]),
    )
    model.compute()
    return {"inflow": model.inflow.values}


def timed(call: Callable[[], dict[str, np.ndarray]]) -> tuple[dict[str, np.ndarray], float]:
    """What it gives and its median CPU seconds, after one that does not count."""
    found = call()
    spent = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        call()
        spent.append(time.process_time() - begin)
    return found, statistics.median(spent)


def main(source: str, target: str) -> None:
    """Write what was computed, print CPU seconds."""
    warnings.simplefilter("ignore")
    given = dict(np.load(source))
    inflow, inflow_s = timed(lambda: inflow_driven(given))
    stock, stock_s = timed(lambda: stock_driven(given))
    np.savez(target, **inflow, **stock)
    print(json.dumps({"inflow_driven_s": inflow_s, "stock_driven_s": stock_s}))


if __name__ == "__main__":
    main(*sys.argv[1:])
