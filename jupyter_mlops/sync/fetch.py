"""From a remote to the store: what entries name and the store lacks, verified before it is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, NotFoundError
from jupyter_mlops.files.durable import StagedFile, Staging, open_staging, publish_all
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.index import PackEntry, Place
from jupyter_mlops.formats.manifest import (
    EMPTY_TREE_HASH,
    ChunkRef,
    decode_file_manifest,
    decode_tree,
)
from jupyter_mlops.formats.pack import RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.check import RecordKey
from jupyter_mlops.objects.collect import take_record
from jupyter_mlops.objects.packing import Record, decode
from jupyter_mlops.objects.packs import (
    pack_path,
    plain_table,
    read_pack_table,
    stored_span,
)
from jupyter_mlops.objects.reader import find_whole
from jupyter_mlops.objects.records import read_bytes
from jupyter_mlops.objects.segments import publish_rows
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import Writer, open_writer
from jupyter_mlops.progress import Progress
from jupyter_mlops.storage.backend import ByteRange
from jupyter_mlops.storage.content import Advance
from jupyter_mlops.sync.listing import PackKey, pack_object
from jupyter_mlops.sync.remote import TRANSFERS, Remote

_BLOCK_BYTES = 16 << 20
_PUBLISH_BYTES = 256 << 20

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did: packs read from, records and stored bytes that came.

    ``lacking`` are the entries of which neither end has all: files, and folders whose manifest
    nobody has.
    """

    packs: int
    records: int
    size_bytes: int
    lacking: frozenset[Entry]


def fetch_content(
    store: Store,
    remote: Remote,
    entries: Iterable[Entry],
    outputs: Iterable[Hash],
    progress: Progress,
    records: Iterable[RecordKey] = (),
) -> Fetched:
    """Bring to the store what it lacks of ``entries``, all that is in folders included.

    Durable on return; nothing is kept that does not verify. A pack in which something does not, or
    that is gone, is not asked again, and what was wanted of it is taken from another one.

    Args:
        store: where it goes.
        remote: where it comes from.
        entries: files, links and folders.
        outputs: the names under which notebooks' outputs are kept; those that nobody has are
            passed over.
        progress: is told the bytes that have come.
        records: single records by their names, as ``outputs``.

    Raises:
        UnavailableError: the remote failed, or the disk did not take it; what has come so far is
            found by the next fetch.
    """
    with (
        ThreadPoolExecutor(TRANSFERS, thread_name_prefix="mlops-fetch") as pool,
        open_writer(store) as writer,
        open_staging(store.staging_folder, shared=store.is_shared) as staging,
    ):
        store.index_new_packs()
        work = _Fetch(store, remote, writer, staging, pool)
        try:
            work.follow(list(entries))
            work.want((RecordKind.OUTPUTS, name) for name in outputs)
            work.want(records)
            with progress.task(f"Fetching from {remote.place}", work.wanted_bytes) as task:
                work.transfer(task.advance)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        work.finish()
    return work.report()


class _Fetch:
    def __init__(
        self,
        store: Store,
        remote: Remote,
        writer: Writer,
        staging: Staging,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._store = store
        self._remote = remote
        self._writer = writer
        self._staging = staging
        self._pool = pool
        self._wanted: dict[RecordKey, Place] = {}
        self._owners: dict[Hash, list[Entry]] = {}
        self._lacking: set[Entry] = set()
        self._tables: dict[Hash, list[ChunkRef]] = {}
        self._seen: set[Hash] = set()
        self._staged: list[tuple[StagedFile, PackEntry]] = []
        self._published: list[tuple[PackEntry, Sequence[RecordInfo]]] = []
        self._waiting_bytes = 0
        self._packs: set[PackKey] = set()
        self._records = 0
        self._size_bytes = 0

    @property
    def wanted_bytes(self) -> int:
        """How many bytes the records take that are wanted."""
        return sum(place.stored_bytes for place in self._wanted.values())

    def follow(self, entries: Sequence[Entry]) -> None:
        """Find all that ``entries`` need; manifests are fetched, one level after the other."""
        while entries:
            manifests: dict[RecordKey, list[Entry]] = {}
            further: list[Entry] = []
            for entry in entries:
                if entry.hash not in self._seen:
                    self._seen.add(entry.hash)
                    further += self._look(entry, manifests)
            read = self._read(self._locate(manifests))
            for key, owners in manifests.items():
                record = read.get(key)
                if record is None:
                    self._lacking.update(owners)
                else:
                    self._writer.add_record(record)
                    further += self._unfold(key, decode(record), owners)
            entries = further

    def want(self, keys: Iterable[RecordKey]) -> None:
        """Want what the remote has of these records and the store lacks."""
        for key in keys:
            if self._store.find(*key) is None and (place := self._remote.locate(*key)) is not None:
                self._wanted[key] = place

    def transfer(self, advance: Advance) -> None:
        """Fetch what is wanted: whole packs where it is at least half of them, else ranges."""
        wanted = self._wanted
        while wanted:
            whole, parts = self._group(wanted)
            arrived: set[RecordKey] = set()
            for pack, staged in self._each(self._fetch_pack, whole, advance):
                if staged is None:
                    self._remote.note_damaged(*pack)
                    continue
                self._take_pack(pack, staged)
                arrived |= {key for key, place in wanted.items() if _pack_of(place) == pack}
            for record in self._read_parts(parts, advance):
                self._writer.add_record(record)
                self._note(record)
                arrived.add((record.kind, record.id))
            left = [key for key in wanted if key not in arrived]
            wanted = self._locate(left)
            for key in left:
                if key not in wanted:
                    self._lacking.update(self._owners.get(key[1], []))

    def finish(self) -> None:
        """Make all that came durable, and let the index name it."""
        self._publish()
        if self._published:
            publish_rows(self._store, self._published)
        self._writer.finish()
        self._store.reload()

    def report(self) -> Fetched:
        """Return what came."""
        lacking = frozenset(self._lacking)
        return Fetched(len(self._packs), self._records, self._size_bytes, lacking)

    def _look(self, entry: Entry, manifests: dict[RecordKey, list[Entry]]) -> list[Entry]:
        """Want what ``entry`` needs; return what is in it where that is known here."""
        if entry.mode is Mode.FOLDER:
            if entry.hash == EMPTY_TREE_HASH:
                return []
            key = (RecordKind.TREE, entry.hash)
        elif find_whole(self._store, entry, trashed=False) is not None:
            return []
        else:
            key = (RecordKind.FILE, entry.hash)
        if self._store.find(*key) is not None:
            return self._unfold(key, read_bytes(self._store, *key), [entry])
        if key[0] is RecordKind.FILE:
            place = self._remote.locate(RecordKind.CHUNK, entry.hash)
            if place is not None and place.plain_bytes == entry.size_bytes:
                self._want_chunk(entry.hash, entry, place)
                return []
        manifests.setdefault(key, []).append(entry)
        return []

    def _unfold(self, key: RecordKey, encoded: bytes, owners: Sequence[Entry]) -> list[Entry]:
        """Return the entries of a folder, or want the chunks of a file, from its manifest."""
        kind, id = key
        try:
            if kind is RecordKind.TREE:
                return list(decode_tree(encoded, origin=format_hash(id)).values())
            refs = decode_file_manifest(encoded, origin=format_hash(id)).chunks
        except IntegrityError:
            self._lacking.update(owners)
            return []
        self._tables[id] = list(refs)
        for ref in dict.fromkeys(refs):
            if self._store.find(RecordKind.CHUNK, ref.hash) is None:
                place = self._wanted.get((RecordKind.CHUNK, ref.hash))
                place = place or self._remote.locate(RecordKind.CHUNK, ref.hash)
                for owner in owners:
                    self._want_chunk(ref.hash, owner, place)
        return []

    def _want_chunk(self, id: Hash, owner: Entry, place: Place | None) -> None:
        if place is None:
            self._lacking.add(owner)
            return
        self._wanted[RecordKind.CHUNK, id] = place
        self._owners.setdefault(id, []).append(owner)

    def _locate(self, keys: Iterable[RecordKey]) -> dict[RecordKey, Place]:
        """Return where records are, as far as they are there."""
        found = {key: self._remote.locate(*key) for key in keys}
        return {key: place for key, place in found.items() if place is not None}

    def _read(self, places: Mapping[RecordKey, Place]) -> dict[RecordKey, Record]:
        """Return single records, each from whichever pack gives it."""
        records: dict[RecordKey, Record] = {}
        while places:
            _, parts = self._group(places, never_whole=True)
            for record in self._read_parts(parts, _nobody):
                records[record.kind, record.id] = record
                self._note(record)
            left = {key: place for key, place in places.items() if key not in records}
            again = self._locate(left)
            places = {key: place for key, place in again.items() if place != left[key]}
        return records

    def _group(
        self, wanted: Mapping[RecordKey, Place], *, never_whole: bool = False
    ) -> tuple[list[PackKey], list[list[tuple[Hash, Place]]]]:
        """Return the packs to fetch whole, and runs of records in one pack for each of the rest."""
        by_pack: dict[PackKey, list[tuple[Hash, Place]]] = {}
        for (_, id), place in wanted.items():
            by_pack.setdefault(_pack_of(place), []).append((id, place))
        whole: list[PackKey] = []
        parts: list[list[tuple[Hash, Place]]] = []
        for key, located in by_pack.items():
            self._packs.add(key)
            wanted_bytes = sum(stored_span(place)[1] for _, place in located)
            if not never_whole and 2 * wanted_bytes >= self._remote.packs[key]:
                whole.append(key)
                continue
            located.sort(key=lambda item: item[1].offset)
            run: list[tuple[Hash, Place]] = []
            run_bytes = 0
            for item in located:
                run.append(item)
                run_bytes += stored_span(item[1])[1]
                if run_bytes >= _BLOCK_BYTES:
                    parts.append(run)
                    run, run_bytes = [], 0
            parts += [run] if run else []
        return whole, parts

    def _read_parts(
        self, parts: Sequence[list[tuple[Hash, Place]]], advance: Advance
    ) -> Iterator[Record]:
        """Yield the records of runs that verify; packs in which one does not are noted."""
        for run, records in self._each(self._read_run, parts, advance):
            if len(records) < len(run):
                self._remote.note_damaged(*_pack_of(run[0][1]))
            yield from records

    def _read_run(self, run: list[tuple[Hash, Place]], advance: Advance) -> list[Record]:
        spans = [stored_span(place) for _, place in run]
        name = pack_object(*_pack_of(run[0][1]))
        try:
            read = self._remote.backend.read_ranges(name, [ByteRange(*span) for span in spans])
        except (NotFoundError, IntegrityError):
            return []
        records = []
        for (id, place), stored in zip(run, read, strict=True):
            with suppress(IntegrityError):
                records.append(take_record(stored, place, id, name))
            advance(place.stored_bytes)
        return records

    def _fetch_pack(self, key: PackKey, advance: Advance) -> StagedFile | None:
        """Return a whole pack under a temporary name, verified; None where it is another one."""
        staged = self._staging.create()
        hasher = blake3()
        name, size_bytes = pack_object(*key), self._remote.packs[key]
        try:
            for offset in range(0, size_bytes, _BLOCK_BYTES):
                length = min(_BLOCK_BYTES, size_bytes - offset)
                block = self._remote.backend.read_ranges(name, [ByteRange(offset, length)])[0]
                hasher.update(block)
                staged.write(block)
                advance(length)
        except (NotFoundError, IntegrityError):
            staged.discard()
            return None
        if hasher.digest() != key[0]:
            staged.discard()
            return None
        staged.sync()
        staged.close()
        return staged

    def _each(
        self, work: Callable[[_T, Advance], Any], items: Sequence[_T], advance: Advance
    ) -> Iterator[tuple[_T, Any]]:
        """Yield each item with what ``work`` makes of it, as many at once as may be in memory."""
        under_way: deque[tuple[_T, Future[Any]]] = deque()
        for item in items:
            under_way.append((item, self._pool.submit(work, item, advance)))
            if len(under_way) > TRANSFERS:
                first, future = under_way.popleft()
                yield first, future.result()
        for first, future in under_way:
            yield first, future.result()

    def _take_pack(self, key: PackKey, staged: StagedFile) -> None:
        pack = PackEntry(*key, self._remote.packs[key])
        self._staged.append((staged, pack))
        self._size_bytes += pack.size_bytes
        self._waiting_bytes += pack.size_bytes
        if self._waiting_bytes >= _PUBLISH_BYTES:
            self._publish()

    def _note(self, record: Record) -> None:
        self._records += 1
        self._size_bytes += len(record.payload)
        self._waiting_bytes += len(record.payload)
        if self._waiting_bytes >= _PUBLISH_BYTES:
            self._publish()

    def _publish(self) -> None:
        """Give what has come its place, so that a fetch that is killed has not come for nothing."""
        self._waiting_bytes = 0
        self._writer.publish_packs()
        if not self._staged:
            return
        files = [
            (staged, pack_path(self._store.folder, pack.hash, pack.plain))
            for staged, pack in self._staged
        ]
        publish_all(files, overwrite=True, shared=self._store.is_shared)
        for (_, path), (_, pack) in zip(files, self._staged, strict=True):
            refs = self._tables.get(pack.hash) if pack.plain else None
            table = plain_table(refs) if refs else read_pack_table(path, plain=pack.plain)
            self._published.append((pack, table))
            self._records += len(table)
        self._staged = []


def _pack_of(place: Place) -> PackKey:
    return place.pack, place.plain


def _nobody(amount: int) -> None:
    """Hear nothing."""
