"""Working tree to store: the content of tracked paths, durable before its name is given away."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.files.walk import FileStat
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import FilePointer, Pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.formats.pointer_source import ImportSource
from jupyter_mlops.ids import format_hash
from jupyter_mlops.objects.erased import may_not_be_kept
from jupyter_mlops.objects.folders import read_folder, write_folder
from jupyter_mlops.objects.reader import missing
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import Writer, open_writer
from jupyter_mlops.progress import Task
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.scan import Present, Scanner
from jupyter_mlops.snapshots.tracked import in_tracked, is_link


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store now holds.

    ``new_bytes`` are plain bytes that it lacked, ``stored_bytes`` the bytes added on disk.
    """

    pointers: Mapping[str, Pointer]
    presents: Mapping[str, Present]
    new_bytes: int
    stored_bytes: int

    def only(self, paths: Collection[str]) -> Kept:
        """Return the same of these paths alone."""
        pointers = {path: pointer for path, pointer in self.pointers.items() if path in paths}
        presents = {path: present for path, present in self.presents.items() if path in paths}
        return replace(self, pointers=pointers, presents=presents)


def keep_content(
    handles: Handles,
    scanner: Scanner,
    paths: Sequence[str],
    presents: Mapping[str, Present] | None = None,
    sources: Mapping[str, ImportSource] | None = None,
) -> Kept:
    """Put what is on disk at ``paths`` into the store; durable on return, all or nothing.

    Args:
        handles: the project.
        scanner: looks at the paths.
        paths: tracked paths, or paths about to be tracked.
        presents: what was seen at some of them a moment ago; only what the store lacks is read
            again.
        sources: where some of them were imported from, which their pointers go on to say.

    Raises:
        NotFoundError: nothing is at one of the paths.
        ConflictError: a file kept changing while it was read, or has content that was erased (code
            ``content-erased``).
        UnavailableError: the disk is full or read-only.
    """
    pointers: dict[str, Pointer] = {}
    kept: dict[str, Present] = {}
    relay = _Relay()
    with open_writer(handles.store, relay) as writer:
        reading = _Reading(handles, scanner, writer, relay)
        for path in paths:
            present = reading.read(path, (presents or {}).get(path))
            _refuse_erased(handles.store, present)
            kept[path] = present
            source = (sources or {}).get(path)
            if present.is_folder:
                pointers[path] = replace(write_folder(writer, present.folder), source=source)
            elif present.content.mode is Mode.SYMLINK:
                raise is_link(path)
            else:
                pointers[path] = FilePointer(present.content, source)
        report = writer.finish()
    for present in kept.values():
        scanner.note_kept(present)
    return Kept(pointers, kept, report.new_bytes, report.stored_bytes)


def _refuse_erased(store: Store, present: Present) -> None:
    """Let pass if nothing that is on disk at a path was erased."""
    erased = store.erased
    if not erased or all(id not in erased for id, _ in present.iter_contents()):
        return
    for name, entry in present.entries.items():
        erasure = erased.find(entry.hash)
        if erasure is not None:
            path = in_tracked(present.path, name)
            lift = f"jupyter mlops erase --lift --hash {format_hash(entry.hash)}"
            raise may_not_be_kept(path, erasure, (f"rm {shlex.quote(path)}", lift))


class _Relay:
    """Passes a writer's progress on to the task of the path under way."""

    def __init__(self) -> None:
        self.task: Task | None = None

    def advance(self, amount: int) -> None:
        if self.task is not None:
            self.task.advance(amount)


@dataclass(frozen=True, slots=True)
class _Reading:
    handles: Handles
    scanner: Scanner
    writer: Writer
    relay: _Relay

    def read(self, path: str, seen: Present | None) -> Present:
        """Return what is at ``path`` once the writer has all of it that the store lacks."""
        fresh: set[Entry] = set()

        def add_files(folder: Path, stats: Sequence[FileStat]) -> Sequence[Entry]:
            entries = self._add(path, folder, stats)
            fresh.update(entries)
            return entries

        present = seen or self.scanner.look(path, add_files)
        if present is None:
            raise NotFoundError(
                f"There is no file or folder {path} in the project.",
                code="path-not-found",
                hints=["jupyter mlops status"],
            )
        unkept = {name: present.find_entry(name) for name in self.scanner.find_unkept(present)}
        files = {name: entry for name, entry in unkept.items() if entry and entry not in fresh}
        lacking = set(missing(self.handles.store, files.values()))
        names = [name for name, entry in files.items() if entry in lacking]
        if not names:
            return present
        stats = [found for name in names if (found := present.find_stat(name)) is not None]
        added = self._add(path, self.scanner.folder_of(present), stats)
        kept = dict(zip(names, added, strict=True))
        if all(files[name] == entry for name, entry in kept.items()):
            return present
        return present.with_entries(kept)

    def _add(self, path: str, folder: Path, stats: Sequence[FileStat]) -> list[Entry]:
        total = sum(found.size_bytes for found in stats)
        with self.handles.progress.task(f"Keeping {path}", total) as task:
            self.relay.task = task
            return self.writer.add_files(folder, stats)


def read_entries(store: Store, pointer: Pointer) -> dict[str, Entry]:
    """Return the flat entries that ``pointer`` names; a single file has the key ``""``.

    Of what is external there are none, as no hash of it is known.

    Raises:
        NotFoundError: the store lacks a folder's manifest.
    """
    if isinstance(pointer, ExternalPointer):
        return {}
    if isinstance(pointer, FilePointer):
        return {"": pointer.entry}
    return read_folder(store, pointer)


def pointer_entries(pointer: Pointer) -> Mapping[str, Entry]:
    """Return what a pointer names itself, by the path below its own; no external data."""
    if isinstance(pointer, FilePointer):
        return {"": pointer.entry}
    if isinstance(pointer, ExternalPointer):
        return {}
    if pointer.manifest is not None:
        return {"": Entry(Mode.FOLDER, pointer.manifest, 0)}
    return pointer.entries or {}
