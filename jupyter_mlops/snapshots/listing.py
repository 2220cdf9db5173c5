"""Snapshots that are kept: hidden commits, found by id, name, or as a revision."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError, IntegrityError, NotFoundError, UnsupportedError
from jupyter_mlops.formats.snapshot import RECORD_PATH, SnapshotRecord, decode_snapshot_record
from jupyter_mlops.git.refs import list_refs
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import find_commit
from jupyter_mlops.git.trees import BlobReader, open_blob_reader

SNAPSHOT_REFS = "refs/mlops/snapshots/"
DROPPED_REFS = "refs/mlops/dropped/"


@dataclass(frozen=True, slots=True)
class Listed:
    """One snapshot.

    ``commit`` is its hidden commit, ``base`` the commit it is tied to (None: an unborn branch).
    """

    id: str
    name: str | None
    base: str | None
    commit: str
    record: SnapshotRecord


def list_snapshots(git: Repository) -> list[Listed]:
    """Return the snapshots of this clone, newest first.

    A ref whose record is not valid, or of a newer format, is left out.
    """
    refs = list_refs(git, SNAPSHOT_REFS)
    listed = []
    if refs:
        with open_blob_reader(git) as blobs:
            for ref in refs:
                found = _read(blobs, ref.oid, ref.name.removeprefix(SNAPSHOT_REFS))
                if found is not None:
                    listed.append(found)
    listed.sort(key=lambda snapshot: (snapshot.record.created_at, snapshot.id), reverse=True)
    return listed


def find_snapshot(git: Repository, text: str) -> Listed:
    """Return the snapshot that ``text`` names.

    That is an id, a name, or the beginning of an id, at least 4 letters of it.

    Raises:
        NotFoundError: no snapshot is called that.
        ConflictError: several begin with it.
    """
    snapshots = list_snapshots(git)
    for matches in (
        [snapshot for snapshot in snapshots if text == snapshot.id],
        [snapshot for snapshot in snapshots if text == snapshot.name],
        [snapshot for snapshot in snapshots if len(text) >= 4 and snapshot.id.startswith(text)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(snapshot.id for snapshot in matches)
            raise ConflictError(
                f"{text!r} may mean several snapshots: {ids}.",
                code="snapshot-ambiguous",
                hints=[f"jupyter mlops restore {matches[0].id}"],
            )
    raise NotFoundError(
        f"There is no snapshot {text!r}.",
        code="unknown-snapshot",
        hints=["jupyter mlops snapshot list"],
    )


def resolve_revision(git: Repository, text: str) -> str:
    """Return the full commit id that ``text`` means.

    That is whatever Git resolves, else a snapshot's id or name.

    Raises:
        NotFoundError: it is neither.
    """
    commit = find_commit(git, text)
    if commit is not None:
        return commit
    try:
        return find_snapshot(git, text).commit
    except NotFoundError as error:
        raise NotFoundError(
            f"{text!r} is no revision that Git knows, and no snapshot's id or name.",
            code="unknown-revision",
            hints=["jupyter mlops log", "git log --oneline --all"],
        ) from error


def _read(blobs: BlobReader, commit: str, snapshot_id: str) -> Listed | None:
    try:
        encoded = blobs.read(f"{commit}:{RECORD_PATH}")
        record = decode_snapshot_record(encoded, origin=f"of snapshot {snapshot_id}")
    except (NotFoundError, IntegrityError, UnsupportedError):
        return None
    if record.id != snapshot_id:
        return None
    return Listed(record.id, record.name, record.base, commit, record)
