"""What a remote holds: its packs as they are listed, and its index as far as they bear it out."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from jupyter_mlops.errors import (
    IntegrityError,
    MlopsError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from jupyter_mlops.files.durable import clear_staging, iter_names, remove, write_atomic
from jupyter_mlops.formats.index import IndexView, PackEntry, Place, encode_index, verify
from jupyter_mlops.formats.pack import RecordInfo, RecordKind, decode_footer
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.storage.backend import Backend, ByteRange

FORMAT_OBJECT = "format"
FORMAT_TEXT = b"0\n"
SNAPSHOTS = "snapshots"
_INDEX = "index"
_PACKS = "packs"
_SEGMENT_NAME = re.compile(r"index/([0-9a-f]{64})\.idx")
_PACK_NAME = re.compile(r"packs/([0-9a-f]{2})/(?P<pack>\1[0-9a-f]{62})\.(?P<kind>pack|plain)")
_DAMAGED = "damaged"
_DAMAGED_NAME = re.compile(r"damaged/(?P<pack>[0-9a-f]{64})\.(?P<kind>pack|plain)")
_SEGMENT_LIMIT_BYTES = 8 << 30

PackKey = tuple[Hash, bool]
"""The name of a pack, and whether it is a plain one."""


def pack_object(pack: Hash, plain: bool) -> str:
    """Return the name of the object that a pack is on a remote."""
    name = pack.hex()
    return f"{_PACKS}/{name[:2]}/{name}.{'plain' if plain else 'pack'}"


def segment_object(encoded: bytes) -> str:
    """Return the name of the object that an encoded index segment is on a remote."""
    return f"{_INDEX}/{hash_bytes(encoded).hex()}.idx"


class Remote:
    """A remote as it was when it was looked at; not thread-safe, but for :attr:`backend`.

    Args:
        backend: the place.
        cache: a folder of this clone that is this remote's own: the segments that were fetched.

    Attributes:
        packs: the size of each pack that is listed.
        snapshots: the size of each object that is listed below ``snapshots/``.
        cache: the folder with what is known of it.

    Raises:
        UnsupportedError: it has a newer format.
        UnavailableError: it cannot be reached or refuses.
    """

    def __init__(self, backend: Backend, cache: Path) -> None:
        self.backend = backend
        self.cache = cache
        clear_staging(cache)
        self.packs: dict[PackKey, int] = {}
        self.snapshots: dict[str, int] = {}
        self._damaged: set[PackKey] = set()
        self._searched = False
        names = self._list()
        self._segments = [found for name in names if (found := self._open(name)) is not None]
        for name in iter_names(cache):
            if name.endswith(".idx") and f"{_INDEX}/{name}" not in names:
                remove(cache / name)

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self.backend.place

    def find(self, kind: RecordKind, id: Hash) -> Place | None:
        """Return a place of that record in a pack that is listed at its size."""
        for segment in self._segments:
            place = segment.view.find_first(kind, id)
            if place is None:
                continue
            if self._bears_out(segment, place):
                return place
            for other in segment.view.find(kind, id):
                if self._bears_out(segment, other):
                    return other
        return None

    def iter_records(self) -> Iterator[tuple[Hash, Place]]:
        """Yield every record in packs that are listed at their size."""
        for segment in self._segments:
            good = {key for key in segment.sizes if self._is_as(key, segment.sizes[key])}
            for id, place in segment.view:
                if (place.pack, place.plain) in good:
                    yield id, place

    @property
    def records_count(self) -> int:
        """How many records the index names, or more."""
        return sum(len(segment.view) for segment in self._segments)

    def iter_packs(self) -> Iterator[PackEntry]:
        """Yield the packs that are listed and not known to be damaged."""
        for (pack, plain), size_bytes in sorted(self.packs.items()):
            if (pack, plain) not in self._damaged:
                yield PackEntry(pack, plain, size_bytes)

    def holds(self, pack: PackEntry) -> bool:
        """Return whether a pack is listed at its size and not known to be damaged."""
        return self._is_as((pack.hash, pack.plain), pack.size_bytes)

    def locate(self, kind: RecordKind, id: Hash) -> Place | None:
        """Return a place of that record, in packs that the index does not name as well.

        Those are searched once: the footers of record packs are read.
        """
        place = self.find(kind, id)
        if place is None and not self._searched:
            self._searched = True
            self._index_unnamed()
            place = self.find(kind, id)
        return place

    def _index_unnamed(self) -> None:
        """Index in memory the record packs that no segment names; what is no pack is left out."""
        named = {key for segment in self._segments for key in segment.sizes}
        packs: list[PackEntry] = []
        rows: list[tuple[int, RecordInfo]] = []
        for (pack, plain), size_bytes in sorted(self.packs.items()):
            if plain or (pack, plain) in named or (pack, plain) in self._damaged:
                continue
            with suppress(IntegrityError, NotFoundError):
                table = self._read_footer(pack, size_bytes)
                rows += [(len(packs), info) for info in table]
                packs.append(PackEntry(pack, plain, size_bytes))
        if packs:
            self._segments.append(_Segment.of(encode_index(packs, rows), self.place))

    def note_damaged(self, pack: Hash, plain: bool) -> None:
        """Believe nothing of a pack from now on, and let others know, where they can be told."""
        if (pack, plain) not in self._damaged:
            self._damaged.add((pack, plain))
            with suppress(MlopsError):
                self.backend.put(_damaged_object(pack, plain), b"")

    def note_put(self, packs: Iterable[PackEntry]) -> None:
        """List the packs again, and take back what was said of those that were put.

        Raises:
            UnavailableError: one of them is not listed at its size.
        """
        self._list()
        for pack in packs:
            name = pack_object(pack.hash, pack.plain)
            size_bytes = self.packs.get((pack.hash, pack.plain))
            if size_bytes != pack.size_bytes:
                told = "nothing" if size_bytes is None else f"{size_bytes:,} bytes"
                raise UnavailableError(
                    f"{self.place} took {name} of {pack.size_bytes:,} bytes, and lists {told}.",
                    code="remote-not-kept",
                    hints=("jupyter mlops remote test", "jupyter mlops push"),
                )
            if (pack.hash, pack.plain) in self._damaged:
                self.backend.delete(_damaged_object(pack.hash, pack.plain))
                self._damaged.discard((pack.hash, pack.plain))

    def _list(self) -> dict[str, None]:
        """List all objects; return the names of the index segments."""
        segments: list[str] = []
        packs: dict[PackKey, int] = {}
        damaged: set[PackKey] = set()
        snapshots: dict[str, int] = {}
        self.is_new = True
        for one in self.backend.iter_objects():
            if one.name == FORMAT_OBJECT:
                self.is_new = False
            elif _SEGMENT_NAME.fullmatch(one.name):
                segments.append(one.name)
            elif (key := _match_pack(_PACK_NAME, one.name)) is not None:
                packs[key] = one.size_bytes
            elif (key := _match_pack(_DAMAGED_NAME, one.name)) is not None:
                damaged.add(key)
            elif one.name.startswith(f"{SNAPSHOTS}/"):
                snapshots[one.name] = one.size_bytes
        if not self.is_new:
            self._check_format()
        self.packs, self._damaged, self.snapshots = packs, damaged, snapshots
        return dict.fromkeys(sorted(segments))

    def _check_format(self) -> None:
        text = self.backend.read(FORMAT_OBJECT, limit_bytes=1 << 16)
        if text != FORMAT_TEXT:
            shown = text[:20].decode(errors="replace").strip()
            raise UnsupportedError(
                f"The remote {self.place} has format {shown!r}; this version reads format 0.",
                code="format-newer",
                hints=("pip install --upgrade jupyter-mlops",),
            )

    def _open(self, name: str) -> _Segment | None:
        """Return a segment, fetched if it is not here yet; None where it is gone or damaged."""
        path = self.cache / name.rpartition("/")[2]
        mapped = _map_file(path)
        if mapped is not None and blake3(mapped).hexdigest() == path.stem:
            return _Segment.of(mapped, name)
        try:
            encoded = self.backend.read(name, limit_bytes=_SEGMENT_LIMIT_BYTES)
            if hash_bytes(encoded).hex() != path.stem:
                return None
            segment = _Segment.of(encoded, name)
            verify(segment.view)
        except (NotFoundError, IntegrityError):
            return None
        with suppress(UnavailableError):
            write_atomic(path, encoded, durable=False)
        return segment

    def _bears_out(self, segment: _Segment, place: Place) -> bool:
        key = (place.pack, place.plain)
        return self._is_as(key, segment.sizes[key])

    def _is_as(self, key: PackKey, size_bytes: int) -> bool:
        return key not in self._damaged and self.packs.get(key) == size_bytes

    def _read_footer(self, pack: Hash, size_bytes: int) -> list[RecordInfo]:
        name = pack_object(pack, False)

        def read(offset: int, length: int) -> bytes:
            length = min(length, size_bytes - offset)
            return self.backend.read_ranges(name, [ByteRange(offset, length)])[0]

        return decode_footer(read, size_bytes, origin=name)


class _Segment(NamedTuple):
    view: IndexView
    sizes: dict[PackKey, int]

    @classmethod
    def of(cls, encoded: bytes | mmap.mmap, origin: str) -> _Segment:
        view = IndexView(encoded, origin=origin)
        return cls(view, {(pack.hash, pack.plain): pack.size_bytes for pack in view.packs})


def _map_file(path: Path) -> mmap.mmap | None:
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # there is none, or an empty one
        return None


def _damaged_object(pack: Hash, plain: bool) -> str:
    return f"{_DAMAGED}/{pack.hex()}.{'plain' if plain else 'pack'}"


def _match_pack(pattern: re.Pattern[str], name: str) -> PackKey | None:
    matched = pattern.fullmatch(name)
    if matched is None:
        return None
    return Hash(bytes.fromhex(matched["pack"])), matched["kind"] == "plain"
