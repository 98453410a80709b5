"""How fast is a cube written? Draws of eight outputs by province and year, as `[keep]` stores them; and raw."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr
from measuring import report

from mc.cube.write import write_cube

DRAWS, YEARS, PROVINCES, OUTPUTS = 2000, 41, 28, 8


def draws(count: int) -> xr.Dataset:
    """Smooth numbers with noise, float32, which compress as results do."""
    rng = np.random.default_rng(1)
    level = rng.lognormal(3, 1, (1, PROVINCES, 1)) * np.linspace(1, 0.3, YEARS)
    shape = (count, PROVINCES, YEARS)
    dims = ("draw", "province", "year")
    return xr.Dataset(
        {f"output_{at}": (dims, (level * rng.lognormal(0, 0.3, shape)).astype(np.float32)) for at in range(OUTPUTS)}
    )


def main() -> None:
    """Print MB a second of both, of the arrays' size."""
    count = DRAWS // 8 if "--quick" in sys.argv else DRAWS
    data = draws(count)
    size = data.nbytes / 1e6
    with tempfile.TemporaryDirectory() as folder:
        cube, raw = Path(folder) / "cube.nc", Path(folder) / "raw.nc"
        begin = time.perf_counter()
        write_cube({"/": data}, cube.with_suffix(".part"), cube)
        ours = time.perf_counter() - begin
        begin = time.perf_counter()
        data.to_netcdf(raw, engine="netcdf4")
        plain = time.perf_counter() - begin
        begin = time.perf_counter()
        xr.load_dataset(cube)
        reading = time.perf_counter() - begin
        report(
            "cube write",
            draws=count,
            mb=size,
            cube_mb_per_s=size / ours,
            raw_mb_per_s=size / plain,
            read_mb_per_s=size / reading,
            ratio=raw.stat().st_size / cube.stat().st_size,
        )


if __name__ == "__main__":
    main()
