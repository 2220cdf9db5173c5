from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.walk import walk
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.room import measure_new
from jupyter_mlops.objects.store import Store, open_store
from tests.objects.conftest import add_folder

_SIZES = (3_000, 90_000, 400_000, 1_300_000)


def _write_noise(folder: Path, seed: int) -> None:
    folder.mkdir(exist_ok=True)
    rng = random.Random(seed)
    for number, size in enumerate(_SIZES):
        (folder / f"{seed}-{number}").write_bytes(rng.randbytes(size))


def test_what_is_measured_is_what_is_written(store: Store, source: Path) -> None:
    measured = measure_new(store, source, walk(source))
    assert not store.folder.exists()
    _, report = add_folder(store, source)
    assert report.stored_bytes <= measured <= report.stored_bytes * 1.01 + 4096
    assert measure_new(store, source, walk(source)) < 1000 * len(walk(source))


def test_more_than_fits_is_refused_before_anything_is_written(
    small_disk: Path, tmp_path: Path
) -> None:
    store = open_store(small_disk / "store")
    _write_noise(tmp_path / "data", 1)
    _write_noise(tmp_path / "data", 2)
    with pytest.raises(UnavailableError) as caught:
        add_folder(store, tmp_path / "data")
    assert caught.value.code == "disk-full"
    assert not store.folder.exists()


def test_content_that_is_known_needs_no_room(small_disk: Path, tmp_path: Path) -> None:
    store = open_store(small_disk / "store")
    _write_noise(tmp_path / "data", 1)
    add_folder(store, tmp_path / "data")
    for copy in ("one", "two"):
        _write_noise(tmp_path / "data" / copy, 1)
    (tmp_path / "data" / "new").write_bytes(b"new" * 100)

    entries, report = add_folder(open_store(store.folder), tmp_path / "data")

    assert report.new_bytes == 300
    assert missing(open_store(store.folder), entries.values()) == []


def test_content_that_shrinks_needs_little_room(small_disk: Path, tmp_path: Path) -> None:
    store = open_store(small_disk / "store")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big").write_bytes(b"0123456789" * 1_000_000)

    entries, _ = add_folder(store, tmp_path / "data")

    assert missing(open_store(store.folder), entries.values()) == []


def test_a_child_of_a_process_that_has_measured_can_measure_too(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big").write_bytes(random.Random(5).randbytes(9_000_000))
    stats = walk(tmp_path / "data")
    needed = measure_new(store, tmp_path / "data", stats)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends it, should it wait for threads that it does not have
        os._exit(measure_new(store, tmp_path / "data", stats) != needed)
    assert os.waitpid(child, 0)[1] == 0
