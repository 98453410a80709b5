"""How likely observations are, given what a study says and how they stray.

Interface for anything that has modelled values, drawn now or kept by an earlier run: `pointwise(modelled, parameters)`,
where `modelled` holds the outputs of one draw and `parameters` the values of `Likelihood.parameters` (whose priors are
there to be drawn from). `vmap` it over draws.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from numpy.typing import NDArray

from mc.errors import InputError
from mc.posterior.drift import NORMAL, Forecast, Process, Tracks, forecasts
from mc.posterior.errors import (
    FAMILY,
    MOVES,
    MOVING,
    Errors,
    check_together,
    family_weights,
    parameter_inputs,
    parameter_name,
)
from mc.posterior.observed import NO_YEAR, Observation
from mc.study import Input, Study

Floats = NDArray[np.float64]

ABSENT = {"bias": 1.0, "drift": 0.0, "persistence": 1.0, "slope": 0.0, "bend": 0.0, "scatter": 0.0}
"""Values of parameters that a group lacks, or its family does not read."""
MOVED_BY = ("persistence", "slope", "bend")
AS_GIVEN = len(MOVES)
"""Stands for a family that reads all parameters that are there."""
READS = np.array([[name in needs for name in MOVED_BY] for needs in (*MOVES.values(), MOVED_BY)])
"""Which of `MOVED_BY` each family reads [family, parameter]."""


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Observations bound to the outputs of a study.

    Attributes:
        rows: observations that count, fitted or held out.
        parameters: inputs of the errors.
        used: 1 where a row is fitted, and counts for what comes after [row].
        places: output and position of the modelled value of each row.
        groups: names of the groups.
        tracks: order in time; elements of a series, such as provinces, stray on tracks of their own.
        degrees: of freedom [group].
        named: by parameter, the input of each group that holds it; "" where the group has none.
        family: that of each group whose family is not open.
        log_weights: of the prior of each family [family, group]; of one that is not open, 0 in the first row.
    """

    rows: tuple[Observation, ...]
    parameters: tuple[Input, ...]
    used: Floats | Array
    places: tuple[tuple[str, int], ...]
    groups: tuple[str, ...]
    tracks: Tracks
    degrees: Floats
    named: Mapping[str, tuple[str, ...]]
    family: NDArray[np.int32]
    log_weights: Floats

    @property
    def values(self) -> Floats:
        """Observed values [row], in the units of the outputs."""
        return np.array([row.value for row in self.rows])

    @property
    def fitted(self) -> NDArray[np.bool_]:
        """Which rows are fitted [row]."""
        return np.array([row.role == "fit" for row in self.rows])

    @property
    def group(self) -> NDArray[np.int32]:
        """Group of each row [row]."""
        return self.tracks.group_of_row

    def expected(self, modelled: Mapping[str, Array], parameters: Mapping[str, Array]) -> Array:
        """What the study says each number should be, bias included [row]."""
        raw = jnp.stack([jnp.ravel(modelled[name])[at] for name, at in self.places])
        return raw * self._by_group("bias", parameters, raw)[self.group]

    def forecast(
        self,
        modelled: Mapping[str, Array],
        parameters: Mapping[str, Array],
        values: Array | None = None,
        *,
        blind: bool = False,
    ) -> tuple[Array, Forecast]:
        """(location, forecast of the residual) of each row [row] from the fitted ones before it in its group.

        A `blind` forecast sees none of them, as that of a prior.
        """
        location = self._transformed(self.expected(modelled, parameters))
        observed = jnp.asarray(self.values, location.dtype) if values is None else values
        residual = self._transformed(observed) - location
        scatter = self._by_group("scatter", parameters, location)
        weight = jnp.asarray(np.array([row.weight for row in self.rows]), location.dtype)
        sd = jnp.asarray(np.array([row.sd for row in self.rows]), location.dtype)
        noise = (sd**2 + scatter[self.group] ** 2) / weight
        used = jnp.asarray(self.used, location.dtype)
        used = jnp.zeros_like(used) if blind else used
        return location, forecasts(self.tracks, used, self.process(parameters, location), residual, noise)

    def process(self, parameters: Mapping[str, Array], like: Array) -> Process:
        """How the errors of each track move [track], by the family of its group."""
        family = jnp.stack([
            jnp.asarray(parameters[name]).astype(jnp.int32) if name else jnp.int32(known)
            for name, known in zip(self.named[FAMILY], self.family, strict=True)
        ])  # fmt: skip
        reads = jnp.asarray(READS)[family]
        moving = {
            name: jnp.where(reads[:, k], self._by_group(name, parameters, like), ABSENT[name])
            for k, name in enumerate(MOVED_BY)
        }
        moving["drift"] = self._by_group("drift", parameters, like)
        moving["degrees"] = jnp.asarray(self.degrees, like.dtype)
        return Process(**{name: value[self.tracks.group] for name, value in moving.items()})

    def pointwise(
        self,
        modelled: Mapping[str, Array],
        parameters: Mapping[str, Array],
        values: Array | None = None,
        *,
        blind: bool = False,
    ) -> Array:
        """Log density of each observation given the fitted ones before it in its group [row], given none if `blind`.

        Over the fitted rows they add to the log likelihood; those of held-out rows are log scores of forecasts.
        """
        observed = jnp.asarray(self.values, jnp.result_type(float)) if values is None else values
        location, forecast = self.forecast(modelled, parameters, values, blind=blind)
        residual = self._transformed(observed) - location
        slope = jnp.where(self._relative, jnp.log(jnp.where(self._relative, observed, 1.0)), 0.0)
        return forecast.log_density(residual) - slope

    def log_likelihood(
        self, modelled: Mapping[str, Array], parameters: Mapping[str, Array], values: Array | None = None
    ) -> Array:
        """Log likelihood of the fitted observations, families of errors summed out []."""
        return logsumexp(self.family_logs(modelled, parameters, values), axis=0).sum()

    def family_logs(
        self, modelled: Mapping[str, Array], parameters: Mapping[str, Array], values: Array | None = None
    ) -> Array:
        """Log of weight times likelihood of the fitted observations of each group under each family [family, group].

        Groups share no parameter of errors: families of each are summed out by themselves.
        """
        counts = jnp.asarray(self.used) > 0
        names = [name for name in self.named[FAMILY] if name]

        def one(family: Array) -> Array:
            each = self.pointwise(modelled, {**parameters, **dict.fromkeys(names, family)}, values)
            return jnp.zeros(len(self.groups), each.dtype).at[self.group].add(jnp.where(counts, each, 0.0))

        found = jax.vmap(one)(jnp.arange(len(MOVES))) if names else one(jnp.int32(0))[None]
        return found + jnp.asarray(self.log_weights, found.dtype)

    @property
    def _relative(self) -> NDArray[np.bool_]:
        return np.array([row.relative for row in self.rows])

    def _transformed(self, values: Array) -> Array:
        relative = self._relative
        return jnp.where(relative, jnp.log(jnp.where(relative, values, 1.0)), values)

    def _by_group(self, parameter: str, parameters: Mapping[str, Array], like: Array) -> Array:
        names = self.named[parameter]
        none = jnp.full((), ABSENT[parameter], like.dtype)
        return jnp.stack([jnp.asarray(parameters[name], like.dtype) if name else none for name in names])


def make_likelihood(study: Study, rows: Sequence[Observation], errors: Errors) -> Likelihood:
    """Observations bound to the outputs of a study; rows of a group go in order of time.

    Raises:
        InputError: with every group that drifts and holds several series, has parameters that do not fit one another,
            or has a number before its errors start.
    """
    rows = tuple(sorted(rows, key=lambda row: (row.group, row.element, row.year, row.line)))
    groups = tuple(dict.fromkeys(row.group for row in rows))
    _check(rows, groups, errors)
    weights = {group: family_weights(errors.get(group, {})) for group in groups}
    return Likelihood(
        rows=rows,
        parameters=parameter_inputs(errors, groups),
        used=np.array([row.role == "fit" for row in rows], np.float64),
        places=tuple((row.series, _position(study, row)) for row in rows),
        groups=groups,
        tracks=_in_time(rows, groups, errors),
        degrees=np.array([errors[g]["degrees"].mid if "degrees" in errors.get(g, {}) else NORMAL for g in groups]),
        named={
            parameter: tuple(parameter_name(g, parameter) if parameter in errors.get(g, {}) else "" for g in groups)
            for parameter in ABSENT
        }
        | {FAMILY: tuple(parameter_name(g, FAMILY) if sum(w > 0 for w in weights[g]) > 1 else "" for g in groups)},
        family=np.array([weights[g].index(1.0) if 1.0 in weights[g] else AS_GIVEN for g in groups], np.int32),
        log_weights=_log_weights([weights[g] for g in groups]),
    )


def _check(rows: Sequence[Observation], groups: Sequence[str], errors: Errors) -> None:
    wrong = []
    for group in groups:
        mine, own = [row for row in rows if row.group == group], errors.get(group, {})
        series = sorted({row.series for row in mine})
        if set(MOVING) & set(own) and len(series) > 1:
            wrong.append(f"group {group!r} drifts and holds {', '.join(series)}; give each a group of its own")
        try:
            check_together(own)
        except ValueError as error:
            wrong.append(f"errors of group {group!r}: {error}")
        start = own["start"].mid if "start" in own else -math.inf
        wrong += [
            f"{row.label}: lies before {start:.0f}, where the errors of its group start"
            for row in mine
            if row.year < start
        ]
    if wrong:
        raise InputError("\n".join(wrong))


def _log_weights(by_group: Sequence[tuple[float, ...]]) -> Floats:
    """Log of the weight of each family [family, group]; one row where no family is open."""
    undecided = [sum(weight > 0 for weight in weights) > 1 for weights in by_group]
    count = len(MOVES) if any(undecided) else 1
    known = (1.0, *(0.0,) * (count - 1))
    with np.errstate(divide="ignore"):
        found: Floats = np.log([own if u else known for own, u in zip(by_group, undecided, strict=True)]).T
    return found


def _in_time(rows: Sequence[Observation], groups: Sequence[str], errors: Errors) -> Tracks:
    """Order in time; years from the start of a walk stand before its first row."""
    tracks: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for k, row in enumerate(rows):
        tracks.setdefault((row.group, row.element), []).append(k)
    at = np.zeros((2, len(rows)), np.int32)
    gap = np.zeros((len(tracks), max(map(len, tracks.values()))))
    for t, ((group, _), mine) in enumerate(tracks.items()):
        start = errors.get(group, {}).get("start")
        years = np.array([rows[k].year for k in mine], np.float64)
        at[:, mine] = np.full(len(mine), t), np.arange(len(mine))
        gap[t, : len(mine)] = np.diff(years, prepend=years[0] if start is None else start.mid)
    return Tracks(np.array([groups.index(group) for group, _ in tracks], np.int32), at, gap)


def _position(study: Study, row: Observation) -> int:
    """Place of a row in the flattened output."""
    output = next(output for output in study.outputs if output.name == row.series)
    if not output.dims or row.year == NO_YEAR:
        return 0
    axes = [study.coords[dim] for dim in output.dims]
    words: tuple[str | int, ...] = (*row.element, row.year)
    at = [[*labels].index(word) for labels, word in zip(axes, words, strict=True)]
    return int(np.ravel_multi_index(at, [len(labels) for labels in axes]))
