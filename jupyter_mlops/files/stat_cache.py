"""Which content a file had when it was last hashed: a cache that may be lost at any time."""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Container, Iterable, Iterator, Mapping
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

    def lookup(self, top: str, stats: Mapping[str, FileStat]) -> dict[str, Hash]:
        """Return the hashes of those files that ``stats`` prove to be unchanged.

        ``top`` is a project-relative path; files are named relative to it, ``""`` being the file at
        ``top`` itself.
        """
        hashes, known = bytes(self._hashes), bytes(self._stats)
        found: dict[str, Hash] = {}
        for name, row in self._rows_of(top, stats):
            start = row * _STAT_BYTES
            if known[start : start + _STAT_BYTES] == _pack(stats[name]):
                start = row * HASH_BYTES
                found[name] = Hash(hashes[start : start + HASH_BYTES])
        return found

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

    def find_unmarked(self, top: str, hashes: Mapping[str, Hash]) -> set[str]:
        """Return the files of which :meth:`mark_kept` was not called for this content.

        Files are named as in :meth:`lookup`.
        """
        unmarked = set(hashes)
        remembered = bytes(self._hashes)
        for name, row in self._rows_of(top, hashes):
            start = row * HASH_BYTES
            if self._kept[row] and remembered[start : start + HASH_BYTES] == hashes[name]:
                unmarked.remove(name)
        return unmarked

    def mark_kept(self, top: str, names: Iterable[str]) -> None:
        """Mark the content that is remembered of files as what need not be kept again.

        Files are named as in :meth:`lookup`.
        """
        for _, row in self._rows_of(top, names):
            if not self._kept[row]:
                self._kept[row] = 1
                self._changed = True

    def clear_marks(self, token: bytes) -> None:
        """Forget all marks; new ones are made by ``token``."""
        self._kept = bytearray(len(self._kept))
        self.token = token
        self._changed = True

    def retain(self, top: str, names: Container[str]) -> None:
        """Forget the files at and under ``top`` that are not in ``names``, as in :meth:`lookup`."""
        prefix, start = f"{top}/", len(top) + 1
        gone = {
            path for path in self._rows if path.startswith(prefix) and path[start:] not in names
        }
        if "" not in names and top in self._rows:
            gone.add(top)
        if not gone:
            return
        kept = {path: row for path, row in self._rows.items() if path not in gone}
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

    def _rows_of(self, top: str, names: Iterable[str]) -> Iterator[tuple[str, int]]:
        rows, prefix = self._rows, f"{top}/"
        for name in names:
            row = rows.get(prefix + name if name else top)
            if row is not None:
                yield name, row

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
    return _STAT.pack(*found[2:])  # size, mtime, ctime, inode


_NO_STAT = _STAT.pack(-1, 0, 0, 0)
