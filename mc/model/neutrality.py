"""When a province's steel counts as carbon neutral, and when emissions peak."""

import jax.numpy as jnp
from jax import Array

from mc.inputs.steel import Neutrality
from mc.model.paths import ratio


def net_emissions(neutrality: Neutrality, emitted: Array) -> Array:
    """Direct and power CO2 less the national sink quota, split by emissions of the base year, Mt [province, year]."""
    first = emitted[:, 0]
    return emitted - (neutrality.sink_quota * ratio(first, jnp.broadcast_to(first.sum(), first.shape)))[:, None]


def is_neutral(neutrality: Neutrality, net: Array, emitted: Array, makes_steel: Array) -> Array:
    """1 where net emissions are within a threshold of the base year's [threshold, province, year].

    Net <= max(tau x emissions of the base year, least_net). An electric furnace keeps about 3 % of 2020 directly
    (electrodes, carbon, lime), so that nobody reaches 0 without sinks, bio-carbon or capture. Provinces that made no
    steel in the base year count as 0.
    """
    limit = jnp.maximum(neutrality.threshold[:, None] * emitted[None, :, 0], neutrality.least_net)
    return (net[None] <= limit[:, :, None]).astype(net.dtype) * makes_steel[None, :, None]


def net_ratio(net: Array, emitted: Array) -> Array:
    """Net emissions over emissions of the base year [province, year]; 0 where there were none."""
    return ratio(net, jnp.broadcast_to(emitted[:, :1], net.shape))


def peak_year(national: Array, years: Array) -> Array:
    """Year with the highest national emissions; the first of equals."""
    return jnp.take(years, jnp.argmax(national))
