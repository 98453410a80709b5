import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from scipy.interpolate import PchipInterpolator

from mc.distributions.fit import least_squares, root
from mc.inputs.curves import monotone

ANCHORS = st.lists(
    st.tuples(st.integers(1950, 2060), st.sampled_from([-3.0, -0.7, 0.0, 0.2, 1.0, 50.0])),
    min_size=2,
    max_size=9,
    unique_by=lambda anchor: anchor[0],
)


@given(ANCHORS)
def test_a_monotone_curve_is_pchip(anchors: list[tuple[int, float]]) -> None:
    at, values = np.array(sorted(anchors)).T
    years = np.linspace(at[0], at[-1], 97)
    assert monotone(years, at, values) == pytest.approx(PchipInterpolator(at, values)(years), rel=1e-11, abs=1e-11)


@given(st.floats(0.2, 3.0), st.floats(-2.0, 2.0))
def test_least_squares_finds_what_scipy_finds_within_the_bounds(rate: float, level: float) -> None:
    x, low, high = np.array([0.0, 0.6, 1.3]), np.array([-1.5, -1.0]), np.array([1.5, 1.0])
    seen = level * np.exp(-rate * x) + np.array([0.02, -0.03, 0.01])

    def misses(unknown: np.ndarray) -> np.ndarray:
        return unknown[0] * np.exp(-np.exp(unknown[1]) * x) - seen

    found = least_squares(misses, np.array([0.5, 0.0]), low, high)
    oracle = optimize.least_squares(misses, np.array([0.5, 0.0]), bounds=(low, high))
    assert np.all((low <= found) & (found <= high))
    assert np.sum(misses(found) ** 2) <= np.sum(oracle.fun**2) * (1 + 1e-6) + 1e-12


def test_root_is_as_exact_as_a_number_can_be() -> None:
    assert root(lambda x: 2.0 - x * x, 0.0, 2.0) == pytest.approx(2**0.5, rel=1e-15)
