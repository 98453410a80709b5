"""Re-weighted draws as a cube: prior beside posterior along `belief`, and the groups that ArviZ knows."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mc.axes import DRAW
from mc.cube.names import BELIEF, MCSE, MEAN, POSTERIOR, PRIOR, SD, STATISTIC, percentile_label
from mc.posterior.groups import CHAIN, SAMPLE, constants_group, elements_axis, sample_coords, series_group, shaped
from mc.posterior.kept import KeptDraws, input_values
from mc.posterior.reweight import Reweighted, Seen
from mc.posterior.weighted import Sample, sample_of, statistics

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
LABELS = (MEAN, SD, *map(percentile_label, PROBABILITIES))
SET = "set"


def lay_out_reweighted(kept: KeptDraws, found: Reweighted, seed: int) -> dict[str, xr.Dataset]:
    """The groups of the file, the root (`/`) first."""
    counted = np.flatnonzero(found.counted)
    resampled = found.resampled(seed)
    rows = found.likelihood.rows
    fitted = [k for k, row in enumerate(rows) if row.role == "fit"]
    held = [k for k, row in enumerate(rows) if row.role == "hold_out"]
    groups = {
        "/": summary(kept, found),
        "prior": _inputs(kept, counted, found.before),
        "posterior": _inputs(kept, resampled, found.after),
        "observed_data": series_group(found, found.likelihood.values, fitted, ()),
        "constant_data": constants_group(found, fitted),
        "importance": _importance(kept, found),
    }
    parts = [("prior_predictive", found.before.replicated, counted, fitted),
             ("posterior_predictive", found.after.replicated, resampled, fitted),
             ("log_likelihood", found.after.pointwise, resampled, fitted)]  # fmt: skip
    if held:
        groups["held_out_data"] = series_group(found, found.likelihood.values, held, ())
        parts.append(("held_out_log_score", found.after.pointwise, resampled, held))
        parts.append(("predictions", found.after.replicated, resampled, held))
    for name, values, at, mine in parts:
        groups[name] = series_group(found, values[at], mine, (1, len(at)))
    groups["log_likelihood"] = groups["log_likelihood"].reset_coords(drop=True)
    return groups


def summary(kept: KeptDraws, found: Reweighted) -> xr.Dataset:
    """Statistics of every kept output, axes (statistic, belief, ...), with their standard errors."""
    even = found.counted / found.counted.sum()
    samples = [sample_of(share, kept.index, kept.scramblings) for share in (even, found.weights.share)]
    variables: dict[str, xr.Variable] = {}
    for name in kept.outputs:
        variables |= _statistics(kept.draws[name], samples, kept.scramblings)
    dims = {dim for variable in variables.values() for dim in variable.dims}
    coords = {
        name: array.variable for name, array in kept.draws.coords.items() if name != DRAW and set(array.dims) <= dims
    }
    coords |= {STATISTIC: xr.Variable(STATISTIC, list(LABELS)), BELIEF: xr.Variable(BELIEF, [PRIOR, POSTERIOR])}
    bounds = {"year_bounds": kept.draws["year_bounds"].variable} if "year_bounds" in kept.draws else {}
    return xr.Dataset(variables | bounds, coords)


def _statistics(
    array: xr.DataArray, samples: list[tuple[Sample, NDArray[np.int64]]], scramblings: int
) -> dict[str, xr.Variable]:
    name, shape = str(array.name), array.shape[1:]
    values = array.values.reshape(array.shape[0], -1)
    pairs = [statistics(sample, values[at], PROBABILITIES) for sample, at in samples]
    dims = (STATISTIC, BELIEF, *array.dims[1:])
    attributes = {key: text for key, text in array.attrs.items() if key != "cell_methods"}
    meaning = str(attributes.get("long_name", name))

    def stacked(which: int, extra: dict[str, Any]) -> xr.Variable:
        every = np.stack([pair[which] for pair in pairs], axis=1).reshape(len(LABELS), len(pairs), *shape)
        return xr.Variable(dims, every.astype(array.dtype), attributes | extra)

    errors = {
        "long_name": f"Monte Carlo standard error of {meaning}",
        "degrees_of_freedom": scramblings - 1,
        "comment": f"from {scramblings} independent scramblings, weights included; use Student's t for an interval",
    }
    extra = {"ancillary_variables": name + MCSE, "statistics": " ".join(LABELS)}
    return {name: stacked(0, extra), name + MCSE: stacked(1, errors)}


def _inputs(kept: KeptDraws, at: NDArray[np.int64], seen: Seen) -> xr.Dataset:
    """Inputs and parameters of errors of some draws, one chain."""
    shape = (1, len(at))
    coords: dict[str, Any] = dict(sample_coords(shape))
    axes = {str(name): list(values.values) for name, values in kept.root.coords.items() if values.dims == (name,)}
    variables: dict[str, xr.Variable] = {}
    for name in kept.inputs:
        values, labels = input_values(kept, name)
        flat = values[at].reshape(len(at), -1)
        dims, own = elements_axis(name, labels, axes) if values.ndim > 1 else ((), {})
        coords |= own
        variables[name] = xr.Variable((*SAMPLE, *dims), shaped(flat if dims else flat[:, 0], shape).astype(np.float32))
    for name, drawn in seen.parameters.items():
        variables[name] = xr.Variable(SAMPLE, shaped(drawn[at], shape))
    coords["kept_draw"] = xr.Variable(SAMPLE, shaped(kept.index[at], shape), {"long_name": "index of the draw"})
    return xr.Dataset(variables, coords)


def _importance(kept: KeptDraws, found: Reweighted) -> xr.Dataset:
    """Weights and log likelihood of every kept draw, and how far they can be trusted, set by set."""
    sets = list(found.sets)
    weights = [found.sets[name] for name in sets]
    variables = {
        "weight": (DRAW, found.weights.share, {"long_name": "smoothed weight; 0 where the draw failed", "units": "1"}),
        "log_likelihood": (DRAW, found.log_likelihood, {"long_name": "log likelihood of all fitted rows"}),
        "log_likelihood_by_set": ((SET, DRAW), found.by_group, {"long_name": "log likelihood of the rows of a set"}),
        "counted": (DRAW, found.counted.astype(np.int8), {"long_name": "0 where the draw failed", "units": "1"}),
        "khat": (SET, [one.khat for one in weights], {"long_name": "Pareto k of a set alone"}),
        "ess": (SET, [one.ess for one in weights], {"long_name": "effective sample size under a set alone"}),
    }
    return xr.Dataset(variables, {DRAW: kept.index, SET: sets})


def resampled_note(found: Reweighted) -> str:
    """What a reader of the group `posterior` must know."""
    return (
        f"{found.weights.draws} draws of the prior are worth {found.weights.ess:.0f} of the posterior; so many were "
        f"taken by their weights into `posterior`, as one {CHAIN} of independent draws: R-hat says nothing"
    )
