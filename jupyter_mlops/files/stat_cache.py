"""Which content files had when they were last hashed: a cache that may be lost at any time."""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path

import msgspec
from blake3 import blake3

from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.files.walk import FileStat
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import HASH_BYTES, Hash

GRANULARITY_NS = 2_000_000_000
"""How coarse a file system's times may be (FAT: two seconds)."""

_MAGIC = b"MLSE\0" + sys.byteorder[:3].encode()
_CHECK_BYTES = 16
_STAT = struct.Struct("=BqqqQ")
_STAT_BYTES = _STAT.size
_MODES = (Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK)
_CODES = {mode: code for code, mode in enumerate(_MODES)}


class FolderRows(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What is remembered of the files and links right in one folder.

    ``stamp`` is of the listing in which each file was as it is remembered, empty where one was not.
    ``content`` is then the hash of the whole folder, with folders in it that ``within`` stands for;
    empty where that is not known. ``kept`` has a byte for each file: 1 where its content need not
    be kept again.
    """

    stamp: bytes
    content: bytes
    within: bytes
    kept: bytes
    names: list[str]
    stats: bytes
    hashes: bytes
    size_bytes: int

    def read_stats(self, prefix: str) -> dict[str, FileStat]:
        """Return the files by name; their paths begin with ``prefix``."""
        return {
            name: FileStat(prefix + name, _MODES[code], size_bytes, mtime_ns, ctime_ns, inode)
            for name, (code, size_bytes, mtime_ns, ctime_ns, inode) in zip(
                self.names, _STAT.iter_unpack(self.stats), strict=True
            )
        }

    def read_entries(self) -> dict[str, Entry]:
        """Return the content of the files by name."""
        return {
            name: Entry(_MODES[code], content, size_bytes)
            for name, content, (code, size_bytes, _, _, _) in zip(
                self.names, self.iter_hashes(), _STAT.iter_unpack(self.stats), strict=True
            )
        }

    def iter_contents(self) -> Iterator[tuple[Hash, int]]:
        """Yield the hash and the size in bytes of each file."""
        sizes = (row[1] for row in _STAT.iter_unpack(self.stats))
        return zip(self.iter_hashes(), sizes, strict=True)

    def iter_hashes(self) -> Iterator[Hash]:
        """Yield the hash of each file."""
        hashes = self.hashes
        return (Hash(hashes[at : at + HASH_BYTES]) for at in range(0, len(hashes), HASH_BYTES))

    def find_unchanged(self, stats: Mapping[str, FileStat]) -> dict[str, tuple[Hash, bool]]:
        """Return the hashes of those files that ``stats`` prove to be unchanged.

        With each stands whether it need not be kept again.
        """
        found: dict[str, tuple[Hash, bool]] = {}
        known = self.stats
        for at, (name, content, kept) in enumerate(
            zip(self.names, self.iter_hashes(), self.kept, strict=True)
        ):
            seen = stats.get(name)
            if seen and known[at * _STAT_BYTES : (at + 1) * _STAT_BYTES] == _pack(seen):
                found[name] = content, bool(kept)
        return found

    def find_unmarked(self, entries: Mapping[str, Entry]) -> list[str]:
        """Return the names of those ``entries`` that are not marked as kept with this content."""
        if self.kept.count(1) == len(self.kept):
            marked = dict(zip(self.names, self.iter_hashes(), strict=True))
        else:
            rows = zip(self.names, self.iter_hashes(), self.kept, strict=True)
            marked = {name: content for name, content, kept in rows if kept}
        return [name for name, entry in entries.items() if marked.get(name) != entry.hash]

    def is_sound(self) -> bool:
        """Return whether all parts fit each other."""
        count = len(self.names)
        return (
            len(self.stamp) in (0, HASH_BYTES)
            and len(self.content) in (0, HASH_BYTES)
            and len(self.kept) == count == len(set(self.names))
            and len(self.stats) == count * _STAT_BYTES
            and len(self.hashes) == count * HASH_BYTES
            and max(self.stats[::_STAT_BYTES], default=0) < len(_MODES)
        )


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    token: bytes
    tops: dict[str, dict[str, FolderRows]]


class StatCache:
    """Hashes of files by folder, each with the stat it holds for; not thread-safe.

    A file is remembered when its mtime and ctime are older, by more than the file system's
    granularity, than the moment its content was read, and not in the future; what is remembered
    answers while mode, size, mtime, ctime and inode agree. A folder is named by the tracked path
    that it belongs to, and by its prefix in there, as in a :class:`Listing`; a file that is itself
    tracked is the one with the name ``""`` in a folder with the prefix ``""``.

    Attributes:
        token: what the marks of what is kept were made by; the caller says whether that holds.
    """

    def __init__(self) -> None:
        self.token = b""
        self._tops: dict[str, dict[str, FolderRows]] = {}
        self._written: dict[tuple[str, str], dict[str, tuple[FileStat, Hash] | None]] = {}
        self._changed = False

    def __len__(self) -> int:
        return sum(len(rows.names) for top in self._tops.values() for rows in top.values())

    def find(self, top: str, prefix: str) -> FolderRows | None:
        """Return what is remembered of a folder."""
        return self._tops.get(top, {}).get(prefix)

    def record(
        self,
        top: str,
        prefix: str,
        stats: Mapping[str, FileStat],
        hashes: Mapping[str, Hash],
        *,
        stamp: bytes = b"",
        read_at_ns: int | None = None,
    ) -> FolderRows:
        """Remember what the files of one folder hold, and nothing else of it.

        Args:
            top: the tracked path.
            prefix: the folder.
            stats: by name, taken before contents were read.
            hashes: of those that may be remembered.
            stamp: of the listing that ``stats`` are from.
            read_at_ns: when reading began, now by default.
        """
        former = self.find(top, prefix)
        known = former.find_unchanged(stats) if former is not None else {}
        read_at_ns = time.time_ns() if read_at_ns is None else read_at_ns
        names = []
        kept = bytearray()
        for name, found in stats.items():
            content, mark = known.get(name, (None, False))
            if name not in hashes:
                continue
            if content != hashes[name]:
                if not _is_settled(found, read_at_ns):
                    continue
                mark = False
            names.append(name)
            kept.append(mark)
        stamp = stamp if len(names) == len(stats) else b""
        rows = _make_rows(names, stats, hashes, bytes(kept), stamp)
        if rows != former:
            self._tops.setdefault(top, {})[prefix] = rows
            self._changed = True
            return rows
        return former

    def record_later(self, top: str, path: str, found: FileStat, content: Hash) -> None:
        """Remember, from the next command on, a file that was just written.

        ``path`` is relative to the tracked path ``top``, empty where it is the file itself.
        """
        parent, slash, name = path.rpartition("/")
        settled = _is_settled(found, time.time_ns())
        folder = self._written.setdefault((top, parent + slash), {})
        folder[name] = (found, content) if settled else None

    def retain(self, top: str, prefixes: Collection[str]) -> None:
        """Forget the folders of the tracked path ``top`` that are not in ``prefixes``."""
        folders = self._tops.get(top, {})
        gone = folders.keys() - set(prefixes)
        for prefix in gone:
            del folders[prefix]
        self._changed = self._changed or bool(gone)

    def note_content(self, rows: FolderRows, within: bytes, content: Hash) -> None:
        """Remember the hash of a whole folder of which each file is remembered."""
        rows.within, rows.content = within, content
        self._changed = True

    def mark_kept(self, rows: FolderRows) -> None:
        """Mark what is remembered of a folder's files as what need not be kept again."""
        if rows.kept.count(1) < len(rows.kept):
            rows.kept = b"\1" * len(rows.kept)
            self._changed = True

    def clear_marks(self, token: bytes) -> None:
        """Forget all marks; new ones are made by ``token``."""
        for rows in chain.from_iterable(top.values() for top in self._tops.values()):
            rows.kept = bytes(len(rows.kept))
        self.token = token
        self._changed = True

    def write(self, path: Path) -> None:
        """Write the cache to ``path`` if anything is new: atomic, not synced, last writer wins.

        Raises:
            UnavailableError: it cannot be written.
        """
        self._take_written()
        if not self._changed:
            return
        body = msgspec.msgpack.encode(_Table(self.token, self._tops))
        check = blake3(body).digest(_CHECK_BYTES)
        write_atomic(path, b"".join((_MAGIC, check, body)), durable=False)
        self._changed = False

    def _take_written(self) -> None:
        for (top, prefix), files in self._written.items():
            former = self.find(top, prefix)
            stats = former.read_stats(prefix) if former is not None else {}
            entries = former.read_entries() if former is not None else {}
            hashes = {name: entry.hash for name, entry in entries.items()}
            for name, written in files.items():
                stats.pop(name, None)
                if written is not None:
                    stats[name], hashes[name] = written
            kept = former.find_unchanged(stats) if former is not None else {}
            marks = bytes(kept.get(name, (b"", False)) == (hashes[name], True) for name in stats)
            self._tops.setdefault(top, {})[prefix] = _make_rows(
                list(stats), stats, hashes, marks, b""
            )
            self._changed = True
        self._written.clear()


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
    if all(rows.is_sound() for top in table.tops.values() for rows in top.values()):
        cache.token, cache._tops = table.token, table.tops
    return cache


def _make_rows(
    names: list[str],
    stats: Mapping[str, FileStat],
    hashes: Mapping[str, Hash],
    kept: bytes,
    stamp: bytes,
) -> FolderRows:
    packed = b"".join([_pack(stats[name]) for name in names])
    contents = b"".join([hashes[name] for name in names])
    size_bytes = sum([stats[name].size_bytes for name in names])
    return FolderRows(stamp, b"", b"", kept, names, packed, contents, size_bytes)


def _is_settled(found: FileStat, read_at_ns: int) -> bool:
    """Return whether a file that is written again after ``read_at_ns`` has another stat."""
    return read_at_ns - max(found.mtime_ns, found.ctime_ns) > GRANULARITY_NS


def _pack(found: FileStat) -> bytes:
    _, mode, size_bytes, mtime_ns, ctime_ns, inode = found
    return _STAT.pack(_CODES[mode], size_bytes, mtime_ns, ctime_ns, inode)
