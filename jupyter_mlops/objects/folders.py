"""Folders as pointers and manifests: which form a pointer takes, and back to flat paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH, decode_tree, encode_tree
from jupyter_mlops.formats.names import MAX_PATH_BYTES
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import LISTED_LIMIT, TreePointer
from jupyter_mlops.ids import Hash, format_hash, hash_bytes
from jupyter_mlops.objects.records import read_bytes
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import Writer

MAX_FILES = 20_000_000
"""More is refused: a few manifests that name each other could claim any number."""


class Folder:
    """A folder by its files and links, by path, and its empty folders with EMPTY_TREE_HASH.

    Raises ValueError where something is asked that names or entries which are refused stand in the
    way of.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    @cached_property
    def hash(self) -> Hash:
        """The hash of the folder's manifest, which depends on the content alone."""
        return hash_bytes(self._encoded)

    def plan_pointer(self) -> tuple[TreePointer, dict[Hash, bytes]]:
        """Return the pointer to the folder, and the manifests that it needs in the store.

        All files are listed while they are at most LISTED_LIMIT; else the folder's direct entries;
        where those are more, its manifest's hash.
        """
        if len(self.entries) <= LISTED_LIMIT:
            return TreePointer(entries=dict(self.entries), manifest=None), {}
        direct, manifests = self._folded
        if len(direct) <= LISTED_LIMIT:
            return TreePointer(entries=direct, manifest=None), manifests
        root = {self.hash: self._encoded}
        return TreePointer(entries=None, manifest=self.hash), {**manifests, **root}

    @cached_property
    def _folded(self) -> tuple[dict[str, Entry], dict[Hash, bytes]]:
        """The direct entries, and the manifests of all folders within."""
        manifests: dict[Hash, bytes] = {}
        return fold_folder(self.entries, manifests), manifests

    @cached_property
    def _encoded(self) -> bytes:
        return encode_tree(self._folded[0])


def write_folder(writer: Writer, folder: Folder) -> TreePointer:
    """Add the manifests that a pointer to ``folder`` needs; return the pointer."""
    pointer, manifests = folder.plan_pointer()
    for id, encoded in manifests.items():
        writer.add_bytes(RecordKind.TREE, id, encoded)
    return pointer


def pointer_hash(pointer: TreePointer) -> Entry:
    """Return the folder that ``pointer`` names as an entry, from the pointer alone.

    Equal content gives equal entries, whatever the pointer's form.
    """
    if pointer.manifest is not None:
        return Entry(Mode.FOLDER, pointer.manifest, 0)
    return Entry(Mode.FOLDER, Folder(pointer.entries or {}).hash, 0)


def read_folder(store: Store, pointer: TreePointer) -> dict[str, Entry]:
    """Return the files and links that a pointer names by path, sorted, and its empty folders.

    Raises:
        NotFoundError: the store lacks a manifest (code ``content-missing``).
        IntegrityError: a manifest is damaged, or two parts of the pointer name the same path.
    """
    found: dict[str, Entry] = {}
    waiting: list[tuple[str, Hash]] = []
    if pointer.manifest is not None:
        waiting.append(("", pointer.manifest))
    for path, entry in (pointer.entries or {}).items():
        _take(path, entry, found, waiting)
    manifests = _read_manifests(store, [id for _, id in waiting])
    if len(found) + _count_files(manifests, [id for _, id in waiting]) > MAX_FILES:
        raise too_big()
    while waiting:
        prefix, id = waiting.pop()
        for name, entry in manifests[id].items():
            _take(prefix + name, entry, found, waiting)
    return dict(sorted(found.items()))


def read_manifest(store: Store, id: Hash) -> dict[str, Entry]:
    """Return the direct entries of the folder whose manifest has the hash ``id``.

    Raises:
        NotFoundError: the store lacks it (code ``content-missing``).
        IntegrityError: it is damaged.
    """
    return decode_tree(read_bytes(store, RecordKind.TREE, id), origin=format_hash(id))


def _read_manifests(store: Store, ids: Sequence[Hash]) -> dict[Hash, dict[str, Entry]]:
    """Return the direct entries of folders and of all the folders in them, each read once."""
    manifests: dict[Hash, dict[str, Entry]] = {}
    waiting = list(ids)
    while waiting:
        id = waiting.pop()
        if id not in manifests:
            manifests[id] = read_manifest(store, id)
            waiting += _iter_folders(manifests[id])
    return manifests


def _count_files(manifests: Mapping[Hash, Mapping[str, Entry]], ids: Sequence[Hash]) -> int:
    """Return how many files there are in folders, without listing them.

    Folders are named by their hash, so that none is within itself.
    """
    counts: dict[Hash, int] = {}
    waiting = list(ids)
    while waiting:
        id = waiting[-1]
        inner = list(_iter_folders(manifests[id]))
        unknown = {one for one in inner if one not in counts}
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        files = len(manifests[id]) - len(inner)
        counts[id] = min(files + sum(counts[one] for one in inner), MAX_FILES + 1)
    return sum(counts[id] for id in ids)


def _iter_folders(entries: Mapping[str, Entry]) -> Iterator[Hash]:
    return (
        entry.hash
        for entry in entries.values()
        if entry.mode is Mode.FOLDER and entry.hash != EMPTY_TREE_HASH
    )


def too_big() -> UnsupportedError:
    """Return the refusal of a folder that claims more than any folder holds."""
    return UnsupportedError(
        f"The folder holds more than {MAX_FILES:,} files, or paths that are too long.",
        code="folder-too-big",
        hints=("jupyter mlops doctor",),
    )


def _take(
    path: str, entry: Entry, found: dict[str, Entry], waiting: list[tuple[str, Hash]]
) -> None:
    if len(path) > MAX_PATH_BYTES:
        raise too_big()
    if entry.mode is Mode.FOLDER and entry.hash != EMPTY_TREE_HASH:
        waiting.append((path + "/", entry.hash))
        return
    if path in found:
        raise IntegrityError(f"The folder names {path!r} twice.", code="manifest-damaged")
    found[path] = entry


def fold_folder(entries: Mapping[str, Entry], manifests: dict[Hash, bytes]) -> dict[str, Entry]:
    """Return a folder's direct entries; add its sub-folders' encoded manifests to ``manifests``."""
    folders: dict[str, dict[str, Entry]] = {"": {}}
    for path, entry in entries.items():
        parent, _, name = path.rpartition("/")
        _open(folders, parent)[name] = entry
    for folder in sorted(folders, key=lambda path: path.count("/"), reverse=True):
        if not folder:
            continue
        encoded = encode_tree(folders.pop(folder))
        id = hash_bytes(encoded)
        manifests[id] = encoded
        parent, _, name = folder.rpartition("/")
        folders[parent][name] = Entry(Mode.FOLDER, id, 0)
    return folders[""]


def _open(folders: dict[str, dict[str, Entry]], path: str) -> dict[str, Entry]:
    """Return the entries of the folder ``path``, adding it and its parents when they are new."""
    found = folders.setdefault(path, {})
    while path:
        path = path.rpartition("/")[0]
        if path in folders:
            break
        folders[path] = {}
    return found
