"""The tracked data of one revision, as a tree of folders and files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.pointer import FilePointer, Pointer, TreePointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.ids import Hash
from jupyter_mlops.sync.external import NO_HASH
from jupyter_mlops.sync.source import ContentFile, Source

_SMALL_BYTES = 1 << 20
_BUFFER_BYTES = 1 << 20
_TARGET_BYTES = 4096
_A_FOLDER = Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0)


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
            target = self._source.read_small(entry).decode("utf-8", "surrogateescape")
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
        if entry.size_bytes <= _SMALL_BYTES:
            return io.BytesIO(self._source.read_small(entry))
        refs = self._source.read_refs(entry)
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
