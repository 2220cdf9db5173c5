"""Manifests of files that come from elsewhere: nothing in their names bears them out."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.files.durable import remove
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.formats.manifest import decode_file_manifest
from jupyter_mlops.formats.pack import RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, format_hash, hash_bytes
from jupyter_mlops.objects.collect import place_of, read_record
from jupyter_mlops.objects.packing import Record, decode
from jupyter_mlops.objects.packs import PackFile, pack_path
from jupyter_mlops.objects.reader import is_made_of
from jupyter_mlops.objects.store import Store


class Proof:
    """Tells which manifests are those of their files: their chunks, one after the other, are it.

    The store has to find all chunks that came, be it by an index in memory.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: dict[tuple[Hash, Hash], bool] = {}

    def holds(self, record: Record) -> bool:
        """Return whether the store has all of the file, and ``record`` is its manifest."""
        encoded = decode(record)
        key = (record.id, hash_bytes(encoded))
        if key not in self._told:
            try:
                refs = decode_file_manifest(encoded, origin=format_hash(record.id)).chunks
            except IntegrityError:
                self._told[key] = False
            else:
                self._told[key] = is_made_of(self._store, record.id, refs)
        return self._told[key]

    def doubts(self, pack: PackEntry, table: Sequence[RecordInfo]) -> set[Hash]:
        """Return the names of manifests in a pack of the store that are not proved."""
        infos = [info for info in table if info.kind is RecordKind.FILE]
        if not infos:
            return set()
        with PackFile(pack_path(self._store.folder, pack.hash, pack.plain)) as file:
            records = [read_record(file, place_of(pack, info), info.id) for info in infos]
        return {record.id for record in records if not self.holds(record)}


def take_apart(
    store: Store, pack: PackEntry, table: Sequence[RecordInfo], doubtful: set[Hash]
) -> list[Record]:
    """Take a pack out of the store; return its records but for manifests that are ``doubtful``."""
    path = pack_path(store.folder, pack.hash, pack.plain)
    with PackFile(path) as file:
        records = [
            read_record(file, place_of(pack, info), info.id)
            for info in table
            if info.kind is not RecordKind.FILE or info.id not in doubtful
        ]
    remove(path)
    return records
