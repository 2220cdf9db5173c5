"""One tracked file, link or folder: mode, content hash, size."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from jupyter_mlops.ids import Hash


class Mode(StrEnum):
    """What an entry is, in Git's own words for file modes."""

    FILE = "100644"
    EXECUTABLE = "100755"
    SYMLINK = "120000"
    FOLDER = "040000"


class Entry(NamedTuple):
    """One entry of a tracked path.

    ``hash`` is the BLAKE3 of the file's bytes, of a symlink's target text (UTF-8), or of a folder's encoded
    manifest. ``size_bytes`` is the length of what was hashed for files and links, and 0 for folders.
    """

    mode: Mode
    hash: Hash
    size_bytes: int
