"""The state of a run in a file: replaced as a whole, sealed against damage, refused by any other run.

The file is a numpy `.npz` (no pickle) of the arrays of `mc.state_arrays`, its metadata as JSON among them.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np

from mc.disk import damage, not_written, part_of, publish, remove, require_room
from mc.errors import DiskError, InputError
from mc.places import is_file
from mc.state import EnsembleState, Ranges
from mc.state_arrays import from_arrays, to_arrays
from mc.statistics.contract import Numbers

FORMAT = 1
METADATA = "metadata"

OVERHEAD = 400
"""Bytes that an array costs beyond its own: its header and two entries in the table of contents."""

CODE = "code"
"""The fact that names the code: of other code, a state would be continued by other numbers."""

MOST_CHANGES = 5
"""Changes that a refusal lists."""

Words = Mapping[str, str]


@dataclass(frozen=True)
class Origin:
    """What a saved state says of its run.

    `facts`: what decides its numbers, in words, by name; `question`: what another process needs to pose it again;
    `asked`: the draws [low, high) that the file is to hold; `seconds` of work; `saved`: when.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    question: Mapping[str, Any] = field(default_factory=dict)
    asked: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    saved: str = ""


@dataclass(frozen=True)
class Head:
    """What can be known of a saved state without its arrays."""

    path: Path
    origin: Origin
    identity: dict[str, str]
    draws: int
    ranges: Ranges
    failed: int

    @property
    def done(self) -> int:
        """Draws behind the state."""
        return sum(high - low for low, high in self.ranges)


class Keeper:
    """Saves the growing state of one run to one file, with the time that it took."""

    def __init__(self, path: Path, origin: Origin) -> None:
        self.path, self.origin, self._began = path, origin, time.monotonic()
        remove(part_of(path))  # what a killed process left behind

    @property
    def seconds(self) -> float:
        """Seconds of work, those of earlier processes included."""
        return self.origin.seconds + time.monotonic() - self._began

    def save(self, state: EnsembleState) -> None:
        """Replace the file by this state; DiskError leaves the one before it."""
        arrays, metadata = packed(state, self.origin, self.seconds)
        text = np.frombuffer(json.dumps(metadata, ensure_ascii=False).encode(), np.uint8)
        needed = text.nbytes + OVERHEAD + sum(array.nbytes + OVERHEAD for array in arrays.values())
        part = part_of(self.path)
        try:
            require_room(self.path, needed)
            with _create(part) as stream:
                np.savez(stream, allow_pickle=False, **{METADATA: text}, **arrays)
            publish(part, self.path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            kept = f"; {self.path.name} of before is whole" if is_file(self.path) else ""
            reason = error if isinstance(error, DiskError) else not_written(self.path, error, needed)
            raise DiskError(f"{reason}{kept}") from None

    def remove(self) -> None:
        """Forget the run: it is complete, or can never be."""
        remove(self.path)


def packed(state: EnsembleState, origin: Origin, seconds: float) -> tuple[dict[str, Numbers], dict[str, Any]]:
    """Arrays and metadata of a state, with its origin among the metadata."""
    arrays, metadata = to_arrays(state)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = asdict(origin) | {"seconds": round(seconds, 3), "saved": now}
    return arrays, metadata | {"format": FORMAT, "origin": said}


def read_head(path: Path) -> Head:
    """The head of a state file; InputError that says what is wrong with it, were it one flipped bit."""
    return head_of(path, _read(path, METADATA)[1])


def read_state(path: Path) -> tuple[Head, EnsembleState]:
    """A state with its head; InputError as for `read_head`."""
    arrays, metadata = _read(path)
    return head_of(path, metadata), from_arrays(arrays, metadata)


def head_of(path: Path, metadata: Mapping[str, Any]) -> Head:
    """The head that `packed` put into the metadata."""
    said = metadata["origin"]
    return Head(
        path=path,
        origin=Origin(**said | {"asked": tuple(said["asked"])}),
        identity=dict(metadata["identity"]),
        draws=int(metadata["draws"]),
        ranges=tuple((int(low), int(high)) for low, high in metadata["ranges"]),
        failed=int(metadata["failed"]),
    )


def differences(head: Head, facts: Words, identity: Words, places: Words) -> str:
    """What sets a saved state apart from the run of these facts, in words; empty where it is of that run.

    `places`: where each fact is stated now, as people write it.
    """
    if head.identity == identity and head.origin.facts.get(CODE) == facts.get(CODE):
        return ""
    changed = _changes(head.origin.facts, facts, places) or _changes(head.identity, identity, {})
    more = f"; and {len(changed) - MOST_CHANGES} more" if len(changed) > MOST_CHANGES else ""
    return "; ".join(changed[:MOST_CHANGES]) + more


def _changes(saved: Words, now: Words, places: Words) -> list[str]:
    found = []
    for name in (*now, *(name for name in saved if name not in now)):
        was, value = saved.get(name), now.get(name)
        if was != value:
            place = f" ({places[name]})" if name in places else ""
            found.append(f"{name}{place} is {value or 'gone'}, in the file {was or 'not there'}")
    return found


def _create(path: Path) -> BinaryIO:
    return path.open("wb")


def _read(path: Path, *names: str) -> tuple[dict[str, Numbers], dict[str, Any]]:
    """The arrays of these names, or all, and the metadata."""
    if not is_file(path):
        raise InputError(f"{path}: no such state file; a run writes one beside its cube")
    if wrong := damage(path):
        raise InputError(f"{path}: {wrong}; delete it and run that part again, or put a copy in its place")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in names or stored.files}
        metadata = json.loads(arrays.pop(METADATA).tobytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BadZipFile):
        raise InputError(f"{path}: is no state of a run") from None
    if metadata.get("format") != FORMAT:
        raise InputError(f"{path}: is a state of another version of ferrocast (format {metadata.get('format')!r})")
    return arrays, metadata
