"""Which content files had when they were last hashed: a cache that may be lost at any time."""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import msgspec
from blake3 import blake3

from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.files.walk import FileStat, ListedRow, bound_ns
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import HASH_BYTES, Hash

GRANULARITY_NS = 2_000_000_000
"""How coarse a file system's times may be (FAT: two seconds)."""

_MAGIC = b"MLSE\0" + sys.byteorder[:3].encode()
_CHECK_BYTES = 16
_STAT = struct.Struct("=qqqQ")
_STAT_BYTES = _STAT.size
_MODES = (Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK)
_CODES = {mode: code for code, mode in enumerate(_MODES)}


class FolderRows(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The files and links right in one folder, and their content.

    ``stamp`` is of the listing in which each file was as it is here, empty where one was not.
    ``content`` is then the hash of the whole folder, with folders in it that ``within`` stands for;
    empty where that is not known. ``kept`` has a byte for each file: 1 where its content need not
    be kept again.
    """

    stamp: bytes
    content: bytes
    within: bytes
    kept: bytes
    modes: bytes
    names: list[str]
    stats: bytes
    hashes: bytes
    size_bytes: int

    def match(self, rows: Iterable[ListedRow]) -> dict[str, int]:
        """Return which of these files ``rows`` prove to be unchanged: their place by name."""
        stats = zip(self.modes, _STAT.iter_unpack(self.stats), strict=True)
        known = dict(zip(self.names, enumerate(stats), strict=True))
        unknown = (-1, (0, (0, 0, 0, 0)))
        matched = {}
        for name, kind, numbers in rows:
            at, (code, stat) = known.get(name, unknown)
            # other options of a mount give another mode, and leave the times as they are
            if at >= 0 and stat == numbers and code == _code_of(kind):
                matched[name] = at
        return matched

    def read_stat(self, prefix: str, at: int) -> FileStat:
        """Return the file at the place ``at``; its path begins with ``prefix``."""
        mode = _MODES[self.modes[at]]
        return FileStat(
            prefix + self.names[at], mode, *_STAT.unpack_from(self.stats, at * _STAT_BYTES)
        )

    def read_entry(self, at: int) -> Entry:
        """Return the content of the file at the place ``at``."""
        size_bytes = _STAT.unpack_from(self.stats, at * _STAT_BYTES)[0]
        return Entry(_MODES[self.modes[at]], self.read_hash(at), size_bytes)

    def read_hash(self, at: int) -> Hash:
        """Return the hash of the file at the place ``at``."""
        return Hash(self.hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES])

    def read_entries(self) -> dict[str, Entry]:
        """Return the content of all files by name."""
        modes = [_MODES[code] for code in self.modes]
        hashes, sizes = zip(*self.iter_contents(), strict=True) if self.names else ((), ())
        return dict(zip(self.names, map(Entry, modes, hashes, sizes), strict=True))

    def iter_contents(self) -> Iterator[tuple[Hash, int]]:
        """Yield the hash and the size in bytes of each file."""
        hashes = self.hashes
        cut = (Hash(hashes[at : at + HASH_BYTES]) for at in range(0, len(hashes), HASH_BYTES))
        return zip(cut, (row[0] for row in _STAT.iter_unpack(self.stats)), strict=True)

    def find_unmarked(self) -> list[str]:
        """Return the names of the files that are not marked as kept."""
        if self.kept.count(1) == len(self.kept):
            return []
        return [name for name, kept in zip(self.names, self.kept, strict=True) if not kept]

    def without(self, names: Container[str]) -> FolderRows:
        """Return the same without some of the files, and so without a stamp."""
        left = [at for at, name in enumerate(self.names) if name not in names]
        return FolderRows(
            b"",
            b"",
            b"",
            bytes([self.kept[at] for at in left]),
            bytes([self.modes[at] for at in left]),
            [self.names[at] for at in left],
            b"".join([self.stats[at * _STAT_BYTES : (at + 1) * _STAT_BYTES] for at in left]),
            b"".join([self.read_hash(at) for at in left]),
            sum(self.read_entry(at).size_bytes for at in left),
        )

    def is_sound(self) -> bool:
        """Return whether all parts fit each other."""
        count = len(self.names)
        return (
            len(self.stamp) in (0, HASH_BYTES)
            and len(self.content) in (0, HASH_BYTES)
            and len(self.kept) == len(self.modes) == count == len(set(self.names))
            and len(self.stats) == count * _STAT_BYTES
            and len(self.hashes) == count * HASH_BYTES
            and max(self.modes, default=0) < len(_MODES)
        )


def make_rows(
    stats: Mapping[str, FileStat],
    hashes: Mapping[str, Hash],
    *,
    stamp: bytes = b"",
    former: FolderRows | None = None,
    unchanged: Mapping[str, int] | None = None,
) -> FolderRows:
    """Return the rows of a folder: ``stats`` with ``hashes``, and what is ``unchanged``.

    Args:
        stats: by name.
        hashes: of each of them.
        stamp: of the listing that all of them are in.
        former: rows of before.
        unchanged: by name, the place in ``former``.
    """
    unchanged = unchanged or {}
    names = sorted([*stats, *unchanged])
    kept, modes = bytearray(), bytearray()
    packed: list[bytes] = []
    contents: list[bytes] = []
    for name in names:
        at = unchanged.get(name)
        if at is None or former is None:
            _, mode, size, mtime_ns, ctime_ns, inode = stats[name]
            kept.append(0)
            modes.append(_CODES[mode])
            packed.append(_STAT.pack(size, bound_ns(mtime_ns), bound_ns(ctime_ns), inode))
            contents.append(hashes[name])
        else:
            kept.append(former.kept[at])
            modes.append(former.modes[at])
            packed.append(former.stats[at * _STAT_BYTES : (at + 1) * _STAT_BYTES])
            contents.append(former.hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES])
    joined = b"".join(packed)
    size_bytes = sum([row[0] for row in _STAT.iter_unpack(joined)])
    return FolderRows(
        stamp, b"", b"", bytes(kept), bytes(modes), names, joined, b"".join(contents), size_bytes
    )


def _code_of(kind: int) -> int:
    """Return the place in _MODES of what the file system calls ``kind``."""
    return 2 if kind & 0o170000 == 0o120000 else kind >> 6 & 1


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    token: bytes
    tops: dict[str, dict[str, FolderRows]]


class StatCache:
    """Hashes of files by folder, each with the stat it holds for; not thread-safe.

    A file is remembered when its mtime and ctime are older, by more than the file system's
    granularity, than the moment its content was read, and not in the future; what is remembered
    answers while size, mtime, ctime and inode agree. A folder is named by the tracked path
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
        self, top: str, prefix: str, rows: FolderRows, *, unsettled: Collection[str] = ()
    ) -> None:
        """Remember ``rows`` of a folder, and nothing else of it.

        Those files are left out that :func:`is_settled` denies, named by ``unsettled``.
        """
        if unsettled:
            rows = rows.without(unsettled)
        if rows != self.find(top, prefix):
            self._tops.setdefault(top, {})[prefix] = rows
            self._changed = True

    def record_later(self, top: str, path: str, found: FileStat, content: Hash) -> None:
        """Remember, from the next command on, a file that was just written.

        ``path`` is relative to the tracked path ``top``, empty where it is the file itself.
        """
        parent, slash, name = path.rpartition("/")
        folder = self._written.setdefault((top, parent + slash), {})
        folder[name] = (found, content) if is_settled(found, time.time_ns()) else None

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

    def mark_kept(self, top: str, prefix: str) -> None:
        """Mark what is remembered of a folder's files as what need not be kept again."""
        rows = self.find(top, prefix)
        if rows is not None and rows.kept.count(1) < len(rows.kept):
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
            places = enumerate(former.names) if former is not None else ()
            stay = {name: at for at, name in places if name not in files}
            settled = {name: written for name, written in files.items() if written is not None}
            rows = make_rows(
                {name: found for name, (found, _) in settled.items()},
                {name: content for name, (_, content) in settled.items()},
                former=former,
                unchanged=stay,
            )
            self.record(top, prefix, rows)
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


def is_settled(found: FileStat, read_at_ns: int) -> bool:
    """Return whether a file that is written again after ``read_at_ns`` has another stat then."""
    return read_at_ns - max(found.mtime_ns, found.ctime_ns) > GRANULARITY_NS
