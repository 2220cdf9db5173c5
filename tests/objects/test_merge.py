from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import NotFoundError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE, EMPTY_TREE_HASH, decode_tree, encode_tree
from jupyter_mlops.formats.names import fold
from jupyter_mlops.formats.pointer import (
    LISTED_LIMIT,
    FilePointer,
    Pointer,
    TreePointer,
    decode_pointer,
    encode_pointer,
)
from jupyter_mlops.formats.pointer_external import ExternalObject, ExternalPointer
from jupyter_mlops.formats.pointer_source import ImportSource
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.folders import Folder, pointer_hash
from jupyter_mlops.objects.merge import (
    MAX_CONFLICTS,
    MAX_DEPTH,
    Merged,
    compare_pointers,
    merge_pointers,
)
from tests.support.folders import EMPTY_FOLDER, Files, diverged, file, in_form

BALLAST = {
    "none": {},
    "in a folder": {f"ballast/{number}": file("same") for number in range(LISTED_LIMIT + 1)},
    "beside": {f"ballast-{number}": file("same") for number in range(LISTED_LIMIT + 1)},
}
"""Files that nobody changes, by which a pointer takes each of its forms."""


class Shelf:
    """Manifests by their hash, in place of a store."""

    def __init__(self) -> None:
        self.manifests: dict[Hash, bytes] = {EMPTY_TREE_HASH: EMPTY_TREE}

    def read(self, id: Hash) -> Mapping[str, Entry]:
        if id not in self.manifests:
            raise NotFoundError("It is not here.", code="content-missing")
        return decode_tree(self.manifests[id], origin="x")

    def put(self, files: Files, form: str = "") -> TreePointer:
        if form:
            pointer, encoded = in_form(files, form)
            self.manifests.update(encoded)
            return pointer
        pointer, manifests = Folder.of(files).plan_pointer()
        self.manifests.update({id: encode() for id, encode in manifests.items()})
        return pointer

    def files(self, pointer: Pointer) -> Files:
        """Return the files that a pointer names; the pointer itself has the path ''."""
        assert not isinstance(pointer, ExternalPointer)
        if isinstance(pointer, FilePointer):
            return {"": pointer.entry}
        found: Files = {}
        top = self.read(pointer.manifest) if pointer.manifest is not None else pointer.entries
        waiting = [("", top or {})]
        while waiting:
            prefix, direct = waiting.pop()
            for name, entry in direct.items():
                if entry.mode is Mode.FOLDER and entry.hash != EMPTY_TREE_HASH:
                    waiting.append((f"{prefix}{name}/", self.read(entry.hash)))
                else:
                    found[prefix + name] = entry
        return found


def merge(base: Files | None, ours: Files, theirs: Files) -> tuple[Merged, Files, Files]:
    """Return what a merge of listed folders is, and the files that either side comes to."""
    shelf = Shelf()
    bases = [shelf.put(base)] if base is not None else []
    merged = merge_pointers(bases, shelf.put(ours), shelf.put(theirs), shelf.read)
    shelf.manifests.update(merged.manifests)
    return merged, shelf.files(merged.ours), shelf.files(merged.theirs)


def by_path(base: Files, ours: Files, theirs: Files) -> tuple[Files, set[str]]:
    """Return what each path by itself comes to, and the paths that both sides changed."""
    clean: Files = {}
    both: set[str] = set()
    for path in {*base, *ours, *theirs}:
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        if o not in (b, t) and t != b and not _mix(b, o, t):
            both.add(path)
            continue
        entry = _mix(b, o, t) or (t if o == b else o)
        if entry is not None:
            clean[path] = entry
    for path in [path for path, entry in clean.items() if entry == EMPTY_FOLDER]:
        if any(other.startswith(f"{path}/") for other in clean):
            del clean[path]
    return clean, both


def _mix(base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Entry | None:
    """Return the file whose content and whose mode come, each by itself, from who changed it.

    None where both sides changed the content, each in its own way, or where one has no such file.
    """
    if not (base and ours and theirs):
        return None
    if not {base.mode, ours.mode, theirs.mode} <= {Mode.FILE, Mode.EXECUTABLE}:
        return None
    if ours[1:] not in (base[1:], theirs[1:]) and theirs[1:] != base[1:]:
        return None
    content = theirs if ours[1:] == base[1:] else ours
    mode = theirs.mode if ours.mode is base.mode else ours.mode
    return Entry(mode, content.hash, content.size_bytes)


def _is_at(path: str, conflicts: tuple[str, ...]) -> bool:
    """Return whether ``path`` is, lies in or holds one in conflict, on a system that folds case."""
    mine = fold(path) + "/"
    return any(
        mine.startswith(fold(c) + "/") or (fold(c) + "/").startswith(mine) for c in conflicts
    )


@given(diverged())
@settings(max_examples=300)
def test_what_one_side_changed_is_taken_and_the_rest_is_told(made: tuple[Files, ...]) -> None:
    base, ours, theirs = made
    merged, mine, others = merge(base, ours, theirs)
    clean, both = by_path(base, ours, theirs)
    for path in both:
        assert _is_at(path, merged.conflicts), path
    for path in {*clean, *mine, *others}:
        if not _is_at(path, merged.conflicts):
            assert clean.get(path) == mine.get(path) == others.get(path), path
    if not merged.conflicts:
        assert mine == others == clean
    for path in merged.conflicts:
        there = [{p for p in files if _is_at(p, (path,))} for files in (ours, theirs)]
        assert there[0] or there[1], path


@given(diverged())
@settings(max_examples=200)
def test_a_side_of_a_conflict_is_that_side(made: tuple[Files, ...]) -> None:
    base, ours, theirs = made
    merged, mine, others = merge(base, ours, theirs)
    for path in merged.conflicts:
        assert mine.get(path) == ours.get(path) or path not in ours
        assert others.get(path) == theirs.get(path) or path not in theirs
    turned, others_mine, _ = merge(base, theirs, ours)
    assert (turned.ours, turned.theirs) == (merged.theirs, merged.ours)
    assert turned.conflicts == merged.conflicts
    assert others_mine == others


@given(diverged())
@settings(max_examples=100)
def test_a_side_that_changed_nothing_gives_the_other(made: tuple[Files, ...]) -> None:
    base, ours, _ = made
    for sides in ((base, base, ours), (base, ours, base), (base, ours, ours)):
        merged, mine, _ = merge(*sides)
        assert mine == ours
        assert merged.conflicts == ()


@given(diverged(), st.sampled_from(list(BALLAST)), st.lists(st.sampled_from(
    ("listed", "by folders", "by manifest")), min_size=3, max_size=3))  # fmt: skip
@settings(max_examples=100)
def test_the_result_is_canonical_and_the_same_in_any_form(
    made: tuple[Files, ...], ballast: str, forms: list[str]
) -> None:
    plain, *_ = merge(*made)
    shelf = Shelf()
    base, ours, theirs = (
        shelf.put({**files, **BALLAST[ballast]}, form)
        for files, form in zip(made, forms, strict=True)
    )
    merged = merge_pointers([base], ours, theirs, shelf.read)
    shelf.manifests.update(merged.manifests)
    assert merged.conflicts == plain.conflicts
    for pointer in (merged.ours, merged.theirs):
        assert pointer == Folder.of(shelf.files(pointer)).plan_pointer()[0]
        assert decode_pointer(encode_pointer(pointer), origin="x") == pointer
    if ballast == "none":
        assert (merged.ours, merged.theirs) == (plain.ours, plain.theirs)


def test_neighbouring_additions_merge() -> None:
    _, mine, others = merge({"a": file("1")}, {"a": file("1"), "b": file("2")}, {"a": file("1"), "c": file("3")})  # fmt: skip  # noqa: E501
    assert mine == others == {"a": file("1"), "b": file("2"), "c": file("3")}


ONE, TWO, THREE = file("one"), file("two"), file("three")
CONFLICTS: dict[str, tuple[Files | None, Files, Files, tuple[str, ...]]] = {
    "same file": ({"a": ONE}, {"a": TWO}, {"a": THREE}, ("a",)),
    "added on both sides": ({}, {"a": TWO}, {"a": THREE}, ("a",)),
    "no ancestor": (None, {"a": ONE, "b": TWO}, {"b": THREE, "c": ONE}, ("b",)),
    "deleted and changed": ({"a": ONE}, {}, {"a": TWO}, ("a",)),
    "a folder deleted, a file in it changed": (
        {"d/a": ONE, "d/b": ONE},
        {"x": ONE},
        {"d/a": TWO, "d/b": ONE, "d/c": ONE},
        ("d/a",),
    ),
    "both modes": (
        {"a": Entry(Mode.SYMLINK, ONE.hash, 3)},
        {"a": ONE},
        {"a": file("one", executable=True)},
        ("a",),
    ),
    "a file and a folder": ({}, {"d": ONE}, {"d/a": TWO}, ("d",)),
    "names that differ in case": ({}, {"A.txt": ONE}, {"a.txt": ONE}, ("A.txt", "a.txt")),
    "folders that differ in case": ({}, {"D/a": ONE}, {"d/b": ONE}, ("D", "d")),
    "renamed in case, and changed": ({"a": ONE}, {"A": ONE}, {"a": TWO}, ("A", "a")),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_conflicts(name: str) -> None:
    base, ours, theirs, paths = CONFLICTS[name]
    merged, mine, others = merge(base, ours, theirs)
    assert merged.conflicts == paths
    for path in paths:
        for side, result in ((ours, mine), (theirs, others)):
            there = {p: e for p, e in side.items() if f"{p}/".startswith(f"{path}/")}
            assert {p: e for p, e in result.items() if f"{p}/".startswith(f"{path}/")} == there


def test_a_deleted_folder_keeps_what_the_other_side_added() -> None:
    merged, mine, _ = merge({"d/a": ONE}, {}, {"d/a": ONE, "d/new": TWO})
    assert (merged.conflicts, mine) == ((), {"d/new": TWO})


def test_content_and_mode_merge_each_by_itself() -> None:
    merged, mine, _ = merge({"a": ONE}, {"a": TWO}, {"a": file("one", executable=True)})
    assert (merged.conflicts, mine) == ((), {"a": file("two", executable=True)})


def test_an_empty_folder_gives_way_to_files_and_is_kept_without() -> None:
    merged, mine, _ = merge({"e": EMPTY_FOLDER}, {"e/a": ONE}, {"e": EMPTY_FOLDER, "b": ONE})
    assert (merged.conflicts, mine) == ((), {"e/a": ONE, "b": ONE})
    merged, mine, _ = merge({"d/a": ONE, "d/b": ONE}, {"d": EMPTY_FOLDER}, {"d/a": ONE})
    assert (merged.conflicts, mine) == ((), {"d": EMPTY_FOLDER})


def test_a_file_pointer_is_merged_as_a_file() -> None:
    base, ours, theirs = (FilePointer(one) for one in (ONE, TWO, THREE))
    shelf = Shelf()
    assert merge_pointers([base], ours, base, shelf.read).ours == ours
    merged = merge_pointers([base], ours, theirs, shelf.read)
    assert (merged.ours, merged.theirs, merged.conflicts) == (ours, theirs, ("",))
    folder = shelf.put({"x": ONE})
    assert merge_pointers([base], ours, folder, shelf.read).conflicts == ("",)


def test_a_base_that_is_not_decided_decides_nothing() -> None:
    """Both sides took another way out of the conflict in which their common past stands."""
    shelf = Shelf()
    sides = [shelf.put({"a": one, "b": ONE}) for one in (TWO, THREE)]
    assert merge_pointers(sides, sides[0], sides[1], shelf.read).conflicts == ("a",)
    changed = shelf.put({"a": TWO, "b": TWO})
    merged = merge_pointers(sides, changed, sides[1], shelf.read)
    assert merged.conflicts == ("a",)
    assert shelf.files(merged.theirs) == {"a": THREE, "b": TWO}
    assert merge_pointers(sides, changed, sides[0], shelf.read).conflicts == ()


def test_folders_that_nobody_or_one_side_changed_are_not_read() -> None:
    """So a clone that lacks the content merges what does not need it."""
    shelf = Shelf()
    many = BALLAST["in a folder"]
    base = shelf.put({**many, "d/a": ONE, "x": ONE})
    ours = shelf.put({**many, "d/a": TWO, "x": ONE})
    theirs = shelf.put({**many, "d/a": ONE, "x": TWO})
    merged = merge_pointers([base], ours, theirs, Shelf().read)
    assert merged.conflicts == ()
    assert merged.ours == shelf.put({**many, "d/a": TWO, "x": TWO})
    with pytest.raises(NotFoundError):
        theirs = shelf.put({**many, "d/a": ONE, "d/b": ONE})
        merge_pointers([base], ours, theirs, Shelf().read)


def test_the_manifests_are_those_that_the_store_may_lack() -> None:
    """Also those of a side that listed its files, which needed none."""
    shelf = Shelf()
    few = {f"d/{number}": ONE for number in range(600)}
    base, ours = shelf.put({"x": ONE}), shelf.put({**few, "x": ONE})
    theirs = shelf.put({"x": ONE} | {f"e/{number}": ONE for number in range(600)})
    before = dict(shelf.manifests)
    merged = merge_pointers([base], ours, theirs, shelf.read)
    assert isinstance(merged.ours, TreePointer)
    assert merged.ours.entries is not None
    named = {entry.hash for entry in merged.ours.entries.values() if entry.mode is Mode.FOLDER}
    assert merged.manifests.keys() | before.keys() >= named
    assert all(hash_bytes(encoded) == id for id, encoded in merged.manifests.items())
    shelf.manifests.update(merged.manifests)
    wanted = {"x": ONE} | few | {f"e/{number}": ONE for number in range(600)}
    assert Folder.of(shelf.files(merged.ours)).hash == Folder.of(wanted).hash


def test_more_conflicts_than_can_be_told_are_all_marked() -> None:
    names = [f"{number:05}" for number in range(MAX_CONFLICTS + 500)]
    base, ours, theirs = ({name: one for name in names} for one in (ONE, TWO, THREE))
    merged, mine, others = merge(base, ours, theirs)
    assert merged.conflicts == tuple(names[:MAX_CONFLICTS])
    assert (mine, others) == (ours, theirs)


def _chain(shelf: Shelf, bottom: Files, depth: int, names: tuple[str, ...]) -> TreePointer:
    """Return a pointer to a folder of folders, each level the next one by each of ``names``."""
    encoded = encode_tree(bottom)
    for _ in range(depth):
        shelf.manifests[hash_bytes(encoded)] = encoded
        folder = Entry(Mode.FOLDER, hash_bytes(encoded), 0)
        encoded = encode_tree(dict.fromkeys(names, folder))
    shelf.manifests[hash_bytes(encoded)] = encoded
    return TreePointer(manifest=hash_bytes(encoded))


def test_folders_that_name_each_other_cost_no_more_than_they_are() -> None:
    shelf = Shelf()
    base, ours, theirs = (
        _chain(shelf, {"x": one}, 60, ("0", "1", "2")) for one in (ONE, TWO, THREE)
    )
    merged = merge_pointers([base], ours, theirs, shelf.read)
    assert len(merged.conflicts) == MAX_CONFLICTS
    for result, side in ((merged.ours, ours), (merged.theirs, theirs)):
        assert isinstance(result, TreePointer)
        assert pointer_hash(result) == pointer_hash(side)


def test_a_folder_that_is_too_deep_is_refused() -> None:
    shelf = Shelf()
    deep = MAX_DEPTH + 5
    base, ours, theirs = (_chain(shelf, {"x": one}, deep, ("d",)) for one in (ONE, TWO, THREE))
    with pytest.raises(UnsupportedError):
        merge_pointers([base], ours, theirs, shelf.read)


SOURCE = ImportSource("/srv/flowers", "data", "main", "0" * 40, ONE.hash)
NEWER = replace(SOURCE, commit="1" * 40)


def _listed(files: Files, source: ImportSource | None) -> TreePointer:
    return TreePointer(entries=files, source=source)


def test_where_it_was_imported_from_is_merged_by_itself() -> None:
    base = _listed({"a": ONE, "b": ONE}, SOURCE)
    ours = _listed({"a": TWO, "b": ONE}, SOURCE)
    theirs = _listed({"a": ONE, "b": TWO}, NEWER)
    merged = merge_pointers([base], ours, theirs, Shelf().read)
    assert merged.ours == merged.theirs == _listed({"a": TWO, "b": TWO}, NEWER)
    assert merged.conflicts == ()


def test_two_other_sources_are_a_conflict_of_the_path_itself() -> None:
    base = _listed({"a": ONE}, SOURCE)
    other = replace(SOURCE, rev="topic")
    merged = merge_pointers(
        [base], _listed({"a": ONE}, NEWER), _listed({"a": ONE}, other), Shelf().read
    )
    assert merged.conflicts == ("",)
    assert (merged.ours, merged.theirs) == (_listed({"a": ONE}, NEWER), _listed({"a": ONE}, other))


OUTSIDE = ExternalPointer("s3://bucket/x", {"a": ExternalObject(1, "e")})
CHANGED = ExternalPointer("s3://bucket/x", {"a": ExternalObject(2, "f")})
INSIDE = TreePointer(entries={"a": ONE})


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ([OUTSIDE], OUTSIDE, CHANGED, CHANGED),
        ([OUTSIDE], CHANGED, OUTSIDE, CHANGED),
        ([OUTSIDE], CHANGED, CHANGED, CHANGED),
        ([INSIDE], INSIDE, OUTSIDE, OUTSIDE),
        ([INSIDE], OUTSIDE, CHANGED, None),
        ([OUTSIDE], INSIDE, CHANGED, None),
        ([OUTSIDE, CHANGED], OUTSIDE, CHANGED, None),
        ([], OUTSIDE, INSIDE, None),
        ([OUTSIDE], INSIDE, TreePointer(entries={"a": TWO}), None),
    ],
)
def test_what_is_external_is_one_value(
    base: list[Pointer], ours: Pointer, theirs: Pointer, merged: Pointer | None
) -> None:
    found = merge_pointers(base, ours, theirs, Shelf().read)
    assert (found.ours, found.theirs) == ((merged, merged) if merged else (ours, theirs))
    assert bool(found.conflicts) == (merged is None)
    assert bool(compare_pointers(ours, theirs, Shelf().read)) == (ours != theirs)
