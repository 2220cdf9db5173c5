"""What is put: bytes, or the whole of a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jupyter_mlops.errors import UnavailableError

Content = bytes | Path
"""Bytes, or a file that must not change meanwhile."""

Advance = Callable[[int], None]
"""Is told how many more bytes were handed on; no byte is told of twice.

It is called from any thread, and must not call the backend.
"""


def size_of(content: Content) -> int:
    """Return how many bytes ``content`` has; raises as :func:`iter_parts`."""
    if isinstance(content, bytes):
        return len(content)
    with _said(content):
        return content.stat().st_size


def read_whole(content: Content) -> bytes:
    """Return all of ``content``; raises as :func:`iter_parts`."""
    if isinstance(content, bytes):
        return content
    with _said(content):
        return content.read_bytes()


def iter_parts(content: Content, part_bytes: int, advance: Advance | None) -> Iterator[bytes]:
    """Yield ``content`` in parts, and tell of each when the next one is asked for.

    Raises:
        UnavailableError: the file cannot be read; code ``not-readable``.
    """
    with _open(content) as source:
        while True:
            with _said(content):
                part = source.read(part_bytes)
            if not part:
                return
            yield part
            if advance:
                advance(len(part))


def _open(content: Content) -> BinaryIO:
    if isinstance(content, bytes):
        return io.BytesIO(content)
    with _said(content):
        return open(content, "rb")


@contextmanager
def _said(path: Content) -> Iterator[None]:
    """Let an error of the disk here not be taken for one of the remote."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"{path!s} cannot be read: {error.strerror or error}.",
            code="not-readable",
            hints=("Look at the disk, then run the same command again.",),
        ) from error
