"""From a remote to the store: what entries name and the store lacks, verified before it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jupyter_mlops.errors import IntegrityError
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
from jupyter_mlops.objects.erased import Erased
from jupyter_mlops.objects.packing import Record, decode
from jupyter_mlops.objects.packs import pack_path, stored_span
from jupyter_mlops.objects.records import read_bytes
from jupyter_mlops.objects.segments import publish_rows
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import Writer, open_writer
from jupyter_mlops.progress import Progress
from jupyter_mlops.storage.content import Advance
from jupyter_mlops.sync.listing import PackKey
from jupyter_mlops.sync.outputs import RemoteOutputs, read_header
from jupyter_mlops.sync.proof import Proof, take_apart
from jupyter_mlops.sync.remote import TRANSFERS, Remote
from jupyter_mlops.sync.transfers import BLOCK_BYTES, Transfers, pack_of

_PUBLISH_BYTES = 256 << 20


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

    def joined(self, later: Fetched) -> Fetched:
        """Return what this fetch and another one, for what this one lacked, did together."""
        return Fetched(
            self.packs + later.packs,
            self.records + later.records,
            self.size_bytes + later.size_bytes,
            later.lacking,
        )


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
            work.want_outputs(outputs)
            work.want(records)
            with progress.task(f"Fetching from {remote.place}", work.wanted_bytes) as task:
                work.transfer(task.advance)
                work.transfer_outputs(task.advance)
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
        self._tables: dict[Hash, Sequence[ChunkRef]] = {}
        self._transfers = Transfers(remote, staging, pool, self._tables)
        self._wanted: dict[RecordKey, Place] = {}
        self._owners: dict[Hash, list[Entry]] = {}
        self._lacking: set[Entry] = set()
        self._known_outputs = RemoteOutputs(remote)
        self._outputs: list[tuple[Hash, Place]] = []
        self._sizes: dict[Hash, int] = {}
        self._claimed: dict[Hash, tuple[Record, list[Entry]]] = {}
        self._seen: set[Hash] = set()
        self._staged: list[tuple[StagedFile, PackEntry, Sequence[RecordInfo]]] = []
        self._published: list[tuple[PackEntry, Sequence[RecordInfo]]] = []
        self._waiting_bytes = 0
        self._packs: set[PackKey] = set()
        self._mixed = _packs_with(remote, store.erased)
        self._records = 0
        self._size_bytes = 0

    @property
    def wanted_bytes(self) -> int:
        """How many bytes the records take that are wanted."""
        places = [*self._wanted.values(), *(place for _, place in self._outputs)]
        return sum(place.stored_bytes for place in places)

    def follow(self, entries: Sequence[Entry]) -> None:
        """Find all that ``entries`` need; manifests are fetched, one level after the other."""
        while entries:
            manifests: dict[RecordKey, list[Entry]] = {}
            further: list[Entry] = []
            for entry in entries:
                if entry.hash not in self._seen:
                    self._seen.add(entry.hash)
                    further += self._look(entry, manifests)
            for key, record in self._read(self._locate(manifests)):
                owners = manifests.pop(key)
                if key[0] is RecordKind.FILE:
                    self._claimed[key[1]] = (record, owners)
                else:
                    self._writer.add_record(record)
                further += self._unfold(key, decode(record), owners)
            for owners in manifests.values():
                self._lacking.update(owners)
            entries = further

    def want(self, keys: Iterable[RecordKey]) -> None:
        """Want what the remote has of these records and the store lacks."""
        for key in keys:
            if key[0] is not RecordKind.CHUNK and key[1] in self._store.erased:
                continue
            if self._store.find(*key) is None and (place := self._remote.locate(*key)) is not None:
                self._wanted[key] = place

    def want_outputs(self, names: Iterable[Hash]) -> None:
        """Want what the remote has of notebooks' outputs that the store has never had."""
        wanted = [name for name in names if name not in self._store.erased]
        self._outputs = self._known_outputs.unseen(self._store, wanted)

    def transfer(self, advance: Advance) -> None:
        """Fetch what is wanted: whole packs where it is at least half of them, else ranges."""
        wanted = self._wanted
        while wanted:
            whole, parts = self._group(_items(wanted))
            told: dict[PackKey, set[RecordKey]] = {pack: set() for pack in whole}
            for key, place in wanted.items():
                if (pack := pack_of(place)) in told:
                    told[pack].add(key)
            arrived: set[RecordKey] = set()
            for pack, arrival in self._transfers.fetch_packs(whole, advance):
                if arrival is None:
                    self._remote.note_damaged(*pack)
                    continue
                self._take_pack(pack, *arrival)
                there = {(info.kind, info.id) for info in arrival[1]}
                if not told[pack] <= there:
                    self._remote.refute(*pack)  # the index does not tell the truth about it
                arrived |= told.pop(pack) & there
            for _, record in self._read_parts(parts, advance):
                self._writer.add_record(record)
                self._note(record)
                arrived.add((record.kind, record.id))
            left = [key for key in wanted if key not in arrived]
            wanted = self._locate(left)
            for key in left:
                if key not in wanted:
                    self._lacking.update(self._owners.get(key[1], []))

    def transfer_outputs(self, advance: Advance) -> None:
        """Fetch outputs, but for those that came in whole packs, and those that are here."""
        came = {pack.hash for pack, _ in self._published}
        came |= {pack.hash for _, pack, _ in self._staged}
        here = {
            id: {read_header(self._store, p) for p in self._store.places(RecordKind.OUTPUTS, id)}
            for id, _ in self._outputs
        }
        _, parts = self._group(
            [item for item in self._outputs if item[1].pack not in came], never_whole=True
        )
        for place, record in self._read_parts(parts, advance):
            self._known_outputs.note(place, record.header)
            if record.header not in here[record.id]:
                here[record.id].add(record.header)
                self._writer.add_record(record)
                self._note(record)
        self._outputs = [item for item in self._outputs if item[1].pack in came]

    def finish(self) -> None:
        """Make all that came durable, and let the index name it."""
        self._publish()
        self._prove()
        if self._published:
            publish_rows(self._store, self._published)
        self._writer.finish()
        self._store.reload()
        here = {pack.hash for pack, _ in self._published}
        for _, place in self._outputs:
            if place.pack in here:
                self._known_outputs.note(place, read_header(self._store, place))
        self._known_outputs.save()

    def _prove(self) -> None:
        """Keep those manifests of files alone that are proved by the files' content."""
        came = (info.kind for _, table in self._published for info in table)
        if not self._claimed and RecordKind.FILE not in came:
            return
        self._store.reload()
        self._store.index_new_packs()
        proof = Proof(self._store)
        for id, (record, owners) in list(self._claimed.items()):
            if not proof.holds(record):
                del self._claimed[id]
                self._lacking.update(owners)
        doubts = [(proof.doubts(pack, table), pack, table) for pack, table in self._published]
        self._published = [(pack, table) for names, pack, table in doubts if not names]
        self._store.reload()
        for names, pack, table in doubts:
            for record in take_apart(self._store, pack, table, names) if names else ():
                self._writer.add_record(record)
        kept = {info.id for _, table in self._published for info in table}
        for id, (record, _) in self._claimed.items():
            if id not in kept:
                self._writer.add_record(record)

    def report(self) -> Fetched:
        """Return what came."""
        lacking = frozenset(self._lacking)
        return Fetched(len(self._packs), self._records, self._size_bytes, lacking)

    def _look(self, entry: Entry, manifests: dict[RecordKey, list[Entry]]) -> list[Entry]:
        """Want what ``entry`` needs; return what is in it where that is known here."""
        if entry.mode is not Mode.FOLDER and entry.hash in self._store.erased:
            return []
        if entry.mode is Mode.FOLDER:
            if entry.hash == EMPTY_TREE_HASH:
                return []
            key = (RecordKind.TREE, entry.hash)
        elif _is_whole(self._store.find(RecordKind.CHUNK, entry.hash), entry):
            return []
        else:
            key = (RecordKind.FILE, entry.hash)
        if self._store.find(*key) is not None:
            return self._unfold(key, read_bytes(self._store, *key), [entry])
        if key[0] is RecordKind.FILE:
            place = self._remote.locate(RecordKind.CHUNK, entry.hash)
            if place is not None and _is_whole(place, entry):
                self._want_chunk(ChunkRef(entry.hash, entry.size_bytes), [entry], place)
                return []
        manifests.setdefault(key, []).append(entry)
        return []

    def _unfold(self, key: RecordKey, encoded: bytes, owners: Sequence[Entry]) -> list[Entry]:
        """Return the entries of a folder, or want the chunks of a file, from its manifest."""
        kind, id = key
        try:
            if kind is RecordKind.TREE:
                return list(decode_tree(encoded, origin=format_hash(id)).values())
            manifest = decode_file_manifest(encoded, origin=format_hash(id))
        except IntegrityError:
            self._lacking.update(owners)
            return []
        if any(owner.size_bytes != manifest.size_bytes for owner in owners):
            self._lacking.update(owners)
            return []
        self._tables[id] = manifest.chunks
        for ref in dict.fromkeys(manifest.chunks):
            if self._store.find(RecordKind.CHUNK, ref.hash) is None:
                self._want_chunk(ref, owners)
        return []

    def _want_chunk(
        self, ref: ChunkRef, owners: Sequence[Entry], place: Place | None = None
    ) -> None:
        key = (RecordKind.CHUNK, ref.hash)
        self._sizes[ref.hash] = ref.size_bytes
        place = place or self._wanted.get(key) or self._locate([key]).get(key)
        if place is None:
            self._lacking.update(owners)
            return
        self._wanted[key] = place
        self._owners.setdefault(ref.hash, []).extend(owners)

    def _locate(self, keys: Iterable[RecordKey]) -> dict[RecordKey, Place]:
        """Return where records are, as far as they are there; chunks of the size that they have."""
        found: dict[RecordKey, Place] = {}
        for key in keys:
            place = self._remote.locate(*key)
            if place is None:
                continue
            if place.plain_bytes == self._sizes.get(key[1], place.plain_bytes):
                found[key] = place
        return found

    def _read(self, places: Mapping[RecordKey, Place]) -> Iterator[tuple[RecordKey, Record]]:
        """Yield single records as they come, each from whichever pack gives it."""
        while places:
            _, parts = self._group(_items(places), never_whole=True)
            read: set[RecordKey] = set()
            for _, record in self._read_parts(parts, _nobody):
                key = (record.kind, record.id)
                if key not in read:
                    read.add(key)
                    self._note(record)
                    yield key, record
            left = {key: place for key, place in places.items() if key not in read}
            again = self._locate(left)
            places = {key: place for key, place in again.items() if place != left[key]}

    def _group(
        self, wanted: Iterable[tuple[Hash, Place]], *, never_whole: bool = False
    ) -> tuple[list[PackKey], list[list[tuple[Hash, Place]]]]:
        """Return the packs to fetch whole, and runs of records in one pack for each of the rest.

        One that has something erased never comes whole.
        """
        by_pack: dict[PackKey, list[tuple[Hash, Place]]] = {}
        for id, place in wanted:
            by_pack.setdefault(pack_of(place), []).append((id, place))
        whole: list[PackKey] = []
        parts: list[list[tuple[Hash, Place]]] = []
        for key, located in by_pack.items():
            self._packs.add(key)
            wanted_bytes = sum(stored_span(place)[1] for _, place in located)
            if (
                not never_whole
                and key not in self._mixed
                and 2 * wanted_bytes >= self._remote.packs[key]
            ):
                whole.append(key)
                continue
            located.sort(key=lambda item: item[1].offset)
            run: list[tuple[Hash, Place]] = []
            run_bytes = 0
            for item in located:
                run.append(item)
                run_bytes += stored_span(item[1])[1]
                if run_bytes >= BLOCK_BYTES:
                    parts.append(run)
                    run, run_bytes = [], 0
            parts += [run] if run else []
        return whole, parts

    def _read_parts(
        self, parts: Sequence[list[tuple[Hash, Place]]], advance: Advance
    ) -> Iterator[tuple[Place, Record]]:
        """Yield the records of runs that verify; packs in which one does not are noted."""
        for run, records in self._transfers.each(self._transfers.read_run, parts, advance):
            if len(records) < len(run):
                self._remote.note_damaged(*pack_of(run[0][1]))
            yield from records

    def _take_pack(self, key: PackKey, staged: StagedFile, table: Sequence[RecordInfo]) -> None:
        pack = PackEntry(*key, self._remote.packs[key])
        self._staged.append((staged, pack, table))
        self._records += len(table)
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
            for staged, pack, _ in self._staged
        ]
        publish_all(files, overwrite=True, shared=self._store.is_shared)
        self._published += [(pack, table) for _, pack, table in self._staged]
        self._staged = []


def _is_whole(place: Place | None, entry: Entry) -> bool:
    """Return whether the one chunk there is the whole file."""
    return place is not None and place.plain_bytes == entry.size_bytes


def _items(wanted: Mapping[RecordKey, Place]) -> Iterator[tuple[Hash, Place]]:
    return ((id, place) for (_, id), place in wanted.items())


def _packs_with(remote: Remote, erased: Erased) -> set[PackKey]:
    """Return the packs of a remote that have something erased, or a piece of it."""
    found = {(id, True) for id in erased.ids}
    for id in erased.ids:
        for kind in (RecordKind.FILE, RecordKind.OUTPUTS):
            found.update(pack_of(place) for place in remote.iter_places(kind, id))
    for id in erased.ids | erased.pieces:
        found.update(pack_of(place) for place in remote.iter_places(RecordKind.CHUNK, id))
    return found


def _nobody(amount: int) -> None:
    """Hear nothing."""
