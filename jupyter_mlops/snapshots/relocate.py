"""Taking a path out of tracking, and giving tracked data another name."""

from __future__ import annotations

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.snapshots.apply import open_worktree
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.ignores import ignore_data, unignore_data
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation, origin_move
from jupyter_mlops.snapshots.origins import Origin, read_origins, remove_origin, write_origin
from jupyter_mlops.snapshots.tracked import Tracked, check_place, pointer_path, read_tracked


def untrack_path(handles: Handles, path: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """Give ``path`` back: its pointer file and ignore line go, its data stays as it is.

    Returns:
        Commands that are left to the user.

    Raises:
        NotFoundError: ``path`` is not tracked.
    """
    origins = read_origins(handles.git.state_dir)
    one = _find(handles, path, origins)
    name = pointer_path(path)
    files: dict[str, Move] = {name: Move(one.encoded, None)}
    open_worktree(handles).unlink(name)
    unignore_data(handles, path, files)
    remove_origin(handles.git.state_dir, path)
    moved = {path: origin_move(origins.get(path), None)}
    return _conclude(handles, command, files, moved, {})


def move_path(handles: Handles, old: str, new: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """Rename tracked data together with its pointer file and ignore line.

    Returns:
        Commands that are left to the user.

    Raises:
        NotFoundError: ``old`` is not tracked, or its data is not here.
        ConflictError: something is at ``new``, or it cannot be tracked there.
    """
    origins = read_origins(handles.git.state_dir)
    one = _find(handles, old, origins)
    tree = open_worktree(handles)
    if tree.stat(new) is not None or tree.stat(pointer_path(new)) is not None:
        raise ConflictError(
            f"{old} cannot be moved: there is something at {new} already.",
            code="path-exists",
            hints=[f"jupyter mlops move {old} OTHER-PATH"],
        )
    if tree.stat(old) is None and not (handles.root / old).is_dir():
        raise NotFoundError(
            f"The data of {old} is not here, so it cannot be moved.",
            code="path-not-found",
            hints=["jupyter mlops restore"],
        )
    tracked = read_tracked(handles, origins)
    check_place(handles, new, [path for path in tracked if path != old])
    files: dict[str, Move] = {
        pointer_path(old): Move(one.encoded, None),
        pointer_path(new): Move(None, one.encoded),
    }
    origin = origins.get(old)
    moved = {old: origin_move(origin, None)}
    if origin is not None:
        following = Origin(new, origin.content, origin.before)
        write_origin(handles.git.state_dir, following)
        moved[new] = origin_move(None, following)
    ignore_data(handles, new, files)
    tree.write_file(pointer_path(new), one.encoded, Mode.FILE)
    tree.rename(old, new)
    tree.unlink(pointer_path(old))
    unignore_data(handles, old, files)
    remove_origin(handles.git.state_dir, old)
    return _conclude(handles, command, files, moved, {old: new})


def _find(handles: Handles, path: str, origins: dict[str, Origin]) -> Tracked:
    tracked = read_tracked(handles, origins)
    if path not in tracked:
        raise NotFoundError(
            f"{path} is not tracked.", code="path-not-tracked", hints=["jupyter mlops status"]
        )
    return tracked[path]


def _conclude(
    handles: Handles,
    command: tuple[str, ...],
    files: dict[str, Move],
    origins: dict[str, Move],
    renamed: dict[str, str],
) -> tuple[str, ...]:
    there = [name for name, move in files.items() if move.after is not None]
    gone = [name for name, move in files.items() if move.after is None]
    staged = stage_paths(handles.git, there, remove=gone)
    now = handles.clock.now()
    log_operation(
        handles.git.state_dir,
        Operation(command, now, files, origins=origins, renamed=renamed, staged=True),
    )
    return (staged.hint,) if staged.hint else ()
