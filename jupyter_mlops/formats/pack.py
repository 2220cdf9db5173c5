"""Record packs: many self-describing records in one immutable file; docs/formats/pack.md.

A plain pack is the bytes of one file and needs no code: what it holds stands in the index.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

import zstandard
from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.ids import HASH_BYTES, Hash

FORMAT = 0
PACK_HEADER = b"mlopsPK" + bytes([FORMAT])
FOOTER_MARK = b"mlopsFT" + bytes([FORMAT])
END_MARK = b"mlopsEN" + bytes([FORMAT])


class RecordKind(IntEnum):
    """What a record holds."""

    CHUNK = 1
    FILE = 2
    TREE = 3
    OUTPUTS = 4

    __hash__ = int.__hash__  # that of Enum is written in Python


class Codec(IntEnum):
    """How a record's payload is encoded."""

    RAW = 0
    ZSTD = 1


MAX_PLAIN_BYTES = {
    RecordKind.CHUNK: 16 * 1024**2,
    RecordKind.FILE: 256 * 1024**2,
    RecordKind.TREE: 256 * 1024**2,
    RecordKind.OUTPUTS: 256 * 1024**2,
}
"""The most plain bytes a record of each kind may have; checked before anything is allocated."""

_HEAD = struct.Struct(">BBHII32s")
_ROW = struct.Struct(">BBHIIQ32s")
_TRAILER = struct.Struct(">QI16s8s")
_CHECKSUM_BYTES = 8
_SHORT_BYTES = 1 << 20
_VERIFIED_BYTES = 1 << 20
RECORD_HEADER_BYTES = _HEAD.size + _CHECKSUM_BYTES
TRAILER_BYTES = _TRAILER.size
_NAMED_BY_CONTENT = frozenset({RecordKind.CHUNK, RecordKind.TREE})
_KINDS = {int(kind): kind for kind in RecordKind}
_CODECS = {int(codec): codec for codec in Codec}
_per_thread = threading.local()

ReadRange = Callable[[int, int], bytes]
"""Reads ``length`` bytes at ``offset`` of a pack."""


class RecordInfo(NamedTuple):
    """Where a record stands in its pack; ``offset`` is that of its header."""

    kind: RecordKind
    id: Hash
    codec: Codec
    offset: int
    stored_bytes: int
    plain_bytes: int


def encode_record_header(
    kind: RecordKind, id: Hash, codec: Codec, plain_bytes: int, payload: bytes | memoryview
) -> bytes:
    """Return the header to be written right before ``payload``, its checksum included.

    Raises:
        ValueError: fields that :func:`decode_record` would refuse.
    """
    reason = _explain_fields(kind, codec, 0, plain_bytes, len(payload))
    if reason or len(id) != HASH_BYTES:
        raise ValueError(f"not a record: {reason or 'its id is not a hash'}")
    head = _HEAD.pack(kind, codec, 0, plain_bytes, len(payload), id)
    return head + _checksum(head, payload)


def encode_footer(infos: Sequence[RecordInfo]) -> bytes:
    """Return the footer of a pack that holds exactly these records, in file order.

    Raises:
        ValueError: no records, or records that do not follow one another from the pack's header on.
    """
    if not infos:
        raise ValueError("a pack holds at least one record")
    pack = _ROW.pack
    rows = b"".join(
        [
            pack(kind, codec, 0, plain_bytes, stored_bytes, offset, id)
            for kind, id, codec, offset, stored_bytes, plain_bytes in infos
        ]
    )
    end = len(PACK_HEADER)
    for info in infos:
        if info.offset != end:
            raise ValueError(f"the record at {info.offset} does not begin where the last one ends")
        end += RECORD_HEADER_BYTES + info.stored_bytes
    checksum = _footer_checksum(rows, end, len(infos))
    return FOOTER_MARK + rows + _TRAILER.pack(end, len(infos), checksum, END_MARK)


def decode_footer(
    source: bytes | memoryview | ReadRange, size_bytes: int | None = None, *, origin: str
) -> list[RecordInfo]:
    """Return what a pack's footer says it holds, in file order.

    Args:
        source: the whole pack, or a function that reads ranges of it; three ranges are asked for.
        size_bytes: the pack's length; needed with a function.
        origin: names the pack in errors.

    Raises:
        IntegrityError: the header, footer or trailer is not what the format says.
        UnsupportedError: a newer format.
    """
    read, total = _as_reader(source, size_bytes)
    smallest = len(PACK_HEADER) + RECORD_HEADER_BYTES + len(FOOTER_MARK) + _ROW.size + TRAILER_BYTES
    _check_pack_header(read(0, len(PACK_HEADER)), origin)
    if total < smallest:
        raise _pack_damaged(origin, "it is cut short")
    trailer = read(total - TRAILER_BYTES, TRAILER_BYTES)
    if len(trailer) != TRAILER_BYTES or trailer[-len(END_MARK) :] != END_MARK:
        raise _pack_damaged(origin, "its end is missing")
    offset, count, checksum, _ = _TRAILER.unpack(trailer)
    length = len(FOOTER_MARK) + count * _ROW.size
    if offset + length + TRAILER_BYTES != total:
        raise _pack_damaged(origin, "its footer does not end where its trailer begins")
    footer = read(offset, length)
    rows = footer[len(FOOTER_MARK) :]
    if (
        len(footer) != length
        or footer[: len(FOOTER_MARK)] != FOOTER_MARK
        or _footer_checksum(rows, offset, count) != checksum
    ):
        raise _pack_damaged(origin, "its footer does not match its checksum")
    return _decode_rows(rows, offset, origin)


def scan_records(view: bytes | memoryview, *, origin: str) -> Iterator[RecordInfo]:
    """Yield the records of a whole pack without its footer, each with its checksum verified.

    Raises:
        IntegrityError: at the first byte that is not what the format says, after every record
            before it.
        UnsupportedError: a newer format.
    """
    view = memoryview(view)
    _check_pack_header(bytes(view[: len(PACK_HEADER)]), origin)
    offset = len(PACK_HEADER)
    while bytes(view[offset : offset + len(FOOTER_MARK)]) != FOOTER_MARK:
        head = view[offset : offset + RECORD_HEADER_BYTES]
        if len(head) < RECORD_HEADER_BYTES:
            raise _pack_damaged(origin, f"it is cut short at byte {offset}")
        kind, codec, zero, plain_bytes, stored_bytes, id = _HEAD.unpack_from(head)
        reason = _explain_fields(kind, codec, zero, plain_bytes, stored_bytes)
        if reason:
            raise _record_damaged(origin, offset, reason)
        info = RecordInfo(_KINDS[kind], id, _CODECS[codec], offset, stored_bytes, plain_bytes)
        _checked_payload(view, info, origin, 0)
        yield info
        offset += RECORD_HEADER_BYTES + stored_bytes


def decode_record(
    view: bytes | memoryview, info: RecordInfo, *, origin: str, base_offset: int = 0
) -> bytes:
    """Return the plain bytes of a record, verified.

    The checksum is always verified; a CHUNK's and a TREE's bytes also have the BLAKE3 that is their
    id.

    Args:
        view: the pack, or a part of it that holds the whole record.
        info: where the record stands, from a footer, a scan or an index.
        origin: names the pack in errors.
        base_offset: where in the pack ``view`` begins.

    Raises:
        IntegrityError: the bytes are not that record.
    """
    payload = _checked_payload(view, info, origin, base_offset)
    raw = info.codec is Codec.RAW
    plain = bytes(payload) if raw else _decompress(payload, info, origin)
    _check_content(plain, info, origin)
    return plain


def decode_named(
    view: bytes | memoryview, info: RecordInfo, *, origin: str, base_offset: int = 0
) -> bytes:
    """Return what :func:`decode_record` does, proved by the id alone where that names the bytes.

    Who wants to know whether the record's own header is whole as well, decodes the record.

    Raises as :func:`decode_record`.
    """
    kind, id, codec, offset, stored_bytes, plain_bytes = info
    start = offset - base_offset + RECORD_HEADER_BYTES
    if kind not in _NAMED_BY_CONTENT or start < RECORD_HEADER_BYTES:
        return decode_record(view, info, origin=origin, base_offset=base_offset)
    payload = view[start : start + stored_bytes]
    raw = codec is Codec.RAW
    plain = bytes(payload) if raw else _decompress(memoryview(payload), info, origin)
    if len(plain) != plain_bytes or blake3(plain).digest() != id:
        raise _record_damaged(origin, offset, "its bytes are not those that its id names")
    return plain


def verify_records(
    view: bytes | memoryview,
    infos: Iterable[RecordInfo],
    *,
    origin: str,
    base_offset: int = 0,
    foreign: bool = False,
) -> None:
    """Let records pass that :func:`decode_record` returns, in a fraction of its time.

    Of a pack that was just written, ``infos`` are believed in how much there is to decompress at
    once, and bytes after the end of a compressed payload are not looked for; of a ``foreign`` one
    nothing is believed.

    Raises:
        IntegrityError: the bytes of a record are not that record.
    """
    squeezed: list[tuple[RecordInfo, memoryview]] = []
    waiting_bytes = 0
    for info in infos:
        payload = _checked_payload(view, info, origin, base_offset)
        if info.codec is Codec.RAW:
            _check_content(payload, info, origin)
            continue
        if foreign:
            _check_frame(payload, info, origin)
        squeezed.append((info, payload))
        waiting_bytes += info.plain_bytes
        if waiting_bytes >= _VERIFIED_BYTES:
            _verify_squeezed(squeezed, origin)
            squeezed, waiting_bytes = [], 0
    _verify_squeezed(squeezed, origin)


def _verify_squeezed(records: Sequence[tuple[RecordInfo, memoryview]], origin: str) -> None:
    if not records:
        return
    try:
        plain = _decompressor().multi_decompress_to_buffer([payload for _, payload in records])
    except (zstandard.ZstdError, ValueError) as error:
        reason = "it, or one of those after it, cannot be decompressed"
        raise _record_damaged(origin, records[0][0].offset, reason) from error
    for number, (info, _) in enumerate(records):
        if len(plain[number]) != info.plain_bytes:
            raise _record_damaged(origin, info.offset, "its compressed size is not what it says")
        _check_content(plain[number].tobytes(), info, origin)


def _check_frame(payload: memoryview, info: RecordInfo, origin: str) -> None:
    """Let a payload pass that is one frame which states its size (RFC 8878, 3.1.1), no more."""
    end = 0
    if info.plain_bytes <= MAX_PLAIN_BYTES[info.kind]:
        try:
            if zstandard.frame_content_size(payload) == info.plain_bytes:
                end = _frame_end(payload)
        except (zstandard.ZstdError, IndexError):
            pass
    if end != len(payload):
        raise _record_damaged(origin, info.offset, "its compressed size is not what it says")


def _frame_end(frame: memoryview) -> int:
    """Return where a frame ends by the headers of its blocks, wherever they lead."""
    end: int = zstandard.frame_header_size(frame)
    last = False
    while not last:
        block = frame[end] | frame[end + 1] << 8 | frame[end + 2] << 16
        last = bool(block & 1)
        is_run = block >> 1 & 3 == 1
        end += 3 + (1 if is_run else block >> 3)
    return end + (4 if frame[4] & 4 else 0)


def _check_content(plain: bytes | memoryview, info: RecordInfo, origin: str) -> None:
    if info.kind in _NAMED_BY_CONTENT and blake3(plain).digest() != info.id:
        raise _record_damaged(origin, info.offset, "its bytes are not those that its id names")


def _as_reader(
    source: bytes | memoryview | ReadRange, size_bytes: int | None
) -> tuple[ReadRange, int]:
    if isinstance(source, bytes | memoryview):
        view = memoryview(source)
        return lambda offset, length: bytes(view[offset : offset + length]), len(view)
    if size_bytes is None:
        raise ValueError("a pack that is read by ranges needs its size")
    return source, size_bytes


def _decode_rows(rows: bytes, footer_offset: int, origin: str) -> list[RecordInfo]:
    infos = []
    end = len(PACK_HEADER)
    for kind, codec, zero, plain_bytes, stored_bytes, offset, id in _ROW.iter_unpack(rows):
        reason = _explain_fields(kind, codec, zero, plain_bytes, stored_bytes)
        if reason is None and offset != end:
            reason = "it does not begin where the last one ends"
        if reason:
            raise _record_damaged(origin, offset, reason)
        infos.append(
            RecordInfo(_KINDS[kind], id, _CODECS[codec], offset, stored_bytes, plain_bytes)
        )
        end += RECORD_HEADER_BYTES + stored_bytes
    if end != footer_offset:
        raise _pack_damaged(origin, "its records do not end where its footer begins")
    return infos


def _explain_fields(
    kind: int, codec: int, zero: int, plain_bytes: int, stored_bytes: int
) -> str | None:
    known = _KINDS.get(kind)
    if known is None:
        return f"its kind {kind} is unknown"
    if codec not in _CODECS:
        return f"its codec {codec} is unknown"
    if zero:
        return "its reserved bytes are not zero"
    if plain_bytes > MAX_PLAIN_BYTES[known]:
        return f"it claims {plain_bytes} bytes, more than its kind may have"
    fits = stored_bytes == plain_bytes if codec == Codec.RAW else stored_bytes < plain_bytes
    if not fits:
        return f"it stores {plain_bytes} bytes as {stored_bytes}"
    return None


def _checked_payload(
    view: bytes | memoryview, info: RecordInfo, origin: str, base_offset: int
) -> memoryview:
    kind, id, codec, offset, stored_bytes, plain_bytes = info
    start = offset - base_offset
    middle = start + RECORD_HEADER_BYTES
    view = memoryview(view)
    if start < 0 or middle + stored_bytes > len(view):
        raise _record_damaged(origin, offset, "the pack is cut short")
    head = _HEAD.pack(kind, codec, 0, plain_bytes, stored_bytes, id)
    payload = view[middle : middle + stored_bytes]
    if view[start:middle] != head + _checksum(head, payload):
        raise _record_damaged(origin, offset, "its bytes do not match its checksum")
    return payload


def _checksum(head: bytes, payload: bytes | memoryview) -> bytes:
    """Return a record's checksum; what is short is hashed in one piece, which is twice as fast."""
    if len(payload) <= _SHORT_BYTES:
        return blake3(b"".join((head, payload))).digest(_CHECKSUM_BYTES)
    hasher = blake3(head)
    hasher.update(payload)
    return hasher.digest(_CHECKSUM_BYTES)


def _decompress(payload: memoryview, info: RecordInfo, origin: str) -> bytes:
    if info.plain_bytes > MAX_PLAIN_BYTES[info.kind]:
        raise _record_damaged(origin, info.offset, "it claims more bytes than its kind may have")
    try:
        if zstandard.frame_content_size(payload) != info.plain_bytes:
            raise _record_damaged(origin, info.offset, "its compressed size is not what it says")
        plain: bytes = _decompressor().decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError as error:
        reason = "it cannot be decompressed"
        raise _record_damaged(origin, info.offset, reason) from error
    return plain


def _decompressor() -> zstandard.ZstdDecompressor:
    found: zstandard.ZstdDecompressor | None = getattr(_per_thread, "decompressor", None)
    if found is None:
        found = _per_thread.decompressor = zstandard.ZstdDecompressor()
    return found


def _footer_checksum(rows: bytes, offset: int, count: int) -> bytes:
    return blake3(rows + struct.pack(">QI", offset, count)).digest(16)


def _check_pack_header(head: bytes, origin: str) -> None:
    if head == PACK_HEADER:
        return
    if len(head) == len(PACK_HEADER) and head[:-1] == PACK_HEADER[:-1]:
        raise UnsupportedError(
            f"The pack {origin} has format {head[-1]}; this version reads format {FORMAT}.",
            code="format-newer",
            hints=("pip install --upgrade jupyter-mlops",),
        )
    raise _pack_damaged(origin, "it does not begin as one")


def _pack_damaged(origin: str, reason: str) -> IntegrityError:
    return IntegrityError(
        f"The pack {origin} is damaged: {reason}.",
        code="pack-damaged",
        hints=("jupyter mlops repair",),
    )


def _record_damaged(origin: str, offset: int, reason: str) -> IntegrityError:
    return IntegrityError(
        f"The record at byte {offset} of the pack {origin} is damaged: {reason}.",
        code="record-damaged",
        hints=("jupyter mlops repair",),
    )
