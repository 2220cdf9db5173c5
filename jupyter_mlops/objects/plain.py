"""Plain packs: a big new file kept as a clone of itself, where the file system clones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from jupyter_mlops.errors import IntegrityError, MlopsError
from jupyter_mlops.files.clone import try_clone
from jupyter_mlops.files.durable import StagedFile, disk_error
from jupyter_mlops.files.stat_cache import GRANULARITY_NS
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.formats.manifest import ChunkRef
from jupyter_mlops.formats.pack import RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, hash_bytes, new_hasher
from jupyter_mlops.objects.chunker import BLOCK_BYTES, iter_blocks
from jupyter_mlops.objects.encode import manifest_record
from jupyter_mlops.objects.packing import Record
from jupyter_mlops.objects.packs import plain_table
from jupyter_mlops.objects.source import Source, read_error
from jupyter_mlops.objects.store import Store

LEAST_BYTES = 16 << 20
"""Smaller files always go to record packs."""

_WORTH_NEW = 0.5


@dataclass(frozen=True, slots=True)
class PlainPack:
    """A clone under a temporary name: cut, hashed, synced, its descriptor closed."""

    staged: StagedFile
    pack: PackEntry
    table: list[RecordInfo]


@dataclass(frozen=True, slots=True)
class Cloned:
    """What a clone was found to be.

    ``plain`` is its pack, where it is worth one. Else ``lacking`` are the chunks that the store has
    not, with their offsets in the file. ``record`` is that of the manifest; None where the store
    has the file already.
    """

    entry: Entry
    plain: PlainPack | None = None
    record: Record | None = None
    lacking: tuple[tuple[int, ChunkRef], ...] = ()


def clone_as_plain(
    source: Source, store: Store, create_staged: Callable[[], StagedFile]
) -> Cloned | None:
    """Clone ``source`` and cut the clone, which cannot change any more.

    A clone has none of its bytes in memory yet, so the file itself is cut where its times prove
    that its bytes are still those that were cloned.

    Returns None where it is too small or cannot be cloned. The clone is not kept when the store has
    so much of it that its new chunks are better kept in a record pack.
    """
    if source.before.st_size < LEAST_BYTES:
        return None
    staged = create_staged()
    try:
        if not try_clone(source.fd, staged.fd):
            staged.discard()
            return None
        id, refs = _cut_source(source) or _cut(staged.fd)
    except OSError as error:
        staged.discard()
        raise disk_error(error, store.folder) from error
    except MlopsError:
        staged.discard()
        raise
    size_bytes = sum(ref.size_bytes for ref in refs)
    entry = Entry(source.mode, id, size_bytes)
    offsets = accumulate((ref.size_bytes for ref in refs), initial=0)
    lacking = {
        ref.hash: (offset, ref)
        for offset, ref in zip(offsets, refs, strict=False)
        if store.find(RecordKind.CHUNK, ref.hash) is None
    }
    if not lacking and store.find(RecordKind.FILE, id) is not None:
        staged.discard()
        return Cloned(entry)
    record = manifest_record(id, refs)
    if sum(ref.size_bytes for _, ref in lacking.values()) < size_bytes * _WORTH_NEW:
        staged.discard()
        return Cloned(entry, record=record, lacking=tuple(lacking.values()))
    staged.size_bytes = size_bytes
    _read_back(staged, id)
    staged.sync()
    staged.close()
    pack = PlainPack(staged, PackEntry(id, True, size_bytes), plain_table(refs))
    return Cloned(entry, pack, record)


def _cut_source(source: Source) -> tuple[Hash, list[ChunkRef]] | None:
    """Cut the file that was just cloned; None where it may have changed since it was opened."""
    changed_at = max(source.before.st_mtime_ns, source.before.st_ctime_ns)
    if time.time_ns() - changed_at <= GRANULARITY_NS:
        return None
    try:
        id, refs = _cut(source.fd)
        os.lseek(source.fd, 0, os.SEEK_SET)
    except OSError as error:
        raise read_error(source.path, error) from error
    same = source.is_unchanged(sum(ref.size_bytes for ref in refs))
    return (id, refs) if same else None


def _cut(fd: int) -> tuple[Hash, list[ChunkRef]]:
    os.lseek(fd, 0, os.SEEK_SET)
    hasher = new_hasher()
    refs: list[ChunkRef] = []
    buffer = bytearray(BLOCK_BYTES)
    for block in iter_blocks(fd, lambda: buffer):
        view = memoryview(block.buffer)
        hasher.update(view[: sum(block.lengths)])
        start = 0
        for length in block.lengths:
            refs.append(ChunkRef(hash_bytes(view[start : start + length]), length))
            start += length
    return Hash(hasher.digest()), refs


def _read_back(staged: StagedFile, id: Hash) -> None:
    """Compare the clone's length with what was cut."""
    if os.fstat(staged.fd).st_size != staged.size_bytes:
        staged.discard()
        raise IntegrityError(
            f"A clone for the content {id.hex()} changed its size.", code="write-not-verified"
        )
