"""Drivers of the spread: groups of inputs whose shares of the variance are told apart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mc.study import Correlation, Input


@dataclass(frozen=True)
class Driver:
    """Inputs, by name, that are varied together: what depends on one another belongs to one driver."""

    name: str
    inputs: tuple[str, ...]


def drivers_of(
    patterns: Mapping[str, Sequence[str]], inputs: Sequence[Input], correlations: Sequence[Correlation] = ()
) -> tuple[Driver, ...]:
    """Drivers from glob patterns of the names of their inputs, in the order of `patterns`.

    Of several patterns that fit an input the one that says most, by letters other than `*`, `?` and brackets, takes it;
    so `*` is the rest. Inputs that never vary count nowhere. ValueError where an input fits none, or two alike, for a
    driver that is left with nothing, and where drivers depend on one another.
    """
    rules = [(pattern, driver) for driver, given in patterns.items() for pattern in given]
    members: dict[str, list[str]] = {driver: [] for driver in patterns}
    missed = []
    for item in inputs:
        if all(prior.family == "fixed" for prior in item.priors):
            continue
        fitting = [(pattern, driver) for pattern, driver in rules if fnmatchcase(item.name, pattern)]
        if not fitting:
            missed.append(item.name)
            continue
        most = max(_says(pattern) for pattern, _ in fitting)
        takers = list(dict.fromkeys(driver for pattern, driver in fitting if _says(pattern) == most))
        if len(takers) > 1:
            raise ValueError(f"{item.name} fits drivers {takers[0]} and {takers[1]} alike; name it in one of them")
        members[takers[0]].append(item.name)
    if missed:
        some = f"{', '.join(missed[:5])}{f' and {len(missed) - 5} more' if len(missed) > 5 else ''}"
        raise ValueError(f'in no driver: {some}; a driver of ["*"] takes all that is left')
    for driver, names in members.items():
        if not names:
            raise ValueError(f"driver {driver}: no input that varies is left for {', '.join(patterns[driver])}")
    drivers = tuple(Driver(name, tuple(names)) for name, names in members.items())
    numbers_by_input(drivers, inputs, correlations)
    return drivers


def numbers_by_input(
    drivers: Sequence[Driver], inputs: Iterable[Input], correlations: Iterable[Correlation]
) -> dict[str, int]:
    """Number of the driver of every input that one names.

    ValueError where a driver names what is no input, two name the same, one that varies is in none, or correlated
    elements are apart: what is varied alone has to be independent of the others.
    """
    inputs = tuple(inputs)
    owner = {label: item.name for item in inputs for label in item.labels}
    found: dict[str, int] = {}
    for number, driver in enumerate(drivers):
        for name in driver.inputs:
            if name in found:
                raise ValueError(f"{name} is in drivers {drivers[found[name]].name} and {driver.name}")
            found[name] = number
    names = {item.name for item in inputs}
    if unknown := sorted(found.keys() - names):
        raise ValueError(f"drivers name {unknown[0]}, which is no input")
    for item in inputs:
        if item.name not in found and any(prior.family != "fixed" for prior in item.priors):
            raise ValueError(f"{item.name} varies and is in no driver")
    for pair in correlations:
        first, second = owner[pair.first], owner[pair.second]
        if found.get(first) != found.get(second):
            apart = " and ".join(drivers[found[name]].name if name in found else "none" for name in (first, second))
            raise ValueError(
                f"drivers {apart}: {pair.first} and {pair.second} are correlated; put {first} and {second} together"
            )
    return found


def _says(pattern: str) -> int:
    """Letters of a pattern that stand for themselves."""
    return sum(letter not in "*?[]" for letter in pattern)
