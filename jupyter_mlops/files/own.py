"""Files that are believed only where they are the user's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class OwnFile(NamedTuple):
    """What a file holds, and when it was written, in nanoseconds since 1970."""

    content: bytes
    written_at_ns: int


def read_own_file(path: Path, limit_bytes: int) -> OwnFile | None:
    """Return the file ``path``; None where it is not there, or is not to be believed.

    That is what is no regular file, a link, another user's, larger than ``limit_bytes``, or cannot
    be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not _is_own(status) or status.st_size > limit_bytes:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(limit_bytes + 1)
        return OwnFile(content, status.st_mtime_ns) if len(content) <= limit_bytes else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _is_own(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and (os.name == "nt" or status.st_uid == os.geteuid())
