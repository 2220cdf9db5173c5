from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import (
    MAX_POINTER_BYTES,
    FilePointer,
    Pointer,
    TreePointer,
    decode_pointer,
    encode_pointer,
)
from jupyter_mlops.formats.pointer_external import ExternalObject, ExternalPointer
from jupyter_mlops.ids import Hash, hash_bytes
from tests.formats.samples import POINTERS, SOURCE, pointers
from tests.support import second_reader

ENTRY = Entry(Mode.FILE, hash_bytes(b"x"), 1)
FILE = encode_pointer(FilePointer(ENTRY)).decode()
LISTED = encode_pointer(TreePointer(entries={"a": ENTRY, "b": ENTRY})).decode()
MANIFEST = encode_pointer(TreePointer(manifest=ENTRY.hash)).decode()
HASH = "blake3:" + ENTRY.hash.hex()
IMPORTED = encode_pointer(FilePointer(ENTRY, SOURCE)).decode()
OUTSIDE = encode_pointer(
    ExternalPointer("s3://bucket/x", {"": ExternalObject(1, "e", "v")})
).decode()
OBJECTS = encode_pointer(
    ExternalPointer("s3://bucket/x", {"a": ExternalObject(1), "b": ExternalObject(1)})
).decode()
MANY_OBJECTS = OBJECTS.partition('  { path = "a"')[0] + "".join(
    f'  {{ path = "{number:06}", size_bytes = 1 }},\n' for number in range(100_001)
)
LINE_A, LINE_B = LISTED.splitlines(keepends=True)[4:6]


@given(pointers)
def test_what_is_written_is_read_back(pointer: Pointer) -> None:
    data = encode_pointer(pointer)
    assert decode_pointer(data, origin="p") == pointer
    second_reader.read_pointer(data)


@given(pointers)
def test_every_toml_reader_understands_it(pointer: Pointer) -> None:
    values = tomllib.loads(encode_pointer(pointer).decode())
    if isinstance(pointer, ExternalPointer):
        assert values["url"] == pointer.url
        assert ("objects" in values) == pointer.is_folder
        return
    assert ("source" in values) == (pointer.source is not None)
    if isinstance(pointer, FilePointer):
        assert values["hash"] == "blake3:" + pointer.entry.hash.hex()
    elif pointer.entries is not None:
        found = {entry["path"]: entry["size_bytes"] for entry in values["entries"]}
        assert found == {path: entry.size_bytes for path, entry in pointer.entries.items()}
    else:
        assert values["manifest"].startswith("blake3:")


@pytest.mark.parametrize("pointer", POINTERS.values(), ids=POINTERS.keys())
def test_the_first_line_tells_how_to_get_the_content(pointer: Pointer) -> None:
    first = encode_pointer(pointer).decode().splitlines()[0]
    assert first.startswith("# ")
    assert "pip install jupyter-mlops" in first
    assert "jupyter mlops restore" in first


def test_an_addition_is_one_line_more() -> None:
    before = LISTED.splitlines()
    after = encode_pointer(TreePointer(entries={"a": ENTRY, "ab": ENTRY, "b": ENTRY})).decode()
    assert [line for line in after.splitlines() if line not in before] == [
        f'  {{ path = "ab", hash = "{HASH}", size_bytes = 1, mode = "100644" }},'
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("hello\n", "it is not TOML"),
        ("{}", "it is not TOML"),
        (FILE.replace("mode", "modes"), "it has the unknown key 'modes'"),
        (FILE + 'url = "x"\n', "it has the unknown key 'url'"),
        (FILE.replace('mode = "100644"\n', ""), "it has no mode"),
        (FILE.replace("format = 0\n", ""), "it has no format"),
        (FILE.replace('"100644"', '"100600"'), "its mode '100600' is unknown"),
        (FILE.replace('"100644"', '"120000"'), "a file's mode is 100644 or 100755, not 120000"),
        (FILE.replace('"100644"', '"040000"'), "a folder's size is 0"),
        (FILE.replace("= 1\n", "= -1\n"), "its size_bytes is -1"),
        (FILE.replace("= 1\n", "= 01\n"), "it is not TOML"),
        (FILE.replace("= 1\n", "= 9999999999999999999\n"), "its size 9999999999999999999 is not"),
        (FILE.replace("= 1\n", "= 9223372036854775808\n"), "its size 9223372036854775808 is not"),
        (FILE.replace("= 1\n", f"= {'9' * 5000}\n"), "it is not TOML"),
        (FILE.replace("= 1\n", "= 1.0\n"), "its size_bytes is 1.0"),
        (FILE.replace("= 1\n", "= true\n"), "its size_bytes is true"),
        (FILE.replace("blake3:", "sha256:"), "its hash 'sha256:"),
        (FILE.replace(HASH, HASH.upper()), "its hash 'BLAKE3:"),
        (FILE.replace("format = 0", "format = -1"), "its format is -1"),
        (FILE.replace('"file"', '"model"'), "its kind 'model' is not 'file', 'tree' or 'external'"),
        (FILE.replace('kind = "file"\n', ""), "it has no kind"),
        (FILE.replace('"file"', "3"), "its kind 3 is not 'file', 'tree' or 'external'"),
        (FILE.replace("= 1\n", "=  1\n"), "another form"),
        (FILE.replace("= 1\n", "= 0x1\n"), "another form"),
        (FILE + "\n", "another form"),
        (FILE + "# mine\n", "another form"),
        (FILE.rstrip("\n"), "another form"),
        (FILE.split("\n", 1)[1], "another form"),
        (FILE.replace("\n", "\r\n"), "its lines end in CR LF"),
        ("\ufeff" + FILE, "it is not TOML"),
        (LISTED.replace('"a"', '"../a"'), "the entry '../a' is refused: it holds '..'"),
        (LISTED.replace('"a"', '".git"'), "the entry '.git' is refused: it holds '.git', which"),
        (LISTED.replace('"a"', '"/a"'), "the entry '/a' is refused: it is absolute"),
        (LISTED.replace('"a"', '"a\\\\b"'), "is refused: it holds a backslash"),
        (LISTED.replace('"a"', '"a\\u0000"'), "is refused: it holds the control character"),
        (LISTED.replace('"a"', '"a\x01"'), "is refused: it holds the control character"),
        (LISTED.replace('"a"', '"B"'), "'B' and 'b' are one name on many systems"),
        (LISTED.replace('"b"', '"s/c:d"'), "the entry 's/c:d' is refused: it begins with a drive"),
        (LISTED.replace('"a"', '"b"'), "'b' stands there twice"),
        (LISTED.replace('"b"', '"a/b"'), "'a' cannot stand beside 'a/b'"),
        (LISTED.replace(LINE_A + LINE_B, LINE_B + LINE_A), "'a' stands after 'b'"),
        (
            LISTED.replace(', mode = "100644" }', " }", 1),
            "its entry 'a' is refused: it has no mode",
        ),
        (LISTED.replace(" }", ", time = 3 }", 1), "its entry 'a' has the unknown key 'time'"),
        (LISTED.replace(LINE_A, "  3,\n"), "its entry 1 is not a table"),
        (LISTED.replace(LINE_A, LINE_A + "\n"), "another form"),
        (LISTED.replace("format = 0\n", ""), "it has no format"),
        (LISTED + "\n", "another form"),
        (LISTED + f'manifest = "{HASH}"\n', "it has either entries or a manifest"),
        (MANIFEST.replace("manifest", "entries"), "its entries are not a list"),
        (MANIFEST.replace(f'manifest = "{HASH}"\n', ""), "it has either entries or a manifest"),
        (MANIFEST.replace(HASH, HASH[:-1]), "is not 'blake3:' and 64 hexadecimal digits"),
        (MANIFEST + "size_bytes = 3\n", "it has the unknown key 'size_bytes'"),
        (FILE.replace('"file"', "0x" + "f" * 9000), "its kind a huge number is not"),
        (FILE.replace('kind = "file"', "kind" + ".x" * 9 + " = 3"), "its kind a table is not"),
        (FILE + f'"{"k" * 9000}" = 1\n', "it has the unknown key 'kkkk"),
        (FILE.replace('"100644"', "[]"), "its mode a list is unknown"),
        (LISTED.replace('"a"', "3"), "its entry 3 is refused: its path is 3"),
        (LISTED.replace('"a"', f'"{"a" * 9000}"'), "is refused: it is longer than 4096 bytes"),
        ("x = " + "[" * 100_000, "it is nested too deeply"),
        (f"<<<<<<< HEAD\n{FILE}=======\n{FILE}>>>>>>> x\n", "a merge that is not finished"),
        ("x" * (2 * 1024**2), "it is not in the form that snapshot writes"),
        ("x" * (MAX_POINTER_BYTES + 1), f"it is larger than {MAX_POINTER_BYTES} bytes"),
    ],
)
def test_anything_else_is_refused_with_file_reason_and_mend(text: str, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_pointer(text.encode(), origin="my data/x.csv.mlops")
    error = caught.value
    assert error.message.startswith("The pointer file my data/x.csv.mlops is not valid: ")
    assert reason in error.message
    assert "\n" not in error.message
    assert len(error.message) < 400
    assert error.code == "pointer-invalid"
    if "one name" in reason or "beside" in reason:  # so it comes of a merge as text
        sides = ("--ours", "--theirs")
        assert error.hints == tuple(f"jupyter mlops resolve 'my data/x.csv' {s}" for s in sides)
    elif "CR LF" not in reason:
        assert error.hints == ("git checkout HEAD -- 'my data/x.csv.mlops'",)
    with pytest.raises((second_reader.NotValid, second_reader.Newer)):
        second_reader.read_pointer(text.encode())


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(IntegrityError, match="it is not UTF-8 text"):
        decode_pointer(b"\xff\xfe", origin="p")


def test_a_file_beside_a_folder_of_its_name_comes_of_a_merge_as_text() -> None:
    folder = LINE_A.replace("size_bytes = 1", "size_bytes = 0").replace("100644", "040000")
    with pytest.raises(IntegrityError) as caught:
        decode_pointer(LISTED.replace(LINE_A, LINE_A + folder).encode(), origin="data.mlops")
    assert "the file 'a' cannot stand beside the folder" in caught.value.message
    assert caught.value.hints[0] == "jupyter mlops resolve data --ours"


def test_in_a_revision_the_hint_shows_its_history() -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_pointer(b"", origin="v1:data/x.mlops")
    assert caught.value.hints == ("git log --oneline -- data/x.mlops",)


@pytest.mark.parametrize("text", [FILE, LISTED, MANIFEST, "format = 0\nnew = true\n"])
def test_a_newer_format_asks_for_an_upgrade(text: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        decode_pointer(text.replace("format = 0", "format = 1").encode(), origin="p")
    assert caught.value.code == "format-newer"
    assert caught.value.hints == ("pip install --upgrade jupyter-mlops",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (IMPORTED.replace("source = {", "source = [{"), "it is not TOML"),
        (IMPORTED.replace("commit =", "at ="), "its source has the unknown key 'at'"),
        (IMPORTED.replace(f', commit = "{"6f" * 20}"', ""), "its source has no commit"),
        (IMPORTED.replace("6f6f", "main"), "is not the full id of one"),
        (IMPORTED.replace("6f6f", "6F6F"), "is not the full id of one"),
        (IMPORTED.replace('"main"', '"-main"'), "begins with a hyphen"),
        (IMPORTED.replace('"main"', '""'), "it is empty"),
        (IMPORTED.replace('"main"', "1"), "the rev of its source is no text"),
        (IMPORTED.replace('"main"', f'"{"x" * 256}"'), "longer than 255 bytes"),
        (IMPORTED.replace('"main"', r'"\u001b[31m"'), "control character"),
        (IMPORTED.replace("data/", "../"), "the path of its source is refused"),
        (IMPORTED.replace("data/", ".git/"), "which belongs to Git"),
        (IMPORTED.replace("github.com", "me:pass@github.com"), "a user or a password"),
        (IMPORTED.replace("github.com", "token@github.com"), "a user or a password"),
        (IMPORTED.replace("https://github.com/us", "ext::sh -c x"), "it is none of"),
        (IMPORTED.replace("https://github.com/us/flowers", "-x"), "begins with a hyphen"),
        (IMPORTED.replace("https://github.com/us/flowers", "ssh://-x/y"), "it is none of"),
        (IMPORTED.replace("https://github.com/us/flowers", "-oProxyCommand=x:y"), "hyphen"),
        (IMPORTED.replace("flowers", "x?token=1"), "it is none of"),
        (IMPORTED.replace("flowers", "x" * 2048), "longer than 2048 bytes"),
        (IMPORTED.replace('" }\n', '"}\n'), "another form"),
        (OUTSIDE.replace("url", "at"), "it has the unknown key 'at'"),
        (OUTSIDE.replace('url = "s3://bucket/x"\n', ""), "it has no url"),
        (OUTSIDE.replace("bucket", "me:pass@bucket"), "a user or a password"),
        (OUTSIDE.replace("bucket", "token@bucket"), "a user or a password"),
        (OUTSIDE.replace("s3://bucket/x", "ftp://bucket/x"), "it is no URL of a place"),
        (OUTSIDE.replace("s3://bucket/x", "x"), "it is no URL of a place"),
        (OUTSIDE.replace("bucket/x", "bucket/x?token=1"), "it is no URL of a place"),
        (OUTSIDE.replace("size_bytes = 1\n", ""), "either objects or a size_bytes"),
        (OUTSIDE.replace("= 1\n", "= -1\n"), "size"),
        (OUTSIDE.replace("= 1\n", "= 9223372036854775808\n"), "size"),
        (OUTSIDE.replace('"e"', '""'), "has the etag"),
        (OUTSIDE.replace('"e"', f'"{"e" * 257}"'), "has the etag"),
        (OUTSIDE.replace('"e"', '"\u00e9"'), "has the etag"),
        (OUTSIDE.replace('"v"', '"v v"'), "has the version"),
        (OUTSIDE.replace('etag = "e"\nversion = "v"\n', 'version = "v"\netag = "e"\n'), "form"),
        (OBJECTS.replace('"a"', '"../a"'), "the object '../a' is refused"),
        (OBJECTS.replace('"a"', '"b"'), "'b' stands there twice"),
        (OBJECTS.replace('"a"', '"c"'), "'b' stands after 'c'"),
        (OBJECTS.replace('"a"', '"B"'), "are one name on many systems"),
        (OBJECTS.replace('"a"', '"b/c"'), "after"),
        (OBJECTS.replace('"a"', '""'), "no path"),
        (OBJECTS.replace("size_bytes = 1 }", "size_bytes = true }"), "has the size_bytes true"),
        (OBJECTS.replace(", size_bytes = 1 }", " }"), "size_bytes"),
        (OBJECTS.replace("size_bytes = 1 }", "size_bytes = 1, hash = 1 }"), "unknown key 'hash'"),
        (OBJECTS + "size_bytes = 1\n", "either objects or a size_bytes"),
        (MANY_OBJECTS, "more than 100,000 objects"),
    ],
)
def test_what_is_wrong_with_a_source_or_with_external_data_is_said(text: str, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_pointer(text.encode(), origin="p")
    assert caught.value.code == "pointer-invalid"
    assert reason in caught.value.message
    assert "pass" not in caught.value.message.replace("a password", "")
    with pytest.raises(second_reader.NotValid):
        second_reader.read_pointer(text.encode())


@given(st.data())
def test_a_changed_byte_is_refused_or_says_something_else(data: st.DataObject) -> None:
    for text in (FILE, LISTED, MANIFEST, IMPORTED, OUTSIDE, OBJECTS):
        original = text.encode()
        position = data.draw(st.integers(0, len(original) - 1))
        changed = bytearray(original)
        changed[position] ^= data.draw(st.integers(1, 255))
        _both_agree(bytes(changed))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _both_agree(data)


def _both_agree(data: bytes) -> None:
    """Both readers take it, and it is the one encoding of what it says; or both refuse it."""
    try:
        second_reader.read_pointer(data)
    except (second_reader.NotValid, second_reader.Newer):
        with pytest.raises((IntegrityError, UnsupportedError)):
            decode_pointer(data, origin="p")
    else:
        assert encode_pointer(decode_pointer(data, origin="p")) == data


@pytest.mark.parametrize(
    "pointer",
    [
        FilePointer(Entry(Mode.FOLDER, ENTRY.hash, 0)),
        FilePointer(Entry(Mode.SYMLINK, ENTRY.hash, 3)),
        FilePointer(Entry(Mode.FILE, Hash(b""), 3)),
        TreePointer(entries={"..": ENTRY}),
        TreePointer(entries={"a": ENTRY, "A": ENTRY}),
        TreePointer(entries={"a": Entry(Mode.FOLDER, ENTRY.hash, 3)}),
        FilePointer(ENTRY, replace(SOURCE, commit="main")),
        FilePointer(ENTRY, replace(SOURCE, url="https://me:pass@host/x")),
        ExternalPointer("https://me:pass@host/x", {"": ExternalObject(1)}),
        ExternalPointer("s3://bucket", {"": ExternalObject(1), "a": ExternalObject(1)}),
        ExternalPointer("s3://bucket", {"a": ExternalObject(-1)}),
        ExternalPointer("s3://bucket", {"a": ExternalObject(1, 'e"')}),
        ExternalPointer("s3://bucket", {"a": ExternalObject(1, None, "v v")}),
        TreePointer(entries={f"{n:04}{'x' * 240}/{'x' * 250}": ENTRY for n in range(30_000)}),
    ],
)
def test_what_would_be_refused_is_not_written(pointer: Pointer) -> None:
    with pytest.raises(ValueError):
        encode_pointer(pointer)


def test_a_tree_pointer_says_one_thing() -> None:
    with pytest.raises(ValueError):
        TreePointer()
    with pytest.raises(ValueError):
        TreePointer(entries={}, manifest=ENTRY.hash)


def test_more_entries_than_a_writer_lists_are_read() -> None:
    pointer = TreePointer(entries={f"{n:05}": ENTRY for n in range(1_500)})
    assert decode_pointer(encode_pointer(pointer), origin="p") == pointer
