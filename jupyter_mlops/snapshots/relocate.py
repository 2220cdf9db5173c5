"""Taking a path out of tracking, and giving tracked data another name."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.snapshots.apply import clear_leftovers, one_mover, open_worktree
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.ignores import (
    check_ignore_file,
    ignore_data,
    ignore_file,
    unignore_data,
)
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation, origin_move
from jupyter_mlops.snapshots.origins import Origin, read_origins, remove_origin, write_origin
from jupyter_mlops.snapshots.tracked import (
    Tracked,
    check_place,
    pointer_path,
    read_pointer_file,
    read_tracked,
)
from jupyter_mlops.snapshots.unfinished import settle_unfinished


def untrack_path(handles: Handles, path: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """Give ``path`` back: its pointer file and ignore line go, its data stays as it is.

    Returns:
        Commands that are left to the user.

    Raises:
        NotFoundError: ``path`` is not tracked.
    """
    clear_leftovers(handles)
    origins = read_origins(handles.git.state_dir)
    one = _find(handles, path, origins)
    name = pointer_path(path)
    files: dict[str, Move] = {name: Move(one.encoded, None)}
    with one_mover(handles):
        unignore_data(handles, path, files)
    staged = _stage(handles, files)
    with one_mover(handles):
        remove_origin(handles.git.state_dir, path)
        open_worktree(handles).unlink(name)
        settle_unfinished(handles.git.state_dir, [path])
    _log(handles, command, files, {path: origin_move(origins.get(path), None)}, {})
    return staged


def move_path(handles: Handles, old: str, new: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """Rename tracked data together with its pointer file and ignore line.

    Returns:
        Commands that are left to the user.

    Raises:
        NotFoundError: ``old`` is not tracked, or its data is not here.
        ConflictError: something is at ``new``, or it cannot be tracked there.
    """
    clear_leftovers(handles)
    origins = read_origins(handles.git.state_dir)
    one = _find(handles, old, origins)
    tree = open_worktree(handles)
    resumed = _check_move(handles, tree, one, new, origins)
    is_here = one.external is None or any(os.path.lexists(handles.root / p) for p in (old, new))
    origin = origins.get(old)
    moved = {old: origin_move(origin, None)}
    if origin is not None:
        following = replace(origin, path=new)
        moved[new] = origin_move(None, following)
    files: dict[str, Move] = {
        pointer_path(old): Move(one.encoded, None),
        pointer_path(new): Move(None, one.encoded),
    }
    with one_mover(handles):
        if origin is not None:
            write_origin(handles.git.state_dir, following)
        ignore_data(handles, new, files)
        tree.write_file(pointer_path(new), one.encoded, Mode.FILE)
        if not resumed:
            tree.rename(old, new)
        unignore_data(handles, old, files)
    staged = _stage(handles, files, [ignore_file(old), ignore_file(new)])
    with one_mover(handles):
        tree.unlink(pointer_path(old))
        if "/" in old:
            tree.remove_empty_folders(old.rpartition("/")[0])
        remove_origin(handles.git.state_dir, old)
        settle_unfinished(handles.git.state_dir, [old])
    _log(handles, command, files, moved, {old: new} if is_here else {})
    return staged


def _check_move(
    handles: Handles, tree: WorkTree, one: Tracked, new: str, origins: dict[str, Origin]
) -> bool:
    """Refuse a move that would overwrite something, or has nothing to move.

    Returns:
        Whether there is no data to rename: a move that was killed has done so, or it is external.
    """
    old = one.path
    begun = read_pointer_file(tree, new) == one.encoded and new in origins
    old_there = os.path.lexists(handles.root / old)
    stays_away = one.external is not None and not old_there
    new_there = os.path.lexists(handles.root / new)
    if begun and not old_there and (new_there or stays_away):
        return True
    if new_there or (read_pointer_file(tree, new) is not None and not begun):
        raise ConflictError(
            f"{old} cannot be moved: there is something at {new} already.",
            code="path-exists",
            hints=[f"jupyter mlops move {shlex.quote(old)} OTHER-PATH"],
        )
    if not old_there and not stays_away:
        raise NotFoundError(
            f"The data of {old} is not here, so it cannot be moved.",
            code="path-not-found",
            hints=["jupyter mlops restore"],
        )
    if new.startswith(old + "/"):
        raise ConflictError(
            f"{old} cannot be moved into itself.",
            code="path-nested",
            hints=[f"jupyter mlops move {shlex.quote(old)} OTHER-PATH"],
        )
    others = [path for path in read_tracked(handles, origins) if path not in (old, new)]
    check_place(handles, new, others)
    for path in (old, new):
        check_ignore_file(handles, path)
    return stays_away


def _find(handles: Handles, path: str, origins: dict[str, Origin]) -> Tracked:
    tracked = read_tracked(handles, origins, named=[path])
    if path not in tracked:
        raise NotFoundError(
            f"{path} is not tracked.", code="path-not-tracked", hints=["jupyter mlops status"]
        )
    return tracked[path]


def _stage(handles: Handles, files: dict[str, Move], more: Sequence[str] = ()) -> tuple[str, ...]:
    """Stage what became of ``files``, and ``more`` files as they are."""
    there = {name for name, move in files.items() if move.after is not None}
    gone = {name for name, move in files.items() if move.after is None}
    for name in more:
        (there if os.path.lexists(handles.root / name) else gone).add(name)
    staged = stage_paths(handles.git, sorted(there - gone), remove=sorted(gone))
    return (staged.hint,) if staged.hint else ()


def _log(
    handles: Handles,
    command: tuple[str, ...],
    files: dict[str, Move],
    origins: dict[str, Move],
    renamed: dict[str, str],
) -> None:
    now = handles.clock.now()
    operation = Operation(command, now, files, origins=origins, renamed=renamed, staged=True)
    log_operation(handles.git.state_dir, operation)
