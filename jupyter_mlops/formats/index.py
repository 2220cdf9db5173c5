"""Index segments: where each record is, made to be searched in place; docs/formats/index.md."""

from __future__ import annotations

import operator
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from mmap import mmap
from typing import NamedTuple

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.pack import (
    MAX_PLAIN_BYTES,
    RECORD_HEADER_BYTES,
    Codec,
    RecordInfo,
    RecordKind,
)
from jupyter_mlops.ids import HASH_BYTES, Hash

FORMAT = 0

_MAGIC = b"mlopsIX" + bytes([FORMAT])
_HEAD = struct.Struct(">8sIII")
_PACK = struct.Struct(">32sQB")
_ROW = struct.Struct(">BIQBII")
_FAN = struct.Struct(">II")
_BOUND = struct.Struct(">I")
_VERIFIED_ROWS = 1 << 16
_READ_ROWS = 1 << 12
_PLAIN = 1
_MAX_FAN_BITS = 24
_MOST_BYTES = {int(kind): most for kind, most in MAX_PLAIN_BYTES.items()}
_KINDS = {int(kind): kind for kind in RecordKind}
_CODECS = {int(codec): codec for codec in Codec}


class PackEntry(NamedTuple):
    """One pack that a segment speaks of; ``plain`` tells a plain pack from a record pack."""

    hash: Hash
    plain: bool
    size_bytes: int


class Place(NamedTuple):
    """Where one record is. In a plain pack ``offset`` is that of the bytes themselves."""

    pack: Hash
    plain: bool
    kind: RecordKind
    codec: Codec
    offset: int
    stored_bytes: int
    plain_bytes: int

    def info(self, id: Hash) -> RecordInfo:
        """Return the same of the record ``id``, as its pack's own table has it."""
        return RecordInfo(
            self.kind, id, self.codec, self.offset, self.stored_bytes, self.plain_bytes
        )


def encode_index(packs: Sequence[PackEntry], rows: Iterable[tuple[int, RecordInfo]]) -> bytes:
    """Return the one encoding of a segment; its name is the BLAKE3 of it.

    Args:
        packs: the packs, each once, in any order.
        rows: each record with the number of its pack in ``packs``, in any order.

    Raises:
        ValueError: a pack or a record stands there twice. That records lie inside their packs is
            the caller's word; :func:`verify` checks it.
    """
    order = sorted(range(len(packs)), key=lambda number: packs[number].hash)
    ranks = [0] * len(packs)
    for rank, number in enumerate(order):
        ranks[number] = rank
    pack_row = _ROW.pack
    lines = [
        id + pack_row(kind, ranks[number], offset, codec, stored_bytes, plain_bytes)
        for number, (kind, id, codec, offset, stored_bytes, plain_bytes) in rows
    ]
    lines.sort()
    if any(map(operator.eq, lines, islice(lines, 1, None))):
        raise ValueError("not an index: a record stands there twice")
    ordered = [packs[number] for number in order]
    reason = _explain_packs(ordered)
    if reason:
        raise ValueError(f"not an index: {reason}")
    ids = [line[:HASH_BYTES] for line in lines]
    fan_bits = _fan_bits(len(ids))
    body = b"".join(
        [
            _HEAD.pack(_MAGIC, fan_bits, len(packs), len(ids)),
            *[_PACK.pack(hash, size_bytes, plain) for hash, plain, size_bytes in ordered],
            _encode_fan(ids, fan_bits),
            *ids,
            *[line[HASH_BYTES:] for line in lines],
        ]
    )
    return body + blake3(body).digest()


class IndexView:
    """A segment searched where it lies; thread-safe, reads nothing but what it needs.

    Opening checks the header and that every part lies inside ``buffer``; :func:`verify` checks the
    rest. A search never reads outside of it, and reports a place that no segment can hold.

    Args:
        buffer: the segment's bytes, or a map of its file, which the caller keeps open as long as
            the view is used.
        origin: names the segment in errors.

    Raises:
        IntegrityError: the header or the length is not what the format says.
        UnsupportedError: a newer format.
    """

    __slots__ = ("_buffer", "_count", "_fan", "_ids", "_rows", "_shift", "origin", "packs")

    def __init__(self, buffer: bytes | mmap, *, origin: str) -> None:
        head = bytes(buffer[: _HEAD.size])
        _check_head(head, origin)
        _, fan_bits, pack_count, count = _HEAD.unpack(head)
        self.origin = origin
        self._buffer = buffer
        self._count: int = count
        self._shift = 32 - fan_bits
        if fan_bits != _fan_bits(count):
            raise _damaged(origin, f"its fan-out has {fan_bits} bits")
        self._fan: int = _HEAD.size + pack_count * _PACK.size
        self._ids: int = self._fan + 4 * ((1 << fan_bits) + 1)
        self._rows = self._ids + count * HASH_BYTES
        if self._rows + count * _ROW.size + HASH_BYTES != len(buffer):
            raise _damaged(origin, "its length is not what its header says")
        table = _PACK.iter_unpack(buffer[_HEAD.size : self._fan])
        self.packs = tuple([PackEntry(Hash(h), bool(plain), size) for h, size, plain in table])

    def __len__(self) -> int:
        """Return the number of records."""
        return self._count

    def __iter__(self) -> Iterator[tuple[Hash, Place]]:
        """Yield every record's id and place, sorted by id, kind, pack, offset."""
        for number in range(self._count):
            start = self._ids + number * HASH_BYTES
            yield Hash(bytes(self._buffer[start : start + HASH_BYTES])), self._place(number)

    def iter_infos(self) -> Iterator[tuple[int, RecordInfo]]:
        """Yield every record as its pack's own table has it, with the pack's number, in order."""
        for first in range(0, self._count, _READ_ROWS):
            last = min(first + _READ_ROWS, self._count)
            ids = self._buffer[self._ids + first * HASH_BYTES : self._ids + last * HASH_BYTES]
            rows = self._buffer[self._rows + first * _ROW.size : self._rows + last * _ROW.size]
            at = 0
            for kind, pack, offset, codec, stored_bytes, plain_bytes in _ROW.iter_unpack(rows):
                id = Hash(ids[at : at + HASH_BYTES])
                at += HASH_BYTES
                if kind not in _KINDS or codec not in _CODECS or pack >= len(self.packs):
                    number = first + at // HASH_BYTES - 1
                    raise _damaged(self.origin, f"its record {number} is not one")
                yield (
                    pack,
                    RecordInfo(_KINDS[kind], id, _CODECS[codec], offset, stored_bytes, plain_bytes),
                )

    def iter_ids(self) -> Iterator[Hash]:
        """Yield every record's id, sorted, without looking at its place."""
        ids = self._buffer[self._ids : self._rows]
        return (Hash(ids[start : start + HASH_BYTES]) for start in range(0, len(ids), HASH_BYTES))

    def find(self, kind: RecordKind, id: Hash) -> list[Place]:
        """Return every place of that record, in the segment's order; empty when there is none."""
        number = self._first(id)
        places = []
        while 0 <= number < self._count:
            start = self._ids + number * HASH_BYTES
            if self._buffer[start : start + HASH_BYTES] != id:
                break
            if self._buffer[self._rows + number * _ROW.size] == kind:
                places.append(self._place(number))
            number += 1
        return places

    def find_first(self, kind: RecordKind, id: Hash) -> Place | None:
        """Return the first place of that record, None when there is none."""
        number = self._first(id)
        if number < 0:
            return None
        if self._buffer[self._rows + number * _ROW.size] == kind:
            return self._place(number)
        places = self.find(kind, id)
        return places[0] if places else None

    def _first(self, id: Hash) -> int:
        """Return the number of the first record of ``id``, a negative one where there is none."""
        prefix = int.from_bytes(id[:4], "big") >> self._shift
        low, high = _FAN.unpack_from(self._buffer, self._fan + 4 * prefix)
        if not low <= high <= self._count:
            raise _damaged(self.origin, "its fan-out table is out of order")
        start = self._ids + low * HASH_BYTES
        end = self._ids + high * HASH_BYTES
        found: int = self._buffer.find(id, start, end)
        while found >= 0 and (found - start) % HASH_BYTES:
            found = self._buffer.find(id, found + 1, end)
        return (found - self._ids) // HASH_BYTES

    def _place(self, number: int) -> Place:
        kind, pack, offset, codec, stored_bytes, plain_bytes = _ROW.unpack_from(
            self._buffer, self._rows + number * _ROW.size
        )
        try:
            content, plain, _ = self.packs[pack]
            return Place(
                content, plain, _KINDS[kind], _CODECS[codec], offset, stored_bytes, plain_bytes
            )
        except (IndexError, KeyError):
            raise _damaged(self.origin, f"its record {number} is not one") from None


def verify(view: IndexView) -> None:
    """Read the whole segment and let it pass if it is the one encoding of what it says.

    Raises:
        IntegrityError: its checksum, its order or a record is wrong.
    """
    buffer = view._buffer
    end = len(buffer) - HASH_BYTES
    if blake3(memoryview(buffer)[:end]).digest() != buffer[end:]:
        raise _damaged(view.origin, "its bytes do not match its checksum")
    flags = buffer[_HEAD.size : view._fan]
    if any(plain > _PLAIN for _, _, plain in _PACK.iter_unpack(flags)):
        raise _damaged(view.origin, "a pack is of an unknown sort")
    reason = _explain_packs(view.packs) or _explain_fan(view)
    last = b""
    for first in range(0, view._count, _VERIFIED_ROWS):
        if reason:
            break
        numbers = range(first, min(first + _VERIFIED_ROWS, view._count))
        lines = [_line(view, number) for number in numbers]
        reason = _explain_lines(lines, view.packs)
        if reason is None and (
            (first and last >= lines[0]) or any(map(operator.ge, lines, islice(lines, 1, None)))
        ):
            reason = "its records are out of order"
        if reason is None and not _bears_out_fan(view, first, lines):
            reason = "its fan-out table is wrong"
        last = lines[-1]
    if reason:
        raise _damaged(view.origin, reason)


def _line(view: IndexView, number: int) -> bytes:
    """Return the id and the row of a record in one."""
    id, row = view._ids + number * HASH_BYTES, view._rows + number * _ROW.size
    return view._buffer[id : id + HASH_BYTES] + view._buffer[row : row + _ROW.size]


def _explain_fan(view: IndexView) -> str | None:
    """Say what is wrong with the fan-out table whatever the ids are."""
    table = memoryview(view._buffer)[view._fan : view._ids]
    before = 0
    first = True
    for (bound,) in _BOUND.iter_unpack(table):
        if bound < before or (first and bound):
            return "its fan-out table is wrong"
        before, first = bound, False
    return None if before == view._count else "its fan-out table is wrong"


def _bears_out_fan(view: IndexView, first: int, lines: Sequence[bytes]) -> bool:
    """Return whether each of ``lines``, from the ``first`` record on, stands in its bucket.

    With bounds that never fall from 0 to the number of ids there is one table of which this holds.
    """
    unpack, buffer, fan, shift = _FAN.unpack_from, view._buffer, view._fan, view._shift
    for number, line in enumerate(lines, first):
        low, high = unpack(buffer, fan + 4 * (int.from_bytes(line[:4], "big") >> shift))
        if not low <= number < high:
            return False
    return True


def _fan_bits(count: int) -> int:
    """Return how many leading bits of an id choose its bucket; one holds 16 ids on average."""
    return min(_MAX_FAN_BITS, max(0, count.bit_length() - 4))


def _encode_fan(ids: Sequence[bytes], fan_bits: int) -> bytes:
    shift = 32 - fan_bits
    bounds = [
        bisect_left(ids, (bucket << shift).to_bytes(4, "big")) for bucket in range(1 << fan_bits)
    ]
    return struct.pack(f">{len(bounds) + 1}I", *bounds, len(ids))


def _explain_packs(packs: Sequence[PackEntry]) -> str | None:
    hashes = [pack.hash for pack in packs]
    if any(map(operator.ge, hashes, islice(hashes, 1, None))):
        return "a pack stands there twice or out of order"
    return None


def _explain_lines(lines: Sequence[bytes], packs: Sequence[PackEntry]) -> str | None:
    """Say what is wrong with lines of id and row, but for their order."""
    unpack = _ROW.unpack_from
    for line in lines:
        kind, pack, offset, codec, stored_bytes, plain_bytes = unpack(line, HASH_BYTES)
        if kind not in _KINDS or codec not in _CODECS or pack >= len(packs):
            return "a record's kind, codec or pack is unknown"
        _, plain, size_bytes = packs[pack]
        if stored_bytes > plain_bytes or plain_bytes > _MOST_BYTES[kind]:
            return "a record is larger than its kind may be"
        end = offset + stored_bytes
        if plain:
            if kind != RecordKind.CHUNK or codec != Codec.RAW or stored_bytes != plain_bytes:
                return "a plain pack is said to hold more than chunks as they are"
        else:
            end += RECORD_HEADER_BYTES
        if end > size_bytes:
            return "a record lies outside its pack"
    return None


def _check_head(head: bytes, origin: str) -> None:
    magic = head[: len(_MAGIC)]
    if magic != _MAGIC:
        if len(magic) == len(_MAGIC) and magic[:-1] == _MAGIC[:-1]:
            raise UnsupportedError(
                f"The index {origin} has format {magic[-1]}; this version reads format {FORMAT}.",
                code="format-newer",
                hints=("pip install --upgrade jupyter-mlops",),
            )
        raise _damaged(origin, "it does not begin as one")
    if len(head) < _HEAD.size:
        raise _damaged(origin, "it is cut short")


def _damaged(origin: str, reason: str) -> IntegrityError:
    return IntegrityError(
        f"The index {origin} is damaged: {reason}; it can be rebuilt from the packs.",
        code="index-damaged",
        hints=("jupyter mlops repair",),
    )
