"""Taking a snapshot: content, pointers, Git's index, hidden commit, in that order."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError
from jupyter_mlops.formats.conflict import is_in_conflict
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pointer import (
    POINTER_SUFFIX,
    FilePointer,
    Pointer,
    TreePointer,
    encode_pointer,
)
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.formats.pointer_source import ImportSource
from jupyter_mlops.formats.snapshot import (
    RECORD_PATH,
    RUNS_POINTER_PATH,
    LeftOut,
    PathKind,
    Scalar,
    SnapshotPath,
    SnapshotRecord,
    encode_snapshot_record,
)
from jupyter_mlops.git.commits import check_may_commit, commit_paths, commit_tree
from jupyter_mlops.git.ignore import ignored, tracked_under
from jupyter_mlops.git.refs import RefUpdate, update_refs
from jupyter_mlops.git.revisions import Head, head
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.git.state_tree import write_state_tree
from jupyter_mlops.ids import new_snapshot_id
from jupyter_mlops.notebooks.journal import SNAPSHOT_JOURNAL_PATH
from jupyter_mlops.snapshots.apply import clear_leftovers, one_mover, open_worktree
from jupyter_mlops.snapshots.content import Kept, keep_content
from jupyter_mlops.snapshots.external import check_external, leave_external
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.ignores import check_ignore_file, ignore_data, ignore_file
from jupyter_mlops.snapshots.listing import SNAPSHOT_REFS
from jupyter_mlops.snapshots.manage import check_name
from jupyter_mlops.snapshots.merge import find_conflicts
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation, origin_move
from jupyter_mlops.snapshots.origins import Origin, read_origins, write_origin
from jupyter_mlops.snapshots.runs import RunFile, keep_runs
from jupyter_mlops.snapshots.scan import Present, Scanner
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import state_of
from jupyter_mlops.snapshots.tracked import (
    Tracked,
    check_new_path,
    check_no_link,
    content_of,
    in_conflict,
    make_origin,
    pointer_path,
    read_pointer_file,
    read_tracked,
    select_tracked,
    tracked_by_git,
)
from jupyter_mlops.snapshots.unfinished import read_unfinished, settle_unfinished


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is written into a snapshot besides content: why, from where, with what numbers.

    ``journal`` is what kernels ran, as the format journal says, empty where that is not known;
    ``runs`` are the files of the runs whose values there are; ``left_out`` is what is known to be
    missing.
    """

    message: str | None = None
    name: str | None = None
    notebook: str | None = None
    cells: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    params: Mapping[str, Scalar] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    automatic: bool = False
    journal: bytes = b""
    runs: tuple[RunFile, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot that was just taken.

    ``commit`` is the ordinary commit, where one was asked for.
    """

    record: SnapshotRecord
    kept: Kept
    commit: str | None
    hints: tuple[str, ...]


def take_snapshot(
    handles: Handles,
    paths: Sequence[str],
    circumstances: Circumstances,
    *,
    keep_mine: bool = False,
    external: Mapping[str, ExternalPointer] | None = None,
    commit_files: Sequence[str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Taken:
    """Keep ``paths`` as one state tied to the current commit; all tracked ones where none is named.

    The content is durable before a pointer names it, and the snapshot's ref is the commit point.
    The user's HEAD, branch and data files are not touched; Git's index gains the pointer files.

    Args:
        handles: the project.
        paths: project-relative paths.
        circumstances: what else is recorded.
        keep_mine: take data that is behind or has diverged from its pointer as the newer one, and
            a copy of external data as data of the project's own.
        external: by path, what stays where it is; ``paths`` are none then.
        commit_files: with a list, also make an ordinary commit of the pointers and of these files.
        sleep: how another program's lock on Git's index is waited for.

    Raises:
        ConflictError: a path is behind, diverged, tracked by Git, nested, or ignored; a copy of
            external data was changed; the name is taken.
        NotFoundError: a named path does not exist.
        UnavailableError: the disk is full or read-only.
    """
    clear_leftovers(handles)
    if circumstances.name is not None:
        check_name(handles, circumstances.name)
    if commit_files is not None:
        check_may_commit(handles.git)
    for path in paths:
        check_no_link(handles.root, path)
    scanner = Scanner(handles)
    known = _read_known(handles, paths)
    if external is None:
        chosen = _choose(handles, paths, known.tracked)
        scanner.ask_git(chosen)
        chosen = leave_external(
            handles,
            scanner,
            chosen,
            known.tracked,
            known.origins,
            named=bool(paths),
            keep_mine=keep_mine,
        )
    else:
        chosen = []
        check_external(handles, external, known.tracked)
    presents, left_out = _look_at_tracked(scanner, chosen, known.tracked, named=bool(paths))
    if not keep_mine:
        _refuse_stale(handles, presents, known)
    here = [path for path in chosen if path not in left_out]
    for path in (*here, *(external or {})):
        check_ignore_file(handles, path)
    kept = keep_content(handles, scanner, here, presents, _find_sources(known.tracked))
    if external is not None:
        kept = replace(kept, pointers=external)
    runs = keep_runs(handles, circumstances.runs)
    with one_mover(handles):
        known = _read_again(handles, kept, known, keep_mine=keep_mine)
        files, stage = _write_pointers(handles, kept, known)
    staged = stage_paths(handles.git, stage, sleep=sleep)
    gone = [LeftOut(path, why) for path, why in sorted(left_out.items())]
    at = head(handles.git)
    record, hidden = commit_state(
        handles,
        kept,
        circumstances,
        [*gone, *circumstances.left_out, *runs.left_out],
        at,
        runs.pointer,
    )
    refs = {SNAPSHOT_REFS + record.id: Move(None, hidden.encode())}
    origins = _settle(handles, kept, known)
    scanner.save()
    commit = None
    try:
        if commit_files is not None:
            tracked = known.tracked.keys() | kept.pointers.keys()
            commit = _commit(handles, tracked, commit_files, record, refs)
    finally:
        words, now = circumstances.command, handles.clock.now()
        operation = Operation(words, now, files, refs, origins=origins, staged=True)
        log_operation(handles.git.state_dir, operation)
    return Taken(record, kept, commit, (staged.hint,) if staged.hint else ())


def commit_automatically(handles: Handles, kept: Kept, why: str) -> SnapshotRecord:
    """Make a snapshot of its own of what was kept; no file of the working tree is touched."""
    circumstances = Circumstances(message=why, automatic=True)
    record, _ = commit_state(handles, kept, circumstances, [], head(handles.git))
    return record


def commit_state(
    handles: Handles,
    kept: Kept,
    circumstances: Circumstances,
    left_out: Sequence[LeftOut],
    at: Head,
    runs: TreePointer | None = None,
) -> tuple[SnapshotRecord, str]:
    """Make the hidden commit of the whole state and its ref, durably.

    Return the record and the commit's id.
    """
    named = tuple(left_out) + tuple(_git_files(kept.presents))
    record = SnapshotRecord(
        id=new_snapshot_id(),
        name=circumstances.name,
        base=at.commit,
        branch=at.branch,
        message=circumstances.message,
        created_at=handles.clock.now(),
        notebook=circumstances.notebook,
        cells=circumstances.cells,
        params=circumstances.params,
        metrics=circumstances.metrics,
        environment=circumstances.environment,
        command=circumstances.command,
        automatic=circumstances.automatic,
        paths=tuple(
            _describe_path(path, kept.pointers[path], kept.presents.get(path))
            for path in sorted(kept.pointers)
        ),
    )

    def describe(left_out_by_git: Sequence[tuple[str, str]]) -> Mapping[str, bytes]:
        nonlocal record
        more = tuple(LeftOut(path, why) for path, why in left_out_by_git)
        record = replace(record, left_out=named + more)
        files = {RECORD_PATH: encode_snapshot_record(record)}
        if circumstances.journal:
            files[SNAPSHOT_JOURNAL_PATH] = circumstances.journal
        if runs is not None:
            files[RUNS_POINTER_PATH] = encode_pointer(runs)
        return files

    state = write_state_tree(
        handles.git,
        extra={pointer_path(path): encode_pointer(p) for path, p in kept.pointers.items()},
        file_limit_bytes=handles.config.snapshot.file_limit_bytes,
        untracked_limit_bytes=handles.config.snapshot.untracked_limit_bytes,
        leave_out=lambda path: _why_left_out(handles, path),
        describe=describe,
    )
    message = f"snapshot {record.id}" + (f": {record.message}" if record.message else "")
    parents = [at.commit] if at.commit else []
    hidden = commit_tree(handles.git, state.tree, parents, message, record.created_at)
    update_refs(handles.git, [RefUpdate(SNAPSHOT_REFS + record.id, new=hidden, old=None)])
    return record, hidden


def _why_left_out(handles: Handles, path: str) -> str | None:
    """Return why a changed file is no part of the state: a pointer that names nothing cannot be."""
    if not path.endswith(POINTER_SUFFIX):
        return None
    try:
        encoded = read_pointer_file(open_worktree(handles), path.removesuffix(POINTER_SUFFIX))
    except MlopsError:
        return "it is no pointer file that can be read"
    if encoded is not None and is_in_conflict(encoded):
        return "it is in a merge conflict"
    return None


def _choose(handles: Handles, paths: Sequence[str], tracked: Mapping[str, Tracked]) -> list[str]:
    chosen: dict[str, None] = {}
    for path in paths:
        if path in tracked:
            chosen[path] = None
            continue
        inside = [] if (handles.root / path).exists() else select_tracked(tracked, [path])
        if not inside:
            check_new_path(handles, path, [*tracked, *chosen])
            inside = [path]
        chosen.update(dict.fromkeys(inside))
    return list(chosen) if paths else sorted(tracked)


def _find_sources(tracked: Mapping[str, Tracked]) -> dict[str, ImportSource]:
    return {path: one.source for path, one in tracked.items() if one.source is not None}


def _look_at_tracked(
    scanner: Scanner, chosen: Iterable[str], tracked: Mapping[str, Tracked], *, named: bool
) -> tuple[dict[str, Present], dict[str, str]]:
    """Return what is on disk at those that are tracked, and those that are not here with the why.

    Raises:
        NotFoundError: one that the user has named is not here.
        ConflictError: Git itself tracks the file.
    """
    presents: dict[str, Present] = {}
    left_out: dict[str, str] = {}
    for path in chosen:
        if path not in tracked:
            continue
        present = scanner.look(path)
        if present is not None:
            if present.git_files == ("",):
                raise tracked_by_git(path)
            presents[path] = present
        elif named:
            raise NotFoundError(
                f"The data of {path} is not here, so there is nothing to keep.",
                code="path-not-found",
                hints=["jupyter mlops restore"],
            )
        else:
            left_out[path] = "its data is not here; the pointer stays as it is"
    return presents, left_out


@dataclass(frozen=True, slots=True)
class _Known:
    """What a worktree knew of its tracked paths at one moment."""

    tracked: Mapping[str, Tracked]
    origins: Mapping[str, Origin]


def _read_known(handles: Handles, named: Iterable[str]) -> _Known:
    origins = read_origins(handles.git.state_dir)
    return _Known(read_tracked(handles, origins, named), origins)


def _read_again(handles: Handles, kept: Kept, known: _Known, *, keep_mine: bool) -> _Known:
    """Return what is known now that nobody else of us moves pointers; refuse what got stale.

    Content takes long to keep: another kernel, or Git, may have moved a pointer meanwhile.
    """
    tree = open_worktree(handles)
    now = read_origins(handles.git.state_dir)

    def stands(path: str) -> bool:
        former = known.tracked.get(path)
        encoded = former.encoded if former is not None else None
        same = now.get(path) == known.origins.get(path)
        return same and read_pointer_file(tree, path) == encoded

    if all(stands(path) for path in kept.pointers):
        return known
    again = _read_known(handles, kept.pointers)
    if not keep_mine:
        presents = {path: p for path, p in kept.presents.items() if path in again.tracked}
        _refuse_stale(handles, presents, again)
    return again


def _refuse_stale(handles: Handles, presents: Mapping[str, Present], known: _Known) -> None:
    unfinished = read_unfinished(handles.git.state_dir)
    conflicts = {
        path: find_conflicts(handles.store, known.tracked[path].encoded, name=pointer_path(path))
        for path in presents
        if known.tracked[path].pointer is None
    }
    if conflicts:
        raise in_conflict("Nothing was kept", conflicts)
    stale: dict[str, State] = {}
    for path, present in presents.items():
        one, origin = known.tracked[path], known.origins.get(path)
        state = state_of(one, origin, present, unfinished.get(path))
        if state in (State.BEHIND, State.DIVERGED):
            stale[path] = state
    if not stale:
        return
    names = ", ".join(f"{path} ({state})" for path, state in stale.items())
    words = shlex.join(stale)
    raise ConflictError(
        f"Not kept, because the pointer has moved since the data on disk was restored: {names}.",
        code="stale",
        hints=["jupyter mlops restore", f"jupyter mlops snapshot {words} --keep-mine"],
    )


def _write_pointers(
    handles: Handles, kept: Kept, known: _Known
) -> tuple[dict[str, Move], list[str]]:
    """Write origins, pointers and ignore lines; what stands already is not written again.

    Returns:
        What became of small files, and the files that Git's index lacks.
    """
    state_dir = handles.git.state_dir
    tree = open_worktree(handles)
    files: dict[str, Move] = {}
    stage: list[str] = []
    for path, pointer in kept.pointers.items():
        name, encoded = pointer_path(path), encode_pointer(pointer)
        present = kept.presents.get(path)
        former = known.tracked.get(path)
        ignore_data(handles, path, files)
        if former is None or former.encoded != encoded:
            origin = make_origin(handles, path, pointer)
            if present is not None:
                before = former.content if former is not None else None
                write_origin(state_dir, replace(origin, before=before or origin.content))
            elif not (handles.root / path).exists():
                write_origin(state_dir, origin)
            tree.write_file(name, encoded, Mode.FILE)
            files[name] = Move(former.encoded if former is not None else None, encoded)
        if former is None or not former.staged:
            stage += _unstaged(handles, path)
    settle_unfinished(state_dir, kept.pointers.keys())
    return files, list(dict.fromkeys([*stage, *files]))


def _unstaged(handles: Handles, path: str) -> list[str]:
    """Return the files beside ``path`` that one which was cut short may have left unstaged."""
    ignores = ignore_file(path)
    return [pointer_path(path), *([ignores] if (handles.root / ignores).exists() else [])]


def _settle(handles: Handles, kept: Kept, known: _Known) -> dict[str, Move]:
    """Let the origins say that the snapshot stands; return what became of them.

    An origin that another command has written since is left alone.
    """
    state_dir = handles.git.state_dir
    tree = open_worktree(handles)
    settled = {path: make_origin(handles, path, kept.pointers[path]) for path in kept.presents}
    written = read_origins(state_dir)

    def is_ours(path: str, there: Origin | None) -> bool:
        if there is None or there.content == settled[path].content:
            return True
        encoded = encode_pointer(kept.pointers[path])
        return there == known.origins.get(path) and read_pointer_file(tree, path) == encoded

    if any(written.get(path) != origin for path, origin in settled.items()):
        with one_mover(handles):
            current = read_origins(state_dir)
            for path, origin in settled.items():
                there = current.get(path)
                if there != origin and is_ours(path, there):
                    write_origin(state_dir, origin)
    after = {path: written.get(path) for path in kept.pointers} | settled
    return {path: origin_move(known.origins.get(path), origin) for path, origin in after.items()}


def _commit(
    handles: Handles,
    tracked: Iterable[str],
    files: Sequence[str],
    record: SnapshotRecord,
    refs: dict[str, Move],
) -> str | None:
    at = head(handles.git)
    names = [pointer_path(path) for path in sorted(tracked)]
    ignores = {ignore_file(path) for path in tracked}
    files = _not_ignored(handles, files)
    existing = [
        name for name in (*names, *sorted(ignores), *files) if (handles.root / name).exists()
    ]
    try:
        commit = commit_paths(handles.git, existing, record.message or f"Snapshot {record.id}")
    except ConflictError as error:
        raise ConflictError(
            f"Snapshot {record.id} is kept, but no commit was made: {error.message}",
            code=error.code,
            hints=error.hints,
        ) from error
    if commit is not None and at.branch is not None:
        before = at.commit.encode() if at.commit else None
        refs[f"refs/heads/{at.branch}"] = Move(before, commit.encode())
    return commit


def _not_ignored(handles: Handles, files: Sequence[str]) -> list[str]:
    """Return those of ``files`` that Git tracks or does not ignore."""
    hidden = ignored(handles.git, files).keys() - set(tracked_under(handles.git, files))
    return [name for name in files if name not in hidden]


def _describe_path(path: str, pointer: Pointer, present: Present | None) -> SnapshotPath:
    if isinstance(pointer, ExternalPointer):
        _, hash, size_bytes = content_of(pointer)
        return SnapshotPath(path, "external", hash, len(pointer.objects), size_bytes)
    assert present is not None
    kind: PathKind = "file" if isinstance(pointer, FilePointer) else "tree"
    return SnapshotPath(path, kind, present.content.hash, present.file_count, present.size_bytes)


def _git_files(presents: Mapping[str, Present]) -> list[LeftOut]:
    return [
        LeftOut(f"{path}/{name}", "Git tracks it, so it stays Git's")
        for path, present in sorted(presents.items())
        for name in present.git_files
    ]
