"""Which content a file had when it was last hashed: a cache that may be lost at any time."""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Container
from pathlib import Path

import msgspec
from blake3 import blake3

from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.files.walk import FileStat
from jupyter_mlops.ids import HASH_BYTES, Hash

GRANULARITY_NS = 2_000_000_000
"""How coarse a file system's times may be (FAT: two seconds)."""

_MAGIC = b"MLSD\0" + sys.byteorder[:3].encode()
_CHECK_BYTES = 16
_STAT = struct.Struct("=qqqQ")
_STAT_BYTES = _STAT.size


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    paths: list[str]
    hashes: bytes
    stats: bytes
    kept: bytes
    token: bytes


class StatCache:
    """Hashes of files by path, each with the stat it holds for; not thread-safe.

    A file is remembered when its mtime and ctime are older, by more than the file system's
    granularity, than the moment its content was read, and not in the future; what is remembered
    answers while size, mtime, ctime and inode agree.

    Attributes:
        token: what the marks of :meth:`mark_kept` were made by; the caller says whether that holds.
    """

    def __init__(self) -> None:
        self.token = b""
        self._rows: dict[str, int] = {}
        self._hashes = bytearray()
        self._stats = bytearray()
        self._kept = bytearray()
        self._changed = False

    def __len__(self) -> int:
        return len(self._rows)

    def lookup(self, path: str, found: FileStat) -> Hash | None:
        """Return the hash of the file at ``path`` if ``found`` proves that it is unchanged."""
        row = self._rows.get(path)
        if row is None:
            return None
        start = row * _STAT_BYTES
        if self._stats[start : start + _STAT_BYTES] != _pack(found):
            return None
        start = row * HASH_BYTES
        return Hash(bytes(self._hashes[start : start + HASH_BYTES]))

    def record(
        self, path: str, found: FileStat, content_hash: Hash, checked_at_ns: int | None = None
    ) -> None:
        """Remember that the file at ``path`` had this content.

        ``found`` is the stat taken before the content was read, ``checked_at_ns`` the time at which
        reading began, now by default.
        """
        checked = time.time_ns() if checked_at_ns is None else checked_at_ns
        if checked - max(found.mtime_ns, found.ctime_ns) <= GRANULARITY_NS:
            self._forget(path)
            return
        row = self._rows.setdefault(path, len(self._rows))
        self._hashes[row * HASH_BYTES : (row + 1) * HASH_BYTES] = content_hash
        self._stats[row * _STAT_BYTES : (row + 1) * _STAT_BYTES] = _pack(found)
        self._kept[row : row + 1] = b"\0"
        self._changed = True

    def is_kept(self, path: str, content_hash: Hash) -> bool:
        """Return whether :meth:`mark_kept` was called for this content of the file."""
        row = self._rows.get(path)
        if row is None or not self._kept[row]:
            return False
        start = row * HASH_BYTES
        return bytes(self._hashes[start : start + HASH_BYTES]) == content_hash

    def mark_kept(self, path: str) -> None:
        """Mark the content that is remembered of the file as one that need not be kept again."""
        row = self._rows.get(path)
        if row is not None and not self._kept[row]:
            self._kept[row] = 1
            self._changed = True

    def clear_marks(self, token: bytes) -> None:
        """Forget all marks; new ones are made by ``token``."""
        self._kept = bytearray(len(self._kept))
        self.token = token
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
        hashes, stats, marks = bytearray(), bytearray(), bytearray()
        for row in kept.values():
            hashes += self._hashes[row * HASH_BYTES : (row + 1) * HASH_BYTES]
            stats += self._stats[row * _STAT_BYTES : (row + 1) * _STAT_BYTES]
            marks += self._kept[row : row + 1]
        self._rows = {path: at for at, path in enumerate(kept)}
        self._hashes, self._stats, self._kept, self._changed = hashes, stats, marks, True

    def write(self, path: Path) -> None:
        """Write the cache to ``path`` if anything is new: atomic, not synced, last writer wins.

        Raises:
            UnavailableError: it cannot be written.
        """
        if not self._changed:
            return
        table = _Table(
            list(self._rows), bytes(self._hashes), bytes(self._stats), bytes(self._kept), self.token
        )
        body = msgspec.msgpack.encode(table)
        check = blake3(body).digest(_CHECK_BYTES)
        write_atomic(path, b"".join((_MAGIC, check, body)), durable=False)
        self._changed = False

    def _forget(self, path: str) -> None:
        """Let nothing be remembered of ``path``: a stat that no file has."""
        row = self._rows.get(path)
        if row is not None:
            self._stats[row * _STAT_BYTES : (row + 1) * _STAT_BYTES] = _NO_STAT
            self._kept[row] = 0
            self._changed = True


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
    lengths = (len(table.hashes), len(table.stats), len(table.kept))
    if lengths != (count * HASH_BYTES, count * _STAT_BYTES, count):
        return cache
    rows = dict(zip(table.paths, range(count), strict=True))
    if len(rows) == count:
        cache.token = table.token
        cache._rows = rows
        cache._hashes = bytearray(table.hashes)
        cache._stats = bytearray(table.stats)
        cache._kept = bytearray(table.kept)
    return cache


def _pack(found: FileStat) -> bytes:
    return _STAT.pack(found.size_bytes, found.mtime_ns, found.ctime_ns, found.inode)


_NO_STAT = _STAT.pack(-1, 0, 0, 0)
