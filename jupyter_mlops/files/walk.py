"""What is in a folder: one directory read a folder, one stat a file, no link followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec
from blake3 import blake3

from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UnavailableError
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.files.links import check_link
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.names import check_name, check_path

_LOOK_CLOSER = ("\\", ":", ".git", "git~", STAGED_PREFIX)
_LONG_BYTES = 250
_numbers = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")


class FileStat(NamedTuple):
    """What the file system says of one file, link or empty folder.

    ``path`` is relative to the folder that was walked, with ``/`` between parts. ``size_bytes`` is
    0 for folders.
    """

    path: str
    mode: Mode
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int


ListedRow = tuple[str, int, tuple[int, int, int, int]]


class Listing(NamedTuple):
    """What is right in one folder: its files and links, and the names of the folders in it.

    ``prefix`` is the folder's path with a ``/`` at the end, ``""`` for the one that was walked;
    ``rows`` and ``folders`` are sorted by name. A row is a name, the file system's mode, and size,
    mtime, ctime (in nanoseconds) and inode.
    """

    prefix: str
    rows: list[ListedRow]
    folders: list[str]

    @property
    def stamp(self) -> bytes:
        """What two listings share only if all that the file system says in them is the same.

        Empty where a name is not UTF-8, or a time is out of all bounds.
        """
        try:
            return blake3(msgspec.msgpack.encode((self.rows, self.folders))).digest()
        except (UnicodeEncodeError, OverflowError):
            return b""


def list_folders(folder: Path, *, skip: Collection[str] = ()) -> Iterator[Listing]:
    """Yield what is right in ``folder``, then in each folder under it: one stat a file.

    The relative paths in ``skip`` are left out, and temporary folders of this package. What
    vanishes meanwhile is left out too. No name is checked: :func:`read_stats` does that.

    Raises:
        NotFoundError: there is no such folder.
        UnavailableError: a folder cannot be read.
    """
    root = os.fspath(folder)
    try:
        mode = os.lstat(root).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"There is no folder {folder}.", code="path-not-found") from error
    if not stat.S_ISDIR(mode):
        raise NotFoundError(f"{folder} is not a folder.", code="path-not-found")
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            listing = _list_folder(f"{root}/{prefix}", prefix)
        except FileNotFoundError as error:
            if not prefix:
                raise _unreadable(root, error) from error
            continue
        except OSError as error:
            raise _unreadable(f"{root}/{prefix}", error) from error
        if skip:
            rows = [row for row in listing.rows if prefix + row[0] not in skip]
            folders = [name for name in listing.folders if prefix + name not in skip]
            listing = Listing(prefix, rows, folders)
        waiting += [f"{prefix}{name}/" for name in listing.folders]
        yield listing


def list_file(name: str, found: os.stat_result) -> Listing:
    """Return a listing of one file or link alone, as ``found`` describes it."""
    return Listing("", [(name, found.st_mode, _numbers(found))], [])


def read_stats(folder: Path, listing: Listing) -> dict[str, FileStat]:
    """Return the files and links of ``listing`` by name, temporary ones of this package left out.

    Raises:
        ConflictError: something is neither file nor link, a name cannot be kept, or a link leads
            out of ``folder``, which was walked.
        NotFoundError: a link vanished.
    """
    root, prefix = os.fspath(folder), listing.prefix
    _check_listed(listing, root)
    found: dict[str, FileStat] = {}
    for name, kind, (size_bytes, mtime_ns, ctime_ns, inode) in listing.rows:
        path = prefix + name
        if kind & 0o170000 == 0o100000:
            mode = Mode.EXECUTABLE if kind & 0o100 else Mode.FILE
        elif stat.S_ISLNK(kind):
            mode, size_bytes = Mode.SYMLINK, len(_read_link(path, f"{root}/{path}"))
        else:
            raise _not_a_file(f"{root}/{path}")
        if not name.startswith(STAGED_PREFIX):
            found[name] = FileStat(path, mode, size_bytes, mtime_ns, ctime_ns, inode)
    return found


def stat_empty(folder: Path, path: str) -> FileStat | None:
    """Return ``path`` under ``folder`` if it is an empty folder; listings may leave things out."""
    full = f"{os.fspath(folder)}/{path}"
    try:
        if any(not name.startswith(STAGED_PREFIX) for name in os.listdir(full)):
            return None
        seen = os.lstat(full)
    except FileNotFoundError:
        return None
    return FileStat(path, Mode.FOLDER, 0, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


def walk(folder: Path, *, skip: Collection[str] = ()) -> list[FileStat]:
    """Return every file, link and empty folder under ``folder``, sorted by the bytes of the path.

    Folders that are not empty are not listed; else as :func:`list_folders` and :func:`read_stats`.

    Raises:
        as they do.
    """
    found: list[FileStat] = []
    for listing in list_folders(folder, skip=skip):
        stats = read_stats(folder, listing)
        found += stats.values()
        if listing.prefix and not stats and not listing.folders:
            empty = stat_empty(folder, listing.prefix[:-1])
            found += [] if empty is None else [empty]
    found.sort(key=itemgetter(0))  # code points sort as their UTF-8 bytes do
    return found


def stat_file(path: Path) -> FileStat:
    """Return what the file system says of one file or link; its ``path`` is its name.

    Raises:
        NotFoundError: there is no such file.
        ConflictError: it is neither file nor link, its name cannot be kept, or the link leads out
            of its folder.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"There is no file {path}.", code="path-not-found") from error
    except OSError as error:
        raise _unreadable(os.fspath(path), error) from error
    if stat.S_ISDIR(found.st_mode):
        raise ConflictError(f"{path} is a folder, not a file.", code="not-a-file")
    return stat_of(path.name, found, os.fspath(path))


def stat_of(name: str, found: os.stat_result, full: str) -> FileStat:
    """Return ``found``, of the file or link at ``full``, as a :class:`FileStat` named ``name``."""
    _check_name(name, full)
    return stat_of_known(name, found, full)


def stat_of_known(name: str, found: os.stat_result, full: str) -> FileStat:
    """Return the same of a name that was checked when it was read from a pointer or a folder."""
    kind = found.st_mode
    size_bytes = found.st_size
    if stat.S_ISREG(kind):
        mode = Mode.EXECUTABLE if kind & 0o100 else Mode.FILE
    elif stat.S_ISLNK(kind):
        mode, size_bytes = Mode.SYMLINK, len(_read_link(name, full))
    else:
        raise _not_a_file(full)
    mtime_ns, ctime_ns = bound_ns(found.st_mtime_ns), bound_ns(found.st_ctime_ns)
    return FileStat(name, mode, size_bytes, mtime_ns, ctime_ns, found.st_ino)


def bound_ns(time_ns: int) -> int:
    """Return a time as what 64 bits hold; some file systems know years before 1677, after 2262."""
    return max(-(2**63), min(time_ns, 2**63 - 1))


def _list_folder(here: str, prefix: str) -> Listing:
    rows: list[ListedRow] = []
    folders: list[str] = []
    with os.scandir(here) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(STAGED_PREFIX):
                    folders.append(entry.name)
                continue
            try:
                seen = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            rows.append((entry.name, seen.st_mode, _numbers(seen)))
    rows.sort()
    folders.sort()
    return Listing(prefix, rows, folders)


def _check_listed(listing: Listing, root: str) -> None:
    """Check the names of one folder together: one search where all of them are plain."""
    names = [name for name, _, _ in listing.rows] + listing.folders
    joined = "/".join(names).lower()
    if (
        joined.isascii()
        and joined.isprintable()
        and not any(part in joined for part in _LOOK_CLOSER)
        and len(listing.prefix) + max(map(len, names), default=0) < _LONG_BYTES
    ):
        return
    for name in names:
        if not name.startswith(STAGED_PREFIX):
            path = listing.prefix + name
            _check_name(path, f"{root}/{path}")


def _check_name(path: str, full: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(full).decode(errors="backslashreplace")
        raise ConflictError(
            f"The name of {shown} is not UTF-8, so it would not come back the same everywhere.",
            code="name-not-utf8",
            hints=("Rename it, then run the same command again.",),
        ) from error
    try:
        check_path(path)
        check_name(path.rpartition("/")[2])
    except ValueError as error:
        raise ConflictError(
            f"{full} cannot be tracked: {error}.",
            code="name-refused",
            hints=("Rename or move it, then run the same command again.",),
        ) from error


def _read_link(name: str, full: str) -> bytes:
    try:
        target = os.readlink(full)
    except OSError as error:
        raise _unreadable(full, error) from error
    _check_name_bytes(target, full)
    check_link(name, target)
    return os.fsencode(target)


def _check_name_bytes(text: str, full: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConflictError(
            f"The link {full} points to a name that is not UTF-8.", code="name-not-utf8"
        ) from error


def _not_a_file(full: str) -> MlopsError:
    return ConflictError(
        f"{full} is neither a file, a folder nor a link, so it cannot be kept.",
        code="not-a-file",
        hints=("Remove it or move it elsewhere, then run the same command again.",),
    )


def _unreadable(full: str, error: OSError) -> MlopsError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{full} vanished while it was read.", code="file-vanished")
    return UnavailableError(
        f"{full} cannot be read: {error.strerror or error}.",
        code="not-readable",
        hints=("Give yourself the right to read it, then run the same command again.",),
    )
