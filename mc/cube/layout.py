"""Summary of a run -> the groups of a cube."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mc.axes import DRAW, DRIVER
from mc.cube.attributes import cell_methods, coordinates, unit_attributes
from mc.cube.group import Group, Variable
from mc.cube.inputs import inputs_group
from mc.cube.names import (
    AT_MEAN,
    DIAGNOSTICS,
    DIFFERENCES,
    DISPLAY_UNIT,
    DRAWS,
    FIRST,
    INPUTS,
    MCSE,
    MEAN,
    SD,
    STATE,
    STATISTIC,
    TOTAL,
    VARIANCE_SHARES,
    percentile_label,
)
from mc.cube.state import state_group
from mc.cube.units import people_unit
from mc.pose import Posed
from mc.settings import Settings
from mc.state import EnsembleState, Kept
from mc.statistics.contract import Numbers
from mc.summary import SeriesSummary, Summary

if TYPE_CHECKING:
    from mc.checkpoint import Origin

Variables = dict[str, Variable]

ERROR_OF = "Monte Carlo standard error of"


def lay_out(
    posed: Posed,
    settings: Settings,
    summary: Summary,
    provenance: Mapping[str, Any],
    state: EnsembleState,
    saved: "Origin | None" = None,
) -> dict[str, Group]:
    """The groups of the cube of a run, the root (`/`) first; every group carries its own coordinates.

    The state is one of them where `saved` says what it comes from.
    """
    layout = _Layout(posed, settings, summary)
    results = [item for item in summary.series.values() if item.kind == "result" and not item.is_difference]
    groups = {"/": layout.group(results)}
    groups["/"].attrs = {"Conventions": "CF-1.12"} | _clean(provenance) | _counts(summary)
    if differences := [item for item in summary.series.values() if item.is_difference]:
        groups[DIFFERENCES] = layout.group(differences)
        groups[DIFFERENCES].attrs = {"reference": settings.reference or ""}
    if shared := [item for item in summary.series.values() if FIRST in item.value]:
        groups[VARIANCE_SHARES] = layout.variance_shares(shared)
        groups[VARIANCE_SHARES].attrs = {"reference": settings.reference or ""}
    if state.kept is not None:
        groups[DRAWS] = layout.draws(state.kept)
    diagnostics = [item for item in summary.series.values() if item.kind == "diagnostic" and not item.is_difference]
    groups[DIAGNOSTICS] = layout.group(diagnostics)
    groups[DIAGNOSTICS].variables |= _diagnostics(summary)
    groups[INPUTS] = inputs_group(posed)
    if saved is not None:
        groups[STATE] = state_group(state, saved)
    return groups


class _Layout:
    """What every group shares: labels of axes, statistics, width of numbers."""

    def __init__(self, posed: Posed, settings: Settings, summary: Summary) -> None:
        self.study = posed.study
        self.notes = posed.notes
        self.settings = settings
        self.labels = dict(posed.study.coords) | {STATISTIC: _labels(summary.probabilities)}
        self.probabilities = summary.probabilities
        self.dtype = np.dtype(settings.precision)

    def group(self, series: Iterable[SeriesSummary]) -> Group:
        """A variable, its errors, and its probabilities of exceedance, for each series."""
        variables: Variables = {}
        for item in series:
            variables[item.output] = self._statistics(item)
            variables[item.output + MCSE] = self._errors(item)
            variables |= self._exceedance(item)
        return self._dataset(variables)

    def variance_shares(self, series: Iterable[SeriesSummary]) -> Group:
        """First-order and total shares of the drivers; a paired difference goes by `difference_NAME`."""
        drivers = self.settings.drivers
        labels = self.labels | {STATISTIC: (FIRST, TOTAL), DRIVER: tuple(driver.name for driver in drivers)}
        members = np.asarray([" ".join(driver.inputs) for driver in drivers])
        variables: Variables = {"inputs": Variable((DRIVER,), members, {"long_name": "inputs of the driver"})}
        for item in series:
            name = f"difference_{item.output}" if item.is_difference else item.output
            dims = (STATISTIC, DRIVER, *item.dims)
            common = {"units": "1", DISPLAY_UNIT: "1", "statistics": f"{FIRST} {TOTAL}"}
            meaning = f"share of each driver in the variance of {item.long_name}"
            value, error = (
                np.stack([found[FIRST], found[TOTAL]]).astype(self.dtype) for found in (item.value, item.mcse)
            )
            variables[name] = Variable(dims, value, common | {"long_name": meaning, "ancillary_variables": name + MCSE})
            variables[name + MCSE] = Variable(
                dims, error, common | {"long_name": f"{ERROR_OF} the {meaning}"} | self._of_scramblings()
            )
        group = self._dataset(variables, labels)
        group.variables[STATISTIC].attrs["long_name"] = f"{FIRST}: of a driver alone; {TOTAL}: with its interactions"
        return group

    def draws(self, kept: Kept) -> Group:
        """Outputs draw by draw, with the inputs that made them."""
        units = {output.name: output for output in self.study.outputs}
        variables: Variables = {
            DRAW: Variable((DRAW,), kept.index, {"standard_name": "realization", "long_name": "index of the draw"}),
            "valid": Variable(
                (DRAW,), kept.valid.astype(np.int8), {"long_name": "0 where the draw failed", "units": "1"}
            ),
        }
        for name, values in kept.outputs.items():
            output = units[name]
            methods = {"cell_methods": cell_methods(output.unit, output.dims, "point")}
            attributes = unit_attributes(output.unit, output.name) | {"long_name": output.long_name} | methods
            variables[name] = Variable((DRAW, *output.dims), values, attributes)
        labels = {item.name: item.labels for item in self.study.inputs}
        for name, values in kept.inputs.items():
            safe = f"input_{''.join(c if c.isalnum() else '_' for c in name)}"
            dims = (DRAW, *(f"{safe}_{at}" for at in range(values.ndim - 1)))
            variables[safe] = Variable(dims, values, {"long_name": name, "elements": " ".join(labels[name])})
        return self._dataset(variables)

    def _statistics(self, item: SeriesSummary) -> Variable:
        values = {MEAN: item.value[MEAN], SD: item.value[SD], AT_MEAN: item.at_mean}
        values |= self._percentiles(item.value)
        attributes = unit_attributes(item.unit, item.output) | {
            "long_name": item.long_name,
            "cell_methods": cell_methods(item.unit, item.dims, "mean (or what the coordinate statistic says)"),
            "ancillary_variables": item.output + MCSE,
            "statistics": " ".join(label for label in self.labels[STATISTIC] if label in values),
        }
        if item.exact:
            attributes["comment"] = "percentiles are order statistics of the draws, not read from bins"
        return self._stacked(item, values, attributes)

    def _errors(self, item: SeriesSummary) -> Variable:
        values = {MEAN: item.mcse[MEAN], SD: item.mcse[SD]} | self._percentiles(item.mcse)
        attributes = unit_attributes(item.unit, item.output) | {
            "long_name": f"{ERROR_OF} {item.long_name}",
            "cell_methods": cell_methods(item.unit, item.dims, "standard_deviation (of the estimate)"),
        }
        return self._stacked(item, values, attributes | self._of_scramblings())

    def _of_scramblings(self) -> dict[str, Any]:
        """What an error comes from."""
        scramblings = self.settings.scramblings
        return {
            "degrees_of_freedom": scramblings - 1,
            "comment": f"from {scramblings} independent scramblings; use Student's t for an interval",
        }

    def _percentiles(self, named: Mapping[str, Numbers]) -> dict[str, Numbers]:
        if "quantile" not in named:
            return {}
        return {percentile_label(p): named["quantile"][at] for at, p in enumerate(self.probabilities)}

    def _stacked(self, item: SeriesSummary, values: Mapping[str, Numbers], attributes: dict[str, Any]) -> Variable:
        shape = tuple(len(self.labels[dim]) for dim in item.dims)
        missing = np.full(shape, np.nan, self.dtype)
        stacked = np.stack([np.asarray(values.get(str(label), missing)) for label in self.labels[STATISTIC]])
        return Variable((STATISTIC, *item.dims), stacked.astype(self.dtype), attributes)

    def _exceedance(self, item: SeriesSummary) -> Variables:
        variables: Variables = {}
        for wanted in self.settings.exceedance:
            key = f"exceedance/{wanted.name}"
            if key not in item.value:
                continue
            side, level = ("above", wanted.above) if wanted.above is not None else ("below", wanted.below)
            meaning = f"probability that {item.output} is {side} {level:g} {people_unit(item.unit)}"
            methods = cell_methods("1", item.dims, "mean (of the event)")
            common = {"units": "1", DISPLAY_UNIT: "1", "cell_methods": methods}
            variables[wanted.name] = Variable(
                item.dims,
                np.asarray(item.value[key], self.dtype),
                common | {"long_name": meaning, "ancillary_variables": wanted.name + MCSE, "of": item.output},
            )
            variables[wanted.name + MCSE] = Variable(
                item.dims,
                np.asarray(item.mcse[key], self.dtype),
                common | {"long_name": f"{ERROR_OF} the {meaning}"},
            )
        return variables

    def _dataset(self, variables: Variables, labels: Mapping[str, Any] | None = None) -> Group:
        labels = self.labels if labels is None else labels
        dims = dict.fromkeys(dim for variable in variables.values() for dim in variable.dims)
        known = [str(dim) for dim in dims if dim in labels]
        found = coordinates(known, labels, self.notes)
        return Group(found | variables, [name for name, item in found.items() if "bnds" not in item.dims])


def _labels(probabilities: Iterable[float]) -> tuple[str, ...]:
    return (MEAN, SD, *(percentile_label(p) for p in probabilities), AT_MEAN)


def _counts(summary: Summary) -> dict[str, Any]:
    counts = {
        "study": summary.study,
        "draws_valid": summary.valid,
        "draws_failed": summary.failures.number,
        "pilot_draws": summary.pilot_draws,
    }
    return counts | ({"warnings": "\n".join(summary.warnings)} if summary.warnings else {})


def _clean(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _diagnostics(summary: Summary) -> Variables:
    """Failed draws by cause, and how well the bins of the quantiles fitted, series by series."""
    failures, series = summary.failures, list(summary.series)
    outside = [np.max(item.diagnostic.get("outside", 0.0), initial=0.0) for item in summary.series.values()]
    variables: Variables = {
        "series": Variable(("series",), np.asarray(series), {"long_name": "output, or difference/output"}),
        "outside": Variable(
            ("series",),
            np.asarray(outside, np.float32),
            {"long_name": "largest share of draws in the open outer bins of the quantiles", "units": "1"},
        ),
    }
    if failures.number:
        variables |= {
            "cause": Variable(("cause",), np.asarray(list(failures.causes)), {"long_name": "cause of failure"}),
            "failed": Variable(
                ("cause",),
                np.asarray(list(failures.causes.values())),
                {"long_name": "failed draws by cause", "units": "1"},
            ),
            "failed_draw": Variable(
                ("failed_draw",), np.asarray(failures.index), {"long_name": "index of the first failed draws"}
            ),
            "failed_draw_cause": Variable(
                ("failed_draw",), np.asarray(failures.cause), {"long_name": "cause of failure of that draw"}
            ),
        }
    return variables
