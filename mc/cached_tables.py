"""Tables that were read and checked before: a run of the same folder of priors takes them from the user's cache."""

import os
from pathlib import Path

from mc.cache import entry, keep_entry, load_entry
from mc.inputs.schema import NOUNS, quantities
from mc.tables import Priors, read_priors

SUFFIXES = (".csv", ".bib")
"""Of files that are read."""


def read_cached_priors(folder: Path, metal: str) -> Priors:
    """`read_priors`; from the cache where every table of the folder, and of that of the metal, is as it was then.

    Only priors that passed every check are kept.

    Raises:
        PriorsError: every mistake in the tables.
    """
    place = _entry(folder, metal)
    if place is not None and isinstance(found := load_entry(place), Priors):
        return found
    priors = read_priors(folder, metal)
    if place is not None and place == _entry(folder, metal):  # no file was changed while it was read
        _ = priors.digest  # worked out once, and kept with them
        keep_entry(place, priors)
    return priors


def _entry(folder: Path, metal: str) -> Path | None:
    """File of these tables as declared and as written; None where they cannot be kept, or not even read."""
    declared = repr({noun: quantities(cls) for noun, cls in NOUNS.items()})
    try:
        files = [file for place in (folder, folder / metal) for file in place.iterdir() if file.suffix in SUFFIXES]
        written = [part for file in sorted(files) for part in (os.fsencode(file), file.read_bytes())]
    except (OSError, ValueError):
        return None
    return entry("tables", (declared, os.fsencode(folder), metal, *written))
