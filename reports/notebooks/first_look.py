# %% [markdown]
# # First look: five questions to a cube
#
# A cube is the answer to a run file: for every output its mean, spread and percentiles over thousands of draws, each
# with its Monte Carlo standard error. This notebook opens one and asks what people ask first. It reads
# `runs/out/baseline.nc`, which `make run` writes, or the cube that the variable `FERROCAST_CUBE` names. Change it: it
# is a Python file in percent cells, for Jupyter with jupytext, for VS Code, or for `make notebooks`.

# %%
import os
import sys
from contextlib import suppress
from pathlib import Path

import arviz_plots as azp
import arviz_stats as azs
import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib_inline.backend_inline import set_matplotlib_formats
from scipy.stats import norm, rankdata

import mc
from mc.errors import InputError

ROOT = next(folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "reports").is_dir())
sys.path.insert(0, str(ROOT / "reports"))
import figures
from digits import percent
from peak import peak_year
from reading import read_cube

set_matplotlib_formats("svg", bbox_inches=None)  # figures as large as they say, so that letters are, too
mpl.rcParams.update(figures.style() | {"font.family": list(figures.installed(figures.LATIN))})

CUBE = Path(os.environ.get("FERROCAST_CUBE", ROOT / "runs" / "out" / "baseline.nc"))
cube = mc.open_cube(CUBE)
differences = mc.open_cube(CUBE, "differences")
reference = differences.attrs["reference"]
scenarios = sorted(cube["scenario"].values, key=lambda name: name != reference)
colors = {name: figures.line_color(index) for index, name in enumerate(scenarios)}
years = cube["year"].values


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a scenario, in the order of the figures."""
    return frame.reindex(scenarios).rename_axis(index=None)


print(f"{cube.attrs['title']}: {cube.attrs['draws']} draws, {len(cube.data_vars)} variables")
cube[["co2_direct_power", "co2_direct_power_mcse"]]

# %% [markdown]
# What sums cannot answer needs the draws themselves. `[keep]` in a run file keeps them, with the inputs of every draw.
# Where the cube has none, `runs/first_look.toml` asks the same question with fewer draws, and keeps them; it is run
# here once, which takes a minute or two.


# %%
def kept_draws() -> xr.Dataset:
    """Draws of the cube, else of the run first_look beside it, which is made where it is missing or has old priors."""
    with suppress(InputError):
        return mc.open_cube(CUBE, "draws")
    file = CUBE.with_name("first_look.nc")
    if not file.exists() or mc.open_cube(file).attrs["priors_digest"] != cube.attrs["priors_digest"]:
        mc.make_cube(mc.load_run(ROOT / "runs" / "first_look.toml", {"output.cube": str(file)}), overwrite=True)
        if mc.open_cube(file).attrs["priors_digest"] != cube.attrs["priors_digest"]:
            print(f"Careful: {CUBE.name} was made from other priors than {file.name}")
    return mc.open_cube(file, "draws")


draws = kept_draws()
draws = draws.isel(draw=draws["valid"].values == 1)
print(f"{draws.sizes['draw']} draws kept of {', '.join(name for name in draws.data_vars if name.startswith('co2_'))}")

# %% [markdown]
# ## 1. How sure are we about CO₂ to 2060?
#
# Bands hold 90 % and 50 % of the draws, the line is the median. Dashed: one run with every input at its mean.

# %% alt="Fans of national CO2 of scopes 1 and 2 over the years, one panel a policy, and one run at mean inputs."
co2 = cube["co2_direct_power"]
figure, axes = figures.panels(
    figures.WIDE, len(scenarios), 1.9, figures.Margins(right=0.8), columns=2, repeat_axis=True
)
for axis, name in zip(axes, scenarios, strict=True):
    of = co2.sel(scenario=name)
    bands = {label: of.sel(statistic=label).values for label in ("p05", "p25", "p50", "p75", "p95")}
    fan = figures.Fan(bands, colors[name], {"mean inputs": (of.sel(statistic="at_mean_inputs"), "k", "--")})
    figures.draw_fan(axis, years, fan)
    figures.time_axis(axis, years, "Mt CO₂/year")
    axis.set_title(name, color=colors[name])
    axis.set_ylim(0, 1.04 * float(co2.sel(statistic="p95").max()))
    figures.fan_labels(axis, fan)
figure

# %%
shown = co2.sel(year=[2030, 2040, 2050, 2060], statistic=["p05", "p50", "p95"]).reset_coords(drop=True)
table(shown.stack(column=["year", "statistic"]).to_pandas().round().astype(int))

# %% [markdown]
# ## 2. When does it peak, and when is little left?
#
# The share of draws below a target is its probability, given our beliefs. Bands are two standard errors wide on either
# side. Draw number *i* belongs to scrambling *i* modulo the number of scramblings; these are independent of each
# other, and their spread gives the error. (The draws of a Sobol' sequence are not independent: no `sqrt(p (1 - p) /
# n)`.)

# %% alt="Probability over the years that national CO2 lies below each of three targets, one line a scrap policy."
TARGETS = (1000, 500, 100)  # Mt a year: change them
SCRAMBLINGS = int(cube.attrs["scramblings"])


def share(event: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Probability of an event, and its standard error from the spread between scramblings."""
    groups = event.astype(float).groupby((event["draw"] % SCRAMBLINGS).rename("scrambling")).mean()
    return event.mean("draw"), groups.std("scrambling", ddof=1) / np.sqrt(SCRAMBLINGS)


figure, axes = figures.panels(figures.WIDE, len(TARGETS), 2.2, figures.Margins(right=0.85))
for axis, target in zip(axes, TARGETS, strict=True):
    chance, error = share(draws["co2_direct_power"] < target)
    for name in scenarios[::-1]:  # the reference on top
        middle, width = 100 * chance.sel(scenario=name), 200 * error.sel(scenario=name)
        axis.fill_between(years, middle - width, middle + width, color=colors[name], alpha=0.2, linewidth=0)
        middle.plot.line(ax=axis, color=colors[name], add_legend=False)
    axis.set(title=f"below {target:,.0f} Mt a year", xlabel="", ylabel="")
    figures.time_axis(axis, years, "% of draws", first=axis is axes[0])
    axis.set_ylim(-3, 103)
ends = 100 * chance.isel(year=-1)
figures.end_labels(axes[-1], [(float(ends.sel(scenario=name)), name, colors[name]) for name in scenarios])
figure

# %% [markdown]
# The year from which on each target is kept with a probability of 10, 50 and 90 % (– is never by the last year), and
# the probability that the highest year is over by the end of a year.

# %%
below = xr.concat([share(draws["co2_direct_power"] < target)[0] for target in TARGETS], pd.Index(TARGETS, name="Mt"))
levels = xr.DataArray([10, 50, 90], coords=[("%", [10, 50, 90])])
is_kept = (100 * below >= levels).isel(year=slice(None, None, -1)).cumprod("year")
since = years[-1] + 1 - is_kept.sum("year")
since = since.where(since <= years[-1]).reset_coords(drop=True).stack(column=["Mt", "%"]).to_pandas()
table(since.map(lambda year: "–" if np.isnan(year) else f"{year:.0f}"))

# %%
peak = peak_year(read_cube(CUBE))
by = pd.DataFrame(peak.probability.values, peak.probability["scenario"].values, peak.years)
table(by.map(percent).rename_axis(columns="peak by, % of draws"))

# %% [markdown]
# ## 3. What drives the spread?
#
# Spearman's rank correlation of each input with CO₂, draw by draw; of an input with many elements (years, provinces)
# the strongest. Inside the grey band it may be chance: of twenty cubes in which no input mattered, about one would have
# a bar that leaves the band. Orange: more of it, more CO₂; blue: more of it, less CO₂. `ferrocast explain CUBE
# co2_direct_power` prints the table, the line and the source behind a name. A correlation sees one input at a time;
# what inputs carry together, and with which error, is the question of `runs/drivers.toml`: shares of the variance.

# %% alt="Bars of the rank correlation of the strongest inputs with national CO2, in the middle and in the last year."
LOOK_AT = (2035, 2060)


def rank(values: xr.DataArray) -> xr.DataArray:
    """Ranks along the draws."""
    return values.copy(data=rankdata(values, axis=values.get_axis_num("draw")))


elements = {}
for item in draws.filter_by_attrs(elements=lambda names: names is not None).data_vars.values():
    elements |= dict(zip(item.attrs["elements"].split(" "), item.values.reshape(len(item), -1).T, strict=True))
inputs = xr.DataArray(np.stack(list(elements.values())), {"element": list(elements), "draw": draws["draw"]})
inputs = inputs.isel(element=inputs.std("draw").values > 0)
inputs = inputs.assign_coords(quantity=("element", [name.partition("[")[0] for name in inputs["element"].values]))
outcome = draws["co2_direct_power"].sel(scenario=reference)
# Bonferroni over the elements; a rank correlation of independent draws has a standard deviation of 1/sqrt(n - 1).
noise = norm.isf(0.025 / inputs.sizes["element"]) / np.sqrt(inputs.sizes["draw"] - 1)

figure, axes = figures.panels(figures.WIDE, 2, 2.2, figures.Margins(left=1.85, right=0.1, bottom=0.4), repeat_axis=True)
axes[1].sharex(axes[0])
strongest = {}
for axis, year in zip(axes, LOOK_AT, strict=True):
    every = xr.corr(rank(inputs), rank(outcome.sel(year=year)), "draw").to_series()
    by_quantity = every[abs(every).groupby(inputs["quantity"].values).idxmax()]
    top = strongest[year] = by_quantity.sort_values(key=abs).tail(8)
    paint = np.select([abs(top) < noise, top > 0], [figures.SOFT, figures.VERMILLION], figures.BLUE)
    axis.axvspan(-noise, noise, color=figures.NONE, linewidth=0)
    axis.barh(top.index, top, color=paint, height=0.65)
    axis.axvline(0, color=figures.INK, linewidth=0.6)
    axis.set(title=f"CO₂ in {year}, {reference}", xlabel="rank correlation")
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
figure

# %%
drivers = pd.DataFrame(strongest).sort_values(list(LOOK_AT), key=abs, ascending=False).rename_axis(index=None)
drivers.map(lambda rho: "–" if np.isnan(rho) else f"{rho:.2f}")

# %% [markdown]
# ## 4. Which provinces gain from coordination, and how surely?
#
# CO₂ of a province in the last year under a market, less that under the reference, draw by draw: both meet the same
# world, so what they share cancels. Right of zero the province emits less under coordination. Circle: median; bars: 50
# % and 90 % of the draws. Behind the name: the share of draws in which it gains.

# %% alt="Intervals of the paired difference of CO2 between a market and coordination, one row a province."
RIVAL = "market"
last = draws["co2_with_freight_by_province"].isel(year=-1)
gain = (last.sel(scenario=RIVAL) - last.sel(scenario=reference)).reset_coords(drop=True)
gain = gain.isel(province=(gain != 0).any("draw").values).sortby(gain.median("draw"), ascending=False)
names = draws["name_en"].sel(province=gain["province"]).values
surely, error = share(gain > 0)
gain["province"] = [f"{name}, {percent(chance)} %" for name, chance in zip(names, surely.values, strict=True)]

rows = azp.plot_forest(
    gain.rename("gain").to_dataset(),
    sample_dims="draw",
    combined=True,
    labels=["province"],
    point_estimate="median",
    ci_kind="eti",
    ci_probs=(0.5, 0.9),
    figure_kwargs={"figsize": (figures.WIDE.width, 0.17 * len(names) + 0.6), "width_ratios": (1, 4.5)},
)
names_axis, axis = rows.viz["plot"].values
axis.figure.set_layout_engine("constrained")
axis.axvline(0, color=figures.INK, linewidth=0.6, zorder=0)
axis.set_xlabel(f"less CO₂ under {reference} than under {RIVAL} in {years[-1]}, Mt a year", size=figures.FONT)
names_axis.set_axis_off()
for text in names_axis.texts:
    text.set_size(figures.FONT)
print(f"Standard error of the shares: at most {100 * error.max():.1f} points")

# %%
total = gain.sum("province").expand_dims(province=["All provinces"])
both = xr.concat([total, gain], "province").rename("gain")
numbers = azs.summary(both.to_dataset(), sample_dims="draw", kind="stats", ci_kind="eti", ci_prob=0.9)
numbers.rename(columns={"eti90_lb": "p05", "eti90_ub": "p95"}).set_index(both["province"].values)

# %% [markdown]
# ## 5. How good are the numbers?
#
# Left: the Monte Carlo standard error of the median against the 90 % range. It says how far the number may be from
# that of infinitely many draws, not how uncertain the world is; more draws make it smaller. Right: the run at mean
# inputs less the mean of the runs, f(E[X]) − E[f(X)]. This is no noise: it is what a single best guess gets wrong.

# %% alt="Standard error of the median, as a share of the 90 % range; result at mean inputs less mean result."
error = cube["co2_direct_power_mcse"]
relative = 100 * error.sel(statistic="p50") / (co2.sel(statistic="p95") - co2.sel(statistic="p05"))
apart = co2.sel(statistic="at_mean_inputs") - co2.sel(statistic="mean")

figure, axes = figures.panels(figures.WIDE, 2, 2.2, figures.Margins(right=0.85), repeat_axis=True)
for axis, values, title in zip(
    axes, (relative, apart), ("Error of the median", "f(E[X]) less E[f(X)], ± 2 standard errors"), strict=True
):
    for name in scenarios:
        values.sel(scenario=name).plot.line(ax=axis, color=colors[name], add_legend=False)
    axis.set(title=title, xlabel="", ylabel="")
for name in scenarios:
    middle, width = apart.sel(scenario=name), 2 * error.sel(scenario=name, statistic="mean")
    axes[1].fill_between(years, middle - width, middle + width, color=colors[name], alpha=0.25, linewidth=0)
axes[1].axhline(0, color=figures.INK, linewidth=0.6)
figures.share_y(axes[:1])
for axis, values, unit in zip(axes, (relative, apart), ("% of p95 − p05", "Mt CO₂/year"), strict=True):
    figures.time_axis(axis, years, unit)
    ends = [(float(values.sel(scenario=name).isel(year=-1)), name, colors[name]) for name in scenarios]
    figures.end_labels(axis, ends)
figure

# %%
at = [2030, 2040, 2050, 2060]
pair = xr.concat(
    [error.sel(statistic="p50"), apart], pd.Index(["error of p50", "f(E[X]) - E[f(X)]"], name="Mt CO₂/year")
)
shown = pair.sel(year=at).reset_coords(drop=True).stack(column=["Mt CO₂/year", "year"])
table(shown.transpose("scenario", "column").to_pandas().map("{:.1f}".format))
