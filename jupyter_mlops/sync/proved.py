"""Files whose content was proved in this process, to be read again without another proof."""

from __future__ import annotations

import secrets
import struct
import threading
from collections.abc import Callable, Sequence

from xxhash import xxh3_64_intdigest

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, Codec
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.packs import PackFile, stored_span
from jupyter_mlops.objects.records import Located

_LIMIT = 1 << 20
_RUN = struct.Struct("<IQIQ")
"""Number of the pack, offset and length there, checksum of the content."""
_PART = struct.Struct("<II")
"""Where in the run a part of the content begins and ends."""


class ProvedFiles:
    """Where files lie whose bytes are stored as they are, and a checksum of each; thread-safe.

    The bytes had the BLAKE3 that names them when a file was noted. Each later read is compared
    with XXH3 of them, which no accident gets past: docs/decisions/0032-proved-once.md.
    """

    def __init__(self) -> None:
        self._seed = secrets.randbits(64)
        self._plans: dict[Hash, bytes] = {}
        self._places: list[Place] = []
        self._numbers: dict[tuple[Hash, bool], int] = {}
        self._lock = threading.Lock()

    def note(self, id: Hash, content: bytes, run: Sequence[Located]) -> None:
        """Remember the file ``id``, whose proved ``content`` one read of ``run`` has brought.

        Files with compressed parts are passed over, and all when a million are known.
        """
        if len(self._plans) >= _LIMIT or any(place.codec is not Codec.RAW for _, place in run):
            return
        first, last = run[0][1], run[-1][1]
        header = 0 if first.plain else RECORD_HEADER_BYTES
        start = first.offset + header
        length = sum(stored_span(last)) - start
        checksum = xxh3_64_intdigest(content, self._seed)
        parts = [_RUN.pack(self._number(first), start, length, checksum)]
        if len(run) > 1:
            for _, place in run:
                begin = place.offset + header - start
                parts.append(_PART.pack(begin, begin + place.stored_bytes))
        self._plans[id] = b"".join(parts)

    def read(self, id: Hash, open_pack: Callable[[Place], PackFile]) -> bytes | None:
        """Return the bytes of a file that was noted; None where its pack has them no more.

        Args:
            id: of the file.
            open_pack: returns the pack of a place; raises FileNotFoundError where it is gone.
        """
        plan = self._plans.get(id)
        if plan is None:
            return None
        number, offset, length, checksum = _RUN.unpack_from(plan)
        try:
            content = open_pack(self._places[number]).read(offset, length)
        except (IntegrityError, FileNotFoundError):
            return None
        if len(plan) > _RUN.size:
            view = memoryview(content)
            parts = _PART.iter_unpack(plan[_RUN.size :])
            content = b"".join([view[begin:end] for begin, end in parts])
        return content if xxh3_64_intdigest(content, self._seed) == checksum else None

    def _number(self, place: Place) -> int:
        key = (place.pack, place.plain)
        with self._lock:
            found = self._numbers.setdefault(key, len(self._places))
            if found == len(self._places):
                self._places.append(place)
        return found
