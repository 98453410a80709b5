# %% [markdown]
# # What the past taught: from priors to a posterior
#
# `ferrocast fit` asks the chain that projects to 2060 what statistics of 2000 to 2020 should have looked like, and
# keeps the inputs that agree with what was reported. This notebook opens what it wrote, as any posterior is inspected:
# what moved, whether the chains can be trusted, whether the model says again what was observed, and what it changes in
# the last year. It reads `NAME.posterior.nc` beside the cube `NAME.nc` that `FERROCAST_CUBE` names, else beside
# `runs/out/baseline.nc`. Where there is none, it is fitted here once, which takes some minutes.

# %%
import os
import sys
import textwrap
import warnings
from pathlib import Path

import arviz_plots as azp
import arviz_stats as azs
import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib_inline.backend_inline import set_matplotlib_formats

warnings.filterwarnings("ignore", "IProgress not found")  # said by the sampler's bar of progress, which is not used
import mc
from mc.fit import make_posterior
from mc.posterior.learned import LEAST_ESS, WORST_RHAT, quality, spread_ratios
from mc.posterior.nuts import Settings

ROOT = next(folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "reports").is_dir())
sys.path.insert(0, str(ROOT / "reports"))
import figures
import learning
from digits import percent
from forecasts import NAMES, draw_rows, rows_of, unit_of

set_matplotlib_formats("svg", bbox_inches=None)  # figures as large as they say, so that letters are, too
mpl.rcParams.update(figures.style() | {"font.family": list(figures.installed(figures.LATIN))})
mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=figures.LINES)
PRIOR, POSTERIOR = figures.SOFT, figures.BLUE

CUBE = Path(os.environ.get("FERROCAST_CUBE", ROOT / "runs" / "out" / "baseline.nc"))
FILE = CUBE.with_name(f"{CUBE.stem}.posterior.nc")
if not FILE.exists():
    make_posterior(mc.load_run(ROOT / "runs" / "baseline.toml"), Settings(draws=500), FILE)
fit = mc.open_posterior(FILE)
prior, posterior = fit["prior"].to_dataset(), fit["posterior"].to_dataset()
print(f"{FILE.name}: {posterior.sizes['chain']} chains of {posterior.sizes['draw']} draws")
print(textwrap.fill(f"groups: {', '.join(fit.children)}", 110))

# %% [markdown]
# ## 1. Can the chains be trusted?
#
# Worst of all latents, the standard normals that are sampled; every input is a function of them. R-hat below 1.01 and
# bulk ESS above 400 are asked for, and no divergence. A rank plot compares the chains: where all four sampled the same
# distribution, each line stays in the grey band, whatever the shape of that distribution. Shown are the six latents
# with the smallest effective number of draws.

# %%
found = quality(fit["latents"].to_dataset(), fit["sample_stats"].to_dataset())
verdict = "good" if found.good else f"not good enough: R-hat below {WORST_RHAT}, ESS above {LEAST_ESS}, no divergence"
print(f"{found}: {verdict}")

# %% alt="Rank plots of the six latents with the smallest effective sample size, one line a chain, and a grey band."
latents = fit["latents"].to_dataset()["u"]
size = azs.ess(latents.to_dataset())["u"]
worst = latents.isel(latent=np.argsort(size.values)[:6])
flat = xr.Dataset({str(name): worst.sel(latent=name, drop=True) for name in worst["latent"].values})
ranks = azp.plot_rank(
    xr.DataTree.from_dict({"posterior": flat}),
    col_wrap=3,
    figure_kwargs={"figsize": (figures.WIDE.width, 3.4), "layout": "constrained"},
    visuals={
        "credible_interval": {"color": figures.NONE, "alpha": 1.0},
        "title": {"size": figures.FONT},
        "xlabel": False,
        "ecdf_lines": {"width": 1.0},
    },
)

# %% [markdown]
# ## 2. Which inputs moved most?
#
# Both beliefs in standard deviations of the prior: 0 is its mean. Dot: median; bars: 50 % and 90 %. Moved is how many
# nats the posterior tells beyond the prior, as if both were normal: ln(1/*r*) + (*r*² + *d*² − 1)/2, with *r* the
# ratio of the standard deviations and *d* the shift. Of an input with many elements (years, end uses) the one that
# moved most is shown; parameters of errors are left to the table.

# %% alt="Forest plot of the ten inputs that moved most, prior grey, posterior blue, in units of the prior sd."
gained = learning.most_moved(fit)
inputs = gained[(gained["kind"] == "input") & ~gained.index.str.startswith("error.")]
top = learning.one_each(inputs).head(10)
moved = {"prior": learning.in_prior_sds(prior, top), "posterior": learning.in_prior_sds(posterior, top)}
fewest = min(data.sizes["draw"] for data in moved.values())
forest = azp.plot_forest(
    {name: data.isel(draw=slice(fewest)) for name, data in moved.items()},
    sample_dims="draw",
    combined=True,
    point_estimate="median",
    ci_kind="eti",
    ci_probs=(0.5, 0.9),
    aes={"color": ["model"]},
    color=[PRIOR, POSTERIOR],
    figure_kwargs={"figsize": (figures.WIDE.width, 3.6), "width_ratios": (1.3, 3), "layout": "constrained"},
)
labels_axis, axis = forest.viz["plot"].values
labels_axis.set_axis_off()
axis.axvline(0, color=figures.INK, linewidth=0.6, zorder=0)
axis.set_xlabel("standard deviations of the prior from its mean; grey: prior, blue: posterior", size=figures.FONT)
for text in labels_axis.texts:
    text.set_size(figures.FONT)

# %% [markdown]
# ## 3. What was learned, and what was not?
#
# Ratio: posterior over prior standard deviation, ± its Monte Carlo standard error. 1 within two errors means that
# the past says nothing about an input alone; about a product of several it may still say much, which the second table
# shows: quantities of the last year that statistics describe. A ratio slightly above 1 is an input that others push.

# %%
silent = gained[(gained["kind"] == "input") & (gained["ratio"] > 1 - 2 * gained["ratio_mcse"])]
print(f"{len(silent)} of {(gained['kind'] == 'input').sum()} elements of inputs have a ratio of 1 within two errors")
learning.shown(gained[gained["kind"] == "input"].head(25))

# %%
last_observed = max(int(year) for year in fit["modelled"]["year"].values)
quantities = gained[(gained["kind"] == "modelled") & gained.index.str.endswith(f"[{last_observed}]")]
learning.shown(quantities.sort_values("ratio"))

# %% [markdown]
# Who decides? Prior and likelihood are each raised to a power a little off 1 (Kallioinen et al. 2024): how far an input
# moves per doubling of the power. Only the prior above 0.05: it decides, the data say little. Both: they pull apart, or
# share the work; look whether the prior was meant so narrow. Shown are the inputs that answer the likelihood most.

# %%
learning.power_scaled(fit).head(12)

# %% [markdown]
# ## 4. Does the posterior say again what was observed?
#
# Dots: observations. Blue: median and 90 % band of what the posterior says of each number from the fitted ones before
# it; grey: 90 % band of the prior, which saw none. Below, where each observation falls in its own forecast: of numbers
# that are forecast well the line stays in the band. All above: observations are lower than forecast; first below, then
# above: forecasts are wider than they need be; the reverse: too narrow.

# %% alt="Observed series of the past with the 90 percent bands of posterior and prior, one panel a series."
observed = learning.whole_series(fit["observed_data"].to_dataset())
series = sorted(map(str, observed.data_vars), key=lambda name: -observed[name].size)[:6]
rows = {name: rows_of(fit, name) for name in series}
years = np.arange(min(int(one["year"].min()) for one in rows.values()), last_observed + 1)
figure, axes = figures.panels(
    figures.WIDE, len(series), 1.35, figures.Margins(left=0.42, right=0.12), 3, repeat_axis=True
)
for axis, name in zip(axes, series, strict=True):
    draw_rows(axis, rows[name], years, unit_of(fit, name))
    axis.set_title(NAMES.get(name, name))
figure

# %% alt="For each long series, the distribution of observations within their forecasts, and the band of chance."
long = [name for name in series if observed[name].size >= 10]
pit = azp.plot_ppc_pit(
    xr.DataTree.from_dict({
        name: fit[name].to_dataset()[long] for name in ("posterior_predictive", "observed_data")}),
    col_wrap=4,
    figure_kwargs={"figsize": (figures.WIDE.width, 2.0), "layout": "constrained"},
    visuals={"credible_interval": {"color": figures.NONE, "alpha": 1.0}, "title": {"size": figures.FONT},
             "xlabel": False, "ylabel": False, "ecdf_lines": {"color": POSTERIOR}},
)  # fmt: skip

# %% [markdown]
# ## 5. What hangs together?
#
# Observations see sums and products: each of two inputs may be free while their product is not. Shown are the inputs
# whose rank correlation differs most between prior and posterior, one element of each. Such inputs must be drawn
# together, which is why a run takes whole draws of a posterior and not one input at a time.

# %% alt="Pair plot of the four inputs that hang together most in the posterior, with densities on the diagonal."
pairs = learning.changed_correlations(prior, posterior, list(learning.one_each(inputs).index))
chosen = list(dict.fromkeys(label for pair in pairs.index for label in pair))[:4]
pair_plot = azp.plot_pair(
    xr.DataTree.from_dict(
        {"posterior": xr.Dataset({label.replace(".", ".\n"): learning.element(posterior, label) for label in chosen})}
    ),
    figure_kwargs={"figsize": (figures.WIDE.width, figures.WIDE.width * 0.85), "layout": "constrained"},
    visuals={
        "scatter": {"color": POSTERIOR, "alpha": 0.15, "size": 4},
        "dist": {"color": POSTERIOR},
        "point_estimate": False,
        "point_estimate_text": False,
        "credible_interval": False,
        "divergence": False,
        "xlabel": {"size": figures.FONT},
        "ylabel": {"size": figures.FONT},
    },
)

# %%
pairs.head(8).map("{:.2f}".format).rename(index=str).rename_axis(["rank correlation of", "with"])

# %% [markdown]
# ## 6. What changes in the last year, and why?
#
# The same question asked twice, once with draws of the priors and once with draws of the posterior. Both runs have the
# same seed, so they share every number that the fit says nothing about: what differs was learned. Read the last
# column of the table: where it is near 1, what decides that year was not learned from the past.

# %%
DRAWS = 512
OUTPUTS = ("co2_direct_power", "scrap_supply")
KEPT = (*OUTPUTS, "crude_steel", "steel_stock_per_head", "scrap_used", "eaf_share", "co2_captured", "cost")


def cube_of(belief: str) -> Path:
    """A run of one scenario with draws of a belief, made where it is missing or older than the posterior."""
    file = CUBE.with_name(f"{CUBE.stem}.from_{belief}.nc")
    if not file.exists() or file.stat().st_mtime < FILE.stat().st_mtime:
        options = {"ensemble.draws": DRAWS, "output.cube": str(file), "keep.outputs": KEPT,
                   "posterior.file": str(FILE) if belief == "posterior" else ""}  # fmt: skip
        mc.make_cube(mc.load_run(ROOT / "runs" / "smoke.toml", options), overwrite=True)
    return file


cubes = cube_of("prior"), cube_of("posterior")
both = mc.open_beliefs(*cubes)
kept = mc.open_beliefs(*cubes, "draws")
print(f"{both.sizes['belief']} runs of {kept.sizes['draw']} draws, scenario {both['scenario'].values[0]}")

# %% alt="Fans of national CO2 and of scrap that arises to the last year, prior grey, posterior blue."
future = both["year"].values
figure, axes = figures.panels(figures.WIDE, 2, 2.2, figures.Margins(right=0.75), repeat_axis=True)
for axis, name in zip(axes, OUTPUTS, strict=True):
    ends = []
    for belief, color in (("prior", PRIOR), ("posterior", POSTERIOR)):
        of = both[name].sel(belief=belief).isel(scenario=0, missing_dims="ignore")
        low, middle, high = (of.sel(statistic=label).values for label in ("p05", "p50", "p95"))
        axis.fill_between(future, low, high, color=color, alpha=0.25, linewidth=0)
        axis.plot(future, middle, color=color, linewidth=1.6)
        ends.append((float(middle[-1]), belief, color))
    axis.set_title(both[name].attrs["long_name"].replace("CO2", "CO₂"))
    figures.share_y([axis])
    figures.time_axis(axis, future, "Mt/year")
    figures.end_labels(axis, ends)
figure

# %%
spread = both["co2_direct_power"].isel(scenario=0).sel(year=[2020, 2030, 2040, 2050, int(future[-1])])
parts = {"median": spread.sel(statistic="p50"), "90 % width": spread.sel(statistic="p95") - spread.sel(statistic="p05")}
asked = pd.concat({name: part.reset_coords(drop=True).to_pandas().T for name, part in parts.items()}, axis=1)
asked["width", "posterior / prior"] = asked["90 % width"]["posterior"] / asked["90 % width"]["prior"]
asked.rename_axis(index=None).map("{:,.4g}".format)

# %% [markdown]
# Of other outputs of that year: what the past cannot know, such as the CO₂ that is captured, keeps a ratio of 1.

# %%
last = kept[[name for name in KEPT if name in kept]].isel(year=-1).squeeze(drop=True)
before, after = (last.sel(belief=name, drop=True).expand_dims("chain") for name in ("prior", "posterior"))
learning.shown(spread_ratios(after, before).to_dataframe())

# %% [markdown]
# Why: of each learned input, its shift times the slope of CO₂ in that input (correlation over the draws of the prior
# times the ratio of the standard deviations). It is a first order answer: products of inputs, and what hangs together
# in the posterior, are in what is left over. With few draws slopes are noisy: the error of a bar is about its shift
# over the root of the number of draws, in standard deviations of CO₂ (thin lines: two of these).

# %% alt="Bars of what each learned input adds to the change of mean CO2 in the last year, their sum and the change."
causes, y = learning.causes(kept, "co2_direct_power")
change = float(y[1].mean() - y[0].mean())
bars = pd.concat([causes["change"].head(8), pd.Series({
    "sum over all learned inputs": causes["change"].sum(), "change of the mean": change})])[::-1]  # fmt: skip
figure, (axis,) = figures.panels(figures.WIDE, 1, 2.3, figures.Margins(left=2.3, right=0.3, top=0.08, bottom=0.45))
paint = [figures.INK if name in bars.index[:2] else figures.VERMILLION if value > 0 else figures.BLUE
         for name, value in bars.items()]  # fmt: skip
axis.barh(bars.index, bars, color=paint, height=0.65)
for name, error in causes["error"].head(8).items():
    axis.plot([bars[name] - 2 * error, bars[name] + 2 * error], [name, name], color=figures.INK, linewidth=0.7)
axis.axvline(0, color=figures.INK, linewidth=0.6)
axis.set_xlabel(f"change of mean CO₂ in {future[-1]}, Mt/year", size=figures.FONT)
axis.tick_params(axis="y", length=0)
axis.spines["left"].set_visible(False)
figure

# %%
means = both[["co2_direct_power", "co2_direct_power_mcse"]].isel(scenario=0, year=-1).sel(statistic="mean")
for belief in ("prior", "posterior"):
    mean, error = (float(means[name].sel(belief=belief)) for name in means.data_vars)
    print(f"{belief}: mean CO₂ in {future[-1]} {mean:,.0f} ± {error:,.1f} Mt (Monte Carlo standard error)")
print(f"Standard deviation of the posterior: {percent(y[1].std() / y[0].std())} % of that of the prior")
