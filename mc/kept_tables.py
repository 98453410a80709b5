"""Tables that were read and checked before: a run of the same folder of priors takes them from the user's cache.

To read and check five thousand rows takes a fifth of a second, which a short run spends waiting.
"""

from pathlib import Path

from mc.entries import entry, keep_entry, load_entry
from mc.tables import Priors, read_priors


def read_kept_priors(folder: Path, metal: str) -> Priors:
    """`read_priors`; from the cache where every file of the folder, and of that of the metal, is as it was then.

    Only priors that passed every check are kept.

    Raises:
        PriorsError: every mistake in the tables.
    """
    place = _entry(folder, metal)
    if place is not None and isinstance(found := load_entry(place), Priors):
        return found
    priors = read_priors(folder, metal)
    if place is not None and place == _entry(folder, metal):  # no file was changed while it was read
        _ = priors.digest  # kept with them: to work it out takes as long as to load them
        keep_entry(place, priors)
    return priors


def _entry(folder: Path, metal: str) -> Path | None:
    """File of these tables; None where they cannot be kept, or not even read."""
    try:
        files = sorted(file for place in (folder, folder / metal) for file in place.iterdir() if file.is_file())
        content = [part for file in files for part in (str(file), file.read_bytes())]
    except OSError:
        return None
    return entry("tables", (str(folder), metal, *content))
