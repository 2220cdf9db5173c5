"""Which outputs a notebook had last in a worktree, for versions of it that nobody has run.

A merge, a rebase or a stash that is applied makes such versions; most of their cells are as they
were when they ran.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from jupyter_mlops.errors import IntegrityError, MlopsError, UnavailableError, UnsupportedError
from jupyter_mlops.files.durable import clear_staging, write_atomic
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks.outputs import Run, attach_cells, decode_outputs
from jupyter_mlops.notebooks.strip import StripSettings, divide_removed
from jupyter_mlops.objects.outputs import read_outputs
from jupyter_mlops.objects.store import Store

_FILE = "recent-outputs"
_EACH = 8
_SIDES = 2
_PATHS = 2000
_SURROGATE = re.compile("[\ud800-\udfff]")
_READ_BYTES = 64 << 20
_FILE_BYTES = 16 << 20


class _Offer(NamedTuple):
    """A notebook that Git was given, and the name of its outputs; None for those of others."""

    key: Hash | None
    size_bytes: int
    hash: Hash


class _Notes(msgspec.Struct):
    """By path: names of outputs, the last one first; and the file as Git wrote it last."""

    keys: dict[str, list[bytes]] = {}
    written: dict[str, bytes] = {}


class RecentOutputs:
    """The names under which outputs were kept that notebooks had last, by the notebook's path.

    A cache: of two processes that write it at once one may not be heard, and it may be lost at any
    time. What another one wrote meanwhile counts.

    Args:
        folder: where a worktree keeps what belongs to it alone.
        root: the worktree.
        settings: what is stripped.
    """

    def __init__(self, folder: Path, root: Path, settings: StripSettings) -> None:
        self._settings = settings
        self._file = folder / _FILE
        self._worktree = WorkTree(root)
        self._offers: dict[str, _Offer] = {}
        self._read: _Notes | None = None
        self._state: tuple[int, ...] = ()
        self._noted: set[str] = set()
        self._changed = False

    def note(self, path: str, key: Hash) -> None:
        """Remember that the notebook at ``path`` has the outputs kept under ``key`` now."""
        known = self._known().keys
        if _SURROGATE.search(path):  # a name that is not UTF-8
            return
        if (keys := known.get(path, []))[:1] != [key]:
            known.pop(path, None)
            known[path] = [key, *(one for one in keys if one != key)][:_EACH]
            self._noted.add(path)
            self._changed = True

    def offer(self, path: str, key: Hash | None, content: bytes) -> None:
        """Remember that ``content`` is at ``path``, if it is when this comes to writing.

        Git asks for notebooks that it only looks at, ``git log -p`` for each version there was.
        ``key`` is noted then, unless it is None.
        """
        self._offers[path] = _Offer(key, len(content), hash_bytes(content))

    def is_as_written(self, path: str, content: bytes) -> bool:
        """Return whether ``content`` is at ``path`` and nobody has saved it since Git wrote it."""
        written = self._known().written.get(path)
        return written is not None and written == self._describe(path, hash_bytes(content))

    def write(self) -> None:
        """Let the next process know; a cache that cannot be written is none."""
        offers, self._offers = self._offers, {}
        for path, offer in offers.items():
            described = self._find_taken(path, offer)
            if described is None or _SURROGATE.search(path):
                continue
            if offer.key is not None:
                self.note(path, offer.key)
            written = self._known().written
            written.pop(path, None)
            written[path] = described
            self._changed = True
        if not self._changed:
            return
        notes = self._known()
        self._changed = False
        newest = _Notes(
            dict(list(notes.keys.items())[-_PATHS:]), dict(list(notes.written.items())[-_PATHS:])
        )
        with suppress(UnavailableError):
            clear_staging(self._file.parent)
            write_atomic(self._file, msgspec.msgpack.encode(newest), durable=False)

    def attach(self, store: Store, path: str, stripped: bytes) -> bytes:
        """Return the notebook with the outputs that its cells had last with the same source.

        Cells that the settings drop come back of the two versions that were here last: the sides,
        after a merge.
        """
        if not self._known().keys.get(path):
            return stripped
        sides = _SIDES if self._settings.drops_cells else 0
        return attach_cells(stripped, self._iter_runs(store, path), sides=sides)

    def _find_taken(self, path: str, offer: _Offer) -> bytes | None:
        with suppress(MlopsError):
            described = self._describe(path, offer.hash)
            present = self._worktree.read_head(path, offer.size_bytes + 1)
            if len(present) == offer.size_bytes and hash_bytes(present) == offer.hash:
                return described
        return None

    def _describe(self, path: str, content_hash: Hash) -> bytes | None:
        """Return a hash of a file's content and of its times."""
        with suppress(MlopsError):
            found = self._worktree.stat(path)
            if found is not None:
                state = (found.size_bytes, found.mtime_ns, found.ctime_ns, found.inode)
                return hash_bytes(content_hash + repr(state).encode())
        return None

    def _iter_runs(self, store: Store, path: str) -> Iterator[Run]:
        left_bytes = _READ_BYTES
        for key in self._known().keys[path]:
            with suppress(IntegrityError, UnsupportedError):
                payload = read_outputs(store, Hash(key))
                if payload is not None and len(payload) <= left_bytes:
                    left_bytes -= len(payload)
                    yield divide_removed(decode_outputs(payload), self._settings)

    def _known(self) -> _Notes:
        """Return the notes; another process's are before ours where it wrote since we read."""
        state = self._stat()
        if self._read is None or state != self._state:
            before, self._read, self._state = self._read, self._load(), state
            for path in self._noted:
                ours = before.keys.get(path, []) if before is not None else []
                others = [key for key in self._read.keys.pop(path, []) if key not in ours]
                self._read.keys[path] = [*others, *ours][:_EACH]
        return self._read

    def _stat(self) -> tuple[int, ...]:
        try:
            found = os.stat(self._file)
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _load(self) -> _Notes:
        try:
            with open(self._file, "rb") as file:
                return msgspec.msgpack.decode(file.read(_FILE_BYTES), type=_Notes)
        except (OSError, ValueError, RecursionError):
            return _Notes()
