"""Two cubes of one question, from priors and from a posterior, as one dataset with the coordinate `belief`."""

import os
from typing import TYPE_CHECKING

from mc.cube.names import BELIEF
from mc.cube.read import open_cube
from mc.errors import InputError

if TYPE_CHECKING:
    import xarray as xr


def open_beliefs(prior: str | os.PathLike[str], posterior: str | os.PathLike[str], group: str = "") -> "xr.Dataset":
    """A group of both cubes along `belief` (prior, posterior), the summary by default.

    Two runs with the same seed share all numbers that the posterior does not decide, so that a difference between the
    two is what was learned.

    Raises:
        InputError: a cube cannot be read, or the two are answers to different questions.
    """
    import xarray as xr

    both = [open_cube(prior, group), open_cube(posterior, group)]
    along = xr.Variable(BELIEF, ["prior", "posterior"])
    try:
        return xr.concat(
            both,
            along,
            data_vars="all",
            coords="minimal",
            compat="equals",
            join="exact",
            combine_attrs="drop_conflicts",
        )
    except ValueError as error:
        what = f"scenarios, years or outputs differ ({str(error).splitlines()[0]})"
        raise InputError(f"{prior}, {posterior}: {what}; run one question") from None
