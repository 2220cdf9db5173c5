"""What a tracked path's pointer, origin and data say together."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.snapshots.origins import Origin


class State(StrEnum):
    """The state of a tracked path in a worktree."""

    CLEAN = "clean"
    CHANGED = "changed"
    MISSING = "missing"
    BEHIND = "behind"
    DIVERGED = "diverged"


class Differences(NamedTuple):
    """How many files of a tracked path differ from its pointer; a file's mode counts."""

    changed: int
    added: int
    deleted: int


def decide_state(
    pointer: Entry, origin: Origin | None, data: Entry | None, *, unfinished: bool = False
) -> State:
    """Return the state of a path.

    Args:
        pointer: the content that the pointer file names.
        origin: what this worktree's data came from, None when that is not known.
        data: the content that is on disk, None when nothing is.
        unfinished: whether a restore of this path was cut short, so that its data may be a mixture.
    """
    if data is None:
        return State.MISSING
    if data == pointer:
        return State.CLEAN
    if origin is None or unfinished:
        return State.DIVERGED
    if origin.names(pointer):
        return State.BEHIND if data == origin.before else State.CHANGED
    return State.BEHIND if origin.holds(data) else State.DIVERGED


def count_differences(wanted: Mapping[str, Entry], present: Mapping[str, Entry]) -> Differences:
    """Return how ``present`` files differ from the ``wanted`` ones."""
    common = wanted.keys() & present.keys()
    return Differences(
        changed=sum(wanted[path] != present[path] for path in common),
        added=len(present) - len(common),
        deleted=len(wanted) - len(common),
    )
