from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.formats.conflict import is_in_conflict, join_conflict, split_conflict
from jupyter_mlops.formats.pointer import FilePointer, TreePointer, encode_pointer
from jupyter_mlops.ids import hash_bytes
from tests.support.folders import Files, diverged, file

LISTED = encode_pointer(TreePointer(entries={"a": file("1"), "b": file("2"), "c": file("3")}))
OTHER = encode_pointer(TreePointer(entries={"a": file("1"), "b": file("4"), "c": file("3")}))


@given(diverged(), st.integers(7, 12))
@settings(max_examples=100)
def test_both_versions_come_back(made: tuple[Files, ...], mark_bytes: int) -> None:
    ours, theirs = (encode_pointer(TreePointer(entries=files)) for files in made[1:])
    joined = join_conflict(ours, theirs, mark_bytes=mark_bytes)
    assert split_conflict(joined) == (ours, theirs)
    assert is_in_conflict(joined) == (ours != theirs)


@pytest.mark.parametrize(
    "other",
    [
        encode_pointer(FilePointer(file("1"))),
        encode_pointer(TreePointer(manifest=hash_bytes(b"x"))),
        encode_pointer(TreePointer(entries={})),
    ],
    ids=["file", "manifest", "empty"],
)
def test_pointers_of_two_kinds_come_back(other: bytes) -> None:
    assert split_conflict(join_conflict(LISTED, other)) == (LISTED, other)
    assert split_conflict(join_conflict(other, LISTED)) == (other, LISTED)


def test_marks_stand_around_the_lines_that_differ() -> None:
    lines = join_conflict(LISTED, OTHER).decode().splitlines()
    begin = lines.index("<<<<<<< ours")
    assert ['"a"' in lines[begin - 1], '"b"' in lines[begin + 1], '"b"' in lines[begin + 3]] == [
        True,
        True,
        True,
    ]
    assert [lines[begin + 2], lines[begin + 4]] == ["=======", ">>>>>>> theirs"]
    assert lines[begin + 5 :] == LISTED.decode().splitlines()[-2:]


def test_the_ancestor_that_git_shows_is_passed_over() -> None:
    marked = join_conflict(LISTED, OTHER).replace(b"=======\n", b"||||||| base\nold\n=======\n")
    assert split_conflict(marked) == (LISTED, OTHER)


@pytest.mark.parametrize(
    "marks",
    [
        b"<<<<<<< a\n",
        b"=======\n",
        b">>>>>>> b\n",
        b"<<<<<<< a\n<<<<<<< b\n=======\n>>>>>>> c\n",
        b"<<<<<<< a\n>>>>>>> b\n",
        b"<<<<<<< a\n=======\n=======\n>>>>>>> b\n",
    ],
)
def test_marks_out_of_order_are_refused(marks: bytes) -> None:
    with pytest.raises(ValueError, match="marks"):
        split_conflict(marks)
