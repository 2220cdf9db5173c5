"""Names: content hashes (BLAKE3) and snapshot ids."""

from __future__ import annotations

import re
import secrets
from typing import NewType

from blake3 import blake3

Hash = NewType("Hash", bytes)
"""32 bytes: the BLAKE3 of some content."""

HASH_BYTES = 32
_HASH_THREADS = 2
_PREFIX = "blake3:"
_HASH_TEXT = re.compile(r"blake3:[0-9a-f]{64}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_NOT_HEX = "ghijklmnopqrstuvwxyz"
_SNAPSHOT_ID = re.compile(r"[g-z][a-z2-7]{11}")


def hash_bytes(content: bytes | bytearray | memoryview) -> Hash:
    """Return the BLAKE3-256 of ``content``."""
    return Hash(blake3(content).digest())


def new_hasher() -> blake3:
    """Return a hasher for big content, which uses two threads of its own.

    Not those that BLAKE3 shares within a process: they are gone in a child made by ``os.fork``,
    which would wait for them for ever.
    """
    return blake3(max_threads=_HASH_THREADS)


def format_hash(value: Hash) -> str:
    """Return the text form: ``blake3:`` and 64 hexadecimal digits."""
    return _PREFIX + value.hex()


def parse_hash(text: str) -> Hash:
    """Return the hash that ``text`` names.

    Raises:
        ValueError: ``text`` is not exactly the form that :func:`format_hash` writes.
    """
    if not _HASH_TEXT.fullmatch(text):
        raise ValueError(f"not a content hash: {text!r}")
    return Hash(bytes.fromhex(text[len(_PREFIX) :]))


def new_snapshot_id() -> str:
    """Return a random snapshot id.

    12 lower-case base32 letters, the first never a hexadecimal digit.
    """
    return secrets.choice(_NOT_HEX) + "".join(secrets.choice(_LETTERS) for _ in range(11))


def derive_snapshot_id(text: str) -> str:
    """Return the id, in the form of a snapshot's, that everybody derives from ``text``."""
    digest = blake3(text.encode("utf-8", "surrogateescape")).digest(12)
    letters = "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[1:])
    return _NOT_HEX[digest[0] % len(_NOT_HEX)] + letters


def is_snapshot_id(text: str) -> bool:
    """Return whether ``text`` has the form of a snapshot id."""
    return _SNAPSHOT_ID.fullmatch(text) is not None
