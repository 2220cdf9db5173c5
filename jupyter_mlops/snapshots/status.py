"""The state of every tracked path of a worktree."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_mlops.errors import NotFoundError, UnavailableError
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.merge import find_conflicts
from jupyter_mlops.snapshots.operations import Move
from jupyter_mlops.snapshots.origins import Origin, read_origins
from jupyter_mlops.snapshots.scan import Present, Scanner
from jupyter_mlops.snapshots.states import Differences, State, count_differences, decide_state
from jupyter_mlops.snapshots.tracked import (
    Tracked,
    pointer_path,
    read_tracked,
    select_tracked,
)
from jupyter_mlops.snapshots.unfinished import is_unfinished, read_unfinished


@dataclass(frozen=True, slots=True)
class PathStatus:
    """One tracked path: its state, and how its files differ from what the pointer names.

    ``differences`` is None where that was not asked for, or cannot be told, because the store lacks
    the folder's manifest, or is not there, or the pointer file is in a merge conflict.
    ``conflicts`` are then the paths in it that both sides changed, as far as they can be told.
    ``erased`` are the files that the pointer names and that nobody has any more: that they are not
    here is no difference.
    """

    path: str
    state: State
    differences: Differences | None
    tracked: Tracked
    present: Present | None
    conflicts: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()


def read_status(
    handles: Handles, paths: Sequence[str] = (), *, counted: bool = True
) -> list[PathStatus]:
    """Return the status of the tracked paths at or under ``paths``, all where none is named.

    Moves nothing; files that the stat cache cannot answer for are hashed, and temporary files that
    killed commands left are removed. Unless it is to be ``counted``, how many files differ is told
    only where the state depends on it.

    Raises:
        IntegrityError: a pointer file is not valid.
        NotFoundError: one of ``paths`` is not tracked.
    """
    clear_leftovers(handles)
    scanner = Scanner(handles)
    origins = read_origins(handles.git.state_dir)
    unfinished = read_unfinished(handles.git.state_dir)
    tracked = read_tracked(handles, origins, named=paths)
    for path in paths:
        if not select_tracked(tracked, [path]):
            raise NotFoundError(
                f"{path} is not tracked.",
                code="path-not-tracked",
                hints=[f"jupyter mlops snapshot {shlex.quote(path)}"],
            )
    selected = select_tracked(tracked, paths)
    scanner.ask_git(selected)
    statuses = []
    for path in selected:
        one = tracked[path]
        present = scanner.look(path)
        state = state_of(one, origins.get(path), present, unfinished.get(path))
        erased = _find_erased(handles, one, present)
        differences = None
        if counted or erased or state is State.CLEAN:
            differences = _differences(handles, one, present, state)
        if differences is not None and erased:
            differences = differences._replace(deleted=differences.deleted - len(erased))
            if not any(differences) and state in (State.CHANGED, State.MISSING):
                state = State.CLEAN
        conflicts: tuple[str, ...] = ()
        if one.pointer is None:
            conflicts = find_conflicts(handles.store, one.encoded, name=pointer_path(path))
        statuses.append(PathStatus(path, state, differences, one, present, conflicts, erased))
    scanner.save()
    return statuses


def count_out_of_reach(handles: Handles, statuses: Sequence[PathStatus]) -> int | None:
    """Return how many files that the pointers name no store has that can be reached now.

    None where that cannot be told, because a store that would tell it is out of reach itself.
    """
    count = 0
    for one in statuses:
        if one.tracked.pointer is None:
            continue
        try:
            entries = read_entries(handles.store, one.tracked.pointer).values()
            erased = handles.store.erased
            files = [e for e in entries if e.mode is not Mode.FOLDER and e.hash not in erased]
            count += len(missing(handles.store, files))
        except (NotFoundError, UnavailableError):
            return None
    return count


def state_of(
    tracked: Tracked, origin: Origin | None, present: Present | None, unfinished: Move | None
) -> State:
    """Return the state of a tracked path; one whose pointer is in a conflict has diverged.

    External data that is not here is as its pointer says.
    """
    content = tracked.content
    if content is None:
        return State.DIVERGED
    data = present.content if present is not None else None
    if tracked.external is not None:
        if data is None:
            return State.CLEAN
        if origin is not None and origin.external == content.hash:
            content = origin.content
    cut_short = is_unfinished(unfinished, tracked.encoded)
    return decide_state(content, origin, data, unfinished=cut_short)


def _find_erased(handles: Handles, tracked: Tracked, present: Present | None) -> tuple[str, ...]:
    """Return the files, relative to a tracked path, that are not there because they were erased."""
    erased = handles.store.erased
    if not erased or tracked.pointer is None:
        return ()
    try:
        wanted = read_entries(handles.store, tracked.pointer)
    except (NotFoundError, UnavailableError):
        return ()
    there = present.entries if present is not None else {}
    return tuple(name for name, one in wanted.items() if name not in there and one.hash in erased)


def _differences(
    handles: Handles, tracked: Tracked, present: Present | None, state: State
) -> Differences | None:
    if state is State.CLEAN:
        return Differences(0, 0, 0)
    if tracked.pointer is None or isinstance(tracked.pointer, ExternalPointer):
        return None
    try:
        wanted = read_entries(handles.store, tracked.pointer)
    except (NotFoundError, UnavailableError):
        return None
    return count_differences(wanted, present.entries if present is not None else {})
