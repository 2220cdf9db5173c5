"""Packs on their way from a remote: many requests at once, in bounded memory, verified."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_mlops.files.durable import open_staging
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.storage.backend import ByteRange, StoredObject
from jupyter_mlops.storage.folder import FolderBackend
from jupyter_mlops.sync.listing import FORMAT_OBJECT, FORMAT_TEXT, pack_object
from jupyter_mlops.sync.remote import TRANSFERS, Remote
from jupyter_mlops.sync.transfers import BLOCK_BYTES, Transfers

_AT_ONCE = 3


class _Counting(FolderBackend):
    """Answers when some requests are there at once, and notes how many that were at most."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, str(root))
        self.most = 0
        self._now = 0
        self._counting = threading.Lock()
        self._enough = threading.Event()

    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        with self._counting:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now >= _AT_ONCE:
                self._enough.set()
        assert self._enough.wait(30), "one request waits for another"
        try:
            return super().read_ranges(name, ranges, expected=expected)
        finally:
            with self._counting:
                self._now -= 1


@pytest.mark.parametrize("whole", [True, False])
def test_blocks_of_a_big_pack_come_at_once(tmp_path: Path, whole: bool) -> None:
    content = bytes(range(251)) * (4 * BLOCK_BYTES // 251)
    key = (hash_bytes(content), True)
    with _Counting(tmp_path) as backend, ThreadPoolExecutor(TRANSFERS) as pool:
        backend.put(FORMAT_OBJECT, FORMAT_TEXT)
        backend.put(pack_object(*key), content if whole else content[:-1] + b"x")
        remote = Remote(backend, tmp_path / "cache")
        told: list[int] = []
        with open_staging(tmp_path / "staging") as staging:
            transfers = Transfers(remote, staging, pool, {})
            ((found, arrival),) = transfers.fetch_packs([key], told.append)
            assert found == key
            assert sum(told) == len(content)
            if whole:
                assert arrival is not None
                staged, table = arrival
                assert staged.path.read_bytes() == content
                assert sum(info.plain_bytes for info in table) <= len(content)
            else:
                assert arrival is None
        assert _AT_ONCE <= backend.most <= TRANSFERS
