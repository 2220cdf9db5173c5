from __future__ import annotations

import struct
import threading
from collections.abc import Callable

import pytest
import zstandard
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError, MlopsError, UnsupportedError
from jupyter_mlops.formats.pack import (
    MAX_PLAIN_BYTES,
    PACK_HEADER,
    RECORD_HEADER_BYTES,
    TRAILER_BYTES,
    Codec,
    RecordInfo,
    RecordKind,
    decode_footer,
    decode_named,
    decode_record,
    encode_footer,
    encode_record_header,
    scan_records,
    verify_records,
)
from jupyter_mlops.ids import Hash, hash_bytes
from tests.formats.samples import (
    DIGITS,
    DIGITS_ZSTD,
    INFOS,
    PACK,
    RECORDS,
    Record,
    build_pack,
    raw_chunk,
)
from tests.support import second_reader

FOOTER_BYTES = 8 + 52 * len(INFOS) + TRAILER_BYTES


def compressed_chunk(content: bytes) -> Record:
    payload = zstandard.ZstdCompressor(level=1).compress(content)
    if len(payload) >= len(content):
        return raw_chunk(content)
    return RecordKind.CHUNK, hash_bytes(content), Codec.ZSTD, len(content), payload


contents = st.binary(max_size=300) | st.binary(min_size=1, max_size=9).map(lambda b: b * 200)
records = st.lists(
    contents.map(raw_chunk)
    | contents.map(compressed_chunk)
    | contents.map(lambda b: (RecordKind.OUTPUTS, hash_bytes(b[:1]), Codec.RAW, len(b), b)),
    min_size=1,
    max_size=8,
)


@given(records)
def test_what_is_written_is_read_back(written: list[Record]) -> None:
    pack, infos = build_pack(written)
    assert decode_footer(pack, origin="p") == infos
    assert list(scan_records(pack, origin="p")) == infos
    verify_records(pack, infos, origin="p")
    second = second_reader.read_record_pack(pack)
    for info, other in zip(infos, second, strict=True):
        assert decode_record(pack, info, origin="p") == other["plain"]
        assert decode_named(pack, info, origin="p") == other["plain"]
        assert (info.kind.name, info.codec.name) == (other["kind"], other["codec"])
        assert (info.id.hex(), info.offset) == (other["id"], other["offset"])
        assert info.stored_bytes == other["stored_bytes"]


def test_the_footer_is_read_by_ranges() -> None:
    asked: list[tuple[int, int]] = []

    def read(offset: int, length: int) -> bytes:
        asked.append((offset, length))
        return PACK[offset : offset + length]

    assert decode_footer(read, len(PACK), origin="p") == INFOS
    assert len(asked) == 3
    assert sum(length for _, length in asked) == 8 + FOOTER_BYTES


def test_reading_by_ranges_needs_the_size() -> None:
    with pytest.raises(ValueError):
        decode_footer(lambda offset, length: b"", origin="p")


def test_a_record_is_read_from_a_part_of_the_pack() -> None:
    info = INFOS[2]
    part = PACK[info.offset : info.offset + RECORD_HEADER_BYTES + info.stored_bytes]
    assert decode_record(part, info, origin="p", base_offset=info.offset) == DIGITS
    with pytest.raises(IntegrityError, match="cut short"):
        decode_record(part, info, origin="p", base_offset=info.offset + 1)


def test_records_are_decoded_in_threads() -> None:
    pack, infos = build_pack([compressed_chunk(bytes([n]) * 5_000) for n in range(50)])
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for info in infos:
                assert hash_bytes(decode_record(pack, info, origin="p")) == info.id
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def read_everything(pack: bytes) -> None:
    for info in decode_footer(pack, origin="p"):
        decode_record(pack, info, origin="p")


def scan_everything(pack: bytes) -> None:
    for info in scan_records(pack, origin="p"):
        decode_record(pack, info, origin="p")


def test_each_changed_byte_is_noticed() -> None:
    for position in range(len(PACK)):
        damaged = bytearray(PACK)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(MlopsError) as caught:
            read_everything(bytes(damaged))
        assert caught.value.code in ("pack-damaged", "record-damaged", "format-newer")
        with pytest.raises((second_reader.NotValid, second_reader.Newer)):
            second_reader.read_record_pack(bytes(damaged))


def test_each_changed_byte_of_a_record_is_noticed_without_the_footer() -> None:
    for position in range(len(PACK) - FOOTER_BYTES):
        damaged = bytearray(PACK)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(MlopsError):
            scan_everything(bytes(damaged))


def test_each_changed_byte_of_a_new_pack_is_noticed() -> None:
    for position in range(len(PACK_HEADER), len(PACK) - FOOTER_BYTES):
        damaged = bytearray(PACK)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(IntegrityError):
            verify_records(bytes(damaged), INFOS, origin="p")


def test_a_part_of_a_new_pack_is_verified() -> None:
    info = INFOS[2]
    part = PACK[info.offset : info.offset + RECORD_HEADER_BYTES + info.stored_bytes]
    verify_records(part, [info], origin="p", base_offset=info.offset)
    with pytest.raises(IntegrityError, match="cut short"):
        verify_records(part, INFOS[2:4], origin="p", base_offset=info.offset)


@pytest.mark.parametrize("read", [read_everything, second_reader.read_record_pack])
def test_each_shortened_pack_is_noticed(read: Callable[[bytes], object]) -> None:
    for length in range(len(PACK)):
        with pytest.raises((IntegrityError, second_reader.NotValid)):
            read(PACK[:length])
    with pytest.raises((IntegrityError, second_reader.NotValid)):
        read(PACK + b"\0")


def test_records_before_the_damage_are_found_without_the_footer() -> None:
    for cut in range(len(PACK_HEADER), len(PACK) - FOOTER_BYTES):
        whole = [i for i in INFOS if i.offset + RECORD_HEADER_BYTES + i.stored_bytes <= cut]
        found = []
        with pytest.raises(IntegrityError):
            for info in scan_records(PACK[:cut], origin="p"):
                found.append(info)
        assert found == whole


def _forge(
    kind: int, codec: int, plain_bytes: int, payload: bytes, content: bytes, zero: int = 0
) -> bytes:
    """Return a pack of one record whose checksums are right, whatever it claims."""
    fields = bytes([kind, codec, 0, zero]) + plain_bytes.to_bytes(4, "big")
    fields += len(payload).to_bytes(4, "big")
    checksum = blake3(fields + content + payload).digest(8)
    body = PACK_HEADER + fields + content + checksum + payload
    rows = fields + (8).to_bytes(8, "big") + content
    trailer = len(body).to_bytes(8, "big") + (1).to_bytes(4, "big")
    return b"".join(
        [body, b"mlopsFT\0", rows, trailer, blake3(rows + trailer).digest(16), b"mlopsEN\0"]
    )


BOMB = zstandard.ZstdCompressor().compress(bytes(10_000_000))
UNSIZED = zstandard.ZstdCompressor(write_content_size=False).compress(DIGITS)
DIGITS_ID = hash_bytes(DIGITS)


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (_forge(0, 0, 1, b"x", hash_bytes(b"x")), "its kind 0 is unknown"),
        (_forge(6, 0, 1, b"x", hash_bytes(b"x")), "its kind 6 is unknown"),
        (_forge(1, 2, 1, b"x", hash_bytes(b"x")), "its codec 2 is unknown"),
        (_forge(1, 0, 1, b"x", hash_bytes(b"x"), zero=1), "its reserved bytes are not zero"),
        (_forge(1, 0, 2, b"x", hash_bytes(b"x")), "it stores 2 bytes as 1"),
        (_forge(1, 1, 1, b"xx", hash_bytes(b"x")), "it stores 1 bytes as 2"),
        (_forge(1, 0, 1, b"x", hash_bytes(b"y")), "its bytes are not those that its id names"),
        (_forge(3, 0, 1, b"x", hash_bytes(b"y")), "its bytes are not those that its id names"),
        (_forge(1, 1, 2**32 - 1, BOMB, DIGITS_ID), "more than its kind may have"),
        (_forge(1, 1, 10_000, BOMB, DIGITS_ID), "its compressed size is not what it says"),
        (_forge(1, 1, 1_000, UNSIZED, DIGITS_ID), "its compressed size is not what it says"),
        (_forge(1, 1, 1_000, b"not zstd", DIGITS_ID), "it cannot be decompressed"),
        (_forge(1, 1, 1_000, DIGITS_ZSTD[:-1], DIGITS_ID), "it cannot be decompressed"),
        (_forge(1, 1, 1_000, DIGITS_ZSTD + b"x", DIGITS_ID), "it cannot be decompressed"),
    ],
)
def test_a_record_that_lies_is_refused(pack: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        read_everything(pack)
    assert caught.value.message.startswith("The record at byte 8 of the pack p is damaged: ")
    assert caught.value.message.endswith(f"{reason}.")
    assert caught.value.code == "record-damaged"
    with pytest.raises(IntegrityError):
        scan_everything(pack)
    with pytest.raises(second_reader.NotValid):
        second_reader.read_record_pack(pack)


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (_forge(1, 0, 1, b"x", hash_bytes(b"y")), "its bytes are not those that its id names"),
        (_forge(1, 1, 1_000, DIGITS_ZSTD, hash_bytes(b"y")), "those that its id names"),
        (_forge(1, 1, 10_000, BOMB, DIGITS_ID), "its compressed size is not what it says"),
        (_forge(1, 1, 1_000, UNSIZED, DIGITS_ID), "cannot be decompressed"),
        (_forge(1, 1, 1_000, b"not zstd", DIGITS_ID), "cannot be decompressed"),
        (_forge(1, 1, 1_000, DIGITS_ZSTD[:-1], DIGITS_ID), "cannot be decompressed"),
    ],
)
def test_a_record_of_a_new_pack_that_lies_is_refused(pack: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        verify_records(pack, decode_footer(pack, origin="p"), origin="p")
    assert caught.value.message.endswith(f"{reason}.")
    assert caught.value.code == "record-damaged"


def test_the_forger_can_also_tell_the_truth() -> None:
    read_everything(_forge(1, 1, 1_000, DIGITS_ZSTD, DIGITS_ID))


def test_no_wrong_byte_is_returned_of_a_record_that_its_id_names() -> None:
    whole = [decode_record(PACK, info, origin="p") for info in INFOS]
    refused = 0
    for at in range(len(PACK)):
        changed = PACK[:at] + bytes([PACK[at] ^ 1]) + PACK[at + 1 :]
        for info, plain in zip(INFOS, whole, strict=True):
            try:
                assert decode_named(changed, info, origin="p") == plain
            except IntegrityError:
                refused += 1
    assert refused >= sum(info.stored_bytes for info in INFOS)


@pytest.mark.parametrize("info", [info for info in INFOS if info.stored_bytes])
@pytest.mark.parametrize("field", ["id", "codec", "offset", "stored_bytes", "plain_bytes"])
def test_a_record_is_not_what_an_index_says_wrongly(info: RecordInfo, field: str) -> None:
    wrong = {
        "id": info._replace(id=Hash(bytes(32))),
        "codec": info._replace(codec=Codec.RAW if info.codec is Codec.ZSTD else Codec.ZSTD),
        "offset": info._replace(offset=info.offset - 1),
        "stored_bytes": info._replace(stored_bytes=info.stored_bytes - 1),
        "plain_bytes": info._replace(plain_bytes=info.plain_bytes - 1),
    }
    with pytest.raises(IntegrityError):
        decode_named(PACK, wrong[field], origin="p")


def test_an_index_cannot_lead_to_more_than_a_kind_may_have() -> None:
    info = RecordInfo(RecordKind.CHUNK, DIGITS_ID, Codec.ZSTD, 8, len(BOMB), 2**32 - 1)
    with pytest.raises(IntegrityError, match="more bytes than its kind may have"):
        decode_record(_forge(1, 1, 2**32 - 1, BOMB, DIGITS_ID), info, origin="p")
    with pytest.raises(IntegrityError, match="more bytes than its kind may have"):
        decode_named(_forge(1, 1, 2**32 - 1, BOMB, DIGITS_ID), info, origin="p")


def test_a_record_read_at_another_place_is_refused() -> None:
    with pytest.raises(IntegrityError, match="do not match its checksum"):
        decode_record(PACK, INFOS[1]._replace(offset=INFOS[2].offset), origin="p")


def test_a_newer_format_asks_for_an_upgrade() -> None:
    newer = b"mlopsPK\x01" + PACK[8:]
    with pytest.raises(UnsupportedError) as caught:
        decode_footer(newer, origin="p")
    assert caught.value.code == "format-newer"
    with pytest.raises(UnsupportedError):
        next(scan_records(newer, origin="p"))


def test_a_huge_count_is_refused_before_it_is_believed() -> None:
    trailer = (2**40).to_bytes(8, "big") + b"\xff" * 4 + bytes(16) + b"mlopsEN\0"
    with pytest.raises(IntegrityError, match="does not end where its trailer begins"):
        decode_footer(PACK[:-TRAILER_BYTES] + trailer, origin="p")


@pytest.mark.parametrize(
    ("kind", "content", "codec", "plain_bytes", "payload"),
    [
        (RecordKind.CHUNK, DIGITS_ID, Codec.RAW, 3, b"xx"),
        (RecordKind.CHUNK, DIGITS_ID, Codec.ZSTD, 2, b"xx"),
        (RecordKind.CHUNK, Hash(b"short"), Codec.RAW, 2, b"xx"),
        (RecordKind.CHUNK, DIGITS_ID, Codec.ZSTD, MAX_PLAIN_BYTES[RecordKind.CHUNK] + 1, b"xx"),
    ],
)
def test_a_record_that_would_be_refused_is_not_written(
    kind: RecordKind, content: Hash, codec: Codec, plain_bytes: int, payload: bytes
) -> None:
    with pytest.raises(ValueError):
        encode_record_header(kind, content, codec, plain_bytes, payload)


def test_a_footer_describes_records_that_follow_one_another() -> None:
    with pytest.raises(ValueError):
        encode_footer([])
    with pytest.raises(ValueError):
        encode_footer(INFOS[1:])
    with pytest.raises(ValueError):
        encode_footer(list(reversed(INFOS)))


def _with_footer(infos: list[RecordInfo]) -> bytes:
    """Return the sample pack with a footer of these rows, which has its right checksum."""
    end = len(PACK) - FOOTER_BYTES
    rows = b"".join(
        struct.pack(">BBHIIQ32s", kind, codec, 0, plain_bytes, stored_bytes, offset, id)
        for kind, id, codec, offset, stored_bytes, plain_bytes in infos
    )
    tail = struct.pack(">QI", end, len(infos))
    checksum = blake3(rows + tail).digest(16)
    mark = PACK[end : end + 8]
    return PACK[:end] + mark + rows + tail + checksum + PACK[-8:]


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_footer_whose_records_leave_a_gap_or_overlap_is_damage(shift: int) -> None:
    assert decode_footer(_with_footer(INFOS), origin="p") == INFOS
    moved = [*INFOS[:1], INFOS[1]._replace(offset=INFOS[1].offset + shift), *INFOS[2:]]
    with pytest.raises(IntegrityError, match="does not begin where the last one ends"):
        decode_footer(_with_footer(moved), origin="p")


def test_a_footer_that_leaves_a_record_out_is_damage() -> None:
    with pytest.raises(IntegrityError, match="do not end where its footer begins"):
        decode_footer(_with_footer(INFOS[:-1]), origin="p")


@pytest.mark.parametrize("id", [Hash(bytes(32)), Hash(b"\xff" * 32)])
@pytest.mark.parametrize("kind", [RecordKind.CHUNK, RecordKind.TREE])
def test_bytes_of_another_hash_are_refused_be_it_smaller_or_greater(
    kind: RecordKind, id: Hash
) -> None:
    pack, infos = build_pack([(kind, id, Codec.RAW, 2, b"{}")])
    with pytest.raises(IntegrityError, match="not those that its id names"):
        decode_record(pack, infos[0], origin="p")


def test_the_limits_are_those_of_the_format() -> None:
    mebibytes = {kind.name: limit / 2**20 for kind, limit in MAX_PLAIN_BYTES.items()}
    assert mebibytes == {"CHUNK": 16, "FILE": 256, "TREE": 256, "OUTPUTS": 256}


def test_every_kind_of_record_is_among_the_samples() -> None:
    assert {kind for kind, *_ in RECORDS} == set(RecordKind)


def test_a_pack_that_holds_nothing_is_none() -> None:
    counts = struct.pack(">QI", len(PACK_HEADER), 0)
    empty = b"".join([PACK_HEADER, b"mlopsFT\0", counts, blake3(counts).digest(16), b"mlopsEN\0"])
    for pack in (empty, PACK_HEADER, PACK[: len(PACK_HEADER) + TRAILER_BYTES]):
        with pytest.raises(IntegrityError, match="cut short"):
            decode_footer(pack, origin="p")
