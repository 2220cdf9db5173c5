"""What pointers need of the store, each folder and file looked at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH, decode_file_manifest, decode_tree
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import FilePointer, Pointer, TreePointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.check import RecordKey
from jupyter_mlops.objects.reader import find_whole, read_manifest
from jupyter_mlops.objects.records import has, read_bytes
from jupyter_mlops.objects.store import Store


@dataclass(frozen=True, slots=True)
class BadContent:
    """A file or folder that cannot be read whole.

    ``damaged``: the store had it; ``missing``: it has never been here, as far as the store knows.
    ``needs`` are the lost records that it is made of.
    """

    state: Literal["damaged", "missing"]
    needs: frozenset[RecordKey]


class ContentSearch:
    """Looks at what pointers name.

    Args:
        store: where it is looked for.
        lost: records that the store had and cannot give.
        evicted: chunks that it has dropped because another place holds them.
    """

    def __init__(
        self,
        store: Store,
        lost: Collection[RecordKey] = (),
        evicted: Collection[Hash] = (),
    ) -> None:
        self._store = store
        self._lost = lost
        self._evicted = evicted
        self.entries: dict[Hash, None] = {}
        """The files and folders that were looked at, in the order of a walk."""
        self.chunks: dict[Hash, None] = {}
        """What those files of them that have several chunks consist of, in order."""
        self.erased: set[Hash] = set()
        """The files that were erased: they are not looked at, and nothing needs them."""
        self.bad: dict[Hash, BadContent] = {}
        """What cannot be read, by the hash of the file, or of the folder's manifest."""
        self.bad_folders: set[Hash] = set()
        """Those of them that are folders."""
        self.bad_files: dict[Hash, Entry] = {}
        """Those of them that are files, as they are named."""
        self.elsewhere: set[Hash] = set()
        """Files of which all that is not here was evicted."""
        self.unreadable: set[Hash] = set()
        """Those whose manifest is damaged, so that it is not known what they consist of."""

    def look(self, pointer: Pointer) -> None:
        """Look at all that ``pointer`` names and that was not looked at before.

        What stays outside of the store is none of it.
        """
        for _ in self._iter_entries(pointer, once=True):
            pass

    def look_at_hash(self, id: Hash) -> None:
        """Look at a file or folder of which only the hash is known; one that is not here is passed.

        Raises:
            IntegrityError: it is damaged.
        """
        if has(self._store, RecordKind.TREE, id, trashed=True):
            self.look(TreePointer(manifest=id))
            return
        if id in self._store.erased:
            self.erased.add(id)
            return
        self.entries[id] = None
        if has(self._store, RecordKind.FILE, id, trashed=True):
            encoded = read_bytes(self._store, RecordKind.FILE, id)
            manifest = decode_file_manifest(encoded, origin=format_hash(id))
            self.chunks.update((ref.hash, None) for ref in manifest.chunks)

    def iter_bad(self, pointer: Pointer) -> Iterator[tuple[str, Hash]]:
        """Yield path and hash of all that ``pointer`` names and that cannot be read.

        The path is relative to that of the pointer, and empty for the pointer's own content. What
        lies in a folder whose manifest cannot be read stays unknown.
        """
        for path, entry in self._iter_entries(pointer, once=False):
            if entry.hash in self.bad:
                yield path, entry.hash

    def _iter_entries(self, pointer: Pointer, *, once: bool) -> Iterator[tuple[str, Entry]]:
        waiting: list[tuple[str, Entry]] = []
        if isinstance(pointer, ExternalPointer):
            return
        if isinstance(pointer, FilePointer):
            waiting.append(("", pointer.entry))
        elif pointer.manifest is not None:
            waiting.append(("", Entry(Mode.FOLDER, pointer.manifest, 0)))
        else:
            waiting += reversed([*(pointer.entries or {}).items()])
        while waiting:
            path, entry = waiting.pop()
            if once and entry.hash in self.entries:
                continue
            if entry.mode is not Mode.FOLDER and entry.hash in self._store.erased:
                self.erased.add(entry.hash)
                continue
            self.entries[entry.hash] = None
            if entry.mode is Mode.FOLDER:
                prefix = f"{path}/" if path else ""
                inner = self._read_tree(entry)
                waiting += reversed([(prefix + name, one) for name, one in inner.items()])
            elif once:
                self._look_at_file(entry)
            yield path, entry

    def _read_tree(self, entry: Entry) -> dict[str, Entry]:
        if entry.hash == EMPTY_TREE_HASH or entry.hash in self.bad:
            return {}
        try:
            encoded = read_bytes(self._store, RecordKind.TREE, entry.hash)
            return dict(decode_tree(encoded, origin=format_hash(entry.hash)))
        except (NotFoundError, IntegrityError) as error:
            self._note(entry.hash, RecordKind.TREE, error)
            self.bad_folders.add(entry.hash)
            return {}

    def _look_at_file(self, entry: Entry) -> None:
        if not self._lost and find_whole(self._store, entry) is not None:
            return
        try:
            manifest = read_manifest(self._store, entry)
        except (NotFoundError, IntegrityError) as error:
            if isinstance(error, NotFoundError) and entry.hash in self._evicted:
                self.elsewhere.add(entry.hash)
                return
            self._note(entry.hash, RecordKind.FILE, error)
            self.bad_files[entry.hash] = entry
            return
        self.chunks.update((ref.hash, None) for ref in manifest.chunks)
        chunks = {(RecordKind.CHUNK, ref.hash) for ref in manifest.chunks}
        lacking = {key for key in chunks if not has(self._store, *key, trashed=True)}
        needs = frozenset(key for key in chunks | lacking if key in self._lost)
        if lacking and not needs and all(id in self._evicted for _, id in lacking):
            self.elsewhere.add(entry.hash)
        elif needs or lacking:
            known = needs or len(lacking) < len(chunks)
            self.bad[entry.hash] = BadContent("damaged" if known else "missing", needs)
            self.bad_files[entry.hash] = entry

    def _note(self, id: Hash, kind: RecordKind, error: NotFoundError | IntegrityError) -> None:
        keys = {(kind, id), (RecordKind.CHUNK, id)} if kind is RecordKind.FILE else {(kind, id)}
        needs = frozenset(key for key in keys if key in self._lost)
        damaged = bool(needs) or isinstance(error, IntegrityError)
        if isinstance(error, IntegrityError):
            self.unreadable.add(id)
        self.bad[id] = BadContent("damaged" if damaged else "missing", needs)
