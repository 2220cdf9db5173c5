from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError, UnavailableError
from jupyter_mlops.files.batch import Batch
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from tests.support.disks import mount_tmpfs
from tests.support.system_steps import fail_with, run_watched

linux = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")


@pytest.fixture
def tree(tmp_path: Path) -> WorkTree:
    (tmp_path / "w").mkdir()
    return WorkTree(tmp_path / "w", tmp_path / "st")


def _write(batch: Batch, path: str, content: bytes, mode: Mode = Mode.FILE) -> None:
    fd = batch.open_file(path, mode)
    os.write(fd, content)
    os.close(fd)


def test_a_folder_on_another_disk_is_filled_as_any_other(tree: WorkTree, tmp_path: Path) -> None:
    (tree.root / "d" / "disk").mkdir(parents=True)
    with mount_tmpfs(tree.root / "d" / "disk", "4m"):
        (tree.root / "d/disk/old").write_bytes(b"old")

        with tree.open_batch("d") as batch:
            _write(batch, "d/disk/old", b"new")
            _write(batch, "d/disk/run", b"run", Mode.EXECUTABLE)
            _write(batch, "d/disk/deep/er/x", b"x" * 3_000_000)
            _write(batch, "d/here", b"here")
            batch.add_link("d/disk/link", "old")
            batch.apply()

        assert tree.read("d/disk/old") == b"new"
        assert tree.read("d/disk/deep/er/x") == b"x" * 3_000_000
        assert os.readlink(tree.root / "d/disk/link") == "old"
        assert os.access(tree.root / "d/disk/run", os.X_OK)
        assert stat.S_IMODE(os.stat(tree.root / "d/disk/old").st_mode) == 0o644
        assert sorted(os.listdir(tree.root / "d/disk")) == ["deep", "link", "old", "run"]
        assert tree.read("d/here") == b"here"


def test_another_disk_that_is_full_keeps_its_file(tree: WorkTree) -> None:
    (tree.root / "d" / "disk").mkdir(parents=True)
    with mount_tmpfs(tree.root / "d" / "disk", "1m"):
        (tree.root / "d/disk/old").write_bytes(b"old")
        with tree.open_batch("d") as batch:
            _write(batch, "d/disk/old", b"new" * 1_000_000)
            with pytest.raises(UnavailableError) as caught:
                batch.apply()
        assert caught.value.code == "disk-full"
        assert tree.read("d/disk/old") == b"old"
        assert os.listdir(tree.root / "d/disk") == ["old"]


def test_a_staging_folder_that_vanished_is_said(tree: WorkTree, tmp_path: Path) -> None:
    with tree.open_batch("d") as batch:
        _write(batch, "d/x", b"x")
        for folder in (tmp_path / "st").iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)
        for stage in (
            lambda: batch.open_file("d/y", Mode.FILE),
            lambda: batch.open_file("e/y", Mode.FILE),
            lambda: batch.add_link("d/link", "x"),
        ):
            with pytest.raises(UnavailableError):
                stage()
    assert os.listdir(tree.root) == []


def test_a_deleted_file_makes_room_for_a_folder_with_files_deep_in_it(tree: WorkTree) -> None:
    tree.write_file("d/name", b"old")
    with tree.open_batch("d") as batch:
        _write(batch, "d/name/deep/x", b"new")
        batch.delete("d/name")
        batch.apply()
    assert tree.read("d/name/deep/x") == b"new"


def test_a_file_that_is_not_deleted_makes_no_room(tree: WorkTree) -> None:
    tree.write_file("d/name", b"mine")
    tree.write_file("d/other", b"mine")
    with tree.open_batch("d") as batch:
        _write(batch, "d/name/deep/x", b"new")
        batch.delete("d/other")
        with pytest.raises(ConflictError) as caught:
            batch.apply()
    assert caught.value.code == "not-a-folder"
    assert (tree.read("d/name"), tree.read("d/other")) == (b"mine", b"mine")


def test_a_folder_that_still_holds_something_is_not_deleted(tree: WorkTree) -> None:
    tree.write_file("d/folder/mine", b"mine")
    with tree.open_batch("d") as batch:
        batch.delete("d/folder")
        batch.apply()
    assert tree.read("d/folder/mine") == b"mine"

    with tree.open_batch("d") as batch:
        batch.delete("d/folder")
        _write(batch, "d/folder", b"file")
        with pytest.raises(ConflictError) as caught:
            batch.apply()
    assert caught.value.code == "not-a-file"
    assert tree.read("d/folder/mine") == b"mine"


def test_an_absent_folder_hides_no_refusal_in_the_next(tree: WorkTree) -> None:
    tree.write_file("d/zz/mine", b"mine")
    with tree.open_batch("d") as batch:
        for path in ("d/absent/x", "d/absent/y", "d/zz"):
            _write(batch, path, b"new")
        with pytest.raises(ConflictError) as caught:
            batch.apply()
    assert caught.value.code == "not-a-file"
    assert os.listdir(tree.root / "d") == ["zz"], "it is refused before anything changes"
    assert os.listdir(tree.root / "d" / "zz") == ["mine"]


def test_an_absent_folder_hides_no_link_on_the_way_to_the_next(
    tree: WorkTree, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tree.root / "link").symlink_to(tmp_path / "outside")
    with tree.open_batch("") as batch:
        for path in ("absent/x", "link/x"):
            _write(batch, path, b"new")
        with pytest.raises(ConflictError) as caught:
            batch.apply()
    assert caught.value.code == "link-on-the-way"
    assert os.listdir(tree.root) == ["link"]
    assert os.listdir(tmp_path / "outside") == []


def test_a_link_may_reach_all_of_its_folder_and_no_more(tree: WorkTree) -> None:
    with tree.open_batch("d") as batch:
        for path, target in (("d/a/b/one", "../../x"), ("d/two", "x"), ("d/a/three", "..")):
            batch.add_link(path, target, within="d")
        for path, target in (
            ("d/a/b/four", "../../../x"),
            ("d/five", "../x"),
            ("d/e/six", "../.."),
        ):
            with pytest.raises(ConflictError):
                batch.add_link(path, target, within="d")
        batch.apply()
    assert sorted(os.listdir(tree.root / "d")) == ["a", "two"]


def test_folders_outside_what_a_batch_is_about_stay(tree: WorkTree) -> None:
    tree.write_file("a/d/deep/x", b"x")
    with tree.open_batch("a/d") as batch:
        batch.delete("a/d/deep/x")
        batch.apply()
    assert os.listdir(tree.root / "a" / "d") == []


def test_a_link_that_goes_is_not_followed(tree: WorkTree, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"mine")
    (tree.root / "link").symlink_to(tmp_path / "outside")
    with tree.open_batch("") as batch:
        batch.delete("link")
        batch.apply()
    assert os.listdir(tree.root) == []
    assert (tmp_path / "outside" / "file").read_bytes() == b"mine"


@linux
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_rename_that_fails_leaves_the_file_and_nothing_else(
    tree: WorkTree, tmp_path: Path, number: int
) -> None:
    tree.write_file("d/x", b"old")

    def change() -> None:
        with tree.open_batch("d") as batch:
            _write(batch, "d/x", b"new")
            batch.apply()

    ended = run_watched(change, tmp_path, {"os.replace": fail_with(number)})

    assert ended.code in {"write-failed", "disk-full"}
    assert tree.read("d/x") == b"old"
    assert os.listdir(tree.root / "d") == ["x"]
    assert os.listdir(tmp_path / "st") == []


@linux
def test_a_new_folder_that_cannot_be_moved_in_fails(tree: WorkTree, tmp_path: Path) -> None:
    def change() -> None:
        with tree.open_batch("d") as batch:
            _write(batch, "d/new/x", b"new")
            batch.apply()

    assert (
        run_watched(change, tmp_path, {"os.replace": fail_with(errno.EIO)}).code == "write-failed"
    )
    assert os.listdir(tmp_path / "st") == []


def _staged_in(folder: Path) -> bool:
    return any(name.startswith(STAGED_PREFIX) for name in os.listdir(folder))


def test_staging_is_on_the_disk_of_the_files(tree: WorkTree, tmp_path: Path) -> None:
    (tree.root / "disk").mkdir()
    with mount_tmpfs(tree.root / "disk", "4m"):
        with tree.open_batch("disk/d") as batch:
            _write(batch, "disk/d/x", b"x")
            assert _staged_in(tree.root / "disk")
            batch.apply()
        assert tree.read("disk/d/x") == b"x"
        assert os.listdir(tree.root / "disk") == ["d"]
        assert not (tmp_path / "st").exists()
        with tree.open_batch("disk/d") as batch:
            _write(batch, "disk/d/x", b"again")
            assert _staged_in(tree.root / "disk"), "not in what the batch is about"
        with tree.open_batch("disk") as batch:
            _write(batch, "disk/y", b"y")
            assert _staged_in(tree.root / "disk")
            batch.apply()
        assert sorted(os.listdir(tree.root / "disk")) == ["d", "y"]
    assert os.listdir(tree.root) == ["disk"]


@linux
def test_a_copy_to_another_disk_is_durable_before_it_replaces(
    tree: WorkTree, tmp_path: Path
) -> None:
    (tree.root / "d" / "disk").mkdir(parents=True)
    with mount_tmpfs(tree.root / "d" / "disk", "4m"):

        def change() -> None:
            with tree.open_batch("d") as batch:
                _write(batch, "d/disk/x", b"x")
                batch.apply()

        steps = run_watched(change, tree.root / "d" / "disk").steps
    beside = ".mlops-tmp-*"
    assert steps == [f"sync {beside}", f"replace {beside} x", "sync ."]


def test_a_path_is_staged_once_and_never_through_a_link(tree: WorkTree, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    with tree.open_batch("d") as batch:
        _write(batch, "d/x", b"x")
        with pytest.raises(UnavailableError):
            batch.open_file("d/x", Mode.FILE)
        (staged,) = (tmp_path / "st").glob("*/*")
        (staged / "y").symlink_to(tmp_path / "mine")
        with pytest.raises(UnavailableError):
            batch.open_file("d/y", Mode.FILE)
    assert (tmp_path / "mine").read_bytes() == b"mine"
