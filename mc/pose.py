"""Run file + priors -> the study that is to be run, with names that a run file gets wrong pointed out in it."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mc.axes import PROVINCE, SCENARIO
from mc.designs import design_of
from mc.errors import InputError
from mc.runfile import Run
from mc.runfile.load import suggestion

if TYPE_CHECKING:
    from mc.drivers import Driver
    from mc.model.scenario import Options
    from mc.model.tradeoffs import Question
    from mc.settings import Settings
    from mc.study import Output, Study
    from mc.tables import Priors


@dataclass(frozen=True)
class Posed:
    """A study with what a cube says about it.

    Attributes:
        study: the function of one draw with its inputs and outputs.
        priors: the tables behind it; None for a study that has none.
        variant: what else the function depends on besides its inputs and data.
        notes: per axis, columns of text about its labels, such as names in other languages.
    """

    study: "Study"
    priors: "Priors | None" = None
    variant: str = ""
    notes: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of the priors, empty for a study that has none."""
        return self.priors.digest if self.priors is not None else ""


Model = Callable[[Run, "Priors | None"], Posed]


def pose(run: Run, priors: "Priors | None" = None) -> Posed:
    """The study of a run; `priors` stand in for the folder that the run file names."""
    if run.model.metal not in MODELS:
        raise InputError(
            f"{_place(run, 'model.metal')}: no model of {run.model.metal!r}{suggestion(run.model.metal, MODELS)}; "
            f"there are: {', '.join(MODELS)}"
        )
    posed = MODELS[run.model.metal](run, priors)
    if run.posterior.file:
        from mc.posterior.file import pinned_of

        posed = replace(
            posed, study=replace(posed.study, pinned=pinned_of(run.file.parent, run.posterior.file, posed.study))
        )
    _check_names(run, posed.study.outputs)
    return posed


def settings_of(run: Run, study: "Study") -> "Settings":
    """What the ensemble is told; outputs without provinces always get quantiles."""
    from mc.settings import Exceedance, Settings

    national = (output.name for output in study.outputs if output.kind == "result" and PROVINCE not in output.dims)
    return Settings(
        draws=run.ensemble.draws,
        block=run.ensemble.block,
        seed=run.ensemble.seed,
        sampler=run.ensemble.sampler,
        scramblings=run.ensemble.scramblings,
        precision=run.ensemble.precision,
        quantiles=tuple(dict.fromkeys((*national, *run.statistics.quantiles, *run.statistics.exact))),
        differences=run.statistics.differences,
        reference=run.statistics.reference,
        probabilities=tuple(sorted({*Settings.probabilities, *run.statistics.probabilities})),
        exceedance=tuple(
            Exceedance(name, item.output, item.above, item.below) for name, item in run.exceedance.items()
        ),
        keep=tuple(_fitting(study.outputs, run.keep.outputs)),
        failed_share=run.ensemble.failed_share,
        drivers=_drivers(run, study),
        variance_shares=run.sensitivity.outputs,
        pilot=pilot_of(run.ensemble.draws, run.ensemble.block, design_of(len(run.sensitivity.drivers))),
    )


def _drivers(run: Run, study: "Study") -> "tuple[Driver, ...]":
    """The drivers that a run tells apart; InputError where its inputs cannot be shared out so."""
    from mc.driver_patterns import drivers_of
    from mc.drivers import DriverError, numbers_by_input

    if not run.sensitivity.drivers:
        return ()
    try:
        drivers = drivers_of(run.sensitivity.drivers, study.inputs)
        numbers_by_input(drivers, study.inputs, study.correlations)
    except DriverError as error:
        key = f"sensitivity.drivers.{error.driver or next(iter(run.sensitivity.drivers))}"
        raise InputError(f"{_place(run, key)}: {key if error.driver else 'sensitivity.drivers'}: {error}") from None
    return drivers


LARGEST_PILOT = 1024
"""Draws of the pilot that fixes shifts and bins; they are run again with the others."""


LIKE_ONE = 8
"""Draws of a design that tell the pilot about as much as one: most mixtures differ from A or B in little. A guess; with
too few the bins of quantiles are too narrow, and the cube warns."""


def pilot_of(draws: int, block: int, design: int = 1) -> int:
    """A quarter of a short run, so that it is not run twice; never less than a block."""
    return max(min(draws // 4, LARGEST_PILOT * max(design // LIKE_ONE, 1)), min(block, draws))


def read_priors_of(run: Run) -> "Priors":
    """The priors that a run names, with its replacements."""
    from mc.cached_tables import read_cached_priors

    priors = read_cached_priors(run.priors, run.model.metal)
    for name, (low, mid, high) in run.replace.items():
        try:
            priors = priors.replace(name, low, mid, high)
        except InputError as error:
            raise InputError(f"{_place(run, f'replace.{name}')}: {error}") from None
    return priors


def _steel(run: Run, priors: "Priors | None") -> Posed:
    """The steel chain of `mc.model.chain`."""
    from mc.allocation.coordinated import POLICIES, Bounds
    from mc.model.scenario import Scenario

    for name, scenario in run.scenarios.items():
        _require_known(run, f"scenarios.{name}.policy", scenario.policy, POLICIES)
    priors = priors or read_priors_of(run)
    from mc.model.chain import steel_study

    study = steel_study(
        priors,
        tuple(
            Scenario(name, scenario.policy, Bounds(scenario.keep, scenario.reach_km or math.inf, scenario.pools))
            for name, scenario in run.scenarios.items()
        ),
        _options(run, priors),
        run.model.first_year,
        run.model.last_year,
    )
    notes = _notes(priors)
    notes[SCENARIO] = {"policy": tuple(scenario.policy for scenario in run.scenarios.values())}
    variant = repr((run.scenarios, run.options, run.model))
    return Posed(_named(study, priors, variant), priors, variant, notes)


def _named(study: "Study", priors: "Priors", variant: str) -> "Study":
    """The study with all that its function was made from."""
    return replace(study, variant=f"{priors.digest} {variant}")


def _options(run: Run, priors: "Priors") -> "Options":
    """The switches of a run."""
    from mc.model.scenario import Options

    known = {"hydrogen": HYDROGEN, "copper": COPPER, "accounting": priors.axes["accounting"].labels}
    for name, labels in known.items():
        _require_known(run, f"options.{name}", getattr(run.options, name), labels)
    return Options(run.options.accounting, run.options.hydrogen, run.options.copper)


def _notes(priors: "Priors") -> dict[str, dict[str, tuple[str, ...]]]:
    """Names of labels in other languages, and their groups, by axis."""
    return {
        name: {
            column: texts
            for column in ("name_en", "name_zh", "group")
            if any(texts := tuple(getattr(entry, column) for entry in axis.entries))
        }
        for name, axis in priors.axes.items()
    }


def pose_tradeoffs(run: Run, priors: "Priors | None", question: "Question") -> Posed:
    """The chosen years of a coordinated path: fronts, prices, instruments (`mc.model.tradeoffs`)."""
    from mc.model.tradeoffs import tradeoff_study

    priors = priors or read_priors_of(run)
    study = tradeoff_study(priors, question, _options(run, priors), run.model.first_year, run.model.last_year)
    variant = repr((question, run.options, run.model))
    return Posed(_named(study, priors, variant), priors, variant, _notes(priors))


DIFFERENCE = "difference/"
"""Before the name of an output: its paired difference to the reference (`mc.statistics.plan`)."""

HYDROGEN = ("on_site", "bought")
COPPER = ("unlimited", "limited")

MODELS: dict[str, Model] = {"steel": _steel}
"""Model by the metal that a run file names; another metal of the same chain is one more line."""


def _check_names(run: Run, outputs: "Iterable[Output]") -> None:
    """Every output that the run file names must exist; patterns must fit one."""
    outputs = tuple(outputs)
    asked: list[tuple[str, str, tuple[str, ...]]] = []
    names = tuple(output.name for output in outputs if output.kind != "fault")
    with_scenarios = tuple(output.name for output in outputs if SCENARIO in output.dims)
    asked += [("statistics.quantiles", pattern, names) for pattern in run.statistics.quantiles]
    asked += [("statistics.exact", pattern, names) for pattern in run.statistics.exact]
    asked += [("statistics.differences", pattern, with_scenarios) for pattern in run.statistics.differences]
    asked += [("keep.outputs", pattern, names) for pattern in run.keep.outputs]
    with_differences = (*names, *(f"{DIFFERENCE}{name}" for name in _fitting(outputs, run.statistics.differences)))
    asked += [("sensitivity.outputs", pattern, with_differences) for pattern in run.sensitivity.outputs]
    asked += [(f"exceedance.{name}.output", item.output, with_differences) for name, item in run.exceedance.items()]
    problems = [
        f"{_place(run, key)}: {key}: no output {pattern!r}{suggestion(pattern, known) or _some(known)}"
        for key, pattern, known in asked
        if not any(fnmatchcase(name, pattern) for name in known)
    ]
    clashes = set(run.exceedance) & {name for output in outputs for name in (output.name, f"{output.name}_mcse")}
    problems += [
        f"{_place(run, f'exceedance.{name}')}: exceedance.{name}: an output has this name; choose another"
        for name in sorted(clashes)
    ]
    if problems:
        raise InputError("\n".join(problems))


def _require_known(run: Run, key: str, value: str, known: Iterable[str]) -> None:
    known = tuple(known)
    if value not in known:
        raise InputError(
            f"{_place(run, key)}: {key} = {value!r}: must be one of {', '.join(known)}{suggestion(value, known)}"
        )


def _fitting(outputs: "Iterable[Output]", patterns: Iterable[str]) -> list[str]:
    patterns = tuple(patterns)
    return [output.name for output in outputs if any(fnmatchcase(output.name, pattern) for pattern in patterns)]


def _place(run: Run, key: str) -> str:
    origin = run.origins.get(key, "default")
    return str(run.file) if origin == "default" else origin


def _some(known: tuple[str, ...]) -> str:
    return f"; there are: {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"
