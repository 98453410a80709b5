"""Prior, posterior and observations as xarray datasets, in the groups that ArviZ knows, with named coordinates.

Besides ArviZ's groups: `latents` and `prior_latents` (sampled standard normals and structural options, what an ensemble
continues from), `modelled` and `prior_modelled` (the study's outputs), and for rows held out `predictions` (of one draw
together), `held_out_data` and `held_out_log_score`. `families` has the weights of the families of errors, where several
can be. A fit adds `learned` and, with rows held out, `hindcast`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mc.axes import DRAW
from mc.posterior.density import Target
from mc.posterior.errors import MOVES, PREFIX
from mc.posterior.likelihood import Likelihood
from mc.posterior.predict import Drawn
from mc.study import Input, Study

if TYPE_CHECKING:
    from mc.posterior.nuts import Chains

CHAIN = "chain"
LATENT = "latent"
CHOICE = "choice"
SAMPLE = (CHAIN, DRAW)
HELD_OUT = "held_out_data"


class Observed(Protocol):
    """A study with what was observed of it."""

    @property
    def study(self) -> Study:
        """Its outputs are what rows are compared with."""
        ...

    @property
    def likelihood(self) -> Likelihood:
        """The rows."""
        ...


def groups_of(target: Target, chains: "Chains", posterior: Drawn, prior: Drawn) -> dict[str, xr.Dataset]:
    """All groups but the root."""
    shape = chains.u.shape[:2]
    once = (1, len(prior.u))
    rows = target.likelihood.rows
    fitted = [k for k, row in enumerate(rows) if row.role == "fit"]
    held = [k for k, row in enumerate(rows) if row.role == "hold_out"]
    found = {
        "posterior": _inputs(target, posterior, shape),
        "posterior_predictive": series_group(target, posterior.replicated, fitted, shape),
        # ArviZ stacks the series of this group, which coordinates of one series alone would stop.
        "log_likelihood": series_group(target, posterior.pointwise, fitted, shape).reset_coords(drop=True),
        "log_prior": _log_prior(target, posterior, shape),
        "sample_stats": _statistics(chains),
        "prior": _inputs(target, prior, once),
        "prior_predictive": series_group(target, prior.replicated, fitted, once),
        "observed_data": series_group(target, target.likelihood.values, fitted, ()),
        "constant_data": constants_group(target, fitted),
        "latents": _latents(target, posterior, shape),
        "prior_latents": _latents(target, prior, once),
        "modelled": _modelled(target, posterior, shape),
        "prior_modelled": _modelled(target, prior, once),
    }
    if target.families:
        found["families"] = _families(target, posterior)
    if held:
        found |= {
            "predictions": series_group(target, posterior.replicated, held, shape),
            "prior_predictions": series_group(target, prior.replicated, held, once),
            HELD_OUT: series_group(target, target.likelihood.values, held, ()),
            "held_out_log_score": series_group(target, posterior.pointwise, held, shape),
            "held_out_constant_data": constants_group(target, held),
        }
    return found


def shaped(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A leading axis of all draws as chain and draw; values as they are without a shape."""
    return values.reshape(*shape, *values.shape[1:]) if shape else values


def sample_coords(shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Coordinates of chain and draw."""
    return {name: np.arange(size) for name, size in zip(SAMPLE, shape, strict=False)}


def _inputs(target: Target, drawn: Drawn, shape: tuple[int, ...]) -> xr.Dataset:
    variables: dict[str, xr.Variable] = {}
    coords: dict[str, Any] = dict(sample_coords(shape))
    for item in target.plan.inputs:
        dims, own = axis_of(item, target.study.coords)
        coords |= own
        variables[item.name] = xr.Variable((*SAMPLE, *dims), shaped(drawn.inputs[item.name], shape))
    return xr.Dataset(variables, coords)


def axis_of(item: Input, coords: Mapping[str, Sequence[Any]]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Dims and coordinates of the elements of an input: a whole axis of the study by its name, else one of its own."""
    return elements_axis(item.name, item.labels, coords) if item.shape else ((), {})


def elements_axis(
    name: str, labels: Sequence[str], coords: Mapping[str, Sequence[Any]]
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Dims and coordinates of elements by their labels."""
    parts = [label.partition("[")[2].rstrip("]") for label in labels]
    for axis, known in coords.items():
        if [str(label) for label in known] == parts:
            return (axis,), {axis: list(known)}
    dim = f"{name}_element"
    return (dim,), {dim: parts}


def _rows_by_series(target: Observed, rows: Sequence[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for k in rows:
        found.setdefault(target.likelihood.rows[k].series, []).append(k)
    return found


def series_group(target: Observed, values: NDArray[Any], rows: Sequence[int], shape: tuple[int, ...]) -> xr.Dataset:
    """One variable a series; its observations lie along `<series>_year`, with their groups beside.

    A series with other axes than time has the labels on them beside too, as `<series>_province`.
    """
    axes = {output.name: output.dims[:-1] for output in target.study.outputs}
    units = {output.name: output.unit for output in target.study.outputs}
    variables, coords = {}, dict[str, Any](sample_coords(shape))
    for series, mine in _rows_by_series(target, rows).items():
        dim = f"{series}_year"
        observed = [target.likelihood.rows[k] for k in mine]
        coords[dim] = [row.year for row in observed]
        coords[f"{series}_group"] = (dim, [row.group for row in observed])
        for k, axis in enumerate(axes[series]):
            coords[f"{series}_{axis}"] = (dim, [row.element[k] for row in observed])
        dims = (*SAMPLE, dim) if shape else (dim,)
        variables[series] = xr.Variable(dims, shaped(values[..., mine], shape), {"units": units[series]})
    return xr.Dataset(variables, coords)


def constants_group(target: Observed, rows: Sequence[int]) -> xr.Dataset:
    """What stands beside each observation: sd, weight, boundary, source."""
    found = series_group(target, target.likelihood.values, rows, ())[[]]
    for series, mine in _rows_by_series(target, rows).items():
        dim = f"{series}_year"
        observed = [target.likelihood.rows[k] for k in mine]
        for name in ("sd", "weight", "boundary", "source"):
            found[f"{series}_{name}"] = (dim, [getattr(row, name) for row in observed])
    return found


def _log_prior(target: Target, drawn: Drawn, shape: tuple[int, ...]) -> xr.Dataset:
    """Log density of each latent: priors are standard normal there, the posterior group holds the inputs."""
    each = -0.5 * drawn.u**2 - 0.5 * np.log(2 * np.pi)
    variables = {"u": xr.Variable((*SAMPLE, LATENT), shaped(each, shape))}
    return xr.Dataset(variables, {**sample_coords(shape), LATENT: list(target.labels)})


def _latents(target: Target, drawn: Drawn, shape: tuple[int, ...]) -> xr.Dataset:
    coords: dict[str, Any] = {**sample_coords(shape), LATENT: list(target.labels)}
    variables = {"u": xr.Variable((*SAMPLE, LATENT), shaped(drawn.u, shape))}
    if drawn.options.size:
        coords[CHOICE] = [item.name for item in (*target.choices, *target.families)]
        variables["option"] = xr.Variable((*SAMPLE, CHOICE), shaped(drawn.options.astype(np.int64), shape))
    variables["log_likelihood"] = xr.Variable(SAMPLE, shaped(drawn.log_likelihood, shape))
    return xr.Dataset(variables, coords)


def _families(target: Target, drawn: Drawn) -> xr.Dataset:
    """Weight of each family of errors before and after, by group; `after` as shares of the draws."""
    groups = [item.name.removeprefix(PREFIX).rpartition(".")[0] for item in target.families]
    options = drawn.options[:, len(target.choices) :]
    after = [(options == k).mean(axis=0) for k in range(len(MOVES))]
    before = [item.priors[0].weights for item in target.families]
    return xr.Dataset(
        {"prior": (("group", "family"), np.array(before)), "posterior": (("group", "family"), np.array(after).T)},
        {"group": groups, "family": list(MOVES)},
    )


def _modelled(target: Target, drawn: Drawn, shape: tuple[int, ...]) -> xr.Dataset:
    variables, coords = {}, dict[str, Any](sample_coords(shape))
    for output in target.study.outputs:
        coords |= {dim: list(target.study.coords[dim]) for dim in output.dims}
        attrs = {"units": output.unit, "long_name": output.long_name}
        values = shaped(drawn.modelled[output.name], shape)
        variables[output.name] = xr.Variable((*SAMPLE, *output.dims), values, attrs)
    return xr.Dataset(variables, coords)


def _statistics(chains: "Chains") -> xr.Dataset:
    variables = {
        name: xr.Variable(SAMPLE, values.astype(np.int8) if values.dtype == bool else values)
        for name, values in chains.statistics.items()
    }
    found = xr.Dataset(variables, sample_coords(chains.u.shape[:2]))
    found["diverging"] = found["diverging"].astype(bool)
    return found
