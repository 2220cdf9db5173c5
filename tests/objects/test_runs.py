"""Records that lie close together come by one read."""

from __future__ import annotations

import os
import random
import sys
from functools import partial
from pathlib import Path

import pytest

from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, Codec, RecordKind
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.reader import restore_files
from jupyter_mlops.objects.records import Located, split_runs
from jupyter_mlops.objects.store import Store, open_store
from tests.objects.conftest import add_contents
from tests.support.system_steps import run_watched

linux = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
_FAR = 64 << 10
_RECORD = 1000 + RECORD_HEADER_BYTES


def _at(offset: int, pack: bytes = b"a", *, plain: bool = False) -> Located:
    id = hash_bytes(b"%d" % offset)
    return id, Place(Hash(pack * 32), plain, RecordKind.CHUNK, Codec.RAW, offset, 1000, 1000)


@pytest.mark.parametrize(
    ("second", "together"),
    [
        (_at(_RECORD), True),
        (_at(_RECORD + _FAR), True),
        (_at(_RECORD + _FAR + 1), False),
        (_at(_RECORD - 1), False),
        (_at(_RECORD, b"b"), False),
        (_at(_RECORD, plain=True), False),
    ],
)
def test_what_lies_close_behind_in_one_pack_is_one_run(second: Located, together: bool) -> None:
    items = [_at(0), second]
    assert list(split_runs(items)) == ([items] if together else [items[:1], items[1:]])


def test_a_run_is_no_longer_than_it_may_be() -> None:
    items = [_at(number * _RECORD) for number in range(10)]
    runs = list(split_runs(items, 3 * _RECORD))
    assert [len(run) for run in runs] == [3, 3, 3, 1]
    assert [item for run in runs for item in run] == items
    assert [len(run) for run in split_runs(items, 3 * _RECORD - 1)] == [2] * 5
    assert list(split_runs([])) == []


@linux
def test_many_small_files_come_by_few_reads(store: Store, tmp_path: Path) -> None:
    rng = random.Random(41)
    contents = {f"{number:03d}": rng.randbytes(2000) for number in range(200)}
    entries = add_contents(store, contents, tmp_path / "data")
    out = tmp_path / "out"
    out.mkdir()

    def restore(names: list[str]) -> int:
        reads = 0
        pread = os.pread

        def counting(fd: int, length: int, offset: int) -> bytes:
            nonlocal reads
            reads += 1
            return pread(fd, length, offset)

        def work() -> None:
            os.pread = counting
            restore_files(
                open_store(store.folder),
                [
                    (entries[name], partial(os.open, out / name, os.O_RDWR | os.O_CREAT))
                    for name in names
                ],
            )
            (tmp_path / "reads").write_text(f"{reads}")

        assert run_watched(work, tmp_path).code is None
        for name in names:
            assert (out / name).read_bytes() == contents[name]
        return int((tmp_path / "reads").read_text())

    assert restore(sorted(contents)) == 1
    assert restore(sorted(contents)[::2]) == 1, "small gaps are read with the rest"
