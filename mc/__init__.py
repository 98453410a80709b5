"""Monte Carlo ensembles of a metal sector: priors -> one draw of the world -> streamed statistics -> a cube.

>>> import mc
>>> priors = mc.read_priors("priors")
>>> cube = mc.make_cube("runs/smoke.toml", priors=priors)
>>> summary = mc.open_cube(cube)

The public names are imported when they are first used: `import mc` alone imports neither JAX nor xarray.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mc.cube import open_cube as open_cube
    from mc.cube.beliefs import open_beliefs as open_beliefs
    from mc.ensemble import Settings as Settings
    from mc.ensemble import run_ensemble as run_ensemble
    from mc.posterior.file import open_posterior as open_posterior
    from mc.run import make_cube as make_cube
    from mc.runfile import Run as Run
    from mc.runfile import load_run as load_run
    from mc.study import Input as Input
    from mc.study import Output as Output
    from mc.study import Prior as Prior
    from mc.study import Study as Study
    from mc.summary import finish as finish
    from mc.tables import Priors as Priors
    from mc.tables import read_priors as read_priors

HOMES = {
    "read_priors": "mc.tables",
    "Priors": "mc.tables",
    "load_run": "mc.runfile",
    "Run": "mc.runfile",
    "make_cube": "mc.run",
    "open_cube": "mc.cube",
    "open_beliefs": "mc.cube.beliefs",
    "open_posterior": "mc.posterior.file",
    "Prior": "mc.study",
    "Input": "mc.study",
    "Output": "mc.study",
    "Study": "mc.study",
    "Settings": "mc.ensemble",
    "run_ensemble": "mc.ensemble",
    "finish": "mc.summary",
}
"""Module of every public name, in the order of the work."""

try:
    __version__ = version("ferrocast")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+uninstalled"


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'mc' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *HOMES])
