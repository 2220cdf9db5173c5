"""Record packs being written: filled, read back whole, synced; not yet published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.files.durable import StagedFile
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.formats.pack import (
    PACK_HEADER,
    RECORD_HEADER_BYTES,
    Codec,
    RecordInfo,
    RecordKind,
    decode_footer,
    decode_record,
    encode_footer,
    encode_record_header,
    verify_records,
)
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.packs import PackFile

PACK_BYTES = 32 << 20
"""The size at which a pack is closed."""

_WRITE_BYTES = 1 << 20
_READ_BYTES = 1 << 20


class Record(NamedTuple):
    """An encoded record, ready to be appended to any pack."""

    kind: RecordKind
    id: Hash
    codec: Codec
    plain_bytes: int
    header: bytes
    payload: bytes | memoryview


def make_record(
    kind: RecordKind, id: Hash, codec: Codec, plain_bytes: int, payload: bytes | memoryview
) -> Record:
    """Return the record with its header computed."""
    header = encode_record_header(kind, id, codec, plain_bytes, payload)
    return Record(kind, id, codec, plain_bytes, header, payload)


def decode(record: Record) -> bytes:
    """Return the plain bytes of a record.

    Raises:
        IntegrityError: it is damaged.
    """
    kind, id, codec, plain_bytes, header, payload = record
    info = RecordInfo(kind, id, codec, 0, len(payload), plain_bytes)
    return decode_record(b"".join((header, payload)), info, origin=id.hex())


@dataclass(frozen=True, slots=True)
class SealedPack:
    """A finished pack under a temporary name: verified, synced, its descriptor closed."""

    staged: StagedFile
    pack: PackEntry
    table: list[RecordInfo]


class OpenPack:
    """A record pack that records are appended to; not thread-safe."""

    def __init__(self, staged: StagedFile) -> None:
        self.staged = staged
        self._parts: list[bytes | memoryview] = [PACK_HEADER]
        self._waiting_bytes = len(PACK_HEADER)
        self.size_bytes = len(PACK_HEADER)
        self.table: list[RecordInfo] = []

    def append(self, record: Record) -> None:
        """Add ``record``; its payload may be referred to until :meth:`flush`.

        Raises:
            UnavailableError: the disk is full or cannot be written.
        """
        kind, id, codec, plain_bytes, header, payload = record
        stored = len(payload)
        self.table.append(RecordInfo(kind, id, codec, self.size_bytes, stored, plain_bytes))
        self._parts += (header, payload)
        self.size_bytes += RECORD_HEADER_BYTES + stored
        self._waiting_bytes += RECORD_HEADER_BYTES + stored
        if self._waiting_bytes >= _WRITE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits, so that no payload is referred to any more."""
        if self._parts:
            self.staged.write(b"".join(self._parts))
            self._parts.clear()
            self._waiting_bytes = 0

    def seal(self) -> SealedPack:
        """Write the footer, read the pack back and decode every record, sync it.

        Raises:
            IntegrityError: what was read back is not what was written; the pack is discarded.
            UnavailableError: the disk did not take it.
        """
        self._parts.append(encode_footer(self.table))
        self.flush()
        try:
            entry = _verify(self.staged, self.table)
        except IntegrityError:
            self.staged.discard()
            raise
        self.staged.sync()
        self.staged.close()
        return SealedPack(self.staged, entry, self.table)


def _verify(staged: StagedFile, table: list[RecordInfo]) -> PackEntry:
    """Verify every record of a written pack; its name is the hash of the bytes that were read."""
    hasher = blake3()
    with PackFile(staged.path) as pack:
        size_bytes = pack.size_bytes
        if decode_footer(pack.read, size_bytes, origin=pack.origin) != table:
            raise IntegrityError(
                f"A new pack in {staged.path.parent} did not read back as it was written.",
                code="write-not-verified",
                hints=("Look at the disk, then run the same command again.",),
            )
        number = 0
        start = 0
        view = b""
        for offset in range(0, size_bytes, _READ_BYTES):
            part = pack.read(offset, _READ_BYTES)
            hasher.update(part)
            view = view + part if view else part
            end = start + len(view)
            first = number
            while number < len(table):
                info = table[number]
                if info.offset + RECORD_HEADER_BYTES + info.stored_bytes > end:
                    break
                number += 1
            verify_records(view, table[first:number], origin=pack.origin, base_offset=start)
            kept = end - table[number].offset if number < len(table) else 0
            view = view[len(view) - kept :]
            start = end - kept
    return PackEntry(Hash(hasher.digest()), False, size_bytes)
