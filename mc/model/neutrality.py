"""When a province's steel counts as carbon neutral, and when emissions peak."""

import jax.numpy as jnp
from jax import Array

from mc.inputs.steel import Neutrality
from mc.model.paths import ratio


def net_emissions(neutrality: Neutrality, emitted: Array) -> Array:
    """Direct and power CO2 less the national sink quota, split by emissions of the base year, Mt [year, province]."""
    return (
        emitted
        - neutrality.sink_quota * ratio(emitted[0], jnp.broadcast_to(emitted[0].sum(), emitted[0].shape))[None, :]
    )


def is_neutral(neutrality: Neutrality, net: Array, emitted: Array, makes_steel: Array) -> Array:
    """1 where net emissions are within a threshold of the base year's [threshold, year, province].

    Net <= max(tau x emissions of the base year, least_net). An electric furnace keeps about 3 % of 2020 directly
    (electrodes, carbon, lime), so that nobody reaches 0 without sinks, bio-carbon or capture. Provinces that made no
    steel in the base year count as 0.
    """
    limit = jnp.maximum(neutrality.threshold[:, None] * emitted[0][None, :], neutrality.least_net)
    return (net[None, :, :] <= limit[:, None, :]).astype(net.dtype) * makes_steel[None, None, :]


def net_ratio(net: Array, emitted: Array) -> Array:
    """Net emissions over emissions of the base year [year, province]; 0 where there were none."""
    return ratio(net, jnp.broadcast_to(emitted[:1], net.shape))


def peak_year(national: Array, years: Array) -> Array:
    """Year with the highest national emissions; the first of equals."""
    return jnp.take(years, jnp.argmax(national))
