"""Read a posterior file: for people as a tree of groups, for an ensemble as draws of latents."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mc.axes import DRAW
from mc.errors import InputError
from mc.places import is_file
from mc.study import Input, Pinned, Study

if TYPE_CHECKING:
    import xarray as xr

    from mc.posterior.density import Target

INPUTS = "inputs_digest"
"""Attribute of the root: digest of every input that was learned about, by name."""


def open_posterior(file: str | Path) -> "xr.DataTree":
    """All groups of a posterior file; `xr.open_datatree` and `arviz.from_netcdf` open it too."""
    import xarray as xr

    path = Path(file)
    if not is_file(path):
        raise InputError(f"{path}: no such posterior; make one with: ferrocast fit RUN.toml")
    try:
        with xr.open_datatree(path, engine="netcdf4") as tree:
            return tree.load()
    except OSError as error:
        raise InputError(f"{path}: not a NetCDF file that can be read ({error.strerror or error})") from None


def inputs_digest(target: "Target") -> str:
    """Attribute `INPUTS` of a target: what a run must share with the fit."""
    names = {item.name for item in target.study.inputs}
    return json.dumps({item.name: _digest(item) for item in target.plan.inputs if item.name in names})


def pinned_of(folder: Path, name: str, study: Study) -> Pinned:
    """Draws of a posterior for a study that has the same inputs.

    Raises:
        InputError: no such file, or it was fitted to other priors.
    """
    path = folder / name
    tree = open_posterior(path)
    try:
        digests: dict[str, str] = json.loads(tree.attrs[INPUTS])
        latents, posterior = tree["latents"].to_dataset(), tree["posterior"].to_dataset()
    except (KeyError, ValueError):
        raise InputError(f"{path}: is no posterior of ferrocast; make one with: ferrocast fit RUN.toml") from None
    inputs = {item.name: item for item in study.inputs}
    for item, digest in digests.items():
        if item in inputs and _digest(inputs[item]) != digest:
            raise InputError(f"{path}: was fitted to another prior of {item}, or to other years: fit this run anew")
    shared = [item for name, item in inputs.items() if name in digests]
    labels, scores = _columns(latents, shared)
    if not labels:
        raise InputError(f"{path}: learned nothing about the inputs of this run")
    rows = hashlib.sha256(np.ascontiguousarray(scores).tobytes() + repr(labels).encode()).hexdigest()
    return Pinned(labels, scores, _means(posterior, shared), rows)


def _columns(latents: "xr.Dataset", inputs: list[Input]) -> tuple[tuple[str, ...], np.ndarray[Any, Any]]:
    """(labels, scores [row, column]) of the columns that belong to these inputs, structural options too."""
    from mc.posterior.density import columns_of, middle_score

    owner = columns_of(inputs)
    every = [str(label) for label in latents["latent"].values]
    kept = [k for k, label in enumerate(every) if label in owner]
    u = latents["u"].transpose("chain", DRAW, "latent").values.reshape(-1, len(every))
    labels, columns = [every[k] for k in kept], [u[:, k] for k in kept]
    choices = {item.name: item for item in inputs if item.priors[0].family == "choice"}
    for name in [str(name) for name in latents["choice"].values] if "choice" in latents.coords else []:
        if name not in choices:
            continue
        weights = choices[name].priors[0].weights
        middle = np.array([middle_score(weights, k) if weight else 0.0 for k, weight in enumerate(weights)])
        labels.append(choices[name].labels[0])
        columns.append(middle[latents["option"].sel(choice=name).values.reshape(-1)])
    return tuple(labels), np.stack(columns, axis=1) if columns else np.zeros((0, 0))


def _means(posterior: "xr.Dataset", inputs: list[Input]) -> dict[str, float]:
    """Posterior mean of every element, the most likely option of a choice."""
    found: dict[str, float] = {}
    for item in inputs:
        values = posterior[item.name].values.reshape(-1, len(item.labels))
        if item.priors[0].family == "choice":
            middle = np.array([float(np.bincount(column.astype(int)).argmax()) for column in values.T])
        else:
            middle = values.mean(axis=0)
        found |= dict(zip(item.labels, middle.tolist(), strict=True))
    return found


def _digest(item: Input) -> str:
    return hashlib.sha256(
        repr((item.priors, item.shape, item.labels, item.shared, item.persistence)).encode()
    ).hexdigest()
