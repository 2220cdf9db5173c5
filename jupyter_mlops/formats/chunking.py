"""Where a file is cut: FastCDC 2020 with frozen parameters; docs/formats/chunking.md.

Two stores share content only if they cut alike, so nothing here may change within a format version.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyfastcdc import FastCDC

CHUNK_MIN_BYTES = 16 * 1024
CHUNK_MEAN_BYTES = 64 * 1024
CHUNK_MAX_BYTES = 256 * 1024
NORMALIZATION: Final = 1


def iter_cuts(view: bytes | bytearray | memoryview, *, last: bool = True) -> Iterator[int]:
    """Yield the lengths of the chunks that ``view`` is cut into, in order.

    Releases the GIL while it searches; each call may run in a thread of its own.

    Args:
        view: the bytes from some cut on (or from the file's beginning).
        last: whether the file ends with ``view``. If not, only chunks that more bytes could not
            change are yielded; the rest, always less than CHUNK_MAX_BYTES, is to be handed in
            again with what follows.
    """
    rest = len(view)
    cutter = FastCDC(
        CHUNK_MEAN_BYTES,
        min_size=CHUNK_MIN_BYTES,
        max_size=CHUNK_MAX_BYTES,
        normalized_chunking=NORMALIZATION,
        seed=0,
    )
    for chunk in cutter.cut_buf(view):
        if not last and rest < CHUNK_MAX_BYTES:
            return
        yield chunk.length
        rest -= chunk.length
