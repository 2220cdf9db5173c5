"""Folders as pointers and manifests: which form a pointer takes, and back to flat paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial

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


class Part:
    """What is right in one folder, without the folders in it: files and links by name.

    An empty folder may stand among them with EMPTY_TREE_HASH, or be a part of its own.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._given = entries

    @property
    def is_empty(self) -> bool:
        """Whether it is kept though nothing is in it; else a folder without files is none."""
        return False

    @property
    def entries(self) -> Mapping[str, Entry]:
        """What is right in it by name."""
        return self._given

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self.entries)

    def encode_with(self, folders: Mapping[str, Entry]) -> bytes:
        """Return the manifest of the folder with these folders in it."""
        return encode_tree({**self.entries, **folders})

    def find_hash(self, folders: Mapping[str, Entry]) -> Hash | None:
        """Return the hash of that manifest where it is known already."""
        return None

    def note_hash(self, folders: Mapping[str, Entry], id: Hash) -> None:
        """Hear the hash of that manifest, after it was not known."""


Manifests = Mapping[Hash, Callable[[], bytes]]
"""Encoded folders by hash, to be called where one is needed."""


class Folder:
    """A folder by its parts: what is right in each folder within, by prefix (``""``, ``a/b/``).

    Each folder that a prefix leads through is there. Raises ValueError where something is asked
    that names or entries which are refused stand in the way of.
    """

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts

    @classmethod
    def of(cls, entries: Mapping[str, Entry]) -> Folder:
        """Return a folder by its files and links, by path, and its empty folders."""
        folders: dict[str, dict[str, Entry]] = {"": {}}
        for path, entry in entries.items():
            parent, slash, name = path.rpartition("/")
            _open(folders, parent + slash)[name] = entry
        return cls({prefix: Part(found) for prefix, found in folders.items()})

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The files and links by path, sorted, and the empty folders with EMPTY_TREE_HASH."""
        found: dict[str, Entry] = {}
        for prefix, part in self._parts.items():
            if prefix and part.is_empty:
                found[prefix[:-1]] = Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0)
            elif prefix:
                found.update({prefix + name: entry for name, entry in part.entries.items()})
            else:
                found.update(part.entries)
        return dict(sorted(found.items()))

    @cached_property
    def hash(self) -> Hash:
        """The hash of the folder's manifest, which depends on the content alone."""
        return self._root[0]

    @property
    def direct(self) -> dict[str, Entry]:
        """The direct entries: files, links, and the folders in it."""
        return {**self._parts[""].entries, **self._folded[0]}

    @property
    def manifests(self) -> Manifests:
        """The manifests of all the folders within that are not empty."""
        return self._folded[1]

    def plan_pointer(self) -> tuple[TreePointer, Manifests]:
        """Return the pointer to the folder, and the manifests that it needs in the store.

        All files are listed while they are at most LISTED_LIMIT; else the folder's direct entries;
        where those are more, its manifest's hash.
        """
        if sum(part.count for part in self._parts.values()) <= LISTED_LIMIT:
            return TreePointer(entries=self.entries, manifest=None), {}
        folders, manifests = self._folded
        if self._parts[""].count + len(folders) <= LISTED_LIMIT:
            return TreePointer(entries=self.direct, manifest=None), manifests
        id, encode = self._root
        return TreePointer(entries=None, manifest=id), {**manifests, id: encode}

    @cached_property
    def _root(self) -> tuple[Hash, Callable[[], bytes]]:
        return _hash_part(self._parts[""], self._folded[0])

    @cached_property
    def _folded(self) -> tuple[dict[str, Entry], dict[Hash, Callable[[], bytes]]]:
        """The folders right in it, and the manifests of all folders within."""
        within: dict[str, dict[str, Entry]] = {}
        manifests: dict[Hash, Callable[[], bytes]] = {}
        for prefix in sorted(self._parts, key=lambda prefix: prefix.count("/"), reverse=True):
            part, folders = self._parts[prefix], within.pop(prefix, {})
            if not prefix:
                return folders, manifests
            if not (part.count or folders or part.is_empty):
                continue
            id, encode = _hash_part(part, folders)
            if id != EMPTY_TREE_HASH:
                manifests[id] = encode
            parent, slash, name = prefix[:-1].rpartition("/")
            within.setdefault(parent + slash, {})[name] = Entry(Mode.FOLDER, id, 0)
        raise AssertionError("a folder has a part of its own")


def _hash_part(part: Part, folders: Mapping[str, Entry]) -> tuple[Hash, Callable[[], bytes]]:
    """Return the hash of a part with folders in it, and what returns its manifest."""
    known = part.find_hash(folders)
    if known is not None:
        return known, partial(part.encode_with, folders)
    encoded = part.encode_with(folders)
    id = hash_bytes(encoded)
    part.note_hash(folders, id)
    return id, lambda: encoded


def write_folder(writer: Writer, folder: Folder) -> TreePointer:
    """Add the manifests that a pointer to ``folder`` needs; return the pointer."""
    pointer, manifests = folder.plan_pointer()
    for id, encode in manifests.items():
        if not writer.knows(RecordKind.TREE, id):
            writer.add_bytes(RecordKind.TREE, id, encode())
    return pointer


def pointer_hash(pointer: TreePointer) -> Entry:
    """Return the folder that ``pointer`` names as an entry, from the pointer alone.

    Equal content gives equal entries, whatever the pointer's form.
    """
    if pointer.manifest is not None:
        return Entry(Mode.FOLDER, pointer.manifest, 0)
    return Entry(Mode.FOLDER, Folder.of(pointer.entries or {}).hash, 0)


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


def _open(folders: dict[str, dict[str, Entry]], prefix: str) -> dict[str, Entry]:
    """Return the entries of the folder ``prefix``, adding it and its parents when they are new."""
    found = folders.setdefault(prefix, {})
    while prefix:
        parent, slash, _ = prefix[:-1].rpartition("/")
        prefix = parent + slash
        if prefix in folders:
            break
        folders[prefix] = {}
    return found
