"""Bytes are made durable before a name stands for them, and the name before the call returns."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.files.durable import (
    clear_staging,
    link_aside,
    make_folder,
    open_staging,
    publish_all,
    remove,
    write_atomic,
)
from jupyter_mlops.files.lock import hold_lock
from jupyter_mlops.files.sync import sync_paths, tells_failures
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from tests.support.system_steps import BROKEN_DISK, NO_LINKS, NO_LOCKS, fail_with, run_watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")


@pytest.fixture
def tree(tmp_path: Path) -> WorkTree:
    (tmp_path / "w").mkdir()
    (tmp_path / "st").mkdir()
    return WorkTree(tmp_path / "w", tmp_path / "st")


def _steps(work: Callable[[], object], top: Path) -> list[str]:
    ended = run_watched(work, top)
    assert ended.code is None
    return ended.steps


def _open_below(top: Path) -> list[str]:
    """Return what this process has open below ``top``."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return [path for path in found if Path(path).is_relative_to(top)]


def _inside_staging(steps: list[str]) -> list[str]:
    """Return the steps between the making of a staging folder and its removal."""
    assert steps[0] == "mkdir st/.mlops-tmp-*"
    assert steps[-2:] == ["rmdir st/.mlops-tmp-*", "unlink st/.mlops-tmp-*.lock"]
    return [step.replace("st/.mlops-tmp-*/", "") for step in steps[1:-2]]


def test_a_file_is_written_by_its_bytes_its_name_its_folder(tmp_path: Path) -> None:
    assert _steps(lambda: write_atomic(tmp_path / "a/b/file", b"x"), tmp_path) == [
        *("mkdir a", "mkdir a/b", "sync .", "sync a"),
        *("sync a/b/.mlops-tmp-*", "replace a/b/.mlops-tmp-* a/b/file", "sync a/b"),
    ]


def test_a_cache_is_not_synced(tmp_path: Path) -> None:
    assert _steps(lambda: write_atomic(tmp_path / "file", b"x", durable=False), tmp_path) == [
        "replace .mlops-tmp-* file",
    ]


def test_a_new_name_is_linked_so_that_it_replaces_nothing(tmp_path: Path) -> None:
    def write() -> None:
        write_atomic(tmp_path / "file", b"x", overwrite=False)

    assert _steps(write, tmp_path) == [
        *("sync .mlops-tmp-*", "link .mlops-tmp-* file", "unlink .mlops-tmp-*", "sync ."),
    ]
    assert run_watched(write, tmp_path).code == "name-taken"


def test_many_files_are_named_when_all_are_synced_and_folders_come_last(tmp_path: Path) -> None:
    (tmp_path / "st").mkdir()

    def publish() -> None:
        with open_staging(tmp_path / "st") as staging:
            files = []
            for name in ("x", "y"):
                staged = staging.create()
                staged.write(b"x")
                staged.sync()
                files.append((staged, tmp_path / "p" / name / "file"))
            publish_all(files)

    assert _inside_staging(_steps(publish, tmp_path)) == [
        *("sync *", "sync *", "mkdir p", "mkdir p/x", "mkdir p/y"),
        *("link * p/x/file", "unlink *", "link * p/y/file", "unlink *"),
        *("sync p/y", "sync p/x", "sync p", "sync ."),
    ]


def test_a_folder_that_another_process_made_is_synced_as_well(tmp_path: Path) -> None:
    (tmp_path / "p" / "x").mkdir(parents=True)
    (tmp_path / "st").mkdir()

    def publish() -> None:
        with open_staging(tmp_path / "st") as staging, staging.create() as staged:
            staged.sync()
            publish_all([(staged, tmp_path / "p/x/file")])

    steps = _inside_staging(_steps(publish, tmp_path))
    assert steps == ["sync *", "link * p/x/file", "unlink *", "sync p/x", "sync p"]


def test_what_is_there_already_needs_no_step(tmp_path: Path) -> None:
    assert _steps(lambda: make_folder(tmp_path), tmp_path) == []
    assert _steps(lambda: remove(tmp_path / "nowhere", durable=True), tmp_path) == []


def test_a_durable_removal_syncs_the_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x")
    assert _steps(lambda: remove(tmp_path / "a"), tmp_path) == ["unlink a"]
    assert _steps(lambda: remove(tmp_path / "b", durable=True), tmp_path) == ["unlink b", "sync ."]


def test_a_second_name_is_durable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    steps = _steps(lambda: link_aside(tmp_path / "file", tmp_path / "aside"), tmp_path)

    assert steps == ["mkdir aside", "sync .", "link file aside/file", "sync aside"]


def test_without_second_names_a_copy_is_durable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 9_000_000)
    (tmp_path / "aside").mkdir()

    def set_aside() -> None:
        link_aside(tmp_path / "file", tmp_path / "aside")

    assert run_watched(set_aside, tmp_path, NO_LINKS).steps == [
        *("sync aside/.mlops-tmp-*", "rename aside/.mlops-tmp-* aside/file"),
        *("sync aside", "sync ."),
    ]
    assert (tmp_path / "aside/file").read_bytes() == b"x" * 9_000_000


def test_without_second_names_a_new_name_still_replaces_nothing(tmp_path: Path) -> None:
    def write() -> None:
        write_atomic(tmp_path / "file", b"new", overwrite=False)

    first = run_watched(write, tmp_path, NO_LINKS)
    assert first.steps == ["sync .mlops-tmp-*", "rename .mlops-tmp-* file", "sync ."]
    assert run_watched(write, tmp_path, NO_LINKS).code == "name-taken"
    assert os.listdir(tmp_path) == ["file"]


def test_other_failures_of_a_second_name_are_no_reason_to_overwrite(tmp_path: Path) -> None:
    def write() -> None:
        write_atomic(tmp_path / "file", b"new", overwrite=False)

    full = run_watched(write, tmp_path, {"os.link": fail_with(errno.ENOSPC)})

    assert full.code == "disk-full"
    assert full.steps == ["sync .mlops-tmp-*", "unlink .mlops-tmp-*"]


def test_without_locks_writing_works_all_the_same(tmp_path: Path, tree: WorkTree) -> None:
    write = run_watched(lambda: write_atomic(tmp_path / "file", b"x"), tmp_path, NO_LOCKS)
    assert write.code is None
    assert (tmp_path / "file").read_bytes() == b"x"
    assert run_watched(lambda: tree.write_file("x", b"y"), tmp_path, NO_LOCKS).code is None
    assert tree.read("x") == b"y"


@pytest.mark.parametrize("exists", [True, False])
def test_a_disk_that_does_not_take_the_bytes_gets_no_name(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "file").write_bytes(b"old")

    ended = run_watched(lambda: write_atomic(tmp_path / "file", b"new"), tmp_path, BROKEN_DISK)

    assert ended.code == "write-failed"
    assert ended.steps == ["unlink .mlops-tmp-*"]
    assert os.listdir(tmp_path) == ["file"] * exists
    assert not exists or (tmp_path / "file").read_bytes() == b"old"


def test_a_disk_that_does_not_take_the_bytes_changes_no_file_of_the_user(
    tmp_path: Path, tree: WorkTree
) -> None:
    tree.write_file("x", b"old")

    ended = run_watched(lambda: tree.write_file("x", b"new"), tmp_path, BROKEN_DISK)

    assert ended.code == "write-failed"
    assert tree.read("x") == b"old"
    assert os.listdir(tmp_path / "st") == []


def test_a_file_of_the_user_is_replaced_when_its_bytes_are_durable(
    tmp_path: Path, tree: WorkTree
) -> None:
    tree.write_file("n/x", b"old")

    steps = _inside_staging(_steps(lambda: tree.write_file("n/x", b"new"), tmp_path))

    assert steps == ["mkdir 0", "sync 0/x", "replace 0/x w/n/x", "sync w/n", "rmdir 0"]


def test_a_new_folder_comes_in_whole_and_durable(tmp_path: Path, tree: WorkTree) -> None:
    steps = _inside_staging(_steps(lambda: tree.write_file("n/x", b"new"), tmp_path))

    assert steps == ["mkdir 0", "sync 0/x", "replace 0 w/n", "sync w", "sync w/n"]


def test_a_batch_syncs_all_bytes_then_names_then_every_folder_it_touched(
    tmp_path: Path, tree: WorkTree
) -> None:
    for path in ("d/old", "d/gone/deep/file", "d/stays"):
        tree.write_file(path, b"old")

    def change() -> None:
        with tree.open_batch("d") as batch:
            for path in ("d/old", "d/new/x"):
                os.close(batch.open_file(path, Mode.FILE))
            batch.add_link("d/new/link", "x")
            batch.add_folder("d/empty/deep")
            batch.delete("d/gone/deep/file")
            batch.apply()

    assert _inside_staging(_steps(change, tmp_path)) == [
        *("mkdir 0", "mkdir 1", "symlink 1/link", "sync 0/old", "sync 1/x"),
        *("unlink w/d/gone/deep/file", "rmdir w/d/gone/deep", "rmdir w/d/gone"),
        *("mkdir w/d/empty", "mkdir w/d/empty/deep", "replace 1 w/d/new", "replace 0/old w/d/old"),
        *("sync w/d", "sync w/d/empty", "sync w/d/new", "rmdir 0"),
    ]


def test_renaming_and_removing_sync_the_folders(tmp_path: Path, tree: WorkTree) -> None:
    tree.write_file("n/x", b"")

    assert _steps(lambda: tree.rename("n/x", "m/y"), tmp_path) == [
        *("mkdir w/m", "sync w/m", "sync w", "replace w/n/x w/m/y", "sync w/m", "sync w/n"),
    ]
    assert _steps(lambda: tree.unlink("m/y"), tmp_path) == ["unlink w/m/y", "sync w/m"]
    assert _steps(lambda: tree.unlink("m/y"), tmp_path) == []
    assert _steps(lambda: tree.make_folder("k/l"), tmp_path) == [
        *("mkdir w/k", "mkdir w/k/l", "sync w/k/l", "sync w/k", "sync w"),
    ]


def test_few_files_are_synced_one_by_one_and_many_by_their_file_system(tmp_path: Path) -> None:
    names = [f"{number:02}" for number in range(65)]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    paths = [str(tmp_path / name) for name in names]

    def sync(count: int, by_folder: bool) -> list[str]:
        def work() -> None:
            fd = os.open(tmp_path, os.O_RDONLY)
            sync_paths(paths[:count], fd if by_folder else None)

        return _steps(work, tmp_path)

    one_by_one = [f"sync {name}" for name in names]
    assert sync(64, True) == one_by_one[:64]
    assert sync(65, True) == ([] if tells_failures(os.uname().release) else one_by_one)
    assert sync(65, False) == one_by_one


def test_nothing_stays_open(tmp_path: Path, tree: WorkTree) -> None:
    write_atomic(tmp_path / "a/file", b"x")
    with open_staging(tmp_path / "tmp") as staging:
        staged = staging.create()
        staged.sync()
        publish_all([(staged, tmp_path / "p/file")])
    tree.write_file("d/deep/x", b"x")
    tree.read("d/deep/x")
    tree.stat("d/deep/x")
    tree.rename("d/deep", "e")
    for refused in (lambda: tree.read("e"), lambda: tree.write_file("e", b"")):
        with pytest.raises(ConflictError):
            refused()
    tree.make_folder("f/g")
    tree.unlink("e/x")
    tree.remove_empty_folders("f/g")
    tree.clear("d/deep")
    clear_staging(tmp_path)
    link_aside(tmp_path / "a/file", tmp_path / "aside")
    with hold_lock(tmp_path / "lock"):
        pass
    sync_paths([str(tmp_path), str(tmp_path / "a/file")], None)

    assert not _open_below(tmp_path)


@pytest.mark.skipif(not tells_failures(os.uname().release), reason="not run: needs Linux 5.8")
def test_many_files_take_few_syncs_however_many_they_are(tree: WorkTree, tmp_path: Path) -> None:
    def change() -> None:
        with tree.open_batch("d") as batch:
            for number in range(100):
                os.close(batch.open_file(f"d/{number}/x", Mode.FILE))
            batch.apply()

    assert not [step for step in _steps(change, tmp_path) if step.startswith("sync")]
    assert len(os.listdir(tree.root / "d")) == 100
