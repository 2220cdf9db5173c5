"""Compression where it pays.

Level 1 gives up on what does not shrink at several GB/s, so each chunk is tried and no sample is
needed. Many are compressed by one call: each call lets other threads run, and waits for them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import zstandard

from jupyter_mlops.formats.pack import Codec

LEVEL = 1
_LEAST_BYTES = 64
_WORTH = 0.95
_per_thread = threading.local()


def compress(content: bytes | memoryview) -> tuple[Codec, bytes | memoryview]:
    """Return how ``content`` is to be stored, and the payload; thread-safe."""
    return compress_many([content])[0]


def compress_many(
    contents: Sequence[bytes | memoryview],
) -> list[tuple[Codec, bytes | memoryview]]:
    """Return the same for each of ``contents``; thread-safe."""
    found: list[tuple[Codec, bytes | memoryview]] = [(Codec.RAW, one) for one in contents]
    tried = [number for number, one in enumerate(contents) if len(one) >= _LEAST_BYTES]
    if tried:
        squeezed = _compressor().multi_compress_to_buffer([contents[number] for number in tried])
        for at, number in enumerate(tried):
            if len(squeezed[at]) < len(contents[number]) * _WORTH:
                found[number] = (Codec.ZSTD, squeezed[at].tobytes())
    return found


def _compressor() -> zstandard.ZstdCompressor:
    found: zstandard.ZstdCompressor | None = getattr(_per_thread, "compressor", None)
    if found is None:
        found = _per_thread.compressor = zstandard.ZstdCompressor(level=LEVEL)
    return found
