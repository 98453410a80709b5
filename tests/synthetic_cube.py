"""A cube with the layout and the register of the real one, made of a few lognormal draws, for tests of pages."""

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mc.cube.names import AT_MEAN, DIFFERENCES, DRAWS, MCSE, MEAN, SD, STATISTIC, percentile_label
from mc.outputs import OUTPUTS
from mc.study import Output

N, SCRAMBLINGS = 128, 16
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
YEARS = tuple(range(2020, 2061))
SCENARIOS = ("autarky", "market", "pro_rata")
NO_PLANTS = ("CN-BJ", "CN-HI", "CN-XZ")
PROVINCES = re.findall("..", "BJTJHESXNMLNJLHLSHJSZJAHFJJXSDHAHBHNGDGXHICQSCGZYNXZSNGSQHNXXJ")
COORDS: dict[str, tuple[Any, ...]] = {
    "scenario": SCENARIOS,
    "year": YEARS,
    "province": tuple(f"CN-{code}" for code in PROVINCES),
    "end_use": ("buildings", "machinery"),
    "route": ("scrap_eaf", "h2_dri", "bf_ccus", "bf_best", "bf_bof"),
    "carrier": ("coking_coal", "coal", "natural_gas", "hydrogen", "electricity"),
    "pollutant": ("SO2", "NOx", "PM"),
    "threshold": ("0%", "10%"),
}
NOTES = {
    "name_en": ("province", [f"Province {code}" for code in PROVINCES]),
    "name_zh": ("province", ["河北"] * len(PROVINCES)),
    "scenario_policy": ("scenario", list(SCENARIOS)),
    "route_group": ("route", ["scrap", "direct", "retrofit", "best", "base"]),
    "route_name_en": ("route", [f"Route {at}" for at in range(5)]),
}
RUN = """
title = "Synthetic <steel> & \\"scrap\\""
[options]
accounting = "stack_monitoring"
[statistics]
reference = "autarky"
[exceedance]
peak_by_2020 = { output = "co2_peak_year", below = 2020.5 }
peak_by_2024 = { output = "co2_peak_year", below = 2024.5 }
peak_after_2030 = { output = "co2_peak_year", above = 2030.5 }
little_co2 = { output = "co2_direct_power", below = 300 }
hardly_less_co2 = { output = "difference/co2_cumulative", above = -100 }
"""
DIFFERENT = ("co2_direct_power", "co2_direct_power_by_province", "co2_cumulative", "cost")
BY_PROVINCE = "co2_direct_power_by_province"
"""The only provincial output that is written: the others are large, and no page shows them."""


def draws_of(output: Output, scenarios: Iterable[str] = SCENARIOS) -> np.ndarray:
    """(draw, *dims) of an output: a falling path times a lognormal factor, lower policy by policy."""
    coords = COORDS | {"scenario": tuple(scenarios)}
    shape = tuple(len(coords[dim]) for dim in output.dims)
    generator = np.random.default_rng(sum(map(ord, output.name)))
    if output.name == "co2_peak_year":
        return 2020 + np.minimum(generator.geometric(0.4, (N, *shape)) - 1, 15).astype(float)
    values = 1000.0 * generator.lognormal(0.0, 0.3, (N, *(1 for _ in shape))) ** np.ones(shape)
    for axis, dim in enumerate(output.dims):
        along = np.arange(shape[axis]).reshape([-1 if at == axis else 1 for at in range(len(shape))])
        if dim == "year":
            values = values * 0.95**along * np.exp(0.01 * along * generator.standard_normal((N, *(1 for _ in shape))))
        elif dim == "scenario":
            values = values * 0.9 ** (along * generator.uniform(0.5, 1.5, (N, *(1 for _ in shape))))
        elif dim == "province":
            plants = [0.0 if code in NO_PLANTS else 1.0 for code in COORDS["province"]]
            values = values * np.reshape(plants, along.shape) / (1 + along)
        else:
            values = values / (1 + along)
    return -0.01 * values if output.name.startswith("co2_grid_removal") else values


def statistics_of(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Statistics and their errors, in the order of the axis `statistic`; the run at mean inputs has no error."""
    quantiles = np.quantile(draws, PROBABILITIES, axis=0)
    mean, sd = draws.mean(axis=0), draws.std(axis=0, ddof=1)
    errors = np.stack([sd, sd / 1.4, *(1.5 * sd for _ in PROBABILITIES), np.full_like(sd, np.nan)]) / np.sqrt(N)
    return np.stack([mean, sd, *quantiles, 0.9 * mean]), errors


def variables_of(output: Output, draws: np.ndarray) -> dict[str, xr.Variable]:
    """A variable and its errors, with the attributes that readers rely on."""
    labels = (MEAN, SD, *map(percentile_label, PROBABILITIES), AT_MEAN)
    value, error = statistics_of(draws)
    attributes = {"units": output.unit, "display_unit": output.unit, "long_name": output.long_name}
    dims = (STATISTIC, *output.dims)
    return {
        output.name: xr.Variable(dims, value, attributes | {"statistics": " ".join(labels)}),
        output.name + MCSE: xr.Variable(dims, error, attributes),
    }


def exceedance_of(name: str, rule: dict[str, Any], output: Output, draws: np.ndarray) -> dict[str, xr.Variable]:
    """The probability of passing a threshold and its error."""
    passed = draws < rule["below"] if "below" in rule else draws > rule["above"]
    attributes = {"units": "1", "display_unit": "1", "of": output.name}
    error = passed.std(axis=0) / np.sqrt(N)
    return {
        name: xr.Variable(output.dims, passed.mean(axis=0), attributes),
        name + MCSE: xr.Variable(output.dims, error, attributes),
    }


def synthetic_cube(
    path: Path, scenarios: tuple[str, ...] = SCENARIOS, without: tuple[str, ...] = (), *, keep_draws: bool = False
) -> Path:
    """Write the cube; `without` names outputs and groups that it lacks."""
    run = tomllib.loads(RUN)
    outputs = [
        item
        for item in OUTPUTS
        if item.kind == "result"
        and item.name not in without
        and (item.name == BY_PROVINCE or not item.name.endswith("_by_province"))
    ]
    drawn = {item.name: draws_of(item, scenarios) for item in outputs}
    root: dict[str, xr.Variable] = {}
    differences: dict[str, xr.Variable] = {}
    for item in outputs:
        draws = drawn[item.name]
        root |= variables_of(item, draws)
        rules = {} if "exceedance" in without else run["exceedance"]
        for name in (name for name, rule in rules.items() if rule["output"] == item.name):
            root |= exceedance_of(name, rules[name], item, draws)
        if item.name in DIFFERENT and len(scenarios) > 1:
            paired = draws - draws[:, :1]
            differences |= variables_of(item, paired)
            for name in (name for name, rule in rules.items() if rule["output"] == f"difference/{item.name}"):
                differences |= exceedance_of(name, rules[name], item, paired)
    coords = {name: (name, np.asarray(labels)) for name, labels in (COORDS | {"scenario": scenarios}).items()}
    coords |= {name: item for name, item in NOTES.items() if item[0] != "scenario"}
    coords["scenario_policy"] = ("scenario", list(scenarios))
    coords[STATISTIC] = (STATISTIC, [MEAN, SD, *map(percentile_label, PROBABILITIES), AT_MEAN])
    groups = {"/": xr.Dataset(root, coords, provenance_of(run))}
    if differences:
        groups[DIFFERENCES] = xr.Dataset(differences, coords, {"reference": "autarky"})
    if keep_draws:
        groups[DRAWS] = draws_group(drawn["co2_peak_year"], coords)
    xr.DataTree.from_dict(groups).to_netcdf(path, engine="netcdf4", write_inherited_coords=True)
    return path


def draws_group(peak: np.ndarray, coords: dict[str, Any]) -> xr.Dataset:
    """The year of the peak draw by draw."""
    variables = {
        "co2_peak_year": (("draw", "scenario"), peak),
        "valid": (("draw",), np.ones(len(peak), np.int8)),
    }
    return xr.Dataset(variables, {"draw": np.arange(len(peak)), "scenario": coords["scenario"]})


def provenance_of(run: dict[str, Any]) -> dict[str, Any]:
    """Attributes of the root that the footer of a page shows."""
    return {
        "title": run["title"],
        "run": json.dumps(run),
        "run_file": "synthetic.toml",
        "study": "steel",
        "source": "ferrocast 9.9.9, synthetic",
        "history": "2021-02-03T04:05:06Z ferrocast run synthetic.toml",
        "priors_digest": "0123456789abcdef" * 4,
        "run_digest": "fedcba9876543210" * 4,
        "commit": "c0ffee",
        "seed": 4711,
        "sampler": "sobol",
        "scramblings": SCRAMBLINGS,
        "draws": N,
        "draws_valid": N - 3,
        "draws_failed": 3,
        "block": 64,
        "precision": "float32",
        "device": "1 x cpu",
        "platform": "Linux",
        "versions": json.dumps({"python": "3.11", "jax": "0.10"}),
        "warnings": "3 of 128 draws failed and are left out of every statistic",
    }
