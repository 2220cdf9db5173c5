"""The user's files, read so that a file that changes meanwhile is noticed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Self, TypeVar

from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UnavailableError
from jupyter_mlops.formats.entry import Mode

_READ_ATTEMPTS = 3
_OPEN = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_T = TypeVar("_T")


class Source:
    """One file open for reading, with the stat it had then; a context manager."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = open_for_reading(path)
        self.before = os.fstat(self.fd)
        if not stat.S_ISREG(self.before.st_mode):
            os.close(self.fd)
            raise ConflictError(f"{path} is not a file any more.", code="file-changing")
        self.mode = mode_of(self.before)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self.fd)

    def is_unchanged(self, read_bytes: int) -> bool:
        """Return whether the file is as it was when it was opened, and ``read_bytes`` long."""
        return _same(self.before, os.fstat(self.fd)) and self.before.st_size == read_bytes


def open_source(path: str) -> Source:
    """Open the file at ``path``.

    Raises:
        NotFoundError: it vanished.
        ConflictError: it is not a file any more.
        UnavailableError: it cannot be read.
    """
    return Source(path)


def read_small(path: str) -> tuple[bytes, Mode]:
    """Return all bytes of a file that did not change while they were read, and its mode.

    Raises as :func:`open_source`, and ConflictError when the file keeps changing.
    """
    for _ in range(_READ_ATTEMPTS):
        fd = open_for_reading(path)
        try:
            before = os.fstat(fd)
            if before.st_mode & 0o170000 != 0o100000:
                raise ConflictError(f"{path} is not a file any more.", code="file-changing")
            size_bytes = before.st_size
            content = os.read(fd, size_bytes + 1)
            if len(content) < size_bytes:
                content = _read_rest(fd, content, size_bytes)
            after = os.fstat(fd)
        except OSError as error:
            raise read_error(path, error) from error
        finally:
            os.close(fd)
        if len(content) == size_bytes and _same(before, after):
            return content, mode_of(before)
    raise changing(path)


def read_target(path: str) -> bytes:
    """Return the target of the link at ``path``.

    Raises:
        ConflictError: it is not a link any more.
        NotFoundError: it vanished.
    """
    try:
        return os.fsencode(os.readlink(path))
    except OSError as error:
        if os.path.lexists(path) and not os.path.islink(path):
            raise changing(path) from error
        raise read_error(path, error) from error


def retry_while_changing(path: str, read: Callable[[str], _T | None]) -> _T:
    """Return what ``read`` returns, called again while it returns None because the file changed.

    Raises:
        ConflictError: it changed each time.
    """
    for _ in range(_READ_ATTEMPTS):
        found = read(path)
        if found is not None:
            return found
    raise changing(path)


def open_for_reading(path: str) -> int:
    """Open a file, never through a link; raises as :func:`open_source`."""
    try:
        return os.open(path, _OPEN)
    except OSError as error:
        raise read_error(path, error) from error


def read_error(path: str, error: OSError) -> MlopsError:
    """Return what to raise for ``error`` met while reading ``path``."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFoundError(f"{path} vanished while it was read.", code="file-vanished")
    return UnavailableError(
        f"{path} cannot be read: {error.strerror or error}.",
        code="not-readable",
        hints=("Give yourself the right to read it, then run the same command again.",),
    )


def changing(path: str) -> ConflictError:
    """Return what to raise for a file that something else keeps writing."""
    return ConflictError(
        f"{path} kept changing while it was read, so nothing was kept of it.",
        code="file-changing",
        hints=("Wait until the program that writes it is done, then run the same command again.",),
    )


def mode_of(found: os.stat_result) -> Mode:
    """Return the mode that a regular file is kept with."""
    return Mode.EXECUTABLE if found.st_mode & 0o100 else Mode.FILE


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (
        before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
        and before.st_size == after.st_size
        and before.st_ino == after.st_ino
    )


def _read_rest(fd: int, content: bytes, size_bytes: int) -> bytes:
    parts = [content]
    length = len(content)
    while length <= size_bytes and (part := os.read(fd, size_bytes + 1 - length)):
        parts.append(part)
        length += len(part)
    return b"".join(parts)
