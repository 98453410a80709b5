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
from mc.posterior.frame import Frame, find_frame
from mc.posterior.learned import USABLE_RHAT, rhats
from mc.posterior.nuts import START_SPREAD, Chains, Progress, Sampler, Settings, extended
from mc.posterior.predict import numbers_of, said

Floats = NDArray[np.float64]

DEEPEST = 6
"""Deepest tree of a step, 63 moves: all chains wait for the deepest, and in their frames they need about 31 moves."""

STEPS = 25
"""Steps of all fits between two reports, about as long as 100 of one fit: only then a stop is seen, a state saved."""

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


@dataclass(frozen=True)
class Refits:
    """Samples of all variants.

    Attributes:
        u: latents [variant, chain, draw, latent].
        rhat: worst of the latents [variant].
        divergences: steps after warm-up that left the path [variant].
        saturated: trees after warm-up that reached `DEEPEST` [variant].
    """

    u: Floats
    rhat: Floats
    divergences: NDArray[np.int64]
    saturated: NDArray[np.int64]


def sample_variants(
    target: Target,
    variants: Sequence[Variant],
    settings: Settings,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    chains: Chains | None = None,
    save: Callable[[Chains], None] | None = None,
) -> Refits:
    """Fit all variants side by side, from `chains` where an earlier run stopped.

    Raises:
        RunFailed: a variant has no finite density in the middle of the prior, or its chains have not met.
        Stopped: `stop` answered True; what was done went to `save`.
    """
    settings = settings_of(settings)
    sampler = Sampler(_density(target), target.size, settings)
    lanes = [variant for variant in variants for _ in range(settings.chains)]
    total = settings.warmup + settings.draws
    with precise():
        together = jax.tree.map(lambda *x: jnp.stack(x), *lanes)
        frame = chains.frame if chains else _frames(target, variants, settings.chains)
        own = (together, jnp.asarray(frame.centre), jnp.asarray(frame.axes))
        keys = jax.random.split(jax.random.PRNGKey(settings.seed), len(lanes))
        random = np.random.default_rng((settings.seed, 14))
        starts = jnp.asarray(START_SPREAD * random.standard_normal((len(lanes), target.size)))
        begin = jax.vmap(sampler.begin)
        if chains is None:
            empty = np.zeros((len(lanes), 0, target.size))
            chains = Chains((compiled(begin)(keys, starts, *own),), 0, frame, empty, {})
        else:  # numpyro's step is ready only once its start was traced
            jax.eval_shape(begin, keys, starts, *own)
        moves = compiled(jax.vmap(lambda now, *more: sampler.steps(now, *more, count=settings.chunk)))
        while chains.done < total:
            chains = extended(chains, [moves(chains.states[0], *own)], settings.chunk, settings.warmup)
            if save is not None:
                save(chains)
            if progress is not None:
                progress(min(chains.done, total), total, int(chains.statistics["diverging"].sum()))
            if stop is not None and stop() and chains.done < total:
                raise Stopped(f"stopped after {chains.done} of {total} steps of each chain")
    return _refits(target, chains, len(variants), settings)


def settings_of(settings: Settings) -> Settings:
    """How many fits are sampled, where one would be by `settings`."""
    return dataclasses.replace(settings, deepest=min(settings.deepest, DEEPEST), chunk=min(settings.chunk, STEPS))


def _density(target: Target) -> Callable[..., Array]:
    def density(v: Array, variant: Variant, centre: Array, axes: Array) -> Array:
        return under(target, variant).log_density(centre + axes @ v)

    return density


def _refits(target: Target, chains: Chains, variants: int, settings: Settings) -> Refits:
    def split(values: NDArray[Any]) -> NDArray[Any]:
        return values[:, : settings.draws].reshape(variants, settings.chains, settings.draws, *values.shape[2:])

    u = split(chains.u)
    diverging = split(chains.statistics["diverging"])
    saturated = split(chains.statistics["n_steps"]) >= settings.longest
    found = Refits(u, np.array([rhats(one).max() for one in u]), diverging.sum(axis=(1, 2)), saturated.sum(axis=(1, 2)))
    worst = int(np.argmax(found.rhat))
    if not found.rhat[worst] <= USABLE_RHAT:
        latent = target.labels[int(np.argmax(rhats(u[worst])))]
        raise RunFailed(
            f"posterior: chains of fit {worst + 1} of {variants} have not met: R-hat {found.rhat[worst]:.3f} of "
            f"{latent}, of which at most {USABLE_RHAT:g} can be used ({found.divergences.sum()} divergences, "
            f"{found.saturated.sum()} trees at their bound in all fits); give them more draws (--draws, with --resume) "
            "or a longer warm-up (--warmup)"
        )
    return found


def _frames(target: Target, variants: Sequence[Variant], chains: int) -> Frame:
    """The frame of each chain, leading axis variant times chain."""
    both = compiled(jax.value_and_grad(lambda u, variant: under(target, variant).log_density(u)))
    found = []
    for variant in variants:
        if not np.isfinite(both(np.zeros(target.size), variant)[0]):
            raise RunFailed("posterior: the model gives no finite likelihood in the middle of the priors")
        frame = find_frame(lambda u, variant=variant: both(u, variant), np.zeros(target.size))  # type: ignore[misc]
        found += [frame] * chains
    return Frame(np.stack([frame.centre for frame in found]), np.stack([frame.axes for frame in found]))


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
