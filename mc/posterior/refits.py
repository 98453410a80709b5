"""Many fits of one past side by side: other rows held out, other values of some inputs; one program for all of them.

A variant changes arrays, not the program, so that it is compiled once and chains of all variants go through it
together; compiling takes longer than the sampling of one small fit. Each chain moves in the frame of its own variant.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from mc.blocks import precise
from mc.compiled import compiled
from mc.errors import RunFailed, Stopped
from mc.posterior.density import Target
from mc.posterior.frame import find_frame
from mc.posterior.nuts import START_SPREAD, Progress, Sampler, Settings
from mc.posterior.predict import numbers_of, said

Floats = NDArray[np.float64]

DEEPEST = 6
"""Deepest tree of a step, 63 moves: all chains wait for the deepest, and in their frames they need about 31 moves."""

BATCH = 200
"""Draws that are evaluated together."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Variant:
    """What one fit has of its own; several have a leading axis.

    Attributes:
        used: 1 where a number is fitted [group, place].
        degrees: of freedom of the errors [group].
        log_weights: of the families of errors [family, group].
        held: values that stand in for inputs, by name; not a number: the input is drawn [].
    """

    used: Array | Floats
    degrees: Array | Floats
    log_weights: Array | Floats
    held: Mapping[str, Array | np.float64]


def variant_of(target: Target, fitted: NDArray[np.bool_], **changes: Any) -> Variant:
    """A variant by the rows that it fits [row], with other attributes in place of the target's."""
    likelihood = target.likelihood
    used = np.zeros(likelihood.track.gap.shape)
    used[likelihood.place[0], likelihood.place[1]] = fitted
    return dataclasses.replace(Variant(used, likelihood.degrees, likelihood.log_weights, {}), **changes)


def under(target: Target, variant: Variant) -> Target:
    """The target of a variant."""
    own: Any = variant  # arrays of a traced program where it runs in one
    track = dataclasses.replace(target.likelihood.track, used=own.used)
    parts = {"track": track, "degrees": own.degrees, "log_weights": own.log_weights}
    likelihood = dataclasses.replace(target.likelihood, **parts)
    return dataclasses.replace(target, likelihood=likelihood, held=own.held)


def sample_variants(
    target: Target,
    variants: Sequence[Variant],
    settings: Settings,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Floats:
    """Draws of the latents under each variant [variant, chain, draw, latent].

    Raises:
        RunFailed: a variant has no finite density in the middle of the prior.
        Stopped: `stop` answered True.
    """

    def density(v: Array, variant: Variant, centre: Array, axes: Array) -> Array:
        return under(target, variant).log_density(centre + axes @ v)

    settings = dataclasses.replace(settings, deepest=min(settings.deepest, DEEPEST))
    sampler = Sampler(density, target.size, settings)
    with precise():
        frames = _frames(target, variants)
        lanes = [k for k in range(len(variants)) for _ in range(settings.chains)]
        together = jax.tree.map(lambda *x: jnp.stack(x), *(variants[k] for k in lanes))
        own = (together, *(jnp.stack([jnp.asarray(frames[k][part]) for k in lanes]) for part in (0, 1)))
        random = np.random.default_rng((settings.seed, 14))
        starts = jnp.asarray(START_SPREAD * random.standard_normal((len(lanes), target.size)))
        keys = jax.random.split(jax.random.PRNGKey(settings.seed), len(lanes))
        state = compiled(jax.vmap(sampler.begin))(keys, starts, *own)
        moves = compiled(jax.vmap(lambda now, *more: sampler.steps(now, *more, count=settings.chunk)))
        kept, total = [], settings.warmup + settings.draws
        for done in range(settings.chunk, total + settings.chunk, settings.chunk):
            state, (v, statistics) = moves(state, *own)
            kept.append(np.asarray(v))
            if progress is not None:
                progress(min(done, total), total, int(statistics["diverging"].sum()))
            if stop is not None and stop() and done < total:
                raise Stopped(f"stopped after {done} of {total} steps of each chain")
    moved = np.concatenate(kept, axis=1)[:, settings.warmup : total]
    u = [frames[k][0] + lane @ frames[k][1].T for k, lane in zip(lanes, moved, strict=True)]
    return np.stack(u).reshape(len(variants), settings.chains, settings.draws, target.size)


def _frames(target: Target, variants: Sequence[Variant]) -> list[tuple[Floats, Floats]]:
    both = compiled(jax.value_and_grad(lambda u, variant: under(target, variant).log_density(u)))
    found = []
    for variant in variants:
        if not np.isfinite(both(np.zeros(target.size), variant)[0]):
            raise RunFailed("posterior: the model gives no finite likelihood in the middle of the priors")
        frame = find_frame(lambda u, variant=variant: both(u, variant), np.zeros(target.size))  # type: ignore[misc]
        found.append((frame.centre, frame.axes))
    return found


def forecasts_of(
    target: Target, variants: Sequence[Variant], u: Floats, seed: int, *, blind: bool
) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """(log density of each row, (centre, scale, degrees) of its forecast), each [variant, draw, row].

    Args:
        target: what was fitted.
        variants: rows and values of each fit.
        u: latents [variant, draw, latent].
        seed: of structural options and of inputs that no row reads.
        blind: forecasts of a prior, which see no number.
    """
    uniform, rest = numbers_of(target, u.shape[:2], np.random.default_rng((seed, 15)))

    def one(now: tuple[Array, Array, Array], variant: Variant) -> Any:
        _, _, _, density, forecast, _ = said(under(target, variant), *now, blind=blind)
        return density, forecast

    with precise():
        run = compiled(lambda variant, *each: jax.lax.map(lambda now: one(now, variant), each, batch_size=BATCH))
        parts = [
            jax.tree.map(np.asarray, run(variant, *map(jnp.asarray, (u[k], uniform[k], rest[k]))))
            for k, variant in enumerate(variants)
        ]
    found: tuple[Floats, tuple[Floats, Floats, Floats]] = jax.tree.map(lambda *x: np.stack(x), *parts)
    return found
