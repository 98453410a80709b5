"""Simulation-based calibration: numbers drawn from the prior must rank uniformly among draws of their posterior.

Talts et al. (2018), with the log density as one more ranked quantity (Modrak et al. 2023): it sees errors in how
observations hang together that no single input shows. All replications run side by side in one program.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy import stats

from mc.blocks import precise
from mc.compiled import compiled
from mc.posterior.density import Target
from mc.posterior.drift import NORMAL
from mc.posterior.errors import FAMILY
from mc.posterior.likelihood import ABSENT, MOVED_BY, READS, Likelihood
from mc.posterior.nuts import Sampler, Settings

Floats = NDArray[np.float64]

LOG_DENSITY = "log density"
BINS = 8
ENVELOPES = 2000
"""Sets of uniform ranks behind the band of the empirical distribution."""


@dataclass(frozen=True)
class Ranks:
    """Ranks of true values among draws.

    Attributes:
        names: latents, and the log density.
        ranks: 0 to `draws` [replication, name].
        draws: draws of each posterior.
    """

    names: tuple[str, ...]
    ranks: NDArray[np.int64]
    draws: int

    def histogram(self, name: str) -> NDArray[np.int64]:
        """Counts in `BINS` equal bins."""
        edges = np.linspace(-0.5, self.draws + 0.5, BINS + 1)
        return np.histogram(self.ranks[:, self.names.index(name)], edges)[0]

    def chi_square(self) -> dict[str, float]:
        """p-value of a uniform histogram, by name."""
        return {name: float(stats.chisquare(self.histogram(name)).pvalue) for name in self.names}

    def outside(self, level: float = 0.99, seed: int = 1) -> dict[str, bool]:
        """Whether the empirical distribution leaves the simultaneous band of uniform ranks, by name."""
        random = np.random.default_rng(seed)
        count = len(self.ranks)
        uniform = random.integers(0, self.draws + 1, (ENVELOPES, count))
        limit = np.quantile([_distance(one, self.draws) for one in uniform], level)
        return {name: bool(_distance(self.ranks[:, k], self.draws) > limit) for k, name in enumerate(self.names)}

    def passes(self, level: float = 0.01) -> bool:
        """Whether no name fails either test, at a level shared between all names."""
        each = level / len(self.names)
        return min(self.chi_square().values()) > each and not any(self.outside(1 - each).values())


def _distance(ranks: NDArray[np.int64], draws: int) -> float:
    counts = np.bincount(ranks, minlength=draws + 1).cumsum() / len(ranks)
    return float(np.abs(counts - np.arange(1, draws + 2) / (draws + 1)).max())


def simulate(
    likelihood: Likelihood, expected: Floats, values: dict[str, Floats], random: np.random.Generator
) -> Floats:
    """Observations as the model of errors makes them: a level that walks or returns, noise, one scale a group [row].

    Args:
        likelihood: the rows and their groups.
        expected: what the study says, bias included [row].
        values: parameters of the errors.
        random: numbers.
    """
    found = np.zeros(len(likelihood.rows))
    for t, g in enumerate(likelihood.tracks.group):
        mine = np.flatnonzero(likelihood.tracks.at[0] == t)  # rows are in order of time
        drift, persistence, slope, bend, scatter = (
            _parameter(likelihood, values, g, name) for name in ("drift", "persistence", "slope", "bend", "scatter")
        )
        degrees = likelihood.degrees[g]
        scale = np.sqrt(degrees / random.chisquare(degrees)) if degrees < NORMAL else 1.0
        turning = slope * random.normal()
        level = 0.0 if persistence >= 1 else random.normal() * drift / np.sqrt(1 - persistence**2)
        for at, k in enumerate(mine):
            row = likelihood.rows[k]
            for _ in range(int(likelihood.tracks.gap[t, at])):
                level = persistence * level + turning + drift * random.normal()
                turning += bend * random.normal()
            error = scale * (level + np.sqrt((row.sd**2 + scatter**2) / row.weight) * random.normal())
            found[k] = expected[k] * np.exp(error) if row.relative else expected[k] + error
    return found


def _parameter(likelihood: Likelihood, values: dict[str, Floats], group: int, name: str) -> float:
    """A parameter of a group; absent where its family does not read it."""
    stated, family = likelihood.named[name][group], likelihood.named[FAMILY][group]
    read = READS[int(values[family]) if family else likelihood.family[group]]
    return float(values[stated]) if stated and (name not in MOVED_BY or read[MOVED_BY.index(name)]) else ABSENT[name]


def calibrate(
    target: Target, settings: Settings, replications: int, seed: int = 1, thin: int = 8, truth: Target | None = None
) -> Ranks:
    """Ranks over replications: true latents and data from `truth` (the target itself), inference by `target`.

    Another `truth` must have the same latents; that is how a wrong likelihood is caught.
    """
    truth = truth or target
    if truth.labels != target.labels or len(target.weights) != 1:
        raise ValueError("calibration needs the same latents on both sides and no structural choice")
    if (-(-settings.draws // thin) + 1) % BINS:
        raise ValueError(f"{settings.draws} draws, every {thin}th of them: ranks do not fill {BINS} equal bins")
    random = np.random.default_rng((seed, 12))
    u = random.standard_normal((replications, target.size))
    with precise():
        data = np.stack([_observations(truth, one, random) for one in u])
        sampler = Sampler(target.log_density, target.size, settings)

        def one(key: Array, start: Array, observed: Array) -> tuple[Array, Array]:
            warm, _ = sampler.steps(sampler.begin(key, start, observed), observed, count=settings.warmup)
            _, (z, kept) = sampler.steps(warm, observed, count=settings.draws)
            return z[::thin], kept["lp"][::thin]

        keys = jax.random.split(jax.random.PRNGKey(seed), replications)
        starts = jnp.asarray(0.5 * random.standard_normal(u.shape))
        z, lp = compiled(jax.vmap(one))(keys, starts, jnp.asarray(data))
        true = jax.jit(jax.vmap(target.log_density))(jnp.asarray(u), jnp.asarray(data))
    below = (np.asarray(z) < u[:, None, :]).sum(axis=1)
    below_lp = (np.asarray(lp) < np.asarray(true)[:, None]).sum(axis=1)
    return Ranks((*target.labels, LOG_DENSITY), np.c_[below, below_lp], z.shape[1])


def _observations(target: Target, u: Floats, random: np.random.Generator) -> Floats:
    options = target.options_of(jnp.asarray(random.random(1 + len(target.families))))
    values = target.inputs(jnp.asarray(u), options)
    expected = target.likelihood.expected(target.modelled(values), values)
    return simulate(
        target.likelihood, np.asarray(expected), {name: np.asarray(v) for name, v in values.items()}, random
    )
