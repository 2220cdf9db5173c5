"""What pointers need, by manifests that are here or on a remote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import (
    EMPTY_TREE_HASH,
    ChunkRef,
    decode_file_manifest,
    decode_tree,
)
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import Pointer
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.check import RecordKey
from jupyter_mlops.objects.reader import find_whole
from jupyter_mlops.objects.records import has, read_bytes
from jupyter_mlops.objects.store import Store
from jupyter_mlops.snapshots.content import pointer_entries
from jupyter_mlops.sync.erased import known_there
from jupyter_mlops.sync.records import read_records
from jupyter_mlops.sync.remote import Remote

_UNKNOWN_BYTES = -1


class ContentWalk:
    """Follows entries down to the chunks of files; each folder and file once.

    Manifests are read in the store, and on the remote where it lacks them. Nothing is kept. Files
    that were erased are passed over.

    Attributes:
        folders: the direct entries of each folder, by the hash of its manifest.
        chunks: the chunks of each file that has several, by its hash.
        erased: files that were not followed, because they were erased.
        missing: files and folders whose manifest, if they have one, neither end has.
        damaged: those whose manifest is at hand and is none.
    """

    def __init__(self, store: Store, remote: Remote) -> None:
        remote.search()
        self._known_erased = known_there(store, remote)
        self.erased: set[Hash] = set()
        self._store = store
        self._remote = remote
        self._waiting: dict[Entry, None] = {}
        self._seen: set[Entry] = set()
        self.folders: dict[Hash, Mapping[str, Entry]] = {EMPTY_TREE_HASH: {}}
        self.chunks: dict[Hash, Sequence[ChunkRef]] = {}
        self.missing: set[Hash] = set()
        self.damaged: set[Hash] = set()

    def add(self, entries: Iterable[Entry]) -> None:
        """Let :meth:`follow` begin with ``entries`` too."""
        for entry in entries:
            if entry.mode is not Mode.FOLDER and entry.hash in self._known_erased:
                self.erased.add(entry.hash)
            else:
                self._waiting[entry] = None

    def add_hash(self, id: Hash) -> None:
        """Let it begin with a file or folder too of which only the hash is known."""
        self.add([Entry(Mode.FOLDER, id, 0), Entry(Mode.FILE, id, _UNKNOWN_BYTES)])

    def follow(self) -> None:
        """Follow what was added, one level of folders after the other.

        Raises:
            UnavailableError: the remote failed.
        """
        while self._waiting:
            level = [entry for entry in self._waiting if entry not in self._seen]
            self._waiting.clear()
            self._seen.update(level)
            lacking: dict[RecordKey, None] = {}
            for entry in level:
                key = self._manifest_of(entry)
                if key is None:
                    continue
                if has(self._store, *key, trashed=True):
                    self._read_here(key)
                else:
                    lacking[key] = None
            read = read_records(self._remote, lacking)
            for key in lacking:
                if key in read:
                    self._unfold(key, read[key])
                else:
                    self.missing.add(key[1])

    def entries(self) -> Iterable[Entry]:
        """Return all that was followed."""
        return self._seen

    def names(self) -> set[Hash]:
        """Return the names of all records that what was followed may consist of."""
        names = {entry.hash for entry in self._seen}
        for refs in self.chunks.values():
            names.update(ref.hash for ref in refs)
        return names

    def records_of(self, entry: Entry) -> list[RecordKey]:
        """Return the records that are wanted for one entry by itself, as far as it is known."""
        if entry.mode is Mode.FOLDER:
            return [] if entry.hash == EMPTY_TREE_HASH else [(RecordKind.TREE, entry.hash)]
        refs = self.chunks.get(entry.hash)
        if refs is None:
            return [(RecordKind.CHUNK, entry.hash)] if entry.size_bytes else []
        chunks = dict.fromkeys(ref.hash for ref in refs)
        return [(RecordKind.FILE, entry.hash), *((RecordKind.CHUNK, id) for id in chunks)]

    def iter_entries(self, pointer: Pointer) -> Iterator[tuple[str, Entry]]:
        """Yield all that a pointer that was followed names, with its path below the pointer's."""
        waiting = list(pointer_entries(pointer).items())
        while waiting:
            path, entry = waiting.pop()
            yield path, entry
            if entry.mode is Mode.FOLDER:
                inner = self.folders.get(entry.hash, {})
                waiting += [
                    (f"{path}/{name}" if path else name, one) for name, one in inner.items()
                ]

    def _manifest_of(self, entry: Entry) -> RecordKey | None:
        """Return the manifest to be read for an entry; None where there is none or it is known."""
        if entry.mode is Mode.FOLDER:
            return None if entry.hash in self.folders else (RecordKind.TREE, entry.hash)
        if not entry.size_bytes or entry.hash in self.chunks:
            return None
        if find_whole(self._store, entry) is not None:
            return None
        place = self._remote.find(RecordKind.CHUNK, entry.hash)
        if place is not None and place.plain_bytes == entry.size_bytes:
            return None
        return RecordKind.FILE, entry.hash

    def _read_here(self, key: RecordKey) -> None:
        try:
            encoded = read_bytes(self._store, *key)
        except IntegrityError:
            encoded = read_records(self._remote, [key]).get(key, b"")
        self._unfold(key, encoded)

    def _unfold(self, key: RecordKey, encoded: bytes) -> None:
        kind, id = key
        try:
            if kind is RecordKind.TREE:
                self.folders[id] = decode_tree(encoded, origin=format_hash(id))
                self.add(self.folders[id].values())
                return
            self.chunks[id] = decode_file_manifest(encoded, origin=format_hash(id)).chunks
        except IntegrityError:
            self.damaged.add(id)
