"""ETags: what places tell of an object that changes with its content."""

from __future__ import annotations

import re

MAX_ETAG_BYTES = 256

_ETAG = re.compile(r'(?:W/)?"?([\x21\x23-\x5b\x5d-\x7e]{1,256})"?', re.ASCII)


def parse_etag(text: str | None) -> str | None:
    """Return an ETag without what says that it is weak, and without quotation marks.

    None for what is none, or has characters that no pointer file takes.
    """
    found = _ETAG.fullmatch(text or "")
    return found[1] if found else None


def make_etag(written: int, size_bytes: int) -> str:
    """Return what stands for an ETag where there is none: when it was written, and its size."""
    return f"{written:x}-{size_bytes:x}"
