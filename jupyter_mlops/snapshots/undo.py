"""Taking back the last command of a worktree."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import decode_pointer
from jupyter_mlops.git.refs import RefUpdate, list_refs, update_refs
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.snapshots.apply import apply_plans, finish, open_worktree
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import DROPPED_REFS, SNAPSHOT_REFS
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation, read_last_operation
from jupyter_mlops.snapshots.origins import decode_origin, remove_origin, write_origin
from jupyter_mlops.snapshots.plan import PathPlan, plan_path
from jupyter_mlops.snapshots.scan import Scanner
from jupyter_mlops.snapshots.tracked import content_of


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back, and which tracked paths' data moved."""

    operation: Operation
    plans: tuple[PathPlan, ...]
    hints: tuple[str, ...]


def undo_last(handles: Handles, command: tuple[str, ...]) -> Undone:
    """Take the last command of this worktree back.

    Everything that the command moved must still stand as the command left it. The undo is itself a
    command that can be taken back.

    Raises:
        NotFoundError: there is nothing to take back, or the store lacks the former content.
        ConflictError: something has moved since; nothing was touched.
    """
    last = read_last_operation(handles.git.state_dir)
    if last is None:
        raise NotFoundError("There is nothing to undo in this worktree.", code="nothing-to-undo")
    back = _keep_dropped(last.reversed(command, handles.clock.now()))
    scanner = Scanner(handles)
    _check_files(handles, back)
    _check_refs(handles, back)
    plans = _plan_data(handles, scanner, back)
    _move_data(handles, scanner, back, plans)
    hints = _move_files(handles, back)
    names = [
        RefUpdate(name, _text(move.after), _text(move.before)) for name, move in back.refs.items()
    ]
    if names:
        update_refs(handles.git, names)
    _move_origins(handles, back)
    scanner.save()
    log_operation(handles.git.state_dir, back)
    return Undone(last, tuple(plans), hints)


def _keep_dropped(back: Operation) -> Operation:
    """Let a snapshot whose ref is taken away stay reachable under another ref,.

    The other way round.
    """
    refs: dict[str, Move] = dict(back.refs)
    for name, move in back.refs.items():
        if name.startswith(SNAPSHOT_REFS):
            dropped = DROPPED_REFS + name.removeprefix(SNAPSHOT_REFS)
            refs.setdefault(dropped, Move(move.after, move.before))
    return Operation(
        back.command, back.at, back.files, refs, back.data, back.origins, back.renamed, back.staged
    )


def _check_files(handles: Handles, back: Operation) -> None:
    tree = open_worktree(handles)
    for path, move in back.files.items():
        try:
            current: bytes | None = tree.read(path)
        except NotFoundError:
            current = None
        if current != move.before:
            raise _moved(path)
    for old, new in back.renamed.items():
        if tree.stat(new) is not None:
            raise _moved(new)
        if not (handles.root / old).exists():
            raise _moved(old)


def _check_refs(handles: Handles, back: Operation) -> None:
    if not back.refs:
        return
    current = {ref.name: ref.oid for ref in list_refs(handles.git, *back.refs)}
    for name, move in back.refs.items():
        if current.get(name) != _text(move.before):
            raise _moved(name)


def _plan_data(handles: Handles, scanner: Scanner, back: Operation) -> list[PathPlan]:
    plans = []
    for path, move in sorted(back.data.items()):
        present = scanner.look(path)
        expected = _content(path, move.before)
        if (present.content if present is not None else None) != expected:
            raise _moved(path)
        pointer = decode_pointer(move.after, origin=f"the former {path}") if move.after else None
        entries: Mapping[str, Entry] = read_entries(handles.store, pointer) if pointer else {}
        plan = plan_path(path, pointer, entries, present)
        files = (entries[name] for name in plan.write if entries[name].mode is not Mode.FOLDER)
        if missing(handles.store, files):
            raise NotFoundError(
                f"The former content of {path} is not in the store any more.",
                code="content-missing",
                hints=["jupyter mlops status"],
            )
        plans.append(plan)
    return plans


def _move_data(handles: Handles, scanner: Scanner, back: Operation, plans: list[PathPlan]) -> None:
    for old, new in back.renamed.items():
        open_worktree(handles).rename(old, new)
    apply_plans(handles, scanner, plans, {path: move.after for path, move in back.data.items()})


def _move_files(handles: Handles, back: Operation) -> tuple[str, ...]:
    tree = open_worktree(handles)
    for path, move in back.files.items():
        if move.after is None:
            tree.unlink(path)
        else:
            tree.write_file(path, move.after, Mode.FILE)
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
    if back.data:
        finish(handles)


def _content(path: str, encoded: bytes | None) -> Entry | None:
    return content_of(decode_pointer(encoded, origin=path)) if encoded is not None else None


def _text(value: bytes | None) -> str | None:
    return value.decode() if value is not None else None


def _moved(what: str) -> ConflictError:
    return ConflictError(
        f"Nothing was undone: {what} has moved since the last command.",
        code="undo-moved",
        hints=["jupyter mlops status", f"git log -1 -- {shlex.quote(what)}"],
    )
