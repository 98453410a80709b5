"""Host side of a plan: fits every prior, lays the columns out, and says where each element finds its number."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mc.dependence import correlation_factor, correlation_matrix, path_basis, shares_concentration, shares_rows
from mc.designs import design_of
from mc.distributions import family_of, fitted
from mc.distributions.discrete import NEVER
from mc.distributions.family import Floats
from mc.draws.layout import Element, Layout, factor_label, latent_label, lay_out
from mc.draws.plan import DrawPlan, Group, Paths
from mc.drivers import Driver, numbers_by_input
from mc.samplers import Sampler, sampler_of
from mc.samplers.pick_freeze import PickFreeze
from mc.samplers.pinned import PinnedSampler
from mc.study import Correlation, Input, Pinned, check_inputs


def plan_draws(
    inputs: Iterable[Input],
    correlations: Iterable[Correlation] = (),
    sampler: str = "sobol",
    seed: int = 1,
    scramblings: int = 16,
    draws: int | None = None,
    *,
    repair: bool = False,
    pinned: Pinned | None = None,
    drivers: Sequence[Driver] = (),
) -> DrawPlan:
    """Plan of the draws; `draws` sizes a Latin hypercube, `repair` allows the nearest possible correlations.

    Columns that are `pinned` take their rows instead: draw i one that (seed, i) decides. With `drivers` draws come in
    designs that tell their shares of the variance apart (`mc.samplers.pick_freeze`).
    """
    inputs, correlations = tuple(inputs), tuple(correlations)
    check_inputs(inputs, correlations)
    if drivers:
        if pinned is not None:
            raise ValueError("what was learned together depends on one another, and has no shares of the variance")
        designs = None if draws is None else draws // design_of(len(drivers))
        inner = sampler_of(sampler, seed, scramblings, designs)
        driver = _driver_by_column(inputs, numbers_by_input(drivers, inputs, correlations))
        return _plan(inputs, correlations, PickFreeze(inner, driver, len(drivers)), repair)
    chosen = sampler_of(sampler, seed, scramblings, draws)
    if pinned is None:
        return _plan(inputs, correlations, chosen, repair)
    plan = _plan(inputs, correlations, PinnedSampler(chosen, pinned, seed), repair)
    return replace(plan, _stated_means=pinned.means)


def _driver_by_column(inputs: Iterable[Input], numbers: Mapping[str, int]) -> dict[str, int]:
    """Number of the driver of every column that an input can have, by label."""
    return {
        label: numbers[item.name]
        for item in inputs
        if item.name in numbers
        for label in (*item.labels, factor_label(item), *(latent_label(item, k) for k in range(len(item.labels))))
    }


def _plan(
    inputs: tuple[Input, ...],
    correlations: tuple[Correlation, ...],
    sampler: Sampler,
    repair: bool,
) -> DrawPlan:
    layout = lay_out(inputs, correlations)
    copula = _of_kind(layout, "copula", lambda e: (e.dimension is None, e.dimension or 0, e.label))
    shared = _of_kind(layout, "shared", lambda e: layout.scored[e.label])
    constant = _of_kind(layout, "constant", lambda e: e.prior.family)
    factors = list(dict.fromkeys(e.owner for e in shared + constant))
    labels = [e.label for e in copula]
    matrix = correlation_matrix(labels, correlations)
    factor, distance = correlation_factor(labels, matrix, repair) if copula else (matrix, 0.0)

    # Dependent scores are appended to the independent ones in this order.
    address = {**layout.scored, **_numbered((*copula, *shared, *constant), len(layout.scored_columns))}
    groups = _groups([e for e in layout.elements if e.kind not in ("path", "fixed")], layout, address)
    fixed = _of_kind(layout, "fixed", lambda _: 0)
    value = _numbered([e for group in groups for e in group.elements] + fixed)

    walks = [item for item in inputs if item.persistence is not None and item.persistence != 1]
    paths, path_numbers = _paths(walks, layout, value) if walks else (None, None)
    path_groups = _groups([e for e in layout.elements if e.kind == "path"], layout, _path_address(walks))
    value |= _numbered([e for group in path_groups for e in group.elements], len(value))
    rows = _rows(layout.elements)
    numbers = {
        "groups": [_stack([rows[e.label] for e in group.elements]) for group in groups],
        "path groups": [_stack([rows[e.label] for e in group.elements]) for group in path_groups],
        "fixed": np.array([e.prior.mid for e in fixed]),
        "copula": factor,
        "common": _factor_weights(factors, (*shared, *constant)),
        "apart": np.sqrt([1 - e.owner.shared for e in shared]),
        "paths": path_numbers,
        "one": np.array(1.0),
    }
    return DrawPlan(
        inputs=inputs,
        sampler=sampler,
        columns=layout.columns,
        tables={"sampler": sampler.tables(layout.columns), "numbers": numbers},
        repair_distance=distance,
        _layout=layout,
        _copula=tuple(layout.scored[label] for label in labels),
        _shared=tuple(layout.scored[e.label] for e in shared),
        _factors=tuple(layout.scored[factor_label(item)] for item in factors),
        _paths=paths if path_groups else None,
        _groups=groups,
        _path_groups=path_groups,
        _outputs=tuple((item, tuple(value[label] for label in item.labels)) for item in inputs),
    )


def _of_kind(layout: Layout, kind: str, order: Callable[[Element], Any]) -> list[Element]:
    return sorted((e for e in layout.elements if e.kind == kind), key=order)


def _numbered(elements: Iterable[Element], start: int = 0) -> dict[str, int]:
    return {element.label: start + k for k, element in enumerate(elements)}


def _groups(elements: Sequence[Element], layout: Layout, address: dict[str, int]) -> tuple[Group, ...]:
    groups = []
    for family in dict.fromkeys(e.prior.family for e in elements):
        mine = [e for e in elements if e.prior.family == family]
        plain = sorted((e for e in mine if e.label in layout.uniform), key=lambda e: layout.uniform[e.label])
        scored = sorted((e for e in mine if e.label not in layout.uniform), key=lambda e: address[e.label])
        groups.append(
            Group(
                family,
                (*plain, *scored),
                tuple(layout.uniform[e.label] for e in plain),
                tuple(address[e.label] for e in scored),
            )
        )
    return tuple(groups)


def _factor_weights(factors: Sequence[Input], elements: Sequence[Element]) -> Floats:
    """Weight of every common factor (row) in every element (column), one a column."""
    place = {item.name: k for k, item in enumerate(factors)}
    weights = np.zeros((len(factors), len(elements)))
    for k, element in enumerate(elements):
        weights[place[element.owner.name], k] = 1.0 if element.kind == "constant" else np.sqrt(element.owner.shared)
    return weights


def _path_address(walks: Sequence[Input]) -> dict[str, int]:
    years = _longest(walks)
    return {label: k * years + t for k, item in enumerate(walks) for t, label in enumerate(item.labels)}


def _longest(walks: Sequence[Input]) -> int:
    return max((len(item.labels) for item in walks), default=0)


def _paths(walks: Sequence[Input], layout: Layout, value: dict[str, int]) -> tuple[Paths, dict[str, Floats]]:
    by_name = {item.name: item for item in (element.owner for element in layout.elements)}
    latents = [
        [[k for k, at in enumerate(item.dimensions) if (at is None) == hashed] for item in walks]
        for hashed in (False, True)
    ]
    widths = [max(map(len, side)) for side in latents]
    basis = np.zeros((len(walks), sum(widths), _longest(walks)))
    places: list[list[int]] = [[], []]
    for p, item in enumerate(walks):
        rows = path_basis(_central_persistence(item, by_name), len(item.labels))
        for side, width, start in zip((0, 1), widths, (0, widths[0]), strict=True):
            numbers = latents[side][p]
            basis[p, start : start + len(numbers), : len(item.labels)] = rows[numbers]
            mine = [layout.scored[latent_label(item, k)] for k in numbers]
            places[side] += mine + [0] * (width - len(numbers))  # padding has no weight
    stated = [0.0 if isinstance(item.persistence, str) else item.persistence for item in walks]
    drawn = [
        len(walks) + value[by_name[item.persistence].labels[0]] if isinstance(item.persistence, str) else p
        for p, item in enumerate(walks)
    ]
    paths = Paths(tuple(places[0]), tuple(places[1]), len(walks), tuple(drawn))
    return paths, {"basis": basis, "persistence": np.array(stated, np.float64)}


def _central_persistence(item: Input, by_name: dict[str, Input]) -> float:
    if not isinstance(item.persistence, str):
        return float(item.persistence or 0.0)
    prior = by_name[item.persistence].priors[0]
    family = family_of(prior)
    row = fitted(prior)
    low, high = (float(end) for end in family.support(row))
    if low < 0 or high > 1:
        raise ValueError(f"{item.name}: persistence {item.persistence!r} spans [{low:g}, {high:g}], beyond [0, 1]")
    return float(family.mean(row))


def _rows(elements: Iterable[Element]) -> dict[str, Floats]:
    """Fitted parameters of every element; an impossible prior is named by its label."""
    rows: dict[str, Floats] = {}
    for element in elements:
        if element.label in rows:
            continue
        if element.kind == "share":
            concentrations = shares_concentration(element.owner.name, element.owner.priors)
            rows.update(zip(element.owner.labels, shares_rows(concentrations), strict=True))
            continue
        try:
            rows[element.label] = fitted(element.prior)
        except ValueError as error:
            raise ValueError(f"{element.label}: {error}") from error
    return rows


def _stack(rows: Sequence[Floats]) -> Floats:
    """Rows as one array; only choices differ in length, and NEVER is an option that is never taken."""
    stacked = np.full((len(rows), max(map(len, rows))), NEVER)
    for at, row in enumerate(rows):
        stacked[at, : len(row)] = row
    return stacked
