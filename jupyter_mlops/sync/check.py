"""Whether a remote holds what Git's branches and tags name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.formats.pack import RecordInfo
from jupyter_mlops.formats.pointer import POINTER_SUFFIX, Pointer, decode_pointer
from jupyter_mlops.git.history import iter_history
from jupyter_mlops.git.refs import list_refs
from jupyter_mlops.git.revisions import head, peel_to_commits
from jupyter_mlops.git.trees import open_blob_reader
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.check import RecordKey
from jupyter_mlops.snapshots.check import Damage, iter_kept
from jupyter_mlops.snapshots.content import pointer_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.sync.listing import pack_name
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.walk import ContentWalk
from jupyter_mlops.sync.whole import find_broken

_PUBLISHED = ("refs/heads/", "refs/tags/", "refs/remotes/")


@dataclass(frozen=True, slots=True)
class RemoteCheck:
    """What a look at a remote found.

    ``packs`` and ``records`` count what can be read there, ``pointers`` the different pointer files
    that were followed, ``absent`` files that only snapshots of this clone name and that the remote
    lacks, ``erased`` those whose content was erased: no damage. ``wanted`` are the records that it
    should have and does not give, by the id of the damage, ``lost`` the packs that are
    not what the index says with all that it says of them.
    """

    packs: int
    records: int
    damages: tuple[Damage, ...]
    pointers: int
    absent: int
    erased: int
    wanted: Mapping[str, frozenset[RecordKey]]
    lost: tuple[tuple[PackEntry, tuple[RecordInfo, ...]], ...]
    damaged_segments: tuple[str, ...]


def check_remote(handles: Handles, remote: Remote, *, read_data: bool = False) -> RemoteCheck:
    """Follow every branch, tag and remote-tracking branch down to the packs of a remote.

    An entry of the index is believed where its pack is listed at its size. With ``read_data`` every
    byte of every pack is read and compared with its name first; what is not as it should be is
    noted on the remote, as far as that can be written. Nothing else is written.

    Raises:
        UnavailableError: the remote failed.
    """
    broken: list[PackEntry] = []
    if read_data:
        packs = list(remote.iter_packs())
        total = sum(pack.size_bytes for pack in packs)
        with handles.progress.task(f"Checking {remote.place}", total) as task:
            broken = find_broken(remote, packs, task)
        remote.read_segments()
    return _Check(handles, remote, broken).look()


class _Check:
    def __init__(self, handles: Handles, remote: Remote, broken: Collection[PackEntry]) -> None:
        self._handles = handles
        self._remote = remote
        self._broken = broken
        self._walk = ContentWalk(handles.store, remote)
        self._pointers: dict[str, set[str]] = defaultdict(set)
        self._decoded: dict[str, Pointer] = {}
        self._trashed: set[RecordKey] | None = None

    def look(self) -> RemoteCheck:
        self._read_pointers()
        kept = list(iter_kept(self._handles))
        for pointer in self._decoded.values():
            self._walk.add(pointer_entries(pointer).values())
        self._walk.follow()
        bad = self._find_bad(self._walk.entries())
        for _, _, pointer in kept:
            self._walk.add(pointer_entries(pointer).values())
        self._walk.follow()
        all_bad = self._find_bad(self._walk.entries())
        lost = tuple((pack, tuple(table)) for pack, table in self._remote.iter_lost())
        segments = (*self._remote.damaged_segments(), *self._remote.segments_to_mend())
        damages = [
            Damage("index", name, "it is not what its name says; it is made anew from the packs")
            for name in segments
        ]
        damages += self._describe_packs(lost)
        damages += self._describe_content(bad, kept)
        return RemoteCheck(
            sum(1 for _ in self._remote.iter_packs()),
            self._remote.records_count,
            tuple(damages),
            len(self._decoded),
            len(all_bad.keys() - bad.keys()),
            len(self._walk.erased),
            {format_hash(entry.hash): lacking for entry, lacking in bad.items()},
            lost,
            segments,
        )

    def _read_pointers(self) -> None:
        git = self._handles.git
        tips = [ref.oid for ref in list_refs(git, *_PUBLISHED)]
        here = head(git).commit
        commits = dict.fromkeys(peel_to_commits(git, [*tips, *([here] if here else [])]).values())
        for one in iter_history(git, list(commits), [f"**/*{POINTER_SUFFIX}"]):
            for change in one.changes:
                if change.oid is not None:
                    self._pointers[change.oid].add(change.path.removesuffix(POINTER_SUFFIX))
        with open_blob_reader(git) as reader:
            blobs = reader.read_many(self._pointers)
            for oid, encoded in zip(self._pointers, blobs, strict=True):
                try:
                    self._decoded[oid] = decode_pointer(encoded, origin=oid)
                except (IntegrityError, UnsupportedError):  # the check of the store names it
                    continue

    def _find_bad(self, entries: Iterable[Entry]) -> dict[Entry, frozenset[RecordKey]]:
        """Return what of ``entries`` the remote does not have whole, with what it lacks of it."""
        bad: dict[Hash, tuple[Entry, frozenset[RecordKey]]] = {}
        for entry in entries:
            lacking = frozenset(
                key
                for key in self._walk.records_of(entry)
                if self._remote.find(*key) is None and not self._is_trash(key)
            )
            if lacking:
                bad[entry.hash] = (entry, lacking)
        return dict(bad.values())

    def _is_trash(self, key: RecordKey) -> bool:
        """Return whether the trash has a record, from where it comes back."""
        if self._trashed is None:
            views = self._remote.trash()
            self._trashed = {
                (place.kind, id)
                for pack, view in views.items()
                if pack in self._remote.packs
                for id, place in view
            }
        return key in self._trashed

    def _describe_packs(
        self, lost: Iterable[tuple[PackEntry, tuple[RecordInfo, ...]]]
    ) -> list[Damage]:
        """Tell of packs that were just found broken, and of those that something is needed of."""
        needed = self._walk.names()
        found = {(pack.hash, pack.plain): "" for pack in self._broken}
        for pack, table in lost:
            if any(self._is_needed(info, needed) for info in table):
                size_bytes = self._remote.packs.get((pack.hash, pack.plain))
                why = "it is gone" if size_bytes is None else ""
                if size_bytes not in (None, pack.size_bytes):
                    why = f"it has {size_bytes:,} bytes, not {pack.size_bytes:,}"
                found[pack.hash, pack.plain] = why
        return [
            Damage("pack", pack_name(key), why or "its bytes do not have the hash that names it")
            for key, why in found.items()
        ]

    def _is_needed(self, info: RecordInfo, needed: set[Hash]) -> bool:
        return info.id in needed and self._remote.find(info.kind, info.id) is None

    def _describe_content(
        self, bad: Iterable[Entry], kept: Iterable[tuple[str, str, Pointer]]
    ) -> list[Damage]:
        hashes = {entry.hash for entry in bad}
        if not hashes:
            return []
        paths: dict[Hash, set[str]] = defaultdict(set)
        snapshots: dict[Hash, set[str]] = defaultdict(set)
        for oid, pointer in self._decoded.items():
            for inner, entry in self._walk.iter_entries(pointer):
                if entry.hash in hashes:
                    for path in self._pointers[oid]:
                        paths[entry.hash].add(f"{path}/{inner}" if inner else path)
        for id, path, pointer in kept:
            for inner, entry in self._walk.iter_entries(pointer):
                if entry.hash in hashes:
                    paths[entry.hash].add(f"{path}/{inner}" if inner else path)
                    snapshots[entry.hash].add(id)
        return [
            Damage(
                "folder" if entry.mode is Mode.FOLDER else "content",
                format_hash(entry.hash),
                f"{self._remote.place} lacks it",
                tuple(sorted(paths[entry.hash])),
                tuple(sorted(snapshots[entry.hash])),
            )
            for entry in bad
        ]
