"""Monte Carlo ensembles of a metal sector: priors -> one draw of the world -> streamed statistics -> a cube."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ferrocast")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+uninstalled"
