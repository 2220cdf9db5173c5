"""What is on disk at a tracked path, hashing only what may have changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from pathlib import Path

from blake3 import blake3

from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError
from jupyter_mlops.files.stat_cache import (
    FolderRows,
    StatCache,
    is_settled,
    make_rows,
    read_stat_cache,
)
from jupyter_mlops.files.walk import (
    FileStat,
    Listing,
    list_file,
    list_folders,
    read_stats,
    stat_empty,
    stat_of,
    stat_of_known,
    walk,
)
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import encode_tree
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

    Args:
        prefix: what the paths of its files begin with, the name of the one that is tracked itself.
        rows: its files and links.
        cache: what remembers the hash of the folder.
        changed: other content than ``rows`` have, by name.
        empty: the folder itself where nothing is in it, which then is kept as such.
    """

    def __init__(
        self,
        prefix: str,
        rows: FolderRows,
        *,
        cache: StatCache | None = None,
        changed: Mapping[str, Entry] | None = None,
        empty: FileStat | None = None,
    ) -> None:
        self.prefix = prefix
        self.rows = rows
        self.changed = dict(changed or {})
        self.empty = empty
        self._cache = cache

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        return {**self.rows.read_entries(), **self.changed}

    @property
    def entries(self) -> dict[str, Entry]:
        """The content of the files and links by name."""
        return self._entries

    @property
    def count(self) -> int:
        """How many entries there are; an empty folder is one."""
        return self.file_count + self.is_empty

    @property
    def file_count(self) -> int:
        """How many files and links there are."""
        return len(self.rows.names)

    @property
    def is_empty(self) -> bool:
        """Whether it is an empty folder."""
        return self.empty is not None

    @property
    def size_bytes(self) -> int:
        """The bytes of all files and links."""
        if not self.changed:
            return self.rows.size_bytes
        return sum(size_bytes for _, size_bytes in self.iter_contents())

    def iter_contents(self) -> Iterable[tuple[Hash, int]]:
        """Return the hash and the size of each."""
        if self.changed:
            return ((entry.hash, entry.size_bytes) for entry in self.entries.values())
        return self.rows.iter_contents()

    def find_stat(self, name: str) -> FileStat | None:
        """Return what was seen of one file or link."""
        at = self._places.get(name)
        return self.rows.read_stat(self.prefix, at) if at is not None else None

    def find_entry(self, name: str) -> Entry | None:
        """Return the content of one file or link."""
        at = self._places.get(name)
        return self.changed.get(name) or (self.rows.read_entry(at) if at is not None else None)

    def find_unmarked(self) -> list[str]:
        """Return the names of those that are not marked as kept with this content."""
        return list(dict.fromkeys([*self.rows.find_unmarked(), *self.changed]))

    def encode_with(self, folders: Mapping[str, Entry]) -> bytes:
        """Return the manifest of the folder with these folders in it."""
        return encode_tree({**self.rows.read_entries(), **self.changed, **folders})

    def find_hash(self, folders: Mapping[str, Entry]) -> Hash | None:
        """Return the hash of the whole folder if it is remembered."""
        rows = self.rows
        if self.changed or not (rows.stamp and rows.content):
            return None
        return Hash(rows.content) if rows.within == _stand_for(folders) else None

    def note_hash(self, folders: Mapping[str, Entry], id: Hash) -> None:
        """Remember the hash of the whole folder if each file in it is remembered."""
        if self._cache is not None and self.rows.stamp and not self.changed:
            self._cache.note_content(self.rows, _stand_for(folders), id)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.rows.names)}


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

    def iter_stats(self) -> Iterator[FileStat]:
        """Yield what was seen of each file and link."""
        for part in self.parts.values():
            yield from (part.rows.read_stat(part.prefix, at) for at in range(part.file_count))

    def find_stat(self, name: str) -> FileStat | None:
        """Return what was seen of one file, link or empty folder; None where there was none."""
        folder = self.parts.get(f"{name}/")
        if folder is not None and folder.empty is not None:
            return folder.empty
        part, last = self._find_part(name)
        return part.find_stat(last) if part is not None else None

    def find_entry(self, name: str) -> Entry | None:
        """Return the content of one file or link; None where there is none."""
        part, last = self._find_part(name)
        return part.find_entry(last) if part is not None else None

    def with_entries(self, changed: Mapping[str, Entry]) -> Present:
        """Return the same with other content of some of the files."""
        by_part: dict[str, dict[str, Entry]] = {}
        for path, entry in changed.items():
            parent, slash, name = path.rpartition("/")
            by_part.setdefault(parent + slash, {})[name] = entry
        parts = dict(self.parts)
        for prefix, entries in by_part.items():
            part = parts[prefix]
            parts[prefix] = ScannedPart(part.prefix, part.rows, changed={**part.changed, **entries})
        return replace(self, parts=parts)

    def _find_part(self, path: str) -> tuple[ScannedPart | None, str]:
        parent, slash, name = path.rpartition("/")
        return self.parts.get(parent + slash), name


class Scanner:
    """Looks at tracked paths of one worktree, with its stat cache."""

    def __init__(self, handles: Handles) -> None:
        self._handles = handles
        self._root = os.fspath(handles.root)
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
        full = f"{self._root}/{_join(path, name)}"
        try:
            found = os.lstat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(found.st_mode):
            return FileStat(
                name, Mode.FOLDER, 0, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
            )
        return stat_of_known(name or os.path.basename(path), found, full)

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
            seen = os.lstat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        self.ask_git([path])
        of_git = self._git_files[path]
        is_folder = stat.S_ISDIR(seen.st_mode)
        parts: dict[str, ScannedPart] = {}
        fresh: list[_Fresh] = []
        if is_folder:
            for listing in list_folders(full, skip=frozenset(of_git)):
                self._take_listing(path, listing, parts, fresh)
        else:
            of_git = of_git if of_git == ("",) else ()
            file = stat_of(full.name, seen, os.fspath(full))
            fresh.append(self._match(path, list_file("", seen), b"", lambda rows: {"": file}))
        self._hash(full if is_folder else full.parent, fresh, hash_files or hash_only)
        fresh.reverse()
        while fresh:  # what is done with is let go
            one = fresh.pop()
            rows, changed = self._remember(path, one)
            begin = one.prefix if is_folder else full.name
            parts[one.prefix] = ScannedPart(begin, rows, cache=self._cache, changed=changed)
        self._cache.retain(path, [prefix for prefix, part in parts.items() if not part.is_empty])
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
            prefix + name
            for prefix, part in present.parts.items()
            for name in (part.find_unmarked() if self._marks_hold else part.rows.names)
        ]

    def note_kept(self, present: Present) -> None:
        """Let :meth:`find_unkept` leave out all files that are at a path."""
        if not self._marks_hold:
            self._cache.clear_marks(b"")
            self._marks_hold = True
        # whatever the marks so far were made by has to stay there as well
        store = self._handles.store
        there = (pack for pack in store.iter_packs() if store.has_packs([pack]))
        self._cache.token = encode_packs({*decode_packs(self._cache.token), *there})
        for prefix, part in present.parts.items():
            if not part.changed:
                self._cache.mark_kept(present.path, prefix)

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
            parts[prefix] = ScannedPart(prefix, rows, cache=self._cache)
            return
        full = self._handles.root / path
        one = self._match(path, listing, stamp, lambda changed: read_stats(full, changed))
        names = [*one.unchanged, *one.stats]
        try:
            check_names([*names, *listing.folders])
        except ValueError as error:
            raise ConflictError(
                f"{_join(path, prefix.rstrip('/'))} cannot be kept: {error}, and not every file"
                " system can hold both.",
                code="names-collide",
            ) from error
        if prefix and not names and not listing.folders:
            empty = stat_empty(full, prefix[:-1])
            if empty is not None:
                parts[prefix] = ScannedPart(prefix, make_rows({}, {}), empty=empty)
            return
        fresh.append(one)

    def _match(
        self,
        path: str,
        listing: Listing,
        stamp: bytes,
        read: Callable[[Listing], dict[str, FileStat]],
    ) -> _Fresh:
        """Return a folder with what is unchanged in it, and the rest as ``read`` tells it."""
        former = self._cache.find(path, listing.prefix)
        unchanged = former.match(listing.rows) if former is not None else {}
        changed = [row for row in listing.rows if row[0] not in unchanged]
        stats = read(listing._replace(rows=changed)) if changed or listing.folders else {}
        return _Fresh(listing.prefix, stamp, former, unchanged, stats)

    def _hash(self, folder: Path, fresh: Sequence[_Fresh], hash_files: HashFiles) -> None:
        """Find the content of all that the stat cache could not answer for."""
        unknown = [(found.path, name, one) for one in fresh for name, found in one.stats.items()]
        if not unknown:
            return
        unknown.sort(key=itemgetter(0))
        read_at_ns = time.time_ns()
        stats = [one.stats[name] for _, name, one in unknown]
        for (_, name, one), entry in zip(unknown, hash_files(folder, stats), strict=True):
            one.entries[name] = entry
            one.read_at_ns = read_at_ns

    def _remember(self, path: str, one: _Fresh) -> tuple[FolderRows, dict[str, Entry]]:
        """Return the rows of a folder, and what has changed since they were listed."""
        hashes = {name: entry.hash for name, entry in one.entries.items()}
        changed = {
            name: entry
            for name, entry in one.entries.items()
            if (entry.mode, entry.size_bytes) != one.stats[name][1:3]
        }
        unsettled = {
            name
            for name, found in one.stats.items()
            if name in changed or not is_settled(found, one.read_at_ns)
        }
        rows = make_rows(
            one.stats,
            hashes,
            stamp=b"" if unsettled else one.stamp,
            former=one.former,
            unchanged=one.unchanged,
        )
        self._cache.record(path, one.prefix, rows, unsettled=unsettled)
        return rows, changed


@dataclass(slots=True)
class _Fresh:
    """A folder that is not as it is remembered.

    ``unchanged`` are files with their place in ``former``, ``stats`` the others; ``entries`` is
    their content.
    """

    prefix: str
    stamp: bytes
    former: FolderRows | None
    unchanged: dict[str, int]
    stats: dict[str, FileStat]
    entries: dict[str, Entry] = field(default_factory=dict)
    read_at_ns: int = 0


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
