"""What is on disk at a tracked path, hashing only what may have changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import TypeGuard

from blake3 import blake3

from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError
from jupyter_mlops.files.stat_cache import FolderRows, StatCache, read_stat_cache
from jupyter_mlops.files.walk import (
    FileStat,
    Listing,
    list_folders,
    read_stats,
    stat_empty,
    stat_file,
    stat_of,
    walk,
)
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.names import check_names
from jupyter_mlops.git.ignore import tracked_under
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.folders import Folder, Part
from jupyter_mlops.objects.packs import decode_packs, encode_packs
from jupyter_mlops.snapshots.handles import Handles

HashFiles = Callable[[Path, Sequence[FileStat]], Sequence[Entry]]
"""Turns files, named relative to a folder, into entries, in order."""

_READ_BYTES = 1 << 20


class ScannedPart(Part):
    """What is on disk right in one folder, or the one file that is tracked itself.

    What the stat cache remembers of a whole folder is unfolded where it is asked for.

    Args:
        prefix: of the folder within the tracked path.
        stats: by name; None where ``rows`` have them.
        entries: the content of each; None where ``rows`` have it.
        rows: what the stat cache remembers of the folder.
        cache: where that is remembered.
        empty: the folder itself where nothing is in it, which then is kept as such.
    """

    def __init__(
        self,
        prefix: str,
        *,
        stats: dict[str, FileStat] | None = None,
        entries: dict[str, Entry] | None = None,
        rows: FolderRows | None = None,
        cache: StatCache | None = None,
        empty: FileStat | None = None,
    ) -> None:
        self.prefix = prefix
        self.rows = rows
        self.empty = empty
        self._stats = stats
        self._read = entries
        self._cache = cache

    @property
    def is_empty(self) -> bool:
        """Whether it is an empty folder."""
        return self.empty is not None

    @property
    def stats(self) -> dict[str, FileStat]:
        """The files and links by name."""
        if self._stats is None:
            assert self.rows is not None
            self._stats = self.rows.read_stats(self.prefix)
        return self._stats

    @property
    def entries(self) -> dict[str, Entry]:
        """Their content by name."""
        if self._read is None:
            assert self.rows is not None
            self._read = self.rows.read_entries()
        return self._read

    @property
    def count(self) -> int:
        """How many entries there are; an empty folder is one."""
        return self.file_count + (self.empty is not None)

    @property
    def file_count(self) -> int:
        """How many files and links there are."""
        return len(self.rows.names) if self._is_remembered(self.rows) else len(self.entries)

    @property
    def size_bytes(self) -> int:
        """The bytes of them all."""
        if self._is_remembered(self.rows):
            return self.rows.size_bytes
        return sum(entry.size_bytes for entry in self.entries.values())

    def iter_contents(self) -> Iterable[tuple[Hash, int]]:
        """Return the hash and the size of each."""
        if self._is_remembered(self.rows):
            return self.rows.iter_contents()
        return ((entry.hash, entry.size_bytes) for entry in self.entries.values())

    def find_unmarked(self) -> list[str]:
        """Return the names of those that are not marked as kept with this content."""
        if self.rows is None:
            return list(self.entries)
        if self.rows.stamp and self.rows.kept.count(1) == len(self.rows.kept):
            return []
        return self.rows.find_unmarked(self.entries)

    def find_hash(self, folders: Mapping[str, Entry]) -> Hash | None:
        """Return the hash of the whole folder if it is remembered."""
        rows = self.rows
        if not self._is_remembered(rows) or not rows.content or rows.within != _stand_for(folders):
            return None
        return Hash(rows.content)

    def note_hash(self, folders: Mapping[str, Entry], id: Hash) -> None:
        """Remember the hash of the whole folder if each file in it is remembered."""
        if self._cache is not None and self._is_remembered(self.rows):
            self._cache.note_content(self.rows, _stand_for(folders), id)

    @staticmethod
    def _is_remembered(rows: FolderRows | None) -> TypeGuard[FolderRows]:
        return rows is not None and bool(rows.stamp)


def _stand_for(folders: Mapping[str, Entry]) -> bytes:
    named = [name.encode() + b"\0" + folders[name].hash for name in sorted(folders)]
    return blake3(b"".join(named)).digest() if named else b""


@dataclass(frozen=True)
class Present:
    """What is on disk at ``path``.

    ``parts`` are by prefix; those of a single file are one with the one name ``""``. ``git_files``
    are the files inside that Git tracks; they belong to Git and are in no part. A single file that
    Git tracks is in both.
    """

    path: str
    is_folder: bool
    parts: Mapping[str, ScannedPart]
    git_files: tuple[str, ...]

    @cached_property
    def content(self) -> Entry:
        """What a pointer to this state would name."""
        if self.is_folder:
            return Entry(Mode.FOLDER, self.folder.hash, 0)
        return self.entries[""]

    @cached_property
    def folder(self) -> Folder:
        """The same as a folder; of a single file, one that holds it without a name."""
        return Folder(self.parts)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The content by path relative to ``path``, sorted, empty folders included."""
        return self.folder.entries

    @property
    def file_count(self) -> int:
        """How many files and links there are."""
        return sum(part.file_count for part in self.parts.values())

    @property
    def size_bytes(self) -> int:
        """The bytes of all files."""
        return sum(part.size_bytes for part in self.parts.values())

    def iter_contents(self) -> Iterator[tuple[Hash, int]]:
        """Yield the hash and the size in bytes of each file and link."""
        for part in self.parts.values():
            yield from part.iter_contents()

    def find_stat(self, name: str) -> FileStat | None:
        """Return what was seen of one file, link or empty folder; None where there was none."""
        parent, slash, last = name.rpartition("/")
        part, folder = self.parts.get(parent + slash), self.parts.get(f"{name}/")
        if folder is not None and folder.empty is not None:
            return folder.empty
        return part.stats.get(last) if part is not None else None

    def find_entry(self, name: str) -> Entry | None:
        """Return the content of one file or link; None where there is none."""
        parent, slash, last = name.rpartition("/")
        part = self.parts.get(parent + slash)
        return part.entries.get(last) if part is not None else None

    def with_entries(self, changed: Mapping[str, Entry]) -> Present:
        """Return the same with other content of some of the files."""
        parts = dict(self.parts)
        for name, entry in changed.items():
            parent, slash, last = name.rpartition("/")
            part = parts[parent + slash]
            if part.rows is not None or part is self.parts[parent + slash]:
                part = ScannedPart(part.prefix, stats=part.stats, entries=dict(part.entries))
                parts[part.prefix] = part
            part.entries[last] = entry
        return replace(self, parts=parts)


class Scanner:
    """Looks at tracked paths of one worktree, with its stat cache."""

    def __init__(self, handles: Handles) -> None:
        self._handles = handles
        self._cache_file = handles.git.state_dir / "stat-cache"
        self._cache: StatCache = read_stat_cache(self._cache_file)
        self._git_files: dict[str, tuple[str, ...]] = {}

    def ask_git(self, paths: Sequence[str]) -> None:
        """Learn what Git tracks at ``paths``, all in one call; it holds for this scanner's life."""
        asked = dict.fromkeys(path for path in paths if path not in self._git_files)
        found: dict[str, list[str]] = {path: [] for path in asked}
        for name in tracked_under(self._handles.git, list(asked)) if asked else ():
            for path in (name, *parents_of(name)):
                if path in found:
                    found[path].append(name[len(path) + 1 :])
        self._git_files.update({path: tuple(names) for path, names in found.items()})

    def is_occupied(self, path: str) -> bool:
        """Return whether a file, a link or an empty folder is at or under ``path``.

        Raises:
            ConflictError: something is neither file, folder nor link.
        """
        full = self._handles.root / path
        if not full.is_dir() or full.is_symlink():
            return os.path.lexists(full)
        self.ask_git([path])
        return any(found.path for found in walk(full, skip=frozenset(self._git_files[path])))

    def stat(self, path: str, name: str) -> FileStat | None:
        """Return what the file system says of one file, link or folder; None where nothing is.

        ``name`` is relative to the tracked path. The same file is told as :meth:`look` does.

        Raises:
            ConflictError: it is neither.
        """
        full = os.fspath(self._handles.root / _join(path, name))
        try:
            found = os.lstat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(found.st_mode):
            return FileStat(
                name, Mode.FOLDER, 0, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
            )
        return stat_of(name or os.path.basename(path), found, full)

    def look(self, path: str, hash_files: HashFiles | None = None) -> Present | None:
        """Return what is on disk at ``path``, or None where nothing is.

        ``hash_files`` is called with the files that the stat cache cannot answer for; by default
        they are hashed and nothing is kept.

        Raises:
            ConflictError: something is neither file, folder nor link, or two names differ only in
                case.
        """
        full = self._handles.root / path
        try:
            mode = os.lstat(full).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        self.ask_git([path])
        of_git = self._git_files[path]
        is_folder = stat.S_ISDIR(mode)
        parts: dict[str, ScannedPart] = {}
        fresh: list[_Fresh] = []
        if is_folder:
            for listing in list_folders(full, skip=frozenset(of_git)):
                self._take_listing(path, listing, parts, fresh)
        else:
            of_git = of_git if of_git == ("",) else ()
            fresh.append(self._match(path, "", b"", {"": stat_file(full)}))
        self._hash(full if is_folder else full.parent, fresh, hash_files or hash_only)
        for one in fresh:
            parts[one.prefix] = self._remember_part(path, one)
        self._cache.retain(path, [prefix for prefix, part in parts.items() if part.rows])
        return Present(path, is_folder, parts, of_git)

    def folder_of(self, present: Present) -> Path:
        """Return the folder that the paths of what was seen are relative to."""
        full = self._handles.root / present.path
        return full if present.is_folder else full.parent

    def remember(self, path: str, name: str, found: FileStat, content_hash: Hash) -> None:
        """Let the stat cache answer, in later commands, for a file that was just written."""
        self._cache.record_later(path, name, found, content_hash)

    def find_unkept(self, present: Present) -> list[str]:
        """Return the files and links of which the store is not known to have the content.

        What it has is known after :meth:`note_kept` for as long as every pack that there was then
        is there.
        """
        return [
            part.prefix + name
            for part in present.parts.values()
            for name in (part.find_unmarked() if self._marks_hold else part.entries)
        ]

    def note_kept(self, present: Present) -> None:
        """Let :meth:`find_unkept` leave out all files that are at a path."""
        if not self._marks_hold:
            self._cache.clear_marks(b"")
            self._marks_hold = True
        # whatever the marks so far were made by has to stay there as well
        packs = {*decode_packs(self._cache.token), *self._handles.store.iter_packs()}
        self._cache.token = encode_packs(packs)
        for part in present.parts.values():
            if part.rows is not None:
                self._cache.mark_kept(part.rows)

    @cached_property
    def _marks_hold(self) -> bool:
        return self._handles.store.has_packs(decode_packs(self._cache.token))

    def save(self) -> None:
        """Keep the stat cache for the next command.

        A cache that cannot be written costs time only.
        """
        try:
            self._cache.write(self._cache_file)
        except UnavailableError:
            return

    def _take_listing(
        self, path: str, listing: Listing, parts: dict[str, ScannedPart], fresh: list[_Fresh]
    ) -> None:
        """Add a folder to ``parts`` where it is as it is remembered, else to ``fresh``."""
        prefix, stamp = listing.prefix, listing.stamp
        rows = self._cache.find(path, prefix)
        if rows is not None and stamp and rows.stamp == stamp:
            parts[prefix] = ScannedPart(prefix, rows=rows, cache=self._cache)
            return
        full = self._handles.root / path
        stats = read_stats(full, listing)
        try:
            check_names([prefix + name for name in (*stats, *listing.folders)])
        except ValueError as error:
            raise ConflictError(
                f"{path} cannot be kept: {error}, and not every file system can hold both.",
                code="names-collide",
            ) from error
        if prefix and not stats and not listing.folders:
            empty = stat_empty(full, prefix[:-1])
            if empty is not None:
                parts[prefix] = ScannedPart(prefix, stats={}, entries={}, empty=empty)
            return
        fresh.append(self._match(path, prefix, stamp, stats))

    def _match(self, path: str, prefix: str, stamp: bytes, stats: dict[str, FileStat]) -> _Fresh:
        rows = self._cache.find(path, prefix)
        known = rows.find_unchanged(stats) if rows is not None else {}
        entries = {
            name: Entry(stats[name].mode, content, stats[name].size_bytes)
            for name, (content, _) in known.items()
        }
        return _Fresh(prefix, stamp, stats, entries)

    def _hash(self, folder: Path, fresh: Sequence[_Fresh], hash_files: HashFiles) -> None:
        """Find the content of all that the stat cache could not answer for."""
        unknown = [
            (found.path, name, one)
            for one in fresh
            for name, found in one.stats.items()
            if name not in one.entries
        ]
        if not unknown:
            return
        unknown.sort(key=itemgetter(0))
        read_at_ns = time.time_ns()
        stats = [one.stats[name] for _, name, one in unknown]
        for (_, name, one), entry in zip(unknown, hash_files(folder, stats), strict=True):
            one.entries[name] = entry
            one.read_at_ns = read_at_ns

    def _remember_part(self, path: str, one: _Fresh) -> ScannedPart:
        entries = {name: one.entries[name] for name in one.stats}
        hashes = {
            name: entry.hash
            for name, entry in entries.items()
            if (entry.mode, entry.size_bytes) == one.stats[name][1:3]  # else it has changed since
        }
        rows = self._cache.record(
            path,
            one.prefix,
            one.stats,
            hashes,
            stamp=one.stamp,
            read_at_ns=one.read_at_ns,
        )
        return ScannedPart(
            one.prefix, stats=one.stats, entries=entries, rows=rows, cache=self._cache
        )


@dataclass(slots=True)
class _Fresh:
    """A folder that is not as it is remembered; ``entries`` has what is known of its files."""

    prefix: str
    stamp: bytes
    stats: dict[str, FileStat]
    entries: dict[str, Entry]
    read_at_ns: int | None = None


def hash_only(folder: Path, stats: Sequence[FileStat]) -> list[Entry]:
    """Return the entries of files under ``folder`` without keeping anything."""
    top = os.fspath(folder)
    return [hash_file(f"{top}/{found.path}", found) for found in stats]


def hash_file(path: str, found: FileStat) -> Entry:
    """Return the entry of one file or link.

    Raises:
        NotFoundError: it vanished meanwhile.
        UnavailableError: it cannot be read.
    """
    try:
        if found.mode is Mode.SYMLINK:
            target = os.fsencode(os.readlink(path))
            return Entry(Mode.SYMLINK, Hash(blake3(target).digest()), len(target))
        hasher = blake3()
        size_bytes = 0
        with open(path, "rb", buffering=0) as file:
            while block := file.read(_READ_BYTES):
                hasher.update(block)
                size_bytes += len(block)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{path} was deleted while it was read.", code="file-vanished"
        ) from error
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be read: {error.strerror or error}.", code="not-readable"
        ) from error
    return Entry(found.mode, Hash(hasher.digest()), size_bytes)


def parents_of(path: str) -> list[str]:
    """Return the folders above ``path``, the nearest first, without the root."""
    parents = []
    while (cut := path.rfind("/")) >= 0:
        path = path[:cut]
        parents.append(path)
    return parents


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if name else path
