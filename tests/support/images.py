"""Images as small as they get, each unlike the others."""

from __future__ import annotations

import struct
import zlib


def make_png(number: int, size_bytes: int = 0) -> bytes:
    """Return a PNG of one pixel, and of about ``size_bytes``, that says ``number`` in a comment."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        ending = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + ending

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    text = b"Comment\0" + str(number).encode() + b" " * size_bytes
    body = chunk(b"IHDR", header) + chunk(b"tEXt", text) + chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")
