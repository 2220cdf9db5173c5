"""Taking back the last command of a worktree."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import decode_pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.git.refs import RefUpdate, list_refs, update_refs
from jupyter_mlops.git.revisions import head, peel_to_commits
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.objects.packs import list_packs
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.running import list_running
from jupyter_mlops.objects.trash import (
    TrashRun,
    list_trash,
    put_back_into_trash,
    take_from_trash,
)
from jupyter_mlops.snapshots.apply import (
    DataMoves,
    clear_leftovers,
    one_mover,
    open_moves,
    open_worktree,
)
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.evict import STORE, undo_eviction
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import DROPPED_REFS, SNAPSHOT_REFS
from jupyter_mlops.snapshots.operations import (
    TRASHED,
    Move,
    Operation,
    clear_undo_mark,
    log_operation,
    read_last_operation,
    read_undo_mark,
    write_undo_mark,
)
from jupyter_mlops.snapshots.origins import decode_origin, remove_origin, write_origin
from jupyter_mlops.snapshots.plan import PathPlan, plan_path
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.tracked import content_of, pointer_path, read_pointer_file
from jupyter_mlops.snapshots.unfinished import read_unfinished, settle_unfinished


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back, and which tracked paths' data moved."""

    operation: Operation
    plans: tuple[PathPlan, ...]
    hints: tuple[str, ...]


def undo_last(
    handles: Handles, command: tuple[str, ...], move_remote: Callable[[str, Move], None]
) -> Undone:
    """Take the last command of this worktree back.

    Everything that the command moved must still stand as the command left it. The undo is itself a
    command that can be taken back. One that was killed is concluded by the next.

    Args:
        handles: the project.
        command: the words typed, for the operation log.
        move_remote: makes a move of content that was evicted because a remote holds it; is told
            the remote's name in the log.

    Raises:
        NotFoundError: there is nothing to take back, or the store lacks the former content.
        ConflictError: something has moved since; nothing was touched.
    """
    clear_leftovers(handles)
    state_dir = handles.git.state_dir
    last = read_last_operation(state_dir)
    if last is None:
        raise NotFoundError(
            "There is nothing to undo in this worktree.",
            code="nothing-to-undo",
            hints=["jupyter mlops log"],
        )
    number, operation = last
    back = _keep_dropped(handles, operation.reversed(command, handles.clock.now()))
    resumed = read_undo_mark(state_dir) == number
    scanner = Scanner(handles)
    _check_files(handles, back, resumed=resumed)
    ref_updates = _check_refs(handles, back, resumed=resumed)
    runs = _find_runs(handles, back)
    plans = _plan_data(handles, scanner, back, resumed=resumed)
    with open_moves(handles, scanner, plans) as moves, one_mover(handles):
        _check_files(handles, back, resumed=resumed)
        write_undo_mark(state_dir, number)
        _move_data(handles, back, plans, moves)
        _move_files(handles, back)
        update_refs(handles.git, ref_updates)
        _move_origins(handles, back)
        _move_trash(handles, back, runs)
        for where, move in back.evicted.items():
            if where == STORE:
                undo_eviction(handles, move)
            else:
                move_remote(where, move)
    hints = _stage(handles, back)
    scanner.save()
    log_operation(state_dir, back)
    clear_undo_mark(state_dir)
    return Undone(operation, tuple(plans), hints)


def _keep_dropped(handles: Handles, back: Operation) -> Operation:
    """Let a snapshot whose ref goes away stay reachable under another ref, and the other way round.

    So it is for a snapshot that is taken back; one that was dropped has named both refs itself.
    """
    dropped = {ref.name: ref.oid for ref in list_refs(handles.git, DROPPED_REFS)}
    refs = dict(back.refs)
    for name, move in back.refs.items():
        if not name.startswith(SNAPSHOT_REFS) or (move.before and move.after):
            continue
        other = DROPPED_REFS + name.removeprefix(SNAPSHOT_REFS)
        there = dropped.get(other)
        if move.after is None or there is not None:
            refs.setdefault(other, Move(there.encode() if there else None, move.before))
    return replace(back, refs=refs)


def _check_files(handles: Handles, back: Operation, *, resumed: bool) -> None:
    tree = open_worktree(handles)
    for path, move in back.files.items():
        try:
            current: bytes | None = tree.read(path)
        except NotFoundError:
            current = None
        if current != move.before and not (resumed and current == move.after):
            raise _moved(path)
    for old, new in back.renamed.items():
        done = resumed and not _is_there(handles, old) and _is_there(handles, new)
        if not done and _is_there(handles, new):
            raise _moved(new)
        if not done and not _is_there(handles, old):
            raise _moved(old)


def _is_there(handles: Handles, path: str) -> bool:
    return os.path.lexists(handles.root / path)


def _check_refs(handles: Handles, back: Operation, *, resumed: bool) -> list[RefUpdate]:
    """Return how refs move; refuse where one has moved, or the branch of HEAD would vanish."""
    if not back.refs:
        return []
    current = {ref.name: ref.oid for ref in list_refs(handles.git, *back.refs)}
    at = head(handles.git)
    updates = []
    for name, move in back.refs.items():
        there, before, after = current.get(name), _text(move.before), _text(move.after)
        if there == after and (resumed or before == after):
            continue
        if there != before:
            raise _moved(name)
        if after is None and at.branch is not None and name == f"refs/heads/{at.branch}":
            raise ConflictError(
                f"Nothing was undone: the branch {at.branch} would vanish, and you are on it.",
                code="undo-moved",
                hints=["git switch -"],
            )
        updates.append(RefUpdate(name, after, before))
    needed = {update.new: update.name for update in updates if update.new is not None}
    gone = needed.keys() - peel_to_commits(handles.git, needed).keys()
    if gone:
        raise NotFoundError(
            f"Nothing was undone: Git has collected the commit {min(gone)[:10]} that"
            f" {needed[min(gone)]} was.",
            code="commit-gone",
            hints=["jupyter mlops log"],
        )
    return updates


def _plan_data(
    handles: Handles, scanner: Scanner, back: Operation, *, resumed: bool
) -> list[PathPlan]:
    plans = []
    unfinished = read_unfinished(handles.git.state_dir) if resumed else {}
    for path, move in sorted(back.data.items()):
        present = scanner.look(path)
        content = present.content if present is not None else None
        expected = [_content(path, move.before)]
        if resumed:
            expected.append(_content(path, move.after))
        if content not in expected and path not in unfinished:
            raise _moved(path)
        pointer = decode_pointer(move.after, origin=f"the former {path}") if move.after else None
        if isinstance(pointer, ExternalPointer):
            raise _moved(path)
        entries: Mapping[str, Entry] = read_entries(handles.store, pointer) if pointer else {}
        plan = plan_path(path, pointer, entries, present, handles.store.erased)
        files = (entries[name] for name in plan.write if entries[name].mode is not Mode.FOLDER)
        if missing(handles.store, files, trashed=True):
            raise NotFoundError(
                f"The former content of {path} is not in the store any more.",
                code="content-missing",
                hints=["jupyter mlops status"],
            )
        plans.append(plan)
    return plans


def _move_data(handles: Handles, back: Operation, plans: list[PathPlan], moves: DataMoves) -> None:
    tree = open_worktree(handles)
    for old, new in back.renamed.items():
        if _is_there(handles, old):
            tree.rename(old, new)
    noted = {}
    for plan in plans:
        current = read_pointer_file(tree, plan.path)
        noted[plan.path] = Move(
            current, back.files.get(pointer_path(plan.path), _same(current)).after
        )
    moves.carry_out(handles.git.state_dir, noted)


def _move_files(handles: Handles, back: Operation) -> None:
    tree = open_worktree(handles)
    for path, move in back.files.items():
        if move.after is None:
            tree.unlink(path)
        else:
            tree.write_file(path, move.after, Mode.FILE)
    for path, move in back.files.items():
        if move.after is None and "/" in path:
            tree.remove_empty_folders(path.rpartition("/")[0])


def _stage(handles: Handles, back: Operation) -> tuple[str, ...]:
    if not back.staged or not back.files:
        return ()
    there = [path for path, move in back.files.items() if move.after is not None]
    gone = [path for path, move in back.files.items() if move.after is None]
    staged = stage_paths(handles.git, there, remove=gone)
    return (staged.hint,) if staged.hint else ()


def _move_origins(handles: Handles, back: Operation) -> None:
    for path, move in back.origins.items():
        if move.after is None:
            remove_origin(handles.git.state_dir, path)
        else:
            write_origin(handles.git.state_dir, decode_origin(move.after))
    settle_unfinished(handles.git.state_dir, back.data.keys())


def _find_runs(handles: Handles, back: Operation) -> dict[str, TrashRun]:
    """Return what garbage collections took away; refuse where that was deleted for good."""
    runs = {run.name: run for run in list_trash(handles.store)}
    for name in back.trash:
        if name not in runs:
            raise NotFoundError(
                "Nothing was undone: what the garbage collection took away is deleted for good.",
                code="trash-emptied",
                hints=["jupyter mlops status"],
            )
    return {name: runs[name] for name in back.trash}


def _move_trash(handles: Handles, back: Operation, runs: Mapping[str, TrashRun]) -> None:
    for name, move in back.trash.items():
        run = runs[name]
        if move.after == TRASHED:
            put_back_into_trash(handles.store, run, list_running(handles.store))
        else:
            take_from_trash(handles.store, run, list(list_packs(run.store.folder)))


def _same(value: bytes | None) -> Move:
    return Move(value, value)


def _content(path: str, encoded: bytes | None) -> Entry | None:
    return content_of(decode_pointer(encoded, origin=path)) if encoded is not None else None


def _text(value: bytes | None) -> str | None:
    return value.decode() if value is not None else None


def _moved(what: str) -> ConflictError:
    return ConflictError(
        f"Nothing was undone: {what} has moved since the last command.",
        code="undo-moved",
        hints=["jupyter mlops status"],
    )
