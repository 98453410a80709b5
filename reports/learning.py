"""What a posterior taught, as tables: what moved and in which units, what hangs together, who decides, what follows."""

import logging

import arviz_stats
import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

SAMPLE = ("chain", "draw")
COLUMNS = {
    "prior_mean": "prior mean",
    "prior_sd": "prior sd",
    "posterior_mean": "posterior mean",
    "posterior_sd": "posterior sd",
    "ratio": "ratio",
    "ratio_mcse": "±",
    "shift": "shift",
}


def element(data: xr.Dataset, label: str) -> xr.DataArray:
    """Draws of one scalar element of an input, by its label."""
    name = max((str(name) for name in data.data_vars if label.startswith(str(name))), key=len)
    values = data[name]
    own = [str(dim) for dim in values.dims if dim not in SAMPLE]
    if own:
        values = values.isel({own[0]: list(values[own[0]].values.astype(str)).index(label[len(name) + 1 : -1])})
    return values.reset_coords(drop=True)


def most_moved(fit: xr.DataTree) -> pd.DataFrame:
    """What was learned of every input and quantity, with the nats by which it moved; most first.

    As if both were normal: ln(1/r) + (r^2 + d^2 - 1) / 2, r the ratio of standard deviations, d the shift in prior sds.
    """
    found = fit["learned"].to_dataset().to_dataframe()
    found = found[found["ratio"].notna()]
    ratio, shift = found["ratio"], found["shift"]
    found = found.assign(moved=-np.log(ratio) + (ratio**2 + shift**2 - 1) / 2)
    return found.sort_values("moved", ascending=False)


def one_each(inputs: pd.DataFrame) -> pd.DataFrame:
    """The first row of every input, whatever its elements."""
    names = inputs.index.str.partition("[").get_level_values(0)
    return inputs.groupby(names, sort=False).head(1)


def in_prior_sds(data: xr.Dataset, rows: pd.DataFrame) -> xr.Dataset:
    """Elements in standard deviations from the mean of the prior, draws of all chains in a row."""
    found = {
        label: ((element(data, label) - row["prior_mean"]) / row["prior_sd"]).stack(row=SAMPLE).values
        for label, row in rows.iterrows()
    }
    return xr.Dataset({label: ("draw", values) for label, values in found.items()})


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns as people read them."""
    found = frame[list(COLUMNS)].rename(columns=COLUMNS).rename_axis(index=None)
    return found.map("{:,.4g}".format)


def whole_series(observed: xr.Dataset) -> xr.Dataset:
    """Series without elements such as provinces, which would lie over one another."""
    own = {str(name): {f"{name}_year", f"{name}_group"} for name in observed.data_vars}
    return observed[[name for name, coords in own.items() if set(observed[name].coords) == coords]]


def power_scaled(fit: xr.DataTree) -> pd.DataFrame:
    """Sensitivity of every input to powers of prior and likelihood; those that answer the likelihood most first."""
    # The column "diagnosis" says what this warning says.
    logging.getLogger("arviz_stats.psense").setLevel(logging.ERROR)
    found = arviz_stats.psense_summary(fit, round_to=6).astype({"prior": float, "likelihood": float})
    found = found.sort_values("likelihood", ascending=False)
    return found.round({"prior": 3, "likelihood": 3})


def changed_correlations(prior: xr.Dataset, posterior: xr.Dataset, labels: list[str]) -> pd.DataFrame:
    """Rank correlations of pairs of elements in both beliefs, those that changed most first."""

    def stacked(data: xr.Dataset) -> pd.Series:
        ranks = {label: rankdata(element(data, label)) for label in labels}
        return pd.DataFrame(np.corrcoef(list(ranks.values())), labels, labels).stack()

    pairs = pd.DataFrame({"posterior": stacked(posterior), "prior": stacked(prior)})
    pairs = pairs[[one < other for one, other in pairs.index]]
    return pairs.loc[(pairs["posterior"] - pairs["prior"]).abs().sort_values(ascending=False).index]


def causes(kept: xr.Dataset, output: str) -> tuple[pd.DataFrame, np.ndarray]:
    """(what each learned input adds to the change of the mean of an output of the last year, its draws [belief, draw]).

    First order: shift of the input times the slope over draws of the prior; the error is that of the slope.
    """
    outcome = kept[output].isel(scenario=0, year=-1).transpose("belief", "draw").values
    good = np.isfinite(outcome).all(axis=0)
    y = outcome[:, good]
    found = {}
    for name, x in _elements(kept).items():
        before, after = x[:, good]
        if before.std() > 0 and not np.array_equal(before, after):
            shift = (after.mean() - before.mean()) / before.std()
            slope = np.corrcoef(before, y[0])[0, 1] * y[0].std()
            found[name] = (slope * shift, abs(shift) * y[0].std() / np.sqrt(good.sum()))
    table = pd.DataFrame(found, ["change", "error"]).T
    return table.sort_values("change", key=abs, ascending=False), y


def _elements(kept: xr.Dataset) -> dict[str, np.ndarray]:
    """Draws of every scalar element of the kept inputs, by label [belief, draw]."""
    found: dict[str, np.ndarray] = {}
    for item in kept.filter_by_attrs(elements=lambda names: names is not None).data_vars.values():
        flat = item.transpose("belief", "draw", ...).values.reshape(2, kept.sizes["draw"], -1)
        found |= dict(zip(item.attrs["elements"].split(" "), np.moveaxis(flat, 2, 0), strict=True))
    return found
