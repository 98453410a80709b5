"""Chains on disk between chunks: arrays only, under another name until whole, refused where of another fit."""

import dataclasses
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mc.blocks import precise
from mc.disk import not_written, part_of
from mc.errors import InputError
from mc.posterior.density import Target
from mc.posterior.frame import Frame
from mc.posterior.nuts import Chains, Sampler, Settings, trace_start

LEAF, STATISTIC = "state_", "statistic_"


def identity(target: Target, settings: Settings, digest: str) -> str:
    """What two parts of one sampling run share: priors, observations, errors, settings; not the number of draws."""
    chosen = dataclasses.replace(settings, draws=0, chunk=0)
    likelihood = target.likelihood
    text = repr((digest, target.labels, likelihood.rows, likelihood.parameters, likelihood.groups, chosen))
    return hashlib.sha256(text.encode()).hexdigest()


def save_chains(file: Path, chains: Chains, name: str) -> None:
    """Write the chains; a file of an earlier chunk stays until this one is whole.

    Raises:
        DiskError: the disk refused.
    """
    leaves = jax.tree.leaves(chains.states)
    arrays: dict[str, Any] = {f"{LEAF}{at:04d}": np.asarray(leaf) for at, leaf in enumerate(leaves)}
    arrays |= {f"{STATISTIC}{key}": values for key, values in chains.statistics.items()}
    arrays |= {"identity": np.array(name), "done": np.array(chains.done), "u": chains.u}
    arrays |= {"centre": chains.frame.centre, "axes": chains.frame.axes}
    part = part_of(file)
    try:
        with part.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise not_written(file, error, sum(array.nbytes for array in arrays.values())) from None


def load_chains(file: Path, target: Target, settings: Settings, name: str) -> Chains:
    """The chains of an unfinished run.

    Raises:
        InputError: the file cannot be read or belongs to another fit.
    """
    try:
        with np.load(file, allow_pickle=False) as held:
            stored = {key: held[key] for key in held.files}
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{file}: cannot be read ({error}); delete it and start anew") from None
    if str(stored.get("identity")) != name:
        raise InputError(f"{file}: belongs to another fit (priors, observations, seed or warm-up differ); delete it")
    with precise():
        like = trace_start(Sampler(target.log_density, target.size, settings))
        leaves = [jnp.asarray(stored[key]) for key in sorted(stored) if key.startswith(LEAF)]
        tree = jax.tree.structure((like,) * (len(leaves) // len(jax.tree.leaves(like))))
    return Chains(
        states=jax.tree.unflatten(tree, leaves),
        done=int(stored["done"]),
        frame=Frame(stored["centre"], stored["axes"]),
        u=stored["u"],
        statistics={key.removeprefix(STATISTIC): value for key, value in stored.items() if key.startswith(STATISTIC)},
    )
