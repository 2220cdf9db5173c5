"""What a remote holds: its packs as they are listed, and its index as far as they bear it out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from jupyter_mlops.errors import (
    IntegrityError,
    MlopsError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from jupyter_mlops.files.durable import (
    clear_staging,
    iter_names,
    remove,
    write_atomic,
)
from jupyter_mlops.formats.index import IndexView, PackEntry, Place, encode_index, verify
from jupyter_mlops.formats.pack import RecordInfo, RecordKind, decode_footer
from jupyter_mlops.ids import Hash
from jupyter_mlops.storage.backend import Backend, ByteRange
from jupyter_mlops.sync.last_seen import note_listed
from jupyter_mlops.sync.listing import (
    CLOCK_FOLDER,
    FORMAT_OBJECT,
    FORMAT_TEXT,
    Listing,
    PackKey,
    damaged_segment_object,
    mark_object,
    pack_object,
    read_listing,
    segment_object,
)
from jupyter_mlops.sync.segments import IN_MEMORY_BYTES, Segment, fetch_segment, read_kept

TRANSFERS = 8
"""How many objects are on their way at once."""

_FORMAT_TEXT = re.compile(rb"[0-9]{1,9}\n?")
_FOOTER_LIMIT_BYTES = 64 << 20
_LOOKS = 3
_CLOCK_LASTS = timedelta(hours=1)
"""How old what told the time is when whoever put it is dead for sure."""


class Remote:
    """A remote as it was when it was looked at; not thread-safe, but for :attr:`backend`.

    Args:
        backend: the place.
        cache: a folder of this clone that is this remote's own: the segments that were fetched.
        to_write: whether :meth:`prepare` will be called, which mends an object ``format`` that is
            damaged.

    A pack that is in the trash counts as one that is not there, until somebody misses it.

    Attributes:
        listing: what it listed last.
        wrong_marks: objects that say nothing, as :meth:`trash` has found.
        cache: the folder with what is known of it.

    Raises:
        UnsupportedError: it has a newer format.
        IntegrityError: its object ``format`` is damaged (code ``remote-damaged``).
        UnavailableError: it cannot be reached or refuses.
    """

    def __init__(self, backend: Backend, cache: Path, *, to_write: bool = False) -> None:
        self.backend = backend
        self.cache = cache
        clear_staging(cache)
        self.listing = Listing()
        self.wrong_marks: list[str] = []
        self._segments: list[Segment] = []
        self._refuted: set[PackKey] = set()
        self._to_mend: list[str] = []
        self._to_write = to_write
        self.reload()
        for name in iter_names(cache):
            if name.endswith(".idx") and f"index/{name}" not in self.listing.segments:
                remove(cache / name)

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self.backend.place

    @property
    def packs(self) -> Mapping[PackKey, int]:
        """The size of each pack that is listed."""
        return self.listing.packs

    @property
    def erasures(self) -> set[str]:
        """The names of the files that say what was erased, as they are listed."""
        return self.listing.erasures

    @property
    def is_new(self) -> bool:
        """Whether nobody has pushed anything there yet."""
        return not self.listing.has_format

    def find(self, kind: RecordKind, id: Hash) -> Place | None:
        """Return a place of that record in a pack that is listed at its size and not damaged."""
        return self._find(kind, id, self._is_as)

    def _find(
        self, kind: RecordKind, id: Hash, believes: Callable[[PackKey, int], bool]
    ) -> Place | None:
        for segment in self._segments:
            place = segment.view.find_first(kind, id)
            if place is None:
                continue
            if segment.bears_out(place, believes):
                return place
            for other in segment.view.find(kind, id):
                if segment.bears_out(other, believes):
                    return other
        return None

    def find_all(self, kind: RecordKind, id: Hash) -> list[Place]:
        """Return every place of that record in packs as :meth:`find` believes them."""
        return [
            place
            for segment in self._segments
            for place in segment.view.find(kind, id)
            if segment.bears_out(place, self._is_as)
        ]

    def iter_places(self, kind: RecordKind, id: Hash) -> Iterator[Place]:
        """Yield every place of that record that the index tells, in whatever pack."""
        for segment in self._segments:
            yield from segment.view.find(kind, id)

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
        """Yield the packs that are listed, and neither known to be damaged nor in the trash."""
        for (pack, plain), size_bytes in sorted(self.packs.items()):
            if self._is_as((pack, plain), size_bytes):
                yield PackEntry(pack, plain, size_bytes)

    def iter_tables(self) -> Iterator[tuple[PackEntry, list[RecordInfo]]]:
        """Yield the packs of :meth:`iter_packs` of which is known what they hold, and that.

        Those that no segment names are read for it; what a plain one of them holds is not known.
        """
        self.search()
        left = {(pack.hash, pack.plain): pack for pack in self.iter_packs()}
        yield from self._take_tables(left)

    def iter_lost(self) -> Iterator[tuple[PackEntry, list[RecordInfo]]]:
        """Yield the packs that the index names and that are gone, cut short or known as damaged.

        Each comes with what it held. Those in the trash are not among them.
        """
        named = {(p.hash, p.plain): p for segment in self._segments for p in segment.view.packs}
        good = {
            key for s in self._segments for key, size in s.sizes.items() if self._is_as(key, size)
        }
        out = good | self.listing.marks["trash"].keys()
        yield from self._take_tables({key: named[key] for key in named if key not in out})

    def _take_tables(
        self, left: dict[PackKey, PackEntry]
    ) -> Iterator[tuple[PackEntry, list[RecordInfo]]]:
        """Yield what the first segment says that has each pack of ``left`` at its size."""
        for segment in self._segments:
            tables: dict[PackKey, list[RecordInfo]] = {
                key: []
                for key, size_bytes in segment.sizes.items()
                if key in left and left[key].size_bytes == size_bytes
            }
            if tables:
                for id, place in segment.view:
                    table = tables.get((place.pack, place.plain))
                    if table is not None:
                        table.append(place.info(id))
                for key, table in tables.items():
                    yield left.pop(key), table

    def damaged_segments(self) -> list[str]:
        """Return the segments that are listed and are not what their names say."""
        whole = {segment.name for segment in self._segments}
        return [name for name in self.listing.segments if name not in whole]

    @property
    def segments(self) -> frozenset[str]:
        """The names of the index segments that are listed and whole."""
        return frozenset(segment.name for segment in self._segments if segment.name)

    def read_segments(self) -> None:
        """Read the index segments there that the cache has, and note those that are damaged.

        What they say is known nevertheless; :meth:`prepare` puts them again.

        Raises:
            UnavailableError: the remote failed.
        """
        for name in sorted(self.segments):
            if name in self._to_mend or name not in self.listing.segments:
                continue
            try:
                encoded = self.backend.read(name, limit_bytes=IN_MEMORY_BYTES)
            except NotFoundError:
                continue
            except IntegrityError as error:
                if error.code == "object-too-big":
                    continue
                encoded = b""
            if segment_object(encoded) != name:
                self._note_segment(name)
                self.listing.damaged_segments.add(name)
                self._to_mend.append(name)

    def segments_to_mend(self) -> tuple[str, ...]:
        """Return the segments that are damaged there, and that :meth:`prepare` puts again."""
        return tuple(self._to_mend)

    def iter_segments(self) -> Iterator[tuple[str, IndexView]]:
        """Yield name and content of each segment that is listed and whole."""
        for segment in self._segments:
            if segment.name:
                yield segment.name, segment.view

    def holds(self, pack: PackEntry) -> bool:
        """Return whether a pack is listed at its size, neither known to be damaged nor trash."""
        return self._is_as((pack.hash, pack.plain), pack.size_bytes)

    def is_settled(self, pack: PackEntry) -> bool:
        """Return whether a pack is there, as :meth:`holds` has it, and no collection waits."""
        key = (pack.hash, pack.plain)
        return self.holds(pack) and key not in self.listing.marks["unneeded"]

    def locate(self, kind: RecordKind, id: Hash) -> Place | None:
        """Return a place of that record, in packs that the index does not name as well.

        Those are searched once: the footers of record packs are read. A pack of the trash that has
        it comes back. Where nothing else has it, a pack will do that somebody noted as damaged: it
        may have been the way to that reader.
        """
        place = self.find(kind, id)
        if place is None and not self._searched:
            self.search()
            place = self.find(kind, id)
        if place is None:
            trash = self.trash()
            place = self.find(kind, id)
            for key, view in trash.items() if place is None else ():
                if view.find_first(kind, id) is not None and key in self.packs:
                    self.take_back(key, view)
                    place = self.find(kind, id)
                    if place is not None:
                        break
        return place if place is not None else self._find(kind, id, self._may_be)

    def trash(self) -> Mapping[PackKey, IndexView]:
        """Return what the packs in the trash hold.

        A mark that does not say it is none: from then on its pack is believed to be there.
        """
        marks = self.listing.marks["trash"]
        keys = [key for key in marks if key not in self._trash]
        if keys:
            with ThreadPoolExecutor(TRANSFERS) as pool:
                self._trash.update(zip(keys, pool.map(self._read_trash, keys), strict=True))
        wrong = [key for key in marks if self._trash[key] is None]
        for key in wrong:
            del marks[key]
            self.wrong_marks.append(mark_object("trash", key))
        if wrong:
            self.search()
        views = ((key, self._trash[key]) for key in marks)
        return {key: view for key, view in views if view is not None}

    def take_back(self, key: PackKey, view: IndexView) -> None:
        """Let a pack of the trash be there again, for others as well where they can be told."""
        encoded = self.adopt(key, view)
        with suppress(MlopsError):
            self.put_segment(encoded)
            self.backend.delete(mark_object("unneeded", key))
            self.backend.delete(mark_object("trash", key))

    def adopt(self, key: PackKey, view: IndexView) -> bytes:
        """Believe that a pack of the trash is there; return a segment that names it."""
        encoded = encode_index(view.packs, ((0, place.info(id)) for id, place in view))
        self.listing.marks["trash"].pop(key, None)
        self.listing.marks["unneeded"].pop(key, None)
        self._segments.append(Segment.of(encoded, self.place))
        return encoded

    def reload(self) -> None:
        """Look at it anew."""
        self._searched = False
        for _ in range(_LOOKS):
            if self._load():
                break

    def unmark(self, keys: Iterable[PackKey]) -> None:
        """Let collections wait anew for packs that somebody needs, where they can be told.

        Where they cannot, whoever misses something still finds it in the trash.
        """
        for key in keys:
            if key in self.listing.marks["unneeded"]:
                with suppress(UnavailableError):
                    self.backend.delete(mark_object("unneeded", key))
                    del self.listing.marks["unneeded"][key]

    def read_time(self) -> datetime:
        """Return the time by the clock of the remote.

        Raises:
            UnsupportedError: it tells none (code ``remote-without-clock``).
        """
        name = f"{CLOCK_FOLDER}/{secrets.token_hex(16)}"
        self.backend.put(name, b"")
        try:
            at = self.backend.stat(name).modified_at
        finally:
            self.backend.delete(name)
        if at is None:
            raise UnsupportedError(
                f"{self.place} does not tell when an object was written, so that it is not known"
                " what has waited for long enough.",
                code="remote-without-clock",
            )
        for left, written_at in self.listing.clocks.items():
            if at - written_at > _CLOCK_LASTS:
                self.backend.delete(left)
        return at

    def search(self) -> None:
        """Index in memory the record packs that no segment names; what is no pack is left out."""
        self._searched = True
        named = {key for segment in self._segments for key in segment.sizes}
        packs: list[PackEntry] = []
        rows: list[tuple[int, RecordInfo]] = []
        for (pack, plain), size_bytes in sorted(self.packs.items()):
            if plain or (pack, plain) in named or not self._may_be((pack, plain), size_bytes):
                continue
            with suppress(IntegrityError, NotFoundError):
                table = self._read_footer(pack, size_bytes)
                rows += [(len(packs), info) for info in table]
                packs.append(PackEntry(pack, plain, size_bytes))
        if packs:
            self._segments.append(Segment.of(encode_index(packs, rows), self.place))

    def note_damaged(self, pack: Hash, plain: bool) -> None:
        """Believe nothing of a pack from now on, and let others know, where they can be told."""
        known = (pack, plain) in self.listing.marks["damaged"]
        self.refute(pack, plain)
        if not known:
            with suppress(MlopsError):
                self.backend.put(mark_object("damaged", (pack, plain)), b"")

    def refute(self, pack: Hash, plain: bool) -> None:
        """Believe nothing of what is said of a pack from now on."""
        self._refuted.add((pack, plain))
        self.listing.marks["damaged"].setdefault((pack, plain), None)

    def prepare(self) -> None:
        """Make the place a remote, or mend what it says of itself: its format, and its index.

        Index segments that are cut short or noted as damaged there, and whole in the cache, are put
        again. Nothing happens where all is well.

        Raises:
            UnavailableError: it cannot be written.
        """
        if self.is_new:
            self.backend.put_new(FORMAT_OBJECT, FORMAT_TEXT)
        elif not self._format_is_whole:
            self.backend.put(FORMAT_OBJECT, FORMAT_TEXT)
        for name in self._to_mend:
            self.backend.put(name, self._cached(name))
            self._take_back_damage(name)
        self._to_mend = []

    def put_segment(self, encoded: bytes) -> None:
        """Put an index segment, in the place of one of that name that is not what it should be.

        Raises:
            UnavailableError: it cannot be written.
        """
        name = segment_object(encoded)
        self.backend.put(name, encoded)
        self._take_back_damage(name)
        with suppress(UnavailableError):
            write_atomic(self._cached(name), encoded, durable=False)
        if name not in self.segments:
            self._segments.append(Segment.of(encoded, name, name))

    def delete_segment(self, name: str) -> None:
        """Delete an index segment, and what is said of it.

        Raises:
            UnavailableError: it cannot be deleted.
        """
        self.backend.delete(name)
        self._take_back_damage(name)

    def _take_back_damage(self, name: str) -> None:
        if name in self.listing.damaged_segments:
            self.backend.delete(damaged_segment_object(name))
            self.listing.damaged_segments.discard(name)

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
            key = (pack.hash, pack.plain)
            self._refuted.discard(key)
            if key in self.listing.marks["damaged"]:
                self.backend.delete(mark_object("damaged", key))
                del self.listing.marks["damaged"][key]

    def _list(self) -> None:
        """List all objects."""
        self.listing = read_listing(self.backend)
        for key in self._refuted:
            self.listing.marks["damaged"].setdefault(key, None)
        is_remote = bool(self.listing.packs or self.listing.segments)
        self._format_is_whole = self.is_new or self._check_format(is_remote)
        note_listed(self.cache, self.place, self.iter_packs())

    def _load(self) -> bool:
        """List and open all segments; return whether those that are listed are there."""
        self._list()
        self._trash: dict[PackKey, IndexView | None] = {}
        self.wrong_marks = []
        self._segments = []
        self._to_mend = []
        there = True
        for name, size_bytes in self.listing.segments.items():
            try:
                segment = self._open(name, size_bytes)
            except NotFoundError:  # a collection has replaced it
                there = False
                continue
            if segment is not None:
                self._segments.append(segment)
        return there

    def _read_trash(self, key: PackKey) -> IndexView | None:
        name = mark_object("trash", key)
        try:
            encoded = self.backend.read(name, limit_bytes=IN_MEMORY_BYTES)
            view = IndexView(encoded, origin=name)
            verify(view)
        except (NotFoundError, IntegrityError, UnsupportedError):
            return None
        return view if [(pack.hash, pack.plain) for pack in view.packs] == [key] else None

    def _check_format(self, is_remote: bool) -> bool:
        """Return whether the object ``format`` is as it should be; if not, it is to be mended."""
        text = b""
        with suppress(IntegrityError):
            text = self.backend.read(FORMAT_OBJECT, limit_bytes=1 << 16)
        if text == FORMAT_TEXT:
            return True
        if _FORMAT_TEXT.fullmatch(text):
            raise UnsupportedError(
                f"The remote {self.place} has format {text.decode().strip()}; this version reads"
                " format 0.",
                code="format-newer",
                hints=("pip install --upgrade jupyter-mlops",),
            )
        if self._to_write and is_remote:
            return False
        raise IntegrityError(
            f"The object {FORMAT_OBJECT} at {self.place} is damaged, or that place is no remote.",
            code="remote-damaged",
            hints=("jupyter mlops push", "jupyter mlops remote list"),
        )

    def _cached(self, name: str) -> Path:
        """Return where the cache has a segment."""
        return self.cache / name.rpartition("/")[2]

    def _open(self, name: str, size_bytes: int) -> Segment | None:
        """Return a segment, fetched if it is not here yet; None where it is damaged.

        Raises:
            NotFoundError: it is gone.
        """
        path = self._cached(name)
        kept = read_kept(path, name)
        if kept is not None:
            if path.stat().st_size != size_bytes or name in self.listing.damaged_segments:
                self._to_mend.append(name)
            return kept
        try:
            return fetch_segment(self.backend, name, size_bytes, path)
        except IntegrityError:
            self._note_segment(name)
            return None

    def _note_segment(self, name: str) -> None:
        """Let others know that a segment is not what its name says, where they can be told."""
        if name not in self.listing.damaged_segments:
            with suppress(MlopsError):
                self.backend.put(damaged_segment_object(name), b"")

    def _is_as(self, key: PackKey, size_bytes: int) -> bool:
        """Return whether a pack is listed at a size, neither known to be damaged nor trash."""
        return key not in self.listing.marks["damaged"] and self._may_be(key, size_bytes)

    def _may_be(self, key: PackKey, size_bytes: int) -> bool:
        """Return the same, believing no damage but what was found from here."""
        if key in self._refuted or key in self.listing.marks["trash"]:
            return False
        return self.packs.get(key) == size_bytes

    def _read_footer(self, pack: Hash, size_bytes: int) -> list[RecordInfo]:
        name = pack_object(pack, False)

        def read(offset: int, length: int) -> bytes:
            length = min(length, size_bytes - offset, _FOOTER_LIMIT_BYTES)
            return self.backend.read_ranges(name, [ByteRange(offset, length)])[0]

        return decode_footer(read, size_bytes, origin=name)
