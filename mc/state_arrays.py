"""A state as flat named arrays and plain metadata, for a file, and back."""

from collections.abc import Mapping
from typing import Any

from mc.state import EnsembleState, Failures, Kept, Nested, Pilot
from mc.statistics.contract import Numbers

SEPARATOR = "::"


def to_arrays(state: EnsembleState) -> tuple[dict[str, Numbers], dict[str, Any]]:
    """Flat arrays and JSON-able metadata of a state; `from_arrays` is the inverse, bit for bit.

    Names: `count`, `failures::index`, `statistics::SERIES::KEY::NAME`, `constants::SERIES::KEY::NAME`,
    `at_mean::SERIES`, `kept::index`, `kept::valid`, `kept::inputs::NAME`, `kept::outputs::NAME`.
    """
    arrays = {"count": state.count, "failures::index": state.failures.index}
    for group, nested in (("statistics", state.statistics), ("constants", state.pilot.constants)):
        for series, statistics in nested.items():
            for key, values in statistics.items():
                arrays |= {_name(group, series, key, name): array for name, array in values.items()}
    arrays |= {_name("at_mean", name): array for name, array in state.pilot.at_mean.items()}
    if state.kept is not None:
        arrays |= {"kept::index": state.kept.index, "kept::valid": state.kept.valid}
        arrays |= {_name("kept", "inputs", name): array for name, array in state.kept.inputs.items()}
        arrays |= {_name("kept", "outputs", name): array for name, array in state.kept.outputs.items()}
    metadata = {
        "identity": state.identity,
        "draws": state.draws,
        "ranges": [list(item) for item in state.ranges],
        "pilot_draws": state.pilot.draws,
        "failed": state.failures.number,
        "failed_by_cause": state.failures.causes,
        "failed_cause": list(state.failures.cause),
        "layout": _layout(state.statistics),
        "constants": _layout(state.pilot.constants),
        "at_mean": sorted(state.pilot.at_mean),
    }
    return arrays, metadata


def from_arrays(arrays: Mapping[str, Numbers], metadata: Mapping[str, Any]) -> EnsembleState:
    """State from what `to_arrays` gave; KeyError that names an array which is missing."""
    kept = None
    if "kept::index" in arrays:
        kept = Kept(
            index=arrays["kept::index"],
            valid=arrays["kept::valid"],
            inputs=_group(arrays, "kept::inputs::"),
            outputs=_group(arrays, "kept::outputs::"),
        )
    return EnsembleState(
        identity=dict(metadata["identity"]),
        draws=int(metadata["draws"]),
        ranges=tuple((int(low), int(high)) for low, high in metadata["ranges"]),
        count=arrays["count"],
        statistics=_nested(arrays, "statistics", metadata["layout"]),
        failures=Failures(
            number=int(metadata["failed"]),
            causes={name: int(number) for name, number in metadata["failed_by_cause"].items()},
            index=arrays["failures::index"],
            cause=tuple(metadata["failed_cause"]),
        ),
        pilot=Pilot(
            draws=int(metadata["pilot_draws"]),
            constants=_nested(arrays, "constants", metadata["constants"]),
            at_mean={name: arrays[_name("at_mean", name)] for name in metadata["at_mean"]},
        ),
        kept=kept,
    )


def _name(*parts: str) -> str:
    return SEPARATOR.join(parts)


def _layout(nested: Nested) -> dict[str, dict[str, list[str]]]:
    return {series: {key: list(values) for key, values in of.items()} for series, of in nested.items()}


def _nested(arrays: Mapping[str, Numbers], group: str, layout: Mapping[str, Mapping[str, list[str]]]) -> Nested:
    return {
        series: {key: {name: arrays[_name(group, series, key, name)] for name in names} for key, names in keys.items()}
        for series, keys in layout.items()
    }


def _group(arrays: Mapping[str, Numbers], prefix: str) -> dict[str, Numbers]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
