"""Scrap supply: home, prompt and obsolete, by province."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from mc.inputs.steel import Scrap
from mc.model.paths import fade, ramp, ratio, total


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Supply:
    """Scrap that arises, Mt/year [province, year].

    Attributes:
        home: from casting and rolling, stays on site.
        prompt: from fabrication.
        obsolete: recovered from retired goods.
        purchased: prompt + obsolete + net import - foundries: what steelworks can buy.
        closure: factor on recovery in the base year that makes supply meet the iron balance [].
        residual: what the capped factor leaves open in the base year, Mt [].
    """

    home: Array
    prompt: Array
    obsolete: Array
    purchased: Array
    closure: Array
    residual: Array


def recovery(scrap: Scrap, years: Array) -> Array:
    """Recovered share of retired steel [end_use, year]: today's, rising part of the way to the target."""
    now = scrap.obsolete_recovery
    rise = scrap.recovery_rise * jnp.maximum(scrap.recovery_target - now, 0.0)
    return now[:, None] + rise[:, None] * ramp(years, years[0], scrap.recovery_target_year)[None, :]


def closure_factor(scrap: Scrap, rates: Array, retired: Array, wanted: Array) -> Array:
    """Factor f with sum_g min(f rate_g, ceiling) retired_g = wanted, as far as the ceiling allows.

    The left side is the least of the lines that cap some end uses and scale the others, so f is the largest of the
    factors at which those lines reach what is wanted; only caps in the order ceiling / rate can matter.

    Args:
        scrap: inputs.
        rates: recovery of the base year [end_use].
        retired: retired in the base year, Mt [end_use].
        wanted: obsolete scrap that the iron balance of the base year asks for, Mt.
    """
    capped = (rates[None, :] >= rates[:, None]).astype(rates.dtype)
    capped = jnp.concatenate([jnp.zeros_like(capped[:1]), capped])
    fixed = scrap.recovery_ceiling * (capped * retired[None, :]).sum(axis=1)
    scaled = ((1.0 - capped) * (rates * retired)[None, :]).sum(axis=1)
    factor = ratio(wanted - fixed, scaled).max()
    # Nothing more can be gained once every end use that recovers anything is at the ceiling.
    least = jnp.where(rates > 0, rates, scrap.recovery_ceiling).min()
    reachable = scrap.recovery_ceiling * jnp.where(rates > 0, retired, 0.0).sum()
    return jnp.where(wanted < reachable, jnp.clip(factor, 0.0), scrap.recovery_ceiling / least)


def supply(scrap: Scrap, home: Array, lost: Array, retired: Array, needed: Array, years: Array) -> Supply:
    """Scrap that arises by kind and province, closed on the base year.

    The base year must close: what is bought = what the iron balance charges beyond home scrap. Stocks, lifetimes and
    recovery of a draw seldom agree with it, so recovery of obsolete scrap carries one factor, capped at the ceiling,
    which fades over `closure_fade` years and is reported with what it leaves open.

    Args:
        scrap: inputs.
        home: home scrap, Mt/year [province, year].
        lost: fabrication loss, Mt/year [province, year].
        retired: retired goods, Mt/year [end_use, year, province].
        needed: scrap charged to steel in the base year, Mt.
        years: model years [year].
    """
    prompt = scrap.prompt_recovery * lost
    rates = recovery(scrap, years)
    wanted = jnp.maximum(needed + scrap.to_foundries - home[:, 0].sum() - prompt[:, 0].sum(), 0.0)
    factor = closure_factor(scrap, rates[:, 0], retired[:, 0].sum(axis=1), wanted)
    fading = 1.0 + (factor - 1.0) * fade(years, scrap.closure_fade)
    rates = jnp.minimum(rates * fading[None, :], scrap.recovery_ceiling)
    obsolete = total(retired * rates[..., None]).T
    gathered = prompt + obsolete
    national = gathered.sum(axis=0)
    # There is no trade in the base year: what is charged is known. It starts the year after.
    trade = scrap.net_import * (years > years[0]).astype(years.dtype) - scrap.to_foundries
    purchased = gathered * ratio(jnp.maximum(national + trade, 0.0), national)[None, :]
    return Supply(home, prompt, obsolete, purchased, factor, wanted - obsolete[:, 0].sum())
