"""What is known to be on a remote, so that the next push need not walk through it again."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.objects.packs import decode_packs, encode_packs
from jupyter_mlops.sync.remote import Remote

_FILE = "pushed"
_LIMIT_BYTES = 64 << 20


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    packs: bytes
    segments: list[str]
    pointers: list[str]


class Pushed:
    """Pointer files of which a remote had all content when certain packs were there.

    That holds as long as it lists all of these packs at their sizes, none is known to be damaged,
    no collection has marked one, and the index segments that named them are there. A cache, which
    may be lost at any time.

    Args:
        remote: as it is now.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._file: Path = remote.cache / _FILE
        table = _read(self._file)
        holds = all(remote.is_settled(pack) for pack in decode_packs(table.packs))
        holds &= remote.segments.issuperset(table.segments)
        self._pointers = frozenset(table.pointers if holds and table.packs else ())

    def without(self, pointers: Iterable[str]) -> tuple[str, ...]:
        """Return those of ``pointers``, ids of blobs of Git's, whose content may be lacking."""
        return tuple(oid for oid in pointers if oid not in self._pointers)

    def add(self, pointers: Iterable[str]) -> None:
        """Remember that the remote has all content of ``pointers`` as it is now."""
        if self._pointers.issuperset(pointers):
            return
        known = sorted(self._pointers | set(pointers))
        packs = encode_packs(filter(self._remote.is_settled, self._remote.iter_packs()))
        table = _Table(packs, sorted(self._remote.segments), known)
        with suppress(UnavailableError):
            write_atomic(self._file, msgspec.msgpack.encode(table), durable=False)


def _read(file: Path) -> _Table:
    try:
        with open(file, "rb") as opened:
            return msgspec.msgpack.decode(opened.read(_LIMIT_BYTES), type=_Table)
    except (OSError, ValueError, RecursionError):
        return _Table(b"", [], [])
