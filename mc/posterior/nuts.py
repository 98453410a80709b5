"""Hamiltonian Monte Carlo on a target: several chains, in chunks that can be stopped, saved and continued.

The sampler is numpyro's NUTS (Hoffman and Gelman 2014, with the tree of Phan et al. 2019), asked for one step at a
time: windowed adaptation of step and diagonal mass lives inside its state, which is a pytree of arrays, so a chunk of
steps is one compiled program, warm-up and sampling alike, and a chain can be saved after any chunk. Chains go two by
two through that program (its operations are so small that two cost little more than one), pairs side by side, one
thread a core; what a chain does depends on its key only, never on the number of cores.
"""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from numpyro.infer.hmc import hmc

from mc.blocks import precise
from mc.compiled import compiled
from mc.devices import usable_cores
from mc.errors import RunFailed, Stopped
from mc.posterior.density import Target
from mc.posterior.frame import Frame, find_frame

STATISTICS = {
    "diverging": "diverging",
    "num_steps": "n_steps",
    "accept_prob": "acceptance_rate",
    "energy": "energy",
}
"""Fields of the sampler's state by the name that ArviZ gives them."""

START_SPREAD = 1.5
"""Standard deviation of the starting points over that of the Laplace approximation: chains start apart."""

ABREAST = 2
"""Chains that go through the program together; they wait for one another at the end of each tree."""

TRIES = 20
"""Starting points that are tried for a finite density."""


@dataclass(frozen=True)
class Settings:
    """How a posterior is sampled; `draws` and `warmup` for each chain."""

    chains: int = 4
    warmup: int = 500
    draws: int = 1000
    seed: int = 1
    target_accept: float = 0.8
    deepest: int = 10
    chunk: int = 100

    @property
    def longest(self) -> int:
        """Moves of a tree that reached its bound: it may have been cut off."""
        return (1 << self.deepest) - 1


@dataclass(frozen=True)
class Chains:
    """State of a sampling run.

    Attributes:
        states: of the sampler, one for each set of `ABREAST` chains, leading axis chain.
        done: steps done, warm-up counted.
        frame: the change of latents in which the chains move.
        u: latents kept so far [chain, draw, latent].
        statistics: by name [chain, draw].
    """

    states: tuple[Any, ...]
    done: int
    frame: Frame
    u: NDArray[np.float64]
    statistics: dict[str, NDArray[Any]]


Progress = Callable[[int, int, int], None]
"""Called with steps done, all steps, and divergences after warm-up."""


class Sampler:
    """The compiled programs of one density; `arguments` of a call go to the density, so that data do not recompile."""

    def __init__(self, log_density: Callable[..., Array], size: int, settings: Settings) -> None:
        self.size, self.settings = size, settings
        self._init, self._step = hmc(potential_fn_gen=functools.partial(_potential, log_density), algo="NUTS")
        self.start = compiled(self._started)
        self._advance = compiled(self._together, static_argnames="count")
        self._programs: dict[tuple[int, int], Any] = {}

    def _started(self, keys: Array, u: Array, *arguments: Any) -> Any:
        return jax.vmap(lambda key, start: self.begin(key, start, *arguments))(keys, u)

    def _together(self, states: Any, *arguments: Any, count: int) -> tuple[Any, tuple[Array, dict[str, Array]]]:
        return jax.vmap(lambda state: self.steps(state, *arguments, count=count))(states)

    def program(self, states: Any, *arguments: Any, count: int) -> Any:
        """The compiled program of so many `steps` of so many chains, leading axis chain."""
        key = (len(states.z), count)
        if key not in self._programs:
            self._programs[key] = self._advance.lower(states, *arguments, count=count).compile()
        return self._programs[key]

    def begin(self, key: Array, u: Array, *arguments: Any) -> Any:
        """State of a chain before its first step."""
        return self._init(
            u,
            self.settings.warmup,
            rng_key=key,
            target_accept_prob=self.settings.target_accept,
            max_tree_depth=self.settings.deepest,
            dense_mass=False,
            model_args=arguments,
        )

    def steps(self, state: Any, *arguments: Any, count: int) -> tuple[Any, tuple[Array, dict[str, Array]]]:
        """The state after some steps, with latents and statistics of each."""

        def step(state: Any, _: None) -> tuple[Any, tuple[Array, dict[str, Array]]]:
            state = self._step(state, arguments, {})
            kept = {name: getattr(state, field) for field, name in STATISTICS.items()}
            kept |= {"lp": -state.potential_energy, "step_size": state.adapt_state.step_size}
            return state, (state.z, kept)

        final: tuple[Any, tuple[Array, dict[str, Array]]] = jax.lax.scan(step, state, None, length=count)
        return final


def _potential(log_density: Callable[..., Array], *arguments: Any, **_: Any) -> Callable[[Array], Array]:
    """Minus the log density; what is not a number counts as impossible."""

    def potential(u: Array) -> Array:
        value = log_density(u, *arguments)
        return jnp.where(jnp.isfinite(value), -value, jnp.inf)

    return potential


def sample(
    target: Target,
    settings: Settings,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    chains: Chains | None = None,
    save: Callable[[Chains], None] | None = None,
) -> Chains:
    """Run all chains to the end, from `chains` where an earlier run stopped.

    Raises:
        RunFailed: no starting point has a finite density.
        Stopped: `stop` answered True; what was done went to `save`.
    """
    with precise():
        frame = chains.frame if chains else _frame(target, settings)
        sampler = Sampler(lambda v: target.log_density(frame.latents(v)), target.size, settings)
        if chains is None:
            chains = begun(sampler, frame)
        else:
            trace_start(sampler)
        return advanced(sampler, chains, progress=progress, stop=stop, save=save)


def trace_start(sampler: Sampler, *arguments: Any) -> Any:
    """Shapes of the state of one chain; numpyro's step is ready only once its start was traced."""
    return jax.eval_shape(sampler.start, jnp.zeros((1, 2), jnp.uint32), jnp.zeros((1, sampler.size)), *arguments)


def advanced(
    sampler: Sampler,
    chains: Chains,
    *arguments: Any,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    save: Callable[[Chains], None] | None = None,
) -> Chains:
    """Chains taken to the end of warm-up and draws, chunk by chunk.

    Raises:
        Stopped: `stop` answered True; what was done went to `save`.
    """
    settings = sampler.settings
    total = settings.warmup + settings.draws
    with precise(), ThreadPoolExecutor(min(len(chains.states), usable_cores())) as pool:
        while chains.done < total:
            count = min(settings.chunk, total - chains.done)
            # Compiled here: each thread would compile the same program.
            work = [(sampler.program(state, *arguments, count=count), state, *arguments) for state in chains.states]
            chains = _extended(chains, list(pool.map(_advance, work)), count, settings.warmup)
            if save is not None:
                save(chains)
            if progress is not None:
                progress(chains.done, total, int(chains.statistics["diverging"].sum()))
            if stop is not None and stop() and chains.done < total:
                raise Stopped(f"stopped after {chains.done} of {total} steps of each chain")
    return chains


def _advance(work: tuple[Any, ...]) -> Any:
    program, *arguments = work
    with precise():  # the switch to 64 bits belongs to a thread
        moved = program(*arguments)
        moved[0].z.block_until_ready()
        return moved


def _extended(chains: Chains, moved: list[Any], count: int, warmup: int) -> Chains:
    """Chains after `count` more steps, given what `Sampler.steps` made of each state; warm-up is not kept."""
    skip = min(max(warmup - chains.done, 0), count)
    v = np.concatenate([np.asarray(kept[0])[:, skip:] for _, kept in moved])
    u = chains.frame.centre + v @ chains.frame.axes.T
    new = {name: np.concatenate([np.asarray(kept[1][name])[:, skip:] for _, kept in moved]) for name in moved[0][1][1]}
    old = chains.statistics
    return replace(
        chains,
        states=tuple(state for state, _ in moved),
        done=chains.done + count,
        u=np.concatenate([chains.u, u], axis=1),
        statistics={name: np.concatenate([old[name], new[name]], axis=1) if old else new[name] for name in new},
    )


def _frame(target: Target, settings: Settings) -> Frame:
    """The frame at the mode that is reached from the first prior draw with a finite density."""
    both = compiled(jax.value_and_grad(target.log_density))
    random = np.random.default_rng(settings.seed)
    for spread in np.linspace(0, 1, TRIES):
        start = spread * random.standard_normal(target.size)
        if np.isfinite(both(start)[0]):
            return find_frame(both, start)
    raise RunFailed(
        f"posterior: the model gives no finite likelihood at {TRIES} starting points; look for outputs that are not a "
        "number with: ferrocast run"
    )


def begun(sampler: Sampler, frame: Frame, *arguments: Any) -> Chains:
    """Chains before their first step."""
    settings, size = sampler.settings, sampler.size
    count = range(settings.chains)
    starts = np.stack([np.random.default_rng((settings.seed, k)).standard_normal(size) for k in count])
    keys = np.stack([np.asarray(jax.random.PRNGKey(settings.seed * 1_000_003 + k)) for k in count])
    states = [
        sampler.start(
            jnp.asarray(keys[first : first + ABREAST]),
            START_SPREAD * jnp.asarray(starts[first : first + ABREAST]),
            *arguments,
        )
        for first in range(0, settings.chains, ABREAST)
    ]
    return Chains(tuple(states), 0, frame, np.zeros((settings.chains, 0, size)), {})
