"""Files out of the store: every byte that leaves is hashed."""

from __future__ import annotations

import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import accumulate
from typing import TypeVar

from blake3 import blake3

from jupyter_mlops.errors import IntegrityError, NotFoundError, UnavailableError
from jupyter_mlops.files.clone import try_clone
from jupyter_mlops.files.durable import disk_error
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.manifest import ChunkRef, FileManifest, decode_file_manifest
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash, format_hash, new_hasher
from jupyter_mlops.objects.chunker import read_into
from jupyter_mlops.objects.erased import was_erased
from jupyter_mlops.objects.packs import PackFile, pack_path
from jupyter_mlops.objects.records import (
    Located,
    damaged,
    has,
    locate,
    locate_chunk,
    read_bytes,
    read_run,
    split_runs,
)
from jupyter_mlops.objects.store import Store
from jupyter_mlops.progress import Task

OpenDestination = Callable[[], int]
"""Returns the descriptor, open for reading and writing, of a new empty file."""

_THREADS = 2
_AHEAD = 6
_SMALL_RUN_BYTES = 1 << 20
_HASH_BYTES = 4 << 20
_PARTS_A_CALL = 512
_WORTH_CLONING = 0.5
_S = TypeVar("_S")
_T = TypeVar("_T")


def has_file(store: Store, entry: Entry, *, trashed: bool = False) -> bool:
    """Return whether the store has all of a file or link, or the manifest of a folder.

    What lies in the trash counts only with ``trashed``: it can be read and will be deleted. What
    was erased does not, wherever it may still lie.
    """
    if entry.mode is Mode.FOLDER:
        return has(store, RecordKind.TREE, entry.hash, trashed=trashed)
    if entry.hash in store.erased:
        return False
    if find_whole(store, entry, trashed=trashed) is not None:
        return True
    if not has(store, RecordKind.FILE, entry.hash, trashed=trashed):
        return False
    try:
        manifest = read_manifest(store, entry)
    except (NotFoundError, IntegrityError):
        return False
    return all(has(store, RecordKind.CHUNK, r.hash, trashed=trashed) for r in manifest.chunks)


def missing(store: Store, entries: Iterable[Entry], *, trashed: bool = False) -> list[Entry]:
    """Return those of ``entries``, each once, in order, that :func:`has_file` denies."""
    return [
        entry for entry in dict.fromkeys(entries) if not has_file(store, entry, trashed=trashed)
    ]


def read_manifest(store: Store, entry: Entry) -> FileManifest:
    """Return the chunks of a file, in order; a file of one chunk has no record of its own.

    Raises:
        NotFoundError: the store lacks it (code ``content-missing``), or it was erased
            (``content-erased``).
        IntegrityError: its manifest is damaged, or speaks of another size.
    """
    _require_kept(store, entry)
    alone = FileManifest(entry.size_bytes, (ChunkRef(entry.hash, entry.size_bytes),))
    if find_whole(store, entry) is not None:
        return alone
    try:
        encoded = read_bytes(store, RecordKind.FILE, entry.hash)
    except NotFoundError:
        if find_whole(store, entry) is not None:  # the search mended the index
            return alone
        raise
    manifest = decode_file_manifest(encoded, origin=format_hash(entry.hash))
    if manifest.size_bytes != entry.size_bytes:
        raise IntegrityError(
            f"The file {format_hash(entry.hash)} has {manifest.size_bytes:,} bytes in the store,"
            f" not the {entry.size_bytes:,} that are said of it.",
            code="content-damaged",
            hints=("jupyter mlops repair",),
        )
    return manifest


def iter_file(store: Store, entry: Entry) -> Iterator[bytes]:
    """Yield the bytes of a file or link's target in order: each chunk verified, then the whole.

    Reads ahead in threads, in bounded memory. What was yielded before an error is not the file.

    Raises:
        NotFoundError: the store lacks some of it (code ``content-missing``), or it was erased
            (``content-erased``); nothing was yielded.
        IntegrityError: some of it is damaged (code ``content-damaged``).
    """
    manifest = read_manifest(store, entry)
    if len(manifest.chunks) == 1:
        yield read_bytes(store, RecordKind.CHUNK, manifest.chunks[0].hash)
        return
    hasher = blake3()
    for part in _iter_chunks(store, manifest.chunks):
        hasher.update(part)
        yield part
    if hasher.digest() != entry.hash:
        raise damaged(entry.hash)


def is_made_of(store: Store, id: Hash, refs: Iterable[ChunkRef]) -> bool:
    """Return whether the file of that hash is these chunks in order, and the store has them all."""
    hasher = blake3()
    try:
        for part in _iter_chunks(store, refs):
            hasher.update(part)
    except (NotFoundError, IntegrityError):
        return False
    return hasher.digest() == id


def _iter_chunks(store: Store, refs: Iterable[ChunkRef]) -> Iterator[bytes]:
    """Yield chunks in order, each verified, read ahead in threads; raises as :func:`iter_file`."""
    located = [(ref.hash, locate_chunk(store, ref.hash)) for ref in refs]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-read") as pool:
        for parts in _in_order(pool, lambda run: read_run(store, run), split_runs(located)):
            yield from parts


def read_file(store: Store, entry: Entry) -> bytes:
    """Return all bytes of a file or of a link's target, for what fits in memory.

    Raises as :func:`iter_file`.
    """
    return b"".join(iter_file(store, entry))


def restore_files(
    store: Store,
    wanted: Sequence[tuple[Entry, OpenDestination]],
    progress_task: Task | None = None,
) -> None:
    """Write the content of every wanted file to its destination.

    The caller stages: a destination is a new file that is not yet part of anything, and after an
    error what stands in the destinations is not the files. Each is opened once, from any of two
    threads, in the order in which content lies in the packs, written, and closed; nothing is
    synced. ``progress_task`` is told the bytes of files that are done.

    Raises:
        NotFoundError: the store lacks content (code ``content-missing``), or it was erased
            (``content-erased``).
        IntegrityError: content is damaged (code ``content-damaged``).
        UnavailableError: a destination cannot be written.
    """
    small: dict[Hash, tuple[Place, list[OpenDestination]]] = {}
    big: list[tuple[Entry, OpenDestination]] = []
    for entry, destination in wanted:
        _require_kept(store, entry)
        same = small.get(entry.hash)
        if same is not None:
            same[1].append(destination)
            continue
        place = find_whole(store, entry)
        if place is None:
            big.append((entry, destination))
        else:
            small[entry.hash] = (place, [destination])
    _restore_small(store, small, progress_task)
    for entry, destination in big:
        _restore_big(store, entry, destination)
        if progress_task is not None:
            progress_task.advance(entry.size_bytes)


def _require_kept(store: Store, entry: Entry) -> None:
    """Let pass if a file was not erased, wherever it may still lie."""
    erasure = store.erased.find(entry.hash)
    if erasure is not None:
        raise was_erased(entry.hash, erasure)


def _restore_small(
    store: Store,
    small: dict[Hash, tuple[Place, list[OpenDestination]]],
    progress_task: Task | None,
) -> None:
    located = sorted(
        ((id, place) for id, (place, _) in small.items()),
        key=lambda item: (item[1].pack, item[1].plain, item[1].offset),
    )

    def restore(run: Sequence[Located]) -> int:
        written = 0
        for (id, _), content in zip(run, read_run(store, run), strict=True):
            for destination in small[id][1]:
                _write_all(destination(), (content,))
                written += len(content)
        return written

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-restore") as pool:
        for written in _in_order(pool, restore, split_runs(located, _SMALL_RUN_BYTES)):
            if progress_task is not None:
                progress_task.advance(written)


def _restore_big(store: Store, entry: Entry, destination: OpenDestination) -> None:
    fd = destination()
    try:
        if _clone_whole(store, entry, fd):
            return
        if sys.platform == "win32":
            for part in iter_file(store, entry):
                _write(fd, part)
            return
        refs = read_manifest(store, entry).chunks
        located = [(ref.hash, locate_chunk(store, ref.hash)) for ref in refs]
        offsets = list(accumulate((ref.size_bytes for ref in refs), initial=0))
        base = _find_base(located, offsets)
        if base is not None and _clone_base(store, base, fd):
            os.ftruncate(fd, entry.size_bytes)
            _write_chunks(store, fd, located, offsets, base)
            if _hash_of(fd) == entry.hash:
                return
            os.ftruncate(fd, 0)
        _write_chunks(store, fd, located, offsets, None)
        if _hash_of(fd) != entry.hash:
            raise damaged(entry.hash)
    except OSError as error:
        raise disk_error(error, "the files being restored") from error
    finally:
        os.close(fd)


def _clone_whole(store: Store, entry: Entry, fd: int) -> bool:
    """Make the empty ``fd`` a clone of the plain pack that holds exactly this file, verified."""
    pack = _open_plain_pack(store, entry)
    if pack is None:
        return False
    with pack:
        if not try_clone(pack.fd, fd):
            return False
    if _hash_of(fd) == entry.hash:
        return True
    os.ftruncate(fd, 0)
    return False


def _find_base(located: Sequence[Located], offsets: Sequence[int]) -> Place | None:
    """Return a place in the plain pack that has half or more of a file where the file has it."""
    shared: Counter[Hash] = Counter()
    some: dict[Hash, Place] = {}
    for (_, place), offset in zip(located, offsets, strict=False):
        if place.plain and place.offset == offset:
            shared[place.pack] += place.plain_bytes
            some[place.pack] = place
    for pack, size_bytes in shared.most_common(1):
        if size_bytes >= offsets[-1] * _WORTH_CLONING:
            return some[pack]
    return None


def _clone_base(store: Store, base: Place, fd: int) -> bool:
    for path in store.pack_paths(base):
        with suppress(FileNotFoundError, UnavailableError), PackFile(path) as pack:
            return try_clone(pack.fd, fd)
    return False


def _write_chunks(
    store: Store,
    fd: int,
    located: Sequence[Located],
    offsets: Sequence[int],
    base: Place | None,
) -> None:
    """Write chunks to where they belong in a file, each verified, from threads.

    Those that the pack of ``base``, of which ``fd`` is a clone, has there already are left out.
    """
    pieces: list[tuple[int, Located]] = [
        (offset, one)
        for one, offset in zip(located, offsets, strict=False)
        if base is None or not one[1].plain or (one[1].pack, one[1].offset) != (base.pack, offset)
    ]
    starts = iter([offset for offset, _ in pieces])

    def restore(piece: tuple[list[int], Sequence[Located]]) -> None:
        at, run = piece
        _write_at(fd, at, read_run(store, run))

    runs = split_runs(one for _, one in pieces)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-restore") as pool:
        for _ in _in_order(pool, restore, (([next(starts) for _ in run], run) for run in runs)):
            pass


def _write_at(fd: int, starts: Sequence[int], parts: Sequence[bytes]) -> None:
    """Write each of ``parts`` where it starts; those that follow one another by one call."""
    group: list[bytes] = []
    first = end = 0
    for start, part in zip(starts, parts, strict=True):
        if group and (start != end or len(group) == _PARTS_A_CALL):
            _write_group(fd, first, group)
            group = []
        if not group:
            first = start
        group.append(part)
        end = start + len(part)
    if group:
        _write_group(fd, first, group)


def _write_group(fd: int, start: int, group: Sequence[bytes]) -> None:
    size_bytes = sum(map(len, group))
    written = os.pwritev(fd, group, start)
    if written < size_bytes:
        content = memoryview(b"".join(group))
        while written < size_bytes:
            written += os.pwrite(fd, content[written:], start + written)


def _write_all(fd: int, parts: Iterable[bytes]) -> None:
    """Write ``parts`` to ``fd`` and close it."""
    try:
        for part in parts:
            _write(fd, part)
    except OSError as error:
        raise disk_error(error, "the files being restored") from error
    finally:
        os.close(fd)


def _write(fd: int, part: bytes) -> None:
    written = os.write(fd, part)
    while written < len(part):
        written += os.write(fd, memoryview(part)[written:])


def _hash_of(fd: int) -> Hash:
    hasher = new_hasher()
    os.lseek(fd, 0, os.SEEK_SET)
    buffer = memoryview(bytearray(_HASH_BYTES))
    while count := read_into(fd, buffer):
        hasher.update(buffer[:count])
    return Hash(hasher.digest())


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[_S], _T],
    items: Iterable[_S],
) -> Iterator[_T]:
    """Yield what ``work`` returns for each item, in order, a few of them ahead."""
    waiting: deque[Future[_T]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _open_plain_pack(store: Store, entry: Entry) -> PackFile | None:
    """Return the plain pack that holds exactly this file, opened, if there is one."""
    for folder in store.pack_folders:
        with suppress(FileNotFoundError):
            pack = PackFile(pack_path(folder, entry.hash, True))
            if pack.size_bytes == entry.size_bytes:
                return pack
            pack.__exit__()
    return None


def find_whole(store: Store, entry: Entry, *, trashed: bool = True) -> Place | None:
    """Return where the one chunk is that is the whole file; None when it is not one, or not here.

    What lies in the trash counts unless ``trashed`` is False.
    """
    place = store.find(RecordKind.CHUNK, entry.hash)
    if place is None:
        place = locate(store, RecordKind.CHUNK, entry.hash, trashed=trashed)
    return place if place is not None and place.plain_bytes == entry.size_bytes else None
