from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from jupyter_mlops.errors import IntegrityError, NotFoundError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.reader import has_file, iter_file, missing, read_file, read_manifest
from jupyter_mlops.objects.records import has, read_bytes
from jupyter_mlops.objects.store import (
    Store,
    open_store,
    upgrade_store,
)
from jupyter_mlops.objects.writer import open_writer
from tests.objects.conftest import add_contents, add_folder, rebuild_index


def _segments(store: Store) -> list[Path]:
    return sorted((store.folder / "index").iterdir())


def _packs(store: Store) -> list[Path]:
    return sorted((store.folder / "packs").glob("*/*"))


def _damage(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xC0  # a number with its highest bit set fits in no signed one
    path.unlink()
    path.write_bytes(content)


def _add(store: Store, *contents: bytes) -> list[Entry]:
    with open_writer(store) as writer:
        hashes = [writer.add_chunk(content) for content in contents]
        writer.finish()
    return [
        Entry(Mode.FILE, id, len(content)) for id, content in zip(hashes, contents, strict=True)
    ]


def test_a_store_that_does_not_exist_holds_nothing_and_is_not_made(store: Store) -> None:
    entry = Entry(Mode.FILE, hash_bytes(b"x"), 1)
    assert missing(store, [entry]) == [entry]
    with pytest.raises(NotFoundError) as caught:
        read_file(store, entry)
    assert caught.value.code == "content-missing"
    assert not store.folder.exists()


def test_a_newer_format_is_refused(store: Store) -> None:
    _add(store, b"x")
    (store.folder / "format").chmod(0o600)
    (store.folder / "format").write_text("1\n")
    with pytest.raises(UnsupportedError) as caught:
        open_store(store.folder)
    assert caught.value.code == "format-newer"
    assert upgrade_store(store) == (0, 0)


@pytest.mark.parametrize("how", ["deleted", "emptied", "cut short", "other magic", "body", "all"])
def test_a_lost_or_damaged_index_is_rebuilt_from_the_packs(
    store: Store, source: Path, how: str
) -> None:
    entries, _ = add_folder(store, source)
    (segment,) = _segments(store)
    if how == "deleted":
        segment.unlink()
    elif how == "all":
        shutil.rmtree(store.folder / "index")
    elif how == "other magic":
        _damage(segment, 0)
    else:
        content = segment.read_bytes()
        segment.unlink()
        cut = {"emptied": b"", "cut short": content[:-40]}
        noise = content[:24] + random.Random(1).randbytes(len(content) - 24)
        segment.write_bytes(cut.get(how, noise))

    reader = open_store(store.folder)
    before = sorted(p for p in store.folder.rglob("*"))
    for path, entry in entries.items():
        if entry.mode in (Mode.FILE, Mode.EXECUTABLE):
            assert read_file(reader, entry) == (source / path).read_bytes()
    assert missing(reader, entries.values()) == []
    assert sorted(p for p in store.folder.rglob("*")) == before  # readers write nothing

    again, report = add_folder(open_store(store.folder), source)
    assert again == entries
    assert report.packs == 0
    if how != "body":  # its header is whole, so that a writer has no reason to read the rest
        assert [p.name for p in _segments(store)] == [segment.name]


def test_a_store_that_stays_open_mends_its_index_once(store: Store) -> None:
    (entry,) = _add(store, b"content")
    (segment,) = _segments(store)
    _damage(segment, 0)
    store.reload()
    assert has_file(store, entry)
    (again,) = _add(store, b"content")
    assert again == entry
    assert [p.name for p in _segments(store)] == [segment.name]
    assert sorted(store.segments()) == [segment.name]


def test_each_flipped_byte_of_a_segment_is_survived(store: Store) -> None:
    entries = _add(store, *[b"%d" % number * 50 for number in range(4)])
    (segment,) = _segments(store)
    whole = segment.read_bytes()
    for place in range(len(whole)):
        segment.unlink()
        segment.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        reader = open_store(store.folder)
        for number, entry in enumerate(entries):
            assert read_file(reader, entry) == b"%d" % number * 50, place


def test_each_flipped_byte_of_a_pack_is_noticed(store: Store) -> None:
    rng = random.Random(5)
    contents = [rng.randbytes(60), rng.randbytes(200)]
    entries = _add(store, *contents)
    (pack,) = _packs(store)
    whole = pack.read_bytes()
    noticed = 0
    for place in range(len(whole)):
        pack.unlink()
        pack.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        for entry, content in zip(entries, contents, strict=True):
            try:
                assert read_file(open_store(store.folder), entry) == content
            except IntegrityError as error:
                assert error.code == "content-damaged"
                noticed += 1
    records = sum(len(content) for content in contents)
    assert noticed >= records * 0.8


def test_a_pack_that_is_cut_short_or_gone_is_not_counted_as_there(store: Store) -> None:
    (entry,) = _add(store, b"content" * 9)
    (pack,) = _packs(store)
    content = pack.read_bytes()
    pack.unlink()
    assert missing(open_store(store.folder), [entry]) == [entry]
    pack.write_bytes(content[:-1])
    assert missing(open_store(store.folder), [entry]) == [entry]

    (again,) = _add(open_store(store.folder), b"content" * 9)

    assert again == entry
    assert read_file(open_store(store.folder), entry) == b"content" * 9


def test_of_two_copies_the_whole_one_is_read(store: Store, tmp_path: Path) -> None:
    other = open_store(tmp_path / "other")
    (entry,) = _add(store, b"precious" * 20)
    _add(other, b"precious" * 20, b"something else")
    (pack,) = _packs(other)
    (mine,) = _packs(store)
    (store.folder / "packs" / pack.parent.name).mkdir(exist_ok=True)
    shutil.copy(pack, store.folder / "packs" / pack.parent.name)
    rebuild_index(store)
    for damaged, whole in ((mine, pack.name), (store.folder / "packs" / pack.parent.name, "")):
        target = damaged if whole else damaged / pack.name
        content = target.read_bytes()
        _damage(target, 80)
        assert read_file(open_store(store.folder), entry) == b"precious" * 20
        target.unlink()
        target.write_bytes(content)


def test_a_missing_chunk_of_a_big_file_is_missing_content(store: Store, tmp_path: Path) -> None:
    rng = random.Random(6)
    head = add_contents(store, {"head": rng.randbytes(2_000_000)}, tmp_path / "a")["head"]
    first = _packs(store)
    content = read_file(store, head) + rng.randbytes(2_000_000)
    whole = add_contents(store, {"whole": content}, tmp_path / "b")["whole"]
    assert len(read_manifest(store, whole).chunks) > 3
    first[0].unlink()
    reader = open_store(store.folder)
    assert missing(reader, [whole, whole]) == [whole]
    with pytest.raises(NotFoundError) as caught:
        next(iter_file(reader, whole))
    assert caught.value.code == "content-missing"


def test_a_size_that_is_not_the_files_is_damage(store: Store, tmp_path: Path) -> None:
    content = random.Random(8).randbytes(500_000)
    entry = add_contents(store, {"x": content}, tmp_path / "a")["x"]
    lied = entry._replace(size_bytes=entry.size_bytes - 1)
    with pytest.raises(IntegrityError):
        read_file(store, lied)
    assert not has_file(store, lied)


def test_an_open_store_sees_what_others_add(store: Store) -> None:
    (first,) = _add(store, b"first")
    reader = open_store(store.folder)
    assert has_file(reader, first)
    (second,) = _add(open_store(store.folder), b"second")
    assert read_file(reader, second) == b"second"
    assert has(reader, RecordKind.CHUNK, second.hash)


def test_what_came_meanwhile_is_located_by_looking_again(store: Store) -> None:
    (first,) = _add(store, b"first")
    reader = open_store(store.folder)
    assert reader.locate(RecordKind.CHUNK, first.hash) is not None
    (second,) = _add(open_store(store.folder), b"second")
    assert reader.find(RecordKind.CHUNK, second.hash) is None
    found = reader.locate(RecordKind.CHUNK, second.hash)
    assert found is not None
    assert reader.pack_path(found).exists()
    assert reader.locate(RecordKind.CHUNK, hash_bytes(b"never")) is None


def test_of_two_copies_the_one_that_is_still_there_is_read(store: Store, tmp_path: Path) -> None:
    (entry,) = _add(store, b"precious" * 20)
    (mine,) = _packs(store)
    other = open_store(tmp_path / "other")
    _add(other, b"precious" * 20, b"something else")
    shutil.copytree(other.folder / "packs", store.folder / "packs", dirs_exist_ok=True)
    rebuild_index(store)
    for name in _packs(store):
        reader = open_store(store.folder)
        assert len(reader.places(RecordKind.CHUNK, entry.hash)) == 2
        os.rename(name, tmp_path / "away")
        assert read_file(reader, entry) == b"precious" * 20
        os.rename(tmp_path / "away", name)
    assert mine in _packs(store)


def test_a_pack_without_index_is_found(store: Store) -> None:
    (first,) = _add(store, b"first")
    (kept,) = _segments(store)
    (second,) = _add(store, b"second")
    for segment in _segments(store):
        if segment != kept:
            segment.unlink()
    reader = open_store(store.folder)
    assert read_bytes(reader, RecordKind.CHUNK, second.hash) == b"second"
    assert read_bytes(reader, RecordKind.CHUNK, first.hash) == b"first"


def test_segments_stay_few_and_keep_everything(store: Store) -> None:
    entries = [_add(store, b"content %d" % number)[0] for number in range(40)]
    assert len(_segments(store)) <= 9
    assert missing(open_store(store.folder), entries) == []
    rebuild_index(store)
    assert len(list(store.iter_packs())) == 40
    assert len(_segments(store)) == 1
    assert missing(open_store(store.folder), entries) == []
    names = {os.path.basename(p) for p in _packs(store)}
    assert {f"{pack.hash.hex()}.pack" for pack in store.iter_packs()} == names


def test_a_pack_is_named_by_its_bytes(store: Store) -> None:
    _add(store, b"x" * 1000, b"y")
    (pack,) = _packs(store)
    assert pack.name == f"{hash_bytes(pack.read_bytes()).hex()}.pack"
    assert pack.parent.name == pack.name[:2]
