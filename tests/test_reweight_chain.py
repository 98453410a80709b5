from pathlib import Path

import numpy as np
import pytest

from mc.cube import open_cube
from mc.errors import RunFailed
from mc.reweight import make_reweighted
from mc.run import make_cube
from mc.runfile import load_run

ROOT = Path(__file__).parents[1]
PRIORS = ROOT / "priors"
HEADER = "series,year,value,unit,error,sd,group,role,weight,source"


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,024 draws of the steel chain under one policy."""
    out = tmp_path_factory.mktemp("chain") / "steel.nc"
    run = load_run(ROOT / "runs" / "reweight.toml", {"ensemble.draws": 1024})
    return make_cube(run.model_copy(update={"cube": out}))


def table(folder: Path, *rows: str) -> Path:
    file = folder / "seen.csv"
    file.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return file


@pytest.mark.slow
def test_reported_output_narrows_the_years_it_speaks_of(cube: Path, tmp_path: Path) -> None:
    out = tmp_path / "seen.nc"
    found = make_reweighted(cube, PRIORS / "steel" / "reported.csv", out)
    assert found.weights.khat < 0.55
    steel = open_cube(out)["crude_steel"].sel(statistic="sd")
    ratio = steel.sel(belief="posterior") / steel.sel(belief="prior").where(steel.sel(belief="prior") > 1)
    assert float(ratio.sel(year=2024)) < 0.6
    assert float(ratio.sel(year=2024)) < float(ratio.sel(year=2060))
    # What the demand of a few years cannot know.
    share = open_cube(out)["scrap_supply"].sel(statistic="sd", year=2020)
    assert float(share.sel(belief="posterior") / share.sel(belief="prior")) == pytest.approx(1, abs=0.15)


@pytest.mark.slow
def test_one_weak_study_of_the_past_can_be_used_and_all_of_it_cannot(cube: Path, tmp_path: Path) -> None:
    stock = ("steel_stock_per_head,2010,3.8,t/person,lognormal,0.08,top,fit,1,t",)
    found = make_reweighted(cube, table(tmp_path, *stock), tmp_path / "seen.nc", priors=PRIORS)
    assert found.weights.khat < 0.55
    before, after = (open_cube(tmp_path / "seen.nc", name) for name in ("prior", "posterior"))
    moved = (after.mean() - before.mean()) / before.std()
    largest = max(float(np.abs(moved[name]).max()) for name in moved.data_vars if np.isfinite(moved[name]).any())
    assert 0.1 < largest < 2
    everything = tmp_path / "observed.csv"
    lines = (PRIORS / "steel" / "observed.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.startswith(("series", "pig_iron,20", "scrap_used,200", "eaf_share,200"))]
    everything.write_text("\n".join(kept) + "\n", encoding="utf-8")
    (tmp_path / "errors.csv").write_bytes((PRIORS / "steel" / "errors.csv").read_bytes())
    with pytest.raises(RunFailed, match="Nothing was written"):
        make_reweighted(cube, everything, tmp_path / "no.nc", priors=PRIORS)
