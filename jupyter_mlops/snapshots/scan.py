"""What is on disk at a tracked path, hashing only what may have changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from blake3 import blake3

from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError
from jupyter_mlops.files.stat_cache import StatCache, read_stat_cache
from jupyter_mlops.files.walk import FileStat, stat_file, stat_of, walk
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.names import check_names
from jupyter_mlops.git.ignore import tracked_under
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.folders import Folder
from jupyter_mlops.objects.packs import decode_packs, encode_packs
from jupyter_mlops.snapshots.handles import Handles

HashFiles = Callable[[Path, Sequence[FileStat]], Sequence[Entry]]
"""Turns files, named relative to a folder, into entries, in order."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Present:
    """What is on disk at ``path``.

    ``stats`` and ``entries`` are by path relative to ``path``, and have the one key ``""`` for a
    single file. ``git_files`` are the files inside that Git tracks; they belong to Git and are in
    neither. A single file that Git tracks is in all three.
    """

    path: str
    is_folder: bool
    stats: Mapping[str, FileStat]
    entries: Mapping[str, Entry]
    git_files: tuple[str, ...]

    @cached_property
    def content(self) -> Entry:
        """What a pointer to this state would name."""
        if self.is_folder:
            return Entry(Mode.FOLDER, self.folder.hash, 0)
        return self.entries[""]

    @cached_property
    def folder(self) -> Folder:
        """The same as a folder, where it is one."""
        return Folder(self.entries)

    @property
    def size_bytes(self) -> int:
        """The bytes of all files."""
        return sum(entry.size_bytes for entry in self.entries.values())


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

    def list_files(self, path: str) -> tuple[bool, dict[str, FileStat], tuple[str, ...]] | None:
        """Return what the file system says of ``path``; None where nothing is.

        Returns:
            Whether it is a folder, its files' stats, and the files inside that are Git's.

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
        if not stat.S_ISDIR(mode):
            return False, {"": stat_file(full)}, of_git if of_git == ("",) else ()
        stats = {found.path: found for found in walk(full, skip=frozenset(of_git)) if found.path}
        try:
            check_names(stats)
        except ValueError as error:
            raise ConflictError(
                f"{path} cannot be kept: {error}, and not every file system can hold both.",
                code="names-collide",
            ) from error
        return True, stats, of_git

    def stat(self, path: str, name: str) -> FileStat | None:
        """Return what the file system says of one file, link or folder; None where nothing is.

        ``name`` is relative to the tracked path. The same file is told as :meth:`list_files` does.

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
        """
        listed = self.list_files(path)
        if listed is None:
            return None
        is_folder, stats, of_git = listed
        if is_folder:
            self._cache.retain(path, stats)
        hashes = self._cache.lookup(path, stats)
        entries: dict[str, Entry] = {}
        unknown: list[str] = []
        for name, found in stats.items():
            if found.mode is Mode.FOLDER:
                entries[name] = Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0)
            elif name in hashes:
                entries[name] = Entry(found.mode, hashes[name], found.size_bytes)
            else:
                unknown.append(name)
        if unknown:
            self._hash(path, stats, unknown, entries, hash_files or hash_only)
            entries = {name: entries[name] for name in stats}
        return Present(path, is_folder, stats, entries, of_git)

    def folder_of(self, present: Present) -> Path:
        """Return the folder that the paths of ``present.stats`` are relative to."""
        full = self._handles.root / present.path
        return full if present.is_folder else full.parent

    def remember(self, path: str, name: str, found: FileStat, content_hash: Hash) -> None:
        """Let the stat cache answer for a file that was just written."""
        self._cache.record(_join(path, name), found, content_hash, checked_at_ns=time.time_ns())

    def find_unkept(self, present: Present) -> list[str]:
        """Return the files and links of which the store is not known to have the content.

        What it has is known after :meth:`note_kept` for as long as every pack that there was then
        is there.
        """
        hashes = {
            name: entry.hash
            for name, entry in present.entries.items()
            if entry.mode is not Mode.FOLDER
        }
        unkept = self._cache.find_unmarked(present.path, hashes) if self._marks_hold else hashes
        return [name for name in hashes if name in unkept]

    def note_kept(self, present: Present) -> None:
        """Let :meth:`find_unkept` leave out all files that are at a path."""
        if not self._marks_hold:
            self._cache.clear_marks(b"")
            self._marks_hold = True
        # whatever the marks so far were made by has to stay there as well
        packs = {*decode_packs(self._cache.token), *self._handles.store.iter_packs()}
        self._cache.token = encode_packs(packs)
        self._cache.mark_kept(present.path, present.entries)

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

    def _hash(
        self,
        path: str,
        stats: Mapping[str, FileStat],
        unknown: Sequence[str],
        entries: dict[str, Entry],
        hash_files: HashFiles,
    ) -> None:
        full = self._handles.root / path
        folder = full if unknown != [""] else full.parent
        checked_at_ns = time.time_ns()
        for name, entry in zip(
            unknown, hash_files(folder, [stats[name] for name in unknown]), strict=True
        ):
            entries[name] = entry
            if entry.mode is not Mode.SYMLINK:
                self._cache.record(
                    _join(path, name), stats[name], entry.hash, checked_at_ns=checked_at_ns
                )


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
