"""Which content a file had when it was last hashed: a cache that may be lost at any time."""

from __future__ import annotations

import os
import sys
import time
from array import array
from collections.abc import Container
from pathlib import Path

import msgspec
from blake3 import blake3

from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.files.walk import FileStat
from jupyter_mlops.ids import HASH_BYTES, Hash

GRANULARITY_NS = 2_000_000_000
"""How coarse a file system's times may be (FAT: two seconds)."""

_MAGIC = b"MLSC\0" + sys.byteorder[:3].encode()
_CHECK_BYTES = 16
_COLUMNS = 5
_INODE_MASK = (1 << 63) - 1


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    paths: list[str]
    hashes: bytes
    numbers: bytes


class StatCache:
    """Hashes of files by path, each with the stat it holds for; not thread-safe.

    An entry answers only while size, mtime, ctime and inode agree, the mtime is older by more than
    the file system's granularity than the moment the content was read, and it is not in the future.
    """

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._hashes = bytearray()
        self._numbers = array("q")
        self._changed = False

    def __len__(self) -> int:
        return len(self._rows)

    def lookup(self, path: str, found: FileStat) -> Hash | None:
        """Return the hash of the file at ``path`` if ``found`` proves that it is unchanged."""
        row = self._rows.get(path)
        if row is None:
            return None
        size, mtime, ctime, inode, checked = self._numbers[row * _COLUMNS : (row + 1) * _COLUMNS]
        if (
            size != found.size_bytes
            or mtime != found.mtime_ns
            or ctime != found.ctime_ns
            or inode != found.inode & _INODE_MASK
            or checked - mtime <= GRANULARITY_NS
            or checked - ctime <= GRANULARITY_NS
        ):
            return None
        return Hash(bytes(self._hashes[row * HASH_BYTES : (row + 1) * HASH_BYTES]))

    def record(
        self, path: str, found: FileStat, content_hash: Hash, checked_at_ns: int | None = None
    ) -> None:
        """Remember that the file at ``path`` had this content.

        ``found`` is the stat taken before the content was read, ``checked_at_ns`` the time at which
        reading began, now by default.
        """
        checked = time.time_ns() if checked_at_ns is None else checked_at_ns
        numbers = array(
            "q",
            (found.size_bytes, found.mtime_ns, found.ctime_ns, found.inode & _INODE_MASK, checked),
        )
        row = self._rows.setdefault(path, len(self._rows))
        self._hashes[row * HASH_BYTES : (row + 1) * HASH_BYTES] = content_hash
        self._numbers[row * _COLUMNS : (row + 1) * _COLUMNS] = numbers
        self._changed = True

    def retain(self, folder: str, present: Container[str]) -> None:
        """Forget the files under ``folder`` whose project-relative paths are not in ``present``."""
        prefix = folder.rstrip("/") + "/"
        kept = {
            path: row
            for path, row in self._rows.items()
            if path in present or not (path == folder or path.startswith(prefix))
        }
        if len(kept) == len(self._rows):
            return
        hashes, numbers = bytearray(), array("q")
        for row in kept.values():
            hashes += self._hashes[row * HASH_BYTES : (row + 1) * HASH_BYTES]
            numbers += self._numbers[row * _COLUMNS : (row + 1) * _COLUMNS]
        self._rows = {path: at for at, path in enumerate(kept)}
        self._hashes, self._numbers, self._changed = hashes, numbers, True

    def write(self, path: Path) -> None:
        """Write the cache to ``path`` if anything is new: atomic, not synced, last writer wins.

        Raises:
            UnavailableError: it cannot be written.
        """
        if not self._changed:
            return
        table = _Table(list(self._rows), bytes(self._hashes), self._numbers.tobytes())
        body = msgspec.msgpack.encode(table)
        check = blake3(body).digest(_CHECK_BYTES)
        write_atomic(path, b"".join((_MAGIC, check, body)), durable=False)
        self._changed = False


def read_stat_cache(path: Path) -> StatCache:
    """Return the cache that ``path`` holds; an empty one when it is missing or damaged."""
    cache = StatCache()
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.read(os.fstat(file.fileno()).st_size)
    except OSError:
        return cache
    start = len(_MAGIC) + _CHECK_BYTES
    body = memoryview(content)[start:]
    check = blake3(body).digest(_CHECK_BYTES)
    if content[: len(_MAGIC)] != _MAGIC or content[len(_MAGIC) : start] != check:
        return cache
    try:
        table = msgspec.msgpack.decode(body, type=_Table)
    except (ValueError, RecursionError):
        return cache
    count = len(table.paths)
    if len(table.hashes) != count * HASH_BYTES or len(table.numbers) != count * 8 * _COLUMNS:
        return cache
    rows = dict(zip(table.paths, range(count), strict=True))
    if len(rows) == count:
        cache._rows = rows
        cache._hashes = bytearray(table.hashes)
        cache._numbers.frombytes(table.numbers)
    return cache
