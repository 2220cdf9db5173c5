"""Folders opened one step at a time, so that no link on the way leads out of the root.

Where the system opens relative to a folder's descriptor (POSIX), a folder is its descriptor and a
link that is put in place meanwhile cannot redirect what follows. Elsewhere (Windows) it is a path
whose last step was looked at just before.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_mlops.errors import ConflictError, NotFoundError
from jupyter_mlops.files.sync import sync_folder
from jupyter_mlops.formats.names import check_path, show

BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_OPEN_ROOT = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_OPEN_FOLDER = _OPEN_ROOT | _NO_FOLLOW
_DEFAULT_RIGHTS = "system.posix_acl_default"


class Folder:
    """One open folder beneath a root; names are single parts; a context manager."""

    def __init__(self, path: str, fd: int | None) -> None:
        self.path = path
        self.fd = fd

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor; harmless when repeated."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def _name(self, name: str) -> str:
        return name if self.fd is not None else os.path.join(self.path, name)

    def stat(self, name: str) -> os.stat_result:
        """Return what the file system says of ``name`` itself, following nothing."""
        return os.stat(self._name(name), dir_fd=self.fd, follow_symlinks=False)

    def open(self, name: str, flags: int, mode: int = 0o666) -> int:
        """Open the file ``name``; a link raises OSError with ELOOP."""
        if self.fd is None and os.path.islink(self._name(name)):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        return os.open(self._name(name), flags | _NO_FOLLOW, mode, dir_fd=self.fd)

    def enter(self, name: str) -> Folder:
        """Open the folder ``name``.

        Raises:
            ConflictError: it is a link or not a folder.
            FileNotFoundError: it is missing.
        """
        path = os.path.join(self.path, name)
        kind = self.stat(name).st_mode
        if stat.S_ISDIR(kind):
            if self.fd is None:
                return Folder(path, None)
            try:
                return Folder(path, os.open(name, _OPEN_FOLDER, dir_fd=self.fd))
            except OSError as error:
                if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
                    raise
        raise _not_a_folder(path)

    def make_folder(self, name: str) -> None:
        """Make the folder ``name``; nothing happens when it exists."""
        try:
            os.mkdir(self._name(name), dir_fd=self.fd)
        except FileExistsError:
            if not stat.S_ISDIR(self.stat(name).st_mode):
                raise

    def rename_in(self, source: str, name: str) -> None:
        """Move the file at the full path ``source`` here as ``name``, over what is there."""
        os.replace(source, self._name(name), dst_dir_fd=self.fd)

    def unlink(self, name: str) -> None:
        """Remove the file or link ``name``."""
        os.unlink(self._name(name), dir_fd=self.fd)

    def remove_folder(self, name: str) -> None:
        """Remove the empty folder ``name``."""
        os.rmdir(self._name(name), dir_fd=self.fd)

    def exists(self, name: str) -> bool:
        """Return whether anything has the name ``name``, be it a link that leads nowhere."""
        try:
            self.stat(name)
        except FileNotFoundError:
            return False
        return True

    def hands_down(self) -> bool:
        """Return whether what is made here takes rights or its group from this folder."""
        if self.fd is None or sys.platform != "linux":
            return True
        if os.fstat(self.fd).st_mode & stat.S_ISGID:
            return True
        try:
            return _DEFAULT_RIGHTS in os.listxattr(self.fd)
        except OSError:  # a file system without such rights
            return False

    def sync(self) -> None:
        """Make the names in this folder durable."""
        sync_folder(self.path)


class Way:
    """Opens folders beneath ``root``, keeping the last one's parents open.

    So paths in sorted order cost about one step each. A context manager; not thread-safe.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)
        self._open: list[tuple[str, Folder]] = []

    def __enter__(self) -> Way:
        return self

    def __exit__(self, *exc: object) -> None:
        while self._open:
            self._open.pop()[1].close()

    def to(self, folder: str, *, make: bool = False) -> Folder:
        """Return the open folder at the relative path ``folder``; "" is the root.

        It is closed by this object, at the latest when another folder is asked for.

        Raises:
            ConflictError: a link or a file stands on the way.
            NotFoundError: a part is missing, unless ``make``.
            OSError: a part cannot be made or opened.
        """
        if not self._open:
            self._open.append(("", _open_root(self._root)))
        parts = folder.split("/") if folder else []
        common = 0
        while common < len(parts) and common + 1 < len(self._open):
            if self._open[common + 1][0] != parts[common]:
                break
            common += 1
        while len(self._open) > common + 1:
            self._open.pop()[1].close()
        for part in parts[common:]:
            here = self._open[-1][1]
            try:
                step = here.enter(part)
            except FileNotFoundError as error:
                if not make:
                    path = os.path.join(here.path, part)
                    raise NotFoundError(
                        f"There is no folder {path}.", code="path-not-found"
                    ) from error
                here.make_folder(part)
                step = here.enter(part)
            self._open.append((part, step))
        return self._open[-1][1]


def refuse_bad_path(path: str) -> None:
    """Let ``path`` pass if it may stand in what is written.

    Raises:
        ConflictError: it may not; code ``path-refused``.
    """
    try:
        check_path(path)
    except ValueError as error:
        raise ConflictError(
            f"The path {show(path)} is refused: {error}.",
            code="path-refused",
            hints=("Rename or move it, then run the same command again.",),
        ) from error


@contextmanager
def open_parent(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[Folder, str]]:
    """Yield the open folder that holds ``path``, and its last part; raises as :meth:`Way.to`."""
    parent, _, name = path.rpartition("/")
    with Way(root) as way:
        yield way.to(parent, make=make), name


def _open_root(root: str) -> Folder:
    if not BY_DESCRIPTOR:
        if not os.path.isdir(root):
            raise NotFoundError(f"There is no folder {root}.", code="path-not-found")
        return Folder(root, None)
    try:
        # the root is the caller's own choice: links that lead to it are followed
        return Folder(root, os.open(root, _OPEN_ROOT))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"There is no folder {root}.", code="path-not-found") from error


def _not_a_folder(path: str) -> ConflictError:
    if os.path.islink(path):
        return ConflictError(
            f"{path} is a link; nothing is read or written through links.",
            code="link-on-the-way",
            hints=("Replace the link by a real folder, then run the same command again.",),
        )
    return ConflictError(
        f"{path} is a file where a folder is needed.",
        code="not-a-folder",
        hints=("Move it elsewhere, then run the same command again.",),
    )
