"""What Git makes of pointer files where it merges them as text: on forges, and without the tool.

Each line of a pointer stands there once, in one order, and what Git merges without a conflict lies
between lines that all sides share. So it is in order again, and each path is as one of the sides
has it. What is left are names that cannot stand together, which a reader refuses.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.formats.conflict import is_in_conflict
from jupyter_mlops.formats.manifest import decode_tree
from jupyter_mlops.formats.pointer import (
    FilePointer,
    Pointer,
    TreePointer,
    decode_pointer,
    encode_pointer,
)
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.merge import merge_pointers
from jupyter_mlops.snapshots.tracked import content_of
from tests.support.folders import EMPTY_FOLDER, Files, diverged, file, in_form

FORMS = ("listed", "listed", "listed", "by folders", "by manifest")
ALONE = tuple(file(text, executable=bits) for text in ("1", "2", "33") for bits in (False, True))

Sides = tuple[Pointer, Pointer, Pointer]


@st.composite
def sides(draw: st.DrawFn) -> tuple[Sides, dict[Hash, bytes]]:
    """Return a pointer and what two people have made of it, in any forms, and their manifests."""
    manifests: dict[Hash, bytes] = {}
    if draw(st.integers(0, 7)) == 0:
        one, two, three = (FilePointer(draw(st.sampled_from(ALONE))) for _ in range(3))
        return (one, two, three), manifests
    made: list[Pointer] = []
    for files in draw(diverged()):
        pointer, needed = in_form(files, draw(st.sampled_from(FORMS)))
        manifests.update(needed)
        made.append(pointer)
    return (made[0], made[1], made[2]), manifests


def merge_as_text(folder: Path, versions: Sequence[bytes], *options: str) -> bytes | None:
    """Return what ``git merge-file`` makes of base, ours and theirs; None with a conflict."""
    names = []
    for name, version in zip(("base", "ours", "theirs"), versions, strict=True):
        (folder / name).write_bytes(version)
        names.append(name)
    words = ["git", "merge-file", "-p", *options, names[1], names[0], names[2]]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    assert done.returncode < 128, done.stderr
    return done.stdout if done.returncode == 0 else None


def _merge(pointers: Sides, manifests: dict[Hash, bytes]) -> tuple[Pointer, tuple[str, ...]]:
    def read(id: Hash) -> object:
        return decode_tree(manifests[id], origin="x")

    merged = merge_pointers([pointers[0]], pointers[1], pointers[2], read)  # type: ignore[arg-type]
    return merged.ours, merged.conflicts


@pytest.mark.slow
@given(sides())
@settings(
    max_examples=400,
    suppress_health_check=list(HealthCheck),
)
def test_what_git_merges_without_a_word_is_right_or_refused(
    tmp_path: Path, made: tuple[Sides, dict[Hash, bytes]]
) -> None:
    pointers, manifests = made
    text = merge_as_text(tmp_path, [encode_pointer(pointer) for pointer in pointers])
    assume(text is not None)
    assert text is not None
    ours, conflicts = _merge(pointers, manifests)
    try:
        silent = decode_pointer(text, origin="x")
    except IntegrityError as error:
        assert "are one name" in error.message or "cannot stand beside" in error.message
        assert error.hints[0] == "jupyter mlops resolve x --ours"
        assert conflicts or "cannot stand beside" in error.message
        return
    assert encode_pointer(silent) == text
    assert conflicts == ()
    assert content_of(silent) == content_of(ours)


BETWEEN = {name: file("same") for name in ("0", "Z", "d-1", "d.txt", "e", "ez", "zz")}
CLASHES: dict[str, tuple[Files, Files]] = {
    "case": ({"N": file("1")}, {"n": file("1")}),
    "case of folders": ({"N/a": file("1")}, {"n/b": file("1")}),
    "accents": ({"e\u0301": file("1")}, {"é": file("1")}),
    "a file and a folder": ({"d": file("1")}, {"d/x": file("1")}),
}


@pytest.mark.parametrize("name", CLASHES)
def test_names_that_clash_are_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    ours, theirs = CLASHES[name]
    versions = [TreePointer(entries={**BETWEEN, **more}) for more in ({}, ours, theirs)]
    text = merge_as_text(tmp_path, [encode_pointer(version) for version in versions])
    assert text is not None
    with pytest.raises(IntegrityError, match=r"are one name|cannot stand beside") as caught:
        decode_pointer(text, origin="data.mlops")
    assert caught.value.hints[0] == "jupyter mlops resolve data --ours"


@pytest.mark.parametrize("hash", [EMPTY_FOLDER.hash, hash_bytes(b"x")], ids=["empty", "big"])
def test_a_folder_in_one_line_and_by_its_files_is_a_conflict(tmp_path: Path, hash: Hash) -> None:
    sides = {"d": EMPTY_FOLDER._replace(hash=hash)}, {"d/x": file("1")}
    versions = [TreePointer(entries={**BETWEEN, **more}) for more in ({}, *sides)]
    assert merge_as_text(tmp_path, [encode_pointer(version) for version in versions]) is None


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--ours", "--theirs"])
@given(made=sides())
@settings(max_examples=60)
def test_a_side_taken_of_each_conflict_is_a_pointer_or_refused(
    tmp_path: Path, option: str, made: tuple[Sides, dict[Hash, bytes]]
) -> None:
    pointers, _ = made
    text = merge_as_text(tmp_path, [encode_pointer(pointer) for pointer in pointers], option)
    assert text is not None
    try:
        pointer = decode_pointer(text, origin="x")
    except IntegrityError:
        return
    assert encode_pointer(pointer) == text


@pytest.mark.slow
@given(sides())
@settings(max_examples=60)
def test_both_sides_of_each_conflict_are_refused(
    tmp_path: Path, made: tuple[Sides, dict[Hash, bytes]]
) -> None:
    """Git's union driver keeps the lines of both: a path twice, or out of order.

    What is in order nevertheless has nothing in it that neither side has.
    """
    pointers, _ = made
    text = merge_as_text(tmp_path, [encode_pointer(pointer) for pointer in pointers], "--union")
    assert text is not None
    assert not is_in_conflict(text)
    try:
        pointer = decode_pointer(text, origin="x")
    except IntegrityError:
        return
    assert encode_pointer(pointer) == text
    lines = {line for one in pointers[1:] for line in encode_pointer(one).splitlines()}
    assert set(text.splitlines()) <= lines


def test_a_folder_that_becomes_one_line_does_not_outlive_its_deletion(tmp_path: Path) -> None:
    between, inner = {"b.txt": file("same")}, {"x": file("1")}
    by_folders, _ = in_form({**between, "b/x": inner["x"]}, "by folders")
    base = TreePointer(entries={**between, "b/x": inner["x"]})
    versions = [base, by_folders, TreePointer(entries=between)]
    assert merge_as_text(tmp_path, [encode_pointer(version) for version in versions]) is None
