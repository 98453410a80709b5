"""From the rows of one quantity to what the engine draws, and for every element the place its value comes from."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mc.inputs.curves import monotone
from mc.study import Input, Prior
from mc.tables.dependence import Dependence, paths
from mc.tables.elements import Combination, Elements
from mc.tables.rows import Row, label_of

DEFAULT_PERSISTENCE = 1.0
"""Of a path that a replaced row made uncertain: all its years move together."""

Slot = tuple[str, int]
"""Where a value comes from: an input and the position in it, or "" and the position among the fixed values."""


@dataclasses.dataclass
class Elicited:
    """What the rows of a quantity amount to for one run.

    Attributes:
        inputs: what is drawn.
        fixed: values that no draw changes.
        slots: the slot of every year (one for quantities without years) of every combination that has rows.
    """

    inputs: list[Input] = dataclasses.field(default_factory=list)
    fixed: list[float] = dataclasses.field(default_factory=list)
    slots: dict[Combination, list[Slot]] = dataclasses.field(default_factory=dict)

    def hold(self, value: float) -> Slot:
        """Keep a value that no draw changes."""
        self.fixed.append(value)
        return "", len(self.fixed) - 1


@dataclasses.dataclass(frozen=True)
class _Element:
    combination: Combination
    label: str
    prior: Prior
    dimension: int | None


def elicit(
    elements: Elements, years: Sequence[int], dependence: Sequence[Dependence], held: Mapping[str, float]
) -> Elicited:
    """Make the inputs of a quantity; `held` has the value of every scalar quantity that is fixed (persistences)."""
    found = Elicited()
    along = paths(elements, dependence)
    plain: list[_Element] = []
    for combination in (key for key in elements.owners if key in elements.rows):
        rows = elements.rows[combination]
        if elements.time == "year" and not any(row.uncertain for row in rows):
            known = smooth(years, _anchors(rows), [row.mid for row in rows])
            found.slots[combination] = [found.hold(value) for value in known.tolist()]
        elif elements.time == "year" or combination in along:
            row, dimensions = along.get(combination, (None, ()))
            priors = interpolated(rows, years) if elements.time == "year" else _stated(elements, rows, years)
            _path(found, elements.label(combination), combination, priors, years, dimensions, _persistence(row, held))
        else:
            plain += _elements(elements, combination, rows, years)
    for group in _shares(plain):
        _add(found, label_of(elements.name, group[0].combination[:-1]), group, elements, None)
    rest = [element for element in plain if element.prior.family != "dirichlet"]
    shared = next((row for row in dependence if row.kind == "shared" and row.first == elements.name), None)
    _add(found, elements.name, rest, elements, shared)
    return found


def choice(rows: Sequence[Row]) -> Prior:
    """The prior of a choice from its options; fixed where one option has all the weight."""
    weights = np.array([row.mid for row in rows])
    likely = float(weights.argmax())
    if np.count_nonzero(weights) == 1:
        return Prior("fixed", likely, likely, likely)
    return Prior("choice", 0.0, likely, len(rows) - 1.0, weights=tuple((weights / weights.sum()).tolist()))


def smooth(years: Sequence[int], at: NDArray[np.float64], values: Sequence[float]) -> NDArray[np.float64]:
    """Values between anchors by monotone cubics (Fritsch and Carlson 1980), held constant outside.

    Straight lines would bend at every anchor, and what follows the growth of people and income would jump there.
    """
    if len(at) == 1:
        return np.full(len(years), values[0])
    inside = np.clip(np.asarray(years, dtype=np.float64), at[0], at[-1])
    return monotone(inside, at, np.asarray(values, dtype=np.float64))


def interpolated(rows: Sequence[Row], years: Sequence[int]) -> list[Prior]:
    """The prior of every year of an uncertain path: low, mid and high each go smoothly between anchor years."""
    at = _anchors(rows)
    uncertain = [position for position, row in enumerate(rows) if row.uncertain]
    priors = [row.prior for row in rows]
    mid = smooth(years, at, [prior.mid for prior in priors])
    # Each curve stays within its anchors, so that no point leaves the support; where they touch, order is restored.
    low = np.minimum(smooth(years, at, [prior.low for prior in priors]), mid)
    high = np.maximum(smooth(years, at, [prior.high for prior in priors]), mid)
    family = rows[uncertain[0]].family
    bounds = [
        np.interp(years, at[uncertain], [getattr(priors[position], name) for position in uncertain])
        if all(np.isfinite(getattr(priors[position], name)) for position in uncertain)
        else np.full(len(years), getattr(priors[uncertain[0]], name))
        for name in ("minimum", "maximum")
    ]
    return [
        Prior(family, *points) if points[0] < points[2] else Prior("fixed", points[1], points[1], points[1])
        for points in zip(low.tolist(), mid.tolist(), high.tolist(), *(bound.tolist() for bound in bounds), strict=True)
    ]


def _anchors(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Years that the rows of a path speak of."""
    return np.array([float(row.labels[-1]) for row in rows])


def _stated(elements: Elements, rows: Sequence[Row], years: Sequence[int]) -> list[Prior]:
    """The prior of every year of a history; a year without a row has the default."""
    default = elements.quantity.default or 0.0
    by_year = {int(row.labels[-1]): row.prior for row in rows}
    return [by_year.get(year, Prior("fixed", default, default, default)) for year in years]


def _elements(
    elements: Elements, combination: Combination, rows: Sequence[Row], years: Sequence[int]
) -> list[_Element]:
    """The elements of a combination that are drawn on their own: one, or one for each year of a history."""
    if elements.time == "history":
        dimensions = {int(row.labels[-1]): row.dimension for row in rows}
        return [
            _Element(combination, label_of(elements.name, (*combination, str(year))), prior, dimensions.get(year))
            for year, prior in zip(years, _stated(elements, rows, years), strict=True)
        ]
    prior = choice(rows) if rows[0].option else rows[0].prior
    return [_Element(combination, elements.label(combination), prior, rows[0].dimension)]


def _shares(plain: Sequence[_Element]) -> list[list[_Element]]:
    groups: dict[Combination, list[_Element]] = {}
    for element in plain:
        if element.prior.family == "dirichlet":
            groups.setdefault(element.combination[:-1], []).append(element)
    return list(groups.values())


def _persistence(row: Dependence | None, held: Mapping[str, float]) -> float | str:
    if row is None:
        return DEFAULT_PERSISTENCE
    if row.value is not None:
        return row.value
    return held.get(row.second, row.second)


def _path(
    found: Elicited,
    name: str,
    combination: Combination,
    priors: Sequence[Prior],
    years: Sequence[int],
    dimensions: Sequence[int],
    persistence: float | str,
) -> None:
    """Add one path in time; a path whose every year is known is data."""
    if all(prior.family == "fixed" for prior in priors):
        found.slots[combination] = [found.hold(prior.mid) for prior in priors]
        return
    count = len(years)
    labels = tuple(label_of(name.partition("[")[0], (*combination, str(year))) for year in years)
    taken = (*dimensions, *(None,) * count)[:count]
    found.inputs.append(Input(name, tuple(priors), (count,), labels, taken, persistence=persistence))
    found.slots[combination] = [(name, position) for position in range(count)]


def _add(found: Elicited, name: str, group: Sequence[_Element], elements: Elements, shared: Dependence | None) -> None:
    """Add the uncertain ones of a group as one input, and hold the others."""
    drawn: list[_Element] = []
    for element in group:
        if element.prior.family == "fixed":
            slot = found.hold(element.prior.mid)
        else:
            slot = name, len(drawn)
            drawn.append(element)
        found.slots.setdefault(element.combination, []).append(slot)
    if not drawn:
        return
    together = shared is not None and len(drawn) > 1
    found.inputs.append(
        Input(
            name,
            tuple(element.prior for element in drawn),
            (len(drawn),) if elements.quantity.axes else (),
            tuple(element.label for element in drawn),
            tuple(element.dimension for element in drawn),
            shared=(shared.value or 0.0) if shared is not None and together else 0.0,
            shared_dimension=shared.dimension if shared is not None and together else None,
        )
    )
