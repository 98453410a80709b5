"""A run in parts, each a process of its own: what is left to draw, and the commands that do it."""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mc
from mc.checkpoint import CODE, read_head
from mc.disk import not_written, part_of, remove
from mc.drawing import job_of_state
from mc.errors import InputError
from mc.parts import parts_of, pilot_file, range_of_part, refuse_goals, refuse_other_share
from mc.places import is_file
from mc.pose import Posed, pose
from mc.provenance import facts, timestamp
from mc.run import state_file
from mc.runfile import Run
from mc.runfile.layers import OPTIONS
from mc.state import missing_ranges

PROGRAM = (sys.executable, "-m", "mc")
"""`ferrocast` as a task starts it: this very installation, whatever the PATH of a node says."""

RECORD = "batch.json"


FORMS = {
    "--time": (r"\d+|\d+(:\d+){1,2}|\d+-\d+(:\d+){0,2}", "90 (minutes), 2:00:00, or 1-12 (days-hours)"),
    "--mem": (r"\d+[KMGT]?", "16G"),
    "--partition": (r"[A-Za-z0-9][A-Za-z0-9._,+-]*", "gpu"),
}
"""How Slurm writes what a job asks for, and examples."""


@dataclass(frozen=True)
class Needs:
    """What each task asks for; empty or None leaves it to the machine. `at_once`: the most tasks at a time."""

    gpus: int = 0
    cpus: int | None = None
    time: str = ""
    memory: str = ""
    partition: str = ""
    more: tuple[str, ...] = ()
    at_once: int | None = None

    def __post_init__(self) -> None:
        """InputError for what Slurm would not read as it is meant."""
        for option, text in (("--time", self.time), ("--mem", self.memory), ("--partition", self.partition)):
            form, example = FORMS[option]
            if text and not re.fullmatch(form, text, re.ASCII):
                raise InputError(f"{option} {text!r}: write it as Slurm does, such as {example}")
        for option in self.more:
            if not (option.startswith("--") and option.isprintable()):
                raise InputError(f"--sbatch {option!r}: one option as sbatch takes it, such as --sbatch=--account=x")


@dataclass(frozen=True)
class Batch:
    """A run in `tasks` parts, of which the `missing` ones are to be drawn.

    `stale`: states of another run that have to go; `command`: what was typed; `environment`: that of the tasks.
    """

    run: Run
    tasks: int
    missing: tuple[int, ...]
    needs: Needs
    overwrite: bool = False
    stale: tuple[Path, ...] = ()
    command: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def stem(self) -> Path:
        """The cube without its ending: what the names of states and logs begin with."""
        return state_file(self.run).with_suffix("")

    @property
    def folder(self) -> Path:
        """Logs, script and record, beside the cube."""
        return self.stem.with_name(f"{self.stem.name}.batch")

    @property
    def files(self) -> list[Path]:
        """The states of all parts, in order."""
        return parts_of(self.run, self.tasks)

    def log_of(self, number: int) -> Path:
        """The log of a part."""
        return self.folder / f"{self.files[number - 1].stem}.log"


def plan(
    run: Run,
    tasks: int,
    needs: Needs,
    *,
    overwrite: bool = False,
    command: str = "",
    environment: Mapping[str, str] | None = None,
) -> Batch:
    """A batch of all parts that are not drawn yet; what is bad about tables or states is found here, not in the queue.

    A draw follows from its index, so that a part which is there is as good as a new one. `overwrite` replaces the cube,
    and states of another run, which are refused without it.
    """
    refuse_goals(run)
    try:
        edges = [range_of_part(run, number, tasks) for number in range(1, tasks + 1)]
    except InputError as error:
        raise InputError(f"--tasks {tasks}: {error}") from None
    posed = pose(run)
    missing, stale = [], []
    states = [(pilot_file(run), (0, 0)), *zip(parts_of(run, tasks), edges, strict=True)]
    for number, (file, asked) in enumerate(states):
        try:
            drawn = is_file(file) and _is_drawn(run, posed, file, asked)
        except InputError:
            if not overwrite:
                raise
            drawn = False
            stale.append(file)
        if number and not drawn:  # each part can run the pilot for itself
            missing.append(number)
    surroundings = os.environ if environment is None else environment
    return Batch(run, tasks, tuple(missing), needs, overwrite, tuple(stale), command, dict(surroundings))


def _is_drawn(run: Run, posed: Posed, file: Path, asked: tuple[int, int]) -> bool:
    """Whether a state holds all draws of its part; InputError where it is damaged or of another run."""
    head = read_head(file)
    job_of_state(run, posed, head, head.identity["platform"], elsewhere=True)
    code, now = head.origin.facts[CODE], facts(run, posed)[0][CODE]
    if code != now:
        raise InputError(f"{file}: was drawn by ferrocast {code}, this is {now}; start anew with --overwrite")
    refuse_other_share(head, asked)
    return not missing_ranges(head.ranges, *asked)


def of_task(batch: Batch, number: int | str) -> list[str]:
    """The command that draws a part, from its start or from what it saved."""
    part = ("--part", f"{number}/{batch.tasks}", "--resume")
    return [*PROGRAM, "run", str(batch.run.file), *part, *_given(batch)]


def of_merge(batch: Batch) -> list[str]:
    """The command that joins the parts, but for their files."""
    places = ("--out", str(batch.run.cube), "--priors", str(batch.run.priors))
    return [*PROGRAM, "merge", *places, *(["--overwrite"] if batch.overwrite else [])]


def _given(batch: Batch) -> list[str]:
    """What options and variables say of the run: said to each task, so that its surroundings do not matter."""
    run, settings = batch.run, batch.run.model_dump(mode="json")
    places = {"output.cube": str(run.cube), "model.priors": str(run.priors)}
    given = {"output.cube": places["output.cube"]}
    for key, origin in run.origins.items():
        if origin.startswith(("command line --", "environment FERROCAST_")):
            section, _, name = key.partition(".")
            given[key] = places.get(key) or str(settings[section][name])
    if batch.needs.gpus:
        given["ensemble.device"] = "gpu"
    named = {OPTIONS.get(key, key.rpartition(".")[2].replace("_", "-")): value for key, value in given.items()}
    return [word for name, value in named.items() for word in (f"--{name}", value)]


def begin(batch: Batch) -> None:
    """Make the folder of a batch and its record; states of another run go."""
    try:
        batch.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(batch.folder, error) from None
    for file in batch.stale:
        remove(file)
    record(batch)


def record(batch: Batch, jobs: Mapping[str, str] | None = None) -> None:
    """Write down what a batch was told, every option resolved, and the jobs it became."""
    run = batch.run
    said = {
        "command": batch.command,
        "submitted": timestamp(),
        "ferrocast": mc.__version__,
        "jobs": dict(jobs or {}),
        "tasks": batch.tasks,
        "missing": list(batch.missing),
        "needs": asdict(batch.needs),
        "task": of_task(batch, "K"),
        "merge": of_merge(batch),
        "places": {name: str(getattr(run, name)) for name in ("file", "priors", "cube")},
        "run": run.model_dump(mode="json"),
        "origins": dict(run.origins),
    }
    write(batch.folder / RECORD, json.dumps(said, ensure_ascii=False, indent=2) + "\n")


def write(file: Path, text: str) -> None:
    """Replace a small file of text as a whole."""
    try:
        part_of(file).write_text(text, encoding="utf-8")
        part_of(file).replace(file)
    except OSError as error:
        raise not_written(file, error) from None
