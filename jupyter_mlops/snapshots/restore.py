"""Bringing tracked data back as a revision, or the working tree's pointers, name it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pointer import FilePointer, Pointer, decode_pointer, encode_pointer
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.objects.folders import plan_pointer
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.snapshots.apply import apply_plans, finish, open_worktree
from jupyter_mlops.snapshots.content import keep_content, read_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.ignores import ignore_data
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation, origin_move
from jupyter_mlops.snapshots.origins import Origin, read_origins, write_origin
from jupyter_mlops.snapshots.plan import PathPlan, plan_path
from jupyter_mlops.snapshots.scan import Present, Scanner
from jupyter_mlops.snapshots.take import keep_automatically
from jupyter_mlops.snapshots.tracked import (
    Tracked,
    content_of,
    pointer_path,
    read_tracked,
    read_tree_pointers,
    select_tracked,
)
from jupyter_mlops.snapshots.unfinished import read_unfinished
from jupyter_mlops.units import plural


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, or with ``dry_run`` would do."""

    plans: tuple[PathPlan, ...]
    saved_as: str | None


def restore_data(
    handles: Handles,
    commit: str | None,
    paths: Sequence[str],
    *,
    command: tuple[str, ...],
    dry_run: bool = False,
    log: bool = True,
) -> Restored:
    """Bring data back; durable on return, and nothing is lost.

    Without ``commit`` the working tree's pointer files say what is wanted; with one, that
    revision's do, and they are written too, so that pointer and data agree. What would be
    overwritten and is not in the store is kept as an automatic snapshot first.

    Args:
        handles: the project.
        commit: the full id of a commit.
        paths: project-relative; all tracked paths where none is named.
        command: the words typed, for the operation log.
        dry_run: plan only.
        log: whether ``undo`` shall know of it.

    Raises: NotFoundError: a path is not tracked there, or the store lacks content; nothing was
        touched. ConflictError: Git tracks a file that would be overwritten, or a pointer is in a
        merge conflict. IntegrityError: a pointer file or stored content is damaged.
        UnavailableError: the disk is full or read-only.
    """
    scanner = Scanner(handles)
    origins = read_origins(handles.git.state_dir)
    tracked = read_tracked(handles, origins)
    if commit is None:
        wanted = _pointers_here(handles, tracked)
    else:
        wanted = dict(read_tree_pointers(open_tree(handles.git, commit)))
    plans = [_plan(handles, scanner, path, wanted[path]) for path in _select(wanted, paths, commit)]
    _check_content(handles, plans)
    if dry_run:
        return Restored(tuple(plans), None)
    saved_as, data_before = _keep_overwritten(handles, scanner, plans, tracked, origins)
    files = _carry_out(handles, scanner, plans, tracked, write_pointers=commit is not None)
    scanner.save()
    if log:
        after = read_origins(handles.git.state_dir)
        log_operation(
            handles.git.state_dir,
            Operation(
                command,
                handles.clock.now(),
                files,
                data={p.path: Move(data_before[p.path], _data_after(p)) for p in plans},
                origins={
                    p.path: origin_move(origins.get(p.path), after.get(p.path)) for p in plans
                },
            ),
        )
    return Restored(tuple(plans), saved_as)


def encode_present(present: Present | None) -> bytes | None:
    """Return the encoded pointer that names what is on disk."""
    if present is None:
        return None
    if not present.is_folder:
        return encode_pointer(FilePointer(present.entries[""]))
    pointer, _ = plan_pointer(present.entries)
    return encode_pointer(pointer)


def _pointers_here(handles: Handles, tracked: Mapping[str, Tracked]) -> dict[str, Pointer | None]:
    """Return what the working tree's pointers want.

    Or the killed restore that is to be finished first.
    """
    wanted: dict[str, Pointer | None] = {}
    for path, one in tracked.items():
        if one.pointer is None:
            name = shlex.quote(pointer_path(path))
            raise ConflictError(
                f"What {path} shall be is not decided: its pointer file is in a merge conflict.",
                code="pointer-in-conflict",
                hints=[f"git checkout --ours -- {name}", f"git checkout --theirs -- {name}"],
            )
        wanted[path] = one.pointer
    for path, encoded in read_unfinished(handles.git.state_dir).items():
        origin = f"the unfinished restore of {path}"
        wanted[path] = decode_pointer(encoded, origin=origin) if encoded is not None else None
    return wanted


def _select(
    wanted: Mapping[str, Pointer | None], paths: Sequence[str], commit: str | None
) -> list[str]:
    for path in paths:
        if select_tracked(wanted, [path]):
            continue
        where = "the working tree" if commit is None else f"revision {commit[:10]}"
        outer = next((other for other in wanted if path.startswith(other + "/")), None)
        if outer is not None:
            raise NotFoundError(
                f"{path} is a part of {outer}, which {where} tracks as a whole.",
                code="path-not-tracked",
                hints=[f"jupyter mlops restore {(commit or 'HEAD')[:10]} {shlex.quote(outer)}"],
            )
        raise NotFoundError(
            f"{where[0].upper()}{where[1:]} tracks nothing at {path}.",
            code="path-not-tracked",
            hints=["jupyter mlops status"],
        )
    return select_tracked(wanted, paths)


def _plan(handles: Handles, scanner: Scanner, path: str, pointer: Pointer | None) -> PathPlan:
    entries = read_entries(handles.store, pointer) if pointer is not None else {}
    return plan_path(path, pointer, entries, scanner.look(path))


def _check_content(handles: Handles, plans: Sequence[PathPlan]) -> None:
    for plan in plans:
        entries = (plan.wanted[name] for name in plan.write)
        lacking = missing(
            handles.store, (entry for entry in entries if entry.mode is not Mode.FOLDER)
        )
        if lacking:
            files = plural(len(lacking), "file")
            raise NotFoundError(
                f"Nothing was restored: the store lacks {files} of {plan.path}.",
                code="content-missing",
                hints=["jupyter mlops doctor"],
            )


def _keep_overwritten(
    handles: Handles,
    scanner: Scanner,
    plans: Sequence[PathPlan],
    tracked: Mapping[str, Tracked],
    origins: Mapping[str, Origin],
) -> tuple[str | None, dict[str, bytes | None]]:
    """Keep what the store lacks of what goes.

    Return the snapshot's id and what was on disk, by path.
    """
    before: dict[str, bytes | None] = {}
    lacking: list[str] = []
    changed: list[str] = []
    presents: dict[str, Present] = {}
    for plan in plans:
        before[plan.path] = encode_present(plan.present)
        present = plan.present
        if present is None or not plan.overwritten:
            continue
        presents[plan.path] = present
        goes = (entry for entry in plan.overwritten.values() if entry.mode is not Mode.FOLDER)
        origin = origins.get(plan.path)
        if missing(handles.store, goes):
            lacking.append(plan.path)
        elif origin is None or not origin.names(present.content):
            changed.append(plan.path)
    if changed:
        keep_content(handles, scanner, changed, presents)
    if not lacking:
        return None, before
    names = ", ".join(lacking)
    return keep_automatically(handles, scanner, lacking, f"before a restore of {names}").id, before


def _carry_out(
    handles: Handles,
    scanner: Scanner,
    plans: Sequence[PathPlan],
    tracked: Mapping[str, Tracked],
    *,
    write_pointers: bool,
) -> dict[str, Move]:
    """Move data, then pointers, with the origins around them; return what became of small files."""
    state_dir = handles.git.state_dir
    encoded = {plan.path: encode_pointer(plan.pointer) if plan.pointer else None for plan in plans}
    for plan in plans:
        if plan.pointer is not None and (plan.write or plan.delete or write_pointers):
            before = plan.present.content if plan.present is not None else None
            write_origin(state_dir, Origin(plan.path, content_of(plan.pointer), before))
    apply_plans(handles, scanner, plans, encoded)
    files: dict[str, Move] = {}
    tree = open_worktree(handles)
    for plan in plans:
        data, name = encoded[plan.path], pointer_path(plan.path)
        former = tracked[plan.path].encoded if plan.path in tracked else None
        if write_pointers and data is not None and data != former:
            tree.write_file(name, data, Mode.FILE)
            files[name] = Move(former, data)
        if plan.pointer is not None:
            ignore_data(handles, plan.path, files)
            write_origin(state_dir, Origin(plan.path, content_of(plan.pointer)))
    finish(handles)
    return files


def _data_after(plan: PathPlan) -> bytes | None:
    return encode_pointer(plan.pointer) if plan.pointer is not None else None
