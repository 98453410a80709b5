"""Begin to load the program of a run while its tables are read: the one that this question, of any seed, used last.

Which one a run needs is known only when its study is made, and to load it takes a second in which Python has nothing to
do. A guess that proves wrong costs the second core that second.
"""

import contextlib
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mc.devices import cache_folder, find_devices
from mc.remembered import recall, remember

if TYPE_CHECKING:
    import jax

    from mc.programs import Programs

FILE = "programs_of_questions.json"

MOST_KEPT = 32
"""Questions that are remembered; those asked longest ago go first."""

_begun: "list[Ahead]" = []


class Ahead:
    """The program that a question used last, being loaded in a thread for the device that a run asks for."""

    def __init__(self, question: str, device: str) -> None:
        self._question, self._asked = question, device
        self._found: tuple[Path, jax.Device, Programs] | None = None
        self._is_at_work = threading.Event()
        # A run that is refused does not wait for its end.
        self._thread = threading.Thread(target=self._load, name="program", daemon=True)
        self._thread.start()

    def wait_for_imports(self) -> None:
        """Wait until Python has nothing to do for it: two threads that import at once only hold each other up."""
        self._is_at_work.wait()

    def take(self, place: Path, device: "jax.Device") -> "Programs | None":
        """The program of this entry, if it was the one; it is remembered for the next time if it was not."""
        self._thread.join()
        if self._found is not None and self._found[:2] == (place, device):
            return self._found[2]
        _remember(self._question, place.name)
        return None

    def _load(self) -> None:
        try:
            name, folder = _remembered().get(self._question, ""), cache_folder("programs")
            if folder is None or not re.fullmatch("[0-9a-f]{64}", name) or not (folder / name).is_file():
                return
            with contextlib.suppress(Exception):  # then it is loaded, or compiled, where it is needed
                from mc.programs import load

                self._is_at_work.set()
                device = find_devices(self._asked)[0]
                if programs := load(folder / name, device):
                    self._found = folder / name, device, programs
        finally:
            self._is_at_work.set()


@contextlib.contextmanager
def loading(question: str, device: str) -> Iterator[None]:
    """Load ahead in a process that has not begun to use JAX; another has its programs, or the time to load one.

    What nobody has taken at the end, since the run was refused, is forgotten: the next run asks another question.
    """
    if "jax" not in sys.modules:
        _begun[:] = [Ahead(question, device)]
        _begun[0].wait_for_imports()
    try:
        yield
    finally:
        _begun.clear()


def take(place: Path, device: "jax.Device") -> "Programs | None":
    """The program of this entry where it was loaded ahead; the first to ask is answered."""
    return _begun.pop().take(place, device) if _begun else None


def _file() -> Path | None:
    folder = cache_folder("questions")
    return folder / FILE if folder else None


def _remembered() -> dict[str, str]:
    """Entries by question; none where the file is missing or damaged."""
    return {key: name for key, name in recall(_file()).items() if isinstance(name, str)}


def _remember(question: str, name: str) -> None:
    file = _file()
    if file is None:
        return
    known = _remembered()
    known.pop(question, None)
    known[question] = name
    with contextlib.suppress(OSError):
        remember(file, dict(list(known.items())[-MOST_KEPT:]))
