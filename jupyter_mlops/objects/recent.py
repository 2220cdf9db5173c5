"""Which outputs a notebook had last in a worktree, for versions of it that nobody has run.

A merge, a rebase or a stash that is applied makes such versions; most of their cells are as they
were when they ran.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from jupyter_mlops.errors import IntegrityError, UnavailableError, UnsupportedError
from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.ids import Hash
from jupyter_mlops.notebooks.outputs import Removed, attach_cells, decode_outputs, read_created_at
from jupyter_mlops.objects.outputs import read_outputs
from jupyter_mlops.objects.store import Store

_FILE = "recent-outputs"
_EACH = 8
_PATHS = 2000
_SURROGATE = re.compile("[\ud800-\udfff]")
_READ_BYTES = 64 << 20
_FILE_BYTES = 16 << 20


class Attached(NamedTuple):
    """A notebook with outputs, and when the newest of them were kept; None where it has none."""

    content: bytes
    created_at: datetime | None


class RecentOutputs:
    """The names under which outputs were kept last, by the path of their notebook.

    A cache: of two processes that write it at once one is heard, and it may be lost at any time.

    Args:
        folder: where a worktree keeps what belongs to it alone.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._read: dict[str, list[bytes]] | None = None
        self._changed = False

    def note(self, path: str, key: Hash) -> None:
        """Remember that the notebook at ``path`` has the outputs kept under ``key`` now."""
        known = self._known()
        if _SURROGATE.search(path):  # a name that is not UTF-8
            return
        if (keys := known.get(path, []))[:1] != [key]:
            known.pop(path, None)
            known[path] = [key, *(one for one in keys if one != key)][:_EACH]
            self._changed = True

    def write(self) -> None:
        """Let the next process know; a cache that cannot be written is none."""
        if not self._changed:
            return
        self._changed = False
        newest = list(self._known().items())[-_PATHS:]
        with suppress(UnavailableError):
            write_atomic(self._file, msgspec.msgpack.encode(dict(newest)), durable=False)

    def attach(self, store: Store, path: str, stripped: bytes) -> Attached:
        """Return the notebook with the outputs that its cells had last, of those that it still has.

        What a cell gets is of the newest run of it with the same source.
        """
        moments: list[datetime] = []
        if not self._known().get(path):
            return Attached(stripped, None)
        content = attach_cells(stripped, self._iter_removed(store, path, moments))
        return Attached(content, max(moments, default=None))

    def _iter_removed(self, store: Store, path: str, moments: list[datetime]) -> Iterator[Removed]:
        left_bytes = _READ_BYTES
        for key in self._known()[path]:
            with suppress(IntegrityError, UnsupportedError):
                payload = read_outputs(store, Hash(key))
                if payload is not None and len(payload) <= left_bytes:
                    left_bytes -= len(payload)
                    removed = decode_outputs(payload)
                    moments.append(read_created_at(payload))
                    yield removed

    def _known(self) -> dict[str, list[bytes]]:
        if self._read is None:
            try:
                with open(self._file, "rb") as file:
                    encoded = file.read(_FILE_BYTES)
                self._read = msgspec.msgpack.decode(encoded, type=dict[str, list[bytes]])
            except (OSError, ValueError, RecursionError):
                self._read = {}
        return self._read
