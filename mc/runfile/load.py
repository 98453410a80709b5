"""Run file, environment and options -> Run, or one message that lists everything wrong with them."""

import difflib
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mc.designs import rounded_up
from mc.errors import InputError
from mc.places import is_file, is_folder
from mc.runfile.layers import Layers, add_environment, add_options, file_layers, within_reach
from mc.runfile.schema import MAX_BLOCK, MAX_DRAWS, Ensemble, Run, RunFile
from mc.runfile.toml import Path_

log = logging.getLogger("ferrocast")

FOLDER_OF_CUBES = "out"
MAX_SHOWN = 20

LEAST_DESIGNS = 8
"""In each scrambling: from fewer the error of a ratio between scramblings tends to be too small."""


def load_run(
    file: str | Path, options: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Run:
    """Read a run file; `options` ({"ensemble.draws": 256}) go over the environment, and that over the file.

    Raises:
        InputError: with one line per problem: place, key, value, remedy.
    """
    file = Path(file)
    if not is_file(file):
        raise InputError(f"{file}: {_why_no_file(file)}")
    layers = file_layers(file)
    add_environment(layers, os.environ if environment is None else environment)
    add_options(layers, options or {})
    try:
        settings = RunFile.model_validate(layers.values)
    except ValidationError as error:
        raise InputError(_message(file, layers, error)) from None
    settings = settings.model_copy(update={"ensemble": _in_whole_designs(settings, layers)})
    return Run(
        **{name: getattr(settings, name) for name in RunFile.model_fields},
        file=file.absolute(),
        priors=_priors(layers, settings),
        cube=_cube(file, layers, settings),
        origins=_origins(settings, layers),
    )


def _in_whole_designs(settings: RunFile, layers: Layers) -> Ensemble:
    """The ensemble with draws and blocks that hold whole designs, where there are drivers to tell apart.

    InputError where a block cannot hold one design in every scrambling.
    """
    ensemble, step, number = settings.ensemble, settings.step, len(settings.sensitivity.drivers)
    if not number:
        return ensemble
    if step > MAX_BLOCK:
        place = layers.place(("sensitivity", "drivers"))
        raise InputError(
            f"{place}: {number} drivers in {ensemble.scramblings} scramblings make blocks of {step} draws, and "
            f"{MAX_BLOCK} are the most; tell fewer drivers apart, or take fewer scramblings"
        )
    draws = min(rounded_up(max(ensemble.draws, LEAST_DESIGNS * step), step), MAX_DRAWS // step * step)
    block = min(rounded_up(ensemble.block, step), MAX_BLOCK // step * step)
    if (draws, block) != (ensemble.draws, ensemble.block):
        log.info(
            "%d draws in blocks of %d, not %d in blocks of %d: %d drivers in %d scramblings take %d at a time",
            draws, block, ensemble.draws, ensemble.block, number, ensemble.scramblings, step,
        )  # fmt: skip
    return ensemble.model_copy(update={"draws": draws, "block": block})


def _why_no_file(file: Path) -> str:
    if is_folder(file):
        return "is a folder; name a run file (TOML)"
    near = suggestion(file.name, (path.name for path in file.parent.glob("*.toml"))) if is_folder(file.parent) else ""
    return f"no such run file{near}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """The words `; did you mean 'draws'?` where a known word is close, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _priors(layers: Layers, settings: RunFile) -> Path:
    """The folder of priors, absolute."""
    named, path = settings.model.priors, ("model", "priors")
    place = f"{layers.place(path)}: model.priors = {named!r}"
    folder = layers.folders.get(path)
    if "\0" in named:
        raise InputError(f"{place}: not a usable path")
    target = Path(named).absolute() if folder is None else within_reach(folder, named, place)
    if not is_folder(target):
        raise InputError(
            f"{place}: {_tidy(target)} is no folder; name the folder of priors, or make one: ferrocast init FOLDER"
        )
    return _tidy(target)


def _cube(file: Path, layers: Layers, settings: RunFile) -> Path:
    """Where the cube goes: a run file may only name places under its own folder, --out any."""
    named, path = settings.output.cube, ("output", "cube")
    if not named:
        return file.absolute().parent / FOLDER_OF_CUBES / f"{file.stem}.nc"
    place = f"{layers.place(path)}: output.cube = {named!r}"
    if "\0" in named or not Path(named).name or len(Path(named).name) > 200:
        raise InputError(f"{place}: not a usable file name")
    folder = layers.folders.get(path)
    if folder is None:
        return Path(named).absolute()
    target = folder / named
    if not target.resolve().is_relative_to(folder):
        raise InputError(f"{place}: {target.resolve()} is not under {folder}; use --out to write elsewhere")
    return _tidy(target)


def _tidy(path: Path) -> Path:
    """Absolute, without `..`, links kept: what people recognise."""
    return Path(os.path.normpath(path.absolute()))


def _origins(settings: RunFile, layers: Layers) -> dict[str, str]:
    """Where every value of the resolved run comes from, by dotted key."""
    return {
        ".".join(path): layers.origins.get(path) or "default" for path, _ in leaves(settings.model_dump(mode="python"))
    }


def leaves(values: Mapping[str, Any], above: Path_ = ()) -> list[tuple[Path_, Any]]:
    """Every value of nested tables with its path, in order."""
    found: list[tuple[Path_, Any]] = []
    for key, value in values.items():
        found += leaves(value, (*above, key)) if isinstance(value, Mapping) else [((*above, key), value)]
    return found


def _message(file: Path, layers: Layers, error: ValidationError) -> str:
    """One line per problem."""
    lines = [_line(file, layers, detail) for detail in error.errors(include_url=False)]
    shown = list(dict.fromkeys(lines))
    if len(shown) > MAX_SHOWN:
        shown = [*shown[:MAX_SHOWN], f"... and {len(shown) - MAX_SHOWN} more"]
    return "\n".join(shown)


def _line(file: Path, layers: Layers, detail: ErrorDetails) -> str:
    path = tuple(str(part) for part in detail["loc"] if part != "[key]")
    place = layers.place(path) or str(file)
    if not path:
        return f"{place}: {_plain(detail)}"
    dotted = ".".join(path)[:80]
    if detail["type"] == "missing":
        return f"{place}: {dotted} is missing; every run needs it"
    value = detail["input"]
    shown = "" if isinstance(value, Mapping) else f" = {_shorten(value)}"
    if detail["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        listed = suggestion(path[-1], known) or f"; known here: {', '.join(known)}"
        return f"{place}: {dotted}{shown}: unknown key{listed}"
    return f"{place}: {dotted}{shown}: {_plain(detail)}"


def _plain(detail: ErrorDetails) -> str:
    """Pydantic's sentence without its jargon."""
    if detail["type"] == "string_pattern_mismatch":
        return "may hold letters, digits, '.', '_', '-', at most 64, and starts with a letter or digit"
    if detail["type"] == "literal_error":
        expected = str(detail.get("ctx", {}).get("expected", ""))
        options = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
        return f"must be one of {', '.join(options)}{suggestion(str(detail['input']), options)}"
    sentence = detail["msg"].removeprefix("Value error, ").replace("Input should", "must")
    for jargon, word in (
        ("a valid integer", "a whole number"),
        ("a valid tuple", "a list: [..]"),
        ("a valid string", "text in quotes"),
        ("a valid number", "a number"),
        ("a valid dictionary or instance of ", "a table like "),
        ("a valid mapping", "a table"),
    ):
        sentence = sentence.replace(jargon, word)
    return sentence


def _shorten(value: object) -> str:
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _known_keys(path: Path_) -> list[str]:
    """The keys that a section may have."""
    model: Any = RunFile
    for part in path:
        model = model.model_fields[part].annotation if part in getattr(model, "model_fields", {}) else model
        if not _is_section(model):
            inner = [argument for argument in get_args(model) if _is_section(argument)]
            model = inner[0] if inner else RunFile
    keys = list(model.model_fields)
    return ["like", *keys] if model is RunFile else keys


def _is_section(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)
