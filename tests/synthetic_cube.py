"""A cube with the layout and the register of the real one, made of a few lognormal draws, for tests of pages."""

import json
import math
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mc.cube.names import AT_MEAN, DIAGNOSTICS, DIFFERENCES, DRAWS, MCSE, MEAN, SD, STATISTIC, percentile_label
from mc.outputs import COORDINATION, OUTPUTS
from mc.study import Output

N, SCRAMBLINGS = 128, 16
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
YEARS = tuple(range(2020, 2061))
SCENARIOS = ("autarky", "market", "pro_rata")
COORDINATED = ("autarky", "market", "coordinated", "pro_rata")
"""Each does better than the ones before it, in every draw."""
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
    "rival": SCENARIOS,
    "flow_year": (2030, 2060),
}
COORDS["destination"] = COORDS["province"]
NOTES = {
    "name_en": ("province", [f"Province {code}" for code in PROVINCES]),
    "name_zh": ("province", ["河北"] * len(PROVINCES)),
    "province_group": ("province", ["North"] * 10 + ["South"] * (len(PROVINCES) - 10)),
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
COORDINATED_RULES = """
better_than_coordinated = { output = "difference/co2_with_freight", below = 0.0 }
better_than_coordinated_by_then = { output = "difference/co2_with_freight_cumulative", below = 0.0 }
"""
DIFFERENT = (
    "co2_direct_power",
    "co2_direct_power_by_province",
    "co2_cumulative",
    "cost",
    "co2_with_freight",
    "co2_with_freight_cumulative",
)
BY_PROVINCE = (
    "co2_direct_power_by_province",
    "crude_steel_by_province",
    "neutral_by_province",
    "pollutant_cut_by_province",
    "scrap_short_by_province",
    "scrap_arrivals_by_province",
    "scrap_price_by_province",
    "scrap_delivered_by_province",
    "scrap_dear_by_province",
)
"""The only provincial outputs that are written: the others are large, and no page shows them."""

KEPT = ("co2_peak_year", "co2_direct_power", "co2_with_freight_by_province")
"""Outputs of the group of draws."""

FEW = 16
"""Draws of what has many elements and no percentiles on any page."""


def draws_of(output: Output, scenarios: Iterable[str] = SCENARIOS) -> np.ndarray:
    """(draw, *dims) of an output: a falling path times a lognormal factor, lower policy by policy."""
    coords = COORDS | {"scenario": tuple(scenarios)}
    shape = tuple(len(coords[dim]) for dim in output.dims)
    generator = np.random.default_rng(sum(map(ord, output.name)))
    if output.name == "co2_peak_year":
        return 2020 + np.minimum(generator.geometric(0.4, (N, *shape)) - 1, 15).astype(float)
    plants = np.array([0.0 if code in NO_PLANTS else 1.0 for code in COORDS["province"]])
    if output.name == "neutral_count":
        return generator.binomial(int(plants.sum()), np.linspace(0.0, 0.9, shape[-1]), (N, *shape)).astype(float)
    many = N if math.prod(shape) < 2e4 else FEW
    if output.long_name.startswith("1 where"):
        chance = np.linspace(0.0, 1.0, shape[-1])
        found = at_plants(generator.uniform(size=(many, *shape)) < chance, output, plants)
        return found * priced(output, tuple(scenarios))
    values = 1000.0 * generator.lognormal(0.0, 0.3, (many, *(1 for _ in shape))) ** np.ones(shape)
    for axis, dim in enumerate(output.dims):
        along = np.arange(shape[axis]).reshape([-1 if at == axis else 1 for at in range(len(shape))])
        if dim == "year":
            values = (
                values * 0.95**along * np.exp(0.01 * along * generator.standard_normal((many, *(1 for _ in shape))))
            )
        elif dim == "scenario":
            values = values * 0.9 ** (along * generator.uniform(0.5, 1.5, (many, *(1 for _ in shape))))
        elif dim == "destination":
            values = values * generator.uniform(0, 1, shape[axis - 1 : axis + 1])[..., None] ** 8
        else:
            values = values / (1 + along)
    return at_plants(-0.01 * values if output.name.startswith("co2_grid_removal") else values, output, plants)


def priced(output: Output, scenarios: tuple[str, ...]) -> np.ndarray:
    """One where a scenario has prices, for what hangs on them; one everywhere for all else."""
    if "dear" not in output.name:
        return np.ones(1)
    return np.reshape([float(name == "coordinated") for name in scenarios], (-1, *(1 for _ in output.dims[1:])))


def at_plants(values: np.ndarray, output: Output, plants: np.ndarray) -> np.ndarray:
    """Nothing where nothing is made; scrap arises everywhere."""
    dim = "destination" if "destination" in output.dims else "province"
    if dim not in output.dims or output.name == "scrap_price_by_province":
        return values.astype(float)
    axis = 1 + output.dims.index(dim)
    return values * plants.reshape([-1 if at == axis else 1 for at in range(values.ndim)])


def statistics_of(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Statistics and their errors, in the order of the axis `statistic`; the run at mean inputs has no error."""
    quantiles = np.quantile(draws, PROBABILITIES, axis=0)
    mean, sd = draws.mean(axis=0), draws.std(axis=0, ddof=1)
    errors = np.stack([sd, sd / 1.4, *(1.5 * sd for _ in PROBABILITIES), np.full_like(sd, np.nan)])
    errors = errors / np.sqrt(len(draws))
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
    is_coordinated = "coordinated" in scenarios
    run = tomllib.loads(RUN + COORDINATED_RULES * is_coordinated)
    reference = "coordinated" if is_coordinated else "autarky"
    run["statistics"]["reference"] = reference
    known = [*OUTPUTS, *COORDINATION] if is_coordinated else OUTPUTS
    outputs = [
        item
        for item in known
        if item.kind == "result"
        and item.name not in without
        and (item.name in BY_PROVINCE or not item.name.endswith("_by_province"))
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
            at = scenarios.index(reference)
            paired = draws - draws[:, at : at + 1]
            differences |= variables_of(item, paired)
            for name in (name for name, rule in rules.items() if rule["output"] == f"difference/{item.name}"):
                differences |= exceedance_of(name, rules[name], item, paired)
    coords = {name: (name, np.asarray(labels)) for name, labels in (COORDS | {"scenario": scenarios}).items()}
    coords |= {name: item for name, item in NOTES.items() if item[0] != "scenario"}
    coords["scenario_policy"] = ("scenario", list(scenarios))
    coords[STATISTIC] = (STATISTIC, [MEAN, SD, *map(percentile_label, PROBABILITIES), AT_MEAN])
    groups = {"/": xr.Dataset(root, coords, provenance_of(run))}
    if differences:
        groups[DIFFERENCES] = xr.Dataset(differences, coords, {"reference": reference})
    if is_coordinated:
        groups[DIAGNOSTICS] = xr.Dataset(diagnostics_of(scenarios), coords)
    if keep_draws:
        kept = {item.name: (item, draws_of(item, scenarios)) for item in known if item.name in KEPT}
        groups[DRAWS] = draws_group(kept, coords)
    xr.DataTree.from_dict(groups).to_netcdf(path, engine="netcdf4", write_inherited_coords=True)
    return path


def diagnostics_of(scenarios: tuple[str, ...]) -> dict[str, xr.Variable]:
    """Quality of the solver and of what it counts on, nothing of it in the base year."""
    found: dict[str, xr.Variable] = {}
    for item in COORDINATION:
        if item.kind == "diagnostic":
            draws = draws_of(item, scenarios) * (1e-12 if item.name == "allocation_gap" else 0.01)
            draws[..., 0] = 0.0
            found |= variables_of(item, draws)
    return found


def draws_group(kept: dict[str, tuple[Output, np.ndarray]], coords: dict[str, Any]) -> xr.Dataset:
    """Outputs draw by draw, and two inputs: the first drives CO2 alone, the second, a path, drives nothing."""
    variables = {name: (("draw", *output.dims), draws) for name, (output, draws) in kept.items()}
    variables["valid"] = (("draw",), np.ones(N, np.int8))
    driver = np.log(kept["co2_direct_power"][1][:, 0, 0])
    idle = np.random.default_rng(1).standard_normal((N, 2))
    labels = {"long_name": "world.idle", "elements": "world.idle[2020] world.idle[2021]"}
    variables["input_world_driver"] = (("draw",), driver, {"long_name": "world.driver", "elements": "world.driver"})
    variables["input_world_idle"] = (("draw", "input_world_idle_0"), idle, labels)
    dims = {dim for output, _ in kept.values() for dim in output.dims}
    found = {name: item for name, item in coords.items() if item[0] in dims}
    return xr.Dataset(variables, {"draw": np.arange(N)} | found)


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
