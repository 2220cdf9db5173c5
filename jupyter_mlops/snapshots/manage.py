"""What can be done to snapshots that are kept: name, note, drop, branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jupyter_mlops.errors import ConflictError, UsageError
from jupyter_mlops.formats.snapshot import (
    RECORD_PATH,
    RUNS_POINTER_PATH,
    SnapshotRecord,
    encode_snapshot_record,
)
from jupyter_mlops.git.change_tree import change_tree
from jupyter_mlops.git.commits import commit_tree
from jupyter_mlops.git.refs import RefUpdate, is_ref_name, list_refs, update_refs
from jupyter_mlops.ids import is_snapshot_id
from jupyter_mlops.notebooks.journal import SNAPSHOT_JOURNAL_PATH
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import (
    DROPPED_REFS,
    POSSIBLE_NAME,
    REMOTE_REFS,
    SNAPSHOT_REFS,
    Listed,
    find_among,
    list_all_snapshots,
    list_snapshots,
)
from jupyter_mlops.snapshots.operations import Move, Operation, log_operation


def check_name(handles: Handles, name: str) -> None:
    """Refuse a name that another snapshot has, or that could be read as something else.

    Raises:
        UsageError: not a possible name.
        ConflictError: it is taken.
    """
    if not POSSIBLE_NAME.fullmatch(name) or is_snapshot_id(name) or ".." in name or "@{" in name:
        raise UsageError(
            f"{name!r} cannot be a snapshot's name: a name has no spaces and none of ~^:?*[\\,"
            " does not begin with a dash and does not look like an id.",
            code="name-invalid",
        )
    for snapshot in list_snapshots(handles.git):
        if snapshot.name == name:
            raise ConflictError(
                f"Snapshot {snapshot.id} is called {name!r} already.",
                code="name-taken",
                hints=[f"jupyter mlops snapshot name {snapshot.id} OTHER-NAME"],
            )


def change_record(
    handles: Handles,
    snapshot: Listed,
    command: tuple[str, ...],
    *,
    name: str | None,
    message: str | None,
) -> SnapshotRecord:
    """Give ``snapshot`` this name and message; its id and content stay. Return the new record.

    One that was fetched becomes one of this clone's own.

    Raises:
        ConflictError: another process changed the snapshot meanwhile.
    """
    clear_leftovers(handles)
    record = replace(snapshot.record, name=name, message=message)
    tree = change_tree(handles.git, snapshot.commit, {RECORD_PATH: encode_snapshot_record(record)})
    parents = [record.base] if record.base else []
    subject = f"snapshot {record.id}" + (f": {message}" if message else "")
    commit = commit_tree(handles.git, tree, parents, subject, record.created_at)
    ref = SNAPSHOT_REFS + record.id
    former = snapshot.commit if snapshot.remote is None else None
    update_refs(handles.git, [RefUpdate(ref, commit, former)])
    refs = {ref: Move(former.encode() if former else None, commit.encode())}
    log_operation(handles.git.state_dir, Operation(command, handles.clock.now(), refs=refs))
    return record


def drop_snapshots(handles: Handles, texts: list[str], command: tuple[str, ...]) -> list[Listed]:
    """Remove the snapshots that ``texts`` name, and return them; see :func:`drop_listed`."""
    known = list_all_snapshots(handles.git)
    found = {snapshot.id: snapshot for snapshot in (find_among(known, text) for text in texts)}
    drop_listed(handles, list(found.values()), command)
    return list(found.values())


def drop_listed(handles: Handles, snapshots: Sequence[Listed], command: tuple[str, ...]) -> None:
    """Remove ``snapshots``; content that another state needs stays.

    They stay reachable under another ref, so that ``undo`` brings them back. What is known of them
    in remotes is forgotten here as well, and stays there.

    Raises:
        ConflictError: another process changed one meanwhile; none was removed.
    """
    clear_leftovers(handles)
    updates = []
    refs: dict[str, Move] = {}
    former = {ref.name: ref.oid for ref in list_refs(handles.git, DROPPED_REFS)}
    fetched = list_refs(handles.git, REMOTE_REFS)
    for snapshot in snapshots:
        dropped = DROPPED_REFS + snapshot.id
        gone = {ref.name: ref.oid for ref in fetched if ref.name.endswith(f"/{snapshot.id}")}
        for name, oid in {**gone, snapshot.ref: snapshot.commit}.items():
            updates.append(RefUpdate(name, None, oid))
            refs[name] = Move(oid.encode(), None)
        updates.append(RefUpdate(dropped, snapshot.commit, former.get(dropped)))
        before = former.get(dropped)
        refs[dropped] = Move(before.encode() if before else None, snapshot.commit.encode())
    update_refs(handles.git, updates)
    log_operation(handles.git.state_dir, Operation(command, handles.clock.now(), refs=refs))


def make_branch(handles: Handles, snapshot: Listed, branch: str, command: tuple[str, ...]) -> str:
    """Make the Git branch ``branch``: one commit, the whole state of ``snapshot``, on its base.

    Returns:
        The full id of that commit. The branch is not switched to.

    Raises:
        UsageError: Git does not accept the name.
        ConflictError: there is such a branch.
    """
    clear_leftovers(handles)
    ref = f"refs/heads/{branch}"
    if branch.startswith("-") or not is_ref_name(handles.git, ref):
        raise UsageError(f"{branch!r} cannot be a branch's name.", code="name-invalid")
    if any(found.name == ref for found in list_refs(handles.git, ref)):
        raise ConflictError(
            f"There is a branch {branch!r} already.",
            code="name-taken",
            hints=[f"jupyter mlops snapshot branch {snapshot.id} OTHER-NAME"],
        )
    record = snapshot.record
    gone = {RECORD_PATH: None, RUNS_POINTER_PATH: None, SNAPSHOT_JOURNAL_PATH: None}
    tree = change_tree(handles.git, snapshot.commit, gone)
    parents = [record.base] if record.base else []
    message = record.message or f"State of snapshot {record.id}"
    commit = commit_tree(handles.git, tree, parents, message, record.created_at)
    update_refs(handles.git, [RefUpdate(ref, commit, None)])
    moves = {ref: Move(None, commit.encode())}
    log_operation(handles.git.state_dir, Operation(command, handles.clock.now(), refs=moves))
    return commit
