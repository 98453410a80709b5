"""The copper that scrap brings and steel does not bear: an optional limit on what works can charge."""

import jax.numpy as jnp
from jax import Array

from mc.inputs.steel import Scrap
from mc.model.paths import ratio
from mc.model.scrap import Supply


def tolerance(scrap: Scrap, made: Array) -> Array:
    """Copper that a tonne of the country's finished steel bears, % by mass [year].

    Flat products bear less than long ones. `made` is finished steel fabricated, Mt [end_use, year, province].
    """
    by_use = made.sum(axis=2)
    flat = ratio((scrap.flat_share[:, None] * by_use).sum(axis=0), by_use.sum(axis=0))
    return flat * scrap.copper_tolerance_flat + (1.0 - flat) * scrap.copper_tolerance_long


def content(scrap: Scrap, supply: Supply) -> Array:
    """Copper in a tonne of scrap on offer, % by mass: the country's blend of prompt and obsolete [year]."""
    prompt, obsolete = supply.prompt.sum(axis=0), supply.obsolete.sum(axis=0)
    return ratio(scrap.copper_prompt * prompt + scrap.copper_obsolete * obsolete, prompt + obsolete)


def room(scrap: Scrap, supply: Supply, made: Array, output: Array) -> Array:
    """Purchased scrap that a province's steel can take for its copper, Mt/year [province, year].

    An upper bound: products of a province share the copper as if scrap were sorted to them perfectly, its mix of
    products is the country's, and hot metal and direct reduced iron bring none. Copper is never refined out (Daehn,
    Cabrera Serrenho and Allwood 2017). `output` is crude steel, Mt/year [province, year].
    """
    borne = tolerance(scrap, made)[None, :] * output - scrap.copper_home * supply.home
    return jnp.maximum(borne, 0.0) / content(scrap, supply)[None, :]
