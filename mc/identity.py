"""What two states of one run share: the reason to merge them, or to refuse."""

import hashlib
import json
from collections.abc import Hashable
from dataclasses import asdict, replace
from typing import Any

import jax
import numpy as np

from mc.settings import Settings
from mc.study import Study

FIXED_DESIGNS = ("latin",)
"""Samplers whose draws depend on how many were asked for."""


def identity_of(study: Study, settings: Settings, platform: str) -> dict[str, str]:
    """Named parts that must agree: digests of inputs, outputs and data, the settings, platform and version of JAX.

    The number of draws is no part of it, except under a sampler with a fixed design. Outputs of another platform or
    version of JAX differ by about 1e-6 relative, so such states are refused too.
    """
    chosen = asdict(settings)
    if settings.sampler not in FIXED_DESIGNS:
        del chosen["draws"]
    return {
        "study": study.name,
        "inputs": _digest(repr((study.inputs, study.correlations)).encode()),
        "outputs": _digest(repr((study.outputs, sorted(study.coords.items()))).encode()),
        "data": _data_digest(study.data),
        "pinned": study.pinned.digest if study.pinned else "",
        "settings": json.dumps(chosen, sort_keys=True),
        "platform": platform,
        "jax": jax.__version__,
    }


def structure_of(study: Study, settings: Settings) -> tuple[Hashable, ...]:
    """All that is built into a program besides the function: data, seed, number of draws and what is kept are not."""
    draws = settings.draws if settings.sampler in FIXED_DESIGNS else settings.step
    built_in = replace(settings, draws=draws, seed=0, failed_share=0.0, keep=(), pilot=1)
    coords = tuple((dim, len(labels)) for dim, labels in sorted(study.coords.items()))
    pinned = study.pinned.labels if study.pinned else ()
    return (study.inputs, study.correlations, study.outputs, coords, pinned, built_in)


def _data_digest(data: Any) -> str:
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(data):
        array = np.asarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
