"""Content is durable before the index names it, and what is named was read back."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.files.durable import Staging, open_staging
from jupyter_mlops.formats.index import PackEntry
from jupyter_mlops.formats.pack import Codec, RecordKind
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.packing import OpenPack, make_record
from jupyter_mlops.objects.segments import forget_packs
from jupyter_mlops.objects.store import Store, create_store, open_store
from jupyter_mlops.objects.writer import open_writer
from tests.support.system_steps import BROKEN_DISK, NO_LINKS, run_watched

linux = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
_NAMES = re.compile(r"[0-9a-f]{64}")
_PREFIX = re.compile(r"packs/[0-9a-f]{2}\b")


def _add(store: Store, *contents: bytes) -> Callable[[], None]:
    def add() -> None:
        with open_writer(store) as writer:
            for content in contents:
                writer.add_chunk(content)
            writer.finish()

    return add


def _shorten(steps: list[str]) -> list[str]:
    """Return the steps without hashes, and without those in the staging folder alone."""
    shown = [_PREFIX.sub("packs/xx", _NAMES.sub("hash", step)) for step in steps]
    return [step for step in shown if not step.startswith(("unlink tmp/", "rmdir tmp/"))]


@linux
def test_a_pack_is_durable_before_its_index_and_the_index_when_all_returns(store: Store) -> None:
    create_store(store)

    ended = run_watched(_add(store, b"content"), store.folder)

    assert ended.code is None
    assert _shorten(ended.steps) == [
        *("mkdir tmp/.mlops-tmp-*", "sync tmp/.mlops-tmp-*/*", "mkdir packs", "mkdir packs/xx"),
        *("replace tmp/.mlops-tmp-*/* packs/xx/hash.pack", "sync packs/xx", "sync packs", "sync ."),
        *("mkdir index", "sync .", "sync index/.mlops-tmp-*"),
        *("replace index/.mlops-tmp-* index/hash.idx", "sync index"),
    ]


@linux
def test_a_new_store_says_its_format_before_it_holds_anything(store: Store) -> None:
    steps = run_watched(_add(store, b"content"), store.folder).steps
    named = [step for step in _shorten(steps) if step.startswith(("replace", "rename"))]
    assert named == [
        "replace .mlops-tmp-* format",
        "replace tmp/.mlops-tmp-*/* packs/xx/hash.pack",
        "replace index/.mlops-tmp-* index/hash.idx",
    ]


@linux
def test_a_disk_that_takes_nothing_gets_neither_pack_nor_index(store: Store) -> None:
    _add(store, b"kept")()
    before = sorted(path for path in store.folder.rglob("*") if path.is_file())

    assert run_watched(_add(store, b"new"), store.folder, BROKEN_DISK).code == "write-failed"

    assert sorted(path for path in store.folder.rglob("*") if path.is_file()) == before


@linux
def test_a_store_works_where_files_have_one_name_only(store: Store) -> None:
    assert run_watched(_add(store, b"content"), store.folder, NO_LINKS).code is None
    assert open_store(store.folder).find(RecordKind.CHUNK, hash_bytes(b"content")) is not None


@linux
def test_segments_go_when_what_replaces_them_is_durable(store: Store) -> None:
    for number in range(8):
        _add(store, b"%d" % number)()

    steps = _shorten(run_watched(_add(store, b"last"), store.folder).steps)

    tail = steps[steps.index("sync index/.mlops-tmp-*") :]
    new, durable, *removed = tail[1:]
    assert (new, durable) == ("replace index/.mlops-tmp-* index/hash.idx", "sync index")
    assert removed[-1] == "sync index"
    assert set(removed[:-1]) == {"unlink index/hash.idx"}


@linux
def test_an_index_forgets_a_pack_when_the_rest_of_it_is_durable(store: Store) -> None:
    for number in range(10):
        _add(store, b"%d" % number)()
    store.reload()
    gone, *kept = store.iter_packs()

    steps = _shorten(run_watched(lambda: forget_packs(store, [gone]), store.folder).steps)

    assert steps == [
        *("sync index/.mlops-tmp-*", "replace index/.mlops-tmp-* index/hash.idx", "sync index"),
        *("unlink index/hash.idx", "sync index"),
    ]
    (store.folder / "packs" / gone.hash.hex()[:2] / f"{gone.hash.hex()}.pack").unlink()
    assert list(open_store(store.folder).iter_packs()) == kept


def _open_pack(staging: Staging, content: bytes) -> OpenPack:
    pack = OpenPack(staging.create())
    id = hash_bytes(content)
    pack.append(make_record(RecordKind.CHUNK, id, Codec.RAW, len(content), content))
    pack.flush()
    return pack


def test_a_pack_is_named_by_its_bytes(tmp_path: Path) -> None:
    with open_staging(tmp_path) as staging:
        sealed = _open_pack(staging, b"content" * 10).seal()
        content = sealed.staged.path.read_bytes()
        assert sealed.pack == PackEntry(hash_bytes(content), False, len(content))
        assert [info.id for info in sealed.table] == [hash_bytes(b"content" * 10)]


@pytest.mark.parametrize("place", [0, 9, 60, 100])
def test_a_pack_that_does_not_read_back_is_not_kept(tmp_path: Path, place: int) -> None:
    with open_staging(tmp_path) as staging:
        pack = _open_pack(staging, b"content" * 10)
        (written,) = staging.path.iterdir()
        with open(written, "rb+") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1]))
        with pytest.raises(IntegrityError):
            pack.seal()
        assert os.listdir(staging.path) == []


def test_a_pack_that_lacks_a_record_of_its_table_is_not_kept(tmp_path: Path) -> None:
    with open_staging(tmp_path) as staging:
        pack = _open_pack(staging, b"content" * 10)
        pack.staged.write(b"more")
        with pytest.raises(IntegrityError):
            pack.seal()
        assert os.listdir(staging.path) == []


def test_a_pack_is_written_while_it_grows(tmp_path: Path) -> None:
    """So that it takes little memory, however much is added."""
    content = bytes(200_000)
    with open_staging(tmp_path) as staging, staging.create() as staged:
        pack = OpenPack(staged)
        for _ in range(30):
            record = make_record(
                RecordKind.CHUNK, hash_bytes(content), Codec.RAW, len(content), content
            )
            pack.append(record)
            written = staged.path.stat().st_size
            assert pack.size_bytes - written < 1 << 20
            assert written == staged.size_bytes
