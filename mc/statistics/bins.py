"""Bins of a streamed histogram that fit any shape: fine where the pilot is dense, and without an outer limit.

An element's values x are mapped to y = u / (a + |u|) in (-1, 1), u = x - centre, with `a` = `left` below the centre and
`right` above; y is cut into equal bins. Skewed and heavy-tailed elements keep their resolution where their mass is
(a normal variable has 0.5 % of its mass in its fullest bin), where equal bins between pilot extremes would not.
"""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.statistics.contract import HostState, Numbers

BINS = 256
HALF = BINS // 2

ATOM_DRAWS = 8
"""A bin of the pilot says something about repeated values from this many draws on."""

RESOLUTION = 2.0**-20
"""Smallest half-width as a share of the centre: below it neighbouring float32 values are farther apart than bins."""


def fit_bins(ordered: Numbers) -> HostState:
    """`centre`, `left`, `right` per element from pilot values (element, draw) in ascending order."""
    draws = ordered.shape[1]
    centre = ordered[:, draws // 2]
    below = (ordered < centre[:, None]).sum(axis=1)
    above = (ordered > centre[:, None]).sum(axis=1)
    rows = np.arange(len(ordered))
    left = np.where(below > 0, 2 * (centre - ordered[rows, below // 2]), 0)
    right = np.where(above > 0, 2 * (ordered[rows, draws - 1 - above // 2] - centre), 0)
    floor = np.maximum(np.abs(centre) * RESOLUTION, np.finfo(ordered.dtype).tiny)
    left, right = np.where(left > floor, left, right), np.where(right > floor, right, left)
    unvaried = np.where(centre == 0, 1.0, np.abs(centre))
    fitted = {"centre": centre, "left": left, "right": right}
    for side in ("left", "right"):
        fitted[side] = np.where(fitted[side] > floor, fitted[side], unvaried)
    return {name: values.astype(ordered.dtype) for name, values in fitted.items()}


def bin_of(values: Array, fixed: Mapping[str, Array]) -> Array:
    """Bin index int32 of values (draw, element), 0 to BINS - 1; anything but a number lands in some bin: mask it."""
    u = values - fixed["centre"][None]
    half_width = jnp.where(u < 0, fixed["left"][None], fixed["right"][None])
    y = u / (half_width + jnp.abs(u))
    return jnp.clip(((y + 1) * HALF).astype(jnp.int32), 0, BINS - 1)


def host_bin_of(values: Numbers, fixed: Mapping[str, Numbers]) -> Numbers:
    """`bin_of` on the host, values (element, draw)."""
    u = values - fixed["centre"][:, None]
    half_width = np.where(u < 0, fixed["left"][:, None], fixed["right"][:, None])
    y = u / (half_width + np.abs(u))
    return np.asarray(np.clip(((y + 1) * HALF).astype(np.int32), 0, BINS - 1))


def value_at(position: Numbers, fixed: Mapping[str, Numbers]) -> Numbers:
    """Value at a position in bins (bin + fraction), float64; the open first and last bin end at their inner edge."""
    y = np.clip(position, 1, BINS - 1) / HALF - 1
    half_width = np.where(y < 0, fixed["left"].astype(np.float64), fixed["right"].astype(np.float64))
    return np.asarray(fixed["centre"].astype(np.float64) + half_width * y / (1 - np.abs(y)))


def atoms(ordered: Numbers, fixed: Mapping[str, Numbers]) -> HostState:
    """Repeated values of the pilot: a bin whose middle half is ONE value holds that value, not a density.

    Sorted keys (element * BINS + bin) and values, of zeros, caps, whole years and of elements that never vary.
    """
    draws = ordered.shape[1]
    chosen = host_bin_of(ordered, fixed)
    opens = np.ones(chosen.shape, bool)
    opens[:, 1:] = chosen[:, 1:] != chosen[:, :-1]
    start = np.flatnonzero(opens)
    count = np.diff(start, append=chosen.size)
    value, flat = ordered.ravel()[start + count // 4], ordered.ravel()
    repeated = (count >= min(ATOM_DRAWS, draws)) & (value == flat[start + (3 * count - 1) // 4])
    keys = (start // draws) * BINS + chosen.ravel()[start]
    return {"_atom_key": keys[repeated].astype(np.int64), "_atom_value": value[repeated]}
