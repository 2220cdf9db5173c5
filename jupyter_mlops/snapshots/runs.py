"""What runs logged, as a snapshot takes it along: content of the store, named by a pointer.

The pointer stands beside the record in the snapshot's tree, so that all that follows pointers takes
the content along. It is no tracked path: nothing of it is in the working tree.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.files.durable import open_staging, write_atomic
from jupyter_mlops.files.own import read_own_file
from jupyter_mlops.files.stat_cache import is_settled
from jupyter_mlops.files.walk import FileStat, stat_of
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.names import check_path, fold
from jupyter_mlops.formats.pointer import TreePointer
from jupyter_mlops.formats.run import MAX_LINE_BYTES
from jupyter_mlops.formats.snapshot import LeftOut
from jupyter_mlops.ids import Hash, new_hasher
from jupyter_mlops.objects.folders import Folder, write_folder
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.writer import Writer, open_writer
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.units import format_bytes

_CACHE_NAME = "kept-runs"
_CACHE_LIMIT_BYTES = 64 * 1024**2
_COPY_BYTES = 1024**2

_Row = tuple[int, int, int, int, int, bytes]
"""Size, mtime, ctime and inode of a file, and the entry that was kept of it: size and hash."""

_ROWS = msgspec.msgpack.Decoder(dict[str, _Row])


class RunFile(NamedTuple):
    """A file of a run: its path below the folder of runs, and where it is.

    What ``grows`` is being written, by whole lines.
    """

    path: str
    file: Path
    grows: bool = False


@dataclass(frozen=True, slots=True)
class KeptRuns:
    """What the store now holds of runs; no pointer where that is nothing."""

    pointer: TreePointer | None
    left_out: tuple[LeftOut, ...] = ()


def keep_runs(handles: Handles, files: Sequence[RunFile]) -> KeptRuns:
    """Put files of runs into the store, durable on return; what it has already is not read again.

    A file that is not there any more is passed over. One that is larger than the limit, or has
    content that was erased, is left out and named; a series never is for its size.

    Raises:
        ConflictError: a file kept changing while it was read.
        UnavailableError: the disk is full or read-only.
    """
    cache = handles.git.state_dir / _CACHE_NAME
    rows = _read_rows(cache)
    limit = handles.config.snapshot.run_file_limit_bytes
    entries: dict[str, Entry] = {}
    reading: dict[RunFile, FileStat] = {}
    left_out: list[LeftOut] = []
    now_ns = int(handles.clock.now().timestamp() * 1e9)
    for one in _drop_unfit(files, left_out):
        found = _look(one)
        if found is None:
            continue
        if found.size_bytes > limit and not one.file.name.endswith(".jsonl"):
            why = f"{format_bytes(found.size_bytes)}, more than run_file_limit"
            left_out.append(LeftOut(f"runs/{one.path}", why))
            continue
        entry = _find_row(rows, one.path, found)
        if entry is None:
            reading[one] = found
        else:
            entries[one.path] = entry
    lacking = set(missing(handles.store, entries.values()))
    for one in files:
        if entries.get(one.path) in lacking:
            found = _look(one)
            del entries[one.path]
            if found is not None:
                reading[one] = found
    folder = Folder.of(entries)
    pointer, manifests = folder.plan_pointer()
    if not reading and not manifests:
        return KeptRuns(pointer if entries else None, tuple(left_out))
    with open_writer(handles.store) as writer:
        for one, found in reading.items():
            if handles.store.erased and _hash(one.file) in handles.store.erased:
                left_out.append(LeftOut(f"runs/{one.path}", "its content was erased"))
                continue
            entries[one.path] = _add(handles, writer, one, found)
        pointer = write_folder(writer, Folder.of(entries))
        writer.finish()
    kept = {one.path: (found, entries.get(one.path)) for one, found in reading.items()}
    _write_rows(cache, rows, entries, kept, now_ns)
    return KeptRuns(pointer if entries else None, tuple(left_out))


def _drop_unfit(files: Sequence[RunFile], left_out: list[LeftOut]) -> list[RunFile]:
    """Return the files whose paths can stand together on every system; name the others."""
    fit: list[RunFile] = []
    known: dict[str, str] = {}
    for one in files:
        steps = [str(step) for step in (*PurePosixPath(one.path).parents, one.path)]
        try:
            check_path(one.path)
        except ValueError as error:
            left_out.append(LeftOut(f"runs/{one.path}", str(error)))
            continue
        if any(known.setdefault(fold(step), step) != step for step in steps):
            left_out.append(LeftOut(f"runs/{one.path}", "another has the same name but for case"))
            continue
        fit.append(one)
    return fit


def _look(one: RunFile) -> FileStat | None:
    try:
        found = os.lstat(one.file)
    except OSError:
        return None
    return stat_of(one.file.name, found, str(one.file)) if stat.S_ISREG(found.st_mode) else None


def _add(handles: Handles, writer: Writer, one: RunFile, found: FileStat) -> Entry:
    if not one.grows:
        (entry,) = writer.add_files(one.file.parent, [found])
        return Entry(Mode.FILE, entry.hash, entry.size_bytes)
    with _copy_lines(handles, one.file, found.size_bytes) as copy:
        (entry,) = writer.add_files(copy.parent, [stat_of(copy.name, os.stat(copy), str(copy))])
    return Entry(Mode.FILE, entry.hash, entry.size_bytes)


@contextmanager
def _copy_lines(handles: Handles, file: Path, size_bytes: int) -> Iterator[Path]:
    """Yield a copy of the whole lines among the first bytes of a file that grows."""
    with (
        open_staging(handles.store.staging_folder) as staging,
        staging.create() as copy,
        open(file, "rb") as source,
    ):
        source.seek(max(0, size_bytes - MAX_LINE_BYTES))
        tail = source.read(min(size_bytes, MAX_LINE_BYTES))
        remaining = size_bytes - len(tail) + tail.rfind(b"\n") + 1
        source.seek(0)
        while remaining > 0 and (part := source.read(min(remaining, _COPY_BYTES))):
            copy.write(part)
            remaining -= len(part)
        yield copy.path


def _hash(file: Path) -> Hash:
    hasher = new_hasher()
    with suppress(OSError), open(file, "rb") as source:
        while part := source.read(_COPY_BYTES):
            hasher.update(part)
    return Hash(hasher.digest())


def _read_rows(cache: Path) -> dict[str, _Row]:
    kept = read_own_file(cache, _CACHE_LIMIT_BYTES)
    try:
        return {} if kept is None else _ROWS.decode(kept.content)
    except (msgspec.DecodeError, RecursionError):
        return {}


def _find_row(rows: Mapping[str, _Row], path: str, found: FileStat) -> Entry | None:
    row = rows.get(path)
    if row is None or row[:4] != _stamp(found):
        return None
    return Entry(Mode.FILE, Hash(row[5]), row[4])


def _stamp(found: FileStat) -> tuple[int, int, int, int]:
    return found.size_bytes, found.mtime_ns, found.ctime_ns, found.inode


def _write_rows(
    cache: Path,
    rows: Mapping[str, _Row],
    entries: Mapping[str, Entry],
    kept: Mapping[str, tuple[FileStat, Entry | None]],
    now_ns: int,
) -> None:
    """Write what is known of the files that are kept now; where that fails the next one reads."""
    known = {path: row for path, row in rows.items() if path in entries and path not in kept}
    for path, (found, entry) in kept.items():
        if entry is not None and is_settled(found, now_ns):
            known[path] = (*_stamp(found), entry.size_bytes, entry.hash)
    if known != rows:
        with suppress(UnavailableError):
            write_atomic(cache, msgspec.msgpack.encode(known), durable=False)
