"""The chain without its loop over years: what of a draw is arithmetic over whole arrays."""

import functools
from collections.abc import Callable
from typing import Any
from unittest import mock

import jax.numpy as jnp

from mc.model import chain
from mc.model.before import steel_use
from mc.model.paths import in_precision


def years_of(study: Any, data: Any, draw: Any) -> Any:
    """What the loop over years of a draw results in."""
    found: list[Any] = []
    real = chain.transition

    def noted(*arguments: Any) -> Any:
        found.append(real(*arguments))
        return found[0]

    with mock.patch.object(chain, "transition", noted):
        study.function(data, draw)
    return found[0]


def without_years(study: Any, data: Any, draw: Any, result: Any) -> Any:
    """All outputs of a draw, given the result of its years."""
    with mock.patch.object(chain, "transition", return_value=result):
        return study.function(data, draw)


def stock(data: Any, inputs: Any) -> Any:
    """People, income, and steel in use with what retires."""
    dtype = data["basis"].dtype
    return steel_use(*in_precision((inputs, data["world"], data["basis"]), jnp.float64), dtype)


def books(study: Any, data: Any, draw: Any, result: Any) -> Any:
    """Energy, emissions and cost of every scenario, by year and province, given the result of its years."""
    with (
        mock.patch.object(chain, "transition", return_value=result),
        mock.patch.object(chain, "shared_report", return_value={}),
        mock.patch.object(chain, "report", lambda *given: dict(vars(given[-1]))),
    ):
        return study.function(data, draw)


class Once:
    """A class of a loop over years that is walked once; later walks take what the first one found."""

    def __init__(self, walker: type) -> None:
        self.walker = walker
        self.found: dict[str, Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        """A walker with its inputs."""
        walk = self.walker(*arguments)
        walk.start = functools.partial(self._start, walk, walk.start)
        return walk

    def _start(self, walk: Any, real: Callable[..., None], *arguments: Any) -> None:
        if not self.found:
            real(*arguments)
            self.found = {name: value for name, value in vars(walk).items() if name != "start"}
        vars(walk).update(self.found)
