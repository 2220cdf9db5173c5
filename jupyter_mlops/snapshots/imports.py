"""Imported paths: pointer files that say which project and revision their content is of."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.formats.pointer import StoredPointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.ignores import check_ignore_file
from jupyter_mlops.snapshots.operations import Move
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.restore import Restored, restore_pointers
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import PathStatus, read_status
from jupyter_mlops.snapshots.tracked import (
    Tracked,
    check_free_place,
    check_no_link,
    content_of,
    read_tracked,
)
from jupyter_mlops.snapshots.unfinished import is_unfinished, read_unfinished


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported path of the working tree: its pointer, and its data.

    ``is_unfinished`` says that a command which moved both was cut short.
    """

    path: str
    pointer: StoredPointer
    state: State
    is_staged: bool
    is_unfinished: bool

    @property
    def is_own(self) -> bool:
        """Whether the user has changed it, kept or not, since it was imported."""
        source = self.pointer.source
        kept = source is None or content_of(self.pointer).hash != source.hash
        changed = self.state in (State.CHANGED, State.DIVERGED) and not self.is_unfinished
        return kept or changed


def check_import(handles: Handles, path: str) -> None:
    """Let pass if something can be imported to ``path``, or that was begun and cut short.

    Raises:
        ConflictError: something is there already, or it is no place for tracked data.
    """
    clear_leftovers(handles)
    check_no_link(handles.root, path)
    check_ignore_file(handles, path)
    origins = read_origins(handles.git.state_dir)
    tracked = read_tracked(handles, origins, [path])
    one = tracked.get(path)
    if one is not None and one.source is not None:
        return
    if path in read_unfinished(handles.git.state_dir) and one is None:
        return
    check_free_place(handles, path, [other for other in tracked if other != path])
    if one is not None:
        raise is_tracked(one)


def is_tracked(one: Tracked) -> ConflictError:
    """Return the refusal to import over a tracked path."""
    hints = (f"jupyter mlops update {shlex.quote(one.path)}",) if one.source else ()
    return ConflictError(
        f"{one.path} is tracked already, so nothing was imported.",
        code="path-exists",
        hints=(*hints, "jupyter mlops import URL PATH --output ANOTHER"),
    )


def read_imported(handles: Handles, paths: Sequence[str] = ()) -> list[Imported]:
    """Return the imported paths at or under ``paths``, all where none is named; raises as status.

    Raises:
        NotFoundError: one of ``paths`` is not tracked.
        IntegrityError: a pointer file is not valid.
    """
    unfinished = read_unfinished(handles.git.state_dir)
    found = (_take(one, unfinished.get(one.path)) for one in read_status(handles, paths))
    return [one for one in found if one is not None]


def write_imports(
    handles: Handles, wanted: Mapping[str, StoredPointer], command: tuple[str, ...]
) -> Restored:
    """Make pointer files and data what ``wanted`` says, and stage the pointers; durable on return.

    The store has the content. What would be overwritten and is not there is kept first.

    Raises:
        ConflictError: Git tracks a file that would be overwritten, or a file was changed meanwhile.
        NotFoundError: the store lacks content.
        UnavailableError: the disk is full or read-only.
    """
    origins = read_origins(handles.git.state_dir)
    tracked = read_tracked(handles, origins, list(wanted))
    hints = ("jupyter mlops check",)
    return restore_pointers(
        handles, Scanner(handles), dict(wanted), tracked, hints, command=command, stage=True
    )


def _take(status: PathStatus, note: Move | None) -> Imported | None:
    tracked = status.tracked
    pointer = tracked.pointer
    if tracked.source is None or pointer is None or isinstance(pointer, ExternalPointer):
        return None
    cut_short = is_unfinished(note, tracked.encoded)
    return Imported(status.path, pointer, status.state, tracked.staged, cut_short)
