"""Parts of a run, drawn by processes that know nothing of one another, and the cube that they make together."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from mc.devices import find_devices, prepare
from mc.disk import claim
from mc.errors import InputError
from mc.places import is_file
from mc.pose import pose
from mc.provenance import provenance, run_of
from mc.run import is_answered, lay_down, state_file
from mc.runfile import Run

if TYPE_CHECKING:
    from mc.checkpoint import Head
    from mc.drawing import Calls
    from mc.state import EnsembleState

log = logging.getLogger("ferrocast")


def make_part(
    run: Run,
    number: int,
    of: int,
    *,
    overwrite: bool = False,
    resume: bool = False,
    state: Path | None = None,
    **calls: "Unpack[Calls]",
) -> Path:
    """Draw part `number` (1 to `of`) of a run, whole blocks, and leave its state in a file; returns its path.

    Every part starts from the pilot that `make_pilot` left, or runs it for itself, from the first draw, so that all
    find the same constants.
    """
    refuse_goals(run)
    file, asked = state or part_file(run, number, of), range_of_part(run, number, of)
    return _make_state(run, file, asked, overwrite=overwrite, resume=resume, **calls)


def make_pilot(run: Run, *, overwrite: bool = False, **calls: "Unpack[Calls]") -> Path:
    """Run the pilot alone and leave it in a file, for all parts; one that is there already is left alone.

    Processors of different kinds find constants that differ in their last bit, and such parts could not be merged.
    """
    refuse_goals(run)
    return _make_state(run, pilot_file(run), (0, 0), overwrite=overwrite, resume=not overwrite, **calls)


def _make_state(
    run: Run, file: Path, asked: tuple[int, int], *, overwrite: bool, resume: bool, **calls: "Unpack[Calls]"
) -> Path:
    """Draw the draws that are asked for into a state file, from its start, its pilot's or what it holds."""
    with claim(file, overwrite=True):
        prepare(run.ensemble.device)
        from mc.checkpoint import read_state
        from mc.drawing import draw, job_of, job_of_state, refuse_begun

        if not (resume or overwrite):
            refuse_begun(file)
        posed = pose(run)
        devices = find_devices(run.ensemble.device)
        kept = [file] * resume + [pilot_file(run)] * (asked != (0, 0))
        begun = next((read_state(one) for one in kept if is_file(one)), None)
        job = job_of_state(run, posed, begun[0], devices[0].platform) if begun else job_of(run, posed)
        if begun and begun[0].path == file:
            refuse_other_share(begun[0], asked)
            if is_drawn(file):
                return file
        _, drawn, keeper = draw(job, file, devices, begun=begun, asked=asked, **calls)
        keeper.save(drawn)
    return file


def pilot_file(run: Run) -> Path:
    """Where parts look for the pilot of their run: beside the cube, as `NAME.pilot.state`."""
    return state_file(run, ".pilot")


def part_file(run: Run, number: int, of: int) -> Path:
    """Where the state of a part lies unless it is told otherwise: beside the cube, as `NAME.part-03-of-32.state`."""
    return state_file(run, f".part-{number:0{len(str(of))}d}-of-{of}")


def parts_of(run: Run, of: int) -> list[Path]:
    """The states of all parts, in order."""
    return [part_file(run, number, of) for number in range(1, of + 1)]


def is_drawn(file: Path) -> bool:
    """Whether a state is there and holds all draws that it is for."""
    from mc.checkpoint import read_head
    from mc.state import missing_ranges

    if not is_file(file):
        return False
    head = read_head(file)
    return not missing_ranges(head.ranges, *head.origin.asked)


def refuse_goals(run: Run) -> None:
    """InputError where a run stops by its accuracy, and so cannot be drawn in parts: none knows that of the others."""
    if run.ensemble.until:
        raise InputError(
            f"{run.file}: ensemble.until stops a run by its accuracy, which no part of it knows: take it out and give "
            "the number of draws, or draw the run in one process"
        )


def refuse_other_share(head: "Head", asked: tuple[int, int]) -> None:
    """InputError where a state is for other draws [first, last) than those asked for."""
    if head.origin.asked != asked:
        saved, wanted = (f"{low} to {high - 1}" for low, high in (head.origin.asked, asked))
        raise InputError(
            f"{head.path}: is for draws {saved}, not {wanted}; start anew with --overwrite or in another file"
        )


def is_complete(run: Run) -> bool:
    """Whether the cube answers this very run; InputError where there is another."""
    if not is_file(run.cube):
        return False
    if is_answered(run, None, pose):
        log.info("%s: complete already", run.cube)
        return True
    raise InputError(f"{run.cube}: exists; choose another name with --out, or replace it with --overwrite")


def range_of_part(run: Run, number: int, of: int) -> tuple[int, int]:
    """Draws [low, high) of a part: whole blocks, shared as evenly as they can be."""
    blocks = -(-run.ensemble.draws // run.ensemble.block)
    if of > blocks:
        raise InputError(
            f"part {number} of {of}: the run has {blocks} blocks of {run.ensemble.block} draws; at most {blocks} parts"
        )
    edges = [run.ensemble.block * (blocks * at // of) for at in (number - 1, number)]
    return edges[0], min(edges[1], run.ensemble.draws)


def merge_parts(
    files: Sequence[Path],
    *,
    cube: Path | None = None,
    priors: Path | None = None,
    overwrite: bool = False,
    allow_partial: bool = False,
) -> Path:
    """Write the cube of a run from the states of its parts; the same bits as from one process.

    `cube` and `priors` stand in for those of the run.

    Raises:
        InputError: a file is damaged or of another run, or draws are missing or held twice: which, and by which file.
    """
    prepare("cpu")
    from mc.checkpoint import read_head
    from mc.drawing import job_of_state

    heads = [read_head(file) for file in files]
    for head in heads[1:]:
        _refuse_stranger(heads[0], head)
    _refuse_doubles(heads)
    parts = sum(bool(head.ranges) for head in heads)  # a pilot holds no draws
    if not parts:
        raise InputError(f"{', '.join(map(str, files))}: no draws yet, nothing to join")
    missing = _missing(heads)
    if missing and not allow_partial:
        raise InputError("\n".join([*missing, "run them, or take what there is with --allow-partial"]))
    longest = max(heads, key=lambda head: head.draws)
    run = _run_of(longest, cube, priors)
    with claim(run.cube, overwrite=overwrite) as part:
        posed = pose(run)
        job = job_of_state(run, posed, longest, longest.identity["platform"], elsewhere=True)
        state = _all_of(files)
        seconds = round(sum(head.origin.seconds for head in heads), 3)
        attributes = provenance(job.run, posed.digest, find_devices("cpu")) | {
            "wall_time_s": seconds,
            "parts": parts,
            "device": f"{parts} parts on {longest.identity['platform']}",
        }
        if missing:
            attributes["partial"] = f"{state.done} of {state.draws} draws; {'; '.join(missing)}"
            attributes["title"] = f"{attributes['title']} (partial: {state.done} of {state.draws} draws)"
        lay_down(job, state, attributes, part, replace(longest.origin, asked=(0, state.draws), seconds=seconds))
    return run.cube


def _refuse_stranger(first: "Head", other: "Head") -> None:
    from mc.checkpoint import differences

    if found := differences(other, first.origin.facts, first.identity, {}):
        raise InputError(f"{other.path}: is of another run than {first.path}: {found}; leave it out")


def _refuse_doubles(heads: "Sequence[Head]") -> None:
    """InputError that names draws in more than one file, and the files."""
    held = sorted((low, high, str(head.path)) for head in heads for low, high in head.ranges)
    doubled = [
        f"draws {second[0]} to {min(first[1], second[1]) - 1} are in {first[2]} and in {second[2]}: leave one out"
        for first, second in itertools.combinations(held, 2)
        if second[0] < first[1]
    ]
    if doubled:
        raise InputError("\n".join(doubled))


def _missing(heads: "Sequence[Head]") -> list[str]:
    """Ranges of draws that no file holds, in words, each with the file that was to hold it, where there is one."""
    from mc.state import join_ranges, missing_ranges

    total = max(head.draws for head in heads)
    found = []
    for low, high in missing_ranges(join_ranges(item for head in heads for item in head.ranges), 0, total):
        asked = [str(head.path) for head in heads if head.origin.asked[0] < high and low < head.origin.asked[1]]
        where = f"{', '.join(asked)} is unfinished" if asked else "in none of the files"
        found.append(f"draws {low} to {high - 1} of {total} are missing: {where}")
    return found


def _run_of(head: "Head", cube: Path | None, priors: Path | None) -> Run:
    """The run behind a state, with another place for its cube and another folder of priors where they are given."""
    run = run_of(head.origin.question)
    places = {"cube": cube and cube.absolute(), "priors": priors and priors.absolute()}
    return run.model_copy(update={name: place for name, place in places.items() if place is not None})


def _all_of(files: Sequence[Path]) -> "EnsembleState":
    """The states of all files in one, never more than two of them in memory."""
    from mc.checkpoint import read_state
    from mc.state import merge

    _, state = read_state(files[0])
    for file in files[1:]:
        try:
            state = merge(state, read_state(file)[1])
        except InputError as error:
            raise InputError(f"{file}: {error}") from None
    return state
