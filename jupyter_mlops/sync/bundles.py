"""Snapshots as objects of a remote: Git bundles of one commit each; docs/formats/remote.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from jupyter_mlops.errors import (
    ConflictError,
    MlopsError,
    NotFoundError,
    UnavailableError,
)
from jupyter_mlops.files.durable import Staging, make_folder
from jupyter_mlops.formats.bundle import bundle_invalid
from jupyter_mlops.git.bundles import (
    list_missing,
    read_bundle_header,
    unbundle,
    write_bundle,
)
from jupyter_mlops.git.refs import Ref
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.ids import new_hasher
from jupyter_mlops.snapshots.listing import SNAPSHOT_REFS, Listed, read_snapshots
from jupyter_mlops.storage.backend import ByteRange
from jupyter_mlops.sync.listing import SNAPSHOTS
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.units import format_bytes

MAX_BUNDLE_BYTES = 1 << 30
"""The most that a bundle may have: history and code of one snapshot, never its data."""

_DAMAGED = f"{SNAPSHOTS}/damaged"
_NAME = re.compile(
    rf"{SNAPSHOTS}/(?P<id>[g-z][a-z2-7]{{11}})/(?P<number>[1-9][0-9]{{0,8}})"
    r"-(?P<commit>[0-9a-f]{40}|[0-9a-f]{64})-(?P<hash>[0-9a-f]{64})\.bundle"
)
_BLOCK_BYTES = 16 << 20
_READ_BYTES = 1 << 20


class StoredBundle(NamedTuple):
    """A bundle that a remote lists.

    ``id`` and ``commit`` are those of the snapshot in it; of several with one id, that with the
    greatest ``number`` is the newest. ``hash`` is the BLAKE3 of its bytes, in hexadecimal.
    """

    id: str
    number: int
    hash: str
    commit: str
    size_bytes: int

    @property
    def name(self) -> str:
        """The name of the object."""
        return f"{SNAPSHOTS}/{self.id}/{self.number}-{self.commit}-{self.hash}.bundle"


def list_bundles(remote: Remote) -> dict[str, list[StoredBundle]]:
    """Return the bundles in ``remote`` by the ids of their snapshots, the newest first.

    Those are left out in which a reader has found damage, and what is called in another way.
    """
    found: dict[str, list[StoredBundle]] = {}
    for name, size_bytes in remote.listing.snapshots.items():
        matched = _NAME.fullmatch(name)
        if matched is not None and _damaged_object(matched["hash"]) not in remote.listing.snapshots:
            one = StoredBundle(
                matched["id"],
                int(matched["number"]),
                matched["hash"],
                matched["commit"],
                size_bytes,
            )
            found.setdefault(one.id, []).append(one)
    return {id: sorted(bundles, reverse=True) for id, bundles in found.items()}


def put_bundle(
    git: Repository,
    remote: Remote,
    snapshot: Listed,
    former: Sequence[StoredBundle],
    git_remote: str | None,
    staging: Staging,
) -> str:
    """Put ``snapshot`` into ``remote`` as a bundle, newer than ``former``; return its commit.

    Raises:
        ConflictError: it is too big (code ``snapshot-too-big``).
        UnavailableError: Git fails, or the remote, or it lists another size than what was put.
    """
    file = staging.path / f"{snapshot.id}.bundle"
    header = write_bundle(git, SNAPSHOT_REFS + snapshot.id, git_remote, file)
    size_bytes = file.stat().st_size
    if size_bytes > MAX_BUNDLE_BYTES:
        raise ConflictError(
            f"Snapshot {snapshot.id} with the history that no Git remote has takes"
            f" {format_bytes(size_bytes)}; a bundle may have {format_bytes(MAX_BUNDLE_BYTES)}.",
            code="snapshot-too-big",
            hints=("git push",),
        )
    number = 1 + max((one.number for one in former), default=0)
    bundle = StoredBundle(snapshot.id, number, _hash_file(file), header.commit, size_bytes)
    remote.prepare()
    mark = _damaged_object(bundle.hash)
    if mark in remote.listing.snapshots:
        remote.backend.put(bundle.name, file)
        remote.backend.delete(mark)
    else:
        remote.backend.put_new(bundle.name, file)
    told = remote.backend.stat(bundle.name).size_bytes
    if told != size_bytes:
        raise UnavailableError(
            f"{remote.place} took {bundle.name} of {size_bytes:,} bytes, and tells {told:,}.",
            code="remote-not-kept",
            hints=("jupyter mlops remote test", "jupyter mlops push --snapshots"),
        )
    return header.commit


def take_bundle(git: Repository, remote: Remote, bundle: StoredBundle, staging: Staging) -> None:
    """Bring the objects of a bundle into ``git``, after all that is in it was checked.

    Raises:
        IntegrityError: it is not what its name says, or not what a snapshot is; where its bytes are
            others, the remote is told.
        NotFoundError: this clone lacks commits that it builds on (code ``base-missing``).
        UnavailableError: the remote or Git fails.
    """
    file = _download(remote, bundle, staging)
    ref = SNAPSHOT_REFS + bundle.id
    header = read_bundle_header(git, ref, file, origin=bundle.name)
    if header.commit != bundle.commit:
        raise bundle_invalid(bundle.name, "it brings another commit than its name says")
    if list_missing(git, header):
        shallow = (git.common_dir / "shallow").exists()
        raise NotFoundError(
            f"Snapshot {bundle.id} builds on commits that this clone lacks.",
            code="base-missing",
            hints=("git fetch --unshallow" if shallow else "git fetch --all",),
        )
    quarantine = staging.path / bundle.hash
    make_folder(quarantine)
    unbundle(git, header, file, quarantine, origin=bundle.name)
    if not list(read_snapshots(git, [Ref(ref, bundle.commit)])):
        raise bundle_invalid(bundle.name, "its commit holds no valid record of that snapshot")


def _download(remote: Remote, bundle: StoredBundle, staging: Staging) -> Path:
    """Return the bundle as a file, its bytes those that its name says."""
    if bundle.size_bytes > MAX_BUNDLE_BYTES:
        raise bundle_invalid(bundle.name, f"it has more than {format_bytes(MAX_BUNDLE_BYTES)}")
    hasher = new_hasher()
    staged = staging.create()
    for offset in range(0, bundle.size_bytes, _BLOCK_BYTES):
        length = min(_BLOCK_BYTES, bundle.size_bytes - offset)
        block = remote.backend.read_ranges(bundle.name, [ByteRange(offset, length)])[0]
        hasher.update(block)
        staged.write(block)
    staged.close()
    if hasher.hexdigest() != bundle.hash:
        with suppress(MlopsError):
            remote.backend.put(_damaged_object(bundle.hash), b"")
        raise bundle_invalid(bundle.name, "its bytes are not those that its name says")
    return staged.path


def _hash_file(file: Path) -> str:
    hasher = new_hasher()
    with open(file, "rb") as opened:
        while block := opened.read(_READ_BYTES):
            hasher.update(block)
    return str(hasher.hexdigest())


def _damaged_object(hash: str) -> str:
    return f"{_DAMAGED}/{hash}.bundle"
