"""A lock of the operating system between processes, which ends with the process that holds it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jupyter_mlops.files.durable import disk_error, make_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock named ``path`` while the block runs, waiting for whoever holds it.

    The file stays behind, empty; it is the lock on it that counts. Not reentrant: a process that
    asks again while it holds it waits for itself. A file system without locks gives everyone
    theirs.

    Raises:
        UnavailableError: the folder cannot be written, or the disk failed.
    """
    make_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise disk_error(error, path.parent) from error
    try:
        try:
            _wait_for(descriptor)
        except OSError as error:
            raise disk_error(error, path) from error
        yield
    finally:
        if sys.platform == "win32":
            with suppress(OSError):
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        os.close(descriptor)


def _wait_for(descriptor: int) -> None:
    if sys.platform == "win32":
        while True:
            with suppress(OSError):  # it gives up after ten seconds
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return
    else:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
