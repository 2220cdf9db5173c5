"""Three-way merge of pointers, file by file, in any of their forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH, decode_tree, encode_tree
from jupyter_mlops.formats.names import MAX_PATH_BYTES, fold
from jupyter_mlops.formats.pointer import (
    LISTED_LIMIT,
    FilePointer,
    Pointer,
    StoredPointer,
    TreePointer,
)
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.ids import Hash, format_hash, hash_bytes
from jupyter_mlops.objects.folders import MAX_FILES, Folder, too_big

MAX_DEPTH = 200
"""A folder that lies deeper than this is not merged."""

MAX_CONFLICTS = 1000
"""How many paths in conflict are told at most; all of them are in conflict nevertheless."""

Read = Callable[[Hash], Mapping[str, Entry]]
"""Returns the direct entries of the folder whose manifest has that hash."""

_T = TypeVar("_T")

Direct = Mapping[str, Entry]
_REGULAR = (Mode.FILE, Mode.EXECUTABLE)


class Sides(NamedTuple):
    """What a merge comes to where each conflict is decided for ours, and for theirs; equal if none.

    None: nothing is there.
    """

    ours: Entry | None
    theirs: Entry | None


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge comes to where each conflict is decided for ours, and for theirs.

    Without a conflict both are equal. ``conflicts`` are the paths at which they differ, sorted, at
    most MAX_CONFLICTS: of files, or of folders that one side alone has; ``""`` is the tracked path
    itself, also where only the source of an import differs. ``manifests`` are those made here that
    the pointers need in the store, by their hash.
    """

    ours: Pointer
    theirs: Pointer
    conflicts: tuple[str, ...]
    manifests: Mapping[Hash, bytes]


def merge_pointers(bases: Sequence[Pointer], ours: Pointer, theirs: Pointer, read: Read) -> Merged:
    """Return what two pointers come to that were made from a common one; in the canonical form.

    What one side alone changed is taken from it, a file's content and its mode each by itself.
    A conflict is what both sides changed in different ways: the same file, a file that one
    changed and the other deleted, a file where the other has a folder, names that are one on many
    systems. Folders that are equal on two sides are not read.

    Args:
        bases: the pointer that both come from. None where there is none; two where it is not
            decided itself: where those differ, both sides count as changed.
        ours: one side.
        theirs: the other side.
        read: how a manifest is had; what it raises goes through.

    Raises:
        UnsupportedError: a folder is too big or too deep (code ``folder-too-big``).
    """
    if isinstance(ours, ExternalPointer) or isinstance(theirs, ExternalPointer):
        return _merge_whole(bases, ours, theirs)
    merger = _Merger(read)
    stored = [one for one in bases if not isinstance(one, ExternalPointer)]
    before: list[Entry | None] = [merger.add(pointer) for pointer in stored]
    before = before or [None]
    sides = merger.merge(before[0], before[-1], merger.add(ours), merger.add(theirs), depth=0)
    pointers = [merger.plan(side) for side in sides]
    sources = _merge_values([one.source for one in stored], ours.source, theirs.source)
    conflicts = merger.differences(sides)
    if not conflicts and sources[0] != sources[1]:
        conflicts = ("",)
    return Merged(
        replace(pointers[0], source=sources[0]),
        replace(pointers[1], source=sources[1]),
        conflicts,
        merger.needed(pointers),
    )


def _merge_whole(bases: Sequence[Pointer], ours: Pointer, theirs: Pointer) -> Merged:
    """Merge pointers of which one is external, as one value each: nothing in them is compared."""
    mine, others = _merge_values(bases, ours, theirs)
    return Merged(mine, others, ("",) if mine != others else (), {})


def _merge_values(bases: Sequence[_T], ours: _T, theirs: _T) -> tuple[_T, _T]:
    """Return what a value comes to where a conflict is decided for ours, and for theirs."""
    if bases and all(one == bases[0] for one in bases):
        if ours == bases[0]:
            return theirs, theirs
        if theirs == bases[0]:
            return ours, ours
    return ours, theirs


def compare_pointers(ours: Pointer, theirs: Pointer, read: Read) -> tuple[str, ...]:
    """Return the paths at which two pointers differ, as :attr:`Merged.conflicts` tells them."""
    if isinstance(ours, ExternalPointer) or isinstance(theirs, ExternalPointer):
        return ("",) if ours != theirs else ()
    merger = _Merger(read)
    return merger.differences(Sides(merger.add(ours), merger.add(theirs)))


class _Merger:
    """One merge: the folders that it knows by hash, from the pointers, the store, and its own."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[Hash, Direct] = {EMPTY_TREE_HASH: {}}
        self._made: dict[Hash, bytes] = {}
        self._merged: dict[tuple[Entry | None, ...], Sides] = {}
        self._seen = 0

    def add(self, pointer: StoredPointer) -> Entry:
        """Return what ``pointer`` names; the folders that it lists are known from now on."""
        if isinstance(pointer, FilePointer):
            return pointer.entry
        if pointer.manifest is not None:
            return Entry(Mode.FOLDER, pointer.manifest, 0)
        listed = Folder.of(pointer.entries or {})
        for id, encode in listed.manifests.items():
            self._made[id] = encode()
            self._known[id] = decode_tree(self._made[id], origin=format_hash(id))
        return self._make(listed.direct)

    def merge(
        self,
        base: Entry | None,
        other_base: Entry | None,
        ours: Entry | None,
        theirs: Entry | None,
        depth: int,
    ) -> Sides:
        """Return what becomes of one name."""
        if ours == theirs:
            return Sides(ours, theirs)
        if base == other_base:
            if ours == base:
                return Sides(theirs, theirs)
            if theirs == base:
                return Sides(ours, ours)
            if base and ours and theirs and _are_all(_REGULAR, base, ours, theirs):
                return _merge_file(base, ours, theirs)
        if not all(_is_folder(one) for one in (base, other_base, ours, theirs) if one is not None):
            return Sides(ours, theirs)
        key = (base, other_base, ours, theirs)
        if key not in self._merged:
            self._merged[key] = self._merge_folders(*key, depth=depth)
        return self._merged[key]

    def _merge_folders(
        self,
        base: Entry | None,
        other_base: Entry | None,
        ours: Entry | None,
        theirs: Entry | None,
        depth: int,
    ) -> Sides:
        b1, b2, mine, others = (self._open(one) for one in (base, other_base, ours, theirs))
        self._seen += len(mine) + len(others)
        if depth > MAX_DEPTH or self._seen > MAX_FILES:
            raise too_big()
        merged: dict[str, Entry] = {}
        split: dict[str, Sides] = {}
        for name in {**mine, **others}:
            one, other = mine.get(name), others.get(name)
            if one == other and one is not None:
                merged[name] = one
                continue
            sides = self.merge(b1.get(name), b2.get(name), one, other, depth + 1)
            if sides.ours != sides.theirs:
                split[name] = sides
            elif sides.ours is not None:
                merged[name] = sides.ours
        for name in _find_collisions([*merged, *split], mine, others):
            merged.pop(name, None)
            split[name] = Sides(mine.get(name), others.get(name))
        stays = depth == 0 or _stays_empty(base, other_base, ours, theirs)
        result = self._make_side(merged, {n: s.ours for n, s in split.items()}, stays=stays)
        if not split:
            return Sides(result, result)
        theirs_split = {n: s.theirs for n, s in split.items()}
        return Sides(result, self._make_side(merged, theirs_split, stays=stays))

    def _make_side(
        self, merged: Direct, split: Mapping[str, Entry | None], *, stays: bool
    ) -> Entry | None:
        chosen = {name: entry for name, entry in split.items() if entry is not None}
        if not merged and not chosen and not stays:
            return None
        return self._make({**merged, **chosen})

    def _make(self, direct: Direct) -> Entry:
        encoded = encode_tree(direct)
        id = hash_bytes(encoded)
        self._known[id] = direct
        self._made[id] = encoded
        return Entry(Mode.FOLDER, id, 0)

    def _open(self, entry: Entry | None) -> Direct:
        if entry is None:
            return {}
        if entry.hash not in self._known:
            self._known[entry.hash] = self._read(entry.hash)
        return self._known[entry.hash]

    def plan(self, entry: Entry | None) -> StoredPointer:
        """Return the canonical pointer to ``entry``.

        One whose files cannot be counted, as a manifest is missing, is taken to have many.
        """
        assert entry is not None, "the tracked path itself is on both sides"
        if entry.mode is not Mode.FOLDER:
            return FilePointer(entry)
        direct = self._open(entry)
        try:
            listed = self._list_few(entry)
        except NotFoundError:
            listed = None
        if listed is not None or len(direct) <= LISTED_LIMIT:
            return TreePointer(entries=listed if listed is not None else direct)
        return TreePointer(manifest=entry.hash)

    def _list_few(self, folder: Entry) -> dict[str, Entry] | None:
        """Return all files of a folder and its empty folders by path; None if they are many."""
        found: dict[str, Entry] = {}
        waiting = [("", folder)]
        while waiting:
            prefix, at = waiting.pop()
            if len(prefix) > MAX_PATH_BYTES:
                raise too_big()
            for name, entry in self._open(at).items():
                if entry.mode is Mode.FOLDER and entry.hash != EMPTY_TREE_HASH:
                    waiting.append((f"{prefix}{name}/", entry))
                else:
                    found[prefix + name] = entry
            if len(found) + len(waiting) > LISTED_LIMIT:
                return None
        return found

    def differences(self, sides: Sides) -> tuple[str, ...]:
        """Return the first MAX_CONFLICTS paths at which two sides differ, in order."""
        found: list[str] = []
        waiting = [("", *sides)]
        while waiting and len(found) < MAX_CONFLICTS:
            path, ours, theirs = waiting.pop()
            if not (ours and theirs and _are_all((Mode.FOLDER,), ours, theirs)):
                found += [path] if ours != theirs else []
                continue
            if len(path) > MAX_PATH_BYTES:
                raise too_big()
            mine, others = self._open(ours), self._open(theirs)
            names = [n for n in {**mine, **others} if mine.get(n) != others.get(n)]
            waiting += [
                (f"{path}/{name}" if path else name, mine.get(name), others.get(name))
                for name in sorted(names, reverse=True)
            ]
        return tuple(found)

    def needed(self, pointers: Iterable[StoredPointer]) -> dict[Hash, bytes]:
        """Return the manifests made here that ``pointers`` lead to."""
        found: dict[Hash, bytes] = {}
        waiting: list[Hash] = []
        for pointer in pointers:
            if isinstance(pointer, TreePointer):
                waiting += [pointer.manifest] if pointer.manifest is not None else []
                waiting += _folders_in(pointer.entries or {})
        while waiting:
            id = waiting.pop()
            if id in self._made and id not in found:
                found[id] = self._made[id]
                waiting += _folders_in(self._known[id])
        return found


def _merge_file(base: Entry, ours: Entry, theirs: Entry) -> Sides:
    """Merge content and mode of a file, each by itself."""
    content = {(one.hash, one.size_bytes) for one in (ours, theirs)} - {
        (base.hash, base.size_bytes)
    }
    if len(content) > 1:
        return Sides(ours, theirs)
    ((hash, size_bytes),) = content or {(base.hash, base.size_bytes)}
    mode = theirs.mode if ours.mode is base.mode else ours.mode
    merged = Entry(mode, hash, size_bytes)
    return Sides(merged, merged)


def _find_collisions(names: Iterable[str], mine: Direct, others: Direct) -> set[str]:
    """Return those of ``names`` that cannot stand beside another one of them."""
    by_key: dict[str, list[str]] = {}
    from_ours, from_theirs = False, False
    names = list(names)
    for name in names:
        from_ours = from_ours or name not in others
        from_theirs = from_theirs or name not in mine
    if not (from_ours and from_theirs):
        return set()
    for name in names:
        by_key.setdefault(fold(name), []).append(name)
    return {name for group in by_key.values() if len(group) > 1 for name in group}


def _stays_empty(
    base: Entry | None, other_base: Entry | None, ours: Entry | None, theirs: Entry | None
) -> bool:
    """Return whether a folder that nothing is left in stays; else it goes with its last file."""
    empty, other_empty, mine, others = (
        one is not None and one.hash == EMPTY_TREE_HASH for one in (base, other_base, ours, theirs)
    )
    if mine == others:
        return mine
    return empty != other_empty or not empty


def _is_folder(entry: Entry) -> bool:
    return entry.mode is Mode.FOLDER


def _are_all(modes: Sequence[Mode], *entries: Entry) -> bool:
    return all(entry.mode in modes for entry in entries)


def _folders_in(direct: Direct) -> list[Hash]:
    return [
        entry.hash
        for entry in direct.values()
        if entry.mode is Mode.FOLDER and entry.hash != EMPTY_TREE_HASH
    ]
