from __future__ import annotations

import os
import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from jupyter_mlops.errors import MlopsError, UnavailableError
from jupyter_mlops.files.durable import clear_staging, write_atomic
from jupyter_mlops.files.walk import walk
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.objects.reader import missing, read_file, restore_files
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.objects.writer import open_writer
from tests.objects.conftest import add_contents, add_folder

_ADD = """
import sys
from pathlib import Path
from jupyter_mlops.files.walk import walk
from jupyter_mlops.objects.store import open_store
from jupyter_mlops.objects.writer import open_writer
store, folder = open_store(Path(sys.argv[1])), Path(sys.argv[2])
sys.stdin.readline()
for part in sorted(folder.iterdir()):
    with open_writer(store) as writer:
        writer.add_files(part, walk(part))
        writer.finish()
"""


def test_processes_that_write_at_once_all_succeed(store: Store, tmp_path: Path) -> None:
    rng = random.Random(9)
    shared = rng.randbytes(300_000)
    children = []
    for number in range(3):
        for part in range(4):
            folder = tmp_path / f"{number}" / f"{part}"
            folder.mkdir(parents=True)
            (folder / "shared").write_bytes(shared + b"%d" % part)
            (folder / "own").write_bytes(rng.randbytes(50_000))
        children.append(
            subprocess.Popen(
                [sys.executable, "-c", _ADD, str(store.folder), str(tmp_path / f"{number}")],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
    for child in children:
        _, errors = child.communicate()
        assert child.returncode == 0, errors.decode()

    for number in range(3):
        for part in range(4):
            entries, report = add_folder(open_store(store.folder), tmp_path / f"{number}/{part}")
            assert report.packs == 0
            assert missing(open_store(store.folder), entries.values()) == []
    assert os.listdir(store.folder / "tmp") == []


def test_a_full_disk_stops_a_writer_and_changes_nothing(small_disk: Path, tmp_path: Path) -> None:
    store = open_store(small_disk / "store")
    kept = add_contents(store, {"kept": b"kept" * 1000}, tmp_path / "kept")
    before = {p for p in store.folder.rglob("*") if p.is_file()}
    rng = random.Random(10)

    with pytest.raises(UnavailableError) as caught, open_writer(store) as writer:
        for _ in range(30):
            writer.add_chunk(rng.randbytes(400_000))
        writer.finish()

    assert caught.value.code == "disk-full"
    assert {p for p in store.folder.rglob("*") if p.is_file()} == before
    assert read_file(open_store(store.folder), kept["kept"]) == b"kept" * 1000
    (tmp_path / "kept" / "0").write_bytes(rng.randbytes(400_000))
    entries, _ = add_folder(open_store(store.folder), tmp_path / "kept")
    assert missing(open_store(store.folder), entries.values()) == []


def test_a_full_disk_stops_a_restore_before_the_first_change(
    small_disk: Path, tmp_path: Path
) -> None:
    store = open_store(tmp_path / "store")
    content = random.Random(11).randbytes(6_000_000)
    entry = add_contents(store, {"big": content}, tmp_path / "data")["big"]
    tree = WorkTree(small_disk)
    tree.write_file("big", b"mine")

    with pytest.raises(UnavailableError) as caught, tree.open_batch("big") as batch:
        restore_files(store, [(entry, lambda: batch.open_file("big", Mode.FILE))])
        batch.apply()

    assert caught.value.code == "disk-full"
    assert tree.read("big") == b"mine"
    assert os.listdir(small_disk) == ["big"]
    with pytest.raises(UnavailableError):
        tree.write_file("other", bytes(6_000_000))
    assert os.listdir(small_disk) == ["big"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    if sys.platform != "linux" or not Path("/proc/1").exists():
        pytest.skip("not run: needs a folder that nobody can write")
    with pytest.raises(MlopsError) as caught:
        write_atomic(Path("/proc/1/file"), b"")
    assert caught.value.exit_status == 6
    assert clear_staging(Path("/proc/1")) == 0


def test_restoring_writes_each_destination_once(store: Store, source: Path, tmp_path: Path) -> None:
    entries, _ = add_folder(store, source)
    files = {p: e for p, e in entries.items() if e.mode in (Mode.FILE, Mode.EXECUTABLE)}
    wanted: list[tuple[str, Entry]] = [*files.items(), ("again/small", files["small"])]
    (tmp_path / "out").mkdir()
    tree = WorkTree(tmp_path / "out", tmp_path / "staging")
    opened: list[str] = []
    with tree.open_batch("") as batch:

        def open_as(path: str, mode: Mode) -> int:
            opened.append(path)
            return batch.open_file(path, mode)

        restore_files(store, [(e, partial(open_as, p, e.mode)) for p, e in wanted])
        assert walk(tmp_path / "out") == []
        batch.apply()
    assert sorted(opened) == sorted(path for path, _ in wanted)
    for path, entry in wanted:
        assert (tmp_path / "out" / path).read_bytes() == read_file(store, entry)
    assert os.access(tmp_path / "out" / "run", os.X_OK)


def test_damage_stops_a_restore_before_the_first_change(
    store: Store, source: Path, tmp_path: Path
) -> None:
    entries, _ = add_folder(store, source)
    (pack,) = (store.folder / "packs").glob("*/*")
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.unlink()
    pack.write_bytes(content)
    (tmp_path / "out").mkdir()
    tree = WorkTree(tmp_path / "out")
    files = {p: e for p, e in entries.items() if e.mode is Mode.FILE}

    with pytest.raises(MlopsError) as caught, tree.open_batch("") as batch:
        wanted = [(e, partial(batch.open_file, p, Mode.FILE)) for p, e in files.items()]
        restore_files(open_store(store.folder), wanted)
        batch.apply()

    assert caught.value.code == "content-damaged"
    assert os.listdir(tmp_path / "out") == []
