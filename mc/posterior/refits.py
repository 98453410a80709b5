"""Many fits of one past: other rows held out, other values of some inputs; one program for all of them.

A variant changes arrays, not the program, so that it is compiled once; compiling takes longer than the sampling of one
small fit. Fits go one after the other: side by side, all would wait for the deepest tree of the hardest.
"""

import dataclasses
import functools
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
from mc.errors import RunFailed
from mc.posterior.density import Target
from mc.posterior.frame import Frame, find_frame
from mc.posterior.learned import USABLE_RHAT, rhats
from mc.posterior.nuts import Chains, Progress, Sampler, Settings, advanced, begun, trace_start
from mc.posterior.predict import numbers_of, said

Floats = NDArray[np.float64]

BATCH = 200
"""Draws that are evaluated together."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Variant:
    """What one fit has of its own; several have a leading axis.

    Attributes:
        used: 1 where a row is fitted [row].
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
    own = Variant(fitted.astype(np.float64), likelihood.degrees, likelihood.log_weights, {})
    return dataclasses.replace(own, **changes)


def under(target: Target, variant: Variant) -> Target:
    """The target of a variant."""
    own: Any = variant  # arrays of a traced program where it runs in one
    parts = {"used": own.used, "degrees": own.degrees, "log_weights": own.log_weights}
    likelihood = dataclasses.replace(target.likelihood, **parts)
    return dataclasses.replace(target, likelihood=likelihood, held=own.held)


@dataclass(frozen=True)
class Refits:
    """Samples of all variants.

    Attributes:
        u: latents [variant, chain, draw, latent].
        rhat: worst of the latents [variant].
        divergences: steps after warm-up that left the path [variant].
        saturated: trees after warm-up that reached the bound of their depth [variant].
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
    kept: Sequence[Chains | None] = (),
    save: Callable[[int, Chains], None] | None = None,
) -> Refits:
    """Fit every variant, those that an earlier run began from its chains.

    Args:
        target: the past.
        variants: what each fit has of its own.
        settings: of each fit.
        progress: told of the steps of all fits.
        stop: asked after each chunk.
        kept: chains of each variant, if an earlier run began it.
        save: given the place of a variant and its chains after each chunk.

    Raises:
        RunFailed: a variant has no finite density in the middle of the prior, or its chains have not met.
        Stopped: `stop` answered True; what was done went to `save`.
    """
    total = settings.warmup + settings.draws
    found: list[Chains] = []

    def density(v: Array, variant: Variant, centre: Array, axes: Array) -> Array:
        return under(target, variant).log_density(centre + axes @ v)

    def report(done: int, _: int, divergences: int) -> None:
        if progress is not None:
            earlier = sum(_count(chains, "diverging") for chains in found)
            progress(len(found) * total + done, len(variants) * total, earlier + divergences)

    with precise():
        sampler = Sampler(density, target.size, settings)
        both = compiled(jax.value_and_grad(lambda u, variant: under(target, variant).log_density(u)))
        for k, variant in enumerate(jax.tree.map(jnp.asarray, list(variants))):
            chains = kept[k] if kept else None
            frame = chains.frame if chains else _frame(functools.partial(both, variant=variant), target.size)
            own = (variant, jnp.asarray(frame.centre), jnp.asarray(frame.axes))
            if chains is None:
                chains = begun(sampler, frame, *own)
            else:
                trace_start(sampler, *own)
            saved = None if save is None else functools.partial(save, k)
            found.append(advanced(sampler, chains, *own, progress=report, stop=stop, save=saved))
    return _refits(target, found, settings)


def _count(chains: Chains, statistic: str, least: int = 1) -> int:
    return int((chains.statistics[statistic] >= least).sum())


def _refits(target: Target, chains: Sequence[Chains], settings: Settings) -> Refits:
    each = [rhats(one.u) for one in chains]
    found = Refits(
        u=np.stack([one.u for one in chains]),
        rhat=np.array([one.max() for one in each]),
        divergences=np.array([_count(one, "diverging") for one in chains]),
        saturated=np.array([_count(one, "n_steps", settings.longest) for one in chains]),
    )
    worst = int(np.argmax(found.rhat))
    if not found.rhat[worst] <= USABLE_RHAT:
        raise RunFailed(
            f"posterior: chains of fit {worst + 1} of {len(chains)} have not met: R-hat {found.rhat[worst]:.3f} of "
            f"{target.labels[int(np.argmax(each[worst]))]}, of which at most {USABLE_RHAT:g} can be used "
            f"({found.divergences.sum()} divergences, {found.saturated.sum()} trees at their bound in all fits); give "
            "them more draws (--draws, with --resume) or a longer warm-up (--warmup)"
        )
    return found


def _frame(both: Callable[..., tuple[Any, Any]], size: int) -> Frame:
    if not np.isfinite(both(np.zeros(size))[0]):
        raise RunFailed("posterior: the model gives no finite likelihood in the middle of the priors")
    return find_frame(both, np.zeros(size))


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
