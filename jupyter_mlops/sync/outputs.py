"""Outputs of notebooks on both ends: the one kind of record of which several share a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from jupyter_mlops.errors import IntegrityError, NotFoundError, UnavailableError
from jupyter_mlops.files.durable import write_atomic
from jupyter_mlops.formats.index import PackEntry, Place
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, RecordInfo, RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.packs import PackFile
from jupyter_mlops.objects.store import Store
from jupyter_mlops.storage.backend import ByteRange
from jupyter_mlops.sync.listing import pack_object
from jupyter_mlops.sync.remote import Remote

_FILE = "outputs"
_LIMIT_BYTES = 64 << 20

_At = tuple[Hash, int]
"""A pack and an offset in it: no pack ever gets other bytes there."""


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    pack: bytes
    offset: int
    header: bytes


class RemoteOutputs:
    """The outputs that a remote has, told apart by the headers of their records.

    A header has the checksum of what follows it, and goes along with a record from pack to pack.
    What was looked at once is remembered, in a cache that may be lost at any time.

    Args:
        remote: as it is now.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._file: Path = remote.cache / _FILE
        self._headers = _read(self._file)
        self._changed = False

    def lacks(self, wanted: Mapping[Hash, bytes]) -> set[Hash]:
        """Return the names whose record with the header that ``wanted`` tells is not there.

        Raises:
            UnavailableError: the remote failed.
        """
        places = {id: self._remote.find_all(RecordKind.OUTPUTS, id) for id in wanted}
        self._look([place for found in places.values() for place in found])
        there = {id: {self._headers.get(_at(p)) for p in found} for id, found in places.items()}
        return {id for id, header in wanted.items() if header not in there[id]}

    def unseen(self, store: Store, names: Iterable[Hash]) -> list[tuple[Hash, Place]]:
        """Return where records are that ``store`` has never had; all, where it has none."""
        found = []
        for id in names:
            has_some = bool(store.places(RecordKind.OUTPUTS, id))
            places = self._remote.find_all(RecordKind.OUTPUTS, id)
            if not places and (place := self._remote.locate(RecordKind.OUTPUTS, id)) is not None:
                places = [place]
            found += [(id, p) for p in places if not has_some or _at(p) not in self._headers]
        return found

    def note(self, place: Place, header: bytes) -> None:
        """Remember that the store has what is at a place of the remote."""
        self._headers[_at(place)] = header
        self._changed = True

    def note_put(
        self, tables: Mapping[PackEntry, Sequence[RecordInfo]], headers: Mapping[Hash, bytes]
    ) -> None:
        """Remember what was put there, as far as ``headers`` tell what that was."""
        for pack, table in tables.items():
            for info in table:
                if info.kind is RecordKind.OUTPUTS and info.id in headers:
                    self._headers[pack.hash, info.offset] = headers[info.id]
                    self._changed = True

    def save(self) -> None:
        """Let the next command know what was looked at, of packs that are still there."""
        if not self._changed:
            return
        packs = {pack for pack, _ in self._remote.packs}
        rows = [_Row(*at, header) for at, header in self._headers.items() if at[0] in packs]
        with suppress(UnavailableError):
            write_atomic(self._file, msgspec.msgpack.encode(rows), durable=False)

    def _look(self, places: Iterable[Place]) -> None:
        """Read the headers that were not read yet; of what cannot be read nothing is known."""
        by_pack: dict[Hash, list[int]] = {}
        for place in places:
            if _at(place) not in self._headers:
                by_pack.setdefault(place.pack, []).append(place.offset)
        for pack, offsets in by_pack.items():
            spans = [ByteRange(offset, RECORD_HEADER_BYTES) for offset in offsets]
            with suppress(NotFoundError, IntegrityError):
                read = self._remote.backend.read_ranges(pack_object(pack, False), spans)
                self._headers.update(
                    {(pack, offset): header for offset, header in zip(offsets, read, strict=True)}
                )
                self._changed = True


def read_header(store: Store, place: Place) -> bytes:
    """Return the header of a record of the store."""
    with PackFile(store.pack_path(place)) as pack:
        return pack.read(place.offset, RECORD_HEADER_BYTES)


def _at(place: Place) -> _At:
    return place.pack, place.offset


def _read(file: Path) -> dict[_At, bytes]:
    try:
        with open(file, "rb") as opened:
            rows = msgspec.msgpack.decode(opened.read(_LIMIT_BYTES), type=list[_Row])
    except (OSError, ValueError, RecursionError):
        return {}
    return {(Hash(row.pack), row.offset): row.header for row in rows}
