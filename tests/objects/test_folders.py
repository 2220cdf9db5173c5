from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError, NotFoundError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH, encode_tree
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import LISTED_LIMIT, TreePointer
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.folders import (
    Folder,
    pointer_hash,
    read_folder,
    write_folder,
)
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.objects.writer import open_writer


def _file(name: str) -> Entry:
    return Entry(Mode.FILE, hash_bytes(name.encode()), len(name))


def _flat(count: int, prefix: str = "") -> dict[str, Entry]:
    return {f"{prefix}{number:05d}": _file(f"{prefix}{number}") for number in range(count)}


_EMPTY = Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0)


def _round_trip(store: Store, entries: dict[str, Entry]) -> TreePointer:
    with open_writer(store) as writer:
        pointer = write_folder(writer, Folder.of(entries))
        writer.finish()
    assert read_folder(open_store(store.folder), pointer) == dict(sorted(entries.items()))
    assert pointer_hash(pointer) == Entry(Mode.FOLDER, Folder.of(entries).hash, 0)
    return pointer


def test_few_files_are_listed_with_nothing_in_the_store(store: Store) -> None:
    entries = _flat(LISTED_LIMIT - 2) | {"sub/x": _file("x"), "sub/empty": _EMPTY}
    pointer = _round_trip(store, entries)
    assert pointer.entries == entries
    assert not store.folder.exists()


def test_more_files_are_their_folders(store: Store) -> None:
    entries = _flat(700, "a/") | _flat(700, "b/c/") | {"x": _file("x"), "e": _EMPTY}
    pointer = _round_trip(store, entries)
    assert pointer.entries is not None
    assert {path: entry.mode for path, entry in pointer.entries.items()} == {
        "a": Mode.FOLDER,
        "b": Mode.FOLDER,
        "e": Mode.FOLDER,
        "x": Mode.FILE,
    }
    assert pointer.entries["e"] == _EMPTY


def test_many_direct_entries_are_one_manifest(store: Store) -> None:
    entries = _flat(LISTED_LIMIT + 1)
    pointer = _round_trip(store, entries)
    assert (pointer.entries, pointer.manifest) == (None, Folder.of(entries).hash)


def test_an_empty_folder(store: Store) -> None:
    pointer = _round_trip(store, {})
    assert pointer.entries == {}
    assert Folder.of({}).hash == EMPTY_TREE_HASH


def test_equal_content_has_one_hash_whatever_the_form() -> None:
    entries = _flat(5, "a/") | {"b": _file("b"), "c/d": _EMPTY}
    inner = {f"{number:05d}": _file(f"a/{number}") for number in range(5)}
    folded = {
        "a": Entry(Mode.FOLDER, hash_bytes(encode_tree(inner)), 0),
        "b": _file("b"),
        "c": Entry(Mode.FOLDER, Folder.of({"d": _EMPTY}).hash, 0),
    }
    whole = Folder.of(entries).hash
    for pointer in (
        TreePointer(entries=entries, manifest=None),
        TreePointer(entries=folded, manifest=None),
        TreePointer(entries=None, manifest=whole),
    ):
        assert pointer_hash(pointer).hash == whole


def test_a_missing_manifest_is_missing_content(store: Store) -> None:
    pointer = TreePointer(entries=None, manifest=hash_bytes(b"nowhere"))
    with pytest.raises(NotFoundError) as caught:
        read_folder(store, pointer)
    assert caught.value.code == "content-missing"


def test_a_path_that_two_parts_name_is_damage(store: Store) -> None:
    with open_writer(store) as writer:
        encoded = encode_tree({"x": _file("x")})
        writer.add_bytes(RecordKind.TREE, inner := hash_bytes(encoded), encoded)
        writer.finish()
    both = {"a": Entry(Mode.FOLDER, inner, 0), "a/x": _file("other")}
    with pytest.raises(IntegrityError):
        read_folder(store, TreePointer(entries=both, manifest=None))


_PARTS = st.sampled_from(["a", "b", "c", "é", "x y"])
_PATHS = st.lists(_PARTS, min_size=1, max_size=4).map("/".join)


@given(st.sets(_PATHS, max_size=30))
@settings(max_examples=100)
def test_folding_and_unfolding_agree(paths: set[str]) -> None:
    files = {p for p in paths if not any(other.startswith(p + "/") for other in paths)}
    entries = {path: _file(path) for path in sorted(files)}
    pointer, manifests = Folder.of(entries).plan_pointer()
    assert pointer.entries == entries and not manifests
    assert Folder.of(entries).hash == Folder.of(dict(sorted(entries.items(), reverse=True))).hash


def test_folders_may_be_as_deep_as_a_path_allows() -> None:
    path = "/".join("d" * 2000)
    assert Folder.of({path: _file("x")}).hash == Folder.of({path: _file("x")}).hash
    assert pointer_hash(TreePointer(entries={path: _file("x")})).mode is Mode.FOLDER


def test_manifests_that_name_each_other_are_counted_before_they_are_unfolded(store: Store) -> None:
    below = _file("x")
    with open_writer(store) as writer:
        for _ in range(60):
            encoded = encode_tree({"a": below, "b": below})
            id = hash_bytes(encoded)
            writer.add_bytes(RecordKind.TREE, id, encoded)
            below = Entry(Mode.FOLDER, id, 0)
        writer.finish()
    with pytest.raises(UnsupportedError) as caught:
        read_folder(open_store(store.folder), TreePointer(manifest=below.hash))
    assert caught.value.code == "folder-too-big"
