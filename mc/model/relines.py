"""Relines of blast furnaces: when furnaces come up for one, without tracking them by vintage.

A furnace is due one campaign after it was last relined or built. Early retirement takes the same share of all furnaces,
so it is kept apart as one factor: due = kept[t] (due of the first fleet + what was renewed a campaign ago), where
renewed is counted as if nothing had retired early since the base year.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.inputs.steel import Uptake
from mc.model.drive import Force
from mc.model.paths import ratio, settled, total

LONGEST_HISTORY = 40
"""Most years of additions that `campaign_history` can ask for (its valid range)."""


def spread(slots: Array, time: Array) -> Array:
    """Weights of yearly slots that stand for a moment between two of them; a moment beyond the last has none."""
    moment = jnp.expand_dims(time, -1)
    points = slots.reshape((1,) * (moment.ndim - 1) + (-1,))
    return jnp.maximum(0.0, 1.0 - jnp.abs(points - moment))


def first_due(uptake: Uptake, crude_steel_history: Array, time: Array, fleet: Array) -> Array:
    """Blast furnaces of the base year by the year of their next reline, Mt of hot metal [year, province].

    No table has furnace start years. Ages follow the nation's net additions of the last `campaign_history` years before
    the base year, shifted by one phase a province; a furnace is due each `campaign` years (Vogl et al. 2021, Joule 5).

    Args:
        uptake: inputs.
        crude_steel_history: national output [history].
        time: years since the base year [year].
        fleet: blast furnace capacity [province].
    """
    added = jnp.maximum(jnp.diff(crude_steel_history), 0.0)[-LONGEST_HISTORY:]
    ages = jnp.asarray(np.arange(added.shape[0])[::-1].copy(), dtype=added.dtype)
    recent = (ages < uptake.campaign_history).astype(added.dtype)
    # Where output never grew, furnaces are of all ages alike.
    weights = jnp.where((added * recent).sum() > 0, added * recent, recent)
    campaigns = ages[:, None] / uptake.campaign + uptake.campaign_phase[None, :]
    due = jnp.maximum((1.0 - (campaigns - jnp.floor(campaigns))) * uptake.campaign, 1.0)
    # Age by age: a product would first write what every province, age and year have to do with one another.
    every = zip(due, weights / weights.sum(), strict=True)
    shape = functools.reduce(jnp.add, [weight * spread(time, moment).T for moment, weight in every])
    # Settled, or what it is summed for would work it out again.
    first: Array = settled(shape * fleet[None, :])
    return first


def early_factor(uptake: Uptake, years: Array) -> tuple[Array, Array]:
    """(share retired early in a year, share of furnaces not retired early since the base year) [year]."""
    early = uptake.early_retirement * (years >= uptake.early_retirement_from).astype(years.dtype)
    return early, jnp.cumprod(1.0 - early)


def due(uptake: Uptake, renewed: Array, first: Array, force: Force) -> Array:
    """Furnaces that come up for reline this year, Mt of hot metal [province]."""
    whole = jnp.floor(uptake.campaign)
    part = (uptake.campaign - whole)[None]
    slot = force.slot - whole.astype(jnp.int32)
    # Slot 0 is the base year: nothing was renewed in it, so it also stands for all before.
    later, sooner = (at_slot(renewed, jnp.maximum(moment, 0)) for moment in (slot, slot - 1))
    again = (1.0 - part) * later + part * sooner
    first_fleet: Array = jax.lax.dynamic_index_in_dim(first, force.slot, keepdims=False)
    coming: Array = force.kept[None] * (first_fleet + again)
    return coming


def at_slot(renewed: Array, slot: Array) -> Array:
    """What was renewed in a slot [province].

    Args:
        renewed: by slot [slot, province], or [slot, province, draw].
        slot: a whole number, or one a draw [draw].
    """
    chosen: Array = jnp.take_along_axis(renewed, slot[None, None], axis=0, mode="promise_in_bounds")[0]
    return chosen


def remember(renewed: Array, now: Array, force: Force) -> Array:
    """Write what was renewed this year into the calendar of each scenario [scenario, slot, province]."""
    history: Array = jax.lax.dynamic_update_index_in_dim(renewed, now, force.slot, 1)
    return history


def wasted(uptake: Uptake, first: Array, renewed: Array, years: Array) -> Array:
    """Furnaces retired early times the share of their campaign they had left, Mt of hot metal [year].

    Args:
        uptake: inputs.
        first: due of the first fleet [year, province].
        renewed: relined or built by year, as in `State` [province, year].
        years: model years [year].
    """
    # Retirement comes first in a year, so that what is renewed in it is not at stake yet.
    early, kept = early_factor(uptake, years)
    # Time from a reline, or to the first one, [then, now] in campaigns.
    since = (years[None, :] - years[:, None]) / uptake.campaign
    waiting = total(jnp.clip(-since, 0.0, 1.0) * total(first.T)[:, None])
    # Settled, or every scenario would work it out for itself.
    running = settled(jnp.where(since > 0, jnp.clip(1.0 - since, 0.0, 1.0), 0.0))
    left = waiting + total(running * total(renewed)[:, None])
    return early * ratio(kept, 1.0 - early) * left
