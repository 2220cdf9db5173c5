"""What commits, files and snapshots say, by ids under which Git never has anything else.

Kept in columns: ten thousand commits are loaded, and gone through, in a few hundredths of a second,
and of a history only those values are decoded that somebody looks at.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from jupyter_mlops.metrics.read import Number, full_name

PROBLEM, UNREAD = -1, -2
"""What stands for the shape of a file that could not be read, and of one that was not yet."""

NONE = -1
"""What stands for no commit, no state, and in a state for a file that is gone."""

NO_FILES = 0
"""The number of the state without files."""

DVC_KIND = "dvc:"
"""How the kind of a file begins that names others; its folder follows."""

_KEPT_STATES = 4096
_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1

State = Mapping[int, int]
"""The files of a commit that may hold metrics: blobs by path, both by their numbers."""


def _longs() -> array[int]:
    return array("q")


def _ints() -> array[int]:
    return array("i")


@dataclass(frozen=True, slots=True)
class SnapshotPoint:
    """What history takes of a snapshot: its values, and the commit that it is tied to.

    ``dvc_experiment`` is the name of one of DVC's that is shown as a snapshot.
    """

    id: str
    name: str | None
    base: str | None
    created_at: datetime
    message: str | None
    values: Mapping[str, Number]
    dvc_experiment: str | None = None


@dataclass(slots=True)
class Commits:
    """Commits by number: by time, generation and id, but none before its parents.

    That order is the same whatever other commits there are. ``first`` is the first parent,
    ``others`` has the further ones of merges; ``states`` are the files.
    """

    oids: list[str] = field(default_factory=list)
    times: array[int] = field(default_factory=_longs)
    generations: array[int] = field(default_factory=_ints)
    first: array[int] = field(default_factory=_ints)
    others: dict[int, tuple[int, ...]] = field(default_factory=dict)
    states: array[int] = field(default_factory=_ints)
    authors: array[int] = field(default_factory=_ints)
    subjects: list[str] = field(default_factory=list)


@dataclass(slots=True)
class States:
    """States by number, each after its base: that of the first parent of the commit that made it.

    ``paths`` and ``blobs`` are entries, of each state up to its ``ends``: all of its files where it
    is ``whole``, else what it has otherwise than its base.
    """

    bases: array[int] = field(default_factory=_ints)
    whole: bytearray = field(default_factory=bytearray)
    ends: array[int] = field(default_factory=_ints)
    paths: array[int] = field(default_factory=_ints)
    blobs: array[int] = field(default_factory=_ints)

    def entries(self, state: int) -> Iterator[tuple[int, int]]:
        """Yield path and blob of each entry."""
        start, end = self.ends[state - 1] if state else 0, self.ends[state]
        return zip(self.paths[start:end], self.blobs[start:end], strict=True)


@dataclass(slots=True)
class Blobs:
    """Contents of files by number: each one Git id, read as its kind says, the end of a name.

    ``shapes`` are the names of the values, ``contents`` the values, packed, or why there are none.
    """

    kinds: list[str] = field(default_factory=list)
    oids: list[str] = field(default_factory=list)
    shapes: array[int] = field(default_factory=_ints)
    contents: list[bytes] = field(default_factory=list)


class Shape(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The key paths of a file's numbers, in their order, and of its other values."""

    numbers: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(slots=True)
class Facts:
    """All that is known; with a commit all that it grew from is.

    ``snapshots`` are by the ids of their hidden commits.
    ``absent`` says why blobs could not be had just now, which may change.
    """

    commits: Commits = field(default_factory=Commits)
    states: States = field(default_factory=States)
    blobs: Blobs = field(default_factory=Blobs)
    authors: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    snapshots: dict[str, SnapshotPoint] = field(default_factory=dict)
    absent: dict[int, str] = field(default_factory=dict)
    _positions: dict[str, int] = field(default_factory=dict)
    _states: dict[int, dict[int, int]] = field(default_factory=dict)
    _names: dict[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)

    def position(self, commit: str) -> int | None:
        """Return the number of a commit by its full id, None where it is unknown."""
        return self.positions().get(commit)

    def positions(self) -> dict[str, int]:
        """Return the numbers of all commits."""
        if len(self._positions) != len(self.commits.oids):
            self._positions = {oid: at for at, oid in enumerate(self.commits.oids)}
        return self._positions

    def forget_positions(self) -> None:
        """Forget which commit has which number: they have got others."""
        self._positions.clear()

    def heads(self) -> list[str]:
        """Return the ids of the commits that are nobody's parents."""
        commits = self.commits
        inner = {*commits.first, *(one for group in commits.others.values() for one in group)}
        return [oid for at, oid in enumerate(commits.oids) if at not in inner]

    def state(self, number: int) -> State:
        """Return the files of a state."""
        chain = []
        at = number
        while at not in self._states:
            chain.append(at)
            if self.states.whole[at]:
                break
            at = self.states.bases[at]
        found = self._states.get(at, {})
        if chain:
            found = dict(found)
            for one in reversed(chain):
                for path, blob in self.states.entries(one):
                    if blob == NONE:
                        found.pop(path, None)
                    else:
                        found[path] = blob
            if len(self._states) >= _KEPT_STATES:
                self._states.clear()
            self._states[number] = found
        return found

    def why_not(self, blob: int) -> str | None:
        """Return why a blob has no values, None where it was read."""
        shape = self.blobs.shapes[blob]
        if shape == UNREAD:
            return self.absent.get(blob, "it was not read")
        return self.blobs.contents[blob].decode("utf-8", "replace") if shape == PROBLEM else None

    def names(self, path: int, shape: int) -> tuple[str, ...]:
        """Return the full names of the values in a file of that shape; none of one not read."""
        if shape < 0:
            return ()
        found = self._names.get((path, shape))
        if found is None:
            found = tuple(full_name(self.paths[path], one) for one in self.shapes[shape].numbers)
            self._names[path, shape] = found
        return found

    def named(self, blob: int) -> list[str]:
        """Return the patterns that a file of DVC's names; none of one not read."""
        return [] if self.blobs.shapes[blob] < 0 else _unpack_texts(self.blobs.contents[blob])

    def numbers(self, blob: int) -> list[Number]:
        """Return the values in a file, in the order of its shape; none of one not read."""
        return [] if self.blobs.shapes[blob] < 0 else unpack_numbers(self.blobs.contents[blob])


def pack_numbers(numbers: Iterable[Number]) -> bytes:
    """Return numbers as bytes; each comes back as it was, whole numbers of any length included."""
    return msgspec.msgpack.encode(
        [
            number if isinstance(number, float) or _SMALLEST <= number <= _LARGEST else hex(number)
            for number in numbers
        ]
    )


_PLAIN = msgspec.msgpack.Decoder(list[int | float])
_ANY = msgspec.msgpack.Decoder(list[int | float | str])


def unpack_numbers(packed: bytes) -> list[Number]:
    """Return what :func:`pack_numbers` packed; of anything else, none."""
    try:
        return _PLAIN.decode(packed)
    except ValueError:
        pass
    try:
        return [int(one, 16) if isinstance(one, str) else one for one in _ANY.decode(packed)]
    except ValueError:
        return []


def pack_texts(texts: Iterable[str]) -> bytes:
    """Return texts as bytes."""
    return msgspec.msgpack.encode(list(texts))


_TEXTS = msgspec.msgpack.Decoder(list[str])


def _unpack_texts(packed: bytes) -> list[str]:
    try:
        return _TEXTS.decode(packed)
    except ValueError:
        return []
