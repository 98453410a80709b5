"""Whichever ArviZ is installed reads a posterior file: 0.23 as InferenceData, 1 and its parts as a tree of xarray."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from posterior_study import groups_without_sampling

from mc.cube.write import write_cube

WANTED = {"prior", "prior_predictive", "posterior", "posterior_predictive", "log_likelihood", "log_prior",
          "sample_stats", "observed_data", "constant_data", "latents", "learned"}  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = 1.3 + 0.15 * np.arange(10) + 0.3 * np.random.default_rng(5).standard_normal(10)
    path = tmp_path_factory.mktemp("arviz") / "line.posterior.nc"
    write_cube({"/": xr.Dataset(attrs={"title": "line"})} | groups_without_sampling(values, 2006),
               path.with_suffix(".part"), path)  # fmt: skip
    return path


def opened(package: str, file: Path) -> tuple[Any, set[str]]:
    """What a package reads, and the names of its groups."""
    library = pytest.importorskip(package)
    if not hasattr(library, "from_netcdf"):
        pytest.skip(f"{package} reads no file itself")
    found = library.from_netcdf(file)
    names = found.groups() if callable(found.groups) else found.groups
    return found, {name.strip("/") for name in names}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", ["arviz", "arviz_base"])
def test_every_group_is_read(package: str, file: Path) -> None:
    found, names = opened(package, file)
    assert names >= WANTED
    level = found["posterior"]["level"]
    assert level.dims == ("chain", "draw")
    assert found["posterior_predictive"]["line"].dims == ("chain", "draw", "line_year")
    assert found["observed_data"]["line_group"].values.tolist() == ["survey"] * 7
    assert found["constant_data"]["line_sd"].values.tolist() == [0.3] * 7
    written = xr.load_dataset(file, group="posterior")["level"]
    assert np.array_equal(level.values, written.values)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", ["arviz", "arviz_stats"])
def test_summary_and_cross_validation_run(package: str, file: Path) -> None:
    library = pytest.importorskip(package)
    found = library.from_netcdf(file) if hasattr(library, "from_netcdf") else xr.open_datatree(file, engine="netcdf4")
    assert {"level", "slope"} <= set(library.summary(found, var_names=["level", "slope"]).index)
    result = library.loo(found, var_name="line", pointwise=True)
    assert np.isfinite(getattr(result, "elpd", None) or result.elpd_loo)
