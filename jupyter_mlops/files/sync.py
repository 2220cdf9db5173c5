"""Making what was written survive a power cut, on each system in its own way."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

if sys.platform != "win32":
    import fcntl

_CANNOT_SYNC_FOLDER = {errno.EINVAL, errno.EBADF, errno.EACCES, errno.ENOTSUP}
_MANY_FILES = 64
_TELLS_FAILURES_SINCE = (5, 8)
"""The first Linux whose ``syncfs`` fails when bytes were lost."""


def sync_descriptor(fd: int) -> None:
    """Make the contents of ``fd`` survive a power cut; after an OSError, discard ``fd``."""
    if sys.platform == "darwin":
        try:
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            return
        except OSError as error:
            if error.errno not in {errno.ENOTSUP, errno.EINVAL, errno.ENOTTY}:
                raise
    os.fsync(fd)


def sync_folder(folder: os.PathLike[str] | str) -> None:
    """Make the names in ``folder`` survive a power cut, where folders can be synced at all."""
    if sys.platform == "win32":
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync_descriptor(fd)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_FOLDER:
            raise
    finally:
        os.close(fd)


def sync_paths(paths: Sequence[str], folder: int | None) -> None:
    """Sync files and folders, when they are many by the file system of the open ``folder``.

    Failures of the file system's own writing raise OSError when they come after ``folder`` was
    opened. What has gone meanwhile is passed over.
    """
    if len(paths) > _MANY_FILES and folder is not None and _sync_file_system(folder):
        return
    for path in paths:
        with suppress(FileNotFoundError):
            if os.path.isdir(path):
                sync_folder(path)
            else:
                _sync_file(path)


def _sync_file(path: str) -> None:
    fd = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        sync_descriptor(fd)
    finally:
        os.close(fd)


def _sync_file_system(folder: int) -> bool:
    """Sync the file system of the open ``folder``; False where success does not prove anything."""
    if sys.platform != "linux":
        return False
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    if syncfs(folder) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return tells_failures(os.uname().release)


def tells_failures(release: str) -> bool:
    """Return whether the ``syncfs`` of the Linux named ``release`` fails when bytes were lost."""
    major, _, rest = release.partition(".")
    minor = rest.partition(".")[0].partition("-")[0]
    if not (major.isdigit() and minor.isdigit()):
        return False
    return (int(major), int(minor)) >= _TELLS_FAILURES_SINCE
