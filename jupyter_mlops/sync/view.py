"""Content of one revision, read piece by piece out of the store or from a remote."""

from __future__ import annotations

import io
import os
import shlex
import threading
import weakref
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import BinaryIO

from jupyter_mlops.errors import IntegrityError, NotFoundError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.manifest import (
    EMPTY_TREE_HASH,
    ChunkRef,
    decode_file_manifest,
    decode_tree,
)
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import FilePointer, Pointer, TreePointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.packs import PackFile, decode_place, stored_span
from jupyter_mlops.objects.reader import find_whole
from jupyter_mlops.objects.records import (
    Located,
    has,
    locate,
    missing_content,
    read_run,
    split_runs,
)
from jupyter_mlops.objects.store import Store
from jupyter_mlops.storage.backend import Backend, ByteRange
from jupyter_mlops.sync.external import NO_HASH, OpenPlace, open_object
from jupyter_mlops.sync.external import locate as locate_external
from jupyter_mlops.sync.listing import PackKey, pack_object
from jupyter_mlops.sync.remote import Remote

_KEPT_CHUNKS = 4
_AHEAD_BYTES = 4 << 20
_SMALL_BYTES = 1 << 20
_OPEN_PACKS = 64
_BUFFER_BYTES = 1 << 20
_A_FOLDER = Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0)
_TARGET_BYTES = 4096

OpenRemote = Callable[[], Remote | None]
"""Returns the remote to read from, opened when it is first needed; None where there is none."""


class Source:
    """Records out of the store, and what it lacks from a remote; thread-safe.

    Nothing that is read from a remote is kept.
    """

    def __init__(
        self, store: Store, open_remote: OpenRemote, open_place: OpenPlace | None = None
    ) -> None:
        self._store = store
        self._open_remote = open_remote
        self._open_place = open_place
        self._places: dict[str, Backend] = {}
        self._remote: Remote | None = None
        self._asked = False
        self._lock = threading.Lock()
        self._packs: OrderedDict[PackKey, PackFile] = OrderedDict()

    def read_whole(self, entry: Entry) -> bytes | None:
        """Return the bytes of a file that the store has as one record; None where it is not so.

        The packs that such records were read from stay open, the last few of them.

        Raises:
            as :meth:`read`.
        """
        place = self._store.find(RecordKind.CHUNK, entry.hash)
        if place is None or place.plain_bytes != entry.size_bytes:
            return None
        return self._read_run([(entry.hash, place)])[0]

    def _read_run(self, run: Sequence[Located]) -> list[bytes]:
        """Return the bytes of records that one read brings, in order, from a pack kept open."""
        first = run[0][1]
        offset, length = stored_span(run[-1][1])
        try:
            pack = self._packs.get((first.pack, first.plain)) or self._open_pack(first)
            view = pack.read(first.offset, offset + length - first.offset)
            return [decode_place(view, first.offset, place, id, pack.origin) for id, place in run]
        except (IntegrityError, FileNotFoundError):
            return read_run(self._store, run)

    def _open_pack(self, place: Place) -> PackFile:
        pack = PackFile(self._store.pack_path(place))
        weakref.finalize(pack, os.close, pack.fd)  # when its last reader lets it go
        with self._lock:
            self._packs[place.pack, place.plain] = pack
            while len(self._packs) > _OPEN_PACKS:
                self._packs.popitem(last=False)
        return pack

    def read(self, kind: RecordKind, ids: Sequence[Hash]) -> list[bytes]:
        """Return the plain bytes of records, verified, in the order asked.

        Raises:
            NotFoundError: neither end has one of them (code ``content-missing``).
            IntegrityError: one is damaged on both.
            UnavailableError: the remote failed.
        """
        here: list[Located] = []
        lacking: list[Hash] = []
        for id in dict.fromkeys(ids):
            place = locate(self._store, kind, id, trashed=True)
            here.append((id, place)) if place is not None else lacking.append(id)
        found: dict[Hash, bytes] = {}
        here.sort(key=lambda item: (item[1].pack, item[1].offset))
        for run in split_runs(here):
            found.update(zip((id for id, _ in run), self._read_run(run), strict=True))
        if lacking:
            found.update(self._read_there(kind, lacking))
        return [found[id] for id in ids]

    def has(self, kind: RecordKind, id: Hash) -> bool:
        """Return whether either end has that record."""
        if has(self._store, kind, id, trashed=True):
            return True
        remote = self._there()
        return remote is not None and remote.locate(kind, id) is not None

    def read_refs(self, entry: Entry) -> list[ChunkRef]:
        """Return the chunks of a file, in order.

        Raises:
            as :meth:`read`.
        """
        if not entry.size_bytes:
            return []
        alone = find_whole(self._store, entry) is not None
        if not alone and not has(self._store, RecordKind.FILE, entry.hash, trashed=True):
            remote = self._there()
            place = remote.locate(RecordKind.CHUNK, entry.hash) if remote is not None else None
            alone = place is not None and place.plain_bytes == entry.size_bytes
        if alone:
            return [ChunkRef(entry.hash, entry.size_bytes)]
        (encoded,) = self.read(RecordKind.FILE, [entry.hash])
        manifest = decode_file_manifest(encoded, origin=format_hash(entry.hash))
        if manifest.size_bytes != entry.size_bytes:
            raise IntegrityError(
                f"The file {format_hash(entry.hash)} has {manifest.size_bytes:,} bytes, not the"
                f" {entry.size_bytes:,} that are said of it.",
                code="content-damaged",
                hints=("jupyter mlops check --read-data",),
            )
        return list(manifest.chunks)

    def read_folder(self, id: Hash) -> Mapping[str, Entry]:
        """Return the direct entries of a folder.

        Raises:
            as :meth:`read`.
        """
        if id == EMPTY_TREE_HASH:
            return {}
        (encoded,) = self.read(RecordKind.TREE, [id])
        return decode_tree(encoded, origin=format_hash(id))

    def open_external(self, pointer: ExternalPointer, name: str) -> BinaryIO:
        """Return one of the objects that ``pointer`` names, open for reading where it is.

        Raises:
            UnsupportedError: external data cannot be read here (code ``external-not-here``).
            ConflictError: the user has not used the place before (code ``remote-unknown``).
        """
        place = locate_external(pointer)
        with self._lock:
            backend = self._places.get(place.base)
            if backend is None:
                if self._open_place is None:
                    raise UnsupportedError(
                        f"{pointer.url} is outside of that project's store.",
                        code="external-not-here",
                        hints=(f"jupyter mlops snapshot --external {shlex.quote(pointer.url)}",),
                    )
                backend = self._places[place.base] = self._open_place(place.base)
        return open_object(backend, name or place.name, pointer.objects[name])

    def close_places(self) -> None:
        """Let go of the places of external data."""
        for backend in self._places.values():
            backend.close()
        self._places.clear()

    def _there(self) -> Remote | None:
        with self._lock:
            if not self._asked:
                self._remote = self._open_remote()
                self._asked = True
            return self._remote

    def _read_there(self, kind: RecordKind, ids: Sequence[Hash]) -> dict[Hash, bytes]:
        remote = self._there()
        if remote is None:
            raise missing_content(self._store, ids[0])
        by_pack: dict[tuple[Hash, bool], list[tuple[Hash, Place]]] = {}
        for id in ids:
            place = remote.locate(kind, id)
            if place is None:
                raise NotFoundError(
                    f"Neither this machine nor {remote.place} has the content {format_hash(id)}.",
                    code="content-missing",
                    hints=("jupyter mlops push   (in a clone that has it)",),
                )
            by_pack.setdefault((place.pack, place.plain), []).append((id, place))
        found: dict[Hash, bytes] = {}
        for key, located in by_pack.items():
            name = pack_object(*key)
            spans = [ByteRange(*stored_span(place)) for _, place in located]
            read = remote.backend.read_ranges(name, spans)
            for (id, place), stored in zip(located, read, strict=True):
                found[id] = decode_place(stored, place.offset, place, id, name)
        return found


class ContentFile(io.RawIOBase):
    """A file's bytes, seekable; only the chunks that are needed are read, each verified."""

    def __init__(self, source: Source, refs: Sequence[ChunkRef], name: str) -> None:
        super().__init__()
        self.name = name
        self._source = source
        self._refs = refs
        self._ends = list(accumulate(ref.size_bytes for ref in refs))
        self.size_bytes = self._ends[-1] if self._ends else 0
        self._at = 0
        self._last = -1
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset`` from the beginning, from here, or from the end; return where it is."""
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}
        if whence not in starts or starts[whence] + offset < 0:
            raise ValueError("cannot seek there")
        self._at = starts[whence] + offset
        return self._at

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as one chunk goes; return how many bytes that were."""
        if self.closed:
            raise ValueError("the file is closed")
        if self._at >= self.size_bytes or not len(buffer):
            return 0
        number = bisect_right(self._ends, self._at)
        chunk = self._chunk(number)
        start = self._at - (self._ends[number] - self._refs[number].size_bytes)
        part = memoryview(chunk)[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _chunk(self, number: int) -> bytes:
        """Return a chunk; whoever reads on gets the next ones along with it."""
        chunk = self._kept.get(number)
        if chunk is None:
            numbers = [number]
            if number == self._last + 1:
                ahead = self._refs[number].size_bytes
                for further in range(number + 1, len(self._refs)):
                    ahead += self._refs[further].size_bytes
                    if ahead > _AHEAD_BYTES or further in self._kept:
                        break
                    numbers.append(further)
            ids = [self._refs[one].hash for one in numbers]
            read = self._source.read(RecordKind.CHUNK, ids)
            while len(self._kept) > _KEPT_CHUNKS:
                self._kept.popitem(last=False)
            self._kept.update(zip(numbers, read, strict=True))
            chunk = read[0]
        self._last = number
        return chunk


class View:
    """The tracked data of one revision, as a tree of folders and files.

    Args:
        source: where content comes from.
        pointers: of the revision, by tracked path.
    """

    def __init__(self, source: Source, pointers: Mapping[str, Pointer]) -> None:
        self._source = source
        self._pointers = pointers
        self._folders: dict[Hash, Mapping[str, Entry]] = {}
        self._listed: dict[str, dict[str, Entry] | None] = {}

    def find(self, path: str) -> Entry | None:
        """Return the file, link or folder at a project-relative path; None where nothing is.

        A folder of the project that tracked paths lie in has the hash of an empty one.

        Raises:
            NotFoundError: neither end has a folder on the way (code ``content-missing``).
        """
        if not path:
            return _A_FOLDER
        parent, _, name = path.rpartition("/")
        inner = self._listed.get(parent) or self.list(parent)
        return inner.get(name) if inner else None

    def list(self, path: str) -> dict[str, Entry] | None:
        """Return what is right in the folder ``path`` by name; None where there is no folder.

        Raises:
            as :meth:`find`.
        """
        if path not in self._listed:
            self._listed[path] = self._list(path)
        return self._listed[path]

    def _list(self, path: str) -> dict[str, Entry] | None:
        for tracked, pointer in self._pointers.items():
            if _is_within(path, tracked):
                return self._list_in(pointer, path[len(tracked) + 1 :])
        start = f"{path}/" if path else ""
        found: dict[str, Entry] = {}
        for tracked, pointer in self._pointers.items():
            if tracked.startswith(start):
                name, slash, _ = tracked[len(start) :].partition("/")
                found[name] = _A_FOLDER
                if not slash and isinstance(pointer, FilePointer):
                    found[name] = pointer.entry
                elif not slash and isinstance(pointer, ExternalPointer) and not pointer.is_folder:
                    found[name] = Entry(Mode.FILE, NO_HASH, pointer.size_bytes)
        return found or (None if path else {})

    def follow(self, path: str) -> Entry:
        """Return the file at ``path``, or the one within its folder that a link there leads to.

        Raises:
            NotFoundError: there is no such file (code ``path-not-found``).
        """
        entry, seen = self.find(path), {path}
        while entry is not None and entry.mode is Mode.SYMLINK:
            if entry.size_bytes > _TARGET_BYTES:
                entry = None
                break
            target = self._read_all(entry).decode("utf-8", "surrogateescape")
            path = _join(path.rpartition("/")[0], target)
            entry = None if path in seen else self.find(path)
            seen.add(path)
        if entry is None or entry.mode is Mode.FOLDER:
            what = "is a folder" if entry is not None else "is not there"
            raise NotFoundError(f"{path} {what} in that revision.", code="path-not-found")
        return entry

    def open(self, path: str) -> BinaryIO:
        """Return the file at ``path``, open for reading; a link is followed within its folder.

        Raises:
            NotFoundError: there is no such file, or neither end has it.
        """
        entry = self.follow(path)
        if entry.hash == NO_HASH:
            return self._open_external(path)
        whole = self._source.read_whole(entry)
        if whole is not None:
            return io.BytesIO(whole)
        refs = self._source.read_refs(entry)
        if entry.size_bytes <= _SMALL_BYTES:
            return io.BytesIO(b"".join(self._source.read(RecordKind.CHUNK, [r.hash for r in refs])))
        return io.BufferedReader(ContentFile(self._source, refs, path), _BUFFER_BYTES)

    def _open_external(self, path: str) -> BinaryIO:
        for tracked, pointer in self._pointers.items():
            name = path[len(tracked) + 1 :]
            if isinstance(pointer, ExternalPointer) and _is_within(path, tracked):
                return self._source.open_external(pointer, name)
        raise NotFoundError(f"{path} has no content.", code="path-not-found")

    @staticmethod
    def is_folder(entry: Entry) -> bool:
        """Return whether ``entry`` is a folder."""
        return entry.mode is Mode.FOLDER

    def iter_files(self, path: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield every file and link at or under ``path``, with its path."""
        entry = self.find(path)
        if entry is not None and entry.mode is not Mode.FOLDER:
            yield path, entry
            return
        waiting = [path]
        while waiting:
            here = waiting.pop()
            inner = self.list(here) or {}
            for name, one in inner.items():
                full = f"{here}/{name}" if here else name
                if one.mode is Mode.FOLDER:
                    waiting.append(full)
                else:
                    yield full, one

    def _read_all(self, entry: Entry) -> bytes:
        ids = [ref.hash for ref in self._source.read_refs(entry)]
        return b"".join(self._source.read(RecordKind.CHUNK, ids))

    def _list_in(self, pointer: Pointer, path: str) -> dict[str, Entry] | None:
        """Return what is right in a folder within a tracked one."""
        if isinstance(pointer, FilePointer):
            return None
        if isinstance(pointer, ExternalPointer):
            entries: Mapping[str, Entry] | None = {
                name: Entry(Mode.FILE, NO_HASH, one.size_bytes)
                for name, one in pointer.objects.items()
                if name
            }
        else:
            entries = pointer.entries
        if entries is None:
            assert isinstance(pointer, TreePointer) and pointer.manifest is not None
            entries = self._folder(pointer.manifest)
        start = f"{path}/" if path else ""
        found: dict[str, Entry] = {}
        for name, entry in entries.items():
            if name.startswith(start):
                first, slash, _ = name[len(start) :].partition("/")
                found[first] = _A_FOLDER if slash else entry
            elif entry.mode is Mode.FOLDER and start.startswith(f"{name}/"):
                return self._list_by_hash(entry.hash, path[len(name) + 1 :])
        if found or not path or (path in entries and entries[path].mode is Mode.FOLDER):
            if path in entries and entries[path].mode is Mode.FOLDER:
                return dict(self._folder(entries[path].hash))
            return found
        return None

    def _list_by_hash(self, id: Hash, path: str) -> dict[str, Entry] | None:
        for part in path.split("/") if path else ():
            entry = self._folder(id).get(part)
            if entry is None or entry.mode is not Mode.FOLDER:
                return None
            id = entry.hash
        return dict(self._folder(id))

    def _folder(self, id: Hash) -> Mapping[str, Entry]:
        found = self._folders.get(id)
        if found is None:
            found = self._folders[id] = self._source.read_folder(id)
        return found


def _is_within(path: str, tracked: str) -> bool:
    return path == tracked or path.startswith(f"{tracked}/")


def _join(folder: str, target: str) -> str:
    parts = folder.split("/") if folder else []
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
