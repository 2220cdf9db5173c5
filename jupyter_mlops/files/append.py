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
