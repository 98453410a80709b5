"""Sobol' direction numbers of Joe and Kuo (2008, new-joe-kuo-6.21201), from the table that scipy ships."""

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from mc.samplers.contract import Words

BITS = 32


def direction_numbers(dimensions: int) -> Words:
    """Direction numbers, shape (dimensions, 32): V[d, k] belongs to bit k of the Gray code, first digit in the top bit.

    Bratley and Fox (1988), eq. 2.2 to 2.4.
    """
    polynomials, starts = _table(dimensions)
    numbers = np.zeros((dimensions, BITS), np.uint64)
    for dimension, polynomial in enumerate(polynomials.tolist()):
        numbers[dimension] = _recurrence(polynomial, starts[dimension].tolist())
    return (numbers << np.arange(BITS - 1, -1, -1, dtype=np.uint64)).astype(np.uint32)


def _recurrence(polynomial: int, start: list[int]) -> list[int]:
    if polynomial == 1:  # the first dimension is the van der Corput sequence
        return [1] * BITS
    degree = polynomial.bit_length() - 1
    m = start[:degree]
    for k in range(degree, BITS):
        value = m[k - degree]
        for j in range(1, degree + 1):
            if polynomial >> (degree - j) & 1:
                value ^= m[k - j] << j
        m.append(value)
    return m


def _table(dimensions: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # Read without importing scipy.stats, which takes longer than everything else that a plan does.
    with resources.files("scipy").joinpath("stats/_sobol_direction_numbers.npz").open("rb") as file:
        table = np.load(file)
        polynomials, starts = table["poly"][:dimensions], table["vinit"][:dimensions]
    if len(polynomials) < dimensions:
        raise ValueError(f"the Sobol' table has {len(polynomials)} dimensions, {dimensions} were asked for")
    return polynomials, starts
