from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError
from jupyter_mlops.files.walk import FileStat, walk
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.encode import SMALL_BYTES
from jupyter_mlops.objects.reader import read_file, restore_files
from jupyter_mlops.objects.source import (
    open_source,
    read_small,
    read_target,
    retry_while_changing,
)
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.objects.writer import open_writer
from tests.objects.conftest import add_folder
from tests.support.system_steps import little_at_a_time, run_watched

linux = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")


def test_a_file_comes_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_bytes(b"#!/bin/sh\n")
    assert read_small(str(path)) == (b"#!/bin/sh\n", Mode.FILE)
    path.chmod(0o755)
    assert read_small(str(path)) == (b"#!/bin/sh\n", Mode.EXECUTABLE)
    path.write_bytes(b"")
    assert read_small(str(path))[0] == b""


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(ConflictError) as caught:
            read_small(str(tmp_path / name))
        assert caught.value.code == "file-changing"
        with pytest.raises(ConflictError) as caught, open_source(str(tmp_path / name)):
            pass
        assert caught.value.code == "file-changing"


@linux
def test_what_is_refused_does_not_stay_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = os.listdir("/proc/self/fd")
    for read in (read_small, open_source):
        with pytest.raises(ConflictError):
            read(str(tmp_path / "pipe"))
    assert os.listdir("/proc/self/fd") == before


def test_what_is_gone_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for path in ("nowhere", "file/inner"):
        for read in (read_small, open_source, read_target):
            with pytest.raises(NotFoundError) as caught:
                read(str(tmp_path / path))
            assert caught.value.code == "file-vanished"


def test_links_are_read_as_links_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert read_target(str(tmp_path / "link")) == b"file"
    with pytest.raises(ConflictError) as changed:
        read_target(str(tmp_path / "file"))
    assert changed.value.code == "file-changing"
    for read in (read_small, open_source):
        with pytest.raises(UnavailableError) as caught:
            read(str(tmp_path / "link"))
        assert caught.value.code == "not-readable"


@linux
def test_a_file_that_is_never_as_long_as_it_says_is_refused() -> None:
    with pytest.raises(ConflictError) as caught:
        read_small("/proc/self/status")
    assert caught.value.code == "file-changing"


def test_a_changed_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    with open_source(str(path)) as source:
        assert source.is_unchanged(5)
        assert not source.is_unchanged(4)
        assert not source.is_unchanged(6)
        found = os.stat(path)
        path.write_bytes(b"54321")
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        assert not source.is_unchanged(5), "the size and the time were put back"


def test_a_file_is_read_again_while_it_changes_but_not_for_ever(tmp_path: Path) -> None:
    answers: list[bytes | None] = [None, None, b"whole"]
    assert retry_while_changing("x", lambda path: answers.pop(0)) == b"whole"
    answers = [None, None, None, b"too late"]
    with pytest.raises(ConflictError) as caught:
        retry_while_changing("x", lambda path: answers.pop(0))
    assert caught.value.code == "file-changing"
    assert answers == [b"too late"]


@pytest.mark.parametrize("size", [10, SMALL_BYTES + 1])
def test_a_size_that_was_seen_before_counts_for_nothing(
    store: Store, tmp_path: Path, size: int
) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    said = FileStat("file", Mode.FILE, size - 5, 0, 0, 0)
    with open_writer(store) as writer:
        (entry,) = writer.add_files(tmp_path, [said])
        writer.finish()
    assert entry == Entry(Mode.FILE, hash_bytes(b"x" * size), size)
    assert read_file(open_store(store.folder), entry) == b"x" * size


def _restored(store: Store, entry: Entry, path: Path) -> bytes:
    restore_files(store, [(entry, lambda: os.open(path, os.O_RDWR | os.O_CREAT))])
    return path.read_bytes()


@linux
def test_a_system_that_reads_and_writes_little_at_a_time_loses_nothing(
    store: Store, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()

    def there_and_back() -> None:
        entries, _ = add_folder(store, source)
        fresh = open_store(store.folder)
        for path, entry in entries.items():
            if entry.mode in (Mode.FILE, Mode.EXECUTABLE):
                content = (source / path).read_bytes()
                assert read_file(fresh, entry) == content
                assert _restored(fresh, entry, tmp_path / "out" / path.replace("/", "-")) == content

    assert run_watched(there_and_back, tmp_path, little_at_a_time(70_001)).code is None
    assert len(walk(tmp_path / "out")) == 5
