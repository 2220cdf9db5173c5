"""Files that only grow: lines written by one process, read by others while it runs."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_mlops.files.durable import disk_error

_FLAGS = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def append_bytes(
    path: Path, data: bytes | bytearray, *, create: bool = True, mode: int = 0o644
) -> None:
    """Append ``data`` to ``path``, whose folder must exist.

    Without ``create`` the file must be there; else it is made with the rights ``mode``. Not synced:
    a power cut may take the end away. A failure part of the way leaves a cut line behind, which
    readers skip or refuse.

    Raises:
        UnavailableError: the disk did not take it.
    """
    try:
        fd = os.open(path, _FLAGS | (os.O_CREAT if create else 0), mode)
        try:
            remaining = memoryview(data)
            while remaining:
                remaining = remaining[os.write(fd, remaining) :]
        finally:
            os.close(fd)
    except OSError as error:
        raise disk_error(error, path) from error


class AppendFile:
    """A file of one process, open to grow by whole lines; each is one call of the system.

    So a process that is killed loses no line that :meth:`append` has returned for. Not synced: a
    power cut may take the end away. Not thread-safe.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path``, whose folder must exist; it is made where it is missing.

        Raises:
            UnavailableError: the disk refuses.
        """
        self.path = path
        self._is_cut = False
        try:
            self._fd = os.open(path, _FLAGS | os.O_CREAT, 0o644)
        except OSError as error:
            raise disk_error(error, path) from error

    def append(self, lines: bytes) -> None:
        """Append whole lines.

        Where a former call failed part of the way, what it left is ended first, so that it spoils
        no line but its own.

        Raises:
            UnavailableError: the disk did not take them. They may be appended again; a reader then
                meets a cut line, or some of them twice.
        """
        remaining = memoryview(b"\n" + lines if self._is_cut else lines)
        try:
            while remaining:
                written = os.write(self._fd, remaining)
                remaining = remaining[written:]
                self._is_cut = bool(remaining)
        except OSError as error:
            raise disk_error(error, self.path) from error

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
