"""Snapshots that are kept: hidden commits, found by id, name, or as a revision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jupyter_mlops.errors import ConflictError, IntegrityError, NotFoundError, UnsupportedError
from jupyter_mlops.formats.snapshot import RECORD_PATH, SnapshotRecord, decode_snapshot_record
from jupyter_mlops.git.refs import Ref, list_commit_refs, list_refs
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import find_commit
from jupyter_mlops.git.trees import open_blob_reader

SNAPSHOT_REFS = "refs/mlops/snapshots/"
DROPPED_REFS = "refs/mlops/dropped/"
REMOTE_REFS = "refs/mlops/remotes/"
"""Snapshots as remotes have them: ``REMOTE/ID`` those of Git, ``REMOTE/bundles/ID`` others."""

POSSIBLE_NAME = re.compile(r"[^\s\x00-\x1f\x7f~^:?*\[\\-][^\s\x00-\x1f\x7f~^:?*\[\\]{0,99}")
"""What a snapshot may be called by, its id included."""

_BUNDLES = "/bundles"
_SHORTEST_LETTERS = 4


@dataclass(frozen=True, slots=True)
class Listed:
    """One snapshot.

    ``commit`` is its hidden commit, ``base`` the commit it is tied to (None: an unborn branch).
    ``remote`` is the one that it was fetched from, None for one of this clone's own; ``ref`` is the
    full name of its reference.
    """

    id: str
    name: str | None
    base: str | None
    commit: str
    record: SnapshotRecord
    ref: str
    remote: str | None = None

    def may_be(self, text: str) -> bool:
        """Return whether ``text`` is its name, its id, or at least 4 letters of its beginning."""
        return text == self.name or self.begins_with(text)

    def begins_with(self, text: str) -> bool:
        """Return whether ``text`` is its id, or at least 4 letters of its beginning."""
        return len(text) >= _SHORTEST_LETTERS and self.id.startswith(text)


def git_remote_ref(remote: str, id: str) -> str:
    """Return the reference of a snapshot as a Git remote has it."""
    return f"{REMOTE_REFS}{remote}/{id}"


def bundle_ref(remote: str, id: str) -> str:
    """Return the reference of a snapshot as a bundle in a remote has it."""
    return f"{REMOTE_REFS}{remote}{_BUNDLES}/{id}"


def list_snapshots(git: Repository) -> list[Listed]:
    """Return the snapshots of this clone, newest first.

    A ref whose record is not valid, or of a newer format, is left out.
    """
    return _newest_first(read_snapshots(git, list_refs(git, SNAPSHOT_REFS)))


def list_all_snapshots(git: Repository) -> list[Listed]:
    """Return the snapshots of this clone and those that were fetched, newest first, each id once.

    One's own comes before what a Git remote has, and that before a bundle.
    """
    return _read_once(git, list_refs(git, SNAPSHOT_REFS, REMOTE_REFS))


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """What is known of a snapshot before its record is read: its base is the commit's parent."""

    ref: Ref
    base: str | None


def list_snapshot_refs(git: Repository) -> list[SnapshotRef]:
    """Return the references of all snapshots, own and fetched, newest first."""
    found = list_commit_refs(git, SNAPSHOT_REFS, REMOTE_REFS)
    return [SnapshotRef(ref, parents[0] if parents else None) for ref, parents in found]


def read_chosen(git: Repository, chosen: Iterable[SnapshotRef]) -> list[Listed]:
    """Return the snapshots of these references as :func:`list_all_snapshots` has them."""
    return _read_once(git, [one.ref for one in chosen])


def _read_once(git: Repository, refs: list[Ref]) -> list[Listed]:
    refs.sort(key=lambda ref: (ref.name.startswith(REMOTE_REFS), f"{_BUNDLES}/" in ref.name))
    found: dict[str, Listed] = {}
    for snapshot in read_snapshots(git, refs):
        found.setdefault(snapshot.id, snapshot)
    return _newest_first(found.values())


def read_snapshots(git: Repository, refs: Sequence[Ref]) -> Iterator[Listed]:
    """Yield the snapshots that ``refs`` name, without those whose record is not valid."""
    if refs:
        with open_blob_reader(git) as blobs:
            records = blobs.read_each(f"{ref.oid}:{RECORD_PATH}" for ref in refs)
            for ref, encoded in zip(refs, records, strict=True):
                own = ref.name.startswith(SNAPSHOT_REFS)
                id = ref.name.removeprefix(SNAPSHOT_REFS) if own else ref.name.rpartition("/")[2]
                found = None if encoded is None else _decode(encoded, ref, id)
                if found is not None:
                    yield found


def find_snapshot(git: Repository, text: str) -> Listed:
    """Return the snapshot that ``text`` names, one's own or a fetched one: :func:`find_among`."""
    return find_among(list_all_snapshots(git), text)


def find_among(snapshots: Sequence[Listed], text: str) -> Listed:
    """Return the one of ``snapshots`` that ``text`` names.

    That is an id, a name, or the beginning of an id, at least 4 letters of it; of those called the
    same one's own is meant.

    Raises:
        NotFoundError: no snapshot is called that.
        ConflictError: several begin with it.
    """
    begin = [one for one in snapshots if one.begins_with(text)]
    called = [one for one in snapshots if text == one.name]
    for matches in (
        [one for one in snapshots if text == one.id],
        [one for one in called if one.remote is None],
        called,
        [one for one in begin if one.remote is None],
        begin,
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
    raise _unknown(text)


def check_texts(texts: Iterable[str]) -> None:
    """Let texts pass that may name snapshots, here or elsewhere.

    Raises:
        NotFoundError: no snapshot can be called one of them.
    """
    for text in texts:
        if not POSSIBLE_NAME.fullmatch(text):
            raise _unknown(text)


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


def _decode(encoded: bytes, ref: Ref, snapshot_id: str) -> Listed | None:
    try:
        record = decode_snapshot_record(encoded, origin=f"of snapshot {snapshot_id}")
    except (IntegrityError, UnsupportedError):
        return None
    if record.id != snapshot_id:
        return None
    return Listed(
        record.id, record.name, record.base, ref.oid, record, ref.name, _remote_of(ref.name)
    )


def _remote_of(ref: str) -> str | None:
    if not ref.startswith(REMOTE_REFS):
        return None
    return ref.removeprefix(REMOTE_REFS).rpartition("/")[0].removesuffix(_BUNDLES)


def _newest_first(snapshots: Iterable[Listed]) -> list[Listed]:
    return sorted(snapshots, key=lambda one: (one.record.created_at, one.id), reverse=True)


def _unknown(text: str) -> NotFoundError:
    return NotFoundError(
        f"There is no snapshot {text!r}.",
        code="unknown-snapshot",
        hints=["jupyter mlops snapshot list"],
    )
