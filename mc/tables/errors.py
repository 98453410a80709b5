"""What is wrong with a table: where it stands, what it says, what to do."""

import dataclasses
import difflib
from collections.abc import Iterable

from mc.errors import InputError


@dataclasses.dataclass(frozen=True, order=True)
class Problem:
    """One mistake: file, line (0 where a folder is meant), what is wrong with which value, and the remedy."""

    path: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.what}; {self.remedy}"


class PriorsError(InputError):
    """Every mistake of a folder of priors, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that differs least, empty where none is near."""
    by_lower = {item.lower(): item for item in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest known word, or else what is known."""
    known = [item for item in known if item]
    near = nearest(word, known)
    if near:
        return f"did you mean {near!r}?"
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"known are: {shown}" if known else "none is known"
