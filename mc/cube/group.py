"""Groups of a cube before they are written: arrays with named axes and attributes, as xarray has them, without xarray.

To import xarray takes half a second, which a short run would spend on nothing but writing its cube.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mc.statistics.contract import Numbers


@dataclass(frozen=True)
class Variable:
    """An array with the names of its axes and its attributes."""

    dims: tuple[str, ...]
    values: Numbers
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass
class Group:
    """Variables by name, those of them that are `coords`, and attributes."""

    variables: dict[str, Variable]
    coords: Iterable[str] = ()
    attrs: dict[str, Any] = field(default_factory=dict)


class AnyVariable(Protocol):
    """A `Variable`, or one of xarray."""

    @property
    def dims(self) -> tuple[Any, ...]:
        """Names of the axes."""
        ...

    @property
    def values(self) -> Any:
        """The array."""
        ...

    @property
    def attrs(self) -> Any:
        """Attributes by name."""
        ...


class AnyGroup(Protocol):
    """A `Group`, or a Dataset of xarray."""

    @property
    def variables(self) -> Mapping[Any, AnyVariable]:
        """Variables by name."""
        ...

    @property
    def coords(self) -> Iterable[Any]:
        """Names of coordinates."""
        ...

    @property
    def attrs(self) -> Any:
        """Attributes by name."""
        ...
