"""Content into the store: read, cut, named, compressed, packed, read back, synced, published."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from blake3 import blake3

from jupyter_mlops.files.durable import StagedFile, open_staging, publish_all
from jupyter_mlops.files.walk import FileStat
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH, ChunkRef
from jupyter_mlops.formats.pack import RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.chunker import BLOCK_BYTES, Block, iter_blocks
from jupyter_mlops.objects.compress import compress
from jupyter_mlops.objects.encode import SMALL_BYTES, Encoder
from jupyter_mlops.objects.packing import PACK_BYTES, OpenPack, Record, SealedPack, make_record
from jupyter_mlops.objects.packs import pack_path
from jupyter_mlops.objects.plain import PlainPack, clone_as_plain
from jupyter_mlops.objects.room import ensure_room
from jupyter_mlops.objects.segments import publish_rows
from jupyter_mlops.objects.source import (
    Source,
    open_source,
    read_error,
    read_target,
    retry_while_changing,
)
from jupyter_mlops.objects.store import Store, clear_store, create_store
from jupyter_mlops.progress import Task

_THREADS = 2
_BUFFERS = 4
_BATCH_FILES = 128
_BATCH_BYTES = 2 << 20
_BATCHES_AHEAD = 6
_CHUNKS_A_BATCH = 64
_SEALING = 2
_REGULAR = (Mode.FILE, Mode.EXECUTABLE)


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a writer added.

    ``new_bytes``: plain bytes of chunks that the store lacked. ``stored_bytes``: bytes added on
    disk, packs and index, but for clones, which share their blocks. ``packs``: how many packs.
    """

    new_bytes: int = 0
    stored_bytes: int = 0
    packs: int = 0


class Writer:
    """Adds content to a store; made by :func:`open_writer`, for one thread.

    Nothing that is added can be read before :meth:`finish` returns; then all of it is durable.
    Adding what the store has already writes nothing.
    """

    def __init__(self, store: Store, stack: ExitStack, task: Task | None) -> None:
        self._store = store
        self._stack = stack
        self._task = task
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-write")
        self._sealer = ThreadPoolExecutor(1, thread_name_prefix="mlops-seal")
        self._new: set[tuple[RecordKind, Hash]] = set()
        self._pack: OpenPack | None = None
        self._sealing: deque[Future[SealedPack]] = deque()
        self._sealed: list[SealedPack] = []
        self._plain: list[PlainPack] = []
        self._published: list[tuple[PackEntry, list[RecordInfo]]] = []
        self._new_bytes = 0
        self._buffers: SimpleQueue[bytearray] = SimpleQueue()
        self._buffer_count = 0
        self._encoder = Encoder(self.knows)
        self._create: Callable[[], StagedFile] | None = None

    def add_files(self, root: Path, stats: Sequence[FileStat]) -> list[Entry]:
        """Add files, links and empty folders under ``root``; return their entries in order.

        An entry is of the bytes that were stored; ``stats`` only say what to expect. It looks first
        whether the disk has room.

        Raises:
            ConflictError: a file kept changing while it was read.
            NotFoundError: one vanished.
            UnavailableError: one cannot be read, or the disk is full.
        """
        ensure_room(self._store, root, stats)
        entries: list[Entry | None] = [None] * len(stats)
        waiting: deque[tuple[list[int], Future[list[Entry]]]] = deque()
        top = os.fspath(root)

        def collect() -> None:
            numbers, future = waiting.popleft()
            for number, entry in zip(numbers, future.result(), strict=True):
                entries[number] = entry

        for numbers in _batches(stats):
            item = stats[numbers[0]]
            if item.size_bytes > SMALL_BYTES:
                path = f"{top}/{item.path}"
                entries[numbers[0]] = retry_while_changing(path, self._add_big)
                continue
            batch = [stats[number] for number in numbers]
            waiting.append((numbers, self._pool.submit(self._add_batch, top, batch)))
            if len(waiting) > _BATCHES_AHEAD:
                collect()
        while waiting:
            collect()
        return [entry for entry in entries if entry is not None]

    def knows(self, kind: RecordKind, id: Hash) -> bool:
        """Return whether the store has a record, or this writer was given it."""
        return (kind, id) in self._new or self._store.find(kind, id) is not None

    def add_bytes(self, kind: RecordKind, id: Hash, data: bytes) -> None:
        """Add one record; records of any kind but OUTPUTS are written once a name."""
        if kind is RecordKind.OUTPUTS:
            codec, payload = compress(data)
            self.add_record(make_record(kind, id, codec, len(data), payload))
            return
        records: list[Record] = []
        self._encoder.encode(kind, id, data, records)
        self._append(records)

    def add_record(self, record: Record) -> None:
        """Add a record as it is encoded; see :meth:`add_bytes`."""
        if record.kind is RecordKind.OUTPUTS or not self.knows(record.kind, record.id):
            self._append([record])

    def add_chunk(self, data: bytes) -> Hash:
        """Add ``data`` as a file of one chunk and return its hash; at most CHUNK_MAX_BYTES."""
        id = hash_bytes(data)
        self.add_bytes(RecordKind.CHUNK, id, data)
        return id

    def publish_packs(self) -> None:
        """Publish packs of what was added so far, durable when this returns, without the index.

        Who misses content there finds it by searching the packs that the index does not name;
        :meth:`finish` has it name them. The writer takes more, after a failure too.

        Raises:
            IntegrityError: a pack did not read back as written; it was not published.
            UnavailableError: the disk did not take it.
        """
        with self._lock:
            self._seal()
        while self._sealing:
            self._sealed.append(self._sealing.popleft().result())
        packs: list[tuple[StagedFile, PackEntry, list[RecordInfo]]] = [
            *[(done.staged, done.pack, done.table) for done in self._plain],
            *[(done.staged, done.pack, done.table) for done in self._sealed],
        ]
        self._plain, self._sealed = [], []
        if not packs:
            return
        publish_all(
            [(staged, pack_path(self._store.folder, p.hash, p.plain)) for staged, p, _ in packs],
            overwrite=True,
            shared=self._store.is_shared,
        )
        self._published += [(pack, table) for _, pack, table in packs]

    @property
    def published(self) -> list[PackEntry]:
        """The packs that were published so far."""
        return [pack for pack, _ in self._published]

    def finish(self) -> WriteReport:
        """Publish what was added, durable when this returns: packs, then the index.

        Nothing is written when everything was known. The writer takes nothing more.

        Raises:
            IntegrityError: a pack did not read back as written; nothing was published.
            UnavailableError: the disk did not take it; at most packs without index were published.
        """
        self.publish_packs()
        if not self._published:
            return WriteReport()
        index_bytes = publish_rows(self._store, self._published)
        packs = self.published
        stored_bytes = index_bytes + sum(pack.size_bytes for pack in packs if not pack.plain)
        self._store.reload()
        return WriteReport(self._new_bytes, stored_bytes, len(packs))

    def close(self) -> None:
        """Stop the threads and let go of what was not finished; called by :func:`open_writer`."""
        self._pool.shutdown(cancel_futures=True)
        self._sealer.shutdown(cancel_futures=True)
        if self._pack is not None:
            self._pack.staged.discard()

    def _add_batch(self, top: str, items: Sequence[FileStat]) -> list[Entry]:
        """Add small files; runs in the pool."""
        entries = []
        records: list[Record] = []
        paths = [f"{top}/{item.path}" for item in items if item.mode in _REGULAR]
        files = iter(self._encoder.encode_small(paths, records))
        for item in items:
            if item.mode in _REGULAR:
                entries.append(next(files))
            elif item.mode is Mode.SYMLINK:
                entries.append(self._add_link(f"{top}/{item.path}"))
            else:
                entries.append(Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0))
        self._append(records)
        self._advance(sum(entry.size_bytes for entry in entries))
        return entries

    def _add_link(self, path: str) -> Entry:
        target = read_target(path)
        return Entry(Mode.SYMLINK, self.add_chunk(target), len(target))

    def _add_big(self, path: str) -> Entry | None:
        """Add a big file; None if it changed while it was read."""
        with open_source(path) as source:
            cloned = clone_as_plain(source, self._store, self._create_staged)
            if cloned is not None:
                if cloned.plain is not None:
                    self._add_plain(cloned.plain)
                elif not self._add_lacking(source, cloned.lacking):
                    return None
                if cloned.record is not None:
                    self._append([cloned.record])
                self._advance(cloned.entry.size_bytes)
                return cloned.entry
            try:
                id, refs = self._cut_big(source.fd)
            except OSError as error:
                raise read_error(path, error) from error
            size_bytes = sum(ref.size_bytes for ref in refs)
            if not source.is_unchanged(size_bytes):
                return None
        records: list[Record] = []
        self._encoder.encode_manifest(id, refs, records)
        self._append(records)
        return Entry(source.mode, id, size_bytes)

    def _add_lacking(self, source: Source, lacking: Sequence[tuple[int, ChunkRef]]) -> bool:
        """Add chunks of a file by their offsets; False if one is no longer what it was."""
        waiting: deque[Future[bool]] = deque()
        whole = True
        for start in range(0, len(lacking), _CHUNKS_A_BATCH):
            pieces = lacking[start : start + _CHUNKS_A_BATCH]
            waiting.append(self._pool.submit(self._add_pieces, source, pieces))
            if len(waiting) >= _BUFFERS:
                whole &= waiting.popleft().result()
        for future in waiting:
            whole &= future.result()
        return whole

    def _add_pieces(self, source: Source, pieces: Sequence[tuple[int, ChunkRef]]) -> bool:
        """Add some chunks of a file; runs in the pool."""
        chunks: list[tuple[Hash, bytes | memoryview]] = []
        for offset, ref in pieces:
            try:
                content = os.pread(source.fd, ref.size_bytes, offset)
            except OSError as error:
                raise read_error(source.path, error) from error
            if hash_bytes(content) != ref.hash:
                return False
            chunks.append((ref.hash, content))
        records: list[Record] = []
        self._encoder.encode_named(chunks, records)
        self._append(records)
        return True

    def _cut_big(self, fd: int) -> tuple[Hash, list[ChunkRef]]:
        hasher = blake3()
        refs: list[ChunkRef] = []
        waiting: deque[Future[list[ChunkRef]]] = deque()
        for block in iter_blocks(fd, self._take_buffer):
            length = sum(block.lengths)
            waiting.append(self._pool.submit(self._add_block, block))
            hasher.update(memoryview(block.buffer)[:length])
            self._advance(length)
            if len(waiting) >= _BUFFERS:
                refs += waiting.popleft().result()
        while waiting:
            refs += waiting.popleft().result()
        return Hash(hasher.digest()), refs

    def _add_block(self, block: Block) -> list[ChunkRef]:
        """Add the chunks of a block; runs in the pool."""
        records: list[Record] = []
        try:
            refs = self._encoder.encode_chunks(memoryview(block.buffer), block.lengths, records)
            self._append(records, flush=True)
        finally:
            self._buffers.put(block.buffer)
        return refs

    def _take_buffer(self) -> bytearray:
        """Return a buffer that no block uses; new until there are enough, then those given back."""
        if self._buffer_count <= _BUFFERS:
            self._buffer_count += 1
            return bytearray(BLOCK_BYTES)
        return self._buffers.get()

    def _append(self, records: Sequence[Record], *, flush: bool = False) -> None:
        with self._lock:
            for record in records:
                key = (record.kind, record.id)
                if key in self._new and record.kind is not RecordKind.OUTPUTS:
                    continue
                self._new.add(key)
                if record.kind is RecordKind.CHUNK:
                    self._new_bytes += record.plain_bytes
                if self._pack is None:
                    self._pack = OpenPack(self._create_staged())
                self._pack.append(record)
                if self._pack.size_bytes >= PACK_BYTES:
                    self._seal()
            if flush and self._pack is not None:
                self._pack.flush()

    def _add_plain(self, plain: PlainPack) -> None:
        with self._lock:
            self._plain.append(plain)
            for info in plain.table:
                key = (RecordKind.CHUNK, info.id)
                if key not in self._new and self._store.find(*key) is None:
                    self._new_bytes += info.plain_bytes
                self._new.add(key)

    def _seal(self) -> None:
        """Hand the open pack over to be sealed; waits when too many are."""
        if self._pack is None:
            return
        pack, self._pack = self._pack, None
        pack.flush()
        self._sealing.append(self._sealer.submit(pack.seal))
        while len(self._sealing) > _SEALING:
            self._sealed.append(self._sealing.popleft().result())

    def _create_staged(self) -> StagedFile:
        if self._create is None:
            create_store(self._store)
            staging = self._stack.enter_context(
                open_staging(self._store.staging_folder, shared=self._store.is_shared)
            )
            self._create = staging.create
        return self._create()

    def _advance(self, amount: int) -> None:
        if self._task is not None and amount:
            self._task.advance(amount)


@contextmanager
def open_writer(store: Store, progress_task: Task | None = None) -> Iterator[Writer]:
    """Yield a writer; what it was given and did not :meth:`~Writer.finish` is gone on exit.

    First what dead writers left is removed, and the index is read again; what other clones put into
    a shared store, or stands in alternates, is known then. ``progress_task`` is told the bytes of
    each file as they are read.

    Raises:
        UnavailableError: the store cannot be written.
    """
    clear_store(store)
    store.reload()
    if store.has_others:
        store.index_new_packs()
    store.adopt_rebuilt()
    with ExitStack() as stack:
        writer = Writer(store, stack, progress_task)
        try:
            yield writer
        finally:
            writer.close()


def _batches(stats: Sequence[FileStat]) -> Iterator[list[int]]:
    """Yield the numbers of files to be added together, in order; a big file stands alone."""
    batch: list[int] = []
    size_bytes = 0
    for number, item in enumerate(stats):
        if item.size_bytes > SMALL_BYTES:
            yield [number]
            continue
        batch.append(number)
        size_bytes += item.size_bytes
        if len(batch) >= _BATCH_FILES or size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch
