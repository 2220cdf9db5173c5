"""What a store says when the system refuses something, and what it leaves."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.errors import IntegrityError, UnavailableError
from jupyter_mlops.files.walk import walk
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import (
    EMPTY_TREE,
    EMPTY_TREE_HASH,
    ChunkRef,
    FileManifest,
    encode_file_manifest,
)
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.outputs import read_outputs
from jupyter_mlops.objects.packs import PackFile, list_packs, pack_path
from jupyter_mlops.objects.reader import has_file, iter_file, missing, read_file, restore_files
from jupyter_mlops.objects.records import has, read_bytes
from jupyter_mlops.objects.room import measure_new
from jupyter_mlops.objects.store import Store, create_store, makes_clones, open_store
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.progress import Task
from tests.objects.conftest import add_contents, add_folder, open_files
from tests.support.disks import make_read_only
from tests.support.system_steps import fail_with, run_watched

linux = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
_BIG = random.Random(31).randbytes(9_000_000)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@linux
@pytest.mark.parametrize(
    ("system", "code"),
    [
        ({"os.readv": fail_with(errno.EIO)}, "not-readable"),
        ({"os.write": fail_with(errno.ENOSPC)}, "disk-full"),
        ({"os.write": fail_with(errno.EIO)}, "write-failed"),
        ({"os.mkdir": fail_with(errno.EROFS)}, "read-only"),
        ({"os.replace": fail_with(errno.EIO)}, "write-failed"),
    ],
)
def test_a_writer_that_fails_leaves_the_store_as_it_was(
    store: Store, tmp_path: Path, system: Mapping[str, Callable[..., Any]], code: str
) -> None:
    add_contents(store, {"kept": b"kept" * 1000}, tmp_path / "kept")
    before = _files(store.folder)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big").write_bytes(_BIG)
    (tmp_path / "data" / "small").write_bytes(b"small" * 1000)

    ended = run_watched(lambda: add_folder(store, tmp_path / "data"), tmp_path, system)

    assert ended.code == code
    assert _files(store.folder) == before
    entries, _ = add_folder(open_store(store.folder), tmp_path / "data")
    assert read_file(store, entries["big"]) == _BIG


@linux
def test_a_file_that_cannot_be_read_is_not_measured(store: Store, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big").write_bytes(_BIG)
    stats = walk(tmp_path / "data")

    def measure() -> None:
        measure_new(store, tmp_path / "data", stats)

    system = {"os.readv": fail_with(errno.EIO)}
    assert run_watched(measure, tmp_path, system).code == "not-readable"


@linux
def test_a_disk_that_does_not_tell_its_room_is_tried(store: Store, source: Path) -> None:
    system = {"shutil.disk_usage": fail_with(errno.ENOSYS)}
    ended = run_watched(lambda: add_folder(store, source), source.parent, system)
    assert ended.code is None
    assert list(open_store(store.folder).iter_packs())


@linux
def test_a_disk_that_cannot_read_a_pack_says_which(store: Store, tmp_path: Path) -> None:
    entry = add_contents(store, {"file": b"content"}, tmp_path / "data")["file"]
    (pack,) = store.iter_packs()

    def read() -> None:
        with pytest.raises(IntegrityError) as caught:
            read_file(open_store(store.folder), entry)
        assert caught.value.code == "content-damaged"
        assert pack.hash.hex() in caught.value.message

    assert run_watched(read, tmp_path, {"os.pread": fail_with(errno.EIO)}).code is None


def test_a_pack_that_became_shorter_gives_what_it_has(store: Store, tmp_path: Path) -> None:
    add_contents(store, {"file": b"content"}, tmp_path / "data")
    (pack,) = store.iter_packs()
    with PackFile(pack_path(store.folder, pack.hash, False)) as file:
        content = file.read(0, pack.size_bytes)
        assert len(content) == pack.size_bytes
        os.truncate(file.path, 10)
        assert file.read(0, pack.size_bytes) == content[:10]
        assert file.read(20, 10) == b""


def test_a_store_that_cannot_be_read_is_said(store: Store) -> None:
    (store.folder / "format").mkdir(parents=True)
    with pytest.raises(UnavailableError) as caught:
        open_store(store.folder)
    assert caught.value.code == "store-unreadable"


def test_a_file_where_the_store_should_be_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert list(list_packs(tmp_path / "file")) == []
    assert list(open_store(tmp_path / "file").iter_packs()) == []


def test_a_store_that_may_only_be_read_gives_all_it_has(store: Store, source: Path) -> None:
    entries, _ = add_folder(store, source)
    shutil.rmtree(store.index_folder)
    with make_read_only(store.folder):
        fresh = open_store(store.folder)
        assert missing(fresh, entries.values()) == []
        assert read_file(fresh, entries["small"]) == (source / "small").read_bytes()
        with pytest.raises(UnavailableError), open_writer(fresh):
            pass


def test_a_segment_that_cannot_be_opened_is_made_anew(store: Store, tmp_path: Path) -> None:
    entry = add_contents(store, {"file": b"content"}, tmp_path / "data")["file"]
    (segment,) = store.index_folder.iterdir()
    segment.unlink()
    segment.mkdir()
    assert read_file(open_store(store.folder), entry) == b"content"
    assert open_store(store.folder).damaged_segments() == (segment.name,)


def test_a_chunk_list_that_leads_to_other_bytes_is_damage(store: Store) -> None:
    parts = (b"one" * 100, b"two" * 100)
    whole = b"".join(parts)
    refs = tuple(ChunkRef(hash_bytes(part), len(part)) for part in reversed(parts))
    with open_writer(store) as writer:
        for part in parts:
            writer.add_chunk(part)
        encoded = encode_file_manifest(FileManifest(len(whole), refs))
        writer.add_bytes(RecordKind.FILE, hash_bytes(whole), encoded)
        writer.finish()
    entry = Entry(Mode.FILE, hash_bytes(whole), len(whole))

    with pytest.raises(IntegrityError) as caught:
        list(iter_file(store, entry))
    assert caught.value.code == "content-damaged"
    assert has_file(store, entry), "only reading tells"


def test_the_empty_folder_needs_no_record(store: Store) -> None:
    assert has(store, RecordKind.TREE, EMPTY_TREE_HASH)
    assert read_bytes(store, RecordKind.TREE, EMPTY_TREE_HASH) == EMPTY_TREE
    assert not has(store, RecordKind.FILE, EMPTY_TREE_HASH)
    assert not store.folder.exists()


def test_outputs_that_are_no_outputs_are_damage(store: Store) -> None:
    key = hash_bytes(b"notebook")
    with open_writer(store) as writer:
        writer.add_bytes(RecordKind.OUTPUTS, key, b"[]")
        writer.finish()
    with pytest.raises(IntegrityError) as caught:
        read_outputs(store, key)
    assert caught.value.code == "content-damaged"


class _Advance(Task):
    """Adds up what a task is told."""

    total = 0

    def advance(self, amount: int) -> None:
        self.total += amount


def test_progress_comes_to_the_bytes_of_all_files(store: Store, source: Path) -> None:
    size_bytes = sum(item.size_bytes for item in walk(source))
    read = _Advance()
    with open_writer(store, read) as writer:
        entries = writer.add_files(source, walk(source))
        writer.finish()
    assert read.total == size_bytes

    written = _Advance()
    out = source.parent / "out"
    out.mkdir()
    files = [entry for entry in entries if entry.mode in (Mode.FILE, Mode.EXECUTABLE)]
    names = iter(range(len(files)))

    def open_next() -> int:
        return os.open(out / f"{next(names)}", os.O_RDWR | os.O_CREAT)

    restore_files(store, [(entry, open_next) for entry in files], written)
    assert written.total == sum(entry.size_bytes for entry in files)


@linux
def test_a_disk_that_fails_to_clone_makes_no_clones(store: Store, tmp_path: Path) -> None:
    assert not makes_clones(store)
    create_store(store)

    def ask() -> None:
        assert not makes_clones(store)

    run_watched(ask, tmp_path, {"fcntl.ioctl": fail_with(errno.EIO)})
    assert os.listdir(store.staging_folder) == []


@linux
def test_a_clone_that_fails_stops_a_restore_and_nothing_stays_open(
    store: Store, tmp_path: Path
) -> None:
    entry = add_contents(store, {"big": _BIG}, tmp_path / "data")["big"]
    plain = pack_path(store.folder, entry.hash, True)
    plain.parent.mkdir(exist_ok=True)
    plain.write_bytes(_BIG)

    def restore() -> None:
        try:
            opening = partial(os.open, tmp_path / "out", os.O_RDWR | os.O_CREAT)
            restore_files(open_store(store.folder), [(entry, opening)])
        finally:
            assert str(tmp_path / "out") not in open_files()
            assert str(plain) not in open_files()

    system = {"fcntl.ioctl": fail_with(errno.EIO)}
    assert run_watched(restore, tmp_path, system).code == "write-failed"
    assert run_watched(restore, tmp_path).code is None
    assert (tmp_path / "out").read_bytes() == _BIG


@linux
def test_a_writer_that_fails_on_big_files_takes_the_next(store: Store, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big").write_bytes(random.Random(32).randbytes(24_000_000))
    create_store(store)

    def add() -> None:
        with open_writer(store) as writer:
            for _ in range(4):
                with pytest.raises(UnavailableError):
                    writer.add_files(tmp_path / "data", walk(tmp_path / "data"))

    run_watched(add, tmp_path, {"os.write": fail_with(errno.ENOSPC)})
    assert os.listdir(store.staging_folder) == []
