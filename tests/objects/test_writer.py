from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.files.walk import FileStat, stat_file, walk
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.compress import compress, compress_many
from jupyter_mlops.objects.reader import has_file, missing, read_file
from jupyter_mlops.objects.records import has, read_bytes
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.objects.writer import open_writer
from tests.objects.conftest import add_contents, add_folder, open_files

linux = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")


def _disk(store: Store) -> dict[str, int]:
    return {
        path.relative_to(store.folder).as_posix(): path.stat().st_size
        for path in store.folder.rglob("*")
        if path.is_file()
    }


def test_every_kind_of_file_comes_back(store: Store, source: Path) -> None:
    entries, report = add_folder(store, source)

    assert {path: entry.mode for path, entry in entries.items()} == {
        "big": Mode.FILE,
        "nothing": Mode.FILE,
        "run": Mode.EXECUTABLE,
        "small": Mode.FILE,
        "sub/chunked": Mode.FILE,
        "sub/empty": Mode.FOLDER,
        "sub/link": Mode.SYMLINK,
    }
    fresh = open_store(store.folder)
    for path, entry in entries.items():
        if entry.mode is Mode.FOLDER:
            assert entry.hash == EMPTY_TREE_HASH
            continue
        link = entry.mode is Mode.SYMLINK
        expected = os.readlink(source / path).encode() if link else (source / path).read_bytes()
        assert entry == Entry(entry.mode, hash_bytes(expected), len(expected))
        assert read_file(fresh, entry) == expected
        assert has_file(fresh, entry)
    assert report.packs == 1
    assert report.new_bytes <= sum(entry.size_bytes for entry in entries.values())
    on_disk = _disk(store)
    assert on_disk.pop("format") == 2
    assert report.stored_bytes == sum(on_disk.values())


def test_what_is_known_is_not_written_again(store: Store, source: Path) -> None:
    entries, _ = add_folder(store, source)
    before = _disk(store)

    again, report = add_folder(open_store(store.folder), source)

    assert again == entries
    assert (report.new_bytes, report.stored_bytes, report.packs) == (0, 0, 0)
    assert _disk(store) == before


def test_nothing_is_there_before_finish_nor_after_an_exception(store: Store, source: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_writer(store) as writer:
        entries = writer.add_files(source, walk(source))
        assert missing(open_store(store.folder), entries)
        raise ZeroDivisionError
    assert set(_disk(store)) <= {"format"}
    with open_writer(store) as writer:
        writer.add_files(source, walk(source))
    assert set(_disk(store)) <= {"format"}


def test_a_hundred_changed_bytes_of_a_big_file_store_little(store: Store, tmp_path: Path) -> None:
    content = bytearray(random.Random(1).randbytes(9_000_000))
    first = add_contents(store, {"model": bytes(content)}, tmp_path / "data")
    content[4_000_000:4_000_100] = bytes(100)
    (tmp_path / "data" / "model").write_bytes(content)

    second, report = add_folder(store, tmp_path / "data")

    assert report.stored_bytes < 1_500_000
    assert second != first
    assert read_file(store, second["model"]) == content
    assert read_file(store, first["model"]) != content


def test_equal_content_is_stored_once(store: Store, tmp_path: Path) -> None:
    content = random.Random(2).randbytes(400_000)
    names = [f"copy{number}" for number in range(40)]
    add_contents(store, {name: content for name in names}, tmp_path / "data")
    assert sum(size for name, size in _disk(store).items() if ".pack" in name) < 450_000


def test_compressible_content_is_compressed_and_random_is_not(store: Store, tmp_path: Path) -> None:
    text = ("a line of a table,1,2,3\n" * 40_000).encode()
    noise = random.Random(3).randbytes(1_000_000)
    _, report = add_folder(store, _folder(tmp_path / "text", {"t": text}))
    assert report.stored_bytes < 60_000
    _, report = add_folder(store, _folder(tmp_path / "noise", {"n": noise}))
    assert 1_000_000 < report.stored_bytes < 1_010_000


def test_many_are_compressed_as_each_of_them_alone() -> None:
    text, noise = b"a line of a table,1,2,3\n" * 400, random.Random(3).randbytes(9_000)
    contents: list[bytes | memoryview] = [
        text,
        noise,
        b"",
        b"short",
        memoryview(text)[:5000],
        b"0" * 63,
        b"0" * 64,
    ]
    found = compress_many(contents)
    assert found == [compress(one) for one in contents]
    codecs = [codec.name for codec, _ in found]
    assert codecs == ["ZSTD", "RAW", "RAW", "RAW", "ZSTD", "RAW", "ZSTD"]


def test_packs_are_closed_at_their_size(store: Store, tmp_path: Path) -> None:
    rng = random.Random(4)
    contents = {f"{n}": rng.randbytes(9_000_000) for n in range(5)}
    entries = add_contents(store, contents, tmp_path / "data")
    packs = [size for name, size in _disk(store).items() if name.startswith("packs/")]
    assert len(packs) == 2
    assert max(packs) < 34 << 20
    for name, content in contents.items():
        assert read_file(store, entries[name]) == content


def test_single_records(store: Store) -> None:
    with open_writer(store) as writer:
        chunk = writer.add_chunk(b"target")
        writer.add_bytes(RecordKind.TREE, tree := hash_bytes(b"tree"), b"tree")
        key = hash_bytes(b"key")
        writer.add_bytes(RecordKind.OUTPUTS, key, b"one")
        writer.add_bytes(RecordKind.OUTPUTS, key, b"two")
        assert writer.add_chunk(b"target") == chunk
        report = writer.finish()
    assert read_bytes(store, RecordKind.CHUNK, chunk) == b"target"
    assert read_bytes(store, RecordKind.TREE, tree) == b"tree"
    assert has(store, RecordKind.OUTPUTS, key)
    assert report.new_bytes == len(b"target")


def test_progress_is_told_every_byte(store: Store, source: Path) -> None:
    class Counter:
        def __init__(self) -> None:
            self.total = 0
            self.lock = threading.Lock()

        def advance(self, amount: int) -> None:
            with self.lock:
                self.total += amount

    counter = Counter()
    stats = walk(source)
    with open_writer(store, counter) as writer:
        writer.add_files(source, stats)
    assert counter.total == sum(stat.size_bytes for stat in stats)


class _Steps:
    """Remembers what a task is told."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def advance(self, amount: int) -> None:
        self.told.append(amount)


@pytest.mark.parametrize(
    ("size", "count", "at_most"),
    [(10, 500, 128 * 10), (1 << 20, 7, 2 << 20), (9 << 20, 2, 4 << 20)],
)
def test_progress_moves_on_in_small_steps(
    store: Store, tmp_path: Path, size: int, count: int, at_most: int
) -> None:
    """Of many small files, of few that are not so small, and of big ones."""
    rng = random.Random(5)
    names = {f"{number:03d}": rng.randbytes(size) for number in range(count)}
    stats = walk(_folder(tmp_path / "data", names))
    steps = _Steps()
    with open_writer(store, steps) as writer:
        writer.add_files(tmp_path / "data", stats)
    assert sum(steps.told) == size * count
    assert at_most / 2 <= max(steps.told) <= at_most


@linux
def test_a_writer_that_is_not_finished_leaves_no_thread_and_no_file(
    store: Store, source: Path
) -> None:
    before = set(threading.enumerate())
    with open_writer(store) as writer:
        writer.add_files(source, walk(source))
        assert set(threading.enumerate()) > before
    assert set(threading.enumerate()) <= before
    assert not [name for name in open_files() if f"{store.staging_folder}/" in name]
    assert os.listdir(store.staging_folder) == []
    del writer


@linux
def test_a_writer_that_is_far_ahead_of_the_disk_waits(store: Store) -> None:
    """So that however much is added, only few packs are open."""
    block = random.Random(6).randbytes(1 << 20)
    most = 0
    with open_writer(store) as writer:
        for number in range(200):
            writer.add_chunk(number.to_bytes(8, "big") + block[8:])
            most = max(most, sum(f"{store.staging_folder}/" in name for name in open_files()))
        assert most <= 5  # the lock, the pack under way, one being sealed and two that wait
        assert writer.finish().packs == 7


def test_a_new_writer_clears_what_a_dead_one_left(store: Store) -> None:
    with open_writer(store) as writer:
        writer.add_chunk(b"content")
        writer.finish()
    left = [
        place / f"{STAGED_PREFIX}0"
        for place in (store.folder, store.staging_folder, store.index_folder)
    ]
    for path in left:
        path.write_bytes(b"half")
    with open_writer(store):
        assert not [path for path in left if path.exists()]


def _folder(path: Path, contents: dict[str, bytes]) -> Path:
    path.mkdir(parents=True)
    for name, content in contents.items():
        (path / name).write_bytes(content)
    return path


def test_files_that_vanish_or_cannot_be_read_are_named(store: Store, tmp_path: Path) -> None:
    folder = _folder(tmp_path / "data", {"x": b"x", "y": b"y"})
    stats = walk(folder)
    (folder / "x").unlink()
    with open_writer(store) as writer, pytest.raises(NotFoundError) as caught:
        writer.add_files(folder, stats)
    assert "x" in caught.value.message
    (folder / "x").symlink_to("y")
    with open_writer(store) as writer, pytest.raises(UnavailableError):
        writer.add_files(folder, stats[:1])
    (folder / "x").unlink()
    (folder / "x").mkdir()
    with open_writer(store) as writer, pytest.raises(ConflictError):
        writer.add_files(folder, stats[:1])
    link = FileStat("y", Mode.SYMLINK, 1, 0, 0, 0)
    with open_writer(store) as writer, pytest.raises(ConflictError):
        writer.add_files(folder, [link])


_KEEP_WRITING = """
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
print("ready", flush=True)
number = 0
while True:
    number += 1
    os.pwrite(fd, b"%09d" % number, 0)
    os.pwrite(fd, b"%09d" % number, os.fstat(fd).st_size - 9)
"""


def test_a_file_that_keeps_changing_is_refused_or_stored_as_it_was(
    store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "live"
    file.write_bytes(bytes(8_000_000))
    child = subprocess.Popen(
        [sys.executable, "-c", _KEEP_WRITING, str(file)], stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        refused = 0
        for _ in range(20):
            with open_writer(store) as writer:
                try:
                    (entry,) = writer.add_files(tmp_path, [stat_file(file)])
                    writer.finish()
                except ConflictError as error:
                    assert error.code == "file-changing"
                    refused += 1
                    continue
            assert hash_bytes(read_file(store, entry)) == entry.hash
        assert refused > 0
    finally:
        child.kill()
        child.communicate()


def test_a_file_that_grew_since_it_was_seen_is_stored_whole(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"short")
    seen = stat_file(file)
    file.write_bytes(b"longer " * 300_000)
    with open_writer(store) as writer:
        (entry,) = writer.add_files(tmp_path, [seen])
        writer.finish()
    assert read_file(store, entry) == b"longer " * 300_000


_CONTENTS = st.lists(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda seed, size, zeros: random.Random(seed).randbytes(size) + bytes(zeros),
            st.integers(0, 3),
            st.integers(0, 400_000),
            st.integers(0, 600_000),
        ),
    ),
    max_size=6,
)


@given(st.lists(_CONTENTS, min_size=1, max_size=3))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_whatever_is_added_in_whatever_order_comes_back(
    tmp_path_factory: pytest.TempPathFactory, versions: list[list[bytes]]
) -> None:
    top = tmp_path_factory.mktemp("property")
    store = open_store(top / "store")
    kept: list[tuple[Entry, bytes]] = []
    for number, contents in enumerate(versions):
        named = {f"{place}": content for place, content in enumerate(contents)}
        (top / f"{number}").mkdir()
        entries = add_contents(store, named, top / f"{number}")
        kept += [(entries[name], content) for name, content in named.items()]
        for entry, content in kept:
            assert read_file(store, entry) == content
    fresh = open_store(store.folder)
    assert missing(fresh, [entry for entry, _ in kept]) == []
