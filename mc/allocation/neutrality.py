"""How far provinces get towards neutrality, as one more linear objective: what is avoided counts up to what is needed.

Sum over sinks of max(0, E_q - threshold_q) with E_q = E0_q - sum_k b_qk y_qk falls by min(c_q, sum_k b_qk y_qk), where
c_q = max(0, E0_q - threshold_q) is the need. To maximise that is to minimise the hinges, the convex stand-in for the
number of provinces that are not neutral.
"""

import dataclasses

import jax.numpy as jnp
from jax import Array

from mc.allocation.certificate import worthier
from mc.allocation.objectives import Objectives, index_of
from mc.allocation.scaled import positive_or_one


def with_hinge(objectives: Objectives, need: Array, of: str = "co2", name: str = "neutrality") -> Objectives:
    """The same problem with one more segment a sink and one more objective; `of` names that of b, t CO2 avoided per t.

    The segment in which a sink, filled in descending order of b, meets its need is split there; up to the split a tonne
    counts b, beyond it nothing. Every plan attains at least what the new objective says (b >= 0). It attains exactly
    that, and the best weighted plan is the best with true hinges, if the weighted worth without the hinge orders the
    segments of each sink as b does. If it does not, the optimum is too low by at most `hinge_error` times the weight of
    the hinge. Segments with b < 0 count in full, also where a sink avoids more than it needs.
    """
    at = index_of(objectives, of)
    limits, origin, counted = split(objectives.limits, objectives.worth[at], need)
    worth = jnp.take_along_axis(objectives.worth, origin[None], axis=2)
    return dataclasses.replace(
        objectives,
        limits=limits,
        worth=jnp.concatenate([worth, counted[None]]),
        freight=jnp.concatenate([objectives.freight, jnp.zeros_like(objectives.freight[:1])]),
        names=(*objectives.names, name),
    )


def split(limits: Array, avoided: Array, need: Array) -> tuple[Array, Array, Array]:
    """Limits with the kink made an edge, the segment each comes from, what it counts; all [sink, segment + 1].

    The last one is what the split segment has left beyond the kink. `need` may be negative: then nothing counts.
    """
    need = jnp.maximum(need, 0.0)
    gain = jnp.maximum(avoided, 0.0) * limits
    before = worthier(avoided, limits * jnp.maximum(avoided, 0.0))
    lasting = jnp.clip(need[:, None] - before, 0.0, gain)
    broken = (lasting > 0.0) & (lasting < gain)
    within = jnp.where(broken, lasting / positive_or_one(avoided), limits)
    counted = jnp.where((lasting > 0.0) | (avoided < 0.0), avoided, 0.0)
    last = jnp.argmax(broken, axis=1)
    beyond = (limits - within).sum(axis=1)
    own = jnp.broadcast_to(jnp.arange(limits.shape[1]), limits.shape)
    return (
        jnp.concatenate([within, beyond[:, None]], axis=1),
        jnp.concatenate([own, last[:, None]], axis=1),
        jnp.concatenate([counted, jnp.zeros_like(beyond)[:, None]], axis=1),
    )


def hinge_of(avoided: Array, use: Array, need: Array) -> Array:
    """What a plan truly attains, sum_q min(c_q, sum_k b_qk y_qk), Mt CO2 []; all segments with their b."""
    return jnp.minimum(jnp.maximum(need, 0.0), (avoided * use).sum(axis=1)).sum()


def hinge_error(limits: Array, avoided: Array, need: Array) -> Array:
    """Most that the split can hide, sum_q min(c_q, A_q - c_q) with A_q all that a sink can avoid, Mt CO2 [].

    With B counted before the split and A' avoided beyond it, min(c, B + A') - B = min(c - B, A'). Sinks that cannot
    meet their need, and those that have none, add nothing. For b >= 0.
    """
    need = jnp.maximum(need, 0.0)
    spare = (jnp.maximum(avoided, 0.0) * limits).sum(axis=1) - need
    return jnp.minimum(need, jnp.maximum(spare, 0.0)).sum()
