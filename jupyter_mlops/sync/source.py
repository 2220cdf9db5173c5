"""Content read piece by piece, out of the store or from a remote."""

from __future__ import annotations

import io
import os
import shlex
import threading
import weakref
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import BinaryIO

from jupyter_mlops.errors import IntegrityError, NotFoundError, UnsupportedError
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.manifest import (
    EMPTY_TREE_HASH,
    ChunkRef,
    decode_file_manifest,
    decode_tree,
)
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.ids import Hash, format_hash
from jupyter_mlops.objects.erased import Erased, was_erased
from jupyter_mlops.objects.packs import PackFile, decode_place, decode_run, stored_span
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
from jupyter_mlops.sync.erased import read_new
from jupyter_mlops.sync.external import OpenPlace, open_object
from jupyter_mlops.sync.external import locate as locate_external
from jupyter_mlops.sync.listing import PackKey, pack_object
from jupyter_mlops.sync.proved import ProvedFiles
from jupyter_mlops.sync.remote import Remote

_KEPT_CHUNKS = 4
_AHEAD_BYTES = 4 << 20
_OPEN_PACKS = 64

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
        self._erased: Erased | None = None
        self._lock = threading.Lock()
        self._packs: OrderedDict[PackKey, PackFile] = OrderedDict()
        self._proved = ProvedFiles()
        self._erased_folder = str(store.erased_folder)
        self._erased_at = 0

    def read_small(self, entry: Entry) -> bytes:
        """Return the bytes of a file that fits in memory.

        What was proved before is quick to read again, as long as its pack is there.

        Raises:
            as :meth:`read_refs`.
        """
        if not entry.size_bytes:
            return b""
        self._require_kept(entry.hash)
        known = self._proved.read(entry.hash, self._pack_of)
        if known is not None and len(known) == entry.size_bytes:
            return known
        place = self._store.find(RecordKind.CHUNK, entry.hash)
        if place is not None and place.plain_bytes == entry.size_bytes:
            run: Sequence[Located] = [(entry.hash, place)]
        else:
            ids = [ref.hash for ref in self._read_refs(entry)]
            found = [(id, self._store.find(RecordKind.CHUNK, id)) for id in ids]
            runs = list(split_runs([(id, place) for id, place in found if place is not None]))
            if len(runs) != 1 or len(runs[0]) != len(ids):
                return b"".join(self.read(RecordKind.CHUNK, ids))
            run = runs[0]
        content = b"".join(self._read_run(run))
        self._proved.note(entry.hash, content, run)
        return content

    def _read_run(self, run: Sequence[Located]) -> list[bytes]:
        """Return the bytes of records that one read brings, in order, from a pack kept open."""
        first = run[0][1]
        offset, length = stored_span(run[-1][1])
        try:
            pack = self._pack_of(first)
            view = pack.read(first.offset, offset + length - first.offset)
            return decode_run(view, first.offset, run, pack.origin)
        except (IntegrityError, FileNotFoundError):
            return read_run(self._store, run)

    def _pack_of(self, place: Place) -> PackFile:
        """Return the pack of a place, kept open.

        Raises:
            FileNotFoundError: it is gone.
        """
        kept = self._packs.get((place.pack, place.plain))
        if kept is not None:
            return kept
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
            as :meth:`read`; NotFoundError with the code ``content-erased`` where it was erased.
        """
        if not entry.size_bytes:
            return []
        self._require_kept(entry.hash)
        return self._read_refs(entry)

    def _read_refs(self, entry: Entry) -> list[ChunkRef]:
        place = self._store.find(RecordKind.FILE, entry.hash)
        if place is not None:
            (encoded,) = self._read_run([(entry.hash, place)])
        elif self._is_alone(entry):
            return [ChunkRef(entry.hash, entry.size_bytes)]
        else:
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

    def _is_alone(self, entry: Entry) -> bool:
        """Return whether a file is one chunk, here or else on the remote."""
        if find_whole(self._store, entry) is not None:
            return True
        if has(self._store, RecordKind.FILE, entry.hash, trashed=True):
            return False
        remote = self._there()
        self._require_kept(entry.hash, remote)
        place = remote.locate(RecordKind.CHUNK, entry.hash) if remote is not None else None
        return place is not None and place.plain_bytes == entry.size_bytes

    def _require_kept(self, id: Hash, remote: Remote | None = None) -> None:
        """Let pass if a file was not erased, as far as the store, and the remote, know."""
        self._look_for_erasures()
        erased = self._store.erased
        if remote is not None and remote.erasures:
            if self._erased is None:
                self._erased = erased.joined(read_new(remote, erased.erasures))
            erased = self._erased
        erasure = erased.find(id)
        if erasure is not None:
            raise was_erased(id, erasure)

    def _look_for_erasures(self) -> None:
        """Let go of what was read before, if something was erased since."""
        try:
            changed_at = os.stat(self._erased_folder).st_mtime_ns
        except OSError:
            changed_at = 0
        if changed_at == self._erased_at:
            return
        with self._lock:
            self._erased_at = changed_at
            self._packs.clear()
            self._proved = ProvedFiles()
            self._erased = None
        self._store.reload()

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
        try:
            return self._read_from(remote, kind, ids)
        except NotFoundError as error:
            if error.code != "remote-object-missing":
                raise
        with self._lock:  # a pack is gone: what it held stands in others by now
            if self._remote is remote:
                self._remote = self._open_remote()
            remote = self._remote
        return self._read_from(remote, kind, ids)

    def _read_from(
        self, remote: Remote | None, kind: RecordKind, ids: Sequence[Hash]
    ) -> dict[Hash, bytes]:
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
