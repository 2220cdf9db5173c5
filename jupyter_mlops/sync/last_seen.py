"""What a remote had when this clone last looked at it; nothing is asked of it.

The folder of a remote in this clone holds its index segments, and the file ``listed``: where it was
and which packs it listed. All of it is a cache, which may be lost at any time.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from blake3 import blake3

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import iter_names, write_atomic
from jupyter_mlops.formats.index import IndexView, PackEntry
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.packs import decode_packs, encode_packs
from jupyter_mlops.objects.store import Store

_LISTED = "listed"
_LIMIT_BYTES = 64 << 20
_SEGMENT_SUFFIX = ".idx"


class _Listing(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    place: str
    packs: bytes


class _Segment(NamedTuple):
    """A segment, with the packs in it that were not listed as it has them."""

    view: IndexView
    unlisted: frozenset[tuple[Hash, bool]]


def cache_folder(store: Store, name: str) -> Path:
    """Return the folder of this clone with what is known of the remote called ``name``."""
    return store.local_folder / "remotes" / name


def note_listed(cache: Path, place: str, packs: Iterable[PackEntry]) -> None:
    """Remember which packs the remote at ``place`` lists and are not known to be damaged."""
    listing = _Listing(place, encode_packs(packs))
    if _read_listing(cache) != listing:
        with suppress(UnavailableError):
            write_atomic(cache / _LISTED, msgspec.msgpack.encode(listing), durable=False)


class LastSeen:
    """What a remote had, by its index as far as the packs that it listed bear it out.

    Args:
        cache: the folder of this clone that is that remote's own.

    Attributes:
        place: where it was then, None when nobody looked yet.
    """

    def __init__(self, cache: Path) -> None:
        listing = _read_listing(cache)
        self.place = listing.place if listing is not None else None
        packs = frozenset(decode_packs(listing.packs) if listing is not None else ())
        self._segments: list[_Segment] = []
        for name in sorted(iter_names(cache)) if packs else ():
            if name.endswith(_SEGMENT_SUFFIX) and (view := _open(cache / name)) is not None:
                gone = frozenset((p.hash, p.plain) for p in view.packs if p not in packs)
                self._segments.append(_Segment(view, gone))

    @property
    def records_count(self) -> int:
        """How many records the index names, or more."""
        return sum(len(segment.view) for segment in self._segments)

    def has(self, kind: RecordKind, id: Hash) -> bool:
        """Return whether that record was there."""
        return any(
            (place.pack, place.plain) not in segment.unlisted
            for segment in self._segments
            for place in segment.view.find(kind, id)
        )

    def read_names(self) -> set[Hash]:
        """Return the names of all records that were there."""
        names: set[Hash] = set()
        for segment in self._segments:
            view, unlisted = segment
            if not unlisted:
                names.update(view.iter_ids())
            else:
                names.update(id for id, p in view if (p.pack, p.plain) not in unlisted)
        return names


def _read_listing(cache: Path) -> _Listing | None:
    try:
        with open(cache / _LISTED, "rb") as file:
            return msgspec.msgpack.decode(file.read(_LIMIT_BYTES), type=_Listing)
    except (OSError, ValueError, RecursionError):
        return None


def _open(path: Path) -> IndexView | None:
    """Return a segment; None where it is not what its name says."""
    try:
        with open(path, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # it is gone, or empty
        return None
    whole = blake3(mapped).hexdigest() == path.stem
    return IndexView(mapped, origin=path.name) if whole else None
