"""A file read once, through reused buffers, cut by content.

A user's file is never mapped into memory: one that is cut short meanwhile would kill the process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from jupyter_mlops.formats.chunking import CHUNK_MAX_BYTES, CHUNK_MIN_BYTES, iter_cuts

BLOCK_BYTES = 4 << 20


class Block(NamedTuple):
    """Consecutive chunks of a file: ``buffer`` begins with their bytes; and their lengths."""

    buffer: bytearray
    lengths: list[int]


def iter_blocks(fd: int, take_buffer: Callable[[], bytearray]) -> Iterator[Block]:
    """Yield the whole of ``fd`` from its current position as blocks of chunks, in order.

    ``take_buffer`` returns a buffer of BLOCK_BYTES that belongs to the yielded block from then on;
    it may block until one is given back.
    """
    carried = b""
    last = False
    while not last:
        buffer = take_buffer()
        filled = len(carried)
        buffer[:filled] = carried
        with memoryview(buffer) as whole:
            while filled < len(buffer):
                count = read_into(fd, whole[filled:])
                if count == 0:
                    last = True
                    break
                filled += count
            with whole[:filled] as view:
                lengths = list(iter_cuts(view, last=last))
                end = sum(lengths)
                carried = bytes(view[end:])
        yield Block(buffer, lengths)


def cut_bytes(content: bytes) -> list[int]:
    """Return the lengths of the chunks of a whole file; one for what is too small to be cut."""
    return list(iter_cuts(content)) if len(content) > CHUNK_MIN_BYTES else [len(content)]


def read_into(fd: int, view: memoryview) -> int:
    """Read from ``fd`` what fits into ``view`` by one call; return how many bytes that were."""
    if hasattr(os, "readv"):
        return os.readv(fd, [view])
    content = os.read(fd, len(view))
    view[: len(content)] = content
    return len(content)


assert BLOCK_BYTES > 2 * CHUNK_MAX_BYTES
