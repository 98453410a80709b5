"""The posterior of steel, fitted as a user fits it: quality, what was learned and what was not, prior against data."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from steel_past import ROOT, past, target_of

from mc import load_run, make_cube, open_beliefs, open_posterior
from mc.errors import RunFailed
from mc.fit import make_posterior
from mc.posterior.importance import refuse
from mc.posterior.kept import Bound
from mc.posterior.learned import quality, spread_ratios
from mc.posterior.nuts import Settings, sample
from mc.posterior.predict import Drawn, draw_posterior, draw_prior
from mc.posterior.reweight import reweight

log = logging.getLogger("ferrocast")
"""Figures: pytest --log-cli-level=INFO"""

pytestmark = pytest.mark.slow

PROVINCES = {"posterior.observed": ("observed.csv", "observed_by_province.csv")}


def fitted(file: Path, options: dict[str, object] | None = None) -> xr.DataTree:
    make_posterior(load_run(ROOT / "runs" / "smoke.toml", options or {}), Settings(draws=1000), file)
    return open_posterior(file)


@pytest.fixture(scope="module")
def national(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("national") / "steel.posterior.nc"
    fitted(file)
    return file


def table(tree: xr.DataTree) -> "xr.Dataset":
    return tree["learned"].to_dataset()


def test_the_chains_can_be_trusted(national: Path) -> None:
    tree = open_posterior(national)
    found = quality(tree["latents"].to_dataset(), tree["sample_stats"].to_dataset())
    assert found.good, str(found)


def test_what_the_past_informs_shrinks(national: Path) -> None:
    ratio = table(open_posterior(national))["ratio"]
    for quantity, most in {
        "history.efficiency_rate": 0.5,
        "error.stock_bottom_up.bias": 0.5,
        "error.co2_narrow.bias": 0.6,
        "scrap_obsolete[2020]": 0.9,
        "scrap_supply[2020]": 0.7,
    }.items():
        assert float(ratio.sel(quantity=quantity)) < most, quantity


def test_prior_and_likelihood_are_scaled_over_all_series(national: Path) -> None:
    import arviz_stats

    tree = open_posterior(national)
    scaled = arviz_stats.psense_summary(tree, round_to=6).astype({"prior": float, "likelihood": float})
    assert np.isfinite(scaled[["prior", "likelihood"]]).all().all()
    # What the data move answers to them, what they leave alone to the prior.
    for name in ("history.induction_share", "history.efficiency_rate", "history.scrap_net_import_scale"):
        assert scaled.loc[name, "likelihood"] > 0.05, name
    for name in ("demand.share_of_use[transport]", "stock.lifetime_mean[transport]", "iron.content_scrap"):
        assert scaled.loc[name, "likelihood"] < 0.05 < scaled.loc[name, "prior"], name


@pytest.fixture(scope="module")
def beliefs(national: Path) -> tuple[xr.Dataset, set[str]]:
    """Draws of both beliefs with the same seed, and the inputs that were learned about."""
    cubes = []
    for belief in ("prior", "posterior"):
        cube = national.with_name(f"{belief}.nc")
        options = {"ensemble.draws": 1024, "output.cube": str(cube), "model.priors": str(ROOT / "priors"),
                   "keep.outputs": ("co2_captured", "scrap_supply", "steel_stock_per_head"),
                   "posterior.file": str(national) if belief == "posterior" else ""}  # fmt: skip
        make_cube(load_run(ROOT / "runs" / "smoke.toml", options))
        cubes.append(cube)
    return open_beliefs(*cubes, "draws"), set(json.loads(open_posterior(national).attrs["inputs_digest"]))


def test_inputs_that_no_observation_reads_keep_every_draw(beliefs: tuple[xr.Dataset, set[str]]) -> None:
    kept, learned = beliefs
    inputs = kept.filter_by_attrs(elements=lambda names: names is not None)
    names = {str(item.attrs["long_name"]): item for item in inputs.data_vars.values()}
    untouched = {name for name in names if name not in learned}
    assert {name.partition(".")[0] for name in untouched} >= {"uptake", "costs", "grid", "hydrogen", "neutrality"}
    for name in untouched:
        assert names[name].sel(belief="prior").equals(names[name].sel(belief="posterior").assign_coords(belief="prior"))
    moved = [name for name in set(names) & learned if not np.array_equal(*names[name].transpose("belief", ...).values)]
    assert len(moved) > 20


def test_capture_in_the_last_year_is_as_uncertain_as_before(beliefs: tuple[xr.Dataset, set[str]]) -> None:
    kept, _ = beliefs
    last = kept[["co2_captured", "scrap_supply", "steel_stock_per_head"]].isel(year=-1).squeeze(drop=True)
    prior, posterior = (last.sel(belief=name, drop=True).expand_dims("chain") for name in ("prior", "posterior"))
    found = spread_ratios(posterior, prior).to_dataframe()
    log.info(found[["prior_mean", "prior_sd", "posterior_mean", "posterior_sd", "ratio", "ratio_mcse"]].to_string())
    captured = found.loc["co2_captured"]
    assert abs(captured["ratio"] - 1) < 3 * captured["ratio_mcse"]


def test_provinces_leave_the_nation_alone_and_slow_relocation(national: Path) -> None:
    alone = open_posterior(national)
    both = fitted(national.with_name("provinces.posterior.nc"), PROVINCES)
    found = quality(both["latents"].to_dataset(), both["sample_stats"].to_dataset())
    assert found.good, str(found)
    one, other = (tree["posterior"].to_dataset() for tree in (alone, both))
    shift = apart(one, other[list(one.data_vars)])
    assert np.sqrt((shift**2).mean()) < 1.3
    assert np.abs(shift).max() < 4.5
    ratio = table(both)["ratio"]
    assert float(ratio.sel(quantity="demand.relocation_rate")) < 0.75
    noise = [str(name) for name in ratio["quantity"].values if "use_share_noise" in str(name)]
    assert len(noise) == 31
    assert abs(float(ratio.sel(quantity=noise).mean()) - 1) < 0.02


def apart(one: xr.Dataset, other: xr.Dataset) -> np.ndarray:
    """Differences of means in their Monte Carlo errors, of every element that is uncertain."""
    import arviz_stats

    scores = []
    for name in one.data_vars:
        spread = [data[name].std(("chain", "draw")) ** 2 / arviz_stats.ess(data[[name]])[name] for data in (one, other)]
        difference = other[name].mean(("chain", "draw")) - one[name].mean(("chain", "draw"))
        scores.append((difference / np.sqrt(spread[0] + spread[1])).values.ravel())
    found = np.concatenate(scores)
    return found[np.isfinite(found)]


def test_weights_and_chains_agree_on_one_weak_study() -> None:
    import dataclasses

    whole = past()
    rows = tuple(row for row in whole.rows if row.series == "steel_stock_per_head")
    target = target_of(dataclasses.replace(whole, rows=rows))
    prior = draw_prior(target, 16_384, 5)
    found = reweight(bound(target.study, prior, rows), whole.errors, np.ones(len(prior.u), bool), 5)
    assert found.weights.khat < 0.5
    chains = sample(target, Settings(draws=2000, seed=5))
    after = draw_posterior(target, chains.u.reshape(-1, target.size), 5)
    weighed = prior.inputs | found.after.parameters
    lines = list(compared(prior.inputs, weighed, found.weights, after.inputs, chains.u.shape[:2]))
    log.info(f"k-hat {found.weights.khat:.2f}, {found.weights.ess:.0f} effective draws of {found.weights.draws}")
    for line in sorted(lines, key=lambda line: -abs(line[3])):
        log.info("{:<40} shift {:+.3f} and {:+.3f} z {:+.2f}, sd ratio {:.3f} and {:.3f} z {:+.2f}".format(*line))
    assert max(abs(line[1]) for line in lines) > 0.3
    assert min(line[4] for line in lines) < 0.6
    for k in (3, 6):
        scores = np.array([line[k] for line in lines])
        assert np.abs(scores).max() < 4.5
        assert np.sqrt((scores**2).mean()) < 1.5


def bound(study, prior: Drawn, rows) -> Bound:
    return Bound(study, {name: prior.modelled[name] for name in {row.series for row in rows}}, tuple(rows))


def compared(before, weighed, weights, after, shape):
    """(input, shift by weights, by chains, z, sd ratio by weights, by chains, z) of every uncertain element."""
    import arviz_stats

    share, ess = weights.share, weights.ess
    for name, values in weighed.items():
        if name.startswith("structure."):
            continue
        draws = after[name].reshape(*shape, -1)
        data = xr.Dataset({"x": (("chain", "draw", "element"), draws)})
        size, spread = (arviz_stats.ess(data, method=m)["x"].values for m in ("mean", "sd"))
        first_belief = before[name].reshape(len(values), -1)
        for k, column in enumerate(values.reshape(len(values), -1).T):
            first, sd = first_belief[:, k].mean(), first_belief[:, k].std()
            if sd == 0:
                continue
            middle = (share * column).sum() / share.sum()
            left = column - middle
            width = np.sqrt((share * left**2).sum() / share.sum())
            chain, chain_sd = draws[..., k].mean(), draws[..., k].std()
            z = (middle - chain) / np.sqrt(width**2 / ess + chain_sd**2 / size[k])
            kurtosis = (share * left**4).sum() / share.sum() / width**4
            z_sd = np.log(width / chain_sd) / np.sqrt((kurtosis - 1) / 4 * (1 / ess + 1 / spread[k]))
            yield f"{name}[{k}]", (middle - first) / sd, (chain - first) / sd, z, width / sd, chain_sd / sd, z_sd


def test_all_of_history_is_refused() -> None:
    whole = past()
    prior = draw_prior(target_of(whole), 4096, 5)
    found = reweight(bound(whole.study, prior, whole.rows), whole.errors, np.ones(len(prior.u), bool), 5)
    log.info(f"k-hat {found.weights.khat:.2f}; { ({name: round(one.khat, 2) for name, one in found.sets.items()}) }")
    with pytest.raises(RunFailed, match="Nothing was written"):
        refuse(found.weights, found.sets)
