from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from jupyter_mlops.files.walk import walk
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.objects.writer import WriteReport, open_writer
from tests.support.disks import mount_tmpfs


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that does not exist yet."""
    return open_store(tmp_path / "store")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of files of every kind: empty, small, cut into chunks, big, linked."""
    rng = random.Random(7)
    folder = tmp_path / "source"
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "nothing").write_bytes(b"")
    (folder / "small").write_bytes(b"small content\n" * 20)
    (folder / "run").write_bytes(b"#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "sub" / "chunked").write_bytes(rng.randbytes(700_000))
    (folder / "big").write_bytes(rng.randbytes(6_000_000) + bytes(3_000_000))
    (folder / "sub" / "link").symlink_to("../small")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with mount_tmpfs(folder, "4m"):
        yield folder


def open_files() -> list[str]:
    """Return the paths of all that this process has open; needs Linux's /proc."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(link))
    return found


def rebuild_index(store: Store) -> None:
    """Take the whole index away and let a writer make it anew from the packs."""
    shutil.rmtree(store.index_folder)
    with open_writer(store):
        pass


def add_folder(store: Store, folder: Path) -> tuple[dict[str, Entry], WriteReport]:
    """Add all of ``folder`` to ``store``; return entries by path, and what the writer says."""
    stats = walk(folder)
    with open_writer(store) as writer:
        entries = writer.add_files(folder, stats)
        report = writer.finish()
    return dict(zip([item.path for item in stats], entries, strict=True)), report


def add_contents(store: Store, contents: Mapping[str, bytes], folder: Path) -> dict[str, Entry]:
    """Add ``contents`` as files by way of ``folder``."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return add_folder(store, folder)[0]
