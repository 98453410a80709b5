"""What the engine knows: uncertain inputs, declared outputs, and a pure function of one draw.

Samplers, ensemble, statistics, sensitivity and posterior see a `Study` and nothing else; the steel chain is one, the
Ishigami function another.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jax import Array

OUTPUT_KINDS = ("result", "diagnostic", "fault")


@dataclass(frozen=True)
class Prior:
    """One uncertain scalar, as people elicit it; units are those of the input.

    `low`, `mid`, `high` are minimum, mode and maximum for uniform, triangular, pert and loguniform, and the 5, 50 and
    95 % points for every other family. `fixed` reads `mid` alone, `choice` reads `weights` alone.
    """

    family: str
    low: float
    mid: float
    high: float
    minimum: float = -math.inf
    maximum: float = math.inf
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse points that no family could have."""
        points = (self.low, self.mid, self.high)
        _require(all(math.isfinite(point) for point in points), f"{self.family}: points must be finite: {points}")
        _require(self.low <= self.mid <= self.high, f"{self.family}: points must satisfy low <= mid <= high: {points}")
        _require(
            self.minimum < self.maximum,
            f"{self.family}: minimum {self.minimum} is not below maximum {self.maximum}",
        )
        _require(
            self.family == "truncnormal" or (self.minimum == -math.inf and self.maximum == math.inf),
            f"{self.family}: minimum and maximum belong to truncnormal only",
        )
        _require(
            bool(self.weights) == (self.family == "choice"),
            f"{self.family}: weights belong to choice, and choice needs them",
        )
        if self.weights:
            _require(
                all(math.isfinite(weight) and weight >= 0 for weight in self.weights)
                and math.isclose(sum(self.weights), 1.0, abs_tol=1e-6),
                f"choice: weights must be >= 0 and sum to 1: {self.weights}",
            )


@dataclass(frozen=True)
class Input:
    """One named quantity of the model: a prior for every element, and how the elements hang together.

    Without `persistence` the elements are independent given the common factor that `shared` states. With it they are
    the years of one stationary AR(1) path of normal scores: a number in [0, 1] is the yearly persistence, a string
    names the scalar input that holds the persistence of the draw.
    """

    name: str
    priors: tuple[Prior, ...]
    shape: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    dimensions: tuple[int | None, ...] = ()
    shared: float = 0.0
    shared_dimension: int | None = None
    persistence: float | str | None = None

    def __post_init__(self) -> None:
        """Fill the default labels and dimensions and refuse lengths or structures that do not fit."""
        count = math.prod(self.shape)
        _require(bool(self.name), "an input needs a name")
        _require(len(self.priors) == count, f"{self.name}: {len(self.priors)} priors for {count} elements")
        object.__setattr__(self, "labels", self.labels or _default_labels(self.name, self.shape))
        object.__setattr__(self, "dimensions", self.dimensions or (None,) * count)
        _require(len(self.labels) == count, f"{self.name}: {len(self.labels)} labels for {count} elements")
        _require(len(self.dimensions) == count, f"{self.name}: {len(self.dimensions)} dimensions for {count} elements")
        _refuse_repeats(self.labels, f"{self.name}: label")
        _require(
            all(dimension is None or dimension >= 0 for dimension in (*self.dimensions, self.shared_dimension)),
            f"{self.name}: a Sobol' dimension is 0 or more",
        )
        self._check_structure()

    def _check_structure(self) -> None:
        shares = [prior.family == "dirichlet" for prior in self.priors]
        _require(all(shares) or not any(shares), f"{self.name}: dirichlet holds for all elements or for none")
        _require(not any(shares) or len(shares) > 1, f"{self.name}: dirichlet shares need at least two elements")
        _require(0 <= self.shared < 1, f"{self.name}: shared must lie in [0, 1): {self.shared}")
        _require(
            self.shared_dimension is None or self.shared > 0,
            f"{self.name}: a shared_dimension needs a shared correlation above 0",
        )
        structures = [any(shares), self.shared > 0, self.persistence is not None]
        _require(sum(structures) <= 1, f"{self.name}: state only one of dirichlet, shared and persistence")
        if isinstance(self.persistence, str):
            _require(self.persistence != self.name, f"{self.name}: persistence names the input itself")
        elif self.persistence is not None:
            _require(0 <= self.persistence <= 1, f"{self.name}: persistence must lie in [0, 1]: {self.persistence}")


@dataclass(frozen=True)
class Correlation:
    """Correlation of the normal scores of two elements, named by their labels (dimensionless, -1 < value < 1)."""

    first: str
    second: str
    value: float

    def __post_init__(self) -> None:
        """Refuse a value outside (-1, 1) and an element paired with itself."""
        _require(-1 < self.value < 1, f"{self.first} with {self.second}: correlation must lie in (-1, 1)")
        _require(self.first != self.second, f"{self.first}: correlation with itself")


@dataclass(frozen=True)
class Output:
    """One array that the function returns: its unit, its dims and its meaning.

    Kind "fault" is a scalar per draw: above 0 the draw failed, and the name of the output is the cause.
    """

    name: str
    unit: str
    dims: tuple[str, ...]
    long_name: str
    kind: str = "result"

    def __post_init__(self) -> None:
        """Refuse unknown kinds, repeated dims and a fault that is not a scalar."""
        _require(bool(self.name), "an output needs a name")
        _require(self.kind in OUTPUT_KINDS, f"{self.name}: kind is one of {OUTPUT_KINDS}, not {self.kind!r}")
        _require(self.kind != "fault" or not self.dims, f"{self.name}: a fault is a scalar per draw, it has no dims")
        _refuse_repeats(self.dims, f"{self.name}: dim")


@dataclass(frozen=True, eq=False)
class Pinned:
    """Draws of some columns that stand in place of the sampler's: what was learned elsewhere, such as a posterior.

    Attributes:
        labels: of the columns; every other column keeps its prior.
        scores: standard normal scores [row, column], independent rows in any order.
        means: mean of the elements that these columns decide, by label, for the draw at the mean of every input.
        digest: of all of it.
    """

    labels: tuple[str, ...]
    scores: Any
    means: Mapping[str, float]
    digest: str


@dataclass(frozen=True)
class Study:
    """A pure function of one draw, `function(data, {input: array}) -> {output: array}`, with all it reads and returns.

    `data` is a pytree of arrays and enters the executable as an argument: a changed table does not recompile.
    """

    name: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    coords: Mapping[str, tuple[str | int | float, ...]]
    data: Any
    function: Callable[[Any, dict[str, Array]], dict[str, Array]]
    correlations: tuple[Correlation, ...] = ()
    pinned: Pinned | None = None

    def __post_init__(self) -> None:
        """Refuse repeated names and references to inputs, labels or dims that do not exist."""
        _require(bool(self.outputs), f"{self.name}: a study needs at least one output")
        check_inputs(self.inputs, self.correlations)
        _refuse_repeats((output.name for output in self.outputs), "output")
        for output in self.outputs:
            missing = [dim for dim in output.dims if dim not in self.coords]
            _require(not missing, f"output {output.name}: no coords for dims {missing}")


def check_inputs(inputs: Iterable[Input], correlations: Iterable[Correlation] = ()) -> None:
    """Refuse inputs that clash (names, labels, Sobol' dimensions) or that name something which does not exist."""
    inputs = tuple(inputs)
    by_name = {item.name: item for item in inputs}
    labels = [label for item in inputs for label in item.labels]
    used = [d for item in inputs for d in (*item.dimensions, item.shared_dimension) if d is not None]
    _refuse_repeats((item.name for item in inputs), "input")
    _refuse_repeats(labels, "label")
    _refuse_repeats(used, "Sobol' dimension")
    for item in inputs:
        if isinstance(item.persistence, str):
            held = by_name.get(item.persistence)
            _require(held is not None, f"{item.name}: persistence names {item.persistence!r}, which is no input")
            _require(
                held is not None and held.shape == () and held.persistence is None,
                f"{item.name}: persistence names {item.persistence!r}, which is not a plain scalar",
            )
    known = set(labels)
    for correlation in correlations:
        for label in (correlation.first, correlation.second):
            _require(label in known, f"correlation names {label!r}, which is no element of the inputs")


def _default_labels(name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    if not shape:
        return (name,)
    return tuple(f"{name}[{','.join(map(str, at))}]" for at in itertools.product(*map(range, shape)))


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _refuse_repeats(items: Iterable[str | int], what: str) -> None:
    repeated = [item for item, count in Counter(items).items() if count > 1]
    _require(not repeated, f"{what} used more than once: {repeated}")
