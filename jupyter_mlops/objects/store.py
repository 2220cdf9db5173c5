"""The store: all content a project keeps on this machine.

``format`` holds the version; ``packs/<2>/<64>.pack`` and ``.plain`` the content; ``index/<64>.idx``
segments that say where each record is, a cache that is rebuilt from the packs; ``tmp/`` what is
being written; ``trash/<run>/`` what one garbage collection moved away, laid out as a store itself.
"""

from __future__ import annotations

import mmap
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, UnavailableError, UnsupportedError
from jupyter_mlops.files.clone import try_clone
from jupyter_mlops.files.durable import (
    clear_staging,
    disk_error,
    iter_names,
    make_folder,
    open_staging,
    remove,
    write_atomic,
)
from jupyter_mlops.files.sync import sync_folder
from jupyter_mlops.formats.index import IndexView, PackEntry, Place, encode_index
from jupyter_mlops.formats.pack import RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.packs import list_packs, pack_path, read_pack_table

FORMAT = 0
_FORMAT_TEXT = f"{FORMAT}\n".encode()
_SEGMENT_NAME = re.compile(r"[0-9a-f]{64}\.idx")
_TICK_NS = 2_000_000_000


class Store:
    """A store opened for reading; made by :func:`open_store`. Thread-safe.

    Readers never wait and never write: a segment that is missing or damaged is rebuilt in memory,
    and the next writer keeps what was rebuilt.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._segments: dict[str, IndexView] | None = None
        self._damaged: frozenset[str] = frozenset()
        self._rebuilt: IndexView | None = None
        self._rebuilt_bytes = b""
        self._views: tuple[IndexView, ...] = ()
        self._sizes: dict[tuple[Hash, bool], int] = {}
        self._present: dict[tuple[Hash, bool], bool] = {}
        self._distrusted: frozenset[tuple[Hash, bool]] = frozenset()
        self._trash: tuple[Store, ...] | None = None
        self._trashed: dict[tuple[Hash, bool], Path] = {}
        self._searched_packs = False
        self._listed_at: int | None = None

    @property
    def staging_folder(self) -> Path:
        """Where files are written before they are published."""
        return self.folder / "tmp"

    @property
    def index_folder(self) -> Path:
        """Where the index segments lie."""
        return self.folder / "index"

    @property
    def trash_folder(self) -> Path:
        """Where packs lie that nothing needed any more, until they are deleted for good."""
        return self.folder / "trash"

    @property
    def ledger_file(self) -> Path:
        """The file that says since when nothing needs a record."""
        return self.folder / "unneeded"

    def find(self, kind: RecordKind, id: Hash) -> Place | None:
        """Return a place of that record in a pack that is there, by the index as it was loaded."""
        try:
            for view in self._loaded():
                place = view.find_first(kind, id)
                if place is not None and self._is_present(place):
                    return place
        except IntegrityError:
            if self.distrust_index():
                return self.find(kind, id)
            raise
        return None

    def locate(self, kind: RecordKind, id: Hash) -> Place | None:
        """Return a place of that record, looking again at what has come to the store meanwhile."""
        place = self.find(kind, id)
        if place is None and self.look_again():
            place = self.find(kind, id)
        return place

    def places(self, kind: RecordKind, id: Hash) -> list[Place]:
        """Return every place of that record, looking again when there is none."""
        found = self._places(kind, id)
        if not found and self.look_again():
            found = self._places(kind, id)
        return found

    def trashed_places(self, kind: RecordKind, id: Hash) -> list[Place]:
        """Return every place of that record in the trash: to be read, not to be relied on.

        What is written must not count on them, because the trash is emptied.
        """
        found = []
        for run in self.trash():
            for place in run.places(kind, id):
                self._trashed[place.pack, place.plain] = run.pack_path(place)
                found.append(place)
        return found

    def trash(self) -> tuple[Store, ...]:
        """Return what each garbage collection moved to the trash, the newest first, as stores."""
        if self._trash is None:
            names = sorted(iter_names(self.trash_folder), reverse=True)
            self._trash = tuple(Store(self.trash_folder / name) for name in names)
        return self._trash

    def pack_path(self, place: Place) -> Path:
        """Return the path of the pack that ``place`` is in."""
        trashed = self._trashed.get((place.pack, place.plain))
        return trashed or pack_path(self.folder, place.pack, place.plain)

    def iter_packs(self) -> Iterator[PackEntry]:
        """Yield every pack that the index speaks of, once."""
        self._loaded()
        for (pack, plain), size_bytes in sorted(self._sizes.items()):
            yield PackEntry(pack, plain, size_bytes)

    def has_packs(self, packs: Iterable[PackEntry]) -> bool:
        """Return whether every one of ``packs`` lies there whole; asks the disk."""
        for hash, plain, size_bytes in packs:
            if (hash, plain) in self._distrusted:
                return False
            try:
                found = os.stat(pack_path(self.folder, hash, plain)).st_size
            except OSError:
                return False
            if found != size_bytes:
                return False
        return True

    def reload(self) -> None:
        """Forget what was loaded of the index; the next search reads it again."""
        with self._lock:
            self._segments = None
            self._damaged = frozenset()
            self._listed_at = None
            self._rebuilt = None
            self._rebuilt_bytes = b""
            self._present.clear()
            self._trash = None
            self._trashed.clear()
            self._searched_packs = False

    def look_again(self) -> bool:
        """Load what came to the index, else index packs without segment; False if nothing is new.

        The packs are searched once until :meth:`reload`.
        """
        with self._lock:
            before = set(self._segments or ())
            if self._index_moved():
                self._load()
            if set(self._segments or ()) - before:
                return True
            if self._searched_packs:
                return False
            self._searched_packs = True
            return self.distrust_index() or self._index_unnamed()

    def index_unnamed(self) -> None:
        """Index in memory the packs that no segment names, if there are any."""
        with self._lock:
            self._loaded()
            self._searched_packs = True
            self._index_unnamed()

    def views(self) -> tuple[IndexView, ...]:
        """Return the index as it was loaded, rebuilt parts included."""
        return self._loaded()

    def damaged_segments(self) -> tuple[str, ...]:
        """Return the file names of segments that are not the bytes that their names say."""
        names = [name for name in iter_names(self.index_folder) if _SEGMENT_NAME.fullmatch(name)]
        return tuple(name for name in names if not _is_sound(self.index_folder / name))

    def distrust_packs(self, packs: Iterable[PackEntry]) -> None:
        """Find nothing in ``packs`` from now on, whatever the index says, so that it is written."""
        with self._lock:
            self._distrusted |= {(pack.hash, pack.plain) for pack in packs}
            self._present.clear()

    def trust_packs(self) -> None:
        """Find again what is in packs that were distrusted, as far as they are there."""
        with self._lock:
            self._distrusted = frozenset()
        self.reload()

    def distrust_index(self) -> bool:
        """Read every segment whole and leave out the damaged; return whether there were any.

        What they named is indexed anew, in memory, from the packs.
        """
        with self._lock:
            segments = self.segments()
            damaged = {name for name in segments if not _is_sound(self.index_folder / name)}
            if not damaged:
                return False
            self._damaged |= damaged
            for name in damaged:
                del segments[name]
            self._use(segments, self._rebuilt)
            self._present.clear()
            self._index_unnamed()
            return True

    def adopt_rebuilt(self) -> None:
        """Keep durably what was rebuilt of the index, and remove damaged segments; for writers.

        Raises:
            UnavailableError: the store cannot be written.
        """
        with self._lock:
            self._loaded()
            # a segment that was rebuilt whole has the name of the damaged one, and replaces it
            kept = write_segment(self, self._rebuilt_bytes) if self._rebuilt is not None else ""
            remove_segments(self, sorted(self._damaged - {kept}))
            if self._rebuilt is not None or self._damaged:
                self.reload()

    def segments(self) -> dict[str, IndexView]:
        """Return the segments that are loaded from disk, by file name."""
        self._loaded()
        return dict(self._segments or {})

    def _loaded(self) -> tuple[IndexView, ...]:
        if self._segments is None:
            with self._lock:
                if self._segments is None:
                    self._load()
        return self._views

    def _index_moved(self) -> bool:
        """Return whether segments may have come or gone since they were listed."""
        return self._listed_at is None or _modified_at(self.index_folder) != self._listed_at

    def _load(self) -> None:
        known = self._segments or {}
        segments: dict[str, IndexView] = {}
        damaged = set()
        foreign = False
        modified_at = _modified_at(self.index_folder)
        old_enough = modified_at is not None and time.time_ns() - modified_at > _TICK_NS
        self._listed_at = modified_at if old_enough else None
        for name in iter_names(self.index_folder):
            if not _SEGMENT_NAME.fullmatch(name):
                continue
            if name in self._damaged:
                damaged.add(name)
                continue
            if name in known:
                segments[name] = known[name]
                continue
            try:
                view = _open_segment(self.index_folder / name)
            except IntegrityError:
                damaged.add(name)
                continue
            except UnsupportedError:  # a newer version's cache, not ours to remove
                foreign = True
                continue
            if view is not None:
                segments[name] = view
        self._damaged = frozenset(damaged)
        self._use(segments, self._rebuilt)
        if (damaged or foreign or not segments) and self._rebuilt is None:
            self._searched_packs = True
            self._index_unnamed()

    def _use(self, segments: dict[str, IndexView], rebuilt: IndexView | None) -> None:
        views = sorted(segments.values(), key=len, reverse=True)
        if rebuilt is not None:
            views.append(rebuilt)
        self._sizes = {(p.hash, p.plain): p.size_bytes for view in views for p in view.packs}
        self._rebuilt = rebuilt
        self._views = tuple(views)
        self._segments = segments

    def _index_unnamed(self) -> bool:
        """Index in memory the packs that no segment names; return whether any are new."""
        known = {(p.hash, p.plain) for view in (self._segments or {}).values() for p in view.packs}
        packs = [p for p in list_packs(self.folder) if (p.hash, p.plain) not in known]
        if not packs or (self._rebuilt is not None and set(packs) <= set(self._rebuilt.packs)):
            return False
        encoded = _encode_tables(self.folder, packs)
        if encoded is None:
            return False
        self._rebuilt_bytes = encoded
        self._use(self._segments or {}, IndexView(encoded, origin="rebuilt"))
        return True

    def _places(self, kind: RecordKind, id: Hash) -> list[Place]:
        try:
            found = [place for view in self._loaded() for place in view.find(kind, id)]
        except IntegrityError:
            if self.distrust_index():
                return self._places(kind, id)
            raise
        return [place for place in dict.fromkeys(found) if self._is_present(place)]

    def _is_present(self, place: Place) -> bool:
        """Return whether the pack of ``place`` lies there whole; asked of the disk once a pack."""
        key = (place.pack, place.plain)
        if key in self._distrusted:
            return False
        present = self._present.get(key)
        if present is None:
            try:
                size_bytes = os.stat(self.pack_path(place)).st_size
            except OSError:
                size_bytes = -1
            present = self._present[key] = size_bytes == self._sizes.get(key)
        return present


def open_store(folder: Path) -> Store:
    """Return the store at ``folder``, which may not exist yet: the first writer creates it.

    Raises:
        UnsupportedError: the store has a newer format.
    """
    try:
        text = (folder / "format").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Store(folder)
    except OSError as error:
        raise UnavailableError(
            f"The store {folder} cannot be read: {error.strerror}.",
            code="store-unreadable",
            hints=("Give yourself the right to read it, then run the same command again.",),
        ) from error
    if text != _FORMAT_TEXT:
        shown = text[:20].decode(errors="replace").strip()
        raise UnsupportedError(
            f"The store {folder} has format {shown!r}; this version reads format {FORMAT}.",
            code="format-newer",
            hints=("pip install --upgrade jupyter-mlops",),
        )
    return Store(folder)


def create_store(store: Store) -> None:
    """Make the store's folder and its ``format`` durable; nothing happens when they are there.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    if not (store.folder / "format").exists():
        write_atomic(store.folder / "format", _FORMAT_TEXT)
    make_folder(store.staging_folder)


def clear_store(store: Store) -> int:
    """Remove what dead writers left; return how many files and folders that were."""
    places = [store.staging_folder, store.folder, store.index_folder]
    for run in store.trash():
        places += (run.folder, run.index_folder)
    return sum(clear_staging(place) for place in places)


def makes_clones(store: Store) -> bool:
    """Return whether the disk that holds the store makes copy-on-write copies of files."""
    if not store.staging_folder.is_dir():
        return False
    with (
        open_staging(store.staging_folder) as staging,
        staging.create() as source,
        staging.create() as target,
    ):
        source.write(b"x")
        try:
            return try_clone(source.fd, target.fd)
        except OSError:
            return False


def upgrade_store(store: Store) -> tuple[int, int]:
    """Carry the store to the newest format; return the format before and after."""
    return FORMAT, FORMAT


def write_segment(store: Store, encoded: bytes) -> str:
    """Publish an encoded index segment, durably; return its file name.

    Raises:
        UnavailableError: the store cannot be written.
    """
    name = f"{hash_bytes(encoded).hex()}.idx"
    write_atomic(store.index_folder / name, encoded)
    return name


def remove_segments(store: Store, names: list[str]) -> None:
    """Remove segments whose rows stand in others that are durable."""
    if not names:
        return
    for name in names:
        remove(store.index_folder / name)
    try:
        sync_folder(store.index_folder)
    except OSError as error:
        raise disk_error(error, store.index_folder) from error


def _modified_at(folder: Path) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None


def _is_sound(path: Path) -> bool:
    """Return whether the segment at ``path`` is the bytes that its name says, or gone."""
    try:
        return blake3().update_mmap(path).hexdigest() == path.stem
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _open_segment(path: Path) -> IndexView | None:
    """Return the segment at ``path``, None when it vanished: others hold its rows then."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return IndexView(b"", origin=path.name)
            return IndexView(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), origin=path.name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IntegrityError(
            f"The index segment {path} cannot be read: {error.strerror}.", code="index-damaged"
        ) from error


def _encode_tables(folder: Path, packs: list[PackEntry]) -> bytes | None:
    """Return a segment made from the packs' own bytes; None when none of them can be read."""
    named: list[PackEntry] = []
    rows: list[tuple[int, RecordInfo]] = []
    for pack in packs:
        try:
            table = read_pack_table(pack_path(folder, pack.hash, pack.plain), plain=pack.plain)
        except (IntegrityError, FileNotFoundError):
            continue
        rows += [(len(named), info) for info in table]
        named.append(pack)
    return encode_index(named, rows) if named else None
