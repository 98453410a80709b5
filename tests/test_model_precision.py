"""The chain in single precision against double: what an ensemble loses by running twice as fast."""

import functools

import numpy as np
import pytest
from reference.compiled import draw, outputs

from mc.outputs import OUTPUTS

DRAWS = (0, 2, 9, 15)
USUAL = 2e-5
"""Of the largest value of a series. Inflow and retirement are in float32 and all that follows from them grows less
exact; the stock itself is held to 2e-6."""
LOOSER = {
    "production_by_route": 5e-3,  # new routes are what a small gap between output and capacity calls for
    "energy_by_carrier": 2e-3,  # fuels of those routes
    "hydrogen": 2e-3,
    "co2_captured": 2e-3,
    "electricity": 2e-4,  # power bought less power sold
    "scrap_traded": 1e-4,
    "scrap_closure_factor": 2e-4,  # steep where all but one end use are at the ceiling
    "stranded_capital": 2e-4,
}
STOCKS = ("steel_stock", "steel_stock_by_end_use", "steel_stock_per_head", "steel_retired", "scrap_obsolete")
IN_MEGATONNES = {
    "scrap_unused": 5e-3,
    "scrap_closure_residual": 5e-3,
    "stock_shortfall": 1e-1,
    "scrap_policy_violation": 1e-3,
    "scrap_policy_residual": 1e-4,
    "unmet_production": 1e-3,
    "co2_grid_removal": 1e-2,
}
"""Differences of nearly equal numbers, often zero: allowed in Mt."""


@functools.cache
def both(index: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return outputs(draw(index)), outputs(draw(index), dtype=np.float32)


@pytest.mark.parametrize("index", DRAWS)
def test_national_outputs_in_single_precision_are_those_in_double(index: int) -> None:
    double, single = both(index)
    missed = {}
    for output in OUTPUTS:
        name, values = output.name, double[output.name]
        if name.endswith("_by_province") or name.startswith("neutral") or output.kind == "fault":
            continue
        assert single[name].dtype == np.float32
        gap = np.abs(values - single[name])
        if name in IN_MEGATONNES:
            worst, allowed = gap.max(), IN_MEGATONNES[name]
        else:
            scale = np.abs(values).max(axis=-1, keepdims=True) if values.ndim else np.abs(values)
            worst, allowed = (gap / np.maximum(scale, 1e-9)).max(), LOOSER.get(name, 5e-6 if name in STOCKS else USUAL)
        if not worst <= allowed:
            missed[name] = float(worst)
    assert missed == {}


@pytest.mark.parametrize("index", DRAWS)
def test_stock_balance_holds_in_single_precision(index: int) -> None:
    """The change of the stock against inflow less retirement, relative to the stock: 1e-5 at most."""
    _, single = both(index)
    change = np.diff(single["steel_stock"].astype(np.float64))
    net = (single["steel_inflow"] - single["steel_retired"]).astype(np.float64)[1:]
    assert np.abs(change - net).max() <= 1e-5 * single["steel_stock"].max()


def test_no_draw_fails_in_single_precision() -> None:
    for index in DRAWS:
        _, single = both(index)
        assert float(single["fault_mass_balance"]) == 0.0
        assert all(np.isfinite(values).all() for values in single.values())
