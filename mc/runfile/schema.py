"""What a run file may say: sections, keys, types, ranges, defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mc.designs import step_of

MAX_DRAWS = 2**30
"""Histogram counts are 32-bit integers, and a draw's index is a 32-bit word."""

MAX_BLOCK = 65_536

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that is safe in a file name and in a variable of a cube."""

Text = Annotated[str, StringConstraints(max_length=500)]


class Section(BaseModel):
    """Base of all sections: nothing is converted, nothing unknown is accepted, nothing can be changed later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, str_max_length=1_000)


class Model(Section):
    """Which world: the folder of priors, the metal, the years."""

    priors: str
    metal: Name = "steel"
    first_year: int = Field(2020, ge=2020, le=2020)
    last_year: int = Field(2060, ge=2021, le=2100)

    @model_validator(mode="after")
    def _years_in_order(self) -> "Model":
        if self.last_year <= self.first_year:
            raise ValueError("last_year must be after first_year")
        return self


class Scenario(Section):
    """One member of the scenario axis; all scenarios share the draws.

    A coordinated policy may be bound: `keep` is the share of its scrap that a province keeps for itself, `reach_km` the
    longest haul, `pools` ends trade at the border of a region (column `group` of the province axis).
    """

    policy: Name
    keep: float = Field(0.0, ge=0.0, le=1.0)
    reach_km: float | None = Field(None, gt=0.0)
    pools: bool = False


class Options(Section):
    """Switches of the model that hold for all scenarios."""

    accounting: Name = "stack_monitoring"
    hydrogen: Name = "on_site"
    copper: Name = "unlimited"


class Ensemble(Section):
    """How many draws, and how they are made."""

    draws: int = Field(1024, ge=2, le=MAX_DRAWS)
    block: int = Field(64, ge=1, le=MAX_BLOCK)
    seed: int = Field(1, ge=0, lt=2**32)
    sampler: Literal["sobol", "plain", "latin"] = "sobol"
    scramblings: int = Field(16, ge=2, le=1024)
    precision: Literal["float32", "float64"] = "float32"
    failed_share: float = Field(0.0, ge=0.0, le=1.0)
    device: Literal["auto", "cpu", "gpu"] = "auto"
    until: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _blocks_hold_whole_rounds(self) -> "Ensemble":
        if self.block % self.scramblings:
            raise ValueError(f"block = {self.block} must be a multiple of scramblings = {self.scramblings}")
        if self.draws < 2 * self.scramblings:
            raise ValueError(
                f"draws = {self.draws}: at least two in each of {self.scramblings} scramblings are needed for "
                f"standard errors: {2 * self.scramblings} or more"
            )
        return self


class Statistics(Section):
    """Which outputs get quantiles (national ones always do), exact ones, and paired differences (patterns allowed).

    `probabilities` are quantiles besides those of every run.
    """

    quantiles: tuple[Text, ...] = ()
    exact: tuple[Text, ...] = ()
    probabilities: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...] = Field((), max_length=16)
    differences: tuple[Text, ...] = ()
    reference: Name | None = None


class Exceedance(Section):
    """The probability that an output lies above or below a threshold (in the unit of the output)."""

    output: Text
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> "Exceedance":
        if (self.above is None) == (self.below is None):
            raise ValueError("state exactly one of above and below")
        return self


class Sensitivity(Section):
    """What drives the spread: shares of the variance of some outputs, driver by driver.

    A driver is a name and patterns (`*`, `?`) of inputs, which are quantities of the tables (`scrap.prompt_recovery`);
    every input that varies belongs to one, of two that fit to the one whose pattern says more, so `["*"]` takes the
    rest. `outputs` are patterns too; `difference/NAME` is a paired difference.
    """

    outputs: tuple[Text, ...] = ()
    drivers: Mapping[Name, Annotated[tuple[Text, ...], Field(min_length=1)]] = Field({}, max_length=254)

    @model_validator(mode="after")
    def _both_or_neither(self) -> "Sensitivity":
        if self.outputs and not self.drivers:
            raise ValueError('state drivers, the groups of inputs to tell apart, such as rest = ["*"]')
        if self.drivers and not self.outputs:
            raise ValueError("state outputs, whose spread is shared out")
        return self


class Keep(Section):
    """What is kept beyond the summary: outputs draw by draw, and the sums that a later run can be merged with."""

    outputs: tuple[Text, ...] = ()
    state: bool = False


class Posterior(Section):
    """What statistics of the past have to say: draws from a posterior file, and what a fit reads.

    `file` is a posterior that `ferrocast fit` wrote: a run draws from it in place of the priors. The others are for the
    fit. `observed` are tables in the metal's folder. Names in `off`, `hold_out`, `weights` and `regroup` are series,
    groups or sources of the observations.
    """

    file: Text = ""
    observed: tuple[Text, ...] = Field(("observed.csv",), min_length=1)
    hold_out_after: int | None = Field(None, ge=1950, le=2100)
    hold_out: tuple[Text, ...] = ()
    off: tuple[Text, ...] = ()
    weights: Mapping[Text, Annotated[float, Field(gt=0.0, le=1.0)]] = {}
    regroup: Mapping[Text, Text] = {}
    replace: Mapping[Text, tuple[float, float, float]] = {}


class Destination(Section):
    """Where the cube goes (empty: out/<name of the run file>.nc beside the run file); seconds between saved states."""

    cube: Text = ""
    save_every: float = Field(30.0, ge=0.0, le=86_400.0)


class RunFile(Section):
    """All that a run file may hold."""

    title: Text = ""
    model: Model
    scenarios: Mapping[Name, Scenario] = Field(min_length=1, max_length=32)
    options: Options = Options()
    replace: Mapping[Text, tuple[float, float, float]] = {}
    ensemble: Ensemble = Ensemble()
    statistics: Statistics = Statistics()
    exceedance: Mapping[Name, Exceedance] = {}
    sensitivity: Sensitivity = Sensitivity()
    keep: Keep = Keep()
    posterior: Posterior = Posterior()
    output: Destination = Destination()

    @property
    def step(self) -> int:
        """Draws that belong together."""
        return step_of(self.ensemble.scramblings, len(self.sensitivity.drivers))

    @model_validator(mode="after")
    def _inputs_are_independent(self) -> "RunFile":
        if self.sensitivity.drivers and self.posterior.file:
            raise ValueError(
                "inputs that were learned together depend on one another and have no shares of the variance: take out "
                "sensitivity.drivers or posterior.file"
            )
        return self

    @model_validator(mode="after")
    def _reference_is_a_scenario(self) -> "RunFile":
        statistics = self.statistics
        if statistics.differences and statistics.reference is None:
            raise ValueError("statistics.differences need statistics.reference, the scenario that is subtracted")
        if statistics.reference is not None and statistics.reference not in self.scenarios:
            names = ", ".join(self.scenarios)
            raise ValueError(f"statistics.reference = {statistics.reference!r} is no scenario; there are: {names}")
        return self


class Run(RunFile):
    """A question, ready to be answered: a checked run file with the place of every value.

    Attributes:
        file: the run file.
        priors: the folder of priors, absolute.
        cube: where the answer goes, absolute.
        origins: where each value comes from: a line of a file, an option, a variable, or "default".
    """

    file: Path = Field(exclude=True)
    priors: Path = Field(exclude=True)
    cube: Path = Field(exclude=True)
    origins: Mapping[str, str] = Field(exclude=True, repr=False)
