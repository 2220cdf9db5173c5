from __future__ import annotations

import mmap
import struct
import tracemalloc
from pathlib import Path
from random import Random

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError, MlopsError, UnsupportedError
from jupyter_mlops.formats.index import IndexView, PackEntry, Place, encode_index, verify
from jupyter_mlops.formats.pack import MAX_PLAIN_BYTES, Codec, RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, hash_bytes
from tests.formats.samples import INFOS, PACKS, PLAIN, PLAIN_CUTS, ROWS, hashes
from tests.support import second_reader

SEGMENT = encode_index(PACKS, ROWS)
BIG = 2**40
Row = tuple[int, RecordInfo]


def places(packs: tuple[PackEntry, ...] | list[PackEntry], row: Row) -> tuple[Hash, Place]:
    number, (kind, content, codec, offset, stored_bytes, plain_bytes) = row
    pack = packs[number]
    return content, Place(pack.hash, pack.plain, kind, codec, offset, stored_bytes, plain_bytes)


close_ids = st.integers(0, 255).map(lambda n: Hash(bytes([n & 15]) + bytes(30) + bytes([n])))


@st.composite
def infos(draw: st.DrawFn) -> RecordInfo:
    kind = draw(st.sampled_from(RecordKind))
    plain_bytes = draw(st.integers(0, MAX_PLAIN_BYTES[kind]))
    stored_bytes = draw(st.integers(0, plain_bytes))
    id, codec = draw(hashes | close_ids), draw(st.sampled_from(Codec))
    return RecordInfo(kind, id, codec, draw(st.integers(0, 2**32)), stored_bytes, plain_bytes)


@st.composite
def segments(draw: st.DrawFn) -> tuple[list[PackEntry], list[Row]]:
    names = draw(st.lists(hashes, min_size=1, max_size=4, unique=True))
    packs = [PackEntry(name, False, BIG) for name in names]
    numbers = st.integers(0, len(packs) - 1)
    rows = draw(st.lists(st.tuples(numbers, infos()), max_size=40, unique=True))
    return packs, rows


@given(segments())
def test_every_record_is_found_and_nothing_else(segment: tuple[list[PackEntry], list[Row]]) -> None:
    packs, rows = segment
    data = encode_index(packs, rows)
    view = IndexView(data, origin="i")
    verify(view)
    expected = [places(packs, row) for row in rows]
    assert len(view) == len(rows)
    assert sorted(view) == sorted(expected)
    assert list(view.packs) == sorted(packs)
    told = [(view.packs[number], info) for number, info in view.iter_infos()]
    assert sorted(told) == sorted((packs[number], info) for number, info in rows)
    for content, place in expected:
        same = [p for other, p in expected if other == content and p.kind == place.kind]
        assert sorted(view.find(place.kind, content)) == sorted(same)
        assert view.find_first(place.kind, content) in same
    for kind in RecordKind:
        absent = hash_bytes(kind.name.encode())
        assert view.find(kind, absent) == []
        assert view.find_first(kind, absent) is None
    second = second_reader.read_index(data)
    assert [record["id"] for record in second["records"]] == [content.hex() for content, _ in view]
    assert [record["pack"] for record in second["records"]] == [p.pack.hex() for _, p in view]


@given(segments(), st.randoms())
def test_the_order_of_packs_and_records_does_not_matter(
    segment: tuple[list[PackEntry], list[Row]], random: Random
) -> None:
    packs, rows = segment
    data = encode_index(packs, rows)
    order = list(range(len(packs)))
    random.shuffle(order)
    shuffled = [(order.index(number), info) for number, info in rows]
    random.shuffle(shuffled)
    assert encode_index([packs[number] for number in order], shuffled) == data


def test_many_records_in_small_buckets() -> None:
    contents = [hash_bytes(n.to_bytes(4, "big")) for n in range(5_000)]
    rows = [
        (0, RecordInfo(RecordKind.CHUNK, content, Codec.RAW, n * 60, 8, 8))
        for n, content in enumerate(contents)
    ]
    view = IndexView(encode_index([PackEntry(contents[0], False, BIG)], rows), origin="i")
    verify(view)
    for n, content in enumerate(contents):
        place = view.find_first(RecordKind.CHUNK, content)
        assert place is not None and place.offset == n * 60
        assert view.find_first(RecordKind.FILE, content) is None


@pytest.mark.parametrize("there", [False, True])
def test_a_match_across_two_ids_is_none(there: bool) -> None:
    sought = Hash(b"b" * 32)
    contents = [Hash(b"a" * 16 + b"b" * 16), Hash(b"b" * 16 + b"c" * 16)]
    if there:
        contents.insert(1, sought)
    rows = [
        (0, RecordInfo(RecordKind.CHUNK, content, Codec.RAW, 8 + n, 1, 1))
        for n, content in enumerate(contents)
    ]
    view = IndexView(encode_index([PackEntry(sought, False, BIG)], rows), origin="i")
    assert [place.offset for place in view.find(RecordKind.CHUNK, sought)] == [9] * there
    first = view.find_first(RecordKind.CHUNK, sought)
    assert (first is not None and first.offset == 9) == there


def test_a_segment_is_searched_in_a_mapped_file(tmp_path: Path) -> None:
    path = tmp_path / "segment.idx"
    path.write_bytes(SEGMENT)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = IndexView(mapped, origin="i")
        verify(view)
        assert list(view) == list(IndexView(SEGMENT, origin="i"))
        assert view.find_first(RecordKind.CHUNK, INFOS[2].id) == places(PACKS, ROWS[2])[1]


def test_a_plain_pack_is_found_by_its_chunks() -> None:
    view = IndexView(SEGMENT, origin="i")
    place = view.find_first(RecordKind.CHUNK, hash_bytes(PLAIN[: PLAIN_CUTS[0]]))
    assert place is not None and place.plain
    assert (place.pack, place.offset, place.stored_bytes) == (PACKS[1].hash, 0, PLAIN_CUTS[0])


def test_of_several_outputs_all_are_found() -> None:
    view = IndexView(SEGMENT, origin="i")
    found = view.find(RecordKind.OUTPUTS, INFOS[-1].id)
    assert [place.offset for place in found] == [INFOS[-2].offset, INFOS[-1].offset]


def test_each_changed_byte_is_noticed() -> None:
    for position in range(len(SEGMENT)):
        damaged = bytearray(SEGMENT)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(MlopsError) as caught:
            verify(IndexView(bytes(damaged), origin="i"))
        assert caught.value.code in ("index-damaged", "format-newer")
        with pytest.raises((second_reader.NotValid, second_reader.Newer)):
            second_reader.read_index(bytes(damaged))


def test_each_other_length_is_noticed_on_opening() -> None:
    for length in range(len(SEGMENT)):
        with pytest.raises(IntegrityError):
            IndexView(SEGMENT[:length], origin="i")
    with pytest.raises(IntegrityError):
        IndexView(SEGMENT + b"\0", origin="i")


@given(st.data())
def test_searching_a_damaged_segment_never_breaks(data: st.DataObject) -> None:
    damaged = bytearray(SEGMENT)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    for content in {info.id for info in INFOS}:
        try:
            view = IndexView(bytes(damaged), origin="i")
            for kind in RecordKind:
                assert len(view.find(kind, content)) <= len(view)
                view.find_first(kind, content)
            list(view)
            list(view.iter_infos())
        except MlopsError as error:
            assert error.code in ("index-damaged", "format-newer")


def _sealed(body: bytes) -> bytes:
    return body + blake3(body).digest()


def _segment(
    *,
    bits: int = 0,
    packs: bytes = struct.pack(">32sQB", bytes(32), 1000, 0),
    fan: tuple[int, ...] = (0, 1),
    ids: bytes = b"i" * 32,
    rows: bytes = struct.pack(">BIQBII", 1, 0, 8, 0, 4, 4),
) -> bytes:
    head = struct.pack(">8sIII", b"mlopsIX\0", bits, len(packs) // 41, len(ids) // 32)
    return _sealed(head + packs + struct.pack(f">{len(fan)}I", *fan) + ids + rows)


def _row(*fields: int) -> bytes:
    return struct.pack(">BIQBII", *fields)


PLAIN_PACK = struct.pack(">32sQB", bytes(32), 1000, 1)


def test_the_forger_can_also_tell_the_truth() -> None:
    verify(IndexView(_segment(), origin="i"))
    second_reader.read_index(_segment())


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        (_segment(bits=1, fan=(0, 1, 1)), "its fan-out has 1 bits"),
        (_segment(fan=(0, 0)), "its fan-out table is wrong"),
        (_segment(fan=(1, 1)), "its fan-out table is wrong"),
        (_segment(packs=PLAIN_PACK[:-1] + b"\2"), "a pack is of an unknown sort"),
        (_segment(packs=PLAIN_PACK * 2), "a pack stands there twice or out of order"),
        (_segment(rows=_row(0, 0, 8, 0, 4, 4)), "a record's kind, codec or pack is unknown"),
        (_segment(rows=_row(6, 0, 8, 0, 4, 4)), "a record's kind, codec or pack is unknown"),
        (_segment(rows=_row(1, 1, 8, 0, 4, 4)), "a record's kind, codec or pack is unknown"),
        (_segment(rows=_row(1, 0, 8, 2, 4, 4)), "a record's kind, codec or pack is unknown"),
        (_segment(rows=_row(1, 0, 945, 0, 4, 4)), "a record lies outside its pack"),
        (_segment(rows=_row(1, 0, 2**63, 0, 4, 4)), "a record lies outside its pack"),
        (_segment(packs=PLAIN_PACK, rows=_row(1, 0, 997, 0, 4, 4)), "lies outside its pack"),
        (_segment(packs=PLAIN_PACK, rows=_row(2, 0, 0, 0, 4, 4)), "more than chunks as they are"),
        (_segment(packs=PLAIN_PACK, rows=_row(1, 0, 0, 1, 4, 5)), "more than chunks as they are"),
        (
            _segment(ids=b"b" * 32 + b"a" * 32, rows=_row(1, 0, 8, 0, 4, 4) * 2, fan=(0, 2)),
            "its records are out of order",
        ),
        (
            _segment(ids=b"a" * 64, rows=_row(1, 0, 8, 0, 4, 4) * 2, fan=(0, 2)),
            "its records are out of order",
        ),
    ],
)
def test_a_segment_that_lies_is_refused(segment: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        verify(IndexView(segment, origin="abc"))
    assert caught.value.message.startswith("The index abc is damaged: ")
    assert reason in caught.value.message
    assert caught.value.code == "index-damaged"
    with pytest.raises(second_reader.NotValid):
        second_reader.read_index(segment)


@pytest.mark.parametrize(
    "head",
    [
        struct.pack(">8sIII", b"mlopsIX\0", 24, 2**32 - 1, 2**32 - 1),
        struct.pack(">8sIII", b"mlopsIX\0", 0, 2**32 - 1, 0),
        struct.pack(">8sIII", b"mlopsIX\0", 2**32 - 1, 0, 0),
        b"mlopsIX\0",
        b"",
        b"mlopsPK\0",
    ],
)
def test_a_huge_count_is_refused_before_it_is_believed(head: bytes) -> None:
    with pytest.raises(IntegrityError):
        IndexView(head + bytes(100), origin="i")
    with pytest.raises(IntegrityError):
        IndexView(head, origin="i")


@pytest.mark.parametrize("fan", [(2, 2), (1, 0), (0, 2**32 - 1)])
def test_a_search_notices_a_fan_out_that_leads_outside(fan: tuple[int, ...]) -> None:
    view = IndexView(_segment(fan=fan), origin="i")
    with pytest.raises(IntegrityError, match="fan-out table is out of order"):
        view.find(RecordKind.CHUNK, Hash(b"i" * 32))


def test_a_search_notices_a_pack_that_is_none() -> None:
    view = IndexView(_segment(rows=_row(1, 7, 8, 0, 4, 4)), origin="i")
    with pytest.raises(IntegrityError, match="its record 0 is not one"):
        view.find_first(RecordKind.CHUNK, Hash(b"i" * 32))
    with pytest.raises(IntegrityError, match="its record 0 is not one"):
        list(view.iter_infos())


def test_a_newer_format_asks_for_an_upgrade() -> None:
    with pytest.raises(UnsupportedError) as caught:
        IndexView(b"mlopsIX\x01" + SEGMENT[8:], origin="i")
    assert caught.value.code == "format-newer"


def test_a_record_or_a_pack_twice_is_not_written() -> None:
    with pytest.raises(ValueError):
        encode_index(PACKS, [*ROWS, ROWS[0]])
    with pytest.raises(ValueError):
        encode_index([PACKS[0], PACKS[0]], ())


@pytest.mark.parametrize("shift", range(1, 32))
def test_an_id_is_found_where_it_begins_not_where_its_bytes_stand(shift: int) -> None:
    """The bytes of ``wanted`` stand across its own beginning, ``shift`` bytes before it."""
    wanted = Hash(b"\1" * 32)
    before = Hash(b"\1" * (31 - shift) + b"\0" + b"\1" * shift)
    rows = [(0, INFOS[0]._replace(id=id)) for id in (before, wanted)]
    view = IndexView(encode_index(PACKS[:1], rows), origin="i")
    for id in (before, wanted):
        found = view.find_first(INFOS[0].kind, id)
        assert found is not None and view.find(INFOS[0].kind, id) == [found]
    assert view.find_first(INFOS[0].kind, Hash(b"\1" * 31 + b"\2")) is None
    assert view.find(INFOS[0].kind, Hash(b"\1" * 31 + b"\2")) == []


def test_a_large_segment_is_verified_in_bounded_memory() -> None:
    pack = PackEntry(hash_bytes(b"pack"), False, BIG)
    rows = (
        RecordInfo(RecordKind.CHUNK, hash_bytes(b"%d" % number), Codec.RAW, number, 9, 9)
        for number in range(150_000)
    )
    view = IndexView(encode_index([pack], ((0, row) for row in rows)), origin="i")
    tracemalloc.start()
    try:
        verify(view)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 20 << 20
