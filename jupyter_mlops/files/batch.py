"""Many changes to the working tree, staged whole before the first of them is made."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.files.beneath import Folder, Way, refuse_bad_path
from jupyter_mlops.files.durable import CREATE_FLAGS, STAGED_PREFIX, disk_error
from jupyter_mlops.files.links import check_link
from jupyter_mlops.files.sync import sync_descriptor, sync_paths
from jupyter_mlops.formats.entry import Mode

_FOLDER_IN_THE_WAY = {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY}
_COPY_BYTES = 1 << 20


class Batch:
    """Files, links, folders and deletions to carry out; made by ``WorkTree.open_batch``.

    What belongs in one folder is staged in one, which moves in whole where its place is free.
    ``open_file`` may be called from many threads at once, the rest from one.
    """

    def __init__(self, root: Path, staging: Path, near: str) -> None:
        self._root = root
        self._staging = os.fspath(staging)
        self._near = near
        self._staged: dict[str, str] = {}
        self._staged_folders: dict[str, str] = {}
        self._links: set[str] = set()
        self._folders: set[str] = set()
        self._deleted: set[str] = set()
        self._lock = threading.Lock()
        self._barrier: int | None = None

    def __enter__(self) -> Self:
        if sys.platform != "win32":
            self._barrier = os.open(self._staging, os.O_RDONLY | os.O_DIRECTORY)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._barrier is not None:
            os.close(self._barrier)
            self._barrier = None

    def open_file(self, path: str, mode: Mode) -> int:
        """Return a descriptor, for the caller to write and close, of the new file at ``path``.

        Raises:
            ConflictError: the path is refused.
            UnavailableError: it cannot be staged.
        """
        staged = self._new_name(path)
        bits = 0o777 if mode is Mode.EXECUTABLE else 0o666
        try:
            return os.open(staged, CREATE_FLAGS, bits)
        except OSError as error:
            raise disk_error(error, self._staging) from error

    def add_link(self, path: str, target: str, *, within: str = "") -> None:
        """Stage a link at ``path`` that may not lead out of ``within``, a folder above it.

        Raises:
            ConflictError: the path is refused or the link leads out.
        """
        inner = path[len(within) + 1 :] if within else path
        check_link(inner, target)
        staged = self._new_name(path)
        self._links.add(path)
        try:
            os.symlink(target, staged)
        except OSError as error:
            raise disk_error(error, self._staging) from error

    def add_folder(self, path: str) -> None:
        """Let ``path`` be a folder."""
        refuse_bad_path(path)
        self._folders.add(path)

    def delete(self, path: str) -> None:
        """Let a file, link or empty folder go, and the folders under ``near`` that this empties."""
        refuse_bad_path(path)
        self._deleted.add(path)

    def stat_files(self) -> dict[str, os.stat_result]:
        """Return what the file system says of the files that are staged, by path."""
        files = ((path, name) for path, name in self._staged.items() if path not in self._links)
        return {path: os.lstat(name) for path, name in files}

    def apply(self) -> None:
        """Make the staged bytes durable, then all changes, then their folders durable.

        First everything is checked that can be, so that a refusal changes nothing; then deletions,
        folders and files in this order. Whoever reads meanwhile sees old and new files, each of
        them whole.

        Raises:
            ConflictError: a link or a file stands where a folder is needed, or a folder where a
                file is.
            UnavailableError: the disk did not take it.
        """
        parents = {path.rpartition("/")[0] for path in self._staged} | self._folders
        try:
            with Way(self._root) as way:
                self._check_folders(way, parents)
                self._check_files(way)
                files = [name for path, name in self._staged.items() if path not in self._links]
                sync_paths(files, self._barrier)
                touched = self._delete_all(way)
                whole = set()
                for folder in sorted(parents):
                    staged = self._staged_folders.get(folder)
                    if staged is not None and _move_whole(way, staged, folder, touched):
                        whole.add(folder)
                    else:
                        touched |= _make(way, folder)
                for path in sorted(self._staged):
                    parent, _, name = path.rpartition("/")
                    if parent in whole:
                        continue
                    folder_here = way.to(parent)
                    self._move_in(self._staged[path], folder_here, name)
                    touched.add(folder_here.path)
            self._sync_folders(touched)
        except OSError as error:
            raise disk_error(error, error.filename2 or error.filename or self._root) from error

    def _sync_folders(self, touched: Iterable[str]) -> None:
        """Sync folders; one on a file system that is mounted further down counts by itself."""
        device = os.stat(self._staging).st_dev
        here: list[str] = []
        elsewhere: list[str] = []
        for path in sorted(touched):
            with suppress(FileNotFoundError, NotADirectoryError):
                found = os.lstat(path)
                if stat.S_ISDIR(found.st_mode):
                    (here if found.st_dev == device else elsewhere).append(path)
        sync_paths(here, self._barrier)
        sync_paths(elsewhere, None)

    def _new_name(self, path: str) -> str:
        refuse_bad_path(path)
        parent, _, name = path.rpartition("/")
        with self._lock:
            folder = self._staged_folders.get(parent)
            if folder is None:
                folder = f"{self._staging}/{len(self._staged_folders)}"
                try:
                    os.mkdir(folder)
                except OSError as error:
                    raise disk_error(error, self._staging) from error
                self._staged_folders[parent] = folder
            staged = self._staged[path] = f"{folder}/{name}"
        return staged

    def _check_files(self, way: Way) -> None:
        """Refuse folders where files are to be written, but for those that deletions may empty."""
        leaving = set(self._deleted)
        for deleted in self._deleted:
            parent = deleted.rpartition("/")[0]
            while parent and parent not in leaving:
                leaving.add(parent)
                parent = parent.rpartition("/")[0]
        absent = None
        for path in sorted(self._staged):
            parent, _, name = path.rpartition("/")
            if parent == absent:
                continue
            try:
                folder = way.to(parent)
                kind = folder.stat(name).st_mode
            except FileNotFoundError:
                continue
            except (NotFoundError, ConflictError):  # it will be made
                absent = parent
                continue
            if stat.S_ISDIR(kind) and path not in leaving:
                raise _is_folder(os.path.join(folder.path, name))

    def _check_folders(self, way: Way, parents: Iterable[str]) -> None:
        """Refuse links and files on the way to what is written, but for deleted files."""
        for parent in sorted(parents):
            try:
                way.to(parent)
            except NotFoundError:
                continue
            except ConflictError:
                parts = parent.split("/")
                heads = {"/".join(parts[: count + 1]) for count in range(len(parts))}
                if not heads & self._deleted:
                    raise

    def _delete_all(self, way: Way) -> set[str]:
        touched: set[str] = set()
        emptied: set[str] = set()
        for path in sorted(self._deleted, reverse=True):
            parent, _, name = path.rpartition("/")
            try:
                folder = way.to(parent)
                _remove(folder, name)
            except (NotFoundError, FileNotFoundError):
                continue
            touched.add(folder.path)
            emptied.add(parent)
        for start in sorted(emptied, key=len, reverse=True):
            path = start
            while path.startswith(self._near + "/"):
                parent, _, name = path.rpartition("/")
                try:
                    way.to(parent).remove_folder(name)
                except (NotFoundError, OSError):
                    break
                touched.add(os.path.join(self._root, parent))
                path = parent
        return touched

    def _move_in(self, staged: str, folder: Folder, name: str) -> None:
        try:
            folder.rename_in(staged, name)
        except OSError as error:
            if error.errno in _FOLDER_IN_THE_WAY:
                raise _is_folder(os.path.join(folder.path, name)) from error
            if error.errno != errno.EXDEV:
                raise
            _copy_in(staged, folder, name)


def _is_folder(full: str) -> ConflictError:
    return ConflictError(
        f"{full} is a folder where a file is to be written.",
        code="not-a-file",
        hints=("Move it elsewhere, then run the same command again.",),
    )


def _make(way: Way, path: str) -> set[str]:
    """Make the folder ``path`` and its missing parents; return the folders that got a new name."""
    touched = set()
    at = ""
    for part in path.split("/") if path else ():
        folder = way.to(at)
        try:
            folder.stat(part)
        except FileNotFoundError:
            folder.make_folder(part)
            touched.add(folder.path)
        at = f"{at}/{part}" if at else part
    return touched


def _move_whole(way: Way, staged: str, path: str, touched: set[str]) -> bool:
    """Move the folder ``staged`` to ``path`` if nothing is there; False when it must be filled.

    That also where a new folder takes rights or its group from the one that it is made in.
    """
    parent, _, name = path.rpartition("/")
    if not path:
        return False
    touched |= _make(way, parent)
    folder = way.to(parent)
    if folder.exists(name) or folder.hands_down():
        return False
    try:
        folder.rename_in(staged, name)
    except OSError as error:
        if error.errno not in {*_FOLDER_IN_THE_WAY, errno.EXDEV}:
            raise
        return False
    touched |= {folder.path, os.path.join(folder.path, name)}
    return True


def _remove(folder: Folder, name: str) -> None:
    """Remove a file, a link or an empty folder; a folder that holds something stays."""
    if not stat.S_ISDIR(folder.stat(name).st_mode):
        folder.unlink(name)
        return
    try:
        folder.remove_folder(name)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise


def _copy_in(staged: str, folder: Folder, name: str) -> None:
    """Do what a rename does for a folder that turned out to lie on another file system."""
    beside = f"{STAGED_PREFIX}{secrets.token_hex(12)}"
    full = os.path.join(folder.path, beside)
    try:
        if os.path.islink(staged):
            os.symlink(os.readlink(staged), full)
        else:
            mode = stat.S_IMODE(os.stat(staged).st_mode)
            with (
                open(staged, "rb") as source,
                open(os.open(full, CREATE_FLAGS, mode), "wb") as target,
            ):
                shutil.copyfileobj(source, target, _COPY_BYTES)
                target.flush()
                sync_descriptor(target.fileno())
        folder.rename_in(full, name)
    except OSError:
        with suppress(OSError):
            os.unlink(full)
        raise
