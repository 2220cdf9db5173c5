from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError, MlopsError, UnavailableError
from jupyter_mlops.files.durable import (
    STAGED_PREFIX,
    StagedFile,
    clear_staging,
    disk_error,
    free_bytes,
    is_same_file,
    iter_names,
    link_aside,
    make_folder,
    open_staged,
    open_staging,
    publish_all,
    remove,
    write_all_atomic,
    write_atomic,
)
from tests.support.disks import make_read_only
from tests.support.system_steps import NO_LOCKS, fail_with, run_watched

_CHILD = """
import sys
from pathlib import Path
from jupyter_mlops.files.durable import open_staged, open_staging
folder = Path(sys.argv[1])
alone = open_staged(folder)
alone.write(b"half")
with open_staging(folder) as staging:
    staging.create().write(b"half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def _start_writer(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def test_a_written_file_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "file"

    write_atomic(target, b"content")

    assert target.read_bytes() == b"content"
    assert os.listdir(target.parent) == ["file"]


def test_overwriting_replaces_and_refusing_to_keeps(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomic(target, b"old")

    with pytest.raises(ConflictError) as caught:
        write_atomic(target, b"new", overwrite=False)

    assert caught.value.code == "name-taken"
    assert target.read_bytes() == b"old"
    write_atomic(target, b"new")
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_staged_file_is_private_and_gone_unless_it_is_published(tmp_path: Path) -> None:
    with open_staged(tmp_path) as staged:
        staged.write(b"secret")
        assert stat.S_IMODE(os.stat(staged.path).st_mode) == 0o600

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("folders", "files"), [(0o700, 0o400), (0o750, 0o440), (0o755, 0o444), (0o777, 0o444)]
)
def test_a_published_file_has_the_readers_of_its_folder_and_no_writers(
    tmp_path: Path, folders: int, files: int
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(folders)

    write_atomic(tmp_path / "folder" / "file", b"x")
    with open_staging(tmp_path) as staging, staging.create() as staged:
        publish_all([(staged, tmp_path / "folder" / "other")])

    for name in ("file", "other"):
        assert stat.S_IMODE(os.stat(tmp_path / "folder" / name).st_mode) == files


def test_a_closed_file_never_writes_into_the_next_one_of_its_number(tmp_path: Path) -> None:
    staged = open_staged(tmp_path)
    staged.discard()
    with (tmp_path / "other").open("wb") as other:
        for _ in range(2):
            with pytest.raises(UnavailableError) as caught:
                staged.write(b"lost")
            assert caught.value.code == "write-failed"
        other.write(b"mine")
    assert (tmp_path / "other").read_bytes() == b"mine"


def test_many_files_are_published_into_folders_that_are_made(tmp_path: Path) -> None:
    with open_staging(tmp_path / "tmp") as staging:
        files = []
        for number in range(5):
            staged = staging.create()
            staged.write(b"%d" % number)
            staged.sync()
            staged.close()
            files.append((staged, tmp_path / f"{number % 2}" / f"{number}"))
        publish_all(files)

    assert sorted(p.read_bytes() for p in tmp_path.glob("?/?")) == [b"0", b"1", b"2", b"3", b"4"]
    assert os.listdir(tmp_path / "tmp") == []


def test_what_a_killed_writer_left_is_cleared_and_a_live_writers_is_not(tmp_path: Path) -> None:
    dead, live = _start_writer(tmp_path), _start_writer(tmp_path)
    before = set(os.listdir(tmp_path))
    assert len(before) == 6  # each: a file, a folder and the folder's lock

    dead.send_signal(signal.SIGKILL)
    dead.communicate()
    assert set(os.listdir(tmp_path)) == before
    assert clear_staging(tmp_path) == 2

    left = set(os.listdir(tmp_path))
    assert len(left) == 3 and left < before
    assert clear_staging(tmp_path) == 0
    live.communicate("")
    clear_staging(tmp_path)
    assert os.listdir(tmp_path) == []


_CLEAR_AS_NOBODY = """
import os, sys
from pathlib import Path
from jupyter_mlops.files.durable import clear_staging
folder = Path(sys.argv[1])
if os.geteuid() == 0:
    os.chown(folder, 65534, 65534)
    for name in os.listdir(folder):
        os.chown(folder / name, 65534, 65534)
    os.chdir(folder)
    os.setuid(65534)
    folder = Path(".")
print(clear_staging(folder))
"""


def test_what_was_left_right_before_its_renaming_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / f"{STAGED_PREFIX}0"
    left.write_bytes(b"x")
    left.chmod(0o444)

    command = [sys.executable, "-c", _CLEAR_AS_NOBODY, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"
    assert os.listdir(tmp_path) == []


def test_clearing_touches_nothing_that_is_not_temporary(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"x")
    orphan = tmp_path / f"{STAGED_PREFIX}0"
    orphan.mkdir()
    (orphan / "link").symlink_to(outside)

    assert clear_staging(tmp_path) == 1

    assert sorted(os.listdir(tmp_path)) == ["mine", "outside"]
    assert (outside / "kept").exists()
    assert clear_staging(tmp_path / "nowhere") == 0


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(UnavailableError):
        make_folder(tmp_path / "file" / "inner")


def test_small_helpers(tmp_path: Path) -> None:
    write_atomic(tmp_path / "b", b"")
    write_atomic(tmp_path / "a", b"", durable=False)
    with open_staged(tmp_path):
        assert list(iter_names(tmp_path)) == ["a", "b"]
    assert list(iter_names(tmp_path / "nowhere")) == []
    assert remove(tmp_path / "a") is True
    assert remove(tmp_path / "a") is False
    assert (free_bytes(tmp_path / "not" / "there") or 0) > 0


@pytest.mark.skipif(sys.platform == "win32", reason="has no bits for owner and others")
def test_what_is_private_is_its_owners(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", b"x", private=True)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    write_atomic(tmp_path / "b", b"x")
    assert (tmp_path / "b").stat().st_mode & 0o222 == 0


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "quota-used-up"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "read-only"),
        (errno.EPERM, "read-only"),
        (errno.EIO, "write-failed"),
    ],
)
def test_what_a_disk_refuses_is_told_apart(number: int, code: str) -> None:
    told = disk_error(OSError(number, os.strerror(number)), Path("place"))
    assert (told.code, told.exit_status) == (code, 6)
    assert "place" in told.message
    assert told.hints


@pytest.mark.parametrize("attempt", [StagedFile.sync, lambda staged: staged.write(b"x")])
def test_bytes_that_cannot_be_written_or_synced_are_discarded(
    tmp_path: Path, attempt: Callable[[StagedFile], None]
) -> None:
    path = tmp_path / "staged"
    path.write_bytes(b"x")
    reading, writing = os.pipe()  # which can be neither
    os.close(reading)
    staged = StagedFile(path, writing)

    with pytest.raises(UnavailableError) as caught:
        attempt(staged)

    assert caught.value.code == "write-failed"
    assert os.listdir(tmp_path) == []
    with pytest.raises(OSError, match="escriptor"):
        os.fstat(writing)


def test_names_are_taken_only_once_among_many(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"mine")
    with open_staging(tmp_path / "tmp") as staging:
        files = []
        for name in ("free", "taken"):
            staged = staging.create()
            staged.write(b"new")
            staged.sync()
            files.append((staged, tmp_path / name))
        with pytest.raises(ConflictError) as caught:
            publish_all(files)
        publish_all(files[1:], overwrite=True)
    assert caught.value.code == "name-taken"
    assert str(tmp_path / "taken") in caught.value.message
    assert {name: (tmp_path / name).read_bytes() for name in ("free", "taken")} == {
        "free": b"new",
        "taken": b"new",
    }


def test_a_file_where_a_folder_is_needed_stops_publishing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with open_staging(tmp_path / "tmp") as staging, staging.create() as staged:
        with pytest.raises(MlopsError):
            publish_all([(staged, tmp_path / "file" / "inner")])
        with pytest.raises(MlopsError):
            publish_all([(staged, tmp_path / "file" / "deep" / "inner")])
    assert sorted(os.listdir(tmp_path)) == ["file", "tmp"]


def test_nothing_is_staged_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "kept").write_bytes(b"x")
    with make_read_only(tmp_path):
        for attempt in (
            lambda: open_staged(tmp_path / "there"),
            lambda: open_staging(tmp_path / "there").__enter__(),
            lambda: write_atomic(tmp_path / "kept", b"y"),
            lambda: remove(tmp_path / "kept"),
            lambda: link_aside(tmp_path / "kept", tmp_path / "there"),
        ):
            with pytest.raises(UnavailableError) as caught:
                attempt()
            assert caught.value.code == "read-only"
    assert (tmp_path / "kept").read_bytes() == b"x"
    assert os.listdir(tmp_path / "there") == []


def test_a_staging_folder_that_vanished_is_said(tmp_path: Path) -> None:
    with open_staging(tmp_path) as staging:
        shutil.rmtree(staging.path)
        with pytest.raises(UnavailableError):
            staging.create()


def test_a_file_is_set_aside_once_and_hides_no_other(tmp_path: Path) -> None:
    for name, content in (("a/pack", b"one"), ("b/pack", b"two")):
        write_atomic(tmp_path / name, content)
    aside = tmp_path / "aside"

    assert link_aside(tmp_path / "a/pack", aside) == aside / "pack"
    assert link_aside(tmp_path / "b/pack", aside) == aside / "pack.1"
    assert link_aside(tmp_path / "a/pack", aside) == aside / "pack"
    assert link_aside(tmp_path / "b/pack", aside) == aside / "pack.1"
    assert link_aside(tmp_path / "nowhere", aside) is None

    assert sorted(os.listdir(aside)) == ["pack", "pack.1"]
    assert is_same_file(tmp_path / "a/pack", aside / "pack")
    assert not is_same_file(tmp_path / "a/pack", aside / "pack.1")
    assert not is_same_file(tmp_path / "nowhere", aside / "pack")


def test_a_temporary_folder_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    with open_staging(tmp_path) as staging:
        (staging.path / "deep" / "deeper").mkdir(parents=True)
        (staging.path / "deep" / "file").write_bytes(b"x")
        (staging.path / "link").symlink_to(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_without_locks_what_is_young_is_left_alone_and_what_is_old_is_not(tmp_path: Path) -> None:
    for name in ("young", "old"):
        (tmp_path / f"{STAGED_PREFIX}{name}").write_bytes(b"x")
    day_ago = time.time() - 24 * 3600
    os.utime(tmp_path / f"{STAGED_PREFIX}old", (day_ago, day_ago - 60))
    os.utime(tmp_path / f"{STAGED_PREFIX}young", (day_ago, day_ago + 60))

    run_watched(lambda: clear_staging(tmp_path), tmp_path, NO_LOCKS)

    assert os.listdir(tmp_path) == [f"{STAGED_PREFIX}young"]


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_what_cannot_be_looked_at_or_linked_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    listing = {"os.listdir": fail_with(errno.EACCES)}
    assert run_watched(lambda: clear_staging(tmp_path), tmp_path, listing).code == "read-only"
    linking = {"os.link": fail_with(errno.EIO)}
    setting_aside = run_watched(
        lambda: link_aside(tmp_path / "file", tmp_path / "aside"), tmp_path, linking
    )
    assert setting_aside.code == "write-failed"
    assert os.listdir(tmp_path / "aside") == []


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_staging_folder_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def stage() -> None:
        with open_staging(tmp_path):
            pass

    failing = {"os.mkdir": fail_with(errno.EIO)}
    assert run_watched(stage, tmp_path, failing).code == "write-failed"
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
def test_a_folder_is_set_aside_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a/folder").mkdir(parents=True)
    (tmp_path / "a/folder/file").write_bytes(b"mine")
    (tmp_path / "aside").mkdir()

    steps = run_watched(lambda: link_aside(tmp_path / "a/folder", tmp_path / "aside"), tmp_path)

    assert steps.steps == ["rename a/folder aside/folder", "sync aside", "sync a"]
    assert (tmp_path / "aside/folder/file").read_bytes() == b"mine"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="not run: needs /dev/full")
def test_a_file_that_failed_fails_the_same_way_again(tmp_path: Path) -> None:
    (tmp_path / "staged").write_bytes(b"")
    with open("/dev/full", "wb", buffering=0) as full:
        staged = StagedFile(tmp_path / "staged", os.dup(full.fileno()))
        for _ in range(2):
            with pytest.raises(UnavailableError) as caught:
                staged.write(b"x")
            assert caught.value.code == "disk-full"
    assert os.listdir(tmp_path) == []


def test_many_files_are_written_in_the_place_of_others(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "below" / "new"
    old.write_bytes(b"former")
    write_all_atomic({old: b"one", new: b"two"}, executable=True)
    assert (old.read_bytes(), new.read_bytes()) == (b"one", b"two")
    assert os.access(new, os.X_OK)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["below", "new", "old"]


def test_of_many_files_none_is_written_where_one_cannot_be(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"former")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError):
        write_all_atomic({old: b"one", tmp_path / "file" / "new": b"two"})
    assert old.read_bytes() == b"former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "old"]
