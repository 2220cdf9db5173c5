from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.index import PackEntry, encode_index
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.check import check_store
from jupyter_mlops.objects.packs import pack_path, read_pack_table
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.objects.records import iter_copies, read_bytes
from jupyter_mlops.objects.repair import mend_index, mend_packs
from jupyter_mlops.objects.store import Store, open_store, write_segment
from jupyter_mlops.objects.writer import open_writer


def _add(store: Store, *contents: bytes) -> PackEntry:
    """Put ``contents`` into one new pack."""
    before = set(store.iter_packs())
    with open_writer(store) as writer:
        for content in contents:
            writer.add_chunk(content)
        writer.finish()
    (pack,) = set(store.iter_packs()) - before
    return pack


def _path(store: Store, pack: PackEntry) -> Path:
    return pack_path(store.folder, pack.hash, pack.plain)


def _damage(store: Store, pack: PackEntry, place: int) -> None:
    path = _path(store, pack)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.unlink()
    path.write_bytes(content)


def _key(content: bytes) -> tuple[RecordKind, Hash]:
    return RecordKind.CHUNK, hash_bytes(content)


def _read(store: Store, content: bytes) -> bytes:
    return read_file(open_store(store.folder), Entry(Mode.FILE, hash_bytes(content), len(content)))


def test_a_whole_store_has_no_damage(store: Store) -> None:
    assert check_store(store).packs == 0
    for content in (b"one", b"two"):
        _add(store, content)
    for read_data in (False, True):
        found = check_store(open_store(store.folder), read_data=read_data)
        assert (found.packs, found.records) == (2, 2)
        assert not (found.damaged_packs or found.damaged_segments or found.lost or found.hidden)


def test_a_damaged_byte_is_found_by_reading(store: Store) -> None:
    pack = _add(store, b"one" * 50, b"two" * 50)
    place = store.locate(*_key(b"one" * 50))
    assert place is not None
    _damage(store, pack, place.offset + 60)

    assert not check_store(open_store(store.folder)).damaged_packs
    found = check_store(open_store(store.folder), read_data=True)

    (damaged,) = found.damaged_packs
    assert damaged.pack == pack and damaged.on_disk
    assert damaged.lost == found.lost == {_key(b"one" * 50)}
    assert damaged.whole_keys() == {_key(b"two" * 50)}


def test_what_another_pack_has_is_not_lost(store: Store) -> None:
    first = _add(store, b"one" * 50, b"more")
    os.rename(_path(store, first), store.folder / "away")
    store.reload()
    second = _add(store, b"one" * 50)
    os.rename(store.folder / "away", _path(store, first))
    _damage(store, second, 70)

    found = check_store(open_store(store.folder), read_data=True)

    assert [one.pack for one in found.damaged_packs] == [second]
    assert not found.lost
    assert _read(store, b"one" * 50) == b"one" * 50


def test_a_pack_of_another_size_is_found_at_once(store: Store) -> None:
    pack = _add(store, b"content")
    with open(_path(store, pack), "ab") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(b"more")

    found = check_store(open_store(store.folder))

    (damaged,) = found.damaged_packs
    assert "bytes" in damaged.reason
    assert found.hidden == {_key(b"content")}
    assert not found.lost


def test_a_pack_that_is_gone_is_damage_where_its_content_is_nowhere_else(store: Store) -> None:
    pack = _add(store, b"content")
    _path(store, pack).unlink()

    found = check_store(open_store(store.folder))

    (damaged,) = found.damaged_packs
    assert (damaged.pack, damaged.reason, damaged.on_disk) == (pack, "it is gone", False)
    assert found.lost == {_key(b"content")}


def test_a_pack_that_the_index_does_not_lead_into_rightly_is_found(store: Store) -> None:
    pack = _add(store, b"one" * 50, b"two" * 50)
    first, second = read_pack_table(_path(store, pack), plain=False)
    (segment,) = store.index_folder.iterdir()
    swapped = [(0, first._replace(id=second.id)), (0, second._replace(id=first.id))]
    write_segment(store, encode_index([pack], swapped))
    segment.unlink()

    found = check_store(open_store(store.folder))

    assert [one.reason for one in found.damaged_packs] == ["it does not hold what the index says"]


def test_a_damaged_segment_is_made_anew(store: Store) -> None:
    _add(store, b"content")
    (segment,) = store.index_folder.iterdir()
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.unlink()
    segment.write_bytes(content)
    assert check_store(open_store(store.folder)).damaged_segments == (segment.name,)

    mend_index(open_store(store.folder))

    assert not check_store(open_store(store.folder)).damaged_segments
    assert not (store.folder / "quarantine").exists()
    assert _read(store, b"content") == b"content"


def test_what_is_whole_in_a_damaged_pack_is_saved_and_the_pack_set_aside(store: Store) -> None:
    pack = _add(store, b"one" * 50, b"two" * 50)
    outputs = hash_bytes(b"notebook")
    with open_writer(store) as writer:
        writer.add_bytes(RecordKind.OUTPUTS, outputs, b"outputs")
        writer.finish()
    place = store.locate(*_key(b"one" * 50))
    assert place is not None
    _damage(store, pack, place.offset + 60)
    damaged = _path(store, pack).read_bytes()
    found = check_store(open_store(store.folder), read_data=True)

    aside = mend_packs(store, found.damaged_packs, lambda: None)

    assert [path.read_bytes() for path in aside] == [damaged]
    assert _read(store, b"two" * 50) == b"two" * 50
    with pytest.raises(NotFoundError):
        _read(store, b"one" * 50)
    after = check_store(open_store(store.folder), read_data=True)
    assert not (after.damaged_packs or after.lost)
    assert read_bytes(store, RecordKind.OUTPUTS, outputs) == b"outputs"


def test_what_is_taken_back_replaces_the_damaged_pack(store: Store) -> None:
    pack = _add(store, b"one" * 50)
    _damage(store, pack, 70)
    found = check_store(open_store(store.folder), read_data=True)

    def take_back() -> None:
        with open_writer(store) as writer:
            writer.add_chunk(b"one" * 50)
            writer.finish()

    (aside,) = mend_packs(store, found.damaged_packs, take_back)

    assert aside.parent.name == "quarantine"
    assert _read(store, b"one" * 50) == b"one" * 50
    assert not check_store(open_store(store.folder), read_data=True).damaged_packs


def test_a_second_repair_of_the_same_damage_finds_it_mended(store: Store) -> None:
    pack = _add(store, b"one" * 50, b"two" * 50)
    place = store.locate(*_key(b"one" * 50))
    assert place is not None
    _damage(store, pack, place.offset + 60)
    found = check_store(open_store(store.folder), read_data=True)

    for _ in range(2):
        mend_packs(open_store(store.folder), found.damaged_packs, lambda: None)

    assert _read(store, b"two" * 50) == b"two" * 50
    assert not check_store(open_store(store.folder), read_data=True).damaged_packs


def test_outputs_are_saved_once_each_though_the_first_repair_was_ended(store: Store) -> None:
    key = hash_bytes(b"notebook")
    with open_writer(store) as writer:
        for number in range(3):
            writer.add_bytes(RecordKind.OUTPUTS, key, b"%d" % number * 100)
        writer.add_chunk(b"damaged" * 50)
        writer.finish()
    (pack,) = store.iter_packs()
    place = store.locate(*_key(b"damaged" * 50))
    assert place is not None
    _damage(store, pack, place.offset + 60)

    def give_up() -> None:
        raise KeyboardInterrupt

    found = check_store(open_store(store.folder), read_data=True)
    with pytest.raises(KeyboardInterrupt):
        mend_packs(open_store(store.folder), found.damaged_packs, give_up)
    found = check_store(open_store(store.folder), read_data=True)
    mend_packs(open_store(store.folder), found.damaged_packs, lambda: None)

    copies = sorted(iter_copies(open_store(store.folder), RecordKind.OUTPUTS, key))
    assert copies == [b"0" * 100, b"1" * 100, b"2" * 100]


def test_a_damaged_segment_is_not_merged_into_a_new_one(store: Store) -> None:
    contents = [b"%d" % number * 60 for number in range(9)]
    for content in contents[:8]:
        _add(store, content)
    segment = sorted(store.index_folder.iterdir())[3]
    whole = segment.read_bytes()
    segment.unlink()
    segment.write_bytes(whole[:-37] + b"?" + whole[-36:])  # in the row of its one record

    _add(open_store(store.folder), contents[8])

    assert open_store(store.folder).damaged_segments() == ()
    for content in contents:
        assert _read(store, content) == content


def _add_outputs(store: Store, key: Hash, content: bytes, *more: bytes) -> PackEntry:
    before = set(store.iter_packs())
    with open_writer(store) as writer:
        writer.add_bytes(RecordKind.OUTPUTS, key, content)
        for other in more:
            writer.add_chunk(other)
        writer.finish()
    (pack,) = set(store.iter_packs()) - before
    return pack


def test_other_outputs_of_the_same_name_do_not_stand_for_lost_ones(store: Store) -> None:
    key = hash_bytes(b"notebook")
    pack = _add_outputs(store, key, b"one" * 50)
    _add_outputs(store, key, b"two" * 50)
    place = read_pack_table(_path(store, pack), plain=False)[0]
    _damage(store, pack, place.offset + 60)

    found = check_store(open_store(store.folder), read_data=True)

    assert found.lost == {(RecordKind.OUTPUTS, key)}


def test_outputs_that_are_whole_are_saved_beside_others_of_the_same_name(store: Store) -> None:
    key = hash_bytes(b"notebook")
    pack = _add_outputs(store, key, b"one" * 50, b"damaged" * 50)
    _add_outputs(store, key, b"two" * 50)
    place = store.locate(*_key(b"damaged" * 50))
    assert place is not None and place.pack == pack.hash
    _damage(store, pack, place.offset + 60)
    found = check_store(open_store(store.folder), read_data=True)

    mend_packs(open_store(store.folder), found.damaged_packs, lambda: None)

    copies = sorted(iter_copies(open_store(store.folder), RecordKind.OUTPUTS, key))
    assert copies == [b"one" * 50, b"two" * 50]


def test_each_of_many_damaged_packs_gives_what_it_has(store: Store) -> None:
    """Whatever the others have, nothing at all or no file any more."""
    contents = [b"%d" % number * 50 for number in range(6)]
    packs = [
        *(_add(store, content) for content in contents[:2]),
        *(_add(store, content, b"damaged" + content) for content in contents[2:]),
    ]
    for pack in packs:
        place = read_pack_table(_path(store, pack), plain=False)[-1]
        _damage(store, pack, place.offset + 60)
    found = check_store(open_store(store.folder), read_data=True).damaged_packs
    assert len(found) == 6
    bare = [one for one in found if not one.whole]
    first, *others = (one for one in found if one.whole)
    _path(store, first.pack).unlink()

    mend_packs(open_store(store.folder), [*bare, first, *others], lambda: None)

    assert len(bare) == 2
    for one in others:
        for _, id in one.whole_keys():
            assert open_store(store.folder).find(RecordKind.CHUNK, id) is not None
    assert not check_store(open_store(store.folder), read_data=True).damaged_packs


def test_a_folder_in_the_place_of_a_segment_is_set_aside(store: Store) -> None:
    _add(store, b"content")
    (segment,) = store.index_folder.iterdir()
    segment.unlink()
    (segment / "inner").mkdir(parents=True)

    mend_index(open_store(store.folder))

    assert segment.is_file()
    assert (store.folder / "quarantine" / segment.name / "inner").is_dir()
    assert not check_store(open_store(store.folder)).damaged_segments
    assert _read(store, b"content") == b"content"
