"""Drivers of the spread: groups of inputs whose shares of the variance are told apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mc.study import Correlation, Input


@dataclass(frozen=True)
class Driver:
    """Inputs, by name, that are varied together: what depends on one another belongs to one driver."""

    name: str
    inputs: tuple[str, ...]


class DriverError(ValueError):
    """Drivers that cannot be told apart so; `driver` is the one to blame, empty where none is."""

    def __init__(self, message: str, driver: str = "") -> None:
        super().__init__(message)
        self.driver = driver


def numbers_by_input(
    drivers: Sequence[Driver], inputs: Iterable[Input], correlations: Iterable[Correlation] = ()
) -> dict[str, int]:
    """Number of the driver of every input that one names.

    DriverError where a driver names what is no input, two name the same, one that varies is in none, or correlated
    elements are apart: what is varied alone has to be independent of the others.
    """
    inputs = tuple(inputs)
    found: dict[str, int] = {}
    for number, driver in enumerate(drivers):
        for name in driver.inputs:
            if name in found:
                raise DriverError(f"{name} is in drivers {drivers[found[name]].name} and {driver.name}", driver.name)
            found[name] = number
    if unknown := sorted(found.keys() - {item.name for item in inputs}):
        raise DriverError(f"drivers name {unknown[0]}, which is no input")
    if alone := [item.name for item in inputs if varies(item) and item.name not in found]:
        raise DriverError(f"{alone[0]} varies and is in no driver")
    owner = {label: item.name for item in inputs for label in item.labels}
    for pair in correlations:
        first, second = owner[pair.first], owner[pair.second]
        if first in found and second in found and found[first] != found[second]:
            apart = f"{drivers[found[first]].name} and {drivers[found[second]].name}"
            message = (
                f"drivers {apart}: {pair.first} and {pair.second} are correlated; put {first} and {second} together"
            )
            raise DriverError(message, drivers[found[second]].name)
    return found


def varies(item: Input) -> bool:
    """Whether any element of an input does."""
    return any(prior.family != "fixed" for prior in item.priors)
