"""Layers of a run: defaults < base files named by `like` < the run file < environment < command line."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mc.errors import InputError
from mc.places import is_file
from mc.runfile.toml import Path_, read_toml

MAX_CHAIN = 8

REPLACED_AS_A_WHOLE = (("scenarios",), ("sensitivity",))
"""Sections that a file states completely or not at all: no file could drop a scenario or driver of its base else."""

VARIABLES: Mapping[str, Path_] = {
    "FERROCAST_DRAWS": ("ensemble", "draws"),
    "FERROCAST_BLOCK": ("ensemble", "block"),
    "FERROCAST_SEED": ("ensemble", "seed"),
    "FERROCAST_SAMPLER": ("ensemble", "sampler"),
    "FERROCAST_PRECISION": ("ensemble", "precision"),
    "FERROCAST_DEVICE": ("ensemble", "device"),
    "FERROCAST_PRIORS": ("model", "priors"),
    "FERROCAST_OUT": ("output", "cube"),
}
"""Environment variables and the keys that they set."""

OPTIONS: Mapping[str, str] = {"output.cube": "out", "keep.state": "keep-state"}
"""Keys whose option on the command line has another name."""

WHOLE_NUMBERS = ("FERROCAST_DRAWS", "FERROCAST_BLOCK", "FERROCAST_SEED")


@dataclass
class Layers:
    """Merged values, where each leaf comes from, and the folder that its relative paths start from.

    Attributes:
        values: nested dictionaries, as in the run file.
        origins: place of every leaf, as people write it: `runs/baseline.toml:12`, `--draws`, `FERROCAST_SEED`.
        folders: for leaves and tables of files, the folder of the file that states them.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path_, str] = field(default_factory=dict)
    folders: dict[Path_, Path] = field(default_factory=dict)

    def add(self, values: Mapping[str, Any], place: Mapping[Path_, str], folder: Path | None) -> None:
        """Lay `values` over what is there."""
        for section in REPLACED_AS_A_WHOLE:
            if section[0] in values:
                self._drop(section)
        self.values = _merged(self.values, values)
        for path in _paths(values):
            self.origins[path] = _nearest(place, path)
            if folder is not None:
                self.folders[path] = folder
            else:
                self.folders.pop(path, None)

    def place(self, path: Path_) -> str:
        """Where a key, or the table around it, is stated; empty when nothing states it."""
        return _nearest(self.origins, path)

    def _drop(self, section: Path_) -> None:
        self.values.pop(section[0], None)
        for path in [path for path in self.origins if path[: len(section)] == section]:
            del self.origins[path]


def file_layers(file: Path) -> Layers:
    """The layers of a run file and of the files it is `like`, the farthest first."""
    layers = Layers()
    for member in reversed(_chain(file)):
        values, lines = read_toml(member)
        values.pop("like", None)
        places = {path: f"{member}:{line}" for path, line in lines.items()} | {(): str(member)}
        layers.add(values, places, member.resolve().parent)
    return layers


def add_environment(layers: Layers, environment: Mapping[str, str]) -> None:
    """Lay the FERROCAST_* variables over the layers; paths in them start from the working folder."""
    for variable, path in VARIABLES.items():
        text = environment.get(variable, "")
        if not text:
            continue
        value: Any = text
        if variable in WHOLE_NUMBERS:
            try:
                value = int(text) if len(text) < 20 else math.inf
            except ValueError:
                raise InputError(f"environment {variable} = {text!r}: must be a whole number") from None
        layers.add(_nested({path: value}), {(): f"environment {variable}"}, None)


def add_options(layers: Layers, options: Mapping[str, Any]) -> None:
    """Lay dotted keys ("ensemble.draws") over the layers; the origin is the option's name on the command line."""
    for dotted, value in options.items():
        path = tuple(dotted.split("."))
        name = OPTIONS.get(dotted, path[-1].replace("_", "-"))
        layers.add(_nested({path: value}), {(): f"command line --{name}"}, None)


def _chain(file: Path) -> list[Path]:
    """The file, its base, the base of that, ..."""
    chain = [file]
    while True:
        values, lines = read_toml(chain[-1])
        like = values.get("like")
        if like is None:
            return chain
        place = f"{chain[-1]}:{lines.get(('like',), 1)}: like = {like!r}"
        if not isinstance(like, str) or "\0" in like:
            raise InputError(f"{place}: must be the path of a run file, in quotes")
        base = within_reach(chain[-1].parent, like, place)
        if not is_file(base):
            raise InputError(f"{place}: {base} does not exist; paths start from the folder of the run file")
        if base.resolve() in [member.resolve() for member in chain]:
            raise InputError(f"{place}: the files are like one another in a circle")
        if len(chain) == MAX_CHAIN:
            raise InputError(f"{place}: more than {MAX_CHAIN} files in a row; merge some")
        chain.append(base)


def within_reach(folder: Path, path: str, place: str) -> Path:
    """`folder / path`, refused where it leaves the project: the folder above the run file's (links are followed)."""
    reach = folder.resolve().parent
    target = folder / path
    try:
        resolved = target.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{place}: not a usable path: {error}") from None
    if not resolved.is_relative_to(reach):
        raise InputError(
            f"{place}: {resolved} is out of reach; a run file may name what lies under {reach}, "
            "the command line (--priors, --out) anything"
        )
    return target


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _nested(leaves: Mapping[Path_, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in leaves.items():
        table = nested
        for part in path[:-1]:
            table = table.setdefault(part, {})
        table[path[-1]] = value
    return nested


def _paths(values: Mapping[str, Any], above: Path_ = ()) -> list[Path_]:
    """Every key and table in nested values."""
    paths: list[Path_] = []
    for key, value in values.items():
        paths.append((*above, key))
        if isinstance(value, dict):
            paths += _paths(value, (*above, key))
    return paths


def _nearest(places: Mapping[Path_, str], path: Path_) -> str:
    for length in range(len(path), -1, -1):
        if path[:length] in places:
            return places[path[:length]]
    return ""
