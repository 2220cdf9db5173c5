from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UnavailableError
from jupyter_mlops.files.beneath import Way
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.files.folder_tree import FolderTree
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from tests.support.disks import make_read_only
from tests.support.system_steps import fail_with, run_watched


@pytest.fixture(params=["beside", "staging"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> WorkTree:
    root = tmp_path / "project"
    root.mkdir()
    return WorkTree(root, tmp_path / "git" / "staging" if request.param == "staging" else None)


def _files(folder: Path) -> dict[str, bytes | str]:
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if STAGED_PREFIX in name:
            continue
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = path.read_bytes()
        elif not any(path.iterdir()):
            found[name] = "folder"
    return found


def test_a_file_is_written_read_and_removed(tree: WorkTree) -> None:
    tree.write_file("a/b/c.txt", b"one")
    tree.write_file("a/b/c.txt", b"two", Mode.EXECUTABLE)

    assert tree.read("a/b/c.txt") == b"two"
    found = tree.stat("a/b/c.txt")
    assert found is not None and found.mode is Mode.EXECUTABLE and found.path == "c.txt"
    assert _files(tree.root) == {"a/b/c.txt": b"two"}
    assert tree.unlink("a/b/c.txt") is True
    assert tree.unlink("a/b/c.txt") is False
    assert tree.unlink("a/x/c.txt") is False
    tree.remove_empty_folders("a/b")
    assert _files(tree.root) == {}
    assert tree.stat("a/b/c.txt") is None


def test_permissions_are_those_that_the_user_asks_for(tree: WorkTree) -> None:
    before = os.umask(0o027)
    try:
        tree.write_file("x", b"")
        tree.write_file("run", b"", Mode.EXECUTABLE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tree.root / "x").st_mode) == 0o640
    assert stat.S_IMODE(os.stat(tree.root / "run").st_mode) == 0o750


_BAD = ["", "/etc/x", "../x", "a/../x", "a//b", ".git/config", "a/.GIT/x", "a\x00b", "a\\b", "."]


@pytest.mark.parametrize("path", _BAD)
def test_bad_paths_are_refused_by_every_call(tree: WorkTree, path: str) -> None:
    with tree.open_batch("") as batch:
        calls: list[Callable[[], object]] = [
            lambda: tree.read(path),
            lambda: tree.stat(path),
            lambda: tree.write_file(path, b""),
            lambda: tree.unlink(path),
            lambda: tree.make_folder(path),
            lambda: tree.remove_empty_folders(path),
            lambda: batch.open_file(path, Mode.FILE),
            lambda: batch.add_link(path, "x"),
            lambda: batch.add_folder(path),
            lambda: batch.delete(path),
        ]
        for call in calls:
            with pytest.raises(MlopsError) as caught:
                call()
            assert caught.value.code in ("path-refused", "link-leaves-folder")
    assert _files(tree.root) == {}


def test_nothing_goes_through_a_link(tree: WorkTree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (tree.root / "link").symlink_to(outside)
    (tree.root / "file-link").symlink_to(outside / "secret")
    before = _files(outside)

    with pytest.raises(ConflictError) as caught:
        tree.read("file-link")
    assert caught.value.code == "link-on-the-way"
    for call in (
        lambda: tree.read("link/secret"),
        lambda: tree.write_file("link/new", b"x"),
        lambda: tree.write_file("link/deep/new", b"x"),
        lambda: tree.unlink("link/secret"),
        lambda: tree.make_folder("link/folder"),
    ):
        with pytest.raises(ConflictError) as caught:
            call()
        assert caught.value.code == "link-on-the-way"
    with tree.open_batch("other") as batch:
        os.close(batch.open_file("fine", Mode.FILE))
        os.close(batch.open_file("link/new", Mode.FILE))
        with pytest.raises(ConflictError):
            batch.apply()
    assert _files(outside) == before
    assert not (tree.root / "fine").exists()


def test_writing_over_a_link_replaces_the_link_not_its_target(
    tree: WorkTree, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    (tree.root / "x").symlink_to(target)
    tree.write_file("x", b"new")
    assert target.read_bytes() == b"mine"
    assert not (tree.root / "x").is_symlink()


def test_reading_has_a_limit_and_only_reads_files(tree: WorkTree) -> None:
    tree.write_file("x", b"12345")
    assert tree.read("x", limit_bytes=5) == b"12345"
    with pytest.raises(ConflictError) as caught:
        tree.read("x", limit_bytes=4)
    assert caught.value.code == "file-too-big"
    assert [tree.read_head("x", most) for most in (3, 9, None)] == [b"123", b"12345", b"12345"]
    with pytest.raises(NotFoundError):
        tree.read("y")
    with pytest.raises(NotFoundError):
        tree.read("no/folder/y")
    tree.make_folder("d")
    with pytest.raises(ConflictError):
        tree.read("d")
    os.mkfifo(tree.root / "pipe")
    with pytest.raises(ConflictError):
        tree.read("pipe")
    with pytest.raises(ConflictError):
        tree.read("x/y")


def test_a_batch_changes_nothing_before_it_is_applied(tree: WorkTree) -> None:
    tree.write_file("data/old", b"old")
    tree.write_file("data/gone/deep/file", b"x")
    tree.write_file("data/becomes-folder", b"x")
    tree.write_file("data/becomes-file/inner", b"x")
    before = _files(tree.root)
    with tree.open_batch("data") as batch:
        for path in ("data/old", "data/new/file", "data/becomes-folder/x", "data/becomes-file"):
            fd = batch.open_file(path, Mode.FILE)
            os.write(fd, path.encode())
            os.close(fd)
        batch.add_link("data/new/link", "../old", within="data")
        batch.add_folder("data/empty")
        for path in ("data/gone/deep/file", "data/becomes-folder", "data/becomes-file/inner"):
            batch.delete(path)
        batch.delete("data/never/was")
        assert _files(tree.root) == before
        batch.apply()
    assert _files(tree.root) == {
        "data/old": b"data/old",
        "data/new/file": b"data/new/file",
        "data/new/link": "../old",
        "data/becomes-folder/x": b"data/becomes-folder/x",
        "data/becomes-file": b"data/becomes-file",
        "data/empty": "folder",
    }


def test_a_batch_that_is_not_applied_leaves_nothing(tree: WorkTree, tmp_path: Path) -> None:
    with tree.open_batch("data") as batch:
        os.close(batch.open_file("data/x", Mode.FILE))
    assert _files(tree.root) == {}
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_the_folder_of_a_batch_stays_when_all_in_it_goes(tree: WorkTree) -> None:
    tree.write_file("data/x/y", b"")
    with tree.open_batch("data") as batch:
        batch.delete("data/x/y")
        batch.apply()
    assert _files(tree.root) == {"data": "folder"}


def test_a_folder_in_the_way_of_a_file_is_never_removed(tree: WorkTree) -> None:
    tree.write_file("data/mine", b"x")
    with pytest.raises(ConflictError) as caught:
        tree.write_file("data", b"y")
    assert caught.value.code == "not-a-file"
    assert tree.read("data/mine") == b"x"
    with pytest.raises(ConflictError):
        tree.unlink("data")
    with pytest.raises(ConflictError):
        tree.write_file("data/mine/x", b"y")


def test_links_stay_inside_the_tracked_folder(tree: WorkTree) -> None:
    with tree.open_batch("data") as batch:
        batch.add_link("data/a/link", "../x", within="data")
        with pytest.raises(ConflictError) as caught:
            batch.add_link("data/link", "../x", within="data")
        batch.apply()
    assert caught.value.code == "link-leaves-folder"
    assert " link -> ../x " in caught.value.message
    assert _files(tree.root) == {"data/a/link": "../x"}


def _stage(tree: WorkTree, *paths: str) -> None:
    with tree.open_batch("data") as batch:
        for path in paths:
            os.close(batch.open_file(path, Mode.FILE))
        batch.apply()


def test_a_new_folder_moves_in_whole_and_one_that_stands_is_filled(tree: WorkTree) -> None:
    tree.write_file("data/old/mine", b"x")
    stood = os.stat(tree.root / "data/old").st_ino

    _stage(tree, "data/old/a", "data/new/b", "data/new/deep/c", "data/new-too")

    assert sorted(_files(tree.root)) == [
        *("data/new-too", "data/new/b", "data/new/deep/c", "data/old/a", "data/old/mine"),
    ]
    assert os.stat(tree.root / "data/old").st_ino == stood


@pytest.mark.skipif(sys.platform != "linux", reason="groups are handed down otherwise elsewhere")
def test_new_folders_take_the_group_of_the_one_they_are_in(tree: WorkTree) -> None:
    tree.make_folder("data")
    (tree.root / "data").chmod(0o2775)

    _stage(tree, "data/new/deep/x")

    for folder in ("data/new", "data/new/deep"):
        assert os.stat(tree.root / folder).st_mode & stat.S_ISGID


def test_new_folders_have_the_permissions_that_the_user_asks_for(tree: WorkTree) -> None:
    before = os.umask(0o027)
    try:
        _stage(tree, "data/new/x")
    finally:
        os.umask(before)
    for folder in ("data", "data/new"):
        assert stat.S_IMODE(os.stat(tree.root / folder).st_mode) == 0o750


def test_empty_folders_are_removed_up_to_where_it_is_said(tree: WorkTree) -> None:
    tree.make_folder("a/b/c")
    tree.remove_empty_folders("a/b/c", stop="a")
    assert _files(tree.root) == {"a": "folder"}
    tree.write_file("a/x", b"")
    tree.make_folder("a/b")
    tree.remove_empty_folders("a/b")
    assert _files(tree.root) == {"a/x": b""}


def test_a_way_refuses_a_missing_root(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError), Way(tmp_path / "nowhere") as way:
        way.to("")


def test_a_folder_reads_as_a_tree(tree: WorkTree) -> None:
    for path in ("b/x", "a", "b.txt"):
        tree.write_file(path, path.encode())
    (tree.root / ".git").mkdir()
    (tree.root / ".git" / "config").write_bytes(b"")
    (tree.root / "link").symlink_to("a")
    folder = FolderTree(tree.root)
    assert list(folder.iter_paths()) == ["a", "b.txt", "b/x"]
    assert folder.read("b/x") == b"b/x"
    assert list(folder.read_many(["b/x", "nowhere", "a"])) == [("b/x", b"b/x"), ("a", b"a")]
    with pytest.raises(NotFoundError):
        folder.read("nowhere")


def test_renaming_moves_files_and_folders_and_never_overwrites(tree: WorkTree) -> None:
    tree.write_file("old/x", b"x")
    tree.rename("old", "new/deep")
    assert _files(tree.root) == {"new/deep/x": b"x"}
    tree.write_file("other", b"y")
    with pytest.raises(ConflictError) as caught:
        tree.rename("other", "new/deep/x")
    assert caught.value.code == "path-exists"
    with pytest.raises(NotFoundError):
        tree.rename("nowhere", "made/not")
    assert _files(tree.root) == {"new/deep/x": b"x", "other": b"y"}


def test_what_cannot_be_read_or_moved_is_said_in_one_sentence(tree: WorkTree) -> None:
    tree.write_file("a", b"a")
    tree.write_file("folder/x", b"x")
    with pytest.raises(MlopsError) as caught:
        tree.rename("folder", "folder/inner/deep")
    assert caught.value.code == "write-failed"
    with pytest.raises(MlopsError) as caught:
        tree.make_folder("a/inner")
    assert caught.value.code == "not-a-folder"
    assert tree.read("folder/x") == b"x"


def test_a_tree_on_a_read_only_disk_says_so_and_keeps_all(tree: WorkTree) -> None:
    tree.write_file("d/x", b"mine")
    with make_read_only(tree.root.parent):
        for change in (
            lambda: tree.write_file("d/x", b"new"),
            lambda: tree.unlink("d/x"),
            lambda: tree.rename("d/x", "d/y"),
            lambda: tree.make_folder("d/e"),
        ):
            with pytest.raises(UnavailableError) as caught:
                change()
            assert caught.value.code == "read-only"
        tree.remove_empty_folders("d")
    assert _files(tree.root) == {"d/x": b"mine"}


def test_empty_folders_go_from_where_something_is(tree: WorkTree) -> None:
    tree.make_folder("a/b")
    tree.remove_empty_folders("a/b/c/d")
    assert _files(tree.root) == {}
    assert os.listdir(tree.root) == []


def test_clearing_takes_what_dead_writers_left_beside_files(tree: WorkTree) -> None:
    tree.write_file("d/deep/x", b"x")
    for folder in ("d/deep", "d", "."):
        (tree.root / folder / f"{STAGED_PREFIX}0").write_bytes(b"half")
    assert tree.clear("d/deep") == 2
    assert tree.clear() == 1
    assert tree.clear("d") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_what_the_system_refuses_is_told_apart(tree: WorkTree) -> None:
    tree.write_file("d/x", b"mine")
    for name, number, attempt, code in (
        ("os.open", errno.EACCES, lambda: tree.read("d/x"), "read-only"),
        ("os.open", errno.EACCES, lambda: tree.stat("d/x"), "read-only"),
        ("os.replace", errno.ENOENT, lambda: tree.rename("d/x", "d/y"), "path-not-found"),
        ("os.replace", errno.EXDEV, lambda: tree.rename("d/x", "d/y"), "write-failed"),
        ("os.unlink", errno.EIO, lambda: tree.unlink("d/x"), "write-failed"),
        ("os.mkdir", errno.ENOSPC, lambda: tree.make_folder("e"), "disk-full"),
        ("os.write", errno.ENOSPC, lambda: tree.write_file("d/x", b"new"), "disk-full"),
    ):
        ended = run_watched(attempt, tree.root, {name: fail_with(number)})
        assert ended.code == code, (name, number)
    assert _files(tree.root) == {"d/x": b"mine"}


def test_staging_stands_beside_what_it_is_for(tree: WorkTree) -> None:
    tree.write_file("d/x", b"")
    with tree.open_batch("d") as batch:
        os.close(batch.open_file("d/y", Mode.FILE))
        place = tree.staging or tree.root
        assert [name for name in os.listdir(place) if name.startswith(STAGED_PREFIX)]
        assert os.listdir(tree.root / "d") == ["x"]
