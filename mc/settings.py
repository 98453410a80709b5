"""How an ensemble is run: draws, blocks, precision, and which statistics are wanted."""

from dataclasses import dataclass

from mc.designs import step_of
from mc.drivers import Driver
from mc.statistics.exceedance import Exceedance as Exceedance

PRECISIONS = ("float32", "float64")


@dataclass(frozen=True)
class Settings:
    """Choices of one run; `draws` may grow later, everything else is part of the identity of a state.

    `quantiles`, `differences`, glob patterns of output names; `probabilities` in (0, 1); `reference` a scenario label;
    `keep` names of outputs kept draw by draw; `failed_share` the share of draws that may fail, 0 to 1; `pilot` the
    number of first draws that fix shifts, scales and bins; `narrow` patterns of outputs whose order statistics
    a further pass looks for (`mc.exact`); `drivers` whose shares of the variance are told apart, for series that fit
    the patterns of `variance_shares`: draws then come in designs (`mc.designs`).
    """

    draws: int = 1024
    block: int = 64
    seed: int = 1
    sampler: str = "sobol"
    scramblings: int = 16
    precision: str = "float32"
    quantiles: tuple[str, ...] = ("*",)
    probabilities: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)
    exceedance: tuple[Exceedance, ...] = ()
    differences: tuple[str, ...] = ()
    reference: str | None = None
    keep: tuple[str, ...] = ()
    failed_share: float = 0.0
    pilot: int = 1024
    narrow: tuple[str, ...] = ()
    drivers: tuple[Driver, ...] = ()
    variance_shares: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no run could do."""
        _require(1 <= self.draws < 2**31, f"draws must lie in 1 to 2^31 - 1: {self.draws}")
        _require(self.pilot >= 1, f"pilot must be 1 or more: {self.pilot}")
        _require(self.scramblings >= 2, f"errors need 2 or more scramblings: {self.scramblings}")
        _require(
            self.block > 0 and self.block % self.scramblings == 0,
            f"block must be a multiple of the {self.scramblings} scramblings: {self.block}",
        )
        _require(bool(self.drivers) or not self.variance_shares, "shares of the variance need drivers")
        _require(
            not self.drivers or not (self.block % self.step or self.draws % self.step),
            f"{len(self.drivers)} drivers in {self.scramblings} scramblings: draws and block must be multiples of "
            f"{self.step}, not {self.draws} and {self.block}",
        )
        _require(self.precision in PRECISIONS, f"precision is one of {PRECISIONS}: {self.precision!r}")
        _require(0 <= self.failed_share <= 1, f"failed_share must lie in 0 to 1: {self.failed_share}")
        _require(all(0 < p < 1 for p in self.probabilities), f"probabilities must lie in (0, 1): {self.probabilities}")
        names = [item.name for item in self.exceedance]
        _require(len(set(names)) == len(names), f"exceedance names must differ: {names}")

    @property
    def step(self) -> int:
        """Draws that belong together: a point, or a design, in each scrambling."""
        return step_of(self.scramblings, len(self.drivers))

    @property
    def allowed(self) -> int:
        """Draws that may fail."""
        return int(self.failed_share * self.draws)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
