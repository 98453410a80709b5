"""Drivers from the patterns of a run file: which input belongs to which."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from mc.drivers import Driver, DriverError, varies
from mc.runfile.load import suggestion
from mc.study import Input

MOST_NAMED = 5
"""Inputs that a message lists."""


def drivers_of(patterns: Mapping[str, Sequence[str]], inputs: Sequence[Input]) -> tuple[Driver, ...]:
    """Drivers from patterns of the names of their inputs (`*` any letters, `?` one), in the order of `patterns`.

    Of several patterns that fit an input the one with most letters of its own takes it; so `*` is the rest. Inputs that
    never vary count nowhere. DriverError where an input fits none, or two alike, for a pattern that fits no input, and
    for a driver that is left with nothing.
    """
    _refuse_idle(patterns, [item.name for item in inputs])
    rules = [(pattern, driver) for driver, given in patterns.items() for pattern in given]
    members: dict[str, list[str]] = {driver: [] for driver in patterns}
    missed: list[str] = []
    for item in filter(varies, inputs):
        takers = _takers(item.name, rules)
        if len(takers) > 1:
            message = f"{item.name} fits drivers {takers[0]} and {takers[1]} alike; name it in one of them"
            raise DriverError(message, takers[1])
        (members[takers[0]] if takers else missed).append(item.name)
    if missed:
        more = f" and {len(missed) - MOST_NAMED} more" if len(missed) > MOST_NAMED else ""
        listed = f"{', '.join(missed[:MOST_NAMED])}{more}"
        raise DriverError(f'in no driver: {listed}; a driver of ["*"] takes all that is left')
    for driver, names in members.items():
        if not names:
            raise DriverError(f"no input that varies is left for {', '.join(patterns[driver])}", driver)
    return tuple(Driver(name, tuple(names)) for name, names in members.items())


def _refuse_idle(patterns: Mapping[str, Sequence[str]], names: Sequence[str]) -> None:
    """DriverError for a pattern that fits no input, which may be a slip of the pen."""
    for driver, given in patterns.items():
        for pattern in given:
            if not any(_fits(name, pattern) for name in names):
                raise DriverError(f"no input {pattern!r}{suggestion(pattern, names)}", driver)


def _takers(name: str, rules: Sequence[tuple[str, str]]) -> list[str]:
    """Drivers whose patterns fit a name best."""
    fitting = [(pattern, driver) for pattern, driver in rules if _fits(name, pattern)]
    most = max((_letters(pattern) for pattern, _ in fitting), default=0)
    return list(dict.fromkeys(driver for pattern, driver in fitting if _letters(pattern) == most))


def _fits(name: str, pattern: str) -> bool:
    """Names of inputs hold brackets, `carriers.fuel_price[coal]`, which stand for themselves."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _letters(pattern: str) -> int:
    """Letters of a pattern that stand for themselves."""
    return sum(letter not in "*?" for letter in pattern)
