"""Do the rows of dependence fit the inputs: uncertain elements that exist, a matrix that can be a correlation."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mc.tables.checks import Folder
from mc.tables.dependence import Dependence
from mc.tables.elements import Elements
from mc.tables.errors import Problem, did_you_mean
from mc.tables.rows import REPLACED, Row

_LEAST = 1e-8
"""Smallest eigenvalue that still counts as positive: the Cholesky factor is taken in float64."""


def check_dependence(folder: Folder) -> Iterator[Problem]:
    """Every mistake of the dependence between inputs."""
    problems = list(_repeated(folder))
    scalars = correlatable(folder)
    for row in folder.dependence:
        problems.extend(_unknown(folder, row, scalars))
    yield from problems
    if not problems and not any(
        _doubtful(folder, row.first) or _doubtful(folder, row.second) for row in folder.dependence
    ):
        yield from _indefinite(folder)


def _repeated(folder: Folder) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], Dependence] = {}
    for row in folder.dependence:
        key = (row.kind, *sorted((row.first, row.second))) if row.kind == "correlation" else (row.kind, row.first)
        if row.kind == "correlation" and row.first == row.second:
            yield folder.at(row, f"correlation of {row.first} with itself", "name two elements")
        elif key in seen:
            earlier = seen[key]
            what = f"duplicate {row.kind} of {row.first}, first in {folder.show(earlier.table)}:{earlier.line}"
            yield folder.at(row, what, "keep one row")
        seen.setdefault(key, row)


def _doubtful(folder: Folder, name: str) -> bool:
    """Whether what a row names may stand in a table and only could not be used."""
    quantity = name.partition("[")[0]
    return quantity in folder.failed or quantity.partition(".")[0] in folder.unread


def _unknown(folder: Folder, row: Dependence, scalars: dict[str, Row]) -> Iterator[Problem]:
    if any(_doubtful(folder, name) for name in (row.first, row.second)):
        return
    if row.kind == "correlation":
        for label in (row.first, row.second):
            if label not in scalars:
                yield folder.at(
                    row, f"correlation names {label!r}, which is no uncertain element", did_you_mean(label, scalars)
                )
        return
    if row.kind == "shared":
        spread = {name: found for name, found in folder.resolved.items() if _independent(found)}
        if row.first not in spread:
            what = f"shared names {row.first!r}, which has no uncertain elements besides paths"
            yield folder.at(row, what, did_you_mean(row.first, spread))
        elif len(_independent(spread[row.first])) < 2:
            yield folder.at(row, f"shared names {row.first!r}, which has one uncertain element", "remove the row")
        return
    dated = {
        name: found
        for name, elements in folder.resolved.items()
        if elements.time
        for name, found in [(elements.name, elements), *((elements.label(key), elements) for key in elements.uncertain)]
    }
    if row.first not in dated or not (dated[row.first].uncertain or _replaced(dated[row.first])):
        what = f"path names {row.first!r}, which is no uncertain quantity of years"
        yield folder.at(row, what, did_you_mean(row.first, [name for name, found in dated.items() if found.uncertain]))
    if row.second:
        plain = [name for name, found in folder.resolved.items() if not found.quantity.axes]
        if row.second not in plain:
            what = f"path takes its persistence from {row.second!r}, which is no scalar quantity"
            yield folder.at(row, what, did_you_mean(row.second, plain))


def correlatable(folder: Folder) -> dict[str, Row]:
    """Elements that a correlation may name: uncertain, neither a year of a path nor a share nor a choice."""
    return {
        row.label: row
        for elements in folder.resolved.values()
        if not elements.time
        for rows in elements.rows.values()
        for row in rows
        if row.family not in ("dirichlet", "choice") and (row.uncertain or row.note == REPLACED)
    }


def _independent(elements: Elements) -> list[Row]:
    rows = [row for found in elements.rows.values() for row in found]
    if elements.time == "year":
        return []
    return [row for row in rows if row.note == REPLACED or row.family not in ("fixed", "dirichlet", "choice")]


def _replaced(elements: Elements) -> bool:
    return any(row.note == REPLACED for rows in elements.rows.values() for row in rows)


def _indefinite(folder: Folder) -> Iterator[Problem]:
    """The stated pair that most makes the matrix impossible, if it is."""
    pairs = {(row.first, row.second): row for row in folder.dependence if row.kind == "correlation"}
    shared = {row.first: row.value or 0.0 for row in folder.dependence if row.kind == "shared"}
    named = {label for pair in pairs for label in pair}
    groups = {name: [row.label for row in _independent(folder.resolved[name])] for name in shared}
    groups = {name: group for name, group in groups.items() if named.intersection(group)}
    labels = sorted(
        {*(label for pair in pairs for label in pair), *(label for group in groups.values() for label in group)}
    )
    place = {label: position for position, label in enumerate(labels)}
    matrix = np.eye(len(labels))
    for name, group in groups.items():
        at = [place[label] for label in group]
        matrix[np.ix_(at, at)] = np.where(np.eye(len(at), dtype=bool), 1.0, shared[name])
    for (first, second), row in pairs.items():
        matrix[place[first], place[second]] = matrix[place[second], place[first]] = row.value or 0.0
    while len(labels) and (worst := _worst_pair(matrix, [(place[a], place[b]) for a, b in pairs])) is not None:
        (i, j), largest = worst
        row = next(row for (a, b), row in pairs.items() if (place[a], place[b]) == (i, j))
        what = f"correlation {row.value:g} of {row.first} with {row.second}: the matrix is not positive definite"
        near = None if largest is None else math.trunc(largest * 100) / 100
        remedy = "lower it and its neighbours" if near is None else f"with the others as they stand it may be {near:g}"
        yield folder.at(row, what, remedy)
        matrix[i, j] = matrix[j, i] = largest or 0.0


def _worst_pair(
    matrix: NDArray[np.float64], pairs: list[tuple[int, int]]
) -> tuple[tuple[int, int], float | None] | None:
    stated = [(i, j) for i, j in pairs if matrix[i, j] != 0]
    if np.linalg.eigvalsh(matrix)[0] > _LEAST or not stated:
        return None
    weight = np.linalg.eigh(matrix).eigenvectors[:, 0]
    i, j = min(stated, key=lambda pair: weight[pair[0]] * weight[pair[1]] * matrix[pair])
    trial = matrix.copy()
    # Positive definite matrices are a convex set, so the admissible share of the stated value is found by steps.
    for share in np.linspace(0.99, 0.0, 100):
        trial[i, j] = trial[j, i] = share * matrix[i, j]
        if np.linalg.eigvalsh(trial)[0] > _LEAST:
            return (i, j), float(trial[i, j])
    return (i, j), None
