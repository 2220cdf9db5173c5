from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import (
    EMPTY_TREE,
    EMPTY_TREE_HASH,
    ChunkRef,
    FileManifest,
    decode_file_manifest,
    decode_tree,
    encode_file_manifest,
    encode_tree,
)
from jupyter_mlops.ids import hash_bytes
from tests.formats.samples import MANIFEST, TREE, manifests, trees
from tests.support import second_reader

HASH = hash_bytes(b"x")
ENTRY = Entry(Mode.FILE, HASH, 1)


@given(trees)
def test_a_folder_is_read_back_sorted(entries: dict[str, Entry]) -> None:
    data = encode_tree(entries)
    decoded = decode_tree(data, origin="t")
    assert decoded == entries
    assert [name.encode() for name in decoded] == sorted(name.encode() for name in entries)
    second = {
        entry["name"]: (entry["mode"], bytes.fromhex(entry["hash"]), entry["size_bytes"])
        for entry in second_reader.read_tree(data)
    }
    assert second == entries


@given(trees)
def test_the_order_of_a_mapping_does_not_matter(entries: dict[str, Entry]) -> None:
    assert encode_tree(dict(reversed(entries.items()))) == encode_tree(entries)


def test_the_empty_folder_has_one_hash() -> None:
    assert EMPTY_TREE.hex() == "6d6c6f707354520000000000" + "00000000"
    assert EMPTY_TREE_HASH.hex().startswith("0961a07a5704485d")
    assert decode_tree(EMPTY_TREE, origin="t") == {}


def test_a_folder_is_read_from_a_memoryview() -> None:
    assert decode_tree(memoryview(encode_tree(TREE)), origin="t") == TREE


@given(manifests)
def test_a_file_manifest_is_read_back(manifest: FileManifest) -> None:
    data = encode_file_manifest(manifest)
    assert decode_file_manifest(data, origin="f") == manifest
    second = second_reader.read_file_manifest(data)
    assert second["size_bytes"] == manifest.size_bytes
    assert [(bytes.fromhex(c["hash"]), c["size_bytes"]) for c in second["chunks"]] == list(
        manifest.chunks
    )


def _tree(*rows: tuple[int, int, bytes], names: bytes, count: int | None = None) -> bytes:
    head = struct.pack(">8sII", b"mlopsTR\0", len(rows) if count is None else count, len(names))
    return head + b"".join(struct.pack(">BQ32s", *row) for row in rows) + names


ROW = (1, 1, HASH)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it does not begin as one"),
        (b"mlopsTR", "it does not begin as one"),
        (b"mlopsFI\0" + bytes(8), "it does not begin as one"),
        (EMPTY_TREE[:-1], "it is cut short"),
        (EMPTY_TREE + b"\0", "its length is not what its header says"),
        (_tree(count=2**32 - 1, names=b""), "its length is not what its header says"),
        (_tree(ROW, names=b"ab"), "it does not hold a name for each entry"),
        (_tree(ROW, names=b"a\0b\0"), "it does not hold a name for each entry"),
        (_tree(ROW, names=b""), "it does not hold a name for each entry"),
        (_tree(ROW, names=b"\xff\0"), "a name is not UTF-8"),
        (_tree(ROW, names=b"\xed\xb3\xbf\0"), "a name is not UTF-8"),
        (_tree((0, 1, HASH), names=b"a\0"), "'a' has the unknown mode 0"),
        (_tree((5, 1, HASH), names=b"a\0"), "'a' has the unknown mode 5"),
        (_tree((4, 1, HASH), names=b"a\0"), "the entry 'a' is refused: a folder's size is 0"),
        (_tree((1, 2**63, HASH), names=b"a\0"), "the entry 'a' is refused: its size"),
        (_tree(ROW, names=b"..\0"), "the entry '..' is refused: it holds '..'"),
        (_tree(ROW, names=b".Git\0"), "the entry '.Git' is refused"),
        (_tree(ROW, names=b"a/b\0"), "the entry 'a/b' is refused: it holds a '/'"),
        (_tree(ROW, names=b"a\n\0"), "control character"),
        (_tree(ROW, names=b"\0"), "the entry '' is refused: it is empty"),
        (_tree(ROW, ROW, names=b"b\0a\0"), "'a' stands after 'b'"),
        (_tree(ROW, ROW, names=b"a\0a\0"), "'a' stands after 'a'"),
        (_tree(ROW, ROW, names=b"A\0a\0"), "'A' and 'a' are one name on many systems"),
    ],
)
def test_a_folder_that_is_not_one_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_tree(data, origin="abc")
    assert caught.value.message.startswith("The folder manifest abc is damaged: ")
    assert reason in caught.value.message
    assert caught.value.code == "manifest-damaged"
    with pytest.raises(second_reader.NotValid):
        second_reader.read_tree(data)


def _file(size_bytes: int, *rows: tuple[int, bytes], count: int | None = None) -> bytes:
    head = struct.pack(">8sQI", b"mlopsFI\0", size_bytes, len(rows) if count is None else count)
    return head + b"".join(struct.pack(">I32s", *row) for row in rows)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it does not begin as one"),
        (EMPTY_TREE, "it does not begin as one"),
        (_file(1, (1, HASH))[:19], "it is cut short"),
        (_file(1, (1, HASH))[:-1], "its length is not what its header says"),
        (_file(1, (1, HASH)) + b"\0", "its length is not what its header says"),
        (_file(1, count=2**32 - 1), "its length is not what its header says"),
        (_file(0), "it names no chunk"),
        (_file(1, (1, HASH), (0, HASH)), "it names an empty chunk"),
        (_file(3, (1, HASH), (1, HASH)), "its chunks do not add up to its size"),
    ],
)
def test_a_file_manifest_that_is_not_one_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_file_manifest(data, origin="abc")
    assert caught.value.message == f"The file manifest abc is damaged: {reason}."
    with pytest.raises(second_reader.NotValid):
        second_reader.read_file_manifest(data)


def test_a_newer_format_asks_for_an_upgrade() -> None:
    with pytest.raises(UnsupportedError) as caught:
        decode_tree(b"mlopsTR\x01", origin="t")
    assert caught.value.code == "format-newer"
    with pytest.raises(UnsupportedError):
        decode_file_manifest(b"mlopsFI\x07and more", origin="t")


@given(st.data())
def test_a_changed_byte_is_refused_or_says_something_else(data: st.DataObject) -> None:
    tree = bytearray(encode_tree(TREE))
    file = bytearray(encode_file_manifest(MANIFEST))
    for original in (tree, file):
        position = data.draw(st.integers(0, len(original) - 1))
        original[position] ^= data.draw(st.integers(1, 255))
    try:
        second_reader.read_tree(bytes(tree))
    except (second_reader.NotValid, second_reader.Newer):
        with pytest.raises((IntegrityError, UnsupportedError)):
            decode_tree(tree, origin="t")
    else:
        assert encode_tree(decode_tree(tree, origin="t")) == tree
    try:
        second_reader.read_file_manifest(bytes(file))
    except (second_reader.NotValid, second_reader.Newer):
        with pytest.raises((IntegrityError, UnsupportedError)):
            decode_file_manifest(file, origin="f")
    else:
        assert encode_file_manifest(decode_file_manifest(file, origin="f")) == file


@pytest.mark.parametrize(
    "entries",
    [{"a/b": ENTRY}, {"": ENTRY}, {".git": ENTRY}, {"a": ENTRY, "A": ENTRY}],
)
def test_a_folder_that_would_be_refused_is_not_written(entries: dict[str, Entry]) -> None:
    with pytest.raises(ValueError):
        encode_tree(entries)


@pytest.mark.parametrize(
    "manifest",
    [
        FileManifest(0, ()),
        FileManifest(2, (ChunkRef(HASH, 1),)),
        FileManifest(1, (ChunkRef(HASH, 1), ChunkRef(HASH, 0))),
    ],
)
def test_a_file_manifest_that_would_be_refused_is_not_written(manifest: FileManifest) -> None:
    with pytest.raises(ValueError):
        encode_file_manifest(manifest)
