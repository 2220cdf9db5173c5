"""One tracked file, link or folder: mode, content hash, size."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from jupyter_mlops.ids import HASH_BYTES, Hash


class Mode(StrEnum):
    """What an entry is, in Git's own words for file modes."""

    FILE = "100644"
    EXECUTABLE = "100755"
    SYMLINK = "120000"
    FOLDER = "040000"

    __hash__ = str.__hash__  # that of Enum is written in Python


class Entry(NamedTuple):
    """One entry of a tracked path.

    ``hash`` is the BLAKE3 of the file's bytes, of a symlink's target text (UTF-8), or of a folder's
    encoded manifest. ``size_bytes`` is the length of what was hashed for files and links, and 0 for
    folders.
    """

    mode: Mode
    hash: Hash
    size_bytes: int


MAX_SIZE_BYTES = 2**63 - 1
MAX_LINK_BYTES = 4095


def check_entry(entry: Entry) -> None:
    """Let ``entry`` pass if its size fits its mode.

    Raises:
        ValueError: with the reason, which completes the sentence "the entry … is refused:".
    """
    mode, content, size_bytes = entry
    if len(content) != HASH_BYTES:
        raise ValueError(f"its hash has {len(content)} bytes, not {HASH_BYTES}")
    if not 0 <= size_bytes <= MAX_SIZE_BYTES:
        raise ValueError(f"its size {size_bytes} is not between 0 and 2**63 - 1")
    if mode is Mode.FOLDER and size_bytes:
        raise ValueError("a folder's size is 0")
    if mode is Mode.SYMLINK and not 0 < size_bytes <= MAX_LINK_BYTES:
        raise ValueError(f"a link's target has between 1 and {MAX_LINK_BYTES} bytes")
