"""Where content is named: in which versions of which files, and from where Git reaches those."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from jupyter_mlops.errors import IntegrityError, MlopsError, NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.erasure import EMPTY_FILE
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.pointer import (
    POINTER_SUFFIX,
    FilePointer,
    StoredPointer,
    decode_pointer,
)
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.git.history import iter_history
from jupyter_mlops.git.refs import list_refs_holding
from jupyter_mlops.git.revisions import list_kept_commits
from jupyter_mlops.git.trees import TreeEntry, open_blob_reader, open_tree
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks.strip import find_unstripped
from jupyter_mlops.objects.folders import read_manifest
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.tracked import in_tracked, read_tracked

_NOTEBOOK_SUFFIX = ".ipynb"
_NO_REFS = "refs/none/"


@dataclass(frozen=True, slots=True)
class Referrer:
    """A file, or a notebook's outputs, in all versions that have the same content.

    Attributes:
        path: project-relative.
        id: the content: a file's hash, for outputs that of the stripped notebook.
        size_bytes: the file's length; None for outputs.
        commits: the full ids of those that brought it, in the order of history.
        refs: the full names of branches, tags and snapshots that reach one of these.
    """

    path: str
    id: Hash
    size_bytes: int | None
    commits: tuple[str, ...]
    refs: tuple[str, ...]


@dataclass(slots=True)
class _Version:
    """One pointer, or one notebook, at one path."""

    path: str
    oid: str
    commits: list[str] = field(default_factory=list)


class Versions:
    """Every version of tracked data and of notebooks that Git keeps, and what they name.

    External data is passed over: none of it is in the store.

    Args:
        handles: the project.
        paths: of which Git's own versions are told as well, by :attr:`in_git`.
    """

    def __init__(self, handles: Handles, paths: Sequence[str] = ()) -> None:
        self._handles = handles
        self._folders: dict[Hash, Mapping[str, Entry]] = {}
        self._found: dict[tuple[str, str], _Version] = {}
        self.in_git: set[str] = set()
        self.unread: set[str] = set()
        """The tracked paths of which some version cannot be read, as its manifest is not here."""
        commits = list_kept_commits(handles.git, without=_NO_REFS)
        patterns = [f"**/*{suffix}" for suffix in (POINTER_SUFFIX, _NOTEBOOK_SUFFIX)]
        for one in iter_history(handles.git, commits, patterns):
            for change in one.changes:
                if change.oid is not None:
                    key = (change.path, change.oid)
                    found = self._found.setdefault(key, _Version(*key))
                    found.commits.append(one.commit)
        if paths:
            self.in_git = set(self._iter_in_git(commits, paths))
        self._pointers = list(self._read_pointers())

    def select(self, path: str, commit: str | None = None) -> dict[Hash, int | None]:
        """Return what is named at or under ``path``, with the length of files.

        Args:
            path: project-relative; a file or folder, tracked or within what is tracked, or a
                notebook.
            commit: only what this one names; every version without it.
        """
        found: dict[Hash, int | None] = {}
        tree = open_tree(self._handles.git, commit).entries if commit is not None else None
        for version, pointer in self._pointers:
            tracked = version.path.removesuffix(POINTER_SUFFIX)
            if tree is not None and not _stands(tree, version):
                continue
            if f"{tracked}/".startswith(f"{path}/"):
                inner = ""
            elif path.startswith(f"{tracked}/"):
                inner = path[len(tracked) + 1 :]
            else:
                continue
            found.update(self._select_in(version, pointer, inner))
        if path.endswith(_NOTEBOOK_SUFFIX):
            for version, id in self._notebooks:
                if version.path == path and (tree is None or _stands(tree, version)):
                    found[id] = None
        found.pop(EMPTY_FILE, None)
        return found

    def select_hash(self, id: Hash) -> dict[Hash, int | None]:
        """Return the files in the folder whose manifest has that hash; else that file itself."""
        try:
            entries = self._folder(id)
        except NotFoundError:
            return {id: None}
        found: dict[Hash, int | None] = {}
        self._collect("", entries, "", found)
        found.pop(EMPTY_FILE, None)
        return found

    def find(self, ids: Collection[Hash]) -> list[Referrer]:
        """Return all that names one of ``ids``, by path."""
        found: dict[tuple[str, Hash], tuple[int | None, dict[str, None]]] = {}
        hits: dict[Hash, dict[str, Entry]] = {}
        for version, pointer in self._pointers:
            tracked = version.path.removesuffix(POINTER_SUFFIX)
            for name, entry in self._hits_of(version, pointer, ids, hits).items():
                key = (in_tracked(tracked, name), entry.hash)
                commits = found.setdefault(key, (entry.size_bytes, {}))[1]
                commits.update(dict.fromkeys(version.commits))
        for version, id in self._notebooks:
            if id in ids:
                commits = found.setdefault((version.path, id), (None, {}))[1]
                commits.update(dict.fromkeys(version.commits))
        return [
            Referrer(path, id, size, tuple(commits), self._refs(commits))
            for (path, id), (size, commits) in sorted(found.items())
        ]

    def _iter_in_git(self, commits: Sequence[str], paths: Sequence[str]) -> Iterator[str]:
        """Yield the files at or under ``paths`` that Git itself had, notebooks if with outputs."""
        patterns = [_escape(path) + end for path in paths for end in ("", "/**")]
        with open_blob_reader(self._handles.git) as reader:
            for one in iter_history(self._handles.git, commits, patterns):
                for path, oid in ((change.path, change.oid) for change in one.changes):
                    if oid is None or path.endswith((POINTER_SUFFIX, ".gitignore")):
                        continue
                    if not path.endswith(_NOTEBOOK_SUFFIX) or find_unstripped(reader.read(oid)):
                        yield path

    def _refs(self, commits: Mapping[str, None]) -> tuple[str, ...]:
        return tuple(list_refs_holding(self._handles.git, list(commits)))

    def _read_pointers(self) -> Iterator[tuple[_Version, StoredPointer]]:
        seen: set[tuple[str, bytes]] = set()
        with open_blob_reader(self._handles.git) as reader:
            for version in self._found.values():
                if version.path.endswith(POINTER_SUFFIX):
                    with suppress(MlopsError):
                        encoded = reader.read(version.oid)
                        seen.add((version.path, encoded))
                        pointer = decode_pointer(encoded, origin=version.path)
                        if not isinstance(pointer, ExternalPointer):
                            yield version, pointer
        origins = read_origins(self._handles.git.state_dir)
        for path, tracked in read_tracked(self._handles, origins).items():
            name = path + POINTER_SUFFIX
            if tracked.pointer is None or isinstance(tracked.pointer, ExternalPointer):
                continue
            if (name, tracked.encoded) not in seen:
                yield _Version(name, ""), tracked.pointer

    @cached_property
    def _notebooks(self) -> list[tuple[_Version, Hash]]:
        """Every version of a notebook, with the name that its outputs are kept under."""
        versions = [one for one in self._found.values() if one.path.endswith(_NOTEBOOK_SUFFIX)]
        with open_blob_reader(self._handles.git) as reader:
            blobs = reader.read_many(one.oid for one in versions)
            return [(one, hash_bytes(blob)) for one, blob in zip(versions, blobs, strict=True)]

    def _select_in(
        self, version: _Version, pointer: StoredPointer, inner: str
    ) -> dict[Hash, int | None]:
        if isinstance(pointer, FilePointer):
            return {} if inner else {pointer.entry.hash: pointer.entry.size_bytes}
        found: dict[Hash, int | None] = {}
        try:
            self._collect("", self._entries(pointer), inner, found)
        except (NotFoundError, IntegrityError):
            self.unread.add(version.path.removesuffix(POINTER_SUFFIX))
        return found

    def _collect(
        self, prefix: str, entries: Mapping[str, Entry], inner: str, found: dict[Hash, int | None]
    ) -> None:
        """Add the files at or under ``inner``, "" for all."""
        waiting = [(prefix, entries)]
        while waiting:
            prefix, entries = waiting.pop()
            for name, entry in entries.items():
                path = prefix + name
                within = not inner or f"{path}/".startswith(f"{inner}/")
                if entry.mode is not Mode.FOLDER:
                    if within:
                        found[entry.hash] = entry.size_bytes
                elif within or inner.startswith(f"{path}/"):
                    waiting.append((f"{path}/", self._folder(entry.hash)))

    def _hits_of(
        self,
        version: _Version,
        pointer: StoredPointer,
        ids: Collection[Hash],
        hits: dict[Hash, dict[str, Entry]],
    ) -> dict[str, Entry]:
        if isinstance(pointer, FilePointer):
            return {"": pointer.entry} if pointer.entry.hash in ids else {}
        try:
            return self._hits_in(self._entries(pointer), ids, hits)
        except (NotFoundError, IntegrityError):
            self.unread.add(version.path.removesuffix(POINTER_SUFFIX))
            return {}

    def _hits_in(
        self,
        entries: Mapping[str, Entry],
        ids: Collection[Hash],
        hits: dict[Hash, dict[str, Entry]],
    ) -> dict[str, Entry]:
        """Return the files in a folder, by their paths in it, that have one of ``ids``.

        ``hits`` has that of folders that were looked through before.
        """
        waiting = [entry.hash for entry in entries.values() if entry.mode is Mode.FOLDER]
        while waiting:
            id = waiting[-1]
            inner = self._folder(id)
            new = [
                entry.hash
                for entry in inner.values()
                if entry.mode is Mode.FOLDER and entry.hash not in hits
            ]
            if id in hits or not new:
                hits.setdefault(id, _join_hits(inner, ids, hits))
                waiting.pop()
            else:
                waiting += new
        return _join_hits(entries, ids, hits)

    def _entries(self, pointer: StoredPointer) -> Mapping[str, Entry]:
        assert not isinstance(pointer, FilePointer)
        if pointer.manifest is not None:
            return self._folder(pointer.manifest)
        return pointer.entries or {}

    def _folder(self, id: Hash) -> Mapping[str, Entry]:
        if id == EMPTY_TREE_HASH:
            return {}
        found = self._folders.get(id)
        if found is None:
            found = self._folders[id] = read_manifest(self._handles.store, id)
        return found


def _join_hits(
    entries: Mapping[str, Entry], ids: Collection[Hash], hits: Mapping[Hash, Mapping[str, Entry]]
) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for name, entry in entries.items():
        if entry.mode is Mode.FOLDER:
            found.update({f"{name}/{path}": one for path, one in hits[entry.hash].items()})
        elif entry.hash in ids:
            found[name] = entry
    return found


def _stands(tree: Mapping[str, TreeEntry], version: _Version) -> bool:
    found = tree.get(version.path)
    return found is not None and found.oid == version.oid


def _escape(path: str) -> str:
    """Return the pattern of :func:`iter_history` that matches ``path`` alone."""
    return "".join(f"\\{letter}" if letter in "\\*?[" else letter for letter in path)
