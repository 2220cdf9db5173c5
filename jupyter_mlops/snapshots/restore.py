"""Bringing tracked data back as a revision, or the working tree's pointers, name it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pointer import FilePointer, Pointer, decode_pointer, encode_pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.git.history import is_blob_named
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.git.state_tree import blob_oid
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.records import describe_away
from jupyter_mlops.snapshots.apply import clear_leftovers, one_mover, open_moves, open_worktree
from jupyter_mlops.snapshots.content import keep_content, read_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.ignores import check_ignore_file, ignore_data, ignore_file
from jupyter_mlops.snapshots.listing import DROPPED_REFS
from jupyter_mlops.snapshots.merge import find_conflicts
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation, origin_move
from jupyter_mlops.snapshots.origins import Origin, read_origins, remove_origin, write_origin
from jupyter_mlops.snapshots.plan import PathPlan, plan_path
from jupyter_mlops.snapshots.scan import Present, Scanner
from jupyter_mlops.snapshots.take import commit_automatically
from jupyter_mlops.snapshots.tracked import (
    Tracked,
    in_conflict,
    in_tracked,
    make_origin,
    pointer_path,
    read_pointer_file,
    read_tracked,
    read_tree_pointers,
    select_tracked,
)
from jupyter_mlops.snapshots.unfinished import (
    is_unfinished,
    read_unfinished,
    settle_unfinished,
)
from jupyter_mlops.units import plural


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, or with ``dry_run`` would do."""

    plans: tuple[PathPlan, ...]
    saved_as: str | None
    hints: tuple[str, ...] = ()

    @property
    def erased(self) -> tuple[str, ...]:
        """The files that it could not bring back because their content was erased."""
        return tuple(in_tracked(plan.path, name) for plan in self.plans for name in plan.erased)


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
    overwritten and is not in the store is kept as an automatic snapshot first. Of external data
    only the pointer file is written: it stays where it is. Files whose content was erased are left
    out, and what is on disk in their places stays.

    Args:
        handles: the project.
        commit: the full id of a commit.
        paths: project-relative; all tracked paths where none is named.
        command: the words typed, for the operation log.
        dry_run: plan only.
        log: whether ``undo`` shall know of it.

    Raises:
        NotFoundError: a path is not tracked there, or the store lacks content; nothing was touched.
        ConflictError: Git tracks a file that would be overwritten, or a pointer is in a merge
            conflict.
        IntegrityError: a pointer file or stored content is damaged.
        UnavailableError: the disk is full or read-only.
    """
    clear_leftovers(handles)
    scanner = Scanner(handles)
    origins = read_origins(handles.git.state_dir)
    wanted: dict[str, Pointer | None] = {}
    if commit is not None:
        wanted.update(read_tree_pointers(open_tree(handles.git, commit), paths))
    tracked = read_tracked(handles, origins, named=[*paths, *wanted])
    if commit is None:
        wanted = _wanted_pointers(handles, tracked, paths)
    selected = _select(wanted, paths, commit)
    _check_nesting(selected, tracked)
    chosen = {path: wanted[path] for path in selected}
    hints = _hints_to_get(handles, commit, paths)
    return restore_pointers(
        handles, scanner, chosen, tracked, hints, command=command, dry_run=dry_run, log=log
    )


def restore_pointers(
    handles: Handles,
    scanner: Scanner,
    wanted: Mapping[str, Pointer | None],
    tracked: Mapping[str, Tracked],
    hints: Sequence[str],
    *,
    command: tuple[str, ...],
    dry_run: bool = False,
    log: bool = True,
    stage: bool = False,
) -> Restored:
    """Make pointer files and data what ``wanted`` says, as :func:`restore_data` does.

    Args:
        handles: the project.
        scanner: looks at the paths.
        wanted: by tracked path; None where nothing shall be.
        tracked: what is tracked now.
        hints: commands that bring here what the store may lack of it.
        command: as there.
        dry_run: as there.
        log: as there.
        stage: whether Git's index shall have the pointer files as well.

    Raises:
        as that.
    """
    origins = read_origins(handles.git.state_dir)
    scanner.ask_git(list(wanted))
    plans = [_plan(handles, scanner, path, pointer, hints) for path, pointer in wanted.items()]
    _check_content(handles, plans, hints)
    for plan in plans:
        if plan.pointer is not None:
            check_ignore_file(handles, plan.path)
    if dry_run:
        return Restored(tuple(plans), None)
    if handles.store.has_others:  # what they brought is named from now on, not searched again
        handles.store.adopt_rebuilt()
    saved_as = keep_overwritten(handles, scanner, plans, origins)
    files = _carry_out(handles, scanner, plans, tracked)
    scanner.save()
    to_stage: tuple[str, ...] = ()
    if stage:
        names = {*files, *_unstaged(tracked, wanted)}
        staged = stage_paths(handles.git, sorted(n for n in names if _is_there(handles, n)))
        to_stage = (staged.hint,) if staged.hint else ()
    if log:
        after = read_origins(handles.git.state_dir)
        moved = {
            p.path: Move(encode_present(p.present), _encode(p.pointer)) for p in plans if p.moves
        }
        froms = {p.path: origin_move(origins.get(p.path), after.get(p.path)) for p in plans}
        operation = Operation(
            command, handles.clock.now(), files, data=moved, origins=froms, staged=stage
        )
        log_operation(handles.git.state_dir, operation)
    return Restored(tuple(plans), saved_as, to_stage)


def _unstaged(tracked: Mapping[str, Tracked], wanted: Iterable[str]) -> Iterator[str]:
    """Yield the files beside paths that a command which was cut short has not staged."""
    for path in wanted:
        one = tracked.get(path)
        if one is None or not one.staged:
            yield from (pointer_path(path), ignore_file(path))


def _is_there(handles: Handles, name: str) -> bool:
    return (handles.root / name).exists()


def encode_present(present: Present | None) -> bytes | None:
    """Return the encoded pointer that names what is on disk."""
    if present is None:
        return None
    if not present.is_folder:
        return encode_pointer(FilePointer(present.entries[""]))
    pointer, _ = present.folder.plan_pointer()
    return encode_pointer(pointer)


def _wanted_pointers(
    handles: Handles, tracked: Mapping[str, Tracked], paths: Sequence[str]
) -> dict[str, Pointer | None]:
    """Return what each path shall be as the working tree's own pointers say.

    A killed restore that is to be finished comes before them. None: nothing shall be there. Only
    where one of ``paths`` is in a merge conflict, or none is named, a conflict is refused.
    """
    wanted: dict[str, Pointer | None] = {}
    for path, one in tracked.items():
        if one.pointer is None:
            if select_tracked([path], paths):
                conflicts = find_conflicts(handles.store, one.encoded, name=pointer_path(path))
                raise in_conflict("Nothing was restored", {path: conflicts})
            continue
        wanted[path] = one.pointer
    for path, move in read_unfinished(handles.git.state_dir).items():
        encoded = tracked[path].encoded if path in tracked else None
        if is_unfinished(move, encoded):
            origin = f"the unfinished restore of {path}"
            wanted[path] = decode_pointer(move.after, origin=origin) if move.after else None
    return wanted


def _check_nesting(selected: Sequence[str], tracked: Mapping[str, Tracked]) -> None:
    """Refuse to bring a path back inside or around another one that is tracked."""
    for path in selected:
        for other in tracked:
            if path.startswith(other + "/") or other.startswith(path + "/"):
                raise ConflictError(
                    f"{path} cannot be restored, because {other} is tracked, and one of them lies"
                    " inside the other.",
                    code="path-nested",
                    hints=[f"jupyter mlops untrack {shlex.quote(other)}"],
                )


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


def _plan(
    handles: Handles, scanner: Scanner, path: str, pointer: Pointer | None, hints: Sequence[str]
) -> PathPlan:
    if isinstance(pointer, ExternalPointer):
        return PathPlan(path, pointer, {}, scanner.look(path), (), ())
    try:
        entries = read_entries(handles.store, pointer) if pointer is not None else {}
    except NotFoundError as error:
        raise _lacking(handles, f"the list of files of {path}", hints) from error
    return plan_path(path, pointer, entries, scanner.look(path), handles.store.erased)


def _check_content(handles: Handles, plans: Sequence[PathPlan], hints: Sequence[str]) -> None:
    for plan in plans:
        entries = (plan.wanted[name] for name in plan.write)
        files = [entry for entry in entries if entry.mode is not Mode.FOLDER]
        lacking = missing(handles.store, files, trashed=True)
        if lacking:
            what = f"{plural(len(lacking), 'file')} of {plan.path}"
            raise _lacking(handles, what, hints)


def _lacking(handles: Handles, what: str, hints: Sequence[str]) -> NotFoundError:
    nowhere = "" if handles.config.remotes else ", and mlops.toml names no remote to pull it from"
    return NotFoundError(
        f"Nothing was restored: the store lacks {what}{describe_away(handles.store)}{nowhere}.",
        code="content-missing",
        hints=hints,
    )


def _hints_to_get(handles: Handles, commit: str | None, paths: Sequence[str]) -> tuple[str, ...]:
    """Return what brings content here that a restore of these paths would find lacking."""
    if not handles.config.remotes:
        return ("jupyter mlops remote add NAME URL", "jupyter mlops check")
    if commit is None or commit == head(handles.git).commit:
        return (f"jupyter mlops pull {shlex.join(paths)}".rstrip(),)
    return (f"jupyter mlops fetch {shlex.join((*paths, '--all-branches'))}",)


def keep_overwritten(
    handles: Handles, scanner: Scanner, plans: Sequence[PathPlan], origins: Mapping[str, Origin]
) -> str | None:
    """Put all that goes into the store, where ``undo`` finds it.

    What no pointer and no snapshot is known to name becomes an automatic snapshot. A mixture that a
    killed restore left is not worth one, as long as the store has each of its files.

    Returns:
        The snapshot's id, if there is one.
    """
    unfinished = read_unfinished(handles.git.state_dir)
    going: dict[str, Present] = {}
    unnamed: list[str] = []
    for plan in plans:
        if plan.present is None or not plan.moves:
            continue
        going[plan.path] = plan.present
        if not plan.overwritten and not plan.empty:
            continue
        files = (entry for entry in plan.overwritten.values() if entry.mode is not Mode.FOLDER)
        if missing(handles.store, files) or not (
            plan.path in unfinished or _is_named(handles, plan.present, origins.get(plan.path))
        ):
            unnamed.append(plan.path)
    if not going:
        return None
    kept = keep_content(handles, scanner, list(going), going)
    if not unnamed:
        return None
    why = f"before a restore of {', '.join(unnamed)}"
    return commit_automatically(handles, kept.only(unnamed), why).id


def _is_named(handles: Handles, present: Present, origin: Origin | None) -> bool:
    """Return whether a commit or a snapshot that is still there names what is on disk."""
    if origin is None or not origin.holds(present.content):
        return False
    encoded = encode_present(present)
    assert encoded is not None
    oid = origin.blob or blob_oid(handles.git, encoded)
    return is_blob_named(handles.git, pointer_path(present.path), oid, without=DROPPED_REFS)


def _carry_out(
    handles: Handles,
    scanner: Scanner,
    plans: Sequence[PathPlan],
    tracked: Mapping[str, Tracked],
) -> dict[str, Move]:
    """Move data, then pointers, then origins; return what became of small files.

    A note names them all until everything stands.
    """
    state_dir = handles.git.state_dir
    pointers = {
        plan.path: Move(
            tracked[plan.path].encoded if plan.path in tracked else None, _encode(plan.pointer)
        )
        for plan in plans
    }
    moving = {p.path for p in plans if p.moves or pointers[p.path].moves}
    files: dict[str, Move] = {}
    with open_moves(handles, scanner, plans) as moves, one_mover(handles):
        check_pointers_stand(handles, pointers)
        moves.carry_out(state_dir, {path: pointers[path] for path in moving})
        tree = open_worktree(handles)
        for path, move in pointers.items():
            name = pointer_path(path)
            if move.moves:
                files[name] = move
            if move.after is None:
                tree.unlink(name)
                continue
            if move.moves:
                tree.write_file(name, move.after, Mode.FILE)
            ignore_data(handles, path, files)
        _write_origins(handles, plans)
        settle_unfinished(state_dir, pointers.keys())
    return files


def check_pointers_stand(handles: Handles, pointers: Mapping[str, Move]) -> None:
    """Refuse when a pointer file is no longer the one that the plan was made from.

    Raises:
        ConflictError: it is not; code ``pointer-moving``.
    """
    tree = open_worktree(handles)
    for path, move in pointers.items():
        if read_pointer_file(tree, path) != move.before:
            raise ConflictError(
                f"Nothing was restored: the pointer of {path} was moved by another program"
                " meanwhile.",
                code="pointer-moving",
                hints=["jupyter mlops restore"],
            )


def _write_origins(handles: Handles, plans: Sequence[PathPlan]) -> None:
    state_dir = handles.git.state_dir
    known = read_origins(state_dir)
    for plan in plans:
        if plan.pointer is None:
            remove_origin(state_dir, plan.path)
            continue
        if isinstance(plan.pointer, ExternalPointer) and plan.present is not None:
            continue  # the data is still what it was fetched or kept as
        origin = make_origin(handles, plan.path, plan.pointer)
        if known.get(plan.path) != origin:
            write_origin(state_dir, origin)


def _encode(pointer: Pointer | None) -> bytes | None:
    return encode_pointer(pointer) if pointer is not None else None
