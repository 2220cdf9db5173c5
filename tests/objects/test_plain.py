from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate, combinations
from pathlib import Path

import pytest

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.files.clone import try_clone
from jupyter_mlops.files.walk import walk
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.index import PackEntry, encode_index
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.packs import pack_path, read_pack_table
from jupyter_mlops.objects.plain import LEAST_BYTES
from jupyter_mlops.objects.reader import missing, read_file, read_manifest, restore_files
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.objects.writer import open_writer
from tests.objects.conftest import add_contents, add_folder, open_files, rebuild_index
from tests.support.system_steps import fail_with, run_watched

linux = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")

_BIG = random.Random(12).randbytes(LEAST_BYTES + 1_000_000)


@pytest.fixture
def cloning_disk(tmp_path: Path) -> Iterator[Path]:
    """An xfs of 400 MiB, which clones."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        pytest.skip("not run: a cloning file system needs root and mkfs.xfs")
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with open(image, "wb") as file:
        file.truncate(400 << 20)
    made, mounted = ["mkfs.xfs", "-q", str(image)], ["mount", "-o", "loop", str(image), str(folder)]
    for command in (made, mounted):
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("not run: no loop device can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _plain_packs(store: Store) -> list[Path]:
    return sorted((store.folder / "packs").glob("*/*.plain"))


def _keep_as_plain(store: Store, entry: Entry, content: bytes) -> None:
    """Put ``content`` in the store as a plain pack in place of its chunks, as a clone would."""
    path = pack_path(store.folder, entry.hash, True)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def test_without_clones_a_big_file_goes_to_record_packs(store: Store, tmp_path: Path) -> None:
    with open(tmp_path / "a", "wb+") as one, open(tmp_path / "b", "wb+") as two:
        clones = try_clone(one.fileno(), two.fileno())
    entry = add_contents(store, {"big": _BIG}, tmp_path / "data")["big"]
    assert len(_plain_packs(store)) == clones
    assert read_file(store, entry) == _BIG


def test_a_plain_pack_is_indexed_by_cutting_it_again(store: Store, tmp_path: Path) -> None:
    entry = add_contents(store, {"big": _BIG}, tmp_path / "data")["big"]
    _keep_as_plain(store, entry, _BIG)
    table = read_pack_table(pack_path(store.folder, entry.hash, True), plain=True)

    assert [(info.id, info.plain_bytes) for info in table] == list(
        read_manifest(store, entry).chunks
    )
    rebuild_index(store)
    (plain,) = [pack for pack in store.iter_packs() if pack.plain]
    assert plain == PackEntry(entry.hash, True, len(_BIG))
    encode_index([plain], [(0, info) for info in table])
    assert read_file(open_store(store.folder), entry) == _BIG


def test_damage_in_a_plain_pack_is_noticed_or_another_copy_read(
    store: Store, tmp_path: Path
) -> None:
    entry = add_contents(store, {"big": _BIG}, tmp_path / "data")["big"]
    _keep_as_plain(store, entry, _BIG)
    rebuild_index(store)
    _keep_as_plain(store, entry, b"?" + _BIG[1:])
    assert read_file(open_store(store.folder), entry) == _BIG

    first = read_manifest(store, entry).chunks[0].hash
    others = [place for place in store.places(RecordKind.CHUNK, first) if not place.plain]
    content = bytearray(store.pack_path(others[0]).read_bytes())
    content[others[0].offset + 200] ^= 1
    store.pack_path(others[0]).unlink()
    store.pack_path(others[0]).write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        read_file(open_store(store.folder), entry)
    assert caught.value.code == "content-damaged"


def test_a_big_new_file_is_cloned_both_ways(cloning_disk: Path) -> None:
    store = open_store(cloning_disk / "store")
    entries, report = add_folder(store, _data(cloning_disk, _BIG))
    entry = entries["big"]

    (pack,) = _plain_packs(store)
    assert pack.read_bytes() == _BIG
    assert pack.stem == entry.hash.hex()
    assert report.new_bytes == len(_BIG)
    assert report.stored_bytes < 100_000
    assert read_file(open_store(store.folder), entry) == _BIG

    (cloning_disk / "out").mkdir()
    tree = WorkTree(cloning_disk / "out", cloning_disk / "staging")
    with tree.open_batch("big") as batch:
        restore_files(store, [(entry, partial(batch.open_file, "big", Mode.FILE))])
        batch.apply()
    assert (cloning_disk / "out" / "big").read_bytes() == _BIG

    again, report = add_folder(store, cloning_disk / "data")
    assert (again, report.packs) == (entries, 0)
    shutil.rmtree(store.folder / "index")
    assert missing(open_store(store.folder), [entry]) == []


def test_the_next_version_of_a_cloned_file_adds_its_new_chunks(cloning_disk: Path) -> None:
    store = open_store(cloning_disk / "store")
    add_folder(store, _data(cloning_disk, _BIG))
    changed = _BIG[:9_000_000] + b"changed" + _BIG[9_000_000:]

    entries, report = add_folder(store, _data(cloning_disk, changed))

    assert report.stored_bytes < 1_000_000
    assert len(_plain_packs(store)) == 1
    assert read_file(open_store(store.folder), entries["big"]) == changed


def _restore(store: Store, entry: Entry, out: Path) -> bytes:
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
    restore_files(open_store(store.folder), [(entry, partial(os.open, out, flags))])
    return out.read_bytes()


def _used_bytes(disk: Path) -> int:
    os.sync()
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content + b"appended" * 50_000,
        lambda content: content[:-3_000_000],
        lambda content: content[:900_000] + b"changed" + content[900_007:],
    ],
    ids=["longer", "shorter", "changed"],
)
def test_a_later_version_is_restored_as_a_clone_with_its_own_chunks_in_it(
    cloning_disk: Path, change: Callable[[bytes], bytes]
) -> None:
    store = open_store(cloning_disk / "store")
    add_folder(store, _data(cloning_disk, _BIG))
    changed = change(_BIG)
    entry = add_folder(store, _data(cloning_disk, changed))[0]["big"]
    before = _used_bytes(cloning_disk)
    assert _restore(store, entry, cloning_disk / "out") == changed
    assert _used_bytes(cloning_disk) - before < 2_000_000


def test_damage_where_versions_are_the_same_is_not_cloned(cloning_disk: Path) -> None:
    store = open_store(cloning_disk / "store")
    first = add_folder(store, _data(cloning_disk, _BIG))[0]["big"]
    entry = add_folder(store, _data(cloning_disk, _BIG + b"more"))[0]["big"]
    _keep_as_plain_over(store, first, b"?" + _BIG[1:])
    with pytest.raises(IntegrityError) as caught:
        _restore(store, entry, cloning_disk / "out")
    assert caught.value.code == "content-damaged"


@linux
@pytest.mark.parametrize("changed", [b"?" + _BIG[1:], _BIG[:-1], _BIG])
def test_a_file_that_is_written_once_it_is_cloned_is_kept_as_it_was(
    cloning_disk: Path, changed: bytes
) -> None:
    store = open_store(cloning_disk / "store")
    data = _data(cloning_disk, _BIG)
    read, now = os.readv, time.time_ns
    written: list[int] = []

    def read_and_write(fd: int, buffers: list[memoryview]) -> int:
        count = read(fd, buffers)
        if not written:
            written.append((data / "big").write_bytes(changed))
        return count

    an_hour_later = {"time.time_ns": lambda: now() + 3600 * 10**9}
    ended = run_watched(
        lambda: add_folder(store, data), cloning_disk, {**an_hour_later, "os.readv": read_and_write}
    )
    assert ended.code is None
    (pack,) = _plain_packs(store)
    assert pack.read_bytes() == _BIG
    assert pack.stem == hash_bytes(_BIG).hex()


@linux
def test_a_version_that_is_written_while_its_new_chunks_are_read_is_read_again(
    cloning_disk: Path,
) -> None:
    store = open_store(cloning_disk / "store")
    big = _data(cloning_disk, _BIG) / "big"
    add_folder(store, big.parent)
    versions = [_BIG[:900_000] + mark + _BIG[900_007:] for mark in (b"changed", b"written")]
    big.write_bytes(versions[0])
    read = os.pread
    written: list[int] = []

    def write_and_read(fd: int, length: int, offset: int) -> bytes:
        if not written and os.readlink(f"/proc/self/fd/{fd}") == os.fspath(big):
            written.append(big.write_bytes(versions[1]))
        return read(fd, length, offset)

    ended = run_watched(
        lambda: add_folder(store, big.parent), cloning_disk, {"os.pread": write_and_read}
    )
    assert ended.code is None
    entry = Entry(Mode.FILE, hash_bytes(versions[1]), len(_BIG))
    assert read_file(open_store(store.folder), entry) == versions[1]


def test_a_file_of_chunks_that_are_all_known_is_listed_by_itself(cloning_disk: Path) -> None:
    store = open_store(cloning_disk / "store")
    entry = add_folder(store, _data(cloning_disk, _BIG))[0]["big"]
    sizes = [ref.size_bytes for ref in read_manifest(store, entry).chunks]
    starts = list(accumulate(sizes[:-10], initial=0))
    # where a file is cut depends on the byte that follows, so that one chunk's follows another's
    start, end = next(two for two in combinations(starts, 2) if _BIG[two[0]] == _BIG[two[1]])
    twice = _BIG[:end] + _BIG[start:]

    entries, report = add_folder(store, _data(cloning_disk, twice))

    assert report.new_bytes == 0
    assert read_file(open_store(store.folder), entries["big"]) == twice


def test_a_file_that_repeats_itself_takes_what_it_has_once(cloning_disk: Path) -> None:
    store = open_store(cloning_disk / "store")
    content = bytes(LEAST_BYTES + 1_000_000)

    entries, report = add_folder(store, _data(cloning_disk, content))

    assert _plain_packs(store) == []
    assert (report.packs, report.stored_bytes < 10_000) == (1, True)
    assert report.new_bytes == sum(
        size for _, size in set(read_manifest(store, entries["big"]).chunks)
    )
    assert read_file(open_store(store.folder), entries["big"]) == content


@linux
def test_clones_that_are_not_kept_do_not_stay_open(cloning_disk: Path) -> None:
    store = open_store(cloning_disk / "store")
    for content in (_BIG, _BIG, _BIG[:9_000_000] + b"changed" + _BIG[9_000_000:]):
        data = _data(cloning_disk, content)
        with open_writer(store) as writer:
            writer.add_files(data, walk(data))
            writer.finish()
        assert not [name for name in open_files() if f"{store.staging_folder}/" in name]


def _data(disk: Path, content: bytes) -> Path:
    (disk / "data").mkdir(exist_ok=True)
    (disk / "data" / "big").write_bytes(content)
    return disk / "data"


def test_a_restore_from_a_damaged_plain_pack_takes_the_other_copy(
    cloning_disk: Path, tmp_path: Path
) -> None:
    store = open_store(cloning_disk / "store")
    entry = add_folder(store, _data(cloning_disk, _BIG))[0]["big"]
    other = open_store(tmp_path / "other")
    add_contents(other, {"big": _BIG}, tmp_path / "data")
    shutil.copytree(other.folder / "packs", store.folder / "packs", dirs_exist_ok=True)
    shutil.rmtree(store.index_folder)
    for content in (b"?" + _BIG[1:], _BIG[:-1], _BIG + b"more"):
        _keep_as_plain_over(store, entry, content)
        out = cloning_disk / "out"
        restore_files(
            open_store(store.folder),
            [(entry, partial(os.open, out, os.O_RDWR | os.O_CREAT | os.O_TRUNC))],
        )
        assert out.read_bytes() == _BIG


def _keep_as_plain_over(store: Store, entry: Entry, content: bytes) -> None:
    pack_path(store.folder, entry.hash, True).unlink()
    _keep_as_plain(store, entry, content)


@linux
def test_a_clone_that_fails_or_cannot_be_read_leaves_the_store_as_it_was(
    cloning_disk: Path,
) -> None:
    store = open_store(cloning_disk / "store")
    add_contents(store, {"kept": b"kept"}, cloning_disk / "kept")
    before = sorted(store.folder.rglob("*"))
    data = _data(cloning_disk, _BIG)
    for system in ({"fcntl.ioctl": fail_with(errno.ENOSPC)}, {"os.readv": fail_with(errno.EIO)}):
        ended = run_watched(lambda: add_folder(store, data), cloning_disk, system)
        assert ended.code in {"disk-full", "write-failed"}
        assert sorted(store.folder.rglob("*")) == before


@linux
def test_a_clone_of_a_file_that_cannot_be_read_is_let_go(cloning_disk: Path) -> None:
    store = open_store(cloning_disk / "store")
    add_contents(store, {"kept": b"kept"}, cloning_disk / "kept")
    before = sorted(store.folder.rglob("*"))
    data, now = _data(cloning_disk, _BIG), time.time_ns

    def try_to_keep() -> None:
        try:
            add_folder(store, data)
        finally:
            assert not [name for name in open_files() if f"{store.staging_folder}/" in name]

    system = {"os.readv": fail_with(errno.EIO), "time.time_ns": lambda: now() + 3600 * 10**9}
    assert run_watched(try_to_keep, cloning_disk, system).code == "not-readable"
    assert sorted(store.folder.rglob("*")) == before


@linux
def test_a_disk_that_takes_a_part_of_a_write_is_given_the_rest(
    store: Store, tmp_path: Path
) -> None:
    entry = add_contents(store, {"big": _BIG}, tmp_path / "data")["big"]

    def write_some(fd: int, parts: list[bytes], start: int) -> int:
        return os.pwrite(fd, parts[0][:1000], start)

    out = tmp_path / "out"
    ended = run_watched(lambda: _restore(store, entry, out), tmp_path, {"os.pwritev": write_some})
    assert ended.code is None
    assert out.read_bytes() == _BIG


@linux
def test_a_clone_is_durable_before_its_index(cloning_disk: Path) -> None:
    store = open_store(cloning_disk / "store")
    data = _data(cloning_disk, _BIG)
    steps = run_watched(lambda: add_folder(store, data), store.folder).steps
    synced = [step for step in steps if step.startswith("sync tmp/")]
    named = [number for number, step in enumerate(steps) if step.startswith("replace tmp/")]
    assert len(synced) == len(named) == 2, "the clone, and the pack with the list of its chunks"
    assert steps.index(synced[-1]) < named[0]
    assert steps.index("sync packs") < steps.index("sync index/.mlops-tmp-*")
