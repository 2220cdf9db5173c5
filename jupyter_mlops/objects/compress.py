"""Compression where it pays.

Level 1 gives up on what does not shrink at several GB/s, so each chunk is tried and no sample is
needed.
"""

from __future__ import annotations

import threading

import zstandard

from jupyter_mlops.formats.pack import Codec

LEVEL = 1
_LEAST_BYTES = 64
_WORTH = 0.95
_per_thread = threading.local()


def compress(content: bytes | memoryview) -> tuple[Codec, bytes | memoryview]:
    """Return how ``content`` is to be stored, and the payload; thread-safe."""
    if len(content) < _LEAST_BYTES:
        return Codec.RAW, content
    squeezed = _compressor().compress(content)
    if len(squeezed) < len(content) * _WORTH:
        return Codec.ZSTD, squeezed
    return Codec.RAW, content


def _compressor() -> zstandard.ZstdCompressor:
    found: zstandard.ZstdCompressor | None = getattr(_per_thread, "compressor", None)
    if found is None:
        found = _per_thread.compressor = zstandard.ZstdCompressor(level=LEVEL)
    return found
