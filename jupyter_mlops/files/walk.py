"""What is in a folder: one directory read a folder, one stat a file, no link followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Container
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UnavailableError
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.files.links import check_link
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.names import check_path

_LOOK_CLOSER = ("\\", ":", ".git", "git~", STAGED_PREFIX)
_LONG_BYTES = 250


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


def walk(folder: Path, *, skip: Container[str] = ()) -> list[FileStat]:
    """Return every file, link and empty folder under ``folder``, sorted by the bytes of the path.

    Folders that are not empty are not listed. The relative paths in ``skip`` are left out, and
    temporary files of this package. A file that vanishes meanwhile is left out too.

    Raises:
        NotFoundError: there is no such folder.
        ConflictError: something is neither file, folder nor link, a name cannot be kept, or a link
            leads out.
        UnavailableError: a folder cannot be read.
    """
    root = os.fspath(folder)
    try:
        mode = os.lstat(root).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"There is no folder {folder}.", code="path-not-found") from error
    if not stat.S_ISDIR(mode):
        raise NotFoundError(f"{folder} is not a folder.", code="path-not-found")
    found: list[FileStat] = []
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        count = len(found) + len(waiting)
        _list_folder(root, prefix, skip, found, waiting)
        if prefix and len(found) + len(waiting) == count:
            _add_if_empty(root, prefix[:-1], found)
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
    kind = found.st_mode
    size_bytes = found.st_size
    if stat.S_ISREG(kind):
        mode = Mode.EXECUTABLE if kind & 0o100 else Mode.FILE
    elif stat.S_ISLNK(kind):
        mode, size_bytes = Mode.SYMLINK, len(_read_link(name, full))
    else:
        raise _not_a_file(full)
    return FileStat(name, mode, size_bytes, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _list_folder(
    root: str, prefix: str, skip: Container[str], found: list[FileStat], waiting: list[str]
) -> None:
    here = f"{root}/{prefix}"
    names = []
    try:
        with os.scandir(here) as entries:
            for entry in entries:
                path = prefix + entry.name
                if path in skip:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    names.append(path)
                    if not entry.name.startswith(STAGED_PREFIX):
                        waiting.append(path + "/")
                    continue
                try:
                    seen = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                kind = seen.st_mode
                names.append(path)
                if kind & 0o170000 == 0o100000:
                    mode = Mode.EXECUTABLE if kind & 0o100 else Mode.FILE
                    found.append(
                        FileStat(
                            path,
                            mode,
                            seen.st_size,
                            seen.st_mtime_ns,
                            seen.st_ctime_ns,
                            seen.st_ino,
                        )
                    )
                else:
                    found.append(stat_of(path, seen, f"{root}/{path}"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(here, error) from error
    _check_listed(names, root, found)


def _check_listed(names: list[str], root: str, found: list[FileStat]) -> None:
    """Check the names of one folder together: one search where all of them are plain."""
    joined = "/".join(names).lower()
    if (
        joined.isascii()
        and joined.isprintable()
        and not any(part in joined for part in _LOOK_CLOSER)
        and (not names or len(max(names, key=len)) < _LONG_BYTES)
    ):
        return
    ours = set()
    for path in names:
        if path.rpartition("/")[2].startswith(STAGED_PREFIX):
            ours.add(path)
            continue
        _check_name(path, f"{root}/{path}")
    if ours:
        found[:] = [item for item in found if item.path not in ours]


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
    except ValueError as error:
        raise ConflictError(
            f"{full} cannot be tracked: {error}.",
            code="name-refused",
            hints=("Rename or move it, then run the same command again.",),
        ) from error


def _add_if_empty(root: str, path: str, found: list[FileStat]) -> None:
    """List ``path`` as an empty folder if it is one; all that it holds may have been left out."""
    full = f"{root}/{path}"
    try:
        if any(not name.startswith(STAGED_PREFIX) for name in os.listdir(full)):
            return
        seen = os.lstat(full)
    except FileNotFoundError:
        return
    found.append(FileStat(path, Mode.FOLDER, 0, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino))


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
