"""Bins of a streamed histogram that fit any shape, because they follow the pilot's own distribution.

The pilot's quantiles at a few probabilities (knots) cut the line into segments, each with about as many equal bins. The
knots lie at the wanted probabilities and a few pilot errors to both sides, so the bins are finest where a quantile will
be read, and skew, heavy tails, gaps and repeated values cost no resolution. A little below the pilot's smallest and
above its largest value one open bin each begins.
"""

import functools
from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.statistics.contract import HostState, Numbers

BINS = 256
INNER = BINS - 2

KNOT_ERRORS = 4.0
"""Distance of a knot from its probability, in standard errors of the pilot's rank for independent draws."""

TAIL, MARGIN = 1 / 16, 0.25
"""The outer bins open beyond the pilot's extremes by this share of the distance from this rank to the extreme."""

ATOM_DRAWS = 8
"""A bin of the pilot says something about repeated values from this many draws on."""


def quantiles_of(ordered: Numbers, probabilities: Sequence[float]) -> Numbers:
    """Quantiles (probability, element) of values (element, draw) in ascending order, numpy's "linear" definition."""
    draws = ordered.shape[1]
    ranks = np.asarray(probabilities) * (draws - 1)
    lower = np.floor(ranks).astype(int)
    upper, share = np.minimum(lower + 1, draws - 1), ranks - lower
    low, high = ordered[:, lower], ordered[:, upper]
    between = np.where(low == high, low, (1 - share) * low + share * high)
    return np.ascontiguousarray(between.T.astype(ordered.dtype))


def fit_bins(ordered: Numbers, probabilities: Sequence[float]) -> HostState:
    """`knot` (segment + 1, element) and `slope` (segment, element; 1 / unit) from pilot values in ascending order."""
    knots = [0.0, 1.0]
    for probability in probabilities:
        reach = KNOT_ERRORS * np.sqrt(probability * (1 - probability) / ordered.shape[1])
        # Never closer to the end than a quarter: a heavy tail would else spoil the bins next to the quantile.
        low, high = max(probability - reach, probability / 4), min(probability + reach, (3 + probability) / 4)
        knots += [low, probability, high]
    if len(knots) > INNER:
        raise ValueError(f"{len(probabilities)} probabilities are too many for {BINS} bins")
    knot = quantiles_of(ordered, sorted(knots))
    tails = quantiles_of(ordered, (TAIL, 1 - TAIL))
    knot[0] -= knot.dtype.type(MARGIN) * (tails[0] - knot[0])
    knot[-1] += knot.dtype.type(MARGIN) * (knot[-1] - tails[1])
    limits = np.finfo(ordered.dtype)
    # Slightly too steep, so that a value on a knot or on an edge falls above it whatever the rounding.
    slope = (1 + 8 * limits.eps) / np.maximum(np.diff(knot.astype(np.float64), axis=0), 4 * limits.tiny)
    return {"knot": knot, "slope": slope.astype(ordered.dtype)}


def bin_of(values: Array, fixed: Mapping[str, Array]) -> Array:
    """Bin index int32 of values (element, draw), 0 to BINS - 1; anything but a number lands in some bin: mask it."""
    knot, slope = fixed["knot"][:, :, None], fixed["slope"][:, :, None]
    position = jnp.zeros_like(values)
    for at, size in enumerate(_sizes(len(slope))):
        position = position + size * jnp.clip((values - knot[at]) * slope[at], 0, 1)
    inner = 1 + jnp.clip(position.astype(jnp.int32), 0, INNER - 1)
    return jnp.where(values < knot[0], 0, jnp.where(values > knot[-1], BINS - 1, inner))


def host_bin_of(values: Numbers, fixed: Mapping[str, Numbers]) -> Numbers:
    """`bin_of` on the host."""
    knot, slope = fixed["knot"][:, :, None], fixed["slope"][:, :, None]
    position = np.zeros_like(values)
    with np.errstate(over="ignore"):
        for at, size in enumerate(_sizes(len(slope))):
            position += size * np.clip((values - knot[at]) * slope[at], 0, 1)
    inner = 1 + np.clip(position.astype(np.int32), 0, INNER - 1)
    return np.where(values < knot[0], 0, np.where(values > knot[-1], BINS - 1, inner))


def value_at(position: Numbers, fixed: Mapping[str, Numbers]) -> Numbers:
    """Value (..., element) at a position in bins (bin + fraction), float64; an open bin counts as its inner edge."""
    knot = fixed["knot"].astype(np.float64, copy=False)
    edges = _edges(len(knot) - 1)
    inner = np.clip(position - 1, 0, INNER)
    segment = np.clip(np.searchsorted(edges, inner, side="right") - 1, 0, len(edges) - 2)
    share = (inner - edges[segment]) / (edges[segment + 1] - edges[segment])
    elements = np.arange(knot.shape[1])
    low, high = knot[segment, elements], knot[segment + 1, elements]
    return np.asarray(low + share * (high - low))


def atoms(ordered: Numbers, fixed: Mapping[str, Numbers]) -> HostState:
    """Repeated values of the pilot: a bin whose middle half is ONE value holds that value, not a density.

    Sorted keys (element * BINS + bin) and values, of zeros, caps, whole years and of elements that never vary.
    """
    draws = ordered.shape[1]
    fewest = min(ATOM_DRAWS, draws)
    half = max(fewest // 2, 1)
    # Only elements that repeat a value often enough can have one: seldom more than a few, most of which never vary.
    elements = np.flatnonzero((ordered[:, half - 1 :] == ordered[:, : draws - half + 1]).any(axis=1))
    varies = ordered[elements, 0] != ordered[elements, -1]
    still, elements = elements[~varies], elements[varies]
    still_keys = still * BINS + _bins_of_elements(ordered[:, :1], fixed, still)[:, 0]
    flat = ordered[elements].ravel()
    chosen = _bins_of_elements(ordered, fixed, elements)
    opens = np.ones(chosen.shape, bool)
    opens[:, 1:] = chosen[:, 1:] != chosen[:, :-1]
    start = np.flatnonzero(opens)
    count = np.diff(start, append=chosen.size)
    first, last = np.minimum(start + count // 4, chosen.size - 1), start + (3 * count - 1) // 4
    repeated = (count >= fewest) & (flat[first] == flat[last])
    keys = elements[start // draws] * BINS + chosen.ravel()[start]
    every = np.concatenate([still_keys, keys[repeated]]).astype(np.int64)
    values = np.concatenate([ordered[still, 0], flat[first[repeated]]])
    ascending = np.argsort(every)
    return {"_atom_key": every[ascending], "_atom_value": values[ascending]}


def _bins_of_elements(values: Numbers, fixed: Mapping[str, Numbers], elements: Numbers) -> Numbers:
    """`host_bin_of` of some elements."""
    return host_bin_of(values[elements], {name: array[:, elements] for name, array in fixed.items()})


@functools.cache
def _edges(segments: int) -> Numbers:
    """Positions of the knots in inner bins."""
    return np.concatenate([[0], np.cumsum(_sizes(segments))])


def _sizes(segments: int) -> list[int]:
    """Bins of each segment."""
    size, more = divmod(INNER, segments)
    return [size + (at < more) for at in range(segments)]
