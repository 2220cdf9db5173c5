"""The store: all content a project keeps on this machine.

``format`` holds the version; ``packs/<2>/<64>.pack`` and ``.plain`` the content; ``index/<64>.idx``
segments that say where each record is, a cache that is rebuilt from the packs; ``tmp/`` what is
being written; ``trash/<run>/`` what one garbage collection moved away, laid out as a store itself.

A store may be shared by many clones and users: then its ``format``, ``packs`` and ``tmp`` lie on a
disk of theirs, and the index in each clone's own folder. What other clones publish is found by
looking for packs that the own index does not name. Nothing depends on locks or times there.
"""

from __future__ import annotations

import mmap
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from jupyter_mlops.errors import (
    ConflictError,
    IntegrityError,
    UnavailableError,
    UnsupportedError,
)
from jupyter_mlops.files.clone import try_clone
from jupyter_mlops.files.durable import (
    clear_staging,
    disk_error,
    iter_names,
    make_folder,
    open_staging,
    publish_all,
    remove,
    write_atomic,
)
from jupyter_mlops.files.sync import sync_folder
from jupyter_mlops.formats.erasure import Erasure
from jupyter_mlops.formats.index import IndexView, PackEntry, Place, encode_index
from jupyter_mlops.formats.manifest import ChunkRef, decode_file_manifest
from jupyter_mlops.formats.pack import RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.erased import Erased, read_erased
from jupyter_mlops.objects.packs import (
    PackFile,
    decode_place,
    list_packs,
    pack_path,
    plain_table,
    read_pack_table,
    stored_span,
)

FORMAT = 0
_FORMAT_TEXT = f"{FORMAT}\n".encode()
_FORMAT_SHOWN_BYTES = 20
_SEGMENT_NAME = re.compile(r"[0-9a-f]{64}\.idx")
_TICK_NS = 2_000_000_000


class Store:
    """A store opened for reading; made by :func:`open_store`. Thread-safe.

    Readers never wait and never write: a segment that is missing or damaged is rebuilt in memory,
    and the next writer keeps what was rebuilt.

    Attributes:
        folder: where packs are written.
        local_folder: the clone's own folder, with the index; packs there are read as well. It is
            ``folder`` itself unless the store is shared.
        alternates: the folders of other stores, which are only read.
    """

    def __init__(
        self, folder: Path, *, local_folder: Path | None = None, alternates: Sequence[Path] = ()
    ) -> None:
        self.folder = folder
        self.local_folder = local_folder or folder
        self.alternates = tuple(alternates)
        self._lock = threading.RLock()
        self._segments: dict[str, IndexView] | None = None
        self._damaged: frozenset[str] = frozenset()
        self._rebuilt: IndexView | None = None
        self._rebuilt_bytes = b""
        self._views: tuple[IndexView, ...] = ()
        self._sizes: dict[tuple[Hash, bool], int] = {}
        self._present: dict[tuple[Hash, bool], Path | None] = {}
        self._distrusted: frozenset[tuple[Hash, bool]] = frozenset()
        self._trash: tuple[Store, ...] | None = None
        self._trashed: dict[tuple[Hash, bool], Path] = {}
        self._searched_packs = False
        self._listed_at: int | None = None
        self._erased: Erased | None = None
        self._erased_before = Erased({})

    @property
    def is_shared(self) -> bool:
        """Whether packs lie outside of the clone, where others write them as well."""
        return self.folder != self.local_folder

    @property
    def has_others(self) -> bool:
        """Whether packs are read that others write, and that the own index may not name yet."""
        return self.is_shared or bool(self.alternates)

    @property
    def pack_folders(self) -> tuple[Path, ...]:
        """All folders with packs that are read, the one that is written first."""
        return tuple(dict.fromkeys((self.folder, self.local_folder, *self.alternates)))

    @property
    def staging_folder(self) -> Path:
        """Where files are written before they are published."""
        return self.folder / "tmp"

    @property
    def index_folder(self) -> Path:
        """Where the index segments lie."""
        return self.local_folder / "index"

    @property
    def trash_folder(self) -> Path:
        """Where packs lie that nothing needed any more, until they are deleted for good."""
        return self.folder / "trash"

    @property
    def erased_folder(self) -> Path:
        """Where the erasures lie: what may neither be kept nor read any more."""
        return self.local_folder / "erased"

    @property
    def erased(self) -> Erased:
        """What was erased, as far as it was known when it was first asked for."""
        found = self._erased
        if found is None:
            found = read_erased(self.erased_folder, self._erased_before.erasures)
            self._erased = self._erased_before = found
        return found

    def assume_erased(self, erasures: Mapping[str, Erasure]) -> None:
        """Let these count as well until :meth:`reload`: to see what would come of them."""
        self._erased = self.erased.joined(erasures)

    @property
    def ledger_file(self) -> Path:
        """The file that says since when nothing needs a record."""
        return self.folder / "unneeded"

    def find(self, kind: RecordKind, id: Hash) -> Place | None:
        """Return a place of that record in a pack that is there, by the index as it was loaded."""
        try:
            for view in self._loaded():
                place = view.find_first(kind, id)
                if place is not None and not self._is_present(place):
                    # after one that is gone, a segment may name another pack
                    place = next(filter(self._is_present, view.find(kind, id)), None)
                if place is not None:
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
        key = (place.pack, place.plain)
        trashed = self._trashed.get(key)
        return trashed or pack_path(self._present.get(key) or self._find_pack(*key), *key)

    def pack_paths(self, place: Place) -> list[Path]:
        """Return the paths at which the pack that ``place`` is in may lie."""
        key = (place.pack, place.plain)
        trashed = [self._trashed[key]] if key in self._trashed else []
        return [*(pack_path(folder, *key) for folder in self.pack_folders), *trashed]

    def unreachable_folders(self) -> tuple[Path, ...]:
        """Return the shared store and the alternates that are not there at the moment."""
        elsewhere = (*((self.folder,) if self.is_shared else ()), *self.alternates)
        return tuple(folder for folder in elsewhere if not is_store(folder))

    def index_new_packs(self) -> bool:
        """Index in memory the packs that no segment names; return whether there were any.

        Raises:
            UnavailableError: the store is shared and not there.
        """
        with self._lock:
            self._loaded()
            self._searched_packs = True
            self._require_folder()
            return self._index_unnamed()

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
            paths = (pack_path(folder, hash, plain) for folder in self.pack_folders)
            if not any(_is_file_of(path, size_bytes) for path in paths):
                return False
        return True

    def reload(self) -> None:
        """Forget what was loaded of the index; the next search reads it again."""
        with self._lock:
            self._segments = None
            self._damaged = frozenset()
            self._listed_at = None
            self._erased = None
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
            self._require_folder()
            return self.distrust_index() or self._index_unnamed()

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

    def open_segments(self) -> dict[str, IndexView]:
        """Return the segments on disk as :meth:`segments`, for who writes a new one.

        Packs that none of them names are not searched before the next :meth:`reload`.
        """
        with self._lock:
            self._load(search=False)
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

    def _require_folder(self) -> None:
        """Let pass if a shared store is there: without it all would seem to be missing.

        Raises:
            UnavailableError: it is not.
        """
        if self.is_shared and not is_store(self.folder):
            raise store_unreachable(self.folder)

    def _load(self, *, search: bool = True) -> None:
        self._require_folder()
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
        if search and (damaged or foreign or not segments) and self._rebuilt is None:
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
        packs: dict[PackEntry, Path] = {}
        for folder in self.pack_folders:
            for pack in list_packs(folder, known):
                packs.setdefault(pack, folder)
        if not packs or (self._rebuilt is not None and packs.keys() <= set(self._rebuilt.packs)):
            return False
        encoded = _encode_tables(packs, self._read_manifest)
        if encoded is None:
            return False
        self._rebuilt_bytes = encoded
        self._use(self._segments or {}, IndexView(encoded, origin="rebuilt"))
        return True

    def _read_manifest(self, id: Hash, places: Iterable[tuple[Path, Place]]) -> list[ChunkRef]:
        """Return the chunks of a file whose manifest stands at ``places`` or is known already."""
        known = [
            (self.pack_path(place), place)
            for view in self._views
            for place in view.find(RecordKind.FILE, id)
        ]
        for path, place in (*places, *known):
            with suppress(IntegrityError, FileNotFoundError), PackFile(path) as pack:
                offset, length = stored_span(place)
                encoded = decode_place(pack.read(offset, length), offset, place, id, pack.origin)
                return list(decode_file_manifest(encoded, origin=pack.origin).chunks)
        return []

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
        if key not in self._present:
            folder = self._find_pack(*key)
            self._present[key] = folder if self._has_pack(folder, *key) else None
        return self._present[key] is not None

    def _find_pack(self, pack: Hash, plain: bool) -> Path:
        """Return the folder that has a pack, the first one where none has it."""
        for folder in self.pack_folders:
            if self._has_pack(folder, pack, plain):
                return folder
        return self.folder

    def _has_pack(self, folder: Path, pack: Hash, plain: bool) -> bool:
        """Return whether ``folder`` has a pack with the size that the index tells."""
        return _is_file_of(pack_path(folder, pack, plain), self._sizes.get((pack, plain)))


def _is_file_of(path: Path, size_bytes: int | None) -> bool:
    """Return whether there is a file of that size at ``path``, no link."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size_bytes


def open_store(
    folder: Path, *, shared: Path | None = None, alternates: Sequence[Path] = ()
) -> Store:
    """Return the store at ``folder``, which may not exist yet: the first writer creates it.

    Args:
        folder: the clone's own folder.
        shared: the folder of the shared store that packs are written to instead. Whether it is
            there is asked when content is.
        alternates: folders of stores that are only read; any may be away, or unreadable.

    Raises:
        UnsupportedError: one of them has a newer format.
        UnavailableError: one that is written may not be read.
    """
    for place in (folder, shared or folder):
        _check_format(place)
    for place in alternates:
        with suppress(UnavailableError):
            _check_format(place)
    if shared is None:
        return Store(folder, alternates=alternates)
    return Store(shared, local_folder=folder, alternates=alternates)


def _check_format(folder: Path) -> None:
    try:
        text = _read_format(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UnavailableError(
            f"The store {folder} cannot be read: {error.strerror}.",
            code="store-unreadable",
            hints=("Give yourself the right to read it, then run the same command again.",),
        ) from error
    if text != _FORMAT_TEXT:
        shown = text.decode(errors="replace").strip()
        raise UnsupportedError(
            f"The store {folder} has format {shown!r}; this version reads format {FORMAT}.",
            code="format-newer",
            hints=("pip install --upgrade jupyter-mlops",),
        )


def _read_format(folder: Path) -> bytes:
    """Return how the ``format`` of a store begins; a pipe in its place is empty."""
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(folder / "format", os.O_RDONLY | flags)
    try:
        return os.read(fd, _FORMAT_SHOWN_BYTES)
    finally:
        os.close(fd)


def is_store(folder: Path) -> bool:
    """Return whether there is a store at ``folder`` now."""
    try:
        return bool(_read_format(folder))
    except OSError:
        return False


def store_unreachable(folder: Path) -> UnavailableError:
    """Return what to raise where the shared store is not at its place."""
    return UnavailableError(
        f"The shared store {folder}, which this clone is set to use, is not there; nothing was"
        " changed.",
        code="store-unreachable",
        hints=(
            "Mount the disk that holds it, then run the same command again.",
            "git config --show-origin --get mlops.store",
        ),
    )


def create_store(store: Store) -> None:
    """Make the store's folder and its ``format`` durable; nothing happens when they are there.

    Raises:
        UnavailableError: the folder cannot be written, or the store is shared and not there.
    """
    if store.is_shared:
        _require_own_folders(store)
    elif not (store.folder / "format").exists():
        write_atomic(store.folder / "format", _FORMAT_TEXT)
    make_folder(store.staging_folder, shared=store.is_shared)


def _require_own_folders(store: Store) -> None:
    """Let pass if a shared store is there and keeps what it is given to itself."""
    if not is_store(store.folder):
        raise store_unreachable(store.folder)
    for folder in (store.folder / "packs", store.staging_folder):
        if folder.is_symlink():
            raise UnavailableError(
                f"{folder} is a link, so that something else would be written than the store"
                f" {store.folder}.",
                code="store-unreadable",
                hints=("Put a folder in its place, or have another store made.",),
            )


def create_shared_store(folder: Path) -> None:
    """Make an empty folder, or one that is not there, a store that many clones may use.

    All folders that a writer needs are made now, with the rights of ``folder``: so no two writers
    ever make one at the same time.

    Raises:
        ConflictError: there is something else in it.
        UnavailableError: it cannot be written.
    """
    if any(True for _ in iter_names(folder)) and not (folder / "packs").is_dir():
        raise ConflictError(
            f"{folder} is not empty, so no store was made there.",
            code="store-not-empty",
            hints=("Name an empty folder, or one that is not there yet.",),
        )
    make_folder(folder)
    for number in range(256):
        make_folder(folder / "packs" / f"{number:02x}", shared=True)
    with open_staging(folder / "tmp", shared=True) as staging:
        file = staging.create()
        file.write(_FORMAT_TEXT)
        file.sync()
        publish_all([(file, folder / "format")], overwrite=True, shared=True)


def clear_store(store: Store) -> int:
    """Remove what dead writers left; return how many files and folders that were."""
    places = [store.staging_folder, store.folder, store.local_folder]
    places += [store.index_folder, store.erased_folder]
    for run in store.trash():
        places += (run.folder, run.index_folder)
    return sum(clear_staging(place) for place in dict.fromkeys(places))


def makes_clones(store: Store) -> bool:
    """Return whether the disk that holds the store makes copy-on-write copies of files."""
    if not store.staging_folder.is_dir():
        return False
    with (
        open_staging(store.staging_folder, shared=store.is_shared) as staging,
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


def _encode_tables(
    packs: Mapping[PackEntry, Path],
    read_manifest: Callable[[Hash, list[tuple[Path, Place]]], list[ChunkRef]],
) -> bytes | None:
    """Return a segment made from the packs' own bytes; None when none of them can be read.

    Each pack stands with the store folder that has it. Of a plain pack the manifest of its file
    tells where its chunks are; only without one it is read whole and cut again.
    """
    named: list[PackEntry] = []
    rows: list[tuple[int, RecordInfo]] = []
    manifests: dict[Hash, list[tuple[Path, Place]]] = {}
    for pack in sorted(packs, key=lambda pack: pack.plain):
        path = pack_path(packs[pack], pack.hash, pack.plain)
        refs = read_manifest(pack.hash, manifests.get(pack.hash, [])) if pack.plain else []
        if sum(ref.size_bytes for ref in refs) == pack.size_bytes:
            table = plain_table(refs)
        else:
            try:
                table = read_pack_table(path, plain=pack.plain)
            except (IntegrityError, UnavailableError, FileNotFoundError):
                continue
        for info in table:
            rows.append((len(named), info))
            if info.kind is RecordKind.FILE:
                place = Place(pack.hash, pack.plain, info.kind, *info[2:])
                manifests.setdefault(info.id, []).append((path, place))
        named.append(pack)
    return encode_index(named, rows) if named else None
