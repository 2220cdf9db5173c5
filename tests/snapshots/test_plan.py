from __future__ import annotations

from collections.abc import Mapping

import pytest

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.files.stat_cache import make_rows
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH
from jupyter_mlops.formats.pointer import FilePointer, TreePointer
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.snapshots.plan import PathPlan, plan_path
from jupyter_mlops.snapshots.scan import Present, ScannedPart

FOLDER = Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0)


def _file(content: str) -> Entry:
    return Entry(Mode.FILE, hash_bytes(content.encode()), len(content))


def _parts(entries: Mapping[str, Entry]) -> dict[str, ScannedPart]:
    parts: dict[str, dict[str, Entry]] = {"": {}}
    for path, entry in entries.items():
        parent, slash, name = path.rpartition("/")
        parts.setdefault(parent + slash, {})[name] = entry
    return {
        prefix: ScannedPart(prefix, make_rows({}, {}), changed=found)
        for prefix, found in parts.items()
    }


def _plan(
    wanted: Mapping[str, Entry] | None,
    present: Mapping[str, Entry] | None,
    git_files: tuple[str, ...] = (),
) -> PathPlan:
    pointer = None
    if wanted is not None:
        is_file = "" in wanted
        pointer = FilePointer(wanted[""]) if is_file else TreePointer(dict(wanted), None)
    seen = None
    if present is not None:
        seen = Present("data", "" not in present, _parts(present), git_files)
    return plan_path("data", pointer, wanted or {}, seen)


def test_what_is_the_same_stays() -> None:
    plan = _plan({"a": _file("1"), "b": _file("2")}, {"a": _file("1"), "b": _file("2")})
    assert not plan.moves
    assert (plan.unchanged_count, plan.written_count, plan.deleted_count) == (2, 0, 0)


def test_what_differs_is_written_and_what_is_too_much_deleted() -> None:
    plan = _plan(
        {"same": _file("1"), "edited": _file("new"), "new": _file("n")},
        {"same": _file("1"), "edited": _file("old"), "gone": _file("g")},
    )
    assert plan.write == ("edited", "new")
    assert plan.delete == ("gone",)
    assert plan.overwritten == {"edited": _file("old"), "gone": _file("g")}
    assert (plan.unchanged_count, plan.written_bytes) == (1, 4)


def test_nothing_there_yet() -> None:
    plan = _plan({"a": _file("1"), "hollow": FOLDER}, None)
    assert plan.write == ("a", "hollow")
    assert (plan.written_count, plan.overwritten) == (1, {})


def test_folders_that_nothing_is_left_in() -> None:
    present = {"keep/a": _file("1"), "keep/sub/b": _file("1"), "go/deep/c": _file("1")}
    plan = _plan({"keep/a": _file("1")}, present)
    assert plan.delete == ("go/deep/c", "keep/sub/b")
    assert plan.empty == ("go", "go/deep", "keep/sub")


def test_an_empty_folder_that_is_not_wanted_is_no_file() -> None:
    plan = _plan({"a": _file("1")}, {"a": _file("1"), "hollow": FOLDER})
    assert (plan.delete, plan.empty, plan.deleted_count) == ((), ("hollow",), 0)
    assert plan.moves


def test_a_folder_that_becomes_hollow() -> None:
    plan = _plan({"hollow": FOLDER}, {"hollow/a": _file("1")})
    assert (plan.write, plan.delete, plan.empty) == (("hollow",), ("hollow/a",), ())


def test_an_empty_folder_is_made_where_there_is_none() -> None:
    assert _plan({}, None).makes_folder
    assert _plan({}, {"": _file("1")}).makes_folder
    assert not _plan({}, {}).moves


def test_a_folder_gives_way_to_a_file() -> None:
    plan = _plan({"": _file("f")}, {"sub/a": _file("1")})
    assert (plan.write, plan.delete, plan.empty) == (("",), ("sub/a",), ("", "sub"))


def test_a_file_gives_way_to_a_folder() -> None:
    plan = _plan({"a": _file("1")}, {"": _file("f")})
    assert (plan.write, plan.delete, plan.empty) == (("a",), ("",), ())


def test_nothing_shall_be_there() -> None:
    assert _plan(None, {"sub/a": _file("1")}).empty == ("", "sub")
    assert _plan(None, {"": _file("1")}).delete == ("",)
    assert not _plan(None, None).moves


@pytest.mark.parametrize(
    "wanted, git_files",
    [
        ({"code.py": _file("x")}, ("code.py",)),
        ({"code.py/inside": _file("x")}, ("code.py",)),
        ({"src": _file("x")}, ("src/code.py",)),
        ({"": _file("x")}, ("src/code.py",)),
    ],
)
def test_files_of_git_are_in_the_way(
    wanted: Mapping[str, Entry], git_files: tuple[str, ...]
) -> None:
    with pytest.raises(ConflictError) as caught:
        _plan(wanted, {"a": _file("1")}, git_files)
    assert caught.value.code == "tracked-by-git"


def test_a_single_file_of_git_is_neither_overwritten_nor_deleted() -> None:
    for wanted in ({"": _file("2")}, {"a": _file("2")}, None):
        with pytest.raises(ConflictError):
            _plan(wanted, {"": _file("1")}, ("",))


def test_files_of_git_beside_are_not() -> None:
    plan = _plan({"a": _file("2"), "src/b": _file("3")}, {"a": _file("1")}, ("src/code.py",))
    assert plan.write == ("a", "src/b")
