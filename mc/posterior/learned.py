"""How good a sample is, and how much was learned: posterior over prior spread, by input and by modelled quantity."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mc.axes import DRAW
from mc.posterior.groups import CHAIN

Floats = NDArray[np.float64]

WORST_RHAT = 1.01
"""Of a sample that is good."""
USABLE_RHAT = 1.05
"""Of fits side by side that answer at all, with a warning above `WORST_RHAT`: chains that lie further apart than this
have not met, and what they say is refused. Vehtari et al. (2021) ask for 1.01; 1.05 is the usual bound before them."""
LEAST_ESS = 400


@dataclass(frozen=True)
class Quality:
    """Of a sample: worst over all latents, and divergences."""

    rhat: float
    bulk_ess: float
    tail_ess: float
    divergences: int
    worst: str

    @property
    def good(self) -> bool:
        """Whether the sample can be used."""
        return self.rhat < WORST_RHAT and self.bulk_ess > LEAST_ESS and self.divergences == 0

    def __str__(self) -> str:
        return (
            f"R-hat {self.rhat:.4f} or less, bulk ESS {self.bulk_ess:.0f} or more, tail ESS {self.tail_ess:.0f} or "
            f"more (worst: {self.worst}), {self.divergences} divergences"
        )


def quality(latents: xr.Dataset, statistics: xr.Dataset) -> Quality:
    """Of the latents, which are all that is sampled; inputs are functions of them."""
    import arviz_stats as az

    u = latents[["u"]]
    bulk, tail, rhat = az.ess(u)["u"], az.ess(u, method="tail")["u"], az.rhat(u)["u"]
    return Quality(
        float(rhat.max()),
        float(bulk.min()),
        float(tail.min()),
        int(statistics["diverging"].sum()),
        str(u["latent"].values[int(np.argmin(bulk.values))]),
    )


def rhats(u: Floats) -> Floats:
    """R-hat of each of latents [chain, draw, latent]."""
    import arviz_stats as az

    return np.asarray(az.rhat(xr.Dataset({"u": ((CHAIN, DRAW, "latent"), u)}))["u"].values, np.float64)


def spread_ratios(posterior: xr.Dataset, prior: xr.Dataset) -> xr.Dataset:
    """Mean and sd of prior and posterior, ratio of the sds with its Monte Carlo error, shift in prior sds.

    One row a scalar element, sorted by the ratio. The error is the delta method with the effective number of draws of
    the posterior and the kurtosis of the draws; a ratio of 1 within two errors means: not learned.
    """
    import arviz_stats as az

    rows: dict[str, list[float]] = {}
    for name in posterior.data_vars:
        after, before = posterior[name], prior[name]
        sds, first = after.std((CHAIN, DRAW), ddof=1), before.std((CHAIN, DRAW), ddof=1)
        mean, earlier = after.mean((CHAIN, DRAW)), before.mean((CHAIN, DRAW))
        size = az.ess(posterior[[name]], method="sd")[name]
        count = before.sizes[CHAIN] * before.sizes[DRAW]
        error = (_spread_error(after, size) + _spread_error(before, count)) ** 0.5
        for label, values in _elements(str(name), (earlier, first, mean, sds, error)):
            rows[label] = values
    table = np.array(list(rows.values()))
    ratio = table[:, 3] / np.where(table[:, 1] > 0, table[:, 1], np.nan)
    order = np.argsort(np.where(np.isnan(ratio), 9, ratio), kind="stable")
    columns = {
        "prior_mean": table[:, 0],
        "prior_sd": table[:, 1],
        "posterior_mean": table[:, 2],
        "posterior_sd": table[:, 3],
        "ratio": ratio,
        "ratio_mcse": ratio * table[:, 4],
        "shift": (table[:, 2] - table[:, 0]) / np.where(table[:, 1] > 0, table[:, 1], np.nan),
    }
    labels = np.array(list(rows))[order]
    return xr.Dataset({name: ("quantity", values[order]) for name, values in columns.items()}, {"quantity": labels})


def _spread_error(draws: xr.DataArray, count: xr.DataArray | int) -> xr.DataArray:
    """Squared relative error of the sd of so many independent draws, 1 / 2n for a normal."""
    squares = (draws - draws.mean((CHAIN, DRAW))) ** 2
    variance = squares.mean((CHAIN, DRAW))
    kurtosis = (squares**2).mean((CHAIN, DRAW)) / variance.where(variance > 0) ** 2
    return (kurtosis - 1) / (4 * count)


def learned(groups: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """`spread_ratios` of the inputs, then of the modelled quantities; coordinate `kind` says which (quantity)."""
    parts = []
    for kind, after, before in (("input", "posterior", "prior"), ("modelled", "modelled", "prior_modelled")):
        found = spread_ratios(groups[after], groups[before])
        parts.append(found.assign_coords(kind=("quantity", [kind] * found.sizes["quantity"])))
    return xr.concat(parts, "quantity")


def _elements(name: str, columns: tuple[xr.DataArray, ...]) -> list[tuple[str, list[float]]]:
    flat = [column.values.reshape(-1) for column in columns]
    if columns[0].ndim == 0:
        return [(name, [float(values[0]) for values in flat])]
    axes = [columns[0][dim].values for dim in columns[0].dims]
    labels = [",".join(map(str, label)) for label in itertools.product(*axes)]
    return [(f"{name}[{label}]", [float(values[k]) for values in flat]) for k, label in enumerate(labels)]
