"""Copy-on-write copies, where the file system makes them."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

if sys.platform != "win32":
    import fcntl

_FICLONE = 0x40049409  # linux/fs.h
_NOT_HERE = {
    errno.EOPNOTSUPP,
    errno.ENOTTY,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EPERM,
    errno.EISDIR,
    errno.ETXTBSY,
}


if sys.platform == "darwin":

    def _copy_by_libc(source: int, target: int) -> bool:
        """Clone on macOS: with COPYFILE_CLONE_FORCE, ``fcopyfile`` refuses rather than copies."""
        copy = getattr(ctypes.CDLL(None, use_errno=True), "fcopyfile", None)
        if copy is None:
            return False
        clone_force = 1 << 25
        if copy(source, target, None, ctypes.c_uint32(clone_force)) == 0:
            return True
        number = ctypes.get_errno()
        if number in _NOT_HERE or number == errno.ENOTSUP:
            return False
        raise OSError(number, os.strerror(number))


def try_clone(source: int, target: int) -> bool:
    """Make the empty file open as ``target`` a copy-on-write copy of the one open as ``source``.

    Returns False, with nothing done, where the file system or the platform cannot.

    Raises:
        OSError: the disk is full or failed.
    """
    if sys.platform == "linux":
        try:
            fcntl.ioctl(target, _FICLONE, source)
        except OSError as error:
            if error.errno in _NOT_HERE:
                return False
            raise
        return True
    if sys.platform == "darwin":
        return _copy_by_libc(source, target)
    return False
