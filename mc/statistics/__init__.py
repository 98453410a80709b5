"""Statistics of an ensemble: add one by writing a class with the contract and naming it in STATISTICS."""

from mc.statistics.contract import Estimates as Estimates
from mc.statistics.contract import PilotView as PilotView
from mc.statistics.contract import Statistic as Statistic
from mc.statistics.exceedance import Exceedance
from mc.statistics.moments import Moments
from mc.statistics.narrowing import Narrowing
from mc.statistics.quantiles import Quantiles
from mc.statistics.variance_shares import VarianceShares

STATISTICS: dict[str, type[Statistic]] = {
    "moments": Moments,
    "quantiles": Quantiles,
    "exceedance": Exceedance,
    "narrowing": Narrowing,
    "variance_shares": VarianceShares,
}
